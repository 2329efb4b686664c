/* /api/v1/tests/run and /runs: a test file carried out by room run. A run belongs to the store of
 * room run, not to the exchange that asked for it: a request without async=true watches the run
 * like any other watcher, and stops it when the client leaves. */
#include "runs.h"
#include "api/tests/handlers.h"

#include "api/gate/query.h"
#include "api/gate/run_owner.h"
#include "api/gate/session_seat.h"
#include "base/clock.h"
#include "base/random.h"
#include "run/share.h"

/* 300 rows are about a millisecond. */
enum { TAGS_MAX = 32, VARIABLES_MAX = 200, PIECE_STEPS = 300, LEFT_FOR_REPLY_MS = 200 };

/* What the query says; strs and arrays in the task's arena. */
struct asked {
    struct run_request request;
    struct testfile_variable variables[VARIABLES_MAX];
    size_t n_variables;
    struct str tags[TAGS_MAX];
    bool async;
    bool continue_on_error;
    struct str session_id;
    int64_t checkpoint_id; /* of the session */
    uint64_t timeout_ms;
    struct run *run; /* not begun yet */
    struct test_reading reading;
    struct pieces building; /* of its notes */
};

/* ---- the query ---- */

static void too_many(struct task *task, const char *what, int most)
{
    (void)error_at(error_list_add(task_errors(task)), ERR_INVALID, what,
                   "More than %d values of \"%s\" in the query", most, what);
}

/* Variables and tags of the query, which may be many. */
static void take_many(struct task *task, struct asked *asked)
{
    const struct json *value;

    JSON_FOREACH (value, task_query(task, "tag")) {
        if (asked->request.n_tags == TAGS_MAX) {
            too_many(task, "tag", TAGS_MAX);
        } else {
            asked->tags[asked->request.n_tags++] = json_str(value);
        }
    }
    JSON_FOREACH (value, task->query) {
        struct str name = json_name(value);

        if (!str_starts(name, STR("var."))) {
            continue;
        }
        if (asked->n_variables == VARIABLES_MAX) {
            too_many(task, "var", VARIABLES_MAX);
        } else {
            asked->variables[asked->n_variables++] =
                (struct testfile_variable){str_sub(name, 4, name.len), json_str(value)};
        }
    }
}

static void read_texts(const struct json *members, struct run_request *out)
{
    const struct {
        const char *name;
        struct str *text;
    } rows[] = {
        {"project", &out->project},
        {"goal", &out->goal},
        {"journey", &out->journey},
        {"checkpoint", &out->checkpoint},
        {"starting_url", &out->starting_url},
        {"project_id", &out->project_id},
        {"goal_id", &out->goal_id},
        {"snapshot_id", &out->snapshot_id},
        {"journey_id", &out->journey_id},
        {"checkpoint_id", &out->checkpoint_id},
        {"environment_id", &out->environment_id},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        *rows[i].text = json_str(json_get(members, rows[i].name));
    }
}

static uint64_t timeout_of(const struct task *task, const struct asked *asked,
                           const struct json *members)
{
    const struct config *config = task->config;
    unsigned given_s = (unsigned)json_int(json_get(members, "timeout"), 0);

    if (given_s > 0) {
        return (uint64_t)given_s * 1000;
    }
    return asked->async || runs_are_driven(task) ? (uint64_t)config->runs.timeout_s * 1000
                                                 : config->http.long_exchange_timeout_ms;
}

/* If the request itself has less time than that (AWS Lambda, say), the run ends before, and the answer says
 * what exists. */
static uint64_t within_the_request(const struct task *task, uint64_t timeout_ms)
{
    uint64_t left_ms = exchange_left_ms(task->exchange);

    if (left_ms == UINT64_MAX) {
        return timeout_ms;
    }
    left_ms = left_ms > LEFT_FOR_REPLY_MS ? left_ms - LEFT_FOR_REPLY_MS : 1;
    return timeout_ms < left_ms ? timeout_ms : left_ms;
}

/* False: task->errors. */
static bool read_query(struct task *task, struct asked *asked)
{
    const struct json *members = task->query;
    const struct json *wait = json_get(members, "wait");
    const struct json *go_on = json_get(members, "continue_on_error");

    take_many(task, asked);
    asked->async = json_true(json_get(members, "async"));
    asked->session_id = json_str(json_get(members, "session_id"));
    if (asked->session_id.len == 0) {
        asked->session_id = exchange_header(task->exchange, "X-Session-Id");
    }
    asked->timeout_ms = timeout_of(task, asked, members);
    if (!runs_are_driven(task)) {
        asked->timeout_ms = within_the_request(task, asked->timeout_ms);
    }
    read_texts(members, &asked->request);
    asked->request.tags = asked->tags;
    asked->request.execute = json_true(json_get(members, "execute"));
    asked->request.wait = wait == NULL || json_true(wait);
    asked->request.attach = json_true(json_get(members, "attach"));
    asked->request.retries = (unsigned)json_int(json_get(members, "retries"), 0);
    asked->request.test = (unsigned)json_int(json_get(members, "test"), 0);
    asked->request.from = (unsigned)json_int(json_get(members, "from"), 0);
    asked->request.position = -1;
    asked->request.dry_run = task->dry_run;
    asked->continue_on_error = json_true(go_on);
    asked->request.continue_on_error = go_on != NULL ? &asked->continue_on_error : NULL;
    return task->errors == NULL || task->errors->n == 0;
}

/* ---- the file ---- */

/* Values of $TIMESTAMP, $RANDOM and $UUID: one of each for the whole run. */
static enum stage_verdict read_file(struct task *task, struct asked *asked)
{
    struct arena *arena = run_arena(asked->run);
    char uuid[37];

    random_uuid(uuid);
    return test_read(
        task, arena,
        &(struct testfile_options){
            .timestamp = arena_printf(arena, "%lld", (long long)clock_wall_ms()),
            .random = arena_printf(arena, "%llu", (unsigned long long)random_below(1000000)),
            .uuid = arena_str(arena, str_from(uuid)),
            .variables = asked->variables,
            .n_variables = asked->n_variables,
            .lenient = json_true(task_query(task, "lenient")),
        },
        &asked->reading);
}

static enum error_code check_permissions(struct task *task, const struct testfile *file)
{
    for (size_t i = 0; i < file->n_tests; i++) {
        for (size_t k = 0; k < file->tests[i].n_steps; k++) {
            const struct testfile_step *step = &file->tests[i].steps[k];

            if (!task_may(task, step->command->permission)) {
                return error_in(&task->error, ERR_FORBIDDEN, step->line, step->column,
                                "This credential lacks the permission \"%s\" that %s needs",
                                permission_name(step->command->permission), step->command->words);
            }
        }
    }
    return ERR_OK;
}

/* ---- the run ---- */

bool run_must_finish(struct task *task)
{
    return task->idempotency != NULL;
}

/* checkpoint_id of the request wins over the session's: then the session is not used at all. */
static enum error_code use_session(struct task *task, struct asked *asked)
{
    struct session session;
    enum error_code code;

    if (asked->session_id.len == 0 || asked->request.checkpoint_id.len > 0) {
        asked->session_id = STR_EMPTY;
        return ERR_OK;
    }
    code = session_load(task->api->options.sessions, &task->principal.owner, asked->session_id,
                        task->arena, &session, &task->error);
    if (code != ERR_OK) {
        return code;
    }
    if (session.checkpoint_id == 0) {
        return error_at(&task->error, ERR_CHECKPOINT_REQUIRED, "session_id",
                        "The session has no checkpoint: PATCH it with a checkpoint_id");
    }
    if (session.status == SESSION_PAUSED) {
        return session_is_paused(&task->error);
    }
    task->exchange->notes.session = session.id;
    asked->checkpoint_id = session.checkpoint_id;
    if (asked->request.journey_id.len == 0 && session.journey_id != 0) {
        asked->request.journey_id =
            arena_printf(task->arena, "%lld", (long long)session.journey_id);
    }
    asked->request.checkpoint_id =
        arena_printf(task->arena, "%lld", (long long)session.checkpoint_id);
    return ERR_OK;
}

static enum error_code prepare(struct task *task, struct run *run, struct asked *asked,
                               const struct reading *reading)
{
    struct plan_options options;
    enum error_code code = use_session(task, asked);

    if (code == ERR_OK) {
        code = check_permissions(task, &reading->file);
    }
    if (code != ERR_OK) {
        return code;
    }
    plan_options_for(task, &options);
    options.deadline_ms = (unsigned)asked->timeout_ms;
    return run_prepare(run, &reading->file, &reading->problems, &asked->request, &options,
                       &task->error);
}

static enum stage_verdict start(struct task *task, struct asked *asked)
{
    struct run *run = asked->run;
    const struct session_use *use = task->session_seat != NULL ? &task->session_seat->use : NULL;
    struct run_hooks hooks;
    struct run_owner *owner =
        run_owner_new(task->api, run, asked->session_id, asked->checkpoint_id, &hooks);
    bool in_session = asked->session_id.len > 0 && !run_is_given(run);
    bool is_driven = run_is_given(run) && runs_are_driven(task);
    bool drives = !asked->async && is_driven;
    bool now = true;

    if (drives) {
        run_drive(run);
        in_session = asked->session_id.len > 0;
    }
    arena_defer(run_arena(run), config_release, unconst(config_hold(task->config)));
    if (in_session && run_owner_enter(owner, use, &now, &task->error) != ERR_OK) {
        run_drop(run);
        return task_fail(task);
    }
    run_start(run, &hooks, in_session);
    if (in_session && now) {
        run_owner_turn(owner);
    }
    task_set_location(task, arena_printf(task->arena, "/api/v1/tests/runs/%s", run_id(run)));
    task->must_finish = run_must_finish;
    task->may_have_changed = asked->async;
    if (is_driven) {
        return run_drive_on(task, run, drives ? task->config->http.long_exchange_timeout_ms : 0);
    }
    if (asked->async) {
        return run_n_events(run) > 0 ? run_reply(task, 202, run) : run_wait_for_begin(task, run);
    }
    return run_wait_for_end(task, run, asked->timeout_ms);
}

/* ---- where processes share runs: it begins when the store has it ---- */

static void gone_from_publishing(struct task *task)
{
    run_drop(((struct asked *)task->state)->run);
}

static void on_published(void *context, const struct error *error)
{
    struct asked *asked = context;
    struct task *task = asked->building.task;

    task->on_cancel = NULL;
    task->state = NULL;
    if (error != NULL) {
        run_unpublish(asked->run);
        if (task->config->store.strict || error->code != ERR_STORE_AWAY) {
            task->error = *error;
            run_drop(asked->run);
            (void)task_fail(task);
            return;
        }
    }
    (void)start(task, asked);
}

static enum stage_verdict publish_and_start(struct task *task, struct asked *asked)
{
    const struct run_publication what = {.options = &asked->reading.options,
                                         .request = &asked->request,
                                         .request_id = str_from(task->exchange->trace.request_id),
                                         .session_id = asked->session_id,
                                         .session_checkpoint = asked->checkpoint_id,
                                         .deadline_ms = asked->timeout_ms,
                                         .has_bearer = task->principal.bearer.len > 0,
                                         .waits = !asked->async && task->idempotency == NULL &&
                                                  !runs_are_driven(task)};

    if (!run_is_shared(task->platform->runs)) {
        return start(task, asked);
    }
    task->state = asked;
    task->on_cancel = gone_from_publishing;
    run_publish(asked->run, &what, on_published, asked);
    return STAGE_WAIT;
}

static enum stage_verdict drop_and(struct run *run, enum stage_verdict verdict)
{
    run_drop(run);
    return verdict;
}

static bool build_on(struct pieces *building)
{
    return run_build(CONTAINER_OF(building, struct asked, building)->run, PIECE_STEPS);
}

static enum stage_verdict built(struct pieces *building)
{
    return publish_and_start(building->task, CONTAINER_OF(building, struct asked, building));
}

static void gone_from_building(struct pieces *building)
{
    run_drop(CONTAINER_OF(building, struct asked, building)->run);
}

static enum stage_verdict run_what_was_read(struct test_reading *reading)
{
    struct task *task = reading->pieces.task;
    struct asked *asked = CONTAINER_OF(reading, struct asked, reading);
    struct run *run = asked->run;

    if (!reading->result.ok) {
        return drop_and(run, test_refuse(task, &reading->result));
    }
    if (prepare(task, run, asked, &reading->result) != ERR_OK) {
        return drop_and(run, task_fail(task));
    }
    if (task->dry_run) {
        return run_reply_dry(task, run, &reading->result);
    }
    asked->building =
        (struct pieces){.task = task, .go_on = build_on, .then = built, .gone = gone_from_building};
    return pieces_begin(&asked->building, 1);
}

static void nobody_asks_any_more(struct test_reading *reading)
{
    run_drop(CONTAINER_OF(reading, struct asked, reading)->run);
}

enum stage_verdict handle_test_run(struct task *task)
{
    struct asked *asked = arena_zalloc(task->arena, sizeof(*asked));

    if (!read_query(task, asked)) {
        return task_fail(task);
    }
    if (asked->async && task->config->lambda.runtime_api.len > 0 &&
        !task->config->lambda.work_after_answer && !runs_are_driven(task)) {
        (void)error_at(
            &task->error, ERR_UNPROCESSABLE, "async",
            "Nothing is worked on after an answer here (AWS Lambda): leave async out, and "
            "the answer comes at the end of the run");
        return task_fail(task);
    }
    if (asked->request.execute) {
        enum stage_verdict verdict = task_allow(task, PERMISSION_EXECUTE);

        if (verdict != STAGE_CONTINUE) {
            return verdict;
        }
    }
    if (run_new(task->platform->runs, &task->principal.owner, &asked->run, &task->error) !=
        ERR_OK) {
        return task_fail(task);
    }
    asked->reading.then = run_what_was_read;
    asked->reading.gone = nobody_asks_any_more;
    return read_file(task, asked);
}
