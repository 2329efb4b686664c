/* Ten thousand clients that connect at once and send a byte now and then do not make others wait. How long one waits
 * is told by the processor time that the proxy takes between a request and its answer: what it does for the slow ones
 * first. The time of the clock tells more of a busy machine, and is printed only. A new client waits in the kernel, too:
 * when the queue of the listener is full, its first packet is dropped and comes again a second later. What a
 * turn of the loop takes of the slow ones is held by unit.http (test_storm.c). */
#include "harness/cmocka.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
    N_REQUESTS = 400,
    STORM_MS = 4000,
    LONG_STORM_MS = 30000,
    NS_PER_US = 1000,
    US_PER_S = 1000000,
    FLOOR_US = 10000, /* of the processor: some turns of the loop */
    MAX_SAMPLES = 200000
};

static uint64_t time_us(clockid_t of)
{
    struct timespec now;

    assert_int_equal(clock_gettime(of, &now), 0);
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
    uint64_t cpu_us[MAX_SAMPLES]; /* of the proxy */
    uint64_t us[MAX_SAMPLES];
    size_t n;
    size_t n_dropped; /* whose first packet came again */
};

struct target {
    uint16_t port;
    clockid_t cpu;
};

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static uint64_t p99(uint64_t *us, size_t n)
{
    assert_true(n >= 100);
    qsort(us, n, sizeof(*us), compare);
    return us[n * 99 / 100];
}

static bool was_dropped(const struct client *client)
{
    struct tcp_info info;
    socklen_t size = sizeof(info);

    assert_int_equal(getsockopt(client->fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_total_retrans > 0;
}

/* One request, on the connection that is kept or on one of its own. */
static void ask(struct samples *samples, struct client *kept, const struct target *target)
{
    bool is_new = kept == NULL;
    struct client fresh;
    struct client *client = is_new ? &fresh : kept;
    struct reply reply;
    uint64_t cpu_us = time_us(target->cpu);
    uint64_t began_us = time_us(CLOCK_MONOTONIC);

    if (is_new) {
        client_open(&fresh, target->port);
        samples->n_dropped += was_dropped(&fresh) ? 1 : 0;
    }
    reply_init(&reply);
    assert_true(client_send_request(client, "GET", "/livez", NULL, STR_EMPTY));
    assert_int_equal(client_read(client, false, &reply), CLIENT_OK);
    assert_int_equal(reply.status, 200);
    reply_done(&reply);
    if (samples->n < MAX_SAMPLES) {
        samples->us[samples->n] = time_us(CLOCK_MONOTONIC) - began_us;
        samples->cpu_us[samples->n++] = time_us(target->cpu) - cpu_us;
    }
    if (is_new) {
        client_close(&fresh);
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

static void ask_both(struct others *others, struct client *kept, const struct target *target)
{
    ask(&others->kept, kept, target);
    ask(&others->fresh, NULL, target);
    pause_ms(1);
}

static void judge(const char *who, struct samples *quiet, struct samples *storm)
{
    uint64_t quiet_us = p99(quiet->cpu_us, quiet->n);
    uint64_t storm_us = p99(storm->cpu_us, storm->n);
    uint64_t limit_us = 2 * quiet_us > FLOOR_US ? 2 * quiet_us : FLOOR_US;

    print_message("%s, before and with %d slow ones (%zu requests): p99 of the processor %llu and "
                  "%llu us, of the clock %llu and %llu us; %zu dropped\n",
                  who, N_SLOW, storm->n, (unsigned long long)quiet_us, (unsigned long long)storm_us,
                  (unsigned long long)p99(quiet->us, quiet->n),
                  (unsigned long long)p99(storm->us, storm->n), storm->n_dropped);
    assert_in_range(storm_us, 0, limit_us * client_slowness());
    assert_in_range(storm->n_dropped, 0, storm->n / 100);
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
    struct proxy proxy;
    struct client kept;
    struct target target;
    uint64_t end_ms;
    pid_t slow;
    int status = 0;

    (void)state;
    if (!may_open_so_many()) {
        skip();
    }
    proxy_start(&proxy, sets);
    target.port = proxy.program.port;
    assert_int_equal(clock_getcpuclockid(proxy.program.pid, &target.cpu), 0);
    client_open(&kept, target.port);
    for (unsigned i = 0; i < N_REQUESTS; i++) {
        ask_both(&quiet, &kept, &target);
    }
    slow = fork();
    assert_true(slow >= 0);
    if (slow == 0) {
        be_slow(target.port);
    }
    end_ms = client_now_ms() + (getenv("VP_LONG") != NULL ? LONG_STORM_MS : STORM_MS);
    while (client_now_ms() < end_ms || storm.kept.n < N_REQUESTS) {
        ask_both(&storm, &kept, &target);
    }
    assert_int_equal(kill(slow, SIGKILL), 0);
    assert_int_equal(waitpid(slow, &status, 0), slow);
    assert_true(WIFSIGNALED(status)); /* it could connect them all */
    print_message("CPU of the longest turn, at most: %llu us\n",
                  (unsigned long long)cpu_of_longest_turn_us(&proxy));
    judge("on a connection that is kept", &quiet.kept, &storm.kept);
    judge("on a new one", &quiet.fresh, &storm.fresh);
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
