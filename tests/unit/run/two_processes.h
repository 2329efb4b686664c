/* Test runs of two processes at one store in memory, with a platform of ten lines and a clock that the test drives: the
 * processes, a run of the first one, what is in the store, and the run as either sees it. */
#ifndef UNIT_RUN_TWO_PROCESSES_H
#define UNIT_RUN_TWO_PROCESSES_H

#include "harness/cmocka.h"

#include <string.h>

#include "../store/holders.h"
#include "../store/rewind.h"
#include "base/mem.h"
#include "harness/words.h"
#include "run/share.h"

#define CANARY "canary-of-a-variable"

enum { MAX_KEPT = 1, CALL_MS = 2000 };

struct process {
    struct plan_port port;
    struct lanes *lanes;
    struct run_share *share;
    struct run_store *runs;
    struct digest key;
    struct catalog_defaults defaults;
    struct str project, ui_url;
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
    bool has_no_key;
    struct buf sent;  /* targets and bodies */
    int n_posts_left; /* before one is never carried out; below 0: all of them are */
    bool executes;
    struct str goal; /* that the request names */
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

static inline void turn(void)
{
    holders_turn(&here.holders);
}

static inline void pass(uint64_t ms)
{
    holders_pass(&here.holders, ms);
}

/* --- the platform: one checkpoint */

static inline void answer(struct later_item *item)
{
    struct process *process = CONTAINER_OF(item, struct process, answering);
    struct upstream_call *call = process->call;
    struct buf body;

    buf_init(&body, 1 << 20);
    if (str_is(call->request.method, "GET")) {
        buf_text(&body, "{\"items\":[],\"snapshots\":[{\"snapshotId\":5}],");
        buf_text(&body, str_starts(call->request.path, STR("/testsuites/"))
                            ? "\"cases\":[],\"others\":["
                            : "\"steps\":[");
        for (size_t i = 0; i < here.n_steps; i++) {
            buf_printf(&body, "%s{\"id\":%zu,\"action\":\"CLICK\"}", i > 0 ? "," : "", i + 1);
        }
        buf_text(&body, "]}");
    } else {
        buf_printf(&body, "{\"id\":%zu}", ++here.n_steps);
        here.n_posts_left--;
    }
    process->call = NULL;
    call->state = CALL_IDLE;
    call->reply.status = 200;
    call->reply.body = arena_str(&here.arena, buf_view(&body));
    call->reply.content_type = STR("application/json");
    buf_done(&body);
    call->on_done(call, ERR_OK);
}

static inline enum error_code start(void *context, struct upstream_call *call, struct error *err)
{
    struct process *process = context;

    if (call->request.may_send != NULL && !call->request.may_send(call->request.sender)) {
        return error_set(err, ERR_OVERLOADED, "it may not be sent");
    }
    buf_str(&here.sent, call->request.path);
    buf_str(&here.sent, call->request.query);
    buf_str(&here.sent, call->request.body);
    process->call = call;
    call->state = CALL_ACTIVE;
    here.holds = here.holds || (here.n_posts_left == 0 && str_is(call->request.method, "POST"));
    if (!here.holds) {
        later_add(process->port.later, &process->answering, answer);
    }
    return ERR_OK;
}

static inline void cancel(void *context, struct upstream_call *call)
{
    struct process *process = context;

    process->call = NULL;
    call->state = CALL_IDLE;
    later_remove(&process->answering);
}

static inline void let_go_on(void)
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

static inline size_t keys(void *context, struct digest out[RUN_KEYS_MAX])
{
    out[0] = ((struct process *)context)->key;
    return here.has_no_key ? 0 : 1;
}

static inline void plan_options(void *context, struct run *run, struct plan_options *out)
{
    (void)context;
    (void)run;
    (void)out;
}

static inline bool adopt(void *context, struct run *run, const struct run_adoption *what,
                         struct run_hooks *hooks)
{
    (void)context;
    (void)run;
    (void)what;
    *hooks = (struct run_hooks){0};
    return true;
}

static inline struct run_store_options options_of(struct process *process)
{
    return (struct run_store_options){.catalog = the_catalog(),
                                      .dictionary = the_dictionary(),
                                      .port = &process->port,
                                      .defaults = &process->defaults,
                                      .lanes = process->lanes,
                                      .project = process->project,
                                      .ui_url = process->ui_url,
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
                                      .adopt = adopt};
}

static inline void open_process(size_t i, enum run_role role)
{
    struct run_store_options options;
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
    process->project = STR("P");
    options = options_of(process);
    process->runs = run_store_open(&options);
}

static inline int set_up_as(enum run_role role, enum run_role others)
{
    memset(&here, 0, sizeof(here));
    arena_init(&here.arena);
    buf_init(&here.sent, 1 << 20);
    here.n_posts_left = -1;
    holders_open(&here.holders);
    for (size_t i = 0; i < N_HOLDERS; i++) {
        open_process(i, i == 0 ? role : others);
    }
    return 0;
}

static inline int set_up(void **state)
{
    (void)state;
    return set_up_as(RUN_ROLE_CARRIES, RUN_ROLE_CARRIES);
}

static inline int set_up_giver(void **state)
{
    (void)state;
    return set_up_as(RUN_ROLE_GIVES, RUN_ROLE_CARRIES);
}

/* The other one takes no runs over. */
static inline int set_up_alone(void **state)
{
    (void)state;
    return set_up_as(RUN_ROLE_CARRIES, RUN_ROLE_GIVES);
}

static inline int tear_down(void **state)
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
    buf_done(&here.sent);
    holders_done(&here.holders);
    return 0;
}

/* --- a run of the first process */

static inline void on_change(struct run_watcher *watcher)
{
    (void)watcher;
    here.n_changes++;
}

static inline void watch(struct run *run)
{
    here.watcher.on_change = on_change;
    run_watch(run, &here.watcher);
}

static inline void on_published(void *context, const struct error *error)
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

static inline void owner(struct digest *out)
{
    digest_of(STR("owner"), out);
}

static inline void ask_for(const char *checkpoint_id, const char *text, struct str value)
{
    struct testfile_variable *variable;
    struct process *process = &here.processes[0];
    struct plan_options options = {0};
    struct error err = {0};
    struct digest who;

    owner(&who);
    here.is_published = false;
    here.source = str_from(text);
    here.request = (struct run_request){.position = -1,
                                        .checkpoint_id = str_from(checkpoint_id),
                                        .goal = here.goal,
                                        .execute = here.executes};
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
                &(struct run_publication){.options = &here.options, .request = &here.request},
                on_published, NULL);
}

static inline void begin_at(const char *checkpoint_id, const char *text, struct str value)
{
    ask_for(checkpoint_id, text, value);
    turn();
    assert_true(here.is_published);
}

static inline void begin(const char *text, struct str value)
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
    uint64_t fence;
    size_t n;
    struct str *items;
} asked;

static inline void on_asked(struct store_op *op, const struct store_result *result)
{
    (void)op;
    asked.code = result->error.code;
    asked.version = result->version;
    asked.fence = result->fence;
    asked.n = result->n_items;
    asked.bytes = arena_str(&here.arena, result->bytes);
    asked.items = arena_calloc(&here.arena, result->n_items + 1, sizeof(*asked.items));
    for (size_t i = 0; i < result->n_items; i++) {
        asked.items[i] = arena_str(&here.arena, result->items[i].bytes);
    }
}

static inline void ask(struct store_request request)
{
    request.format = request.format > 0 ? request.format : 1;
    asked.code = ERR_INTERNAL;
    store_start(here.holders.stage.store, &request, &asked.op, on_asked);
    turn();
}

static inline struct str key(const char *group)
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

/* The first part of its steps. */
static inline struct str steps_key(void)
{
    return arena_printf(&here.arena, "%.*s.0", STR_ARG(key("runsteps")));
}

static inline bool has_document(void)
{
    ask((struct store_request){.kind = STORE_GET, .key = key("run")});
    return asked.code == ERR_OK;
}

static inline void append(const char *entry)
{
    ask((struct store_request){.kind = STORE_APPEND,
                               .key = key("runlog"),
                               .bytes = str_from(entry),
                               .limit = 50000,
                               .ttl_ms = 100000});
    assert_int_equal(asked.code, ERR_OK);
}

static inline void claim_for(const char *holder)
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

static inline void on_sought(struct run_seek *seek, struct run *run, const struct error *error)
{
    (void)seek;
    sought.told = true;
    sought.run = run;
    sought.code = error != NULL ? error->code : ERR_OK;
}

static inline void seek(size_t i)
{
    struct digest who;

    owner(&who);
    memset(&sought, 0, sizeof(sought));
    run_seek_start(here.processes[i].runs, &who, str_from(here.id), &sought.seek, on_sought);
    turn();
    assert_true(sought.told);
}

#endif
