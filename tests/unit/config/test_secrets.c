/* Keys and tokens of the configuration: every form that people write them in, and what is refused. */
#include <stdio.h>

#include "fixture.h"

#include "crypto/digest.h"
#include "harness/count.h"

#define TLS_DIR VP_SOURCE_DIR "/tests/harness/tls"
#define JWT     "jwks: \"https://h.example/x\", issuer: i, audience: a"
#define CLIENTS                                                                                    \
    "tls_certificate_file: " TLS_DIR "/cert.pem, tls_key_file: " TLS_DIR "/key.pem, "              \
    "client_ca_file: " TLS_DIR "/cert.pem"

static void assert_keys(const struct config *config, const char *const *keys)
{
    size_t n = 0;

    for (; keys[n] != NULL; n++) {
        struct digest digest;

        assert_true(n < config->auth.n_keys);
        digest_of(str_from(keys[n]), &digest);
        assert_memory_equal(config->auth.keys[n].sha256, digest.bytes, DIGEST_BYTES);
    }
    assert_int_equal(config->auth.n_keys, n);
}

/* ---- tokens and keys ---- */

static void a_token_is_taken_without_what_stands_around_it(void **state)
{
    static const char *const variables[] = {
        "VIRTUOSO_API_TOKEN=tok-0123\n",
        "VIRTUOSO_API_TOKEN= tok-0123 ",
        "VIRTUOSO_API_TOKEN=\"tok-0123\"",
        "VIRTUOSO_PROXY_UPSTREAM_TOKEN=tok-0123\r\n",
        "VIRTUOSO_PROXY_UPSTREAM_TOKEN_FILE=" SCRATCH,
        "VIRTUOSO_API_KEY_FILE=" SCRATCH,
    };

    (void)state;
    write_file("\xEF\xBB\xBFtok-0123\r\n");
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        const char *const environment[] = {variables[i], KEY, NULL};
        struct loaded loaded = load_all(environment, NULL);

        assert_taken(&loaded);
        assert_true(str_is(secret_reveal(&loaded.config->upstream.token), "tok-0123"));
        done(&loaded);
    }
    assert_int_equal(unlink(SCRATCH), 0);
}

static void a_token_that_no_header_takes_is_refused_by_its_name(void **state)
{
    static const char *const variables[] = {
        "VIRTUOSO_API_TOKEN=Bearer tok-0123", "VIRTUOSO_API_TOKEN=tok-0123\ntok-0123",
        "VIRTUOSO_API_TOKEN=tok-0123\x01",    "VIRTUOSO_API_TOKEN=${VIRTUOSO_API_TOKEN}",
        "VIRTUOSO_API_TOKEN=your-api-token",
    };
    struct loaded loaded;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        const char *const environment[] = {variables[i], KEY, NULL};

        loaded = load_all(environment, NULL);
        assert_says(&loaded, "VIRTUOSO_API_TOKEN: upstream.token: ");
        assert_false(str_contains(buf_view(&loaded.errors), STR("0123")));
        assert_false(str_contains(buf_view(&loaded.errors), STR("no token for the platform")));
        done(&loaded);
    }
    write_file("# the token of the platform\ntok-0123\n");
    loaded = load_with("VIRTUOSO_API_KEY_FILE=" SCRATCH);
    assert_taken(&loaded); /* VIRTUOSO_API_TOKEN comes first */
    done(&loaded);
    loaded = load_with("VIRTUOSO_PROXY_UPSTREAM_TOKEN_FILE=" SCRATCH);
    assert_says(&loaded, "VIRTUOSO_PROXY_UPSTREAM_TOKEN_FILE: upstream.token: ");
    done(&loaded);
    assert_int_equal(unlink(SCRATCH), 0);
}

static void what_was_commented_out_is_no_token(void **state)
{
    static const char *const variables[] = {
        "VIRTUOSO_PROXY_UPSTREAM_TOKEN_FILE=" SCRATCH, "VIRTUOSO_PROXY_UPSTREAM_TOKEN=#tok-0123",
        "VIRTUOSO_PROXY_UPSTREAM_TOKEN=file:" SCRATCH,
        "VIRTUOSO_PROXY_UPSTREAM_SECONDARY_TOKEN_FILE=" SCRATCH};
    struct loaded loaded;

    (void)state;
    write_file("\xEF\xBB\xBF#tok-0123\n");
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        loaded = load_with(variables[i]);
        assert_says(&loaded, ": the value cannot be used: it begins with #");
        assert_false(str_contains(buf_view(&loaded.errors), STR("0123")));
        done(&loaded);
    }
    assert_int_equal(rename(SCRATCH, SCRATCH "_key"), 0);
    loaded = load_text("auth:\n  keys:\n    - {name: ci, key_file: " SCRATCH "_key}\n");
    assert_says(&loaded, "auth.keys: the file of a key begins with a comment");
    assert_int_equal(unlink(SCRATCH "_key"), 0);
    done(&loaded);
    loaded = load_with("VIRTUOSO_PROXY_STORE_PASSWORD=#pa55-0123");
    assert_taken(&loaded);
    done(&loaded);
}

static void keys_are_read_in_every_form(void **state)
{
    static const char *const forms[] = {
        "first-key-1,second-key-2",
        "first-key-1 second-key-2",
        "first-key-1\nsecond-key-2\n",
        "\xEF\xBB\xBF# two keys, one a line\r\nfirst-key-1\r\n\r\nsecond-key-2 # of the other\r\n",
        "[\"first-key-1\",\"second-key-2\"]",
        "[ 'first-key-1', 'second-key-2' ]",
        "[first-key-1, second-key-2]",
        "[\n  \"first-key-1\",\n  \"second-key-2\"\n]\n",
        "\"first-key-1\",\"second-key-2\"",
        "\"first-key-1,second-key-2\"",
        "'[\"first-key-1\",\"second-key-2\"]'",
        ",,first-key-1,,second-key-2,,",
        "first-key-1,#first-key-3\nsecond-key-2",
    };
    static const char *const keys[] = {"first-key-1", "second-key-2", NULL};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct buf variable;
        const char *environment[] = {NULL, TOKEN, NULL};
        struct loaded loaded;

        buf_init(&variable, TEXT_MAX);
        buf_printf(&variable, "API_KEYS=%s", forms[i]);
        environment[0] = buf_cstr(&variable);
        loaded = load_all(environment, NULL);
        assert_taken(&loaded);
        assert_keys(loaded.config, keys);
        done(&loaded);
        buf_done(&variable);

        write_file(forms[i]);
        environment[0] = "API_KEYS_FILE=" SCRATCH;
        loaded = load_all(environment, NULL);
        assert_taken(&loaded);
        assert_keys(loaded.config, keys);
        done(&loaded);
    }
    assert_int_equal(unlink(SCRATCH), 0);
}

static void origins_are_read_by_the_same_reader(void **state)
{
    static const char *const forms[] = {
        "CORS_ORIGINS=https://a.example,https://b.example",
        "CORS_ORIGINS=https://a.example https://b.example",
        "CORS_ORIGINS=[\"https://a.example\", \"https://b.example\"]",
        "CORS_ORIGINS=\"https://a.example,https://b.example\"",
        "CORS_ORIGINS=https://a.example\nhttps://b.example # the other one\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct loaded loaded = load_with(forms[i]);

        assert_taken(&loaded);
        assert_int_equal(loaded.config->cors.n_origins, 2);
        assert_true(str_is(loaded.config->cors.origins[0], "https://a.example"));
        assert_true(str_is(loaded.config->cors.origins[1], "https://b.example"));
        done(&loaded);
    }
}

static void keys_that_are_no_secret_are_refused(void **state)
{
    static const struct {
        const char *set;
        const char *says;
    } rows[] = {
        {"auth.keys=${API_KEY}", "everybody can guess"},
        {"auth.keys=$API_KEY", "everybody can guess"},
        {"auth.keys=good-key-123,your-api-key-1", "everybody can guess"},
        {"auth.keys=my-long-key", "everybody can guess"},
        {"auth.keys=xxxxxxxxxxxx", "everybody can guess"},
        {"auth.keys=replace-me-too", "everybody can guess"},
        {"auth.keys=@@API_KEY@@", "everybody can guess"},
        {"auth.keys=[[api-key]]", "list of texts"},
        {"auth.keys=(API_KEY_PROD)", "everybody can guess"},
        {"auth.keys=first-key-1;second-key-2", "write commas"},
        {"auth.keys=first-key-1|second-key-2", "write commas"},
        {"auth.keys=short", "at least 8 characters"},
        {"auth.keys=\"good-key-123", "not closed"},
        {"auth.keys=[[\"good-key-123\"]]", "list of texts"},
        {"auth.keys=good-key-123\x01", "byte 13 (0x01)"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const environment[] = {TOKEN, NULL};
        const char *const sets[] = {rows[i].set, NULL};
        struct loaded loaded = load_all(environment, sets);

        assert_says(&loaded, rows[i].says);
        assert_says(&loaded, "--set: auth.keys: ");
        assert_false(str_contains(buf_view(&loaded.errors), STR("no API key is set")));
        done(&loaded);
    }
}

static void keys_of_the_file_have_places_and_dates(void **state)
{
    static const char *const keys[] = {"first-key-1", "second-key-2", NULL};
    struct loaded loaded;

    (void)state;
    loaded = load_text("auth:\n  keys: first-key-1, second-key-2\n");
    assert_taken(&loaded);
    assert_keys(loaded.config, keys);
    done(&loaded);
    loaded = load_text("auth:\n  keys: [\"${API_KEY}\"]\n");
    assert_says(&loaded, SCRATCH ":2:10: auth.keys: a key cannot be used: it is an example");
    done(&loaded);
    loaded = load_text("auth:\n  keys:\n    - {key: first-key-1, expires: 2027-01-31}\n"
                       "    - {key: second-key-2, expires: \"2027-01-31T12:00:00+01:00\"}\n");
    assert_taken(&loaded);
    assert_int_equal(loaded.config->auth.keys[0].expires_ms, INT64_C(1801440000000));
    assert_int_equal(loaded.config->auth.keys[1].expires_ms, INT64_C(1801393200000));
    done(&loaded);
    loaded = load_text("auth:\n  keys: [{key: first-key-1, expires: \"1970-01-01T00:00:00Z\"}]\n");
    assert_taken(&loaded);
    assert_int_equal(loaded.config->auth.keys[0].expires_ms, 1); /* 0 would be: never */
    done(&loaded);
    loaded = load_text("auth:\n  keys:\n    - {key: first-key-1, expires: 2027-02-30}\n"
                       "    - {key: second-key-2, expires: 27-01-31}\n");
    assert_says(&loaded, SCRATCH ":3:26: auth.keys: expires: \"2027-02-30\" is not a date");
    assert_says(&loaded, SCRATCH ":4:27: auth.keys: expires: \"27-01-31\" is not a date");
    done(&loaded);
}

static void write_leaf(const char *path, struct str text)
{
    int fd = fd_create(path, O_TRUNC, 0600);

    assert_true(fd >= 0 && fd_write_all(fd, text));
    assert_int_equal(close(fd), 0);
}

/* Of a tree what is set elsewhere is not taken, and what is not there is not missed. */
static void a_tree_of_secrets_is_read(void **state)
{
    static const char *const environment[] = {"VIRTUOSO_ORG_ID=7", NULL};
    const char *const sets[] = {"secrets.tree=file:" SCRATCH "_tree/", NULL};
    const struct config_sources sources = {.environment = environment, .sets = sets, .n_sets = 1};
    const struct config *config;
    struct loaded loaded;

    (void)state;
    write_leaf(SCRATCH "_tree/api/keys/primary", STR("tok-tree\n"));
    write_leaf(SCRATCH "_tree/api/config/org_id", STR("8\n"));
    write_leaf(SCRATCH "_tree/api/config/base_url", STR("https://qa.example/api/\n"));
    write_leaf(SCRATCH "_tree/auth/tokens/service", STR("key-of-the-tree\n"));
    loaded = load(&sources);
    assert_taken(&loaded);
    config = loaded.config;
    assert_true(str_is(secret_reveal(&config->upstream.token), "tok-tree"));
    assert_false(secret_is_set(&config->upstream.secondary_token));
    assert_true(str_is(config->upstream.organization_id, "7"));
    assert_true(str_is(config->upstream.base_url, "https://qa.example/api"));
    assert_int_equal(config->auth.n_keys, 1);
    assert_true(str_is(config->auth.keys[0].name, "service"));
    done(&loaded);
    write_leaf(SCRATCH "_tree/api/config/base_url", STR("nowhere\n"));
    loaded = load(&sources);
    assert_says(&loaded, "secrets.tree: upstream.base_url: \"nowhere\" is not a URL");
    done(&loaded);
}

static void secrets_are_taken_by_reference(void **state)
{
    static const char *const keys[] = {"first-key-1", "second-key-2", "third-key-3", NULL};
    static const char *const environment[] = {"VIRTUOSO_API_TOKEN=file:" SCRATCH "_token",
                                              "MY_KEY=first-key-1", "SECOND= tok-4567 ", NULL};

    static const struct {
        const char *set;
        const char *says;
    } refused[] = {
        {"upstream.token=env:NOT_SET", "upstream.token: the variable NOT_SET is not set"},
        {"upstream.token=file:/no/such/file", "upstream.token: cannot read the file /no/such/file"},
        {"upstream.token=env:BAD",
         "upstream.token: env:BAD: the value cannot be used: it has white"},
        {"auth.keys=env:BAD", "auth.keys: env:BAD: a key cannot be used: it has white"},
        {"auth.keys=env:NOT_SET", "auth.keys: the variable NOT_SET is not set"},
        {"upstream.secondary_token=env:", "is not set"},
        {"auth.keys=env:LIST", "auth.keys: env:LIST: a key cannot be used: it is a list"},
        {"upstream.token=env:LIST",
         "upstream.token: env:LIST: the value cannot be used: it is a list"},
    };

    const char *const sets[] = {"upstream.secondary_token=env:SECOND", NULL};
    const struct config_sources sources = {
        .file = SCRATCH, .environment = environment, .sets = sets, .n_sets = 1};
    int fd = open(SCRATCH "_token", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct loaded loaded;

    (void)state;
    assert_true(fd >= 0 && fd_write_all(fd, STR("tok-0123\n")));
    assert_int_equal(close(fd), 0);
    write_file("auth:\n  keys:\n    - env:MY_KEY\n    - {key: second-key-2}\n"
               "    - {name: three, key: \"env:THIRD\"}\n");
    loaded = load(&sources);
    assert_says(&loaded, SCRATCH ":5:21: auth.keys: the variable THIRD is not set");
    done(&loaded);
    write_file("auth:\n  keys:\n    - env:MY_KEY\n    - {key: second-key-2}\n    - third-key-3\n");
    loaded = load(&sources);
    assert_taken(&loaded);
    assert_keys(loaded.config, keys);
    assert_true(str_is(secret_reveal(&loaded.config->upstream.token), "tok-0123"));
    assert_true(str_is(secret_reveal(&loaded.config->upstream.secondary_token), "tok-4567"));
    done(&loaded);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        const char *const bad[] = {refused[i].set, NULL};
        static const char *const usual[] = {KEY, TOKEN, "BAD=two words",
                                            "LIST=\"first-key-1\",\"second-key-2\"", NULL};

        loaded = load_all(usual, bad);
        assert_says(&loaded, refused[i].says);
        done(&loaded);
    }
    assert_int_equal(unlink(SCRATCH), 0);
    assert_int_equal(unlink(SCRATCH "_token"), 0);
}

static void tenants_are_read_and_named(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } refused[] = {
        {"tenants: [{name: a}]", "tenants: \"a\" has no token"},
        {"tenants: [{token: tok-1111}]", "tenants: each entry needs a name"},
        {"tenants: [{name: a, token: tok-1111}, {name: a, token: tok-2222}]", "a name of its own"},
        {"tenants: [{name: a, tokn: tok-1111}]", "did you mean \"token\"?"},
        {"tenants: [{name: a, token: \"env:NOT_SET\"}]", "the variable NOT_SET is not set"},
        {"tenants: [{name: a, token: tok-1111, base_url: x}]", "tenants: base_url: not a URL"},
        {"tenants: [{name: a, token: tok-1111, base_url: 'https://a/x/%2e%2E'}]",
         "tenants: base_url: the path has a dot segment"},
        {"tenants: [a]", "tenants: each entry is a map"},
        {"tenants: a", "tenants: must be a list"},
        {"auth: {keys: [{key: first-key-1, tenant: b}]}",
         "the tenant \"b\" of \"key-1\" is not in"},
    };
    struct loaded loaded =
        load_text("auth: {keys: [{key: first-key-1, tenant: b}, second-key-2]}\n"
                  "tenants:\n  - {name: a, token: tok-1111}\n"
                  "  - {name: b, token: tok-2222, secondary_token: tok-3333, organization_id: 7, "
                  "base_url: \"https://b.example/api/\"}\n");
    struct buf printed;

    (void)state;
    assert_taken(&loaded);
    assert_int_equal(loaded.config->tenants.n, 2);
    assert_int_equal(loaded.config->auth.keys[0].tenant, 2);
    assert_int_equal(loaded.config->auth.keys[1].tenant, 0);
    assert_true(str_is(loaded.config->tenants.items[1].base_url, "https://b.example/api"));
    assert_true(str_is(secret_reveal(&loaded.config->tenants.items[1].token), "tok-2222"));
    buf_init(&printed, TEXT_MAX);
    config_print(loaded.config, &printed);
    assert_true(str_contains(buf_view(&printed), STR("tenants: \n  - name: a\n    token: '***'")));
    assert_false(str_contains(buf_view(&printed), STR("tok-")));
    buf_done(&printed);
    done(&loaded);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        loaded = load_text(refused[i].text);
        assert_says(&loaded, refused[i].says);
        done(&loaded);
    }
}

/* Else each call that needs it would be refused by the platform, and the caller blamed. */
static void an_organization_is_named_by_digits(void **state)
{
    static const char *const right[] = {"VIRTUOSO_ORG_ID= 17\n", "VIRTUOSO_ORG_ID=\"17\"",
                                        ("VIRTUOSO_ORGANIZATION_ID=\xEF\xBB\xBF"
                                         "17\r\n"),
                                        "VIRTUOSO_PROXY_UPSTREAM_ORGANIZATION_ID='17'"};
    static const char *const wrong[] = {
        "VIRTUOSO_ORG_ID=${ORG}", "VIRTUOSO_ORG_ID=42x", "VIRTUOSO_ORG_ID=4 2",
        "VIRTUOSO_ORG_ID=-1",     "VIRTUOSO_ORG_ID=0",   "VIRTUOSO_ORG_ID=12345678901234567890"};
    struct loaded loaded;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(right); i++) {
        loaded = load_with(right[i]);
        assert_taken(&loaded);
        assert_true(str_is(loaded.config->upstream.organization_id, "17"));
        done(&loaded);
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        loaded = load_with(wrong[i]);
        assert_says(&loaded, "VIRTUOSO_ORG_ID: upstream.organization_id: the value is not an id");
        done(&loaded);
    }
    loaded = load_with("VIRTUOSO_ORG_ID= ");
    assert_taken(&loaded);
    assert_int_equal(loaded.config->upstream.organization_id.len, 0);
    done(&loaded);
    loaded = load_text("tenants: [{name: a, token: tok-1111, organization_id: \"${ORG}\"}]\n"
                       "auth: {keys: [second-key-2]}\n");
    assert_says(&loaded, "tenants: organization_id: the value is not an id");
    done(&loaded);
}

/* The stored token is asked for where somebody would be served with it. */
static void a_platform_token_is_needed_by_who_brings_none(void **state)
{
    static const struct {
        const char *text;
        bool fine;
    } rows[] = {
        {"auth: {keys: [{key: first-key-1, tenant: a}]}\n", true},
        {"auth: {mode: [keys, passthrough], keys: [{key: first-key-1, tenant: a}]}\n", true},
        {"auth: {mode: passthrough}\n", true},
        {"sandbox: {enabled: true}\n", true},
        {"auth: {keys: [{key: first-key-1, tenant: a}, second-key-2]}\n", false},
        {"auth: {keys: [second-key-2]}\n", false},
        {"auth: {mode: none, keys: [{key: first-key-1, tenant: a}]}\nserver: {listen: \"127.0.0.1:0\"}\n",
         false},
        {"auth: {mode: [passthrough, keys], keys: [second-key-2]}\n", false},
        {"auth: {mode: jwt, jwt: {" JWT ", tenant_claim: t}}\n", true},
        {"auth: {mode: jwt, jwt: {" JWT "}}\n", false},
        {"auth: {mode: [jwt, keys], jwt: {" JWT ", tenant_claim: t}, keys: [second-key-2]}\n",
         false},
        {"auth: {mode: mtls, certificates: [{cn: b, tenant: a}]}\nserver: {" CLIENTS "}\n", true},
        {"auth: {mode: mtls, certificates: [{cn: b, tenant: a}, {cn: c}]}\nserver: {" CLIENTS "}\n",
         false},
    };

    static const char *const environment[] = {NULL};
    const struct config_sources sources = {.file = SCRATCH, .environment = environment};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct loaded loaded;
        char text[1024];

        (void)snprintf(text, sizeof(text), "%stenants: [{name: a, token: tok-1111}]\n",
                       rows[i].text);
        write_file(text);
        loaded = load(&sources);
        if (rows[i].fine) {
            assert_taken(&loaded);
        } else {
            assert_says(&loaded, "upstream.token: no token for the platform is set");
        }
        done(&loaded);
        assert_int_equal(unlink(SCRATCH), 0);
    }
}

static void a_key_has_limits_and_a_beginning(void **state)
{
    static const struct {
        const char *entry;
        const char *says;
    } refused[] = {
        {"{key: first-key-1, rate: 0}",
         "auth.keys: rate: \"0\" is not a whole number from 1 to 1000000"},
        {"{key: first-key-1, burst: many}", "auth.keys: burst: \"many\" is not a whole number"},
        {"{key: first-key-1, expire: 2027-01-31}", "did you mean \"expires\"?"},
        {"{key: first-key-1, not_before: 2027-02-02, expires: 2027-01-31}", "before it begins"},
        {"{key: first-key-1, not_before: soon}", "auth.keys: not_before: \"soon\" is not a date"},
        {"{key: first-key-1, permissions: [write]}",
         "\"write\" is not a permission; known are read, write:tests, write:library, execute, admin, "
         "continue:runs and all"},
    };
    struct loaded loaded;

    (void)state;
    loaded =
        load_text("auth:\n  keys:\n    - {key: first-key-1, rate: 10, burst: 30, concurrency: 2,"
                  " not_before: 2027-01-31, expires: 2027-01-31}\n    - second-key-2\n");
    assert_taken(&loaded);
    assert_int_equal(loaded.config->auth.keys[0].rate.per_second, 10);
    assert_int_equal(loaded.config->auth.keys[0].rate.burst, 30);
    assert_int_equal(loaded.config->auth.keys[0].rate.concurrency, 2);
    assert_int_equal(loaded.config->auth.keys[0].not_before_ms, INT64_C(1801353600000));
    assert_int_equal(loaded.config->auth.keys[0].expires_ms, INT64_C(1801440000000));
    assert_int_equal(loaded.config->auth.keys[1].rate.per_second, 0);
    assert_int_equal(loaded.config->auth.keys[1].not_before_ms, 0);
    done(&loaded);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct buf text;

        buf_init(&text, TEXT_MAX);
        buf_printf(&text, "auth:\n  keys:\n    - %s\n", refused[i].entry);
        loaded = load_text(buf_cstr(&text));
        assert_says(&loaded, refused[i].says);
        done(&loaded);
        buf_done(&text);
    }
}

static void collect(void *context, const char *text)
{
    buf_printf(context, "%s\n", text);
}

static void keys_that_end_soon_are_told(void **state)
{
    static const struct {
        int64_t now_ms;
        const char *says; /* NULL: nothing */
    } rows[] = {
        {INT64_C(1801440000000) - 15 * INT64_C(86400000), NULL},
        {INT64_C(1801440000000) - 13 * INT64_C(86400000),
         "the key \"ci\" expires at 2027-02-01T00:00:00.000Z"},
        {INT64_C(1801440000000), "the key \"ci\" has expired: it is refused since "
                                 "2027-02-01T00:00:00.000Z"},
    };
    struct loaded loaded =
        load_text("auth:\n  keys:\n    - {name: ci, key: first-key-1, expires: 2027-01-31}\n"
                  "    - second-key-2\n    - {name: later, key: third-key-3, expires: 2037-01-31}\n"
                  "  certificates:\n    - {name: of-ci, cn: ci, expires: 2027-01-31}\n"
                  "    - {cn: later, expires: 2037-01-31}\n    - {cn: laterer}\n");

    (void)state;
    assert_taken(&loaded);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text;

        buf_init(&text, TEXT_MAX);
        config_warnings(loaded.config, rows[i].now_ms, collect, &text);
        assert_int_equal(text.len > 0, rows[i].says != NULL);
        if (rows[i].says != NULL && !str_contains(buf_view(&text), str_from(rows[i].says))) {
            fail_msg("%.*s", STR_ARG(buf_view(&text)));
        }
        assert_int_equal(
            str_contains(buf_view(&text), STR("auth.certificates: the entry \"of-ci\"")),
            rows[i].says != NULL);
        assert_false(str_contains(buf_view(&text), STR("later")));
        buf_done(&text);
    }
    done(&loaded);
}

/* What is told at a time, after what was told at the time before: each thing once, and of a key that a reload brings
 * what is true already. */
static void keys_that_end_while_the_program_runs_are_told_once(void **state)
{
    static const int64_t end_ms = INT64_C(1801440000000);
    static const int64_t day_ms = INT64_C(86400000);
    static const char old[] =
        "auth: {keys: [{name: ci, key: first-key-1, expires: 2027-01-31}, second-key-2]}\n";
    static const char both[] =
        "auth: {keys: [{name: ci, key: first-key-1, expires: 2027-01-31}, {name: b, key: second-key-2, "
        "expires: 2027-01-31}]}\n";

    static const struct {
        const char *before; /* NULL: as now */
        const char *now;
        int64_t told_ms;
        int64_t now_ms;
        int64_t next_ms;
        unsigned n_told;
    } rows[] = {
        {NULL, old, end_ms - 16 * day_ms, end_ms - 15 * day_ms, end_ms - 14 * day_ms, 0},
        {NULL, old, end_ms - 15 * day_ms, end_ms - 14 * day_ms, end_ms, 1},
        {NULL, old, end_ms - 14 * day_ms, end_ms - 1, end_ms, 0},
        {NULL, old, end_ms - 1, end_ms, INT64_MAX, 1},
        {NULL, old, end_ms - 15 * day_ms, end_ms, INT64_MAX, 1}, /* the machine has slept */
        {NULL, old, end_ms, end_ms + day_ms, INT64_MAX, 0},
        {NULL, old, end_ms, end_ms - 1, end_ms, 0}, /* the clock was set back */
        {old, both, end_ms - day_ms, end_ms - day_ms, end_ms, 1},
        {both, old, end_ms - day_ms, end_ms - day_ms, end_ms, 0},
        {old, both, end_ms - day_ms, end_ms, INT64_MAX, 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct loaded now = load_text(rows[i].now);
        struct loaded before = load_text(rows[i].before != NULL ? rows[i].before : rows[i].now);
        struct buf text;

        assert_taken(&now);
        assert_taken(&before);
        buf_init(&text, TEXT_MAX);
        assert_int_equal(config_warn_expiries(now.config,
                                              &(struct config_told){before.config, rows[i].told_ms},
                                              rows[i].now_ms, collect, &text),
                         rows[i].next_ms);
        assert_int_equal(str_count(buf_view(&text), "\n"), rows[i].n_told);
        buf_done(&text);
        done(&before);
        done(&now);
    }
}

int test_secrets(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_taken_without_what_stands_around_it),
        cmocka_unit_test(a_token_that_no_header_takes_is_refused_by_its_name),
        cmocka_unit_test(what_was_commented_out_is_no_token),
        cmocka_unit_test(keys_are_read_in_every_form),
        cmocka_unit_test(origins_are_read_by_the_same_reader),
        cmocka_unit_test(keys_that_are_no_secret_are_refused),
        cmocka_unit_test(keys_of_the_file_have_places_and_dates),
        cmocka_unit_test(secrets_are_taken_by_reference),
        cmocka_unit_test(a_tree_of_secrets_is_read),
        cmocka_unit_test(tenants_are_read_and_named),
        cmocka_unit_test(an_organization_is_named_by_digits),
        cmocka_unit_test(a_platform_token_is_needed_by_who_brings_none),
        cmocka_unit_test(a_key_has_limits_and_a_beginning),
        cmocka_unit_test(keys_that_end_soon_are_told),
        cmocka_unit_test(keys_that_end_while_the_program_runs_are_told_once),
    };

    scratch_lock();
    return cmocka_run_group_tests_name("keys and tokens", tests, NULL, NULL);
}
