/* The rows of the sample test: each is one call of our own API, so the demo proves the whole way a
 * request takes - client, proxy, platform - and not a shortcut. */
#include "cli/demo.h"

#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "data/json.h"
#include "net/loop.h"
#include "terminal.h"

#define RUN(label, ...)                                                                            \
    {                                                                                              \
        .name = (label), .method = "POST", .path = "/api/v1/commands/execute",                     \
        .body = JSON(__VA_ARGS__), .class = CALL_CREATE, .needs_json = true                        \
    }
#define STEP(label, ...) RUN(label, {"checkpoint_id" : "$checkpoint_id", __VA_ARGS__})

#define READ_BACK "read it back"
#define FOLLOW    "wait for its end"
#define OUTCOMES  "outcome of each step"

/* clang-format off */
static const struct {
    struct call_spec call;
    struct capture captures[2];
} rows[] = {
    {RUN("project \"Demo shop\"", {"command": "create-project", "args": ["Demo shop"]}), {{"project_id", "/data/id", true}}},
    {RUN("goal \"Sign in\"", {"command": "create-goal", "args": ["$project_id", "Sign in"], "options": {"url": "https://shop.example"}}),
     {{"goal_id", "/data/id", true}, {"snapshot_id", "/data/snapshotId", true}}},
    {RUN("journey \"A customer signs in\"", {"command": "create-journey", "args": ["$goal_id", "$snapshot_id", "A customer signs in"]}),
     {{"journey_id", "/data/id", true}}},
    {RUN("checkpoint \"Sign in\"", {"command": "create-checkpoint", "args": ["$journey_id", "$goal_id", "$snapshot_id", "Sign in and see the account"]}),
     {{"checkpoint_id", "/data/id", true}}},
    {STEP("step: open the shop", "command": "step-navigate to", "args": ["https://shop.example/login"]), {{NULL}}},
    {STEP("step: write the e-mail address", "command": "step-interact write", "args": ["E-mail", "ada@example.com"]), {{NULL}}},
    {STEP("step: write the password", "command": "step-interact write", "args": ["Password", "$$password"]), {{NULL}}},
    {STEP("step: click \"Sign in\"", "command": "step-interact click", "args": ["Sign in"]), {{NULL}}},
    {STEP("step: wait for the account", "command": "step-wait element", "args": ["My account"]), {{NULL}}},
    {STEP("step: the greeting is there", "command": "step-assert exists", "args": ["Hello, Ada"]), {{NULL}}},
    {RUN(READ_BACK, {"command": "list-checkpoint-steps", "args": ["$checkpoint_id"]}), {{NULL}}},
    {RUN("execute it", {"command": "execute-goal", "args": ["$goal_id", "$snapshot_id"]}), {{"execution_id", "/data/id", true}}},
    {{.name = FOLLOW, .method = "GET", .path = "/api/executions/{execution_id}", .class = CALL_READ, .needs_json = true}, {{NULL}}},
    {{.name = OUTCOMES, .method = "GET", .path = "/virtuoso/executions/{execution_id}", .class = CALL_READ, .needs_json = true}, {{NULL}}},
};

/* clang-format on */

enum {
    TEXT_MAX = 4096,
    REPLY_MAX = 1024 * 1024,
    CONNECT_TIMEOUT_MS = 2000,
    TIMEOUT_MS = 10000,
    POLL_MS = 150,
    DRAWN_MAX = 70 /* cells of a line that is drawn over */
};

static const char *paint(const struct demo *demo, const char *code)
{
    return demo->color ? code : "";
}

#define GREEN "\033[32m"
#define RED   "\033[1;31m"
#define BOLD  "\033[1m"
#define SOFT  "\033[2m"
#define PLAIN "\033[0m"

static void out_line(struct buf *text)
{
    buf_char(text, '\n');
    terminal_put(stdout, text);
}

/* ---- while it works ---- */

static bool is_row(const struct plan_row *row, const char *name)
{
    return str_is(str_from(row->call->spec->name), name);
}

/* Clears the line that is drawn over. Without colours it writes blanks, since escapes are unwanted then. */
static void clear_line(const struct demo *demo, struct buf *text)
{
    if (demo->fancy && demo->color) {
        buf_text(text, "\r\033[K");
    } else if (demo->fancy) {
        buf_printf(text, "\r%*s\r", DRAWN_MAX, "");
    }
}

static void show_progress(struct plan *plan, struct plan_row *row)
{
    struct demo *demo = plan->owner;
    bool done = row->status == ROW_DONE;
    struct buf text;

    if (row->status == ROW_RUNNING && !demo->fancy) {
        return;
    }
    buf_init(&text, TEXT_MAX);
    clear_line(demo, &text);
    buf_printf(&text, "  [%2zu/%zu] %s", (size_t)(row - plan->rows) + 1, ARRAY_LEN(rows),
               row->call->spec->name);
    if (row->status == ROW_RUNNING) {
        buf_text(&text, " ...");
        terminal_put(stdout, &text);
        return;
    }
    buf_printf(&text, "  %s%s%s", paint(demo, done ? GREEN : RED), done ? "ok" : "FAILED",
               paint(demo, PLAIN));
    if (done) {
        buf_printf(&text, " %s(%.1f ms)%s", paint(demo, SOFT), (double)row->us / 1000.0,
                   paint(demo, PLAIN));
    }
    out_line(&text);
}

/* Repeats the row FOLLOW until the execution has ended. On a terminal its progress is drawn on one line. */
static enum plan_verdict after_row(struct plan *plan, struct plan_row *row,
                                   const struct json *answer, uint64_t *delay_ms, struct error *err)
{
    struct demo *demo = plan->owner;
    struct str status = json_str(json_get(answer, "status"));
    struct buf text;

    (void)err;
    if (!is_row(row, FOLLOW) || str_is(status, "FINISHED") || str_is(status, "CANCELED") ||
        str_is(status, "FAILED")) {
        return PLAN_NEXT;
    }
    if (demo->fancy) {
        buf_init(&text, TEXT_MAX);
        clear_line(demo, &text);
        buf_printf(&text, "  [%2zu/%zu] %s  %.*s %.0f %%", (size_t)(row - plan->rows) + 1,
                   ARRAY_LEN(rows), row->call->spec->name, STR_ARG(status),
                   json_double(json_get(answer, "progress")));
        terminal_put(stdout, &text);
    }
    *delay_ms = POLL_MS;
    return PLAN_AGAIN;
}

/* ---- at the end ---- */

static const struct json *answer_of(const struct demo *demo, const char *name)
{
    for (size_t i = 0; i < demo->plan.n_rows; i++) {
        if (is_row(&demo->plan.rows[i], name)) {
            return demo->plan.rows[i].answer;
        }
    }
    return NULL;
}

/* What came of a step in the execution; NULL: it is not in the tree. */
static const struct json *executed_step(const struct json *tree, struct str id)
{
    const struct json *journey;
    const struct json *checkpoint;

    JSON_FOREACH (journey, json_find(tree, "/item/testSuites /testSuites")) {
        JSON_FOREACH (checkpoint, json_get(journey, "testCases")) {
            const struct json *step = json_get_str(json_get(checkpoint, "testSteps"), id);

            if (step != NULL) {
                return step;
            }
        }
    }
    return NULL;
}

/* The action, with its value and its element: WRITE ada@example.com into "E-mail". */
static void put_step(struct buf *out, const struct json *step)
{
    struct str action = json_str(json_get(step, "action"));
    struct str value = json_str(json_get(step, "value"));
    struct str element = json_str(json_get(step, "target"));
    bool waits = str_is(action, "WAIT") && element.len > 0;

    buf_printf(out, "%-14.*s", STR_ARG(action));
    if (value.len > 0 && !waits) {
        buf_printf(out, " %.*s", STR_ARG(value));
    }
    if (element.len > 0) {
        buf_printf(out, "%s \"%.*s\"", value.len > 0 && !waits ? " into" : "", STR_ARG(element));
    }
    if (waits && value.len > 0) {
        buf_printf(out, " for up to %.*s ms", STR_ARG(value));
    }
}

static void show_steps(struct demo *demo)
{
    const struct json *tree = answer_of(demo, OUTCOMES);
    const struct json *step;
    size_t number = 0;
    struct buf text;

    (void)printf("\n%sThe platform now holds:%s\n", paint(demo, BOLD), paint(demo, PLAIN));
    JSON_FOREACH (step, json_get(answer_of(demo, READ_BACK), "data")) {
        const struct json *done = executed_step(tree, json_str(json_get(step, "id")));
        struct str outcome = json_str(json_get(done, "outcome"));
        int64_t ms = 0;

        buf_init(&text, TEXT_MAX);
        buf_printf(&text, "  %2zu. ", ++number);
        if (done != NULL) {
            buf_printf(&text, "%s%-4.*s%s ", paint(demo, str_is(outcome, "PASS") ? GREEN : RED),
                       STR_ARG(outcome), paint(demo, PLAIN));
        }
        put_step(&text, step);
        if (json_to_i64(json_get(done, "duration"), &ms)) {
            buf_printf(&text, " %s(%lld ms)%s", paint(demo, SOFT), (long long)ms,
                       paint(demo, PLAIN));
        }
        out_line(&text);
    }
}

/* The last text on the screen: the address of the proxy, and what to do next. No line is wider than 80. */
static void show_next(struct demo *demo)
{
    struct str id = json_str(plan_get(&demo->plan, "checkpoint_id"));

    if (demo->once) {
        (void)printf("\nStopping (--once); without it the proxy goes on serving.\n");
        return;
    }
    (void)printf("\n  %sAddress%s  %s\n", paint(demo, BOLD), paint(demo, PLAIN), demo->url);
    (void)printf("  %sTry it%s   %s/docs\n", paint(demo, BOLD), paint(demo, PLAIN), demo->url);
    (void)printf("  %sOr%s       curl -s %s/api/checkpoints/%.*s/steps\n", paint(demo, BOLD),
                 paint(demo, PLAIN), demo->url, STR_ARG(id));
    (void)printf("\nServing until Ctrl-C.\n");
    (void)fflush(stdout);
}

static void on_client_closed(void *context)
{
    struct demo *demo = context;
    bool ok = demo->ok;

    demo->client = NULL;
    arena_done(&demo->arena);
    demo->on_done(demo, ok);
}

static void on_plan_done(struct plan *plan)
{
    struct demo *demo = plan->owner;
    bool green;

    demo->ok = plan->result == ERR_OK;
    if (demo->ok) {
        show_steps(demo);
        green = str_is(json_str(json_get(answer_of(demo, FOLLOW), "outcome")), "PASS");
        (void)printf("\nThe test was created and executed: %s%s%s.\n",
                     paint(demo, green ? GREEN : RED), green ? "passed" : "failed",
                     paint(demo, PLAIN));
        show_next(demo);
    } else {
        (void)fprintf(stderr, "The demo stopped: %s\n", plan->error.text);
    }
    upstream_close(demo->client, on_client_closed, demo);
}

static enum error_code compile_rows(struct demo *demo, struct error *err)
{
    struct call_spec *specs = arena_calloc(&demo->arena, ARRAY_LEN(rows), sizeof(*specs));

    demo->calls = arena_calloc(&demo->arena, ARRAY_LEN(rows), sizeof(*demo->calls));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum error_code code;

        specs[i] = rows[i].call;
        for (size_t k = 0; k < ARRAY_LEN(rows[i].captures); k++) {
            specs[i].captures[k] = rows[i].captures[k];
        }
        code = call_compile(&demo->arena, &specs[i], 0, &demo->calls[i], err);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

enum error_code demo_start(struct demo *demo, struct loop *loop, const struct demo_options *wanted,
                           void (*on_done)(struct demo *demo, bool ok), void *owner,
                           struct error *err)
{
    struct upstream_options options = upstream_options_of_other(
        str_from(wanted->url), STR_EMPTY, CONNECT_TIMEOUT_MS, TIMEOUT_MS, REPLY_MAX);
    const struct plan_options plan_options = {.deadline_ms = 30000};
    enum error_code code;

    *demo = (struct demo){.loop = loop,
                          .on_done = on_done,
                          .owner = owner,
                          .once = wanted->once,
                          .fancy = terminal_draws(stdout),
                          .color = fd_takes_color(STDOUT_FILENO)};
    str_copy(demo->url, sizeof(demo->url), str_from(wanted->url));
    arena_init(&demo->arena);
    options.client_name = STR("virtuoso-proxy demo");
    code = compile_rows(demo, err);
    if (code == ERR_OK) {
        code = upstream_open(loop, &options, &demo->client, err);
    }
    if (code != ERR_OK) {
        arena_done(&demo->arena);
        return code;
    }
    demo->port = plan_port_of_upstream(demo->client, loop);
    plan_init(&demo->plan, &demo->arena, &demo->port, &plan_options);
    demo->plan.on_progress = show_progress;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        plan_append(&demo->plan, &demo->calls[i])->after = after_row;
    }
    plan_start(&demo->plan, on_plan_done, demo);
    return ERR_OK;
}

void demo_cancel(struct demo *demo)
{
    if (demo->client != NULL && demo->plan.running) {
        plan_cancel(&demo->plan);
        demo->ok = false;
        upstream_close(demo->client, on_client_closed, demo);
    }
}
