/* The program as Cloud Run starts it: arguments and environment of k8s/cloudrun/service.yaml, PORT, the form of the log, the trace, the
 * collector beside it, runs that Cloud Tasks carries on, and the ten seconds from SIGTERM to SIGKILL. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "data/node.h"
#include "harness/cloud_server.h"
#include "harness/collector.h"
#include "harness/port.h"
#include "harness/proxy.h"
#include "harness/wait.h"

enum { FILE_MAX = 64 * 1024, OUTPUT_MAX = 1 << 20, WORDS_MAX = 48, KILL_MS = 10000 };

#define SERVICE   VP_SOURCE_DIR "/k8s/cloudrun/service.yaml"
#define COLLECTOR VP_SOURCE_DIR "/conf/otel-collector.yaml"
#define KEY       "key-of-a-test-with-enough-letters"
#define TRACE_ID  "0af7651916cd43dd8448eb211c80319c"

struct service {
    struct proxy proxy;
    const struct node *container;
    const char *args[WORDS_MAX];
    const char *env[WORDS_MAX];
};

static struct collector collector;

/* Firestore and Cloud Tasks; and who signs the token of a task. */
static struct {
    struct cloud_server server;
    struct arena arena;
    struct issuer *issuer;
    char path[512]; /* of its key set */
} google;

static const struct node *read_file(struct arena *arena, const char *path)
{
    struct node_stream stream = {0};
    struct error_list errors;
    struct error err = {0};
    struct buf text;

    buf_init(&text, FILE_MAX);
    error_list_init(&errors);
    assert_int_equal(fd_read_file(path, &text, &err), ERR_OK);
    assert_int_equal(yaml_parse(arena, arena_str(arena, buf_view(&text)), NULL, &stream, &errors),
                     ERR_OK);
    buf_done(&text);
    error_list_done(&errors);
    return stream.documents;
}

static const struct node *at(const struct node *node, const char *const *path)
{
    for (; *path != NULL; path++) {
        node = node_get(node, *path);
        assert_non_null(node);
    }
    return node;
}

static const struct node *read_service(struct arena *arena)
{
    return at(read_file(arena, SERVICE),
              (const char *const[]){"spec", "template", "spec", "containers", NULL})
        ->first;
}

/* Secrets are stood in for; and the test listens on loopback only, where the service is reached from elsewhere. */
static const char *variable(struct arena *arena, const struct node *node)
{
    struct str name = node_get(node, "name")->text;
    const struct node *value = node_get(node, "value");
    struct str text = value != NULL              ? value->text
                      : str_is(name, "API_KEYS") ? STR(KEY)
                                                 : STR(SANDBOX_TOKEN);

    if (str_is(name, "HOST")) {
        assert_true(str_is(text, "0.0.0.0"));
        text = STR("127.0.0.1");
    }
    if (str_is(name,
               "OTEL_EXPORTER_OTLP_ENDPOINT")) { /* the collector's port, as its file has it */
        assert_true(str_is(text, "http://localhost:4318"));
        text = arena_printf(arena, "http://127.0.0.1:%u", collector.port);
    }
    if (str_is(name, "VIRTUOSO_PROXY_AUTH_JWT_JWKS")) {
        assert_true(str_is(text, "https://www.googleapis.com/oauth2/v3/certs"));
        text = str_from(google.path);
    }
    return arena_printf(arena, "%.*s=%.*s", STR_ARG(name), STR_ARG(text)).ptr;
}

/* What the file says; the program has nearly the same. */
static struct str said(const struct service *service, const char *name)
{
    for (const struct node *one = node_get(service->container, "env")->first; one != NULL;
         one = one->next) {
        if (str_is(node_get(one, "name")->text, name)) {
            return node_get(one, "value")->text;
        }
    }
    fail_msg("%s is not set", name);
    return STR_EMPTY;
}

static void service_start(struct service *service)
{
    struct proxy *proxy = &service->proxy;
    uint16_t port = port_free();
    size_t n = 0;

    *service = (struct service){0};
    arena_init(&proxy->arena);
    reply_init(&proxy->reply);
    service->container = read_service(&proxy->arena);
    for (const struct node *arg = node_get(service->container, "args")->first; arg != NULL;
         arg = arg->next) {
        assert_true(n + 1 < WORDS_MAX);
        service->args[n++] = arena_printf(&proxy->arena, "%.*s", STR_ARG(arg->text)).ptr;
    }
    n = 0;
    for (const struct node *one = node_get(service->container, "env")->first; one != NULL;
         one = one->next) {
        assert_true(n + 5 < WORDS_MAX);
        service->env[n++] = variable(&proxy->arena, one);
    }
    for (const char *const *row = cloud_server_env(&google.server, "google", ""); *row != NULL;
         row++) {
        assert_true(n + 5 < WORDS_MAX);
        service->env[n++] = *row;
    }
    service->env[n++] = arena_printf(&proxy->arena, "PORT=%u", port).ptr;
    service->env[n++] = "K_SERVICE=virtuoso-proxy";
    service->env[n++] = "VIRTUOSO_PROXY_STORE_TIMEOUT_MS=60000"; /* Firestore may stand still */
    service->env[n++] = "VIRTUOSO_PROXY_SANDBOX_ENABLED=true";
    service->env[n++] = "VIRTUOSO_PROXY_OTEL_INTERVAL_MS=200"; /* the test does not wait for long */
    program_serve(&proxy->program, service->args, service->env);
    assert_int_equal(proxy->program.port, port);
    proxy->program.sandbox_port = program_wait_port(&proxy->program, "sandbox on http://");
    sandbox_seed(proxy->program.sandbox_port, SANDBOX_TOKEN, &proxy->seed);
}

static void service_done(struct service *service)
{
    program_assert_clean(&service->proxy.program);
    program_done(&service->proxy.program);
    reply_done(&service->proxy.reply);
    arena_done(&service->proxy.arena);
}

/* The line of the log whose member `message` is this; each line is an object with a severity. */
static const struct json *find_line(struct service *service, const char *message)
{
    const struct json *found = NULL;
    struct buf text;
    struct str line;
    struct str rest;

    buf_init(&text, OUTPUT_MAX);
    program_errors(&service->proxy.program, &text);
    rest = buf_view(&text);
    while (str_cut(rest, '\n', &line, &rest)) {
        struct json *one = NULL;
        struct error err = {0};

        line = arena_str(&service->proxy.arena, line);
        assert_int_equal(json_parse(&service->proxy.arena, line, NULL, &one, &err), ERR_OK);
        assert_true(json_str(json_get(one, "severity")).len > 0);
        assert_true(json_str(json_get(one, "time")).len > 0);
        found = str_is(json_str(json_get(one, "message")), message) ? one : found;
    }
    buf_done(&text);
    return found;
}

static void probes_and_log_are_as_the_platform_expects(void **state)
{
    static const char *const probes[] = {"startupProbe", "livenessProbe"};
    struct service service;
    struct proxy *proxy = &service.proxy;
    const struct json *line;
    const struct json *request;

    (void)state;
    service_start(&service);
    for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
        struct str path =
            node_get(node_get(node_get(service.container, probes[i]), "httpGet"), "path")->text;

        (void)proxy_ask(proxy, "GET", arena_printf(&proxy->arena, "%.*s", STR_ARG(path)).ptr, NULL,
                        "");
        assert_int_equal(proxy->reply.status, 200);
    }
    (void)proxy_ask(proxy, "GET", "/api/v1/commands",
                    "X-API-Key: " KEY "\r\ntraceparent: 00-" TRACE_ID "-b7ad6b7169203331-01\r\n"
                    "X-Request-Id: mine\r\n",
                    "");
    assert_int_equal(proxy->reply.status, 200);
    wait_until(find_line(&service, "GET /api/v1/commands") != NULL);
    line = find_line(&service, "GET /api/v1/commands");
    assert_true(str_is(json_str(json_get(line, "severity")), "INFO"));
    assert_true(str_is(json_str(json_get(line, "logging.googleapis.com/trace")),
                       "projects/PROJECT/traces/" TRACE_ID));
    request = json_get(line, "httpRequest");
    assert_true(str_is(json_str(json_get(request, "requestMethod")), "GET"));
    assert_true(str_is(json_str(json_get(request, "requestUrl")), "/api/v1/commands"));
    assert_true(str_starts(json_str(json_get(request, "remoteIp")), STR("127.0.0.1")));
    assert_true(json_get(request, "status") != NULL);
    assert_true(json_str(json_get(request, "responseSize")).len > 0);
    assert_true(str_ends(json_str(json_get(request, "latency")), STR("s")));
    assert_null(json_get(line, "method")); /* it is told once */
    assert_true(str_is(json_str(json_get(line, "request_id")), "mine"));
    program_signal(&proxy->program, SIGTERM);
    assert_int_equal(program_wait_end(&proxy->program, KILL_MS), 0);
    service_done(&service);
}

static const struct json *span_below(struct arena *arena, const char *parent)
{
    const struct json *span;

    JSON_FOREACH (span, collector_spans(&collector, arena)) {
        if (str_is(json_str(json_get(span, "parentSpanId")), parent)) {
            return span;
        }
    }
    return NULL;
}

/* What Google's front end adds is the parent of our span, whose number is decimal there; metrics go to the collector, too. */
static void spans_go_to_the_collector_beside_it(void **state)
{
    struct service service;
    struct proxy *proxy = &service.proxy;

    (void)state;
    service_start(&service);
    (void)proxy_ask(proxy, "GET", "/api/v1/commands",
                    "X-API-Key: " KEY "\r\nX-Cloud-Trace-Context: " TRACE_ID "/255;o=1\r\n", "");
    assert_int_equal(proxy->reply.status, 200);
    wait_until(span_below(&proxy->arena, "00000000000000ff") != NULL);
    assert_string_equal(
        json_str(json_get(span_below(&proxy->arena, "00000000000000ff"), "traceId")).ptr, TRACE_ID);
    wait_until(collector_metrics(&collector, &proxy->arena) != NULL);
    wait_until(find_line(&service, "GET /api/v1/commands") != NULL);
    assert_string_equal(json_str(json_get(find_line(&service, "GET /api/v1/commands"),
                                          "logging.googleapis.com/trace"))
                            .ptr,
                        "projects/PROJECT/traces/" TRACE_ID);
    program_signal(&proxy->program, SIGTERM);
    assert_int_equal(program_wait_end(&proxy->program, KILL_MS), 0);
    service_done(&service);
}

/* Its configuration is where its argument says, it listens where the proxy sends, and the front end knows whom to ask. */
static void the_collector_is_where_the_proxy_sends(void **state)
{
    struct arena arena;
    const struct node *proxy;
    const struct node *beside;
    const struct node *volume;
    struct str path;

    (void)state;
    arena_init(&arena);
    proxy = read_service(&arena);
    beside = proxy->next;
    assert_true(node_get(proxy, "ports") != NULL && node_get(beside, "ports") == NULL);
    volume = at(read_file(&arena, SERVICE),
                (const char *const[]){"spec", "template", "spec", "volumes", NULL})
                 ->first;
    assert_true(str_eq(node_get(volume, "name")->text,
                       node_get(node_get(beside, "volumeMounts")->first, "name")->text));
    path = arena_printf(
        &arena, "--config=%.*s/%.*s",
        STR_ARG(node_get(node_get(beside, "volumeMounts")->first, "mountPath")->text),
        STR_ARG(node_get(node_get(node_get(volume, "secret"), "items")->first, "path")->text));
    assert_true(str_eq(node_get(beside, "args")->first->text, path));
    assert_true(
        str_is(at(read_file(&arena, COLLECTOR),
                  (const char *const[]){"receivers", "otlp", "protocols", "http", "endpoint", NULL})
                   ->text,
               "0.0.0.0:4318"));
    arena_done(&arena);
}

static int set_up(void **state)
{
    FILE *file;

    (void)state;
    collector_start(&collector);
    cloud_server_start(&google.server, NULL);
    arena_init(&google.arena);
    google.issuer = issuer_new(&google.arena);
    (void)snprintf(google.path, sizeof(google.path), "%s/keys-%d.json", VP_SCRATCH_DIR,
                   (int)getpid());
    file = fopen(google.path, "we");
    assert_non_null(file);
    assert_true(fputs(arena_cstr(&google.arena, issuer_key_set(google.issuer, "")), file) >= 0);
    assert_int_equal(fclose(file), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)remove(google.path);
    issuer_free(google.issuer);
    arena_done(&google.arena);
    cloud_server_done(&google.server);
    collector_done(&collector);
    return 0;
}

/* As Google signs it for whoever made the task. */
static const char *token_of(struct arena *arena, const struct json *task)
{
    static const char place[] = "/task/httpRequest/oidcToken/";
    struct str account =
        json_str(json_find(task, arena_printf(arena, "%sserviceAccountEmail", place).ptr));
    struct str audience = json_str(json_find(task, arena_printf(arena, "%saudience", place).ptr));
    struct str claims = arena_printf(
        arena,
        "{\"iss\": \"https://accounts.google.com\", \"aud\": \"%.*s\", \"sub\": \"1\", "
        "\"email\": \"%.*s\", \"email_verified\": true, \"exp\": %lld}",
        STR_ARG(audience), STR_ARG(account), (long long)time(NULL) + 3600);

    return arena_printf(arena, "Authorization: Bearer %.*s\r\n",
                        STR_ARG(issuer_sign(google.issuer, "RS256",
                                            "{\"alg\": \"RS256\", \"kid\": \"rsa\"}", claims.ptr)))
        .ptr;
}

/* The answer comes at once, nothing is done behind it, and the task does the rest. */
static void a_run_goes_on_in_a_task(void **state)
{
    struct service service;
    struct proxy *proxy = &service.proxy;
    struct json *task = NULL;
    const struct json *run;
    struct str url;
    struct str path;
    size_t n_seen;

    (void)state;
    service_start(&service);
    run = proxy_ask(proxy, "POST", "/api/v1/tests/run?async=true",
                    "X-API-Key: " KEY "\r\nContent-Type: application/json\r\n",
                    "{\"name\":\"t\",\"steps\":[{\"navigate\":\"https://n.example/\"}]}");
    assert_int_equal(proxy->reply.status, 202);
    path = arena_printf(&proxy->arena, "/api/v1/tests/runs/%.*s",
                        STR_ARG(json_str(json_get(run, "id"))));
    assert_int_equal(google.server.seen->n_recalls, 1);
    n_seen = sandbox_count(proxy->program.sandbox_port, "", "");
    assert_int_equal(json_parse(&proxy->arena,
                                arena_str(&proxy->arena, str_from(google.server.seen->recall)),
                                NULL, &task, NULL),
                     ERR_OK);
    url = json_str(json_find(task, "/task/httpRequest/url"));
    assert_true(str_starts(url, said(&service, "VIRTUOSO_PROXY_RUNS_RECALL_URL")));
    assert_true(str_starts(json_str(json_find(task, "/task/name")),
                           said(&service, "VIRTUOSO_PROXY_RUNS_RECALL_QUEUE")));
    assert_int_equal(sandbox_count(proxy->program.sandbox_port, "", ""), n_seen);
    url = str_sub(url, said(&service, "VIRTUOSO_PROXY_RUNS_RECALL_URL").len, url.len);
    (void)proxy_ask(proxy, "POST", arena_cstr(&proxy->arena, url), token_of(&proxy->arena, task),
                    "");
    assert_int_equal(proxy->reply.status, 204);
    run = proxy_ask(proxy, "GET", path.ptr, "X-API-Key: " KEY "\r\n", "");
    assert_true(str_is(json_str(json_get(run, "status")), "created"));
    assert_int_equal(google.server.seen->n_recalls, 1); /* it is over */
    program_signal(&proxy->program, SIGTERM);
    assert_int_equal(program_wait_end(&proxy->program, KILL_MS), 0);
    service_done(&service);
}

static struct str annotation(struct arena *arena, const char *name)
{
    return at(read_file(arena, SERVICE),
              (const char *const[]){"spec", "template", "metadata", "annotations", name, NULL})
        ->text;
}

/* What the file says to Cloud Run fits what it says to the program. */
static void nothing_is_left_to_do_between_requests(void **state)
{
    struct service service = {0};
    struct arena *arena = &service.proxy.arena;
    int64_t limit_s = 0;
    int64_t slice_ms = 0;

    (void)state;
    arena_init(arena);
    service.container = read_service(arena);
    assert_true(str_is(annotation(arena, "run.googleapis.com/cpu-throttling"), "true"));
    assert_true(str_is(annotation(arena, "autoscaling.knative.dev/minScale"), "0"));
    assert_true(str_is(annotation(arena, "autoscaling.knative.dev/maxScale"), "100"));
    assert_true(str_is(said(&service, "VIRTUOSO_PROXY_RUNS_DRIVER"), "request"));
    assert_true(
        str_to_i64(at(read_file(arena, SERVICE),
                      (const char *const[]){"spec", "template", "spec", "timeoutSeconds", NULL})
                       ->text,
                   1, 3600, &limit_s));
    assert_true(str_to_i64(said(&service, "VIRTUOSO_PROXY_HTTP_LONG_EXCHANGE_TIMEOUT_MS"), 1,
                           INT64_MAX, &slice_ms));
    assert_true(slice_ms + 10000 < limit_s * 1000);
    arena_done(arena);
}

/* A call of the platform that never ends in time: SIGKILL would come after 10 s. */
static void sigterm_ends_before_sigkill_would(void **state)
{
    struct service service;
    struct proxy *proxy = &service.proxy;
    struct client client;

    (void)state;
    service_start(&service);
    (void)proxy_begin_step(proxy, &client, "X-API-Key: " KEY "\r\n", 60000);
    program_signal(&proxy->program, SIGTERM);
    assert_int_equal(program_wait_end(&proxy->program, KILL_MS), 0);
    client_close(&client);
    service_done(&service);
}

/* The answer waits until the store has taken its leases back, which is slow, and SIGTERM comes meanwhile. */
static void an_answer_that_rests_leaves_before_the_end(void **state)
{
    static const char body[] = "{\"name\":\"t\",\"steps\":[{\"navigate\":\"https://n.example/\"}]}";
    struct service service;
    struct proxy *proxy = &service.proxy;
    struct client client;
    unsigned n_requests;

    (void)state;
    service_start(&service);
    client_open(&client, proxy->program.port);
    google.server.seen->delay_ms = 40;
    assert_true(client_send_request(&client, "POST", "/api/v1/tests/run",
                                    "X-API-Key: " KEY "\r\nContent-Type: application/json\r\n",
                                    str_from(body)));
    wait_until(sandbox_count(proxy->program.sandbox_port, "POST", "/teststeps") == 1);
    n_requests = google.server.seen->n_requests;
    wait_until(google.server.seen->n_requests > n_requests); /* the step is made: it lets go */
    program_signal(&proxy->program, SIGTERM);
    assert_int_equal(client_read(&client, false, &proxy->reply), CLIENT_OK);
    assert_int_equal(proxy->reply.status, 200);
    google.server.seen->delay_ms = 0;
    assert_int_equal(program_wait_end(&proxy->program, KILL_MS), 0);
    client_close(&client);
    service_done(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probes_and_log_are_as_the_platform_expects),
        cmocka_unit_test(spans_go_to_the_collector_beside_it),
        cmocka_unit_test(the_collector_is_where_the_proxy_sends),
        cmocka_unit_test(a_run_goes_on_in_a_task),
        cmocka_unit_test(nothing_is_left_to_do_between_requests),
        cmocka_unit_test(sigterm_ends_before_sigkill_would),
        cmocka_unit_test(an_answer_that_rests_leaves_before_the_end),
    };

    return cmocka_run_group_tests_name("cloudrun", tests, set_up, tear_down);
}
