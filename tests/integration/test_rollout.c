/* A process is replaced as Kubernetes does it, with the figures of k8s/base: readiness is asked every few seconds, SIGTERM comes while
 * requests go on coming, and what is not ready any more gets none. Not one of 10,000 requests may fail. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "data/node.h"
#include "harness/client.h"
#include "harness/program.h"
#include "harness/wait.h"

enum { FILE_MAX = 64 * 1024, N_LINES = 16, N_REQUESTS = 10000, PAUSE_EACH = 10 };

#define BASE VP_SOURCE_DIR "/k8s/base/"
#define KEY  "key-of-a-test-with-enough-letters"

struct pod {
    struct program program;
    struct client lines[N_LINES];
    bool gets_requests;
    uint64_t asked_ms;
};

static struct {
    struct arena arena;
    const struct node *probe;
    char path[256];
    unsigned period_ms;
    int64_t grace_s;
    struct pod pods[2];
    unsigned n_asked, n_failed;
} here;

static const struct node *read_yaml(const char *path)
{
    struct node_stream stream = {0};
    struct error_list errors;
    struct error err = {0};
    struct buf text;

    buf_init(&text, FILE_MAX);
    error_list_init(&errors);
    assert_int_equal(fd_read_file(path, &text, &err), ERR_OK);
    assert_int_equal(
        yaml_parse(&here.arena, arena_str(&here.arena, buf_view(&text)), NULL, &stream, &errors),
        ERR_OK);
    buf_done(&text);
    error_list_done(&errors);
    return stream.documents;
}

static int64_t number(const struct node *map, const char *name)
{
    int64_t value = 0;

    assert_true(str_to_i64(node_get(map, name)->text, 0, 1000000, &value));
    return value;
}

/* What of the manifests counts: the configuration, the readiness probe, the time until SIGKILL. */
static int read_manifests(void **state)
{
    const struct node *pod;
    FILE *file;

    (void)state;
    arena_init(&here.arena);
    pod =
        node_get(node_get(node_get(read_yaml(BASE "deployment.yaml"), "spec"), "template"), "spec");
    here.grace_s = number(pod, "terminationGracePeriodSeconds");
    here.probe = node_get(node_get(pod, "containers")->first, "readinessProbe");
    here.period_ms = (unsigned)number(here.probe, "periodSeconds") * 1000;
    assert_int_equal(number(here.probe, "failureThreshold"), 1);
    (void)snprintf(here.path, sizeof(here.path), VP_SCRATCH_DIR "/rollout_%d.yaml", (int)getpid());
    file = fopen(here.path, "w");
    assert_non_null(file);
    (void)fprintf(
        file, "%.*s",
        STR_ARG(node_get(node_get(read_yaml(BASE "configmap.yaml"), "data"), "virtuoso-proxy.yaml")
                    ->text));
    assert_int_equal(fclose(file), 0);
    return 0;
}

static int drop_manifests(void **state)
{
    (void)state;
    (void)unlink(here.path);
    arena_done(&here.arena);
    return 0;
}

static void pod_start(struct pod *pod)
{
    const char *const args[] = {"serve",   "-c",
                                here.path, "--sandbox",
                                "--set",   "server.listen=127.0.0.1:0",
                                "--set",   "admin.listen=127.0.0.1:0",
                                "--set",   "log.access=false",
                                "--set",   "limits.enabled=false",
                                NULL};
    static const char *const env[] = {"API_KEYS=" KEY, NULL};

    *pod = (struct pod){.gets_requests = false};
    program_serve(&pod->program, args, env);
}

static void hang_up(struct pod *pod)
{
    for (size_t i = 0; i < N_LINES; i++) {
        if (pod->lines[i].fd > 0) {
            client_close(&pod->lines[i]);
        }
        pod->lines[i] = (struct client){.fd = 0};
    }
}

/* The kubelet asks; the balancer knows at once. */
static void probe(struct pod *pod)
{
    struct reply reply = {0};
    struct str path = node_get(node_get(here.probe, "httpGet"), "path")->text;

    if (pod->program.pid == 0 || client_now_ms() - pod->asked_ms < here.period_ms) {
        return;
    }
    pod->asked_ms = client_now_ms();
    /* Its listener may be closed at any moment. */
    pod->gets_requests = client_probe(pod->program.port, arena_cstr(&here.arena, path), &reply) &&
                         reply.status == 200;
    if (!pod->gets_requests) {
        hang_up(pod);
    }
    reply_done(&reply);
}

static void ask_one(struct pod *pod, unsigned at)
{
    struct client *line = &pod->lines[at];
    struct reply reply = {0};
    bool ok;

    if (line->fd == 0) {
        client_open(line, pod->program.port);
    }
    ok = client_send_request(line, "GET", "/api/v1/tests/runs", "X-API-Key: " KEY "\r\n",
                             STR_EMPTY) &&
         client_read(line, false, &reply) == CLIENT_OK && reply.status == 200;
    here.n_asked++;
    here.n_failed += ok ? 0 : 1;
    if (!ok || reply.closes) {
        client_close(line);
        *line = (struct client){.fd = 0};
    }
    reply_done(&reply);
}

static void ask_any(void)
{
    struct pod *pod = &here.pods[here.n_asked % 2];

    probe(&here.pods[0]); /* who is asked has said of late that it is ready */
    probe(&here.pods[1]);
    if (!pod->gets_requests) {
        pod = &here.pods[(here.n_asked + 1) % 2];
    }
    assert_true(pod->gets_requests); /* at no time is there none */
    ask_one(pod, here.n_asked / 2 % N_LINES);
    if (here.n_asked % PAUSE_EACH == 0) {
        client_pause_ms(PAUSE_EACH); /* about a thousand a second */
    }
}

static void no_request_fails_while_a_process_is_replaced(void **state)
{
    struct pod *old = &here.pods[0];
    struct pod *fresh = &here.pods[1];
    uint64_t told_ms;
    uint64_t took_ms = 0;

    (void)state;
    pod_start(old);
    probe(old);
    while (here.n_asked < N_REQUESTS / 10) {
        ask_any();
    }
    pod_start(fresh);
    while (!fresh->gets_requests) {
        ask_any();
    }
    program_signal(&old->program, SIGTERM);
    told_ms = client_now_ms();
    while (here.n_asked < N_REQUESTS || program_is_running(&old->program)) {
        ask_any();
        if (program_is_running(&old->program)) {
            took_ms = client_now_ms() - told_ms;
        }
    }
    print_message("%u requests, %u failed; the old process ended %llu ms after SIGTERM\n",
                  here.n_asked, here.n_failed, (unsigned long long)took_ms);
    assert_in_range(took_ms, 1, (uint64_t)here.grace_s * 1000 * client_slowness());
    assert_int_equal(here.n_failed, 0);
    assert_int_equal(program_wait_end(&old->program, WAIT_MS), 0);
    program_assert_clean(&old->program);
    program_done(&old->program);
    hang_up(old);
    hang_up(fresh);
    program_stop(&fresh->program);
    program_done(&fresh->program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_request_fails_while_a_process_is_replaced),
    };

    return cmocka_run_group_tests_name("rollout", tests, read_manifests, drop_manifests);
}
