/* The program as Cloud Run starts it: arguments and environment of conf/gcp/service.yaml, PORT, the form of the log, the trace, the
 * collector beside it, and the ten seconds from SIGTERM to SIGKILL. */
#include "harness/cmocka.h"

#include <signal.h>
#include <string.h>

#include "base/fd.h"
#include "data/node.h"
#include "harness/collector.h"
#include "harness/port.h"
#include "harness/proxy.h"
#include "harness/wait.h"

enum { FILE_MAX = 64 * 1024, OUTPUT_MAX = 1 << 20, WORDS_MAX = 32, KILL_MS = 10000 };

#define SERVICE   VP_SOURCE_DIR "/conf/gcp/service.yaml"
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
    return arena_printf(arena, "%.*s=%.*s", STR_ARG(name), STR_ARG(text)).ptr;
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
    service->env[n++] = arena_printf(&proxy->arena, "PORT=%u", port).ptr;
    service->env[n++] = "K_SERVICE=virtuoso-proxy";
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
    (void)state;
    collector_start(&collector);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    collector_done(&collector);
    return 0;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probes_and_log_are_as_the_platform_expects),
        cmocka_unit_test(spans_go_to_the_collector_beside_it),
        cmocka_unit_test(the_collector_is_where_the_proxy_sends),
        cmocka_unit_test(sigterm_ends_before_sigkill_would),
    };

    return cmocka_run_group_tests_name("cloudrun", tests, set_up, tear_down);
}
