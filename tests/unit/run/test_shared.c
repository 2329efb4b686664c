/* Test runs of two processes at one store in memory, with a platform of ten lines and a clock that the test drives: what
 * is written, who carries a run on, and what whoever watches is told. */
#include "harness/cmocka.h"
#include "harness/words.h"

#include <string.h>

#include "../store/holders.h"
#include "base/mem.h"
#include "harness/words.h"
#include "run/share.h"

int test_shared(void);

#define CANARY "canary-of-a-variable"

enum { MAX_KEPT = 1, CALL_MS = 2000 };

struct process {
    struct plan_port port;
    struct lanes *lanes;
    struct run_share *share;
    struct run_store *runs;
    struct digest key;
    struct upstream_call *call; /* on its way */
    struct later_item answering;
};

static struct {
    struct holders holders;
    struct process processes[N_HOLDERS];
    struct arena arena;
    size_t n_steps; /* on the platform */
    bool holds;     /* calls are not answered */
    bool watches;   /* from the beginning */
    /* of the run that was begun last */
    struct run *run;
    const char *id;
    struct testfile file;
    struct testfile_problems problems;
    struct str source;
    struct testfile_options options;
    struct run_request request;
    struct run_watcher watcher;
    unsigned n_changes;
    enum error_code published;
    bool is_published;
} here;

static const struct catalog_defaults defaults;

static void turn(void)
{
    holders_turn(&here.holders);
}

static void pass(uint64_t ms)
{
    holders_pass(&here.holders, ms);
}

/* --- the platform: one checkpoint */

static void answer(struct later_item *item)
{
    struct process *process = CONTAINER_OF(item, struct process, answering);
    struct upstream_call *call = process->call;
    struct buf body;

    buf_init(&body, 1 << 20);
    if (str_is(call->request.method, "GET")) {
        buf_text(&body, "{\"steps\":[");
        for (size_t i = 0; i < here.n_steps; i++) {
            buf_printf(&body, "%s{\"id\":%zu,\"action\":\"CLICK\"}", i > 0 ? "," : "", i + 1);
        }
        buf_text(&body, "]}");
    } else {
        buf_printf(&body, "{\"id\":%zu}", ++here.n_steps);
    }
    process->call = NULL;
    call->state = CALL_IDLE;
    call->reply.status = 200;
    call->reply.body = arena_str(&here.arena, buf_view(&body));
    call->reply.content_type = STR("application/json");
    buf_done(&body);
    call->on_done(call, ERR_OK);
}

static enum error_code start(void *context, struct upstream_call *call, struct error *err)
{
    struct process *process = context;

    if (call->request.may_send != NULL && !call->request.may_send(call->request.sender)) {
        return error_set(err, ERR_OVERLOADED, "it may not be sent");
    }
    process->call = call;
    call->state = CALL_ACTIVE;
    if (!here.holds) {
        later_add(process->port.later, &process->answering, answer);
    }
    return ERR_OK;
}

static void cancel(void *context, struct upstream_call *call)
{
    struct process *process = context;

    process->call = NULL;
    call->state = CALL_IDLE;
    later_remove(&process->answering);
}

static void let_go_on(void)
{
    here.holds = false;
    for (size_t i = 0; i < N_HOLDERS; i++) {
        struct process *process = &here.processes[i];

        if (process->call != NULL) {
            later_add(process->port.later, &process->answering, answer);
        }
    }
    turn();
}

/* --- processes */

static size_t keys(void *context, struct digest out[RUN_KEYS_MAX])
{
    out[0] = ((struct process *)context)->key;
    return 1;
}

static void plan_options(void *context, struct run *run, struct plan_options *out)
{
    (void)context;
    (void)run;
    (void)out;
}

static bool adopt(void *context, struct run *run, const struct run_adoption *what,
                  struct run_hooks *hooks)
{
    (void)context;
    (void)run;
    (void)what;
    *hooks = (struct run_hooks){0};
    return true;
}

static void open_process(size_t i, enum run_role role)
{
    struct process *process = &here.processes[i];
    struct loop *loop = &here.holders.stage.loop;

    digest_of(STR("the token of the account"), &process->key);
    process->port = (struct plan_port){.start = start,
                                       .cancel = cancel,
                                       .context = process,
                                       .deadlines = &loop->deadlines,
                                       .later = &loop->later};
    process->lanes = lanes_new(&loop->later, 10);
    lanes_share(process->lanes, &(struct lanes_shared){.keeps = here.holders.keeps[i],
                                                       .deadlines = &loop->deadlines,
                                                       .scope = STR("a")});
    lanes_configure_share(process->lanes, CALL_MS, true);
    process->share = run_share_open(&(struct run_share_options){.store = here.holders.stage.store,
                                                                .keeps = here.holders.keeps[i],
                                                                .deadlines = &loop->deadlines,
                                                                .later = &loop->later,
                                                                .role = role});
    process->runs =
        run_store_open(&(struct run_store_options){.catalog = the_catalog(),
                                                   .dictionary = the_dictionary(),
                                                   .port = &process->port,
                                                   .defaults = &defaults,
                                                   .lanes = process->lanes,
                                                   .project = STR("P"),
                                                   .max_active = 10,
                                                   .max_kept = MAX_KEPT,
                                                   .poll_ms = 100,
                                                   .context = process,
                                                   .share = process->share,
                                                   .scope = STR("0123456789abcdef0123456789abcdef"),
                                                   .call_ms = CALL_MS,
                                                   .strict = true,
                                                   .keys = keys,
                                                   .plan_options = plan_options,
                                                   .adopt = adopt});
}

static int set_up_as(enum run_role role)
{
    memset(&here, 0, sizeof(here));
    arena_init(&here.arena);
    holders_open(&here.holders);
    for (size_t i = 0; i < N_HOLDERS; i++) {
        open_process(i, i == 0 ? role : RUN_ROLE_CARRIES);
    }
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return set_up_as(RUN_ROLE_CARRIES);
}

static int set_up_giver(void **state)
{
    (void)state;
    return set_up_as(RUN_ROLE_GIVES);
}

static int tear_down(void **state)
{
    (void)state;
    run_unwatch(&here.watcher);
    for (size_t i = 0; i < N_HOLDERS; i++) {
        run_store_stop(here.processes[i].runs);
    }
    turn();
    for (size_t i = 0; i < N_HOLDERS; i++) {
        run_share_stop(here.processes[i].share);
        run_store_close(here.processes[i].runs);
        run_share_close(here.processes[i].share);
    }
    holders_close(&here.holders);
    for (size_t i = 0; i < N_HOLDERS; i++) {
        lanes_free(here.processes[i].lanes);
    }
    arena_done(&here.arena);
    holders_done(&here.holders);
    return 0;
}

/* --- a run of the first process */

static void on_change(struct run_watcher *watcher)
{
    (void)watcher;
    here.n_changes++;
}

static void watch(struct run *run)
{
    here.watcher.on_change = on_change;
    run_watch(run, &here.watcher);
}

static void on_published(void *context, const struct error *error)
{
    static const struct run_hooks none = {0};

    (void)context;
    here.is_published = true;
    here.published = error != NULL ? error->code : ERR_OK;
    if (error != NULL) {
        run_unpublish(here.run);
        run_drop(here.run);
        here.run = NULL;
    } else {
        run_start(here.run, &none, false);
        if (here.watches) {
            watch(here.run);
        }
    }
}

static void owner(struct digest *out)
{
    digest_of(STR("owner"), out);
}

static void begin_at(const char *checkpoint_id, const char *text, struct str value)
{
    struct testfile_variable *variable;
    struct process *process = &here.processes[0];
    struct plan_options options = {0};
    struct error err = {0};
    struct digest who;

    owner(&who);
    here.is_published = false;
    here.source = str_from(text);
    here.request = (struct run_request){.position = -1, .checkpoint_id = str_from(checkpoint_id)};
    assert_int_equal(run_new(process->runs, &who, &here.run, &err), ERR_OK);
    variable = arena_zalloc(run_arena(here.run), sizeof(*variable));
    *variable = (struct testfile_variable){STR("SECRET"), value};
    here.id = arena_str(&here.arena, str_from(run_id(here.run))).ptr;
    here.options = (struct testfile_options){.variables = variable, .n_variables = 1};
    assert_int_equal(testfile_compile(the_dictionary(), run_arena(here.run), here.source,
                                      &here.options, &here.file, &here.problems),
                     ERR_OK);
    assert_int_equal(
        run_prepare(here.run, &here.file, &here.problems, &here.request, &options, &err), ERR_OK);
    while (!run_build(here.run, 100)) {
    }
    run_publish(here.run,
                &(struct run_publication){
                    .source = here.source, .options = &here.options, .request = &here.request},
                on_published, NULL);
    turn();
    assert_true(here.is_published);
}

static void begin(const char *text, struct str value)
{
    begin_at("7", text, value);
}

#define TWO_STEPS "name: Two\nsteps:\n  - click: ${SECRET}\n  - click: Two\n"

/* --- what is in the store */

static struct {
    struct store_op op;
    enum error_code code;
    struct str bytes;
    uint64_t version;
    size_t n;
} asked;

static void on_asked(struct store_op *op, const struct store_result *result)
{
    (void)op;
    asked.code = result->error.code;
    asked.version = result->version;
    asked.n = result->n_items;
    asked.bytes = arena_str(&here.arena, result->bytes);
}

static void ask(struct store_request request)
{
    request.format = request.format > 0 ? request.format : 1;
    asked.code = ERR_INTERNAL;
    store_start(here.holders.stage.store, &request, &asked.op, on_asked);
    turn();
}

static struct str key(const char *group)
{
    struct digest who;
    char hex[65];

    owner(&who);
    digest_hex(&who, hex);
    if (strcmp(group, "run") == 0) {
        return arena_printf(&here.arena, "run/0123456789abcdef0123456789abcdef/%s.%.32s", here.id,
                            hex);
    }
    return arena_printf(&here.arena, "%s/0123456789abcdef0123456789abcdef.%.32s.%s", group, hex,
                        here.id);
}

static bool has_document(void)
{
    ask((struct store_request){.kind = STORE_GET, .key = key("run")});
    return asked.code == ERR_OK;
}

static void append(const char *entry)
{
    ask((struct store_request){.kind = STORE_APPEND,
                               .key = key("runlog"),
                               .bytes = str_from(entry),
                               .limit = 50000,
                               .ttl_ms = 100000});
    assert_int_equal(asked.code, ERR_OK);
}

static void claim_for(const char *holder)
{
    ask((struct store_request){.kind = STORE_PUT,
                               .expect = STORE_ANY,
                               .key = key("runclaim"),
                               .bytes = str_from(holder),
                               .ttl_ms = 1000000});
    assert_int_equal(asked.code, ERR_OK);
}

/* --- a run as the second process sees it */

static struct {
    struct run_seek seek;
    struct run *run;
    enum error_code code;
    bool told;
} sought;

static void on_sought(struct run_seek *seek, struct run *run, const struct error *error)
{
    (void)seek;
    sought.told = true;
    sought.run = run;
    sought.code = error != NULL ? error->code : ERR_OK;
}

static void seek(size_t i)
{
    struct digest who;

    owner(&who);
    memset(&sought, 0, sizeof(sought));
    run_seek_start(here.processes[i].runs, &who, str_from(here.id), &sought.seek, on_sought);
    turn();
    assert_true(sought.told);
}

/* --- tests */

static void values_of_variables_are_sealed(void **state)
{
    struct digest other;

    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    assert_true(has_document());
    assert_false(str_contains(asked.bytes, STR(CANARY)));
    digest_of(STR("the token of another account"), &other);
    here.processes[1].key = other;
    seek(1);
    assert_int_equal(sought.code, ERR_STORE_UNREADABLE);
    here.processes[1].key = here.processes[0].key;
    seek(1);
    assert_int_equal(sought.code, ERR_OK);
    let_go_on();
}

static void a_document_that_is_too_long_is_refused(void **state)
{
    struct buf value;

    (void)state;
    buf_init(&value, 1 << 20);
    for (size_t i = 0; i < (size_t)600 * 1024; i++) {
        buf_char(&value, 'x');
    }
    begin("name: Two\nsteps:\n  - click: One\n", buf_view(&value));
    assert_int_equal(here.published, ERR_TOO_BIG);
    buf_done(&value);
    begin(TWO_STEPS, STR(CANARY));
    assert_int_equal(here.published, ERR_OK);
    assert_true(run_is_over(here.run));
}

/* What is written behind it is of another program: nothing more can be seen of the run. */
static void who_watches_a_copy_is_told_when_it_cannot_be_read(void **state)
{
    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    seek(1);
    watch(sought.run);
    turn();
    here.n_changes = 0;
    append("this is no entry");
    assert_int_equal(here.n_changes, 1);
    assert_false(run_is_over(sought.run));
    assert_int_equal(run_lost(sought.run)->code, ERR_STORE_UNREADABLE);
    run_unwatch(&here.watcher);
    seek(1);
    assert_int_equal(sought.code, ERR_STORE_UNREADABLE);
}

/* Another process has the run, and its document has gone before the copy was made. */
static void who_watches_what_is_let_go_is_told_when_there_is_no_copy(void **state)
{
    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    watch(here.run);
    here.n_changes = 0;
    claim_for("another");
    ask((struct store_request){.kind = STORE_REMOVE, .expect = STORE_ANY, .key = key("run")});
    clock_advance(KEEP_TTL_MS + 1); /* the process stood still: its lease is over */
    pass(1000);
    assert_int_equal(here.n_changes, 1);
    assert_int_equal(run_lost(here.run)->code, ERR_NOT_FOUND);
    run_unwatch(&here.watcher);
    assert_int_equal(run_store_n_active(here.processes[0].runs), 0);
}

/* Who claims later has written already: the run is his. */
static void a_later_claim_counts(void **state)
{
    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    append("999999 1 another\n{\"k\":\"adopted\",\"ms\":0}\n");
    claim_for("-");
    pass(4000);
    assert_int_equal(run_store_n_active(here.processes[1].runs), 0);
    assert_int_equal(here.n_steps, 0);
}

/* The first step had begun, and where it would stand nobody knows: it is not known, and the run goes on behind it. */
static void what_nobody_has_is_carried_on(void **state)
{
    struct json_writer w;
    struct buf text;

    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    claim_for("-");
    clock_advance(KEEP_TTL_MS + 1);
    here.holds = false;
    for (int i = 0; i < 60 && (i == 0 || !run_is_over(sought.run)); i++) {
        pass(1000);
        seek(1);
        assert_int_equal(sought.code, ERR_OK);
    }
    buf_init(&text, 10000);
    jw_init(&w, &text);
    run_write_summary(sought.run, &w);
    assert_true(str_contains(
        buf_view(&text),
        STR("\"steps\":{\"total\":2,\"done\":1,\"failed\":0,\"skipped\":0,\"unknown\":1}")));
    assert_true(str_contains(buf_view(&text), STR("\"status\":\"failed\"")));
    assert_true(str_contains(buf_view(&text), STR("outcome_unknown")));
    buf_done(&text);
    assert_int_equal(here.n_steps, 1);
}

/* The bell tells the other process of it: nobody waits for the next look at the claims. */
static void what_is_begun_goes_to_who_carries_it_out(void **state)
{
    (void)state;
    here.watches = true;
    begin(TWO_STEPS, STR(CANARY));
    for (int i = 0; i < 10; i++) {
        turn();
    }
    assert_int_equal(run_store_n_active(here.processes[0].runs), 0);
    pass(500); /* deadlines of the lane */
    assert_int_equal(here.n_steps, 2);
    assert_true(run_is_over(here.watcher.run)); /* a copy by now */
    assert_true(run_succeeded(here.watcher.run));
}

/* Three have died with it, and nothing has ended in between: the next one ends it. */
static void a_run_that_kills_its_processes_is_ended(void **state)
{
    uint64_t version;

    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    ask((struct store_request){.kind = STORE_GET, .key = key("runclaim")});
    version = asked.version;
    for (int i = 1; i <= 3; i++) {
        append(arena_printf(&here.arena, "%llu %d dead\n{\"k\":\"adopted\",\"ms\":0}\n",
                            (unsigned long long)version, i)
                   .ptr);
    }
    claim_for("-");
    clock_advance(KEEP_TTL_MS + 1);
    pass(5000);
    seek(1);
    assert_int_equal(sought.code, ERR_OK);
    assert_true(run_is_over(sought.run));
    assert_true(str_contains(str_from(run_error(sought.run)->text), STR("in a row have died")));
    assert_int_equal(here.n_steps, 0);
}

static void change_document(const char *before, const char *after)
{
    struct str bytes;
    ptrdiff_t at;

    assert_true(has_document());
    bytes = asked.bytes;
    at = str_find(bytes, str_from(before));
    assert_true(at >= 0);
    ask((struct store_request){
        .kind = STORE_PUT,
        .expect = STORE_ANY,
        .ttl_ms = 1000000,
        .key = key("run"),
        .bytes = arena_printf(&here.arena, "%.*s%s%.*s", (int)at, bytes.ptr, after,
                              STR_ARG(str_sub(bytes, (size_t)at + strlen(before), bytes.len)))});
    assert_int_equal(asked.code, ERR_OK);
}

static void what_another_version_makes_of_a_file_is_left_alone(void **state)
{
    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    change_document("\"engine\":1", "\"engine\":2");
    seek(1);
    assert_int_equal(sought.code, ERR_STORE_UNREADABLE);
    change_document("\"engine\":2", "\"engine\":1");
    change_document("\"rows\":\"", "\"rows_of_then\":\"");
    seek(1);
    assert_int_equal(sought.code, ERR_STORE_UNREADABLE);
    change_document(
        "\"rows_of_then\":\"",
        "\"rows\":\"00000000000000000000000000000000000000000000000000000000000000ff\",\"x\":\"");
    seek(1);
    assert_int_equal(sought.code, ERR_STORE_UNREADABLE); /* other steps */
    claim_for("-");
    clock_advance(KEEP_TTL_MS + 1);
    pass(5000);
    assert_int_equal(run_store_n_active(here.processes[1].runs), 0);
    assert_int_equal(here.n_steps, 0);
}

/* Nobody has looked at the claims yet: they are asked for. */
static void a_run_that_goes_on_is_not_trimmed(void **state)
{
    const char *going;

    (void)state;
    here.holds = true;
    begin(TWO_STEPS, STR(CANARY));
    going = here.id;
    for (size_t i = 0; i < 3; i++) {
        struct upstream_call *held = here.processes[0].call;

        here.processes[0].call = NULL; /* the platform answers the others */
        here.holds = false;
        clock_advance(10);
        here.n_steps = 0;
        begin_at("8", "name: Short\nsteps: [{click: A}]\n", STR("x"));
        turn();
        here.processes[0].call = held;
    }
    here.id = going;
    assert_true(has_document());
    ask((struct store_request){
        .kind = STORE_LIST, .key = STR("run/0123456789abcdef0123456789abcdef"), .limit = 100});
    assert_int_equal(asked.n, 1 + MAX_KEPT);
    let_go_on();
}

int test_shared(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_of_variables_are_sealed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_document_that_is_too_long_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_watches_a_copy_is_told_when_it_cannot_be_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_watches_what_is_let_go_is_told_when_there_is_no_copy,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_later_claim_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_nobody_has_is_carried_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_begun_goes_to_who_carries_it_out, set_up_giver,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_run_that_kills_its_processes_is_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_another_version_makes_of_a_file_is_left_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_run_that_goes_on_is_not_trimmed, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("shared runs", tests, NULL, NULL);
}
