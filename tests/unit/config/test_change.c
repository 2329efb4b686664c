/* What a reload, and `check --diff`, say of a change: every option, whatever its type. */
#include "fixture.h"

#include <stdio.h>

#include "config/option.h"

#define TLS_DIR VP_SOURCE_DIR "/tests/harness/tls"

int test_change(void);

struct told {
    const struct option_row *row; /* to be told */
    const struct config *before, *after;
    unsigned n; /* times that it was */
    char text[256];
};

static void on_change(void *context, const struct option_row *row)
{
    struct told *told = context;
    struct buf line;

    if (row != told->row) {
        return;
    }
    told->n++;
    buf_init(&line, TEXT_MAX);
    config_print_change(told->before, told->after, row, &line);
    str_copy(told->text, sizeof(told->text), buf_view(&line));
    buf_done(&line);
}

/* The word of the row with the number `at`, into `room`; NULL: there are fewer. */
static const char *word_at(const struct option_row *row, unsigned at, char room[32])
{
    struct str words = str_from(row->words);
    struct str word = STR_EMPTY;

    for (unsigned i = 0; i <= at; i++) {
        if (!str_next(&words, ' ', &word)) {
            return NULL;
        }
    }
    str_copy(room, 32, word);
    return room;
}

/* A value of its type that is not the default; `at`: another one each time. NULL: there is no more. */
static const char *value_of(const struct option_row *row, unsigned at, char number[32])
{
    static const char *const texts[][3] = {
        [OPTION_STR] = {"other", "/other"},
        [OPTION_ID] = {"4711"},
        [OPTION_URL] = {"https://other.example/x"},
        [OPTION_FILE] = {TLS_DIR "/cert.pem"},
        [OPTION_ADDRESS] = {"127.0.0.9:9"},
        [OPTION_SECRET] = {"another-secret-1"},
        [OPTION_LIST] = {"other", "other=read", "other=1/2/3"},
        [OPTION_ORIGINS] = {"https://other.example"},
        [OPTION_RANGES] = {"203.0.113.0/24"},
        [OPTION_FILES] = {TLS_DIR "/name.pem"},
        [OPTION_URLS] = {"https://other.example/x"},
        [OPTION_FAULTS] = {"POST /teststeps:503@1%"},
        [OPTION_SPREAD] = {"7ms+-1ms"},
    };

    switch (row->type) {
    case OPTION_BOOL:
        return at > 0 ? NULL : str_is(str_from(row->def), "true") ? "false" : "true";
    case OPTION_UINT:
    case OPTION_SIZE:
    case OPTION_MS:
    case OPTION_SECONDS:
        (void)snprintf(number, 32, "%lld", (long long)(at == 0 ? row->max : row->min));
        return at > 1 ? NULL : number;
    case OPTION_ENUM:
    case OPTION_WORDS:
        return word_at(row, at, number);
    case OPTION_STR:
    case OPTION_ID:
    case OPTION_URL:
    case OPTION_FILE:
    case OPTION_ADDRESS:
    case OPTION_SECRET:
    case OPTION_LIST:
    case OPTION_ORIGINS:
    case OPTION_RANGES:
    case OPTION_FILES:
    case OPTION_URLS:
    case OPTION_FAULTS:
    case OPTION_SPREAD:
        return at < 3 ? texts[row->type][at] : NULL;
    case OPTION_KEYS:
    case OPTION_CERTIFICATES:
    case OPTION_LISTENERS:
    case OPTION_TENANTS:
        break;
    }
    return NULL;
}

/* Values that no other option of the type takes, and what an option cannot be without. */
static const struct special {
    const char *key, *value, *other;
} specials[] = {
    {"drain.notice_ms", "600000", "drain.limit_ms=600000"},
    {"server.socket_mode", "0660", NULL},
    {"server.workers", "2", NULL},
    {"server.roles", "traffic,runs", "store.url=redis://127.0.0.1:9"},
    {"secrets.tree", "file:" TLS_DIR, NULL},
    {"server.proxy_protocol", "true", "server.proxy_from=203.0.113.0/24"},
    {"admin.listen", "127.0.0.9:9", NULL},
    {"limits.rules", "tenant=10/20", NULL},
    {"store.url", "redis://127.0.0.1:9", NULL},
    {"store.user", "other", "store.password=another-secret-1"},
    {"otel.headers", "x=y,authorization=another-secret-1", NULL},
    {"otel.traces_share", "0.5", NULL},
    {"analytics.headers", "x=y,authorization=another-secret-1", NULL},
    {"analytics.bigquery", "project.dataset.table", NULL},
    {"upstream.client_certificate_file", TLS_DIR "/cert.pem",
     "upstream.client_key_file=" TLS_DIR "/key.pem"},
    {"upstream.client_key_file", TLS_DIR "/key.pem",
     "upstream.client_certificate_file=" TLS_DIR "/cert.pem"},
    {"artifacts.url", "s3://bucket/folder", NULL},
    {"audit.store", "true", "store.url=redis://127.0.0.1:9"},
    {"audit.url", "s3://bucket/folder", NULL},
    {"lambda.runtime_api", "127.0.0.9:9", NULL},
    {"runs.driver", "request", "store.url=redis://127.0.0.1:9"},
};

static const struct special *special_of(const struct option_row *row)
{
    for (size_t i = 0; i < ARRAY_LEN(specials); i++) {
        if (strcmp(specials[i].key, row->key) == 0) {
            return &specials[i];
        }
    }
    return NULL;
}

enum telling { UNTRIED /* the value was refused */, UNTOLD, TOLD };

static enum telling telling_of(const struct config *before, const struct option_row *row,
                               const char *value, const char *other)
{
    const char *const environment[] = {KEY, TOKEN, NULL};
    char set[512];
    const char *sets[] = {set, other, NULL};
    struct loaded after;
    struct told told = {.row = row, .before = before};

    (void)snprintf(set, sizeof(set), "%s=%s", row->key, value);
    after = load_all(environment, sets);
    told.after = after.config;
    if (after.config == NULL) {
        done(&after);
        return UNTRIED;
    }
    (void)config_changes(before, after.config, on_change, &told);
    done(&after);
    assert_in_range(told.n, 0, 1);
    assert_true(told.n == 0 || str_starts(str_from(told.text), str_from(row->key)));
    assert_null(strstr(told.text, "secret-1"));
    return told.n == 1 ? TOLD : UNTOLD;
}

static enum telling try_values(const struct config *before, const struct option_row *row)
{
    const struct special *special = special_of(row);
    enum telling best = UNTRIED;
    char number[32];
    const char *value;
    unsigned at = 0;

    if (special != NULL) {
        return telling_of(before, row, special->value, special->other);
    }
    while (best != TOLD && (value = value_of(row, at++, number)) != NULL) {
        enum telling telling = telling_of(before, row, value, NULL);

        best = telling > best ? telling : best;
    }
    return best;
}

/* Those that no single value changes: what they need is another list, or a file. */
static const char *const with_others[] = {
    "server.tls_certificate_file",
    "server.tls_key_file",
    "server.tls_certificates",
    "server.client_ca_file",
    "server.client_crl_file",
    "server.client_certificates",
    "sandbox.faults",
    "runs.recall.queue",
};

static bool is_with_others(const char *key)
{
    return str_in(str_from(key), with_others, ARRAY_LEN(with_others));
}

static void every_option_that_changes_is_told(void **state)
{
    const char *const environment[] = {KEY, TOKEN, NULL};
    struct loaded before = load_all(environment, NULL);
    size_t n_rows;
    const struct option_row *rows = config_options(&n_rows);
    unsigned n[3] = {0};

    (void)state;
    assert_taken(&before);
    for (size_t i = 0; i < n_rows; i++) {
        enum telling telling;

        if (rows[i].type >= OPTION_KEYS || is_with_others(rows[i].key)) {
            continue;
        }
        telling = try_values(before.config, &rows[i]);
        n[telling]++;
        if (telling != TOLD) {
            print_message("%s: %s\n", rows[i].key,
                          telling == UNTOLD
                              ? "a change is not told"
                              : "no value above is one of it: give it a row in specials");
        }
    }
    done(&before);
    assert_int_equal(n[UNTOLD], 0);
    assert_in_range(n[UNTRIED], 0, n[TOLD] / 10);
}

#define TLS                                                                                        \
    "tls_certificate_file: " TLS_DIR "/cert.pem, tls_key_file: " TLS_DIR                           \
    "/key.pem, client_ca_file: " TLS_DIR "/cert.pem"
#define BEFORE                                                                                     \
    "server: {" TLS ", listeners: [{listen: \"127.0.0.1:1\", name: a}]}\n"                         \
    "auth: {mode: [keys, mtls], keys: [{name: k, key: key-of-a-test-1, rate: 5}],"                 \
    " certificates: [{name: c, cn: c}]}\n"                                                         \
    "tenants: [{name: t, token: token-of-a-test-1}]\n"                                             \
    "sandbox: {faults: [\"POST /teststeps:503@1%\"]}\n"

static void lists_of_maps_and_what_comes_together_are_told(void **state)
{
    static const struct {
        const char *key, *what, *with;
    } rows[] = {
        {"auth.keys", "rate: 5", "rate: 6"},
        {"auth.keys", "key-of-a-test-1", "key-of-a-test-2"},
        {"auth.certificates", "cn: c", "cn: d"},
        {"server.listeners", "name: a", "name: b"},
        {"server.listeners", "127.0.0.1:1", "127.0.0.1:2"},
        {"sandbox.faults", "503@1%", "502@1%"},
        {"tenants", "name: t", "name: u"},
        {"tenants", "token-of-a-test-1", "token-of-a-test-2"},
        {"server.tls_certificate_file", "tls_certificate_file: " TLS_DIR "/cert.pem",
         "tls_certificate_file: " TLS_DIR "/../tls/cert.pem"},
        {"server.tls_key_file", TLS_DIR "/key.pem", TLS_DIR "/../tls/key.pem"},
        {"server.client_certificates", "/key.pem, client_ca_file",
         "/key.pem, client_certificates: required, client_ca_file"},
        {"server.client_ca_file", "client_ca_file: " TLS_DIR "/cert.pem",
         "client_ca_file: " TLS_DIR "/../tls/cert.pem"},
    };
    struct loaded before = load_text(BEFORE);
    size_t n;
    const struct option_row *options = config_options(&n);

    (void)state;
    assert_taken(&before);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct told told = {.before = before.config};
        struct loaded after;
        struct buf text;
        struct str first;
        ptrdiff_t at = str_find(STR(BEFORE), str_from(rows[i].what));

        assert_true(at >= 0);
        first = str_sub(STR(BEFORE), 0, (size_t)at);
        buf_init(&text, TEXT_MAX);
        buf_str(&text, first);
        buf_text(&text, rows[i].with);
        buf_str(&text, str_sub(STR(BEFORE), (size_t)at + strlen(rows[i].what), SIZE_MAX));
        after = load_text(buf_cstr(&text));
        assert_taken(&after);
        for (size_t k = 0; k < n; k++) {
            told.row = strcmp(options[k].key, rows[i].key) == 0 ? &options[k] : told.row;
        }
        told.after = after.config;
        assert_true(config_changes(before.config, after.config, on_change, &told));
        if (told.n != 1) {
            fail_msg("%s: told %u times for %s", rows[i].key, told.n, rows[i].with);
        }
        assert_null(strstr(told.text, "of-a-test-")); /* no secret */
        done(&after);
        buf_done(&text);
    }
    done(&before);
}

int test_change(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_that_changes_is_told),
        cmocka_unit_test(lists_of_maps_and_what_comes_together_are_told),
    };

    return cmocka_run_group_tests_name("changes of the configuration", tests, NULL, NULL);
}
