/* Requests to this service from outside, as tasks of Cloud Tasks and as invocations of a function, against stand-ins that check
 * token and signature. */
#include "harness/cmocka.h"

#include <stdlib.h>
#include <string.h>

#include "cloud/recall.h"
#include "data/json.h"
#include "harness/cloud_server.h"
#include "harness/wait.h"
#include "net/loop.h"
#include "observe/metrics.h"

int test_recall(void);

static struct {
    struct cloud_server server;
    struct arena arena;
    struct loop loop;
    uv_timer_t alive;
    struct cloud *cloud;
    bool done;
    bool failed;
    struct error error;
} here;

static const struct cloud_recall_place queue = {
    .queue = STR_INIT("projects/qa/locations/europe-west1/queues/runs"),
    .url = STR_INIT("https://proxy.example"),
    .account = STR_INIT("runner@qa.iam.gserviceaccount.com"),
};

static const struct cloud_recall_place function = {.function = STR_INIT("virtuoso-proxy")};

static void keep_alive(uv_timer_t *timer)
{
    (void)timer;
}

static int begin(void **state)
{
    (void)state;
    cloud_server_start(&here.server, NULL);
    for (const char *const *row = cloud_server_env(&here.server, "keys", ""); *row != NULL; row++) {
        assert_int_equal(putenv(unconst(*row)), 0);
    }
    arena_init(&here.arena);
    metrics_open();
    loop_init(&here.loop);
    assert_int_equal(uv_timer_init(&here.loop.uv, &here.alive), 0);
    assert_int_equal(uv_timer_start(&here.alive, keep_alive, 100, 100), 0);
    here.cloud = cloud_open(&here.loop, &(const struct cloud_options){.timeout_ms = 5000});
    return 0;
}

static void turn_until_done(void)
{
    uint64_t limit_ms = wait_limit_ms();

    while (!here.done) {
        if (!loop_turn(&here.loop, true)) {
            wait_more(limit_ms, "here.done", __FILE__, __LINE__);
        }
    }
}

static void on_closed(void *context)
{
    (void)context;
    here.done = true;
}

static int end(void **state)
{
    (void)state;
    here.done = false;
    cloud_close(here.cloud, on_closed, NULL);
    turn_until_done();
    uv_close((uv_handle_t *)&here.alive, NULL);
    loop_done(&here.loop);
    metrics_done();
    arena_done(&here.arena);
    for (const char *const *row = cloud_server_env(&here.server, "keys", ""); *row != NULL; row++) {
        struct str name;
        struct str value;

        (void)str_cut(str_from(*row), '=', &name, &value);
        assert_int_equal(unsetenv(arena_cstr(&here.arena, name)), 0);
    }
    arena_done(&here.arena);
    cloud_server_done(&here.server);
    return 0;
}

static void on_done(struct cloud_recall *recall, const struct error *error)
{
    (void)recall;
    here.done = true;
    here.failed = error != NULL;
    if (error != NULL) {
        here.error = *error;
    }
}

static bool ask(const struct cloud_recall_place *place, const char *name)
{
    struct cloud_recall recall = {.name = str_from(name),
                                  .path = STR("/api/v1/tests/runs/run_1/continue?step=2"),
                                  .on_done = on_done};

    here.done = false;
    cloud_recall_start(here.cloud, place, &recall);
    assert_false(here.done); /* from a later turn */
    turn_until_done();
    return !here.failed;
}

static struct json *last(void)
{
    struct json *root = NULL;

    assert_int_equal(json_parse(&here.arena, str_from(here.server.seen->recall), NULL, &root, NULL),
                     ERR_OK);
    return root;
}

static void assert_text(const struct json *root, const char *pointer, const char *text)
{
    assert_string_equal(json_str(json_find(root, pointer)).ptr, text);
}

static void a_task_brings_the_request_and_a_token(void **state)
{
    const struct json *task;

    (void)state;
    assert_true(ask(&queue, "run_1-2"));
    task = last();
    assert_text(task, "/task/name", "projects/qa/locations/europe-west1/queues/runs/tasks/run_1-2");
    assert_text(task, "/task/httpRequest/url",
                "https://proxy.example/api/v1/tests/runs/run_1/continue?step=2");
    assert_text(task, "/task/httpRequest/httpMethod", "POST");
    assert_text(task, "/task/httpRequest/oidcToken/serviceAccountEmail",
                "runner@qa.iam.gserviceaccount.com");
    assert_text(task, "/task/httpRequest/oidcToken/audience", "https://proxy.example");
}

static void a_name_is_taken_once(void **state)
{
    unsigned n = here.server.seen->n_recalls;

    (void)state;
    assert_true(ask(&queue, "once"));
    assert_true(ask(&queue, "once"));
    assert_int_equal(here.server.seen->n_recalls, n + 1);
    assert_int_equal(here.server.seen->n_duplicates, 1);
}

/* The task is there, its answer is lost: it is asked for again, and there already. */
static void an_answer_that_is_lost_makes_no_second_task(void **state)
{
    unsigned n = here.server.seen->n_recalls;

    (void)state;
    here.server.seen->lost = 1;
    assert_true(ask(&queue, "lost"));
    assert_int_equal(here.server.seen->n_recalls, n + 1);
}

static void a_queue_that_is_not_there_is_said(void **state)
{
    struct cloud_recall_place none = queue;

    (void)state;
    none.queue = STR("projects/qa/locations/europe-west1/queues/none");
    assert_false(ask(&none, "run_1"));
    assert_non_null(strstr(here.error.text, "404"));
    assert_non_null(strstr(here.error.text, "Queue does not exist"));
    here.server.seen->is_away = true;
    assert_false(ask(&queue, "away"));
    here.server.seen->is_away = false;
}

static void a_function_is_invoked_and_nobody_waits(void **state)
{
    const struct json *event;

    (void)state;
    here.server.seen->slow_downs = 1; /* it did nothing: once more */
    assert_true(ask(&function, "run_1-3"));
    event = last();
    assert_text(event, "/source", "virtuoso-proxy.recall");
    assert_text(event, "/id", "run_1-3");
    assert_text(event, "/path", "/api/v1/tests/runs/run_1/continue");
    assert_text(event, "/query", "step=2");
    assert_int_equal(here.server.seen->n_refused, 0);
}

static void what_is_cancelled_does_not_end(void **state)
{
    struct cloud_recall recall = {.name = STR("gone"), .path = STR("/"), .on_done = on_done};

    (void)state;
    here.done = false;
    cloud_recall_start(here.cloud, &queue, &recall);
    cloud_recall_cancel(&recall);
    cloud_recall_cancel(&recall);
    (void)loop_turn(&here.loop, false);
    assert_false(here.done);
}

int test_recall(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_brings_the_request_and_a_token),
        cmocka_unit_test(a_name_is_taken_once),
        cmocka_unit_test(an_answer_that_is_lost_makes_no_second_task),
        cmocka_unit_test(a_queue_that_is_not_there_is_said),
        cmocka_unit_test(a_function_is_invoked_and_nobody_waits),
        cmocka_unit_test(what_is_cancelled_does_not_end),
    };

    return cmocka_run_group_tests_name("recall", tests, begin, end);
}
