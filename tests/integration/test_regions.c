/* One platform at two addresses, under 500 requests a second: the first region hangs, answers 503 or is gone, and comes back.
 * No read fails, none waits until its call would be given up, and nothing is created twice. */
#include "harness/cmocka.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "harness/mount.h"
#include "harness/port.h"
#include "harness/proxy.h"
#include "harness/wait.h"

enum {
    N_SLOTS = 1500,
    TRIES = 4,
    RATE = 500,      /* requests a second */
    CHANGE_EACH = 5, /* one of so many creates a project */
    N_MAX = 20000,
    PROBE_MS = 2000,
    TRY_MS = 60000, /* upstream.timeout_ms: whoever waits for it is slow, the machine is not */
    SLOW_MS = 20000,
    GOOD_MS = 1000, /* both are there */
    AWAY_MS = 2500,
    TEXT_MAX = 512,
    STATUS_AT = 9 /* "HTTP/1.1 200" */
};

#define NAME "project-"

enum fate { FATE_OPEN, FATE_DONE, FATE_FAILED };

/* A request under way, on a connection of its own. */
struct slot {
    int fd; /* 0: free */
    size_t number;
    uint64_t began_ms;
    char text[TEXT_MAX];
    size_t len;
};

static struct {
    struct program regions[2];
    uint16_t ports[2];
    struct proxy proxy;
    struct slot slots[N_SLOTS];
    size_t n_asked;
    size_t n_under_way;
    enum fate fates[N_MAX]; /* of the request of that number */
    unsigned n_reads_failed;
    unsigned n_reads_slow; /* as if no probe had found out */
    uint64_t slowest_read_ms;
    char last_failure[TEXT_MAX];
} here;

static bool is_change(size_t number)
{
    return number % CHANGE_EACH == 0;
}

/* ---- the load ---- */

static int connect_to_proxy(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(here.proxy.program.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd > 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void ask(struct slot *slot)
{
    char body[64];
    char text[TEXT_MAX];
    int len;

    *slot = (struct slot){
        .fd = connect_to_proxy(), .number = here.n_asked++, .began_ms = client_now_ms()};
    assert_true(here.n_asked < N_MAX);
    here.n_under_way++;
    if (is_change(slot->number)) {
        int n = snprintf(body, sizeof(body), "{\"name\":\"" NAME "%zu\"}", slot->number);

        len = snprintf(text, sizeof(text),
                       "POST /api/projects HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                       n, body);
    } else {
        len = snprintf(text, sizeof(text),
                       "GET /virtuoso/user HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    }
    assert_int_equal(send(slot->fd, text, (size_t)len, MSG_NOSIGNAL), len);
}

static void note_end(struct slot *slot)
{
    bool ok = slot->len > STATUS_AT && slot->text[STATUS_AT] == '2';
    uint64_t took_ms = client_now_ms() - slot->began_ms;

    here.fates[slot->number] = ok ? FATE_DONE : FATE_FAILED;
    if (!is_change(slot->number)) {
        here.n_reads_failed += ok ? 0 : 1;
        here.n_reads_slow += took_ms > (uint64_t)SLOW_MS * client_slowness() ? 1 : 0;
        here.slowest_read_ms = took_ms > here.slowest_read_ms ? took_ms : here.slowest_read_ms;
        if (!ok) {
            memcpy(here.last_failure, slot->text, sizeof(here.last_failure));
        }
    }
    (void)close(slot->fd);
    slot->fd = 0;
    here.n_under_way--;
}

static void look(struct slot *slot)
{
    char more[4096];
    ssize_t n;

    while ((n = recv(slot->fd, more, sizeof(more), MSG_DONTWAIT)) > 0) {
        size_t room = sizeof(slot->text) - 1 - slot->len;
        size_t take = (size_t)n < room ? (size_t)n : room;

        memcpy(slot->text + slot->len, more, take);
        slot->len += take;
    }
    if (n == 0 || errno != EAGAIN) {
        note_end(slot);
    }
}

static void look_at_all(void)
{
    for (size_t i = 0; i < N_SLOTS; i++) {
        if (here.slots[i].fd > 0) {
            look(&here.slots[i]);
        }
    }
}

static struct slot *free_slot(void)
{
    for (size_t i = 0; i < N_SLOTS; i++) {
        if (here.slots[i].fd == 0) {
            return &here.slots[i];
        }
    }
    return NULL;
}

/* So long, with RATE requests a second, or as many as the machine can do, and until a few changes were asked for. */
static void go_on(unsigned ms)
{
    uint64_t began_ms = client_now_ms();
    size_t n = 0;

    while (client_now_ms() < began_ms + ms || n < (size_t)2 * CHANGE_EACH) {
        struct slot *slot = free_slot();

        if (slot != NULL && n < (client_now_ms() - began_ms) * RATE / 1000) {
            ask(slot);
            n++;
        } else {
            (void)poll(NULL, 0, 1);
        }
        look_at_all();
    }
}

static void wait_for_answers(void)
{
    uint64_t limit_ms = wait_limit_ms();

    while (here.n_under_way > 0) {
        wait_more(limit_ms, "all are answered", __FILE__, __LINE__);
        look_at_all();
    }
}

/* ---- the regions ---- */

static void start_region(size_t i)
{
    char listen[32];
    const char *const args[] = {"sandbox",
                                "--listen",
                                listen,
                                "--set",
                                "drain.notice_ms=0",
                                "--set",
                                "sandbox.max_requests_kept=100000",
                                NULL};

    here.ports[i] = here.ports[i] == 0 ? port_free() : here.ports[i];
    (void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", here.ports[i]);
    program_start(&here.regions[i], args, NULL);
    (void)program_wait_port(&here.regions[i], "sandbox on http://");
}

static const struct json *upstream_check(void)
{
    return json_get(json_get(proxy_ask(&here.proxy, "GET", "/health", NULL, ""), "checks"),
                    "upstream");
}

/* While it is waited for, answers come, and are noted when they have. */
static bool is_used(size_t i)
{
    const struct json *endpoints = json_get(upstream_check(), "endpoints");

    look_at_all();
    assert_int_equal(json_size(endpoints), 2);
    return json_true(json_get(json_at(endpoints, i), "in_use"));
}

static unsigned metric(const char *name)
{
    struct reply reply = {0};
    struct str text;
    struct str line;
    struct str before;
    int64_t n = -1;

    client_ask(here.proxy.program.port, "GET", "/metrics", NULL, STR_EMPTY, &reply);
    text = reply_text(&reply);
    while (str_next(&text, '\n', &line)) {
        if (str_cut(line, ' ', &before, &line) && str_is(before, name)) {
            assert_true(str_to_i64(line, 0, 1000, &n));
        }
    }
    reply_done(&reply);
    assert_true(n >= 0);
    return (unsigned)n;
}

/* So that a probe that was late has closed none of them. */
static bool are_both_there(void)
{
    look_at_all();
    return metric("virtuoso_proxy_upstream_endpoints_up") == 2;
}

static void begin(void)
{
    static char url[2][96];
    static char probe[64];
    static char timeout[64];
    const char *const args[] = {"serve",
                                "--listen",
                                "127.0.0.1:0",
                                "--set",
                                url[0],
                                "--set",
                                url[1],
                                "--set",
                                probe,
                                "--set",
                                timeout,
                                "--set",
                                "upstream.endpoint_back_after=2",
                                "--set",
                                "upstream.organization_id=1",
                                "--set",
                                "upstream.max_waiting=5000",
                                "--set",
                                "limits.enabled=false",
                                "--set",
                                "cache.enabled=false",
                                "--set",
                                "drain.notice_ms=0",
                                "--set",
                                "auth.mode=none",
                                "--set",
                                "log.access=false",
                                NULL};
    static const char *const env[] = {"VIRTUOSO_API_TOKEN=" SANDBOX_TOKEN, NULL};

    memset(&here, 0, sizeof(here));
    start_region(0);
    start_region(1);
    (void)snprintf(url[0], sizeof(url[0]), "upstream.base_url=http://127.0.0.1:%u/api",
                   here.ports[0]);
    (void)snprintf(url[1], sizeof(url[1]), "upstream.endpoints=[\"http://127.0.0.1:%u/api\"]",
                   here.ports[1]);
    (void)snprintf(probe, sizeof(probe), "upstream.endpoint_probe_ms=%u",
                   PROBE_MS * client_slowness());
    (void)snprintf(timeout, sizeof(timeout), "upstream.timeout_ms=%u", TRY_MS * client_slowness());
    arena_init(&here.proxy.arena);
    reply_init(&here.proxy.reply);
    program_serve(&here.proxy.program, args, env);
    assert_true(is_used(0));
}

static void end(void)
{
    proxy_stop(&here.proxy);
    for (size_t i = 0; i < 2; i++) {
        program_stop(&here.regions[i]);
        program_done(&here.regions[i]);
    }
}

/* ---- the verdict ---- */

/* How often the region has received the creation of each. */
static void count_creations(size_t region, unsigned *counts)
{
    const struct json *all = sandbox_requests(here.ports[region], &here.proxy.arena);

    for (const struct json *one = json_first(all); one != NULL; one = json_next(one)) {
        struct str name = json_str(json_get(json_get(one, "body"), "name"));
        int64_t n;

        if (str_starts(name, STR(NAME)) &&
            str_to_i64(str_sub(name, sizeof(NAME) - 1, name.len), 0, N_MAX - 1, &n)) {
            counts[n]++;
        }
    }
}

/* `knows_all`: the first region still knows what it has received. */
static void judge_changes(const char *what, bool knows_all)
{
    static unsigned counts[2][N_MAX];
    unsigned n_changes = 0;
    unsigned n_failed = 0;

    memset(counts, 0, sizeof(counts));
    count_creations(0, counts[0]);
    count_creations(1, counts[1]);
    for (size_t i = 0; i < here.n_asked; i += CHANGE_EACH) {
        unsigned n = counts[0][i] + counts[1][i];

        n_changes++;
        n_failed += here.fates[i] == FATE_FAILED ? 1 : 0;
        assert_in_range(n, 0, 1);
        assert_true(here.fates[i] != FATE_DONE || n == 1 || !knows_all);
    }
    print_message("%s: %zu requests, %u reads failed, the slowest took %llu ms; %u of %u changes "
                  "failed, none was done twice\n",
                  what, here.n_asked, here.n_reads_failed, (unsigned long long)here.slowest_read_ms,
                  n_failed, n_changes);
    if (here.n_reads_failed > 0) {
        print_message("%s\n", here.last_failure);
    }
}

static void judge(const char *what, bool knows_all)
{
    judge_changes(what, knows_all);
    assert_int_equal(here.n_reads_failed, 0);
    assert_int_equal(here.n_reads_slow,
                     0); /* what hung is sent elsewhere when the probe has found out */
    assert_true(sandbox_count(here.ports[1], "POST", "/projects") > 0);
}

static void a_region_that_hangs_is_left_and_taken_again(void **state)
{
    (void)state;
    begin();
    go_on(GOOD_MS);
    wait_until(are_both_there());
    program_signal(&here.regions[0], SIGSTOP);
    go_on(AWAY_MS);
    wait_until(is_used(1));
    assert_true(str_is(json_str(json_get(upstream_check(), "status")), "warn"));
    program_signal(&here.regions[0], SIGCONT);
    go_on(GOOD_MS);
    wait_for_answers();
    wait_until(is_used(0));
    go_on(GOOD_MS);
    wait_for_answers();
    judge("a region that hangs", true);
    assert_true(program_wrote(&here.proxy.program, "upstream.endpoint"));
    end();
}

/* A busy machine may keep a probe of the other region waiting for so long that it is left, too: then once more. */
static void try_until_no_read_fails(void (*act)(void), const char *what, bool knows_all)
{
    for (int tries = 1;; tries++) {
        begin();
        go_on(GOOD_MS);
        wait_until(are_both_there());
        act();
        wait_until(is_used(0));
        go_on(GOOD_MS);
        wait_for_answers();
        if (here.n_reads_failed == 0 || tries == TRIES) {
            break;
        }
        judge_changes(what, knows_all);
        end();
    }
    judge(what, knows_all);
    end();
}

static void fail_for_a_while(void)
{
    sandbox_fault(here.ports[0], "{\"match\":\"*\",\"times\":-1,\"status\":503}");
    go_on(AWAY_MS);
    wait_until(is_used(1));
    go_on(1); /* all changes so far may have met the fault */
    sandbox_clear_faults(here.ports[0]);
}

static void a_region_that_answers_503_is_left_and_taken_again(void **state)
{
    (void)state;
    try_until_no_read_fails(fail_for_a_while, "a region that answers 503", true);
}

static void be_gone_for_a_while(void)
{
    program_signal(&here.regions[0], SIGKILL);
    (void)program_wait_end(&here.regions[0], WAIT_MS);
    program_done(&here.regions[0]);
    go_on(AWAY_MS);
    wait_until(is_used(1));
    start_region(0);
}

static void a_region_that_is_gone_is_left_and_taken_again(void **state)
{
    (void)state;
    try_until_no_read_fails(be_gone_for_a_while, "a region that is gone", false);
}

/* Nobody is there: the commands are told so, deep readiness fails, and the first that comes back is taken. */
static void without_any_region_it_says_so(void **state)
{
    (void)state;
    begin();
    for (size_t i = 0; i < 2; i++) {
        program_signal(&here.regions[i], SIGKILL);
        (void)program_wait_end(&here.regions[i], WAIT_MS);
        program_done(&here.regions[i]);
    }
    for (int i = 0; i < 60 && here.proxy.reply.status != 503; i++) {
        (void)proxy_ask(&here.proxy, "GET", "/virtuoso/user", NULL, "");
    }
    assert_int_equal(here.proxy.reply.status, 503);
    wait_until(
        str_is(json_str(json_get(upstream_check(), "breaker")), "open")); /* a probe is not */
    (void)proxy_ask(&here.proxy, "GET", "/health/ready", NULL, "");
    assert_int_equal(here.proxy.reply.status, 200);
    (void)proxy_ask(&here.proxy, "GET", "/health/ready?deep=true&from=dns", NULL, "");
    assert_int_equal(here.proxy.reply.status, 503);
    start_region(1);
    wait_until(is_used(1));
    (void)proxy_ask(&here.proxy, "GET", "/virtuoso/user", NULL, "");
    assert_int_equal(here.proxy.reply.status, 200);
    (void)proxy_ask(&here.proxy, "GET", "/health/ready?deep=true", NULL, "");
    assert_int_equal(here.proxy.reply.status, 200);
    start_region(0);
    wait_until(is_used(0));
    end();
}

static size_t n_endpoints(void)
{
    return json_size(json_get(upstream_check(), "endpoints"));
}

/* A second address comes and goes by a reload, under a load. How many reads failed. */
static unsigned change_addresses(void)
{
    static const char text[] = "upstream:\n  token: " SANDBOX_TOKEN
                               "\n  base_url: http://127.0.0.1:%u/api\n  organization_id: 1\n"
                               "  endpoint_probe_ms: 2000\n  endpoints: %s\n"
                               "server: {listen: 127.0.0.1:0}\nauth: {mode: none}\n"
                               "drain: {notice_ms: 0}\ncache: {enabled: false}\n"
                               "http: {exchange_timeout_ms: 600000}\n";
    char config[MOUNT_PATH_MAX];
    char second[96];
    struct mount mount;

    memset(&here, 0, sizeof(here));
    start_region(0);
    start_region(1);
    (void)snprintf(second, sizeof(second), "[\"http://127.0.0.1:%u/api\"]", here.ports[1]);
    mount_format(config, text, here.ports[0], "[]");
    mount_open(&mount, config);
    mount_serve(&mount, &here.proxy);
    assert_int_equal(n_endpoints(), 0);
    assert_int_equal(metric("virtuoso_proxy_upstream_endpoints"), 0);
    go_on(GOOD_MS / 4);
    mount_format(config, text, here.ports[0], second);
    mount_write(&mount, config);
    program_signal(&here.proxy.program, SIGHUP);
    while (n_endpoints() != 2) {
        go_on(10);
    }
    assert_int_equal(metric("virtuoso_proxy_upstream_endpoints"), 2);
    wait_until(metric("virtuoso_proxy_upstream_endpoints_up") == 2);
    sandbox_fault(here.ports[0], "{\"match\":\"*\",\"times\":-1,\"status\":503}");
    while (!is_used(1)) {
        go_on(10);
    }
    assert_int_equal(metric("virtuoso_proxy_upstream_endpoint_in_use"), 1);
    assert_int_equal(metric("virtuoso_proxy_upstream_endpoints_up"), 1);
    assert_int_equal(metric("virtuoso_proxy_upstream_breaker_open"), 0);
    assert_true(metric("virtuoso_proxy_upstream_failovers_total") > 0);
    sandbox_clear_faults(here.ports[0]);
    mount_format(config, text, here.ports[1], "[]"); /* the second one is the only one now */
    mount_write(&mount, config);
    program_signal(&here.proxy.program, SIGHUP);
    while (n_endpoints() != 0) {
        go_on(10);
    }
    go_on(GOOD_MS / 4);
    wait_for_answers();
    if (here.n_reads_failed > 0) {
        print_message("%u reads failed: %s\n", here.n_reads_failed, here.last_failure);
    }
    wait_until(metric("virtuoso_proxy_upstream_endpoints") ==
               0); /* the client of before has gone */
    assert_int_equal(metric("virtuoso_proxy_upstream_endpoints_up"), 0);
    assert_int_equal(metric("virtuoso_proxy_upstream_endpoint_in_use"), 0);
    end();
    mount_close(&mount);
    return here.n_reads_failed;
}

/* On a busy machine a region may be late for its probe, or more may wait than can be answered; not each time. */
static void addresses_change_by_a_reload(void **state)
{
    int tries = 0;

    (void)state;
    while (change_addresses() > 0) {
        assert_true(++tries < TRIES);
    }
}

/* Its platform is another one: no call of it goes to a region of ours. */
static void a_tenant_with_an_address_of_its_own_has_that_one_only(void **state)
{
    static const char text[] =
        "upstream:\n  token: " SANDBOX_TOKEN "\n  base_url: http://127.0.0.1:%u/api\n"
        "  endpoint_probe_ms: 2000\n  endpoints: [\"http://127.0.0.1:%u/api\"]\n"
        "tenants: [{name: t, token: token-of-a-tenant, base_url: \"http://127.0.0.1:%u/api\"}]\n"
        "server: {listen: 127.0.0.1:0}\ndrain: {notice_ms: 0}\ncache: {enabled: false}\n"
        "auth: {keys: [{name: a, key: key-of-ours-0001}, {name: b, key: key-of-theirs-01, tenant: "
        "t}]}\n";
    static const char ours[] = "X-API-Key: key-of-ours-0001\r\n";
    static const char theirs[] = "X-API-Key: key-of-theirs-01\r\n";
    uint16_t own_port = port_free();
    char config[MOUNT_PATH_MAX];
    struct mount mount;

    (void)state;
    memset(&here, 0, sizeof(here));
    start_region(0);
    start_region(1);
    mount_format(config, text, here.ports[0], here.ports[1], own_port); /* nobody is there */
    mount_open(&mount, config);
    mount_serve(&mount, &here.proxy);
    (void)proxy_ask(&here.proxy, "GET", "/virtuoso/user", ours, "");
    assert_int_equal(here.proxy.reply.status, 200);
    for (int i = 0; i < 3; i++) {
        (void)proxy_ask(&here.proxy, "GET", "/virtuoso/user", theirs, "");
        assert_int_equal(here.proxy.reply.status, 502);
    }
    assert_int_equal(n_endpoints(), 2);
    assert_int_equal(metric("virtuoso_proxy_upstream_endpoints"), 2);
    for (size_t i = 0; i < 2; i++) { /* but for the probes, all was of ours */
        struct str all =
            json_text(&here.proxy.arena, sandbox_requests(here.ports[i], &here.proxy.arena));

        assert_false(str_contains(all, STR("token-of-a-tenant")));
    }
    end();
    mount_close(&mount);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_region_that_hangs_is_left_and_taken_again),
        cmocka_unit_test(a_region_that_answers_503_is_left_and_taken_again),
        cmocka_unit_test(a_region_that_is_gone_is_left_and_taken_again),
        cmocka_unit_test(without_any_region_it_says_so),
        cmocka_unit_test(addresses_change_by_a_reload),
        cmocka_unit_test(a_tenant_with_an_address_of_its_own_has_that_one_only),
    };

    return cmocka_run_group_tests_name("regions", tests, NULL, NULL);
}
