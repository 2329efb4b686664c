/* Each connection has a child of its own, which reads a request, rolls the dice, and passes it on or
 * not. Steps of one checkpoint are made one after another, so a GET after a create that was broken
 * is the look for it. */
#include "harness/planter.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/blocking.h"
#include "harness/cmocka.h"

enum { IDLE_MS = 3, LATE_MS = 30, SLOTS = 64 };

struct odds {
    enum plant plant;
    unsigned permille;
};

static const struct odds odds_of_create[] = {
    {PLANT_RESET_BEFORE, 20}, {PLANT_RESET_AFTER, 30}, {PLANT_CUT_HEAD, 20},  {PLANT_CUT_BODY, 20},
    {PLANT_FAIL_BEFORE, 20},  {PLANT_FAIL_AFTER, 30},  {PLANT_GATEWAY, 20},   {PLANT_EMPTY, 20},
    {PLANT_TWICE, 30},        {PLANT_LATE_TWIN, 20},   {PLANT_AMBIGUOUS, 30}, {PLANT_CROSSING, 15},
};
static const struct odds odds_of_look[] = {{PLANT_ODD, 200},
                                           {PLANT_RESET_BEFORE, 30},
                                           {PLANT_CUT_BODY, 30},
                                           {PLANT_TWICE, 50},
                                           {PLANT_AMBIGUOUS, 30}};
static const struct odds odds_of_read[] = {
    {PLANT_RESET_BEFORE, 20}, {PLANT_CUT_BODY, 20}, {PLANT_TWICE, 50}, {PLANT_AWAY, 20}};
static const struct odds odds_of_idling[] = {{PLANT_IDLE, 100}};

struct hop {
    int client;
    uint16_t sandbox_port;
    uint64_t random;
    struct planter_shared *shared;
    struct buf in;     /* of the client */
    struct buf answer; /* of the sandbox */
};

/* ---- the dice ---- */

static unsigned roll(struct hop *hop, unsigned n)
{
    hop->random ^= hop->random << 13;
    hop->random ^= hop->random >> 7;
    hop->random ^= hop->random << 17;
    return (unsigned)(hop->random >> 11) % n;
}

static enum plant choose(struct hop *hop, const struct odds *odds, size_t n)
{
    unsigned at = roll(hop, 1000);

    for (size_t i = 0; i < n && hop->shared->on; i++) {
        if (at < odds[i].permille) {
            hop->shared->n[odds[i].plant]++;
            return odds[i].plant;
        }
        at -= odds[i].permille;
    }
    return PLANT_NOTHING;
}

/* ---- what passes ---- */

/* The answer of the sandbox, on a connection of its own: nothing is ever sent twice. */
static bool pass_on(struct hop *hop, struct str request)
{
    int sandbox = blocking_connect(hop->sandbox_port);
    struct str head;
    size_t len;
    bool ok;

    buf_clear(&hop->answer);
    ok = sandbox >= 0 && blocking_write(sandbox, request) &&
         blocking_read(sandbox, &hop->answer, &head, &len);
    (void)close(sandbox);
    return ok;
}

static bool say(struct hop *hop, int status, const char *body)
{
    struct buf out;
    bool ok;

    buf_init(&out, 4096);
    buf_printf(
        &out,
        "HTTP/1.1 %d Planted\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
        status, str_from(body).len, body);
    ok = blocking_write(hop->client, buf_view(&out));
    buf_done(&out);
    return ok;
}

static bool reset(struct hop *hop)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(hop->client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    return false;
}

static bool cut(struct hop *hop, bool in_body)
{
    struct str text = buf_view(&hop->answer);
    ptrdiff_t end = str_find(text, STR("\r\n\r\n"));
    size_t head = (size_t)end + 4;
    size_t at = in_body ? head + (text.len - head) / 2 : head / 2;

    (void)blocking_write(hop->client, str_sub(text, 0, at));
    return false;
}

static void say_twice(struct buf *answer)
{
    size_t len = answer->len;
    char *room = buf_reserve(answer, len);

    if (room != NULL) {
        memcpy(room, answer->ptr, len);
        buf_grew(answer, len);
    }
}

/* A success that an attentive reader refuses. What follows on this connection would not be to be trusted. */
static bool say_ambiguously(struct hop *hop)
{
    static const struct {
        const char *fields;
        const char *body;
        size_t len;
    } answers[] = {
        {"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n", 12},
        {"Content-Length: 2\r\nContent-Length: 1\r\n", "{}", 2},
        {"Content-Length: 99999999999999999999999\r\n", "{}", 2},
        {"Content-Encoding: gzip\r\nContent-Length: 12\r\n", "\x1F\x8B\x08\0\0\0\0\0\0\x03\xAB\xAE",
         12},
    };

    size_t at = roll(hop, ARRAY_LEN(answers));
    struct buf out;

    buf_init(&out, 512);
    buf_printf(&out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%s\r\n",
               answers[at].fields);
    buf_append(&out, answers[at].body, answers[at].len);
    (void)blocking_write(hop->client, buf_view(&out));
    buf_done(&out);
    return false;
}

/* A success that says nothing about the checkpoint of the request. */
static bool say_odd(struct hop *hop, int64_t checkpoint)
{
    static const struct {
        const char *before; /* the checkpoint's id, where there is something behind it */
        const char *behind;
    } bodies[] = {{"{}", NULL},
                  {"null", NULL},
                  {"[]", NULL},
                  {"{\"id\":1,\"steps\":[]}", NULL},
                  {"{\"id\":", "}"},
                  {"{\"id\":", ",\"steps\":7}"},
                  {"{\"id\":", ",\"steps\":[]}"},
                  {"{\"id\":", ",\"steps\":[{}]}"}};

    size_t at = roll(hop, ARRAY_LEN(bodies));
    struct buf body;
    bool ok;

    buf_init(&body, 256);
    buf_text(&body, bodies[at].before);
    if (bodies[at].behind != NULL) {
        buf_int(&body, checkpoint);
        buf_text(&body, bodies[at].behind);
    }
    ok = say(hop, 200, buf_cstr(&body));
    buf_done(&body);
    return ok;
}

/* False: the connection ends. */
static bool answer(struct hop *hop, enum plant plant, struct str request, int64_t checkpoint)
{
    switch (plant) {
    case PLANT_RESET_BEFORE:
        return reset(hop);
    case PLANT_FAIL_BEFORE:
        return say(hop, 500, "{\"success\":false}");
    case PLANT_AWAY:
        return say(hop, 503, "{\"success\":false}");
    case PLANT_ODD:
        return say_odd(hop, checkpoint);
    case PLANT_NOTHING:
    case PLANT_RESET_AFTER:
    case PLANT_CUT_HEAD:
    case PLANT_CUT_BODY:
    case PLANT_FAIL_AFTER:
    case PLANT_GATEWAY:
    case PLANT_EMPTY:
    case PLANT_TWICE:
    case PLANT_LATE_TWIN:
    case PLANT_CROSSING:
    case PLANT_AMBIGUOUS:
    case PLANT_IDLE:
    case PLANT_N:
        break;
    }
    if (!pass_on(hop, request) || plant == PLANT_RESET_AFTER) {
        return reset(hop);
    }
    if (plant == PLANT_CUT_HEAD || plant == PLANT_CUT_BODY) {
        return cut(hop, plant == PLANT_CUT_BODY);
    }
    if (plant == PLANT_FAIL_AFTER || plant == PLANT_GATEWAY) {
        return say(hop, plant == PLANT_GATEWAY ? 502 : 500, "{\"success\":false}");
    }
    if (plant == PLANT_EMPTY) {
        return say(hop, 200, "{}");
    }
    if (plant == PLANT_AMBIGUOUS) {
        return say_ambiguously(hop);
    }
    if (plant == PLANT_LATE_TWIN || plant == PLANT_CROSSING) {
        struct pollfd wait = {.fd = hop->client, .events = POLLIN};

        if (!blocking_write(hop->client, buf_view(&hop->answer))) {
            return false;
        }
        if ((poll(&wait, 1, LATE_MS) != 0) != (plant == PLANT_CROSSING)) {
            return true;
        }
    }
    if (plant == PLANT_TWICE) {
        say_twice(&hop->answer);
    }
    return blocking_write(hop->client, buf_view(&hop->answer));
}

/* ---- requests ---- */

static int64_t number_behind(struct str text, struct str name)
{
    ptrdiff_t at = str_find(text, name);
    size_t from = (size_t)at + name.len;
    size_t to = from;
    int64_t number = 0;

    if (at < 0) {
        return 0;
    }
    while (to < text.len && text.ptr[to] >= '0' && text.ptr[to] <= '9') {
        to++;
    }
    return str_to_i64(str_sub(text, from, to), 0, INT64_MAX, &number) ? number : 0;
}

static bool serve_request(struct hop *hop, struct str request)
{
    bool creates = str_starts(request, STR("POST /api/teststeps"));
    bool reads = str_starts(request, STR("GET /api/checkpoints/"));
    int64_t checkpoint =
        number_behind(request, creates ? STR("\"checkpointId\":") : STR("GET /api/checkpoints/"));
    bool *was_broken = &hop->shared->was_broken[checkpoint % SLOTS];
    enum plant plant = PLANT_NOTHING;

    if (creates) {
        plant = choose(hop, odds_of_create, ARRAY_LEN(odds_of_create));
        *was_broken = plant != PLANT_NOTHING && plant != PLANT_TWICE && plant != PLANT_LATE_TWIN &&
                      plant != PLANT_CROSSING;
    } else if (reads && *was_broken) {
        plant = choose(hop, odds_of_look, ARRAY_LEN(odds_of_look));
        *was_broken = false;
    } else if (reads) {
        plant = choose(hop, odds_of_read, ARRAY_LEN(odds_of_read));
    }
    return answer(hop, plant, request, checkpoint);
}

/* A kept connection that nothing comes on: 408, as some front ends say it. False: it ends. */
static bool idle(struct hop *hop)
{
    struct pollfd wait = {.fd = hop->client, .events = POLLIN};

    if (hop->in.len > 0 || choose(hop, odds_of_idling, ARRAY_LEN(odds_of_idling)) != PLANT_IDLE) {
        return true;
    }
    if (poll(&wait, 1, IDLE_MS) == 0) {
        (void)say(hop, 408, "{}");
        return false;
    }
    return true;
}

static void serve(struct hop *hop)
{
    struct str head;
    size_t len;
    bool goes_on = true;

    while (goes_on && blocking_read(hop->client, &hop->in, &head, &len)) {
        goes_on = serve_request(hop, str_sub(buf_view(&hop->in), 0, len));
        buf_consume(&hop->in, len);
        goes_on = goes_on && idle(hop);
    }
}

static void serve_connection(int fd, uint16_t sandbox_port, uint64_t seed,
                             struct planter_shared *shared)
{
    struct hop hop = {
        .client = fd, .sandbox_port = sandbox_port, .random = seed | 1, .shared = shared};

    buf_init(&hop.in, BLOCKING_BODY_MAX);
    buf_init(&hop.answer, BLOCKING_BODY_MAX);
    serve(&hop);
    (void)close(fd);
    _exit(0);
}

static void accept_all(const struct planter *planter, int listener, uint16_t sandbox_port,
                       uint64_t seed)
{
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0) {
            continue;
        }
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        planter->shared->n_connections++;
        if (blocking_fork() == 0) {
            (void)close(listener);
            serve_connection(fd, sandbox_port, seed, planter->shared);
        }
        (void)close(fd);
    }
}

void planter_start(struct planter *planter, uint16_t sandbox_port, uint64_t seed)
{
    int listener = blocking_listen(&planter->port);

    planter->shared = mmap(NULL, sizeof(*planter->shared), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(planter->shared != MAP_FAILED);
    planter->shared->on = true;
    planter->pid = blocking_fork();
    assert_true(planter->pid >= 0);
    if (planter->pid == 0) {
        (void)signal(SIGPIPE, SIG_IGN);
        (void)signal(SIGCHLD, SIG_IGN); /* children leave no zombies */
        accept_all(planter, listener, sandbox_port, seed);
        _exit(0);
    }
    (void)close(listener);
}

void planter_done(struct planter *planter)
{
    assert_int_equal(kill(planter->pid, SIGKILL), 0);
    assert_int_equal(waitpid(planter->pid, NULL, 0), planter->pid);
    assert_int_equal(munmap(planter->shared, sizeof(*planter->shared)), 0);
}
