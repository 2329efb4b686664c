/* Ten thousand clients that connect at once and send a byte now and then do not make others wait. What a turn
 * of the loop takes of them is held by unit.http (test_storm.c): on a busy machine the time of a turn tells more of the
 * machine. */
#include "harness/cmocka.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "harness/proxy.h"
#include "harness/wait.h"

enum {
    N_SLOW = 10000,
    SLOW_PER_ADDRESS = 500, /* of 127.0.1.1, 127.0.1.2, ... */
    DRIP_MS = 2000,         /* each sends a byte so often */
    DRIPS_AT_ONCE = 50,
    BURST_EACH = 2, /* every second time all of them at once */
    N_QUIET = 400,
    STORM_MS = 4000,
    LONG_STORM_MS = 30000,
    NS_PER_US = 1000,
    US_PER_S = 1000000,
    FLOOR_US =
        500000, /* what a busy machine may add; a client that is not accepted waits seconds */
    LONG_FLOOR_US = 25000, /* the machine is quiet then */
    MAX_SAMPLES = 200000
};

static uint64_t now_us(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / NS_PER_US;
}

/* --- the slow ones: a process of their own --- */

static int connect_from(unsigned index, uint16_t port)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7F000101U + index / SLOW_PER_ADDRESS)};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
        (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS)) {
        _exit(1);
    }
    return fd;
}

static void pause_ms(int ms)
{
    (void)poll(NULL, 0, ms);
}

/* Until it is killed. Each tells its head a byte at a time; who was thrown out stays away. */
static void be_slow(uint16_t port)
{
    static int fds[N_SLOW];
    static const char head[] = "GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: a";

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned i = 0; i < N_SLOW; i++) {
        fds[i] = connect_from(i, port);
    }
    for (size_t at = 0;; at++) {
        char c = head[at < sizeof(head) - 1 ? at : sizeof(head) - 2];

        for (unsigned i = 0; i < N_SLOW; i++) {
            (void)send(fds[i], &c, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (i % DRIPS_AT_ONCE == 0 && at % BURST_EACH != 0) {
                pause_ms(DRIP_MS * DRIPS_AT_ONCE / N_SLOW);
            }
        }
    }
}

/* --- the others --- */

struct samples {
    uint64_t us[MAX_SAMPLES];
    size_t n;
};

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static uint64_t p99(struct samples *samples)
{
    assert_true(samples->n >= 100);
    qsort(samples->us, samples->n, sizeof(*samples->us), compare);
    return samples->us[samples->n * 99 / 100];
}

static uint64_t worst(const struct samples *samples)
{
    uint64_t us = 0;

    for (size_t i = 0; i < samples->n; i++) {
        us = samples->us[i] > us ? samples->us[i] : us;
    }
    return us;
}

/* One request, on the connection that is kept or on one of its own. */
static void ask(struct samples *samples, struct client *kept, uint16_t port)
{
    bool is_new = kept == NULL;
    struct client fresh;
    struct client *client = is_new ? &fresh : kept;
    struct reply reply;
    uint64_t began_us = now_us();

    if (is_new) {
        client_open(&fresh, port);
    }
    reply_init(&reply);
    assert_true(client_send_request(client, "GET", "/livez", NULL, STR_EMPTY));
    assert_int_equal(client_read(client, false, &reply), CLIENT_OK);
    assert_int_equal(reply.status, 200);
    reply_done(&reply);
    if (is_new) {
        client_close(&fresh);
    }
    if (samples->n < MAX_SAMPLES) {
        samples->us[samples->n++] = now_us() - began_us;
    }
}

static uint64_t cpu_of_longest_turn_us(const struct proxy *proxy)
{
    struct reply reply;
    struct str text;
    struct str line;
    uint64_t us = 0;

    reply_init(&reply);
    client_ask(proxy->program.port, "GET", "/metrics", NULL, STR_EMPTY, &reply);
    text = reply_text(&reply);
    while (str_next(&text, '\n', &line)) {
        struct str name;
        struct str value;

        if (str_cut(line, ' ', &name, &value) &&
            str_is(name, "virtuoso_proxy_loop_turn_cpu_seconds_max")) {
            us = (uint64_t)(strtod(value.ptr, NULL) * (double)US_PER_S);
        }
    }
    reply_done(&reply);
    return us;
}

/* Of clients that keep their connection, and of those that come with a new one. */
struct others {
    struct samples kept, fresh;
};

static void ask_both(struct others *others, struct client *kept, uint16_t port)
{
    ask(&others->kept, kept, port);
    ask(&others->fresh, NULL, port);
    pause_ms(1);
}

static void judge(const char *who, struct samples *quiet, struct samples *storm, bool is_long)
{
    uint64_t before_us = p99(quiet);
    uint64_t worst_us = worst(storm);
    uint64_t storm_us = p99(storm);
    uint64_t floor_us = is_long ? LONG_FLOOR_US : FLOOR_US;
    uint64_t limit_us = 2 * before_us > floor_us ? 2 * before_us : floor_us;

    print_message(
        "%s: p99 %llu us before, %llu us with %d slow ones (%zu requests, worst %llu us)\n", who,
        (unsigned long long)before_us, (unsigned long long)storm_us, N_SLOW, storm->n,
        (unsigned long long)worst_us);
    assert_in_range(storm_us, 0, limit_us * client_slowness());
}

static bool may_open_so_many(void)
{
    struct rlimit files;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    if (files.rlim_max < N_SLOW + 1000) {
        print_message("only %llu descriptors here: skipped\n", (unsigned long long)files.rlim_max);
        return false;
    }
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    return true;
}

static void others_do_not_wait_for_slow_ones(void **state)
{
    static const char *const sets[] = {"limits.enabled=false", NULL};
    static struct others quiet;
    static struct others storm;
    bool is_long = getenv("VP_LONG") != NULL;
    struct proxy proxy;
    struct client kept;
    uint64_t end_ms;
    pid_t slow;

    (void)state;
    if (!may_open_so_many()) {
        skip();
    }
    proxy_start(&proxy, sets);
    client_open(&kept, proxy.program.port);
    for (unsigned i = 0; i < N_QUIET; i++) {
        ask_both(&quiet, &kept, proxy.program.port);
    }
    slow = fork();
    assert_true(slow >= 0);
    if (slow == 0) {
        be_slow(proxy.program.port);
    }
    end_ms = client_now_ms() + (is_long ? LONG_STORM_MS : STORM_MS);
    while (client_now_ms() < end_ms) {
        ask_both(&storm, &kept, proxy.program.port);
    }
    assert_int_equal(kill(slow, SIGKILL), 0);
    assert_int_equal(waitpid(slow, NULL, 0), slow);
    print_message("CPU of the longest turn, at most: %llu us\n",
                  (unsigned long long)cpu_of_longest_turn_us(&proxy));
    judge("on a connection that is kept", &quiet.kept, &storm.kept, is_long);
    judge("on a new one", &quiet.fresh, &storm.fresh, is_long);
    client_close(&kept);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_do_not_wait_for_slow_ones),
    };

    return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}
