/* Ten thousand clients that connect at once and send a byte now and then do not make others wait. How long one waits
 * is told by the processor time that the proxy takes between a request and its answer: what it does for the slow ones
 * first. The time of the clock tells more of a busy machine; it is judged in the long form alone, under real-time priority
 * where there is one. A new client waits in the kernel, too: when the queue of the listener is full, its first packet is
 * dropped and comes again a second later. What a turn of the loop takes of the slow ones is held by unit.http
 * (test_storm.c). */
#include "harness/cmocka.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "harness/blocking.h"
#include "harness/proxy.h"
#include "harness/wait.h"

enum {
    N_CROWD = 10000,
    CROWD_PER_ADDRESS = 500, /* of 127.0.1.1, 127.0.1.2, ... */
    DRIP_MS = 2000,          /* each sends a byte so often */
    DRIPS_AT_ONCE = 50,
    BURST_EACH = 2, /* requests of each that come in one burst, every second time */
    WINDOW_MS = 3000,
    LONG_WINDOW_MS = 10000,
    N_REQUESTS = 400, /* at least, in a window */
    LONG_ROUNDS = 3,  /* 30 s of slow ones in all */
    NS_PER_US = 1000,
    US_PER_S = 1000000,
    FLOOR_US = 10000, /* of the processor: some turns of the loop */
    MAX_SAMPLES = 100000
};

static uint64_t time_us(clockid_t of)
{
    struct timespec now;

    assert_int_equal(clock_gettime(of, &now), 0);
    return (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / NS_PER_US;
}

static void pause_ms(int ms)
{
    (void)poll(NULL, 0, ms);
}

/* --- the crowd: a process of its own --- */

/* What the ten thousand do. The resting ones have sent a request and let the answer lie; the generator works as
 * much for them, but its bytes go to a socket of its own. So the difference is what slowness costs. */
enum crowd { CROWD_NONE, CROWD_RESTING, CROWD_SLOW, N_CROWDS };

static int connect_from(unsigned index, uint16_t port)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7F000101U + index / CROWD_PER_ADDRESS)};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int one = 1;

    if (fd < 0 || setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)) != 0 ||
        bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
        (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS)) {
        _exit(1);
    }
    return fd;
}

struct member {
    int fd;
    size_t at; /* bytes sent */
};

static const char request[] = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
static const char slow_head[] = "GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: a";

static uint64_t *n_sent; /* shared with the crowd */

static size_t send_next(struct member *member, enum crowd crowd, int sink)
{
    size_t at = member->at < sizeof(slow_head) - 1 ? member->at : sizeof(slow_head) - 2;

    *n_sent += 1;
    if (crowd == CROWD_SLOW) {
        return send(member->fd, &slow_head[at], 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 1 : 0;
    }
    (void)send(sink, slow_head, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (member->at > 0) {
        return 0;
    }
    return send(member->fd, request, sizeof(request) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0 ? 1 : 0;
}

/* Who was thrown out, or told that his head came too late, comes again. */
static void be_one(struct member *member, unsigned index, enum crowd crowd, uint16_t port, int sink)
{
    char answer[1024];
    ssize_t n = recv(member->fd, answer, sizeof(answer), MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN) || (n > 0 && crowd == CROWD_SLOW)) {
        (void)close(member->fd);
        *member = (struct member){.fd = connect_from(index, port)};
    }
    member->at += send_next(member, crowd, sink);
}

static void drain(int fd)
{
    char bytes[4096];

    while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0) {
    }
}

/* Until it is killed. */
static void be_crowd(enum crowd crowd, uint16_t port)
{
    static struct member members[N_CROWD];
    int sink[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sink) != 0) {
        _exit(1);
    }
    for (unsigned i = 0; i < N_CROWD; i++) {
        members[i].fd = connect_from(i, port);
    }
    for (size_t round = 0;; round++) {
        for (unsigned i = 0; i < N_CROWD; i++) {
            be_one(&members[i], i, crowd, port, sink[0]);
            if (i % DRIPS_AT_ONCE == 0) {
                drain(sink[1]);
            }
            if (i % DRIPS_AT_ONCE == 0 && round % BURST_EACH != 0) {
                pause_ms(DRIP_MS * DRIPS_AT_ONCE / N_CROWD);
            }
        }
        if (round % BURST_EACH == 0) {
            pause_ms(DRIP_MS);
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
    enum client_result result;
    uint64_t cpu_us = time_us(target->cpu);
    uint64_t began_us = time_us(CLOCK_MONOTONIC);

    if (is_new) {
        client_open(&fresh, target->port);
        samples->n_dropped += was_dropped(&fresh) ? 1 : 0;
    }
    reply_init(&reply);
    assert_true(client_send_request(client, "GET", "/livez", NULL, STR_EMPTY));
    result = client_read(client, false, &reply);
    if (is_new && result == CLIENT_CLOSED) { /* before its request was read: it would come again */
        reply_done(&reply);
        client_close(&fresh);
        samples->n_dropped++;
        return;
    }
    assert_int_equal(result, CLIENT_OK);
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
enum caller { CALLER_KEPT, CALLER_NEW, N_CALLERS };

/* p99 in each window. */
struct figures {
    uint64_t cpu_us[N_CALLERS][LONG_ROUNDS];
    uint64_t us[N_CALLERS][LONG_ROUNDS];
};

/* The long form asks what the program does, not what else the machine does: who asks and who answers are
 * served before all else, where that may be asked for. */
static void go_first(pid_t pid, int priority)
{
    const struct sched_param param = {.sched_priority = priority};

    if (sched_setscheduler(pid, SCHED_FIFO, &param) != 0) {
        print_message("no real-time priority here: the figures are of the whole machine\n");
    }
}

static void note(struct figures *figures, enum crowd crowd, enum caller caller,
                 struct samples *samples, size_t round)
{
    static const char *const crowds[] = {"nobody else", "10,000 resting", "10,000 slow"};
    static const char *const callers[] = {"a kept connection", "a new one"};

    figures->cpu_us[caller][round] = p99(samples->cpu_us, samples->n);
    figures->us[caller][round] = p99(samples->us, samples->n);
    print_message("%s, %s: p99 of the processor %llu us, of the clock %llu us (%zu requests; the "
                  "crowd sent %llu times; %zu dropped)\n",
                  crowds[crowd], callers[caller],
                  (unsigned long long)figures->cpu_us[caller][round],
                  (unsigned long long)figures->us[caller][round], samples->n,
                  (unsigned long long)*n_sent, samples->n_dropped);
    if (crowd == CROWD_SLOW) {
        assert_in_range(samples->n_dropped, 0, samples->n / 100);
    }
}

static pid_t start_crowd(enum crowd crowd, uint16_t port, bool is_long)
{
    pid_t pid = blocking_fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (is_long) {
            go_first(0, 1);
        }
        be_crowd(crowd, port);
    }
    return pid;
}

/* The arrival of the crowd belongs to it. */
static void measure(enum crowd crowd, struct client *kept, const struct target *target,
                    bool is_long, struct figures *figures, size_t round)
{
    static struct samples samples[N_CALLERS];
    uint64_t end_ms = client_now_ms() + (is_long ? LONG_WINDOW_MS : WINDOW_MS);
    pid_t pid = -1;
    int status = 0;

    memset(samples, 0, sizeof(samples));
    *n_sent = 0;
    if (crowd != CROWD_NONE) {
        pid = start_crowd(crowd, target->port, is_long);
    }
    while (client_now_ms() < end_ms || samples[CALLER_KEPT].n < N_REQUESTS) {
        ask(&samples[CALLER_KEPT], kept, target);
        ask(&samples[CALLER_NEW], NULL, target);
        pause_ms(1);
    }
    if (pid > 0) {
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status)); /* it could connect them all */
    }
    note(figures, crowd, CALLER_KEPT, &samples[CALLER_KEPT], round);
    note(figures, crowd, CALLER_NEW, &samples[CALLER_NEW], round);
}

static uint64_t median(uint64_t *us, size_t n)
{
    qsort(us, n, sizeof(*us), compare);
    return us[n / 2];
}

/* Of the median of the windows. */
static void judge(uint64_t *resting, uint64_t *slow, size_t n, uint64_t floor_us)
{
    uint64_t limit_us = 2 * median(resting, n);

    limit_us = limit_us > floor_us ? limit_us : floor_us;
    assert_in_range(median(slow, n), 0, limit_us * client_slowness());
}

static bool may_open_so_many(void)
{
    struct rlimit files;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    if (files.rlim_max < N_CROWD + 1000) {
        print_message("only %llu descriptors here: skipped\n", (unsigned long long)files.rlim_max);
        return false;
    }
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    return true;
}

static void others_do_not_wait_for_slow_ones(void **state)
{
    static struct figures figures[N_CROWDS];
    bool is_long = getenv("VP_LONG") != NULL;
    /* On a busy machine a short window may be longer than the ten seconds that a head has. */
    const char *const sets[] = {"limits.enabled=false",
                                is_long ? NULL : "http.head_timeout_ms=3600000", NULL};
    size_t n_rounds = is_long ? LONG_ROUNDS : 1;
    struct proxy proxy;
    struct client kept;
    struct target target;

    (void)state;
    if (!may_open_so_many()) {
        skip();
    }
    n_sent = mmap(NULL, sizeof(*n_sent), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(n_sent, MAP_FAILED);
    proxy_start(&proxy, sets);
    target.port = proxy.program.port;
    assert_int_equal(clock_getcpuclockid(proxy.program.pid, &target.cpu), 0);
    if (is_long) {
        go_first(proxy.program.pid, 2);
        go_first(0, 2);
    }
    client_open(&kept, target.port);
    for (size_t round = 0; round < n_rounds; round++) {
        for (enum crowd crowd = is_long ? CROWD_NONE : CROWD_RESTING; crowd < N_CROWDS; crowd++) {
            measure(crowd, &kept, &target, is_long, &figures[crowd], round);
            proxy_wait_open(&proxy, 1); /* those of the crowd that are gone are closed */
        }
    }
    print_message("CPU of the longest turn, at most: %llu us\n",
                  (unsigned long long)cpu_of_longest_turn_us(&proxy));
    for (enum caller caller = CALLER_KEPT; caller < N_CALLERS; caller++) {
        judge(figures[CROWD_RESTING].cpu_us[caller], figures[CROWD_SLOW].cpu_us[caller], n_rounds,
              FLOOR_US);
        if (is_long) {
            judge(figures[CROWD_RESTING].us[caller], figures[CROWD_SLOW].us[caller], n_rounds, 0);
        }
    }
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
