#include "harness/cloud_server.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "crypto/signature.h"
#include "data/json.h"
#include "harness/blocking.h"
#include "harness/cloud_child.h"
#include "harness/cmocka.h"

enum { ANSWER_MAX = 8 << 20, US_PER_MS = 1000, MS_PER_S = 1000 };

/* ---- in the child ---- */

struct connection {
    struct cloud_child *child;
    int fd;
};

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

void cloud_answer(struct cloud_request *request, int status, struct str body)
{
    request->status = status;
    request->answer = body;
}

void cloud_refuse(struct cloud_request *request, int status, const char *code, const char *message)
{
    bool is_xml = str_is(request->service, "s3");

    request->type = is_xml ? STR("application/xml") : STR("application/json");
    cloud_answer(request, status,
                 is_xml ? arena_printf(request->arena,
                                       "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>%s"
                                       "</Code><Message>%s</Message></Error>",
                                       code, message)
                        : arena_printf(request->arena, "{\"__type\":\"%s\",\"message\":\"%s\"}",
                                       code, message));
}

static void handle(struct cloud_request *request)
{
    struct cloud_seen *seen = request->child->seen;

    if (cloud_give_credentials(request)) {
        return;
    }
    seen->n_requests++;
    if (!cloud_check(request)) {
        return;
    }
    if (seen->slow_downs > 0) {
        seen->slow_downs--;
        cloud_refuse(request, str_is(request->service, "google") ? 429 : 503, "SlowDown",
                     "Please reduce your request rate.");
        return;
    }
    if (!cloud_tell_secret(request) && !cloud_take_recall(request) &&
        !cloud_serve_document(request) && !cloud_serve_object(request)) {
        cloud_refuse(request, 404, "NoSuchKey", "nothing is here");
    }
}

static bool answer(const struct connection *connection, struct cloud_request *request)
{
    char date[64];
    struct buf out;
    struct buf when;
    bool sent;

    buf_init_on(&when, date, sizeof(date), sizeof(date) - 1);
    clock_format_imf(&when, clock_wall_ms() + (int64_t)request->child->seen->ahead_s * MS_PER_S);
    buf_init(&out, ANSWER_MAX);
    buf_printf(&out,
               "HTTP/1.1 %d X\r\nDate: %s\r\nContent-Type: %.*s\r\nContent-Length: %zu\r\n%.*s\r\n",
               request->status, buf_cstr(&when), STR_ARG(request->type), request->answer.len,
               STR_ARG(request->fields));
    if (!str_is(request->method, "HEAD")) {
        buf_str(&out, request->answer);
    }
    sent = blocking_write(connection->fd, buf_view(&out));
    buf_done(&out);
    buf_done(&when);
    return sent;
}

/* False: this connection is over. */
static bool serve_one(const struct connection *connection, struct buf *in)
{
    struct cloud_child *child = connection->child;
    struct cloud_request request = {.child = child, .status = 500};
    struct arena arena;
    struct str line;
    struct str rest;
    size_t len;
    bool goes_on = false;

    if (!blocking_read(connection->fd, in, &request.head, &len)) {
        return false;
    }
    arena_init(&arena);
    request.arena = &arena;
    request.type = STR("application/json");
    request.fields = STR_EMPTY;
    request.answer = STR_EMPTY;
    request.service = STR_EMPTY;
    request.body = str_sub(buf_view(in), request.head.len + 4, len - request.head.len - 4);
    (void)str_cut(request.head, ' ', &request.method, &rest);
    (void)str_cut(rest, ' ', &line, &rest);
    (void)str_cut(line, '?', &request.path, &request.query);
    if (child->seen->delay_ms > 0) {
        (void)usleep(child->seen->delay_ms * US_PER_MS);
    }
    if (!child->seen->is_away) {
        (void)pthread_mutex_lock(&one_at_a_time);
        handle(&request);
        (void)pthread_mutex_unlock(&one_at_a_time);
        goes_on = !request.is_lost && answer(connection, &request);
    }
    buf_consume(in, len);
    arena_done(&arena);
    return goes_on;
}

static void *serve_connection(void *context)
{
    struct connection *connection = context;
    struct buf in;

    buf_init(&in, BLOCKING_BODY_MAX);
    while (serve_one(connection, &in)) {
    }
    buf_done(&in);
    (void)close(connection->fd);
    free(connection);
    return NULL;
}

static void serve(struct cloud_child *child, int listener)
{
    for (;;) {
        struct connection *connection = malloc(sizeof(*connection));
        pthread_t thread;

        *connection = (struct connection){child, accept(listener, NULL, NULL)};
        if (connection->fd < 0 ||
            pthread_create(&thread, NULL, serve_connection, connection) != 0) {
            _exit(1);
        }
        (void)pthread_detach(thread);
    }
}

static struct public_key *key_of(struct issuer *issuer, struct arena *arena)
{
    struct json *jwk = NULL;
    struct public_key *key = NULL;
    struct error err = {0};
    struct str n = STR_EMPTY;
    struct str e = STR_EMPTY;

    if (issuer == NULL) {
        return NULL;
    }
    assert_int_equal(json_parse(arena, issuer_jwk(issuer, "RSA", "k"), NULL, &jwk, NULL), ERR_OK);
    assert_true(base64url_decode(arena, json_str(json_get(jwk, "n")), &n) &&
                base64url_decode(arena, json_str(json_get(jwk, "e")), &e));
    assert_int_equal(public_key_rsa(n, e, &key, &err), ERR_OK);
    return key;
}

/* ---- in the test ---- */

void cloud_server_start(struct cloud_server *server, struct issuer *issuer)
{
    int listener = blocking_listen(&server->port);

    server->seen = mmap(NULL, sizeof(*server->seen), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(server->seen != MAP_FAILED);
    server->pid = blocking_fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) {
        struct cloud_child child = {
            .seen = server->seen, .items = calloc(1, sizeof(*child.items)), .port = server->port};
        struct arena arena;

        (void)signal(SIGPIPE, SIG_IGN);
        arena_init(&arena);
        child.key = key_of(issuer, &arena);
        child.items->seen = server->seen;
        serve(&child, listener);
        _exit(0);
    }
    (void)close(listener);
}

void cloud_server_done(struct cloud_server *server)
{
    assert_int_equal(kill(server->pid, SIGKILL), 0);
    assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
    assert_int_equal(munmap(server->seen, sizeof(*server->seen)), 0);
}

static const struct {
    const char *source; /* NULL: in any case */
    const char *format; /* with the port, or the path */
    bool has_path;
} variables[] = {
    {NULL, "AWS_REGION=eu-central-1", false},
    {NULL, "AWS_ENDPOINT_URL=http://127.0.0.1:%u", false},
    {NULL, "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER=http://127.0.0.1:%u/", false},
    {NULL, "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE=http://127.0.0.1:%u", false},
    {NULL, "CLOUDSDK_API_ENDPOINT_OVERRIDES_FIRESTORE=http://127.0.0.1:%u", false},
    {NULL, "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDTASKS=http://127.0.0.1:%u", false},
    {NULL, "GCE_METADATA_HOST=127.0.0.1:%u", false},
    {"keys", "AWS_ACCESS_KEY_ID=AKIDSTATIC", false},
    {"keys", "AWS_SECRET_ACCESS_KEY=static/secret+key", false},
    {"instance", "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:%u/instance", false},
    {"container", "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:%u/container", false},
    {"container", "AWS_CONTAINER_AUTHORIZATION_TOKEN=container-token", false},
    {"web", "AWS_WEB_IDENTITY_TOKEN_FILE=%s", true},
    {"web", "AWS_ROLE_ARN=arn:aws:iam::1:role/qa", false},
};

const char *const *cloud_server_env(struct cloud_server *server, const char *source,
                                    const char *path)
{
    static const char *rows[CLOUD_ENV_MAX + 1];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        struct buf text;

        if (variables[i].source != NULL && strcmp(variables[i].source, source) != 0) {
            continue;
        }
        buf_init_on(&text, server->env[n], CLOUD_TEXT_MAX, CLOUD_TEXT_MAX - 1);
        for (const char *c = variables[i].format; *c != '\0'; c++) {
            if (*c != '%') {
                buf_char(&text, *c);
            } else if (variables[i].has_path) {
                buf_text(&text, path);
                c++;
            } else {
                buf_int(&text, server->port);
                c++;
            }
        }
        rows[n] = buf_cstr(&text);
        n++;
    }
    rows[n] = NULL;
    return rows;
}

const char *cloud_server_recall(const struct cloud_server *server, struct str words)
{
    const struct cloud_seen *seen = server->seen;

    for (unsigned n = seen->n_recalls, i = 0; n > 0 && i < CLOUD_RECALLS_KEPT; n--, i++) {
        const char *recall = seen->recalls[(n - 1) % CLOUD_RECALLS_KEPT];

        if (str_contains(str_from(recall), words)) {
            return recall;
        }
    }
    return NULL;
}

void cloud_server_set(struct cloud_server *server, unsigned at, const char *name, const char *text)
{
    struct cloud_secret *secret = &server->seen->secrets[at];

    (void)snprintf(secret->texts[(secret->at + 1) % 2], CLOUD_TEXT_MAX, "%s", text);
    secret->at++;
    (void)snprintf(secret->name, sizeof(secret->name), "%s", name);
}
