/* The platform answers one thing in many forms (PLATFORM.md, "Envelopes"): whichever it takes, the
 * reduced answer is the same. Routes times forms. */
#include "harness/cmocka.h"

#include <string.h>

#include "harness/proxy.h"

/* What stands around the things; the things are a list, or a map by id. */
struct form {
    const char *before;
    const char *after;
    bool is_map;
};

static const struct form list_forms[] = {
    {"{\"success\":true,\"items\":", "}", false},
    {"{\"success\":true,\"item\":", "}", false},
    {"{\"success\":true,\"map\":", ",\"total\":2}", true},
    {"", "", false},
    {"", "", true},
};
static const struct form one_forms[] = {{"{\"success\":true,\"item\":", "}", false},
                                        {"", "", false}};
static const struct form version_forms[] = {
    {"{\"snapshots\":", "}", false},
    {"{\"success\":true,\"item\":{\"snapshots\":", "}}", false},
    {"{\"success\":true,\"items\":", "}", false},
};
static const struct form step_list_forms[] = {
    {"{\"success\":true,\"items\":", "}", false},
    {"{\"success\":true,\"item\":", "}", false},
    {"", "", false},
    {"{\"id\":1680930,\"steps\":", "}", false},
    {"{\"success\":true,\"item\":{\"id\":\"1680930\",\"steps\":", "}}", false},
    {"{\"success\":true,\"item\":{\"testSteps\":", "}}", false},
};
static const struct form case_forms[] = {
    {"{\"id\":608038,\"cases\":", "}", false},
    {"{\"success\":true,\"item\":{\"id\":608038,\"cases\":", "}}", false},
};
static const struct form step_forms[] = {
    {"{\"success\":true,\"item\":{\"testStep\":", ",\"checkpoint\":{\"id\":1680930}}}", false},
    {"{\"testStep\":", ",\"checkpoint\":{\"id\":1680930,\"steps\":[]}}", false},
    {"{\"success\":true,\"item\":", "}", false},
    {"", "", false},
};
static const struct form started_forms[] = {
    {"{\"success\":true,\"item\":", "}", false},
    {"", "", false},
};

#define FORMS(forms_) .forms = (forms_), .n_forms = ARRAY_LEN(forms_)

/* An id is written #5#: a number, or text. */
struct row {
    const char *method;
    const char *target;
    const char *body; /* NULL none */
    const char *match;
    const char *list; /* or the one thing */
    const char *map;
    const char *part; /* of our answer, that is compared; NULL: all of it */
    const struct form *forms;
    size_t n_forms;
    const char *want;
};

#define COMMAND "/api/v1/commands/execute"
#define NAMED   "[{\"id\":#5#,\"name\":\"A\"},{\"id\":#6#,\"name\":\"B\"}]"
#define BY_ID   "{\"5\":{\"id\":#5#,\"name\":\"A\"},\"6\":{\"id\":#6#,\"name\":\"B\"}}"
#define JOURNEY(id, title)                                                                         \
    "{\"journey\":{\"id\":#" id "#,\"title\":\"" title "\"},\"lastExecution\":{\"statistics\":{"   \
    "\"outcome\":\"PASS\"}}}"
#define STEP                                                                                            \
    "{\"id\":#7#,\"action\":\"CLICK\",\"value\":\"\",\"element\":{\"id\":3,\"target\":{\"selectors\":[" \
    "{\"type\":\"GUESS\",\"value\":\"{\\\"clue\\\":\\\"Pay\\\"}\"}],\"tagName\":\"BUTTON\"}}}"
#define STATUS                                                                                     \
    "{\"id\":#88715#,\"status\":\"FINISHED\",\"outcome\":\"PASS\",\"progress\":1,\"goalId\":13776}"

/* clang-format off */
static const struct row rows[] = {
    {"GET", "/api/projects", NULL, "GET /projects", NAMED, BY_ID, NULL, FORMS(list_forms),
     .want = "[{\"id\":\"5\",\"name\":\"A\"},{\"id\":\"6\",\"name\":\"B\"}]"},
    {"GET", "/api/projects/9056/goals", NULL, "GET /projects", NAMED, BY_ID, NULL, FORMS(list_forms),
     .want = "[{\"id\":\"5\",\"name\":\"A\",\"lastRun\":null},{\"id\":\"6\",\"name\":\"B\",\"lastRun\":null}]"},
    {"GET", "/api/library/checkpoints", NULL, "GET /library", NAMED, BY_ID, NULL, FORMS(list_forms),
     .want = "[{\"id\":\"5\",\"name\":\"A\",\"stepCount\":null},{\"id\":\"6\",\"name\":\"B\",\"stepCount\":null}]"},
    {"POST", COMMAND, "{\"command\":\"list-projects\"}", "GET /projects", NAMED, BY_ID, "/data", FORMS(list_forms),
     .want = "[{\"id\":\"5\",\"name\":\"A\"},{\"id\":\"6\",\"name\":\"B\"}]"},
    {"POST", COMMAND, "{\"command\":\"list-goals\",\"args\":[9056]}", "GET /projects", NAMED, BY_ID, "/data", FORMS(list_forms),
     .want = "[{\"id\":\"5\",\"name\":\"A\",\"lastRun\":null},{\"id\":\"6\",\"name\":\"B\",\"lastRun\":null}]"},
    {"POST", COMMAND, "{\"command\":\"list-journeys\",\"args\":[13776,43802]}", "GET /testsuites",
     "[" JOURNEY("5", "A") "," JOURNEY("6", "B") "]", "{\"5\":" JOURNEY("5", "A") ",\"6\":" JOURNEY("6", "B") "}", "/data", FORMS(list_forms),
     .want = "[{\"id\":\"5\",\"name\":\"A\",\"outcome\":\"PASS\"},{\"id\":\"6\",\"name\":\"B\",\"outcome\":\"PASS\"}]"},
    {"GET", "/api/goals/13776/versions", NULL, "GET /goals", "[{\"snapshotId\":#5#,\"name\":\"v1\",\"createdDate\":0}]", NULL, NULL, FORMS(version_forms),
     .want = "[{\"id\":\"5\",\"version\":\"v1\",\"createdAt\":\"1970-01-01T00:00:00.000Z\"}]"},
    {"GET", "/api/checkpoints/1680930/steps", NULL, "GET /testcases", "[" STEP "]", NULL, NULL, FORMS(step_list_forms),
     .want = "[{\"id\":\"7\",\"action\":\"CLICK\",\"target\":\"Pay\"}]"},
    {"POST", COMMAND, "{\"command\":\"list-checkpoint-steps\",\"args\":[1680930]}", "GET /testcases", "[" STEP "]", NULL, "/data", FORMS(step_list_forms),
     .want = "[{\"id\":\"7\",\"action\":\"CLICK\",\"value\":\"\",\"target\":\"Pay\"}]"},
    {"POST", COMMAND, "{\"command\":\"list-checkpoints\",\"args\":[608038]}", "GET /testsuites",
     "[{\"id\":#5#,\"title\":\"A\",\"kind\":\"GOAL\",\"steps\":[" STEP "]}]", NULL, "/data", FORMS(case_forms),
     .want = "[{\"id\":\"5\",\"name\":\"A\",\"stepCount\":1}]"},
    {"GET", "/api/user", NULL, "GET /user", "{\"id\":#5#,\"name\":\"A\",\"email\":\"a@x.example\"}", NULL, NULL, FORMS(one_forms),
     .want = "{\"id\":\"5\",\"name\":\"A\",\"email\":\"a@x.example\"}"},
    {"POST", "/api/projects", "{\"name\":\"A\"}", "POST /projects", "{\"id\":#5#,\"name\":\"A\"}", NULL, NULL, FORMS(one_forms),
     .want = "{\"id\":\"5\",\"name\":\"A\"}"},
    {"POST", "/api/journeys", "{\"name\":\"A\",\"goalId\":13776,\"snapshotId\":43802}", "POST /testsuites", "{\"id\":#5#,\"title\":\"A\"}", NULL, NULL, FORMS(one_forms),
     .want = "{\"id\":\"5\",\"name\":\"A\"}"},
    {"POST", "/api/environments", "{\"name\":\"A\",\"variables\":{}}", "POST /environments", "{\"id\":#5#,\"name\":\"A\"}", NULL, NULL, FORMS(one_forms),
     .want = "{\"id\":\"5\",\"name\":\"A\"}"},
    {"POST", "/api/testdata/tables", "{\"name\":\"A\",\"columns\":[\"a\"]}", "POST /testdata", "{\"id\":#5#,\"name\":\"A\"}", NULL, NULL, FORMS(one_forms),
     .want = "{\"id\":\"5\",\"name\":\"A\"}"},
    {"POST", "/api/steps", "{\"action\":\"CLICK\",\"target\":\"Pay\",\"checkpointId\":1680930,\"position\":0}", "POST /teststeps", STEP, NULL, NULL, FORMS(step_forms),
     .want = "{\"id\":\"7\",\"action\":\"CLICK\"}"},
    {"POST", COMMAND, "{\"command\":\"step-interact click\",\"args\":[\"Pay\"],\"checkpoint_id\":1680930,\"position\":0}", "POST /teststeps", STEP, NULL, "/data/step_id", FORMS(step_forms),
     .want = "\"7\""},
    {"POST", COMMAND, "{\"command\":\"get-step\",\"args\":[7]}", "GET /teststeps", STEP, NULL, "/data", FORMS(step_forms),
     .want = "{\"id\":\"7\",\"action\":\"CLICK\",\"value\":\"\",\"target\":{\"selectors\":[{\"type\":\"GUESS\",\"value\":\"{\\\"clue\\\":\\\"Pay\\\"}\"}],\"tagName\":\"BUTTON\"}}"},
    {"POST", COMMAND, "{\"command\":\"library get\",\"args\":[7023]}", "GET /library", "{\"id\":#5#,\"name\":\"A\",\"steps\":[]}", NULL, "/data", FORMS(one_forms),
     .want = "{\"id\":\"5\",\"name\":\"A\",\"stepCount\":0}"},
    {"GET", "/api/executions/88715", NULL, "GET /executions", STATUS, NULL, NULL, FORMS(one_forms),
     .want = "{\"id\":\"88715\",\"status\":\"FINISHED\",\"progress\":100,\"outcome\":\"PASS\"}"},
    {"POST", COMMAND, "{\"command\":\"monitor-execution\",\"args\":[88715]}", "GET /executions", STATUS, NULL, "/data", FORMS(one_forms),
     .want = "{\"id\":\"88715\",\"status\":\"FINISHED\",\"outcome\":\"PASS\",\"progress\":100,\"goalId\":\"13776\"}"},
    {"POST", "/api/goals/13776/snapshots/43802/execute", "{}", "POST /goals", STATUS, NULL, NULL, FORMS(started_forms),
     .want = "{\"jobId\":\"88715\",\"status\":\"started\"}"},
    {"GET", "/api/executions/88715/analysis", NULL, "GET /executions/analysis", "{\"passed\":1,\"failed\":0,\"errors\":[]}", NULL, NULL, FORMS(one_forms),
     .want = "{\"passed\":1,\"failed\":0,\"errors\":[]}"},
};

/* clang-format on */

static struct str with_ids(struct arena *arena, const char *text, bool as_text)
{
    char *out = arena_alloc(arena, strlen(text) + 1);
    size_t n = 0;

    for (; *text != '\0'; text++) {
        if (*text != '#') {
            out[n++] = *text;
        } else if (as_text) {
            out[n++] = '"';
        }
    }
    return (struct str){out, n};
}

static void answer_so(struct proxy *proxy, const struct row *row, const struct form *form,
                      bool as_text)
{
    struct arena *arena = &proxy->arena;
    struct json *fault = json_new_object(arena);
    struct str things = with_ids(arena, form->is_map ? row->map : row->list, as_text);

    json_set(fault, STR("match"), json_new_string(arena, str_from(row->match)));
    json_set(fault, STR("times"), json_new_int(arena, -1));
    json_set(fault, STR("status"), json_new_int(arena, 200));
    json_set(fault, STR("body"),
             json_new_string(arena, arena_printf(arena, "%s%.*s%s", form->before, STR_ARG(things),
                                                 form->after)));
    sandbox_clear_faults(proxy->program.sandbox_port);
    sandbox_fault(proxy->program.sandbox_port, arena_cstr(arena, json_text(arena, fault)));
}

static struct str reduced(struct proxy *proxy, const struct row *row)
{
    const struct json *answer =
        proxy_ask(proxy, row->method, row->target, NULL, row->body != NULL ? row->body : "");

    if (proxy->reply.status / 100 != 2) {
        fail_msg("%s %s %s: %d %.*s", row->method, row->target, row->body != NULL ? row->body : "",
                 proxy->reply.status, STR_ARG(reply_text(&proxy->reply)));
    }
    return json_text(&proxy->arena, row->part != NULL ? json_find(answer, row->part) : answer);
}

static void start(struct proxy *proxy)
{
    static const char *const sets[] = {"sandbox.examples=true", "cache.enabled=false",
                                       "log.level=warn", NULL};

    proxy_start(proxy, sets);
}

/* `is_text`: ids are texts. */
static void expect_alike(struct proxy *proxy, const struct row *row, const struct form *form,
                         bool is_text)
{
    struct str here;

    if (strcmp(row->match, "POST /teststeps") == 0) {
        proxy_stop(proxy); /* a process takes a step for made once: not the same one in each form */
        start(proxy);
    }
    answer_so(proxy, row, form, is_text);
    here = reduced(proxy, row);
    if (!str_is(here, row->want)) {
        fail_msg("%s %s, \"%s\": %.*s instead of %s", row->method, row->target, form->before,
                 STR_ARG(here), row->want);
    }
}

static void every_form_of_an_answer_is_reduced_alike(void **state)
{
    struct proxy proxy;

    (void)state;
    start(&proxy);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t k = 0; k < 2 * rows[i].n_forms; k++) {
            expect_alike(&proxy, &rows[i], &rows[i].forms[k / 2], k % 2 == 1);
        }
    }
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_an_answer_is_reduced_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
