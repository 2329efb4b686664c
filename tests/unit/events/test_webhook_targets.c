/* Where webhooks may post to: addresses of the public internet alone, in whatever form one inside is written, whatever a name stands for,
 * and whatever it stood for before. Names are looked up in a table of the test, and 8.8.8.8 is a receiver on this machine. */
#include "harness/cmocka.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "events/webhook_internal.h"
#include "harness/collector.h"
#include "harness/scripted.h"
#include "harness/wait.h"
#include "observe/metrics.h"

#define PUBLIC "8.8.8.8"

enum { HANG_S = 20, RETRY_MS = 3600000, URL_ROOM = 128 };

int test_webhook_targets(void);

/* Each range that is set aside, and each way to write one of its addresses in IPv6. */
static const char *const inside[] = {
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "100::1",
    "64:ff9b:1::1",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:100.64.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::",
    "2001:0:7f00:1::1",
    "2001:0:808:808::80ff:fffe",
};

static struct {
    struct loop loop;
    uv_timer_t alive; /* deadlines alone do not keep a loop running */
    struct webhooks *hooks;
    struct webhook *hook;
    struct collector receiver;
    struct digest owner;
    bool closed;
    const char *const *answers; /* of every name */
    size_t n_answers;
    atomic_uint n_asked; /* names, by threads of libcurl */
    atomic_bool is_deaf; /* no question is answered, for HANG_S at most */
    atomic_uint n_gave_up;
    unsigned n_public, n_inside;
} here;

/* --- instead of the system's: the first definition that is found counts, in libcurl too */
static struct addrinfo *answer(const char *text, uint16_t port, int family)
{
    struct addrinfo *one = calloc(1, sizeof(*one) + sizeof(struct sockaddr_in6));
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(one + 1);
    struct sockaddr_in *v4 = (struct sockaddr_in *)(one + 1);
    bool is_v6 = strchr(text, ':') != NULL;

    one->ai_family = is_v6 ? AF_INET6 : AF_INET;
    one->ai_socktype = SOCK_STREAM;
    one->ai_protocol = IPPROTO_TCP;
    one->ai_addr = (struct sockaddr *)(one + 1);
    one->ai_addrlen = is_v6 ? sizeof(*v6) : sizeof(*v4);
    one->ai_addr->sa_family = (sa_family_t)one->ai_family;
    if (is_v6 && inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_port = htons(port);
    } else if (!is_v6 && inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_port = htons(port);
    } else {
        abort(); /* no test of this program looks up names but those of this file */
    }
    if (family != AF_UNSPEC && family != one->ai_family) {
        free(one);
        one = NULL;
    }
    return one;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *req,
                struct addrinfo **pai)
{
    struct addrinfo **end = pai;
    const char *const *answers = here.answers != NULL ? here.answers : &name; /* an address */
    size_t n = here.answers != NULL ? here.n_answers : 1;
    bool is_silent = here.is_deaf;
    int64_t port = 0;

    (void)!str_to_i64(str_from(service), 0, UINT16_MAX, &port);
    here.n_asked++;
    for (unsigned i = 0; here.is_deaf && i < HANG_S * 100; i++) {
        (void)usleep(10000);
    }
    here.n_gave_up += here.is_deaf ? 1 : 0;
    *pai = NULL;
    if (is_silent) { /* its test may be over */
        return EAI_AGAIN;
    }
    for (size_t i = 0; i < n; i++) {
        *end = answer(answers[i], (uint16_t)port, req != NULL ? req->ai_family : AF_UNSPEC);
        end = *end != NULL ? &(*end)->ai_next : end;
    }
    return *pai != NULL ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *ai)
{
    while (ai != NULL) {
        struct addrinfo *next = ai->ai_next;

        free(ai);
        ai = next;
    }
}

/* 8.8.8.8 is the receiver; nobody else of the public internet is asked for. */
int connect(int fd, __CONST_SOCKADDR_ARG addr, socklen_t len)
{
    const struct sockaddr *address = addr.__sockaddr__;
    struct sockaddr_in v4 = {.sin_family = AF_INET};

    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof(v4));
    }
    if (v4.sin_addr.s_addr == inet_addr(PUBLIC)) {
        here.n_public++;
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return (int)syscall(SYS_connect, fd, &v4, sizeof(v4));
    }
    here.n_inside += address->sa_family == AF_INET || address->sa_family == AF_INET6;
    return (int)syscall(SYS_connect, fd, address, len);
}

/* --- */
static void on_alive(uv_timer_t *timer)
{
    (void)timer;
}

static bool has_right(void *context, const struct digest *owner)
{
    (void)context;
    (void)owner;
    return true;
}

static int set_up(void **state)
{
    static const struct webhooks_options options = {.retry_ms = RETRY_MS};
    char proxy[URL_ROOM];

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    memset(&here, 0, sizeof(here));
    metrics_open();
    collector_start(&here.receiver);
    (void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", here.receiver.port);
    assert_int_equal(setenv("http_proxy", proxy, 1), 0); /* the way around the address */
    loop_init(&here.loop);
    assert_int_equal(uv_timer_init(&here.loop.uv, &here.alive), 0);
    assert_int_equal(uv_timer_start(&here.alive, on_alive, 1, 1), 0);
    here.hooks = webhooks_open(&here.loop, &options);
    webhooks_judge(here.hooks, has_right, NULL);
    return 0;
}

static void on_closed(void *context)
{
    (void)context;
    here.closed = true;
}

static int tear_down(void **state)
{
    (void)state;
    if (!here.closed) {
        webhooks_close(here.hooks, on_closed, NULL);
    }
    while (!here.closed) {
        (void)loop_turn(&here.loop, true);
    }
    uv_close((uv_handle_t *)&here.alive, NULL);
    loop_done(&here.loop);
    collector_done(&here.receiver);
    metrics_done();
    assert_int_equal(unsetenv("http_proxy"), 0);
    return 0;
}

static bool turn(void)
{
    (void)loop_turn(&here.loop, true);
    return false;
}

static enum error_code ask_for(const char *url, bool is_new)
{
    char shown[WEBHOOK_SECRET_MAX];
    struct error err = {0};
    const struct webhook_wish wish = {.owner = &here.owner,
                                      .is_listed = true,
                                      .url = str_from(url),
                                      .kinds = is_new ? 1U << FACT_SESSION_CREATED : 0,
                                      .shape = -1,
                                      .enabled = -1};

    return is_new ? webhook_new(here.hooks, &wish, &here.hook, shown, &err)
                  : webhook_change(here.hook, &wish, &err);
}

static const char *url_of(const char *host, uint16_t port, const char *path)
{
    static char url[URL_ROOM];

    (void)snprintf(url, sizeof(url), "http://%s:%u/%s", host, port, path);
    return url;
}

static void note(void)
{
    struct fact fact = {.kind = FACT_SESSION_CREATED, .outcome = "ok"};

    memcpy(fact.owner, here.owner.bytes, sizeof(fact.owner));
    fact_note(&fact);
}

static bool has_failed(void)
{
    (void)turn();
    return here.hook->current != NULL && deadline_is_set(&here.hook->retry);
}

static bool has_taken(unsigned n)
{
    (void)turn();
    if (here.receiver.seen->n_taken < n && has_failed()) {
        fail_msg("%s", here.hook->current->last_error);
    }
    return here.receiver.seen->n_taken == n;
}

static void an_address_inside_is_refused_when_it_is_written(void **state)
{
    static const char *const words[] = {"localhost", "LOCALHOST."};
    char host[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
        (void)snprintf(host, sizeof(host), strchr(inside[i], ':') != NULL ? "[%s]" : "%s",
                       inside[i]);
        if (ask_for(url_of(host, 80, ""), true) != ERR_INVALID) {
            fail_msg("%s was taken", host);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (ask_for(url_of(words[i], 80, ""), true) != ERR_INVALID) {
            fail_msg("%s was taken", words[i]);
        }
    }
}

/* The receiver is asked under a name that stands for `address` alone. */
static void post_to(const char *const *address, unsigned n)
{
    char path[16];

    (void)snprintf(path, sizeof(path), "%u", n); /* another address has another client */
    here.answers = address;
    here.n_answers = 1;
    assert_int_equal(ask_for(url_of("any.example", here.receiver.port, path), false), ERR_OK);
    webhook_hurry(here.hook);
}

static void an_address_inside_is_never_connected_to(void **state)
{
    static const char *const public[] = {PUBLIC};
    unsigned n_asked = 0;

    (void)state;
    assert_int_equal(ask_for("http://a.localhost:1/", true), ERR_OK);
    note(); /* that name libcurl does not look up */
    wait_until(has_failed());
    for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
        post_to(&inside[i], (unsigned)i);
        wait_until(has_failed());
        assert_int_equal(here.n_inside + here.n_public, 0);
        assert_true(here.n_asked > n_asked);
        n_asked = here.n_asked;
    }
    post_to(public, ARRAY_LEN(inside));
    wait_until(has_taken(1));
    assert_int_equal(here.n_public, 1);
    assert_int_equal(here.n_inside, 0);
}

/* Of the addresses that a name stands for the one of the public internet is connected to. */
static void an_address_inside_among_others_is_left_out(void **state)
{
    static const char *const mixed[] = {"::1", "10.0.0.1", PUBLIC};

    (void)state;
    here.answers = mixed;
    here.n_answers = ARRAY_LEN(mixed);
    assert_int_equal(ask_for(url_of("mixed.example", here.receiver.port, ""), true), ERR_OK);
    note();
    wait_until(has_taken(1));
    assert_int_equal(here.n_public, 1);
    assert_int_equal(here.n_inside, 0);
}

/* DNS rebinding: the name was of the public internet when the first event came. */
static void a_name_that_changes_its_meaning_leads_nowhere(void **state)
{
    static const char *const before[] = {PUBLIC};
    static const char *const after[] = {"::ffff:127.0.0.1", "127.0.0.1", "::1"};

    (void)state;
    here.answers = before;
    here.n_answers = ARRAY_LEN(before);
    assert_int_equal(ask_for(url_of("rebound.example", here.receiver.port, ""), true), ERR_OK);
    note();
    wait_until(has_taken(1));
    wait_until(turn() || here.hook->current == NULL);
    here.answers = after;
    here.n_answers = ARRAY_LEN(after);
    assert_int_equal(ask_for(url_of("rebound.example", here.receiver.port, "2"), false), ERR_OK);
    note();
    wait_until(has_failed());
    assert_int_equal(here.receiver.seen->n_posts, 1);
    assert_int_equal(here.n_inside, 0);
}

/* Nor is an answer followed that leads elsewhere. */
static void a_redirect_is_a_failure(void **state)
{
    static const char *const public[] = {PUBLIC};
    char location[URL_ROOM + 32];
    const struct scripted_answer elsewhere[] = {
        {.method = "POST", .status = 307, .fields = location}};
    struct scripted server;

    (void)state;
    (void)snprintf(location, sizeof(location), "Location: http://127.0.0.1:%u/\r\n",
                   here.receiver.port);
    scripted_start(&server, elsewhere, 1);
    here.answers = public;
    here.n_answers = ARRAY_LEN(public);
    assert_int_equal(ask_for(url_of("redirect.example", server.port, ""), true), ERR_OK);
    note();
    wait_until(has_failed());
    assert_int_equal(here.hook->current->last_status, 307);
    assert_int_equal(here.receiver.seen->n_posts, 0);
    assert_int_equal(here.n_inside, 0);
    scripted_done(&server);
}

/* Whoever ends does not wait for a name server that does not answer. */
static void a_name_server_that_is_silent_holds_up_no_end(void **state)
{
    (void)state;
    here.is_deaf = true;
    assert_int_equal(ask_for(url_of("silent.example", here.receiver.port, ""), true), ERR_OK);
    note();
    wait_until(turn() || here.n_asked > 0);
    webhooks_close(here.hooks, on_closed, NULL);
    while (!here.closed) {
        (void)loop_turn(&here.loop, true);
    }
    assert_int_equal(here.n_gave_up, 0); /* it is still waiting */
    here.is_deaf = false;
}

int test_webhook_targets(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_address_inside_is_refused_when_it_is_written, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_address_inside_is_never_connected_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_address_inside_among_others_is_left_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_name_that_changes_its_meaning_leads_nowhere, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_redirect_is_a_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_server_that_is_silent_holds_up_no_end, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("where webhooks may post to", tests, NULL, NULL);
}
