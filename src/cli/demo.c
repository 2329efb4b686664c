/* The rows of the sample test: each is one call of our own API, so the demo proves the whole way a
 * request takes - client, proxy, platform - and not a shortcut. */
#include "cli/demo.h"

#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "data/json.h"
#include "net/loop.h"

#define RUN(label, ...)                                                                            \
    {                                                                                              \
        .name = (label), .method = "POST", .path = "/api/v1/commands/execute",                     \
        .body = JSON(__VA_ARGS__), .class = CALL_CREATE, .needs_json = true                        \
    }
#define STEP(label, ...) RUN(label, {"checkpoint_id" : "$checkpoint_id", __VA_ARGS__})

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
    {RUN("read it back", {"command": "list-checkpoint-steps", "args": ["$checkpoint_id"]}), {{NULL}}},
};

/* clang-format on */

static void out_line(struct buf *text)
{
    buf_char(text, '\n');
    (void)fwrite(text->ptr, 1, text->len, stdout);
    (void)fflush(stdout);
    buf_done(text);
}

static void show_progress(struct plan *plan, struct plan_row *row)
{
    struct demo *demo = plan->owner;
    size_t at = (size_t)(row - plan->rows) + 1;
    struct buf text;

    if (row->status == ROW_RUNNING && !demo->fancy) {
        return;
    }
    buf_init(&text, 1024);
    if (demo->fancy) {
        buf_text(&text, "\r\033[K");
    }
    buf_printf(&text, "  [%2zu/%zu] %s%s", at, ARRAY_LEN(rows), row->call->spec->name,
               row->status == ROW_RUNNING ? " ..."
               : row->status == ROW_DONE  ? "  ok"
                                          : "  FAILED");
    if (row->status == ROW_DONE) {
        buf_printf(&text, " (%.1f ms)", (double)row->us / 1000.0);
    }
    if (row->status == ROW_RUNNING) {
        (void)fwrite(text.ptr, 1, text.len, stdout);
        (void)fflush(stdout);
        buf_done(&text);
        return;
    }
    out_line(&text);
}

static void show_steps(struct demo *demo)
{
    const struct json *answer = demo->plan.rows[demo->plan.n_rows - 1].answer;
    const struct json *step;
    size_t number = 0;
    struct buf text;

    (void)printf("\nThe platform now holds:\n");
    JSON_FOREACH (step, json_get(answer, "data")) {
        struct str value = json_str(json_get(step, "value"));

        buf_init(&text, 4096);
        buf_printf(&text, "  %2zu. %-14.*s %.*s  (step %.*s)", ++number,
                   STR_ARG(json_str(json_get(step, "action"))), STR_ARG(value),
                   STR_ARG(json_str(json_get(step, "id"))));
        out_line(&text);
    }
}

static void show_curl(struct demo *demo)
{
    const struct json *checkpoint = plan_get(&demo->plan, "checkpoint_id");
    struct str id = json_str(checkpoint);

    (void)printf(
        "\nTry it:\n"
        "  curl -s %s/health\n"
        "  curl -s -H 'Content-Type: application/json' -d '{\"command\": \"step-interact click\", \"args\": [\"Log out\"], "
        "\"checkpoint_id\": \"%.*s\"}' %s/api/v1/commands/execute\n"
        "  curl -s '%s/api/v1/commands/step-interact%%20click/help'\n"
        "\nServing until Ctrl-C.\n",
        demo->url, STR_ARG(id), demo->url, demo->url);
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

    demo->ok = plan->result == ERR_OK;
    if (demo->ok) {
        show_steps(demo);
        show_curl(demo);
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

enum error_code demo_start(struct demo *demo, struct loop *loop, const char *url,
                           void (*on_done)(struct demo *demo, bool ok), void *owner,
                           struct error *err)
{
    struct upstream_options options = {
        .base_url = str_from(url),
        .client_name = STR("virtuoso-proxy demo"),
        .verify_tls = true,
        .connect_timeout_ms = 2000,
        .timeout_ms = 10000,
        .max_active = 4,
        .max_waiting = 16,
        .max_reply_bytes = 1U << 20,
        .max_tries = 1,
    };
    const struct plan_options plan_options = {.deadline_ms = 30000};
    enum error_code code;

    *demo = (struct demo){
        .loop = loop, .on_done = on_done, .owner = owner, .fancy = isatty(STDOUT_FILENO) == 1};
    str_copy(demo->url, sizeof(demo->url), str_from(url));
    arena_init(&demo->arena);
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
        (void)plan_append(&demo->plan, &demo->calls[i]);
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
