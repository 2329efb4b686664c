/* A thousand requests a second while certificates, keys, tokens, the address of the platform and the rest of the
 * configuration change every second: none fails, none is dropped. With VP_LONG=1 for a minute. */
#include "harness/cmocka.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "harness/blocking.h"
#include "harness/mount.h"
#include "harness/proxy.h"
#include "harness/sanitized.h"
#include "harness/tls_client.h"
#include "harness/wait.h"

enum {
    N_PLATFORMS = 2,
    RATE = 1000,
    SECONDS = 15,
    TLS_SECONDS = 8,
    ROUNDS_MAX = 60,
    LONG_SECONDS = 60,
    MS_PER_S = 1000,
    N_CLIENTS = 8,
    REQUESTS_A_CONNECTION = 20,
    PATIENCE_MS = 120000, /* of a client: how long a busy machine takes is not what is tested */
    TEXT_MAX = 1 << 16
};

#define PATIENCE "120s"

#define TLS_DIR VP_SOURCE_DIR "/tests/harness/tls"

/* Of a program that is slower by its tools less is asked for, and nothing else changes. */
static unsigned rate(void)
{
    return RATE / (client_slowness() * (IS_SANITIZED ? 4 : 1));
}

static unsigned seconds(unsigned usual)
{
    return getenv("VP_LONG") != NULL ? LONG_SECONDS : usual;
}

struct stage {
    struct program platforms[N_PLATFORMS];
    struct mount mount;
    struct proxy proxy;
    char pair[2][TEXT_MAX]; /* a certificate and its key, each */
    bool has_tls;
};

static void read_text(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t n;

    assert_non_null(file);
    n = fread(out, 1, size - 1, file);
    assert_in_range(n, 1, size - 2);
    out[n] = '\0';
    assert_int_equal(fclose(file), 0);
}

static void read_pairs(struct stage *stage)
{
    size_t n;

    read_text(TLS_DIR "/cert.pem", stage->pair[0], TEXT_MAX / 2);
    n = strlen(stage->pair[0]);
    read_text(TLS_DIR "/key.pem", stage->pair[0] + n, TEXT_MAX - n);
    read_text(TLS_DIR "/other.pem", stage->pair[1], TEXT_MAX);
}

/* Key `round` is good in this configuration and in the two before; "key-that-stays" in all of them, under another name
 * each time. */
static void write_config(struct stage *stage, unsigned round, struct buf *out)
{
    char file[MOUNT_PATH_MAX];

    mount_path(&stage->mount, "token", file);
    buf_printf(
        out,
        "server: {listen: 127.0.0.1:0%s%s%s%s%s}\ndrain: {notice_ms: 0}\n"
        "upstream: {base_url: \"http://127.0.0.1:%u/api\", organization_id: \"%u\",\n"
        "  token: \"file:%s\", secondary_token: second-%u, timeout_ms: %u,\n"
        "  max_waiting: 20000}\n",
        stage->has_tls ? ", tls_certificate_file: " : "", stage->has_tls ? stage->mount.folder : "",
        stage->has_tls ? "/pair.pem" : "", stage->has_tls ? ", tls_key_file: " : "",
        stage->has_tls ? arena_printf(&stage->proxy.arena, "%s/pair.pem", stage->mount.folder).ptr
                       : "",
        (unsigned)stage->platforms[round % N_PLATFORMS].sandbox_port, round + 1, file, round,
        PATIENCE_MS + round);
    buf_printf(out,
               "auth:\n  keys:\n    - {name: n%u, key: key-that-stays}\n"
               "    - {key: key-number-%u}\n    - {key: key-number-%u}\n"
               "    - {key: key-number-%u, tenant: t%u}\n"
               "tenants: [{name: t%u, token: of-t%u}]\n",
               round, round, round + 1, round + 2, round + 1, round + 1, round);
    buf_printf(out,
               "limits: {per_key: %u, burst: %u, rules: [tenant=%u/60000]}\n"
               "cache: {enabled: %s}\nlog: {level: info, access: false}\ncors: {max_age_s: %u}\n"
               "http: {handshake_timeout_ms: 600000, head_timeout_ms: 600000}\n",
               20000 + round, 40000 + round, 30000 + round, round % 2 == 0 ? "true" : "false",
               60 + round);
}

static void rotate(struct stage *stage, unsigned round)
{
    char token[64];
    struct buf config;
    const struct mount_file files[] = {
        {"token", token}, {"pair.pem", stage->pair[round % 2]}, {"proxy.yaml", NULL}, {NULL, NULL}};
    struct mount_file with[ARRAY_LEN(files)];

    (void)snprintf(token, sizeof(token), "token-number-%u\n", round);
    buf_init(&config, TEXT_MAX);
    write_config(stage, round, &config);
    mem_copy(with, files, sizeof(files));
    with[2].text = buf_cstr(&config);
    mount_write_set(&stage->mount, with);
    buf_done(&config);
}

static void begin(struct stage *stage, bool has_tls)
{
    stage->has_tls = has_tls;
    read_pairs(stage);
    for (size_t i = 0; i < N_PLATFORMS; i++) {
        program_start(&stage->platforms[i],
                      (const char *const[]){"sandbox", "--listen", "127.0.0.1:0", "--set",
                                            "drain.notice_ms=0", "--set",
                                            "sandbox.max_requests_kept=0", NULL},
                      NULL);
        stage->platforms[i].sandbox_port =
            program_wait_port(&stage->platforms[i], "sandbox on http://");
    }
    mount_init(&stage->mount);
    arena_init(&stage->proxy.arena);
    rotate(stage, 0);
    reply_init(&stage->proxy.reply);
    program_start(&stage->proxy.program,
                  (const char *const[]){"serve", "-c", stage->mount.file, NULL}, NULL);
    stage->proxy.program.port = program_wait_port(
        &stage->proxy.program, has_tls ? "listening on https://" : "listening on http://");
}

static void end(struct stage *stage)
{
    assert_false(program_wrote(&stage->proxy.program, "config.refused"));
    proxy_stop(&stage->proxy);
    for (size_t i = 0; i < N_PLATFORMS; i++) {
        program_stop(&stage->platforms[i]);
        program_done(&stage->platforms[i]);
    }
    mount_close(&stage->mount);
}

/* The key that came with this configuration is good. */
static bool is_in_force(struct stage *stage, unsigned round)
{
    char field[64];

    (void)snprintf(field, sizeof(field), "X-API-Key: key-number-%u\r\n", round + 2);
    client_ask(stage->proxy.program.port, "GET", "/api/user", field, STR_EMPTY,
               &stage->proxy.reply);
    return stage->proxy.reply.status == 200;
}

/* The next round begins a second after the last one, or when that one is in force. */
static void wait_for_the_beat(uint64_t *next_ms)
{
    while (client_now_ms() < *next_ms) {
        client_pause_ms(WAIT_LOOK_MS); /* the beat is what is tested */
    }
    *next_ms = client_now_ms() + MS_PER_S;
}

static void start_load(const struct stage *stage, struct program *load)
{
    char url[128];
    char rate_text[16];
    char time_text[16];

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/api/user",
                   (unsigned)stage->proxy.program.port);
    (void)snprintf(rate_text, sizeof(rate_text), "%u", rate());
    (void)snprintf(time_text, sizeof(time_text), "%us", seconds(SECONDS));
    program_start(load,
                  (const char *const[]){"load", "-r", rate_text, "-d", time_text, "-c", "64", "-H",
                                        "X-API-Key: key-that-stays", "-H",
                                        "Cache-Control: no-cache", "-t", PATIENCE, "--max-errors",
                                        "0", url, NULL},
                  NULL);
}

static void end_load(struct program *load)
{
    if (program_wait_end(load, PATIENCE_MS) != 0) {
        struct buf text;

        buf_init(&text, 1 << 20);
        program_output(load, &text);
        program_errors(load, &text);
        fail_msg("%.*s", STR_ARG(buf_view(&text)));
    }
    program_done(load);
}

static void none_fails_while_everything_changes_every_second(void **state)
{
    static struct stage stage;
    struct program load;
    uint64_t next_ms = client_now_ms();

    (void)state;
    stage = (struct stage){.has_tls = false};
    begin(&stage, false);
    start_load(&stage, &load);
    for (unsigned round = 1; round < seconds(SECONDS); round++) {
        if (!program_is_running(&load)) { /* a busy machine: the rounds last longer */
            end_load(&load);
            start_load(&stage, &load);
        }
        wait_for_the_beat(&next_ms);
        rotate(&stage, round);
        program_signal(&stage.proxy.program, SIGHUP);
        wait_until(is_in_force(&stage, round));
    }
    end_load(&load);
    end(&stage);
}

/* ---- the same over TLS, with keys that change ---- */

/* Shared with the children that are clients. */
struct board {
    volatile bool stop;
    volatile unsigned key; /* the number of the one to show */

    struct {
        volatile unsigned key; /* the one that it shows */
        unsigned n_good;
        unsigned n_failed;
        unsigned n_of[2]; /* handshakes, by the certificate that was shown */
        char why[256];    /* of the first failure */
    } clients[N_CLIENTS];
};

struct session {
    struct client client;
    struct tls_client *tls;
    struct buf plain;
};

/* What the client has for the server goes there; what comes is read. False: the connection is over. */
static bool exchange_bytes(struct session *session, bool reads)
{
    struct buf *out = tls_client_output(session->tls);
    char bytes[16384];
    struct pollfd wait = {.fd = session->client.fd, .events = POLLIN};
    ssize_t n;

    if (out->len > 0 && !client_send(&session->client, buf_view(out))) {
        return false;
    }
    buf_clear(out);
    if (!reads) {
        return true;
    }
    if (poll(&wait, 1, PATIENCE_MS) != 1) {
        return false;
    }
    n = read(session->client.fd, bytes, sizeof(bytes));
    if (n <= 0) {
        return false;
    }
    tls_client_feed(session->tls, (struct str){bytes, (size_t)n});
    return tls_client_read(session->tls, &session->plain);
}

static void call(struct session *session, uint16_t port)
{
    client_open(&session->client, port);
    session->tls = tls_client_new();
    buf_init(&session->plain, TEXT_MAX);
}

static void hang_up(struct session *session)
{
    tls_client_end(session->tls);
    (void)exchange_bytes(session, false);
    tls_client_free(session->tls);
    buf_done(&session->plain);
    client_close(&session->client);
}

static bool is_whole(struct str text)
{
    ptrdiff_t end = str_find(text, STR("\r\n\r\n"));
    ptrdiff_t at = str_find(text, STR("Content-Length: "));
    struct str digits;
    struct str rest;
    int64_t length = 0;

    if (end < 0 || at < 0) {
        return false;
    }
    (void)str_cut(str_sub(text, (size_t)at + 16, text.len), '\r', &digits, &rest);
    return str_to_i64(digits, 0, TEXT_MAX, &length) && text.len >= (size_t)end + 4 + (size_t)length;
}

static bool ask_once(struct session *session, unsigned key)
{
    char request[256];
    int n =
        snprintf(request, sizeof(request),
                 "GET /api/user HTTP/1.1\r\nHost: test\r\nX-API-Key: key-number-%u\r\n\r\n", key);

    buf_clear(&session->plain);
    while (!tls_client_write(session->tls, (struct str){request, (size_t)n})) { /* handshakes */
        if (!exchange_bytes(session, true)) {
            return false;
        }
    }
    while (!is_whole(buf_view(&session->plain))) {
        if (!exchange_bytes(session, true)) {
            return false;
        }
    }
    return str_starts(buf_view(&session->plain), STR("HTTP/1.1 200 "));
}

static void note_certificate(struct board *board, size_t at, const struct session *session)
{
    char subject[128];

    tls_client_subject(session->tls, subject, sizeof(subject));
    board->clients[at].n_of[strstr(subject, "other") != NULL ? 1 : 0]++;
}

/* On a busy machine a certificate may be in force for less than a handshake takes, and fewer requests are made. */
static bool has_seen_enough(const struct board *board)
{
    unsigned n_of[2] = {0};
    unsigned n_good = 0;

    for (size_t i = 0; i < N_CLIENTS; i++) {
        n_of[0] += board->clients[i].n_of[0];
        n_of[1] += board->clients[i].n_of[1];
        n_good += board->clients[i].n_good;
    }
    return n_of[0] > 0 && n_of[1] > 0 && n_good > seconds(TLS_SECONDS) * rate() / 10;
}

static void fail_client(struct board *board, size_t at, struct session *session)
{
    if (board->clients[at].n_failed++ == 0) {
        str_copy(board->clients[at].why, sizeof(board->clients[at].why),
                 session->plain.len > 0 ? buf_view(&session->plain) : STR("no answer"));
    }
}

/* One request each N_CLIENTS / rate seconds, some on each connection. */
static NO_RETURN void be_client(struct board *board, size_t at, uint16_t port)
{
    unsigned pause_ms = N_CLIENTS * MS_PER_S / rate();
    uint64_t next_ms = client_now_ms();

    while (!board->stop) {
        struct session session = {.client.fd = -1};
        bool good = true;

        call(&session, port);
        for (unsigned i = 0; good && i < REQUESTS_A_CONNECTION && !board->stop; i++) {
            board->clients[at].key = board->key;
            good = ask_once(&session, board->clients[at].key);
            board->clients[at].n_good += good ? 1 : 0;
            if (good && i == 0) {
                note_certificate(board, at, &session);
            }
            next_ms += pause_ms;
            while (client_now_ms() < next_ms) {
                client_pause_ms(1); /* the rate is what is tested */
            }
        }
        if (!good) {
            fail_client(board, at, &session);
        }
        hang_up(&session);
    }
    _exit(0);
}

static bool all_show(const struct board *board, unsigned key)
{
    for (size_t i = 0; i < N_CLIENTS; i++) {
        if (board->clients[i].key < key) {
            return false;
        }
    }
    return true;
}

static bool is_in_force_over_tls(const struct stage *stage, unsigned round)
{
    struct session session = {.client.fd = -1};
    bool good;

    call(&session, stage->proxy.program.port);
    good = ask_once(&session, round + 2);
    hang_up(&session);
    return good;
}

/* No key goes while somebody shows it: key `round` + 1 is good in this configuration and in the next one. */
static void rotate_over_tls(struct stage *stage, struct board *board, unsigned round)
{
    wait_until(all_show(board, round));
    rotate(stage, round); /* which is seen without a signal */
    wait_until(is_in_force_over_tls(stage, round));
    board->key = round + 1;
}

static NO_RETURN void start_client(struct board *board, size_t at, uint16_t port)
{
    be_client(board, at, port);
}

static void tls_clients_see_new_certificates_and_no_failure(void **state)
{
    static struct stage stage;
    pid_t children[N_CLIENTS];
    struct board *board =
        mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t next_ms = client_now_ms();

    (void)state;
    assert_true(board != MAP_FAILED);
    stage = (struct stage){.has_tls = false};
    begin(&stage, true);
    board->key = 1;
    for (size_t i = 0; i < N_CLIENTS; i++) {
        children[i] = blocking_fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            start_client(board, i, stage.proxy.program.port);
        }
    }
    for (unsigned round = 1;
         round <= seconds(TLS_SECONDS) || (!has_seen_enough(board) && round <= ROUNDS_MAX);
         round++) {
        wait_for_the_beat(&next_ms);
        rotate_over_tls(&stage, board, round);
    }
    board->stop = true;
    for (size_t i = 0; i < N_CLIENTS; i++) {
        assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
        if (board->clients[i].n_failed > 0) {
            fail_msg("%u failed, the first one: %s", board->clients[i].n_failed,
                     board->clients[i].why);
        }
    }
    assert_true(has_seen_enough(board));
    assert_int_equal(munmap(board, sizeof(*board)), 0);
    end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_fails_while_everything_changes_every_second),
        cmocka_unit_test(tls_clients_see_new_certificates_and_no_failure),
    };

    return cmocka_run_group_tests_name("rotation", tests, NULL, NULL);
}
