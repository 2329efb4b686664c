/* The configuration as it is given, by variables, files and --set: what is missing, what is refused,
 * and in which words. */
#include "fixture.h"

#include <stdio.h>
#include <sys/stat.h>

#define KEY_FILE_SET ("server.tls_key_file=" TLS_DIR "/key.pem")
#define TLS_DIR      VP_SOURCE_DIR "/tests/harness/tls"

/* ---- what is missing, and names ---- */

static void what_is_missing_is_named(void **state)
{
    static const struct {
        const char *mode;
        bool key;
        bool token;
    } rows[] = {
        {"auth.mode=keys", true, true},
        {"auth.mode=none", false, true},
        {"auth.mode=passthrough", false, false},
        {"auth.mode=keys,passthrough", true, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const sets[] = {rows[i].mode, NULL};
        const char *const sandbox[] = {rows[i].mode, "sandbox.enabled=true", NULL};
        struct loaded loaded = load_all(NULL, sets);

        assert_int_equal(
            str_contains(buf_view(&loaded.errors),
                         STR("auth.keys: no API key is set. Set API_KEYS, or for a first try run: "
                             "virtuoso-proxy serve --sandbox\n")),
            rows[i].key);
        assert_int_equal(str_contains(buf_view(&loaded.errors), STR("VIRTUOSO_API_TOKEN")),
                         rows[i].token);
        assert_int_equal(loaded.config == NULL, rows[i].key || rows[i].token);
        done(&loaded);
        loaded = load_all(NULL, sandbox);
        assert_taken(&loaded);
        done(&loaded);
    }
}

/* The sandbox is open without keys, but not where keys were asked for and given in vain. */
static void keys_that_are_none_open_no_sandbox(void **state)
{
    static const char *const none[] = {"API_KEYS=[]", "API_KEYS= , ,", "API_KEYS_FILE=" SCRATCH};
    static const char *const asked[] = {"sandbox.enabled=true", "auth.mode=keys", NULL};

    (void)state;
    write_file("# no key yet\n");
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        const char *const environment[] = {none[i], NULL};
        struct loaded loaded = load_all(environment, asked);

        assert_says(&loaded, "auth.keys: auth.mode is keys, and what was given as keys holds none");
        done(&loaded);
        loaded = load_all(environment, (const char *const[]){"sandbox.enabled=true", NULL});
        assert_taken(&loaded);
        assert_int_equal(loaded.config->auth.modes, AUTH_NONE);
        done(&loaded);
    }
    assert_int_equal(unlink(SCRATCH), 0);
}

static void keys_are_asked_for_by_a_list_in_the_file_too(void **state)
{
    static const char *const environment[] = {"API_KEYS=[]", NULL};
    static const char *const sets[] = {"sandbox.enabled=true"};
    const struct config_sources sources = {
        .file = SCRATCH, .environment = environment, .sets = sets, .n_sets = ARRAY_LEN(sets)};
    struct loaded loaded;

    (void)state;
    write_file("auth: {mode: [keys]}\n");
    loaded = load(&sources);
    assert_says(&loaded, "auth.keys: auth.mode is keys, and what was given as keys holds none");
    done(&loaded);
    assert_int_equal(unlink(SCRATCH), 0);
}

/* What is missing may stand in what could not be read: one slip, one error. */
static void what_is_missing_is_not_named_behind_what_is_unread(void **state)
{
    static const struct {
        const char *file; /* NULL: there is none */
        const char *token;
        const char *says;
    } rows[] = {
        {NULL, NULL, SCRATCH ": cannot be read: No such file or directory\n"},
        {"auth: [\n", NULL, SCRATCH ":2:1: no value can begin like this\n"},
        {"auth: {mode: keys}\n---\nlog: {}\n", NULL,
         SCRATCH ":3:1: the file must be one document; a second one begins here\n"},
        {"auth:\n  kyes: [\"0123456789abcdef\"]\n", TOKEN,
         SCRATCH ":2:3: unknown option \"auth.kyes\"; did you mean \"auth.keys\"?\n"},
    };

    static const char *const misspelled[] = {"VIRTUOSO_PROXY_AUTH_KEYSS=0123456789abcdef", TOKEN,
                                             NULL};
    struct loaded loaded;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const environment[] = {rows[i].token, NULL};
        const struct config_sources sources = {.file = SCRATCH, .environment = environment};

        (void)unlink(SCRATCH);
        if (rows[i].file != NULL) {
            write_file(rows[i].file);
        }
        loaded = load(&sources);
        assert_says(&loaded, rows[i].says);
        assert_true(str_is(buf_view(&loaded.errors), rows[i].says));
        done(&loaded);
    }
    (void)unlink(SCRATCH);
    loaded = load_all(misspelled, NULL);
    assert_says(&loaded, "did you mean VIRTUOSO_PROXY_AUTH_KEYS?");
    assert_false(str_contains(buf_view(&loaded.errors), STR("auth.keys")));
    done(&loaded);
}

static void what_sends_nothing_needs_no_token(void **state)
{
    static const char *const environment[] = {KEY, NULL};
    const struct config_sources sources = {.environment = environment, .sends_nothing = true};
    struct loaded loaded = load(&sources);

    (void)state;
    assert_taken(&loaded);
    done(&loaded);
}

/* Whatever else sets the log is stronger. */
static void the_settings_of_a_function_are_defaults_of_the_log(void **state)
{
    const char *const lambda[] = {"AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_LAMBDA_LOG_LEVEL=FATAL", KEY,
                                  TOKEN, NULL};
    const char *const both[] = {"AWS_LAMBDA_LOG_FORMAT=Text",
                                "AWS_LAMBDA_LOG_LEVEL=TRACE",
                                "VIRTUOSO_PROXY_LOG_FORMAT=json",
                                "LOG_LEVEL=warn",
                                KEY,
                                TOKEN,
                                NULL};
    struct loaded loaded = load_all(lambda, NULL);

    (void)state;
    assert_taken(&loaded);
    assert_true(str_is(loaded.config->log.format, "aws"));
    assert_true(str_is(loaded.config->log.level, "error"));
    done(&loaded);
    loaded = load_all(both, NULL);
    assert_taken(&loaded);
    assert_true(str_is(loaded.config->log.format, "json"));
    assert_true(str_is(loaded.config->log.level, "warn"));
    done(&loaded);
    loaded = load_with("AWS_LAMBDA_LOG_FORMAT=Text");
    assert_true(str_is(loaded.config->log.format, "text"));
    done(&loaded);
}

static void the_name_that_was_meant_is_told(void **state)
{
    static const struct {
        const char *variable;
        const char *meant;
    } rows[] = {
        {"VIRTUOSO_PROXY_LOGLEVEL=info", "VIRTUOSO_PROXY_LOG_LEVEL?"},
        {"VIRTUOSO_PROXY_upstream_token=x", "VIRTUOSO_PROXY_UPSTREAM_TOKEN?"},
        {"VIRTUOSO_PROXY_UPSTREAM__TOKEN=x", "VIRTUOSO_PROXY_UPSTREAM_TOKEN?"},
        {"VIRTUOSO_PROXY_UPSTREAM_TOKEN_FIEL=x", "VIRTUOSO_PROXY_UPSTREAM_TOKEN_FILE?"},
        {"VIRTUOSO_PROXY_TOKEN=x", "VIRTUOSO_PROXY_UPSTREAM_TOKEN?"},
        {"VIRTUOSO_PROXY_LISTEN=:1", "VIRTUOSO_PROXY_SERVER_LISTEN?"},
        {"VIRTUOSO_PROXY_PROXY_LISTEN=:1", "VIRTUOSO_PROXY_SERVER_LISTEN?"},
        {"VIRTUOSO_PROXY_WORKERS=2", "VIRTUOSO_PROXY_SERVER_WORKERS?"},
        {"VIRTUOSO_PROXY_API_KEYS=x", "VIRTUOSO_PROXY_AUTH_KEYS?"},
        {"VIRTUOSO_PROXY_LOG_LEVEL_FILE=/x", "VIRTUOSO_PROXY_LOG_LEVEL?"},
        {"VIRTUOSO_PROXY_API_KY=x", "VIRTUOSO_PROXY_API_KEY?"}, /* of the command line */
        {"virtuoso_proxy_log_level=info", "VIRTUOSO_PROXY_LOG_LEVEL?"},
        {"VIRTUOS_PROXY_LOG_LEVEL=info", "VIRTUOSO_PROXY_LOG_LEVEL?"},
        {"VIRTUOSO_PROXXY_LOG_LEVEL=info", "VIRTUOSO_PROXY_LOG_LEVEL?"},
        {"VIRTUOSOPROXY_LOG_LEVEL=info", "VIRTUOSO_PROXY_LOG_LEVEL?"},
        {"VIRTUOSO_API_TOKN=x", "VIRTUOSO_API_TOKEN?"},
        {"VIRTUOSO_API_TOKEN_FIEL=/x", "VIRTUOSO_API_TOKEN_FILE?"},
        {"virtuoso_api_key=x", "VIRTUOSO_API_KEY?"},
        {"VIRTUOSO_BASEURL=http://x", "VIRTUOSO_BASE_URL?"},
        {"VIRTUOSO_ORG_IDS=1", "VIRTUOSO_ORG_ID?"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct loaded loaded = load_with(rows[i].variable);

        assert_says(&loaded, "nothing reads this variable; did you mean ");
        assert_says(&loaded, rows[i].meant);
        done(&loaded);
    }
}

static void names_that_nobody_reads_are_refused(void **state)
{
    static const char *const unknown[] = {
        "VIRTUOSO_PROXY_UPSTREAM_TIMEOUT=5",
        "VIRTUOSO_PROXY_LOG_LEVEL_FILE=/x",
        "VIRTUOSO_PROXY_NONSENSE=1",
        "VIRTUOSO_PROXY_LISTEN=x",
        "VIRTUOSO_PROXY_=1",
        "VIRTUOSO_PROXY_PORT=8000",
        "VIRTUOSO_PROXY_X_80_TCP=1",
    };
    static const char *const known[] = {
        "VIRTUOSO_PROXY_API_KEY=x",
        "VIRTUOSO_PROXY_UPSTREAM_TIMEOUT_MS=5000",
        "VIRTUOSO_PROXY_NONSENSE=",
        "VIRTUOSO_PROXYX=1",
        /* what Kubernetes adds to every pod beside a service of this name */
        "VIRTUOSO_PROXY_SERVICE_HOST=10.0.0.1",
        "VIRTUOSO_PROXY_SERVICE_PORT=80",
        "VIRTUOSO_PROXY_SERVICE_PORT_HTTP=80",
        "VIRTUOSO_PROXY_PORT=tcp://10.0.0.1:80",
        "VIRTUOSO_PROXY_PORT_80_TCP=tcp://10.0.0.1:80",
        "VIRTUOSO_PROXY_PORT_80_TCP_PROTO=tcp",
        "VIRTUOSO_PROXY_PORT_80_TCP_PORT=80",
        "VIRTUOSO_PROXY_PORT_80_TCP_ADDR=10.0.0.1",
        "VIRTUOSO_PROXY_ADMIN_SERVICE_HOST=10.0.0.2",
        "VIRTUOSO_PROXY_ADMIN_PORT_9090_TCP_ADDR=10.0.0.2",
    };
    struct loaded loaded;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        loaded = load_with(unknown[i]);
        assert_says(&loaded, "nothing reads this variable");
        done(&loaded);
    }
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        loaded = load_with(known[i]);
        assert_taken(&loaded);
        done(&loaded);
    }
    loaded = load_with(unknown[0]);
    assert_says(&loaded, "VIRTUOSO_PROXY_UPSTREAM_TIMEOUT: nothing reads this variable; did you "
                         "mean VIRTUOSO_PROXY_UPSTREAM_TIMEOUT_MS?");
    done(&loaded);
}

static void a_proxy_that_no_call_could_use_is_refused(void **state)
{
    static const char *const wrong[] = {"https_proxy=ftp://a", "HTTPS_PROXY=htp://a:8080",
                                        "all_proxy=ssh://a", "ALL_PROXY=unix:///run/proxy"};
    static const char *const right[] = {"https_proxy=http://a:3128", "https_proxy=a:3128",
                                        "ALL_PROXY=socks5h://a", "no_proxy=ftp://a",
                                        "HTTPS_PROXY=HTTP://a:3128"};

    /* One that is not used: another one comes first, or the host of the platform is left out. */
    static const struct {
        const char *more;
        const char *wrong;
        const char *url;
        bool is_used;
    } pairs[] = {
        {"https_proxy=http://a", "ALL_PROXY=unix:///a", "https://p.example.com/api", false},
        {"https_proxy=", "HTTPS_PROXY=ftp://a", "https://p.example.com/api", true},
        {"https_proxy=http://a", "ALL_PROXY=unix:///a", "http://p.example.com/api", true},
        {"http_proxy=http://a", "ALL_PROXY=unix:///a", "http://p.example.com/api", false},
        {"http_proxy=ftp://a", "https_proxy=ftp://a", "http://p.example.com/api", true},
        {"NO_PROXY=*", "https_proxy=ftp://a", "https://p.example.com/api", false},
        {"no_proxy=localhost, .example.com", "https_proxy=ftp://a", "https://P.Example.com", false},
        {"NO_PROXY=a.com p.example.com.", "https_proxy=ftp://a", "https://p.example.com", false},
        {"NO_PROXY=ample.com,*.example.com", "https_proxy=ftp://a", "https://p.example.com", true},
        {"NO_PROXY=10.0.0.0/8", "https_proxy=ftp://a", "https://10.1.2.3/api", false},
        {"NO_PROXY=fd00::/8", "https_proxy=ftp://a", "https://[fd00::1]/api", false},
        {"NO_PROXY=10.0.0.0/8,2.3", "https_proxy=ftp://a", "https://11.1.2.3/api", true},
    };
    struct loaded loaded;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        char url[128];
        const char *const environment[] = {pairs[i].more, pairs[i].wrong, KEY, TOKEN, url, NULL};

        (void)snprintf(url, sizeof(url), "VIRTUOSO_API_BASE_URL=%s", pairs[i].url);
        loaded = load_all(environment, NULL);
        if (pairs[i].is_used) {
            assert_says(&loaded, "a proxy is http://HOST:PORT, https://... or socks5://..., not ");
        } else {
            assert_taken(&loaded);
        }
        done(&loaded);
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        loaded = load_with(wrong[i]);
        assert_says(&loaded, "a proxy is http://HOST:PORT, https://... or socks5://..., not ");
        done(&loaded);
    }
    for (size_t i = 0; i < ARRAY_LEN(right); i++) {
        loaded = load_with(right[i]);
        assert_taken(&loaded);
        done(&loaded);
    }
}

static void collect(void *context, const char *text)
{
    buf_printf(context, "%s\n", text);
}

/* Names of the service that was replaced, and slips in names that others may have too. */
/* The value may hold a password, which nobody is told. */
static void the_address_of_a_proxy_is_judged(void **state)
{
    static const char *const wrong[] = {
        "http://bob:S3c/ret@h:3128",
        "http://bob:S3c#ret@h:3128",
        "http://bob:S3c@ret@h:3128",
        "http://bob:S3c ret@h:3128",
        "http://bob:12/S3c@h:3128",
        "http://bob:S3cret@h:99999",
        "http://bob:S3cret@[::1",
        "http://bob:S3cret",
        "bob:S3c/ret@h:3128",
        "bob:S3c://ret@h:3128",
        "http://bob:S3cret@",
        "http://",
        "http://h:99999",
        "http://h:0",
        "http://a b",
        "http://[::1",
        "http://[127.0.0.1]:3128",
        "::1",
    };
    static const char *const right[] = {
        "http://bob:S3c%2Fret@h:3128",
        "http://bob:S3c^ret|{}@h",
        "socks5h://bob:x@h:1080",
        "http://[::1]:3128/",
        "http://[fe80::1%25eth0]:80",
        "h",
        "bob:x@proxy_1.corp.example:80/",
        "http://proxy.example.:3128/",
        "https://127.1:3128",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong) + ARRAY_LEN(right); i++) {
        bool is_wrong = i < ARRAY_LEN(wrong);
        char variable[128];
        struct loaded loaded;

        (void)snprintf(variable, sizeof(variable), "HTTPS_PROXY=%s",
                       is_wrong ? wrong[i] : right[i - ARRAY_LEN(wrong)]);
        loaded = load_with(variable);
        if (is_wrong) {
            assert_says(&loaded, "HTTPS_PROXY: the value is not http://HOST:PORT");
            assert_false(str_contains(buf_view(&loaded.errors), STR("S3c")));
        } else {
            assert_taken(&loaded);
        }
        done(&loaded);
    }
}

static void names_that_may_be_others_are_told(void **state)
{
    static const struct {
        const char *variable;
        const char *says; /* NULL: nothing */
    } rows[] = {
        {"REDIS_URL=redis://r", "REDIS_URL: nothing reads this variable of the service that was "
                                "replaced; here it is store.url"},
        {"WORKERS=4", "here it is server.workers"},
        {"WORKERS=1", NULL},
        {"AUTH_ENABLED=false", "here it is auth.mode"},
        {"AUTH_ENABLED=True", NULL},
        {"SKIP_AUTH=false", NULL},
        {"RATE_LIMIT_REQUESTS=100", "here it is limits.per_key"},
        {"LOG_FORMAT=%(message)s", "here it is log.format"},
        {"API_KEY=x", "API_KEY: nothing reads this variable; did you mean API_KEYS?"},
        {"CORS_ORIGIN=*", "did you mean CORS_ORIGINS?"},
        {"log_level=debug", "did you mean LOG_LEVEL?"},
        {"LOG_LEVEL_FILE=/x", NULL}, /* more than one slip */
        {"OTEL_EXPORTER_OTLP_ENDPONT=http://c", "did you mean OTEL_EXPORTER_OTLP_ENDPOINT?"},
        {"VIRTUOSO_CLI_PATH=/bin/api-cli", "VIRTUOSO_CLI_PATH: nothing reads this variable"},
        {"VIRTUOSO_SESSION_ID=1", NULL},
        {"VIRTUOSO_SESION_ID=1", "did you mean VIRTUOSO_SESSION_ID?"},
        {"VIRTUOSO_ORGANIZATION_ID=7", NULL},
        {"VIRTUOSO_SERVICE_HOST=10.0.0.1", NULL},
        {"REPORT=1", NULL},
        {"PATH=/bin", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct loaded loaded = load_with(rows[i].variable);
        struct buf text;

        assert_taken(&loaded);
        buf_init(&text, 4096);
        config_warnings(loaded.config, 0, collect, &text);
        if ((rows[i].says == NULL) != (text.len == 0) ||
            (rows[i].says != NULL && !str_contains(buf_view(&text), str_from(rows[i].says)))) {
            fail_msg("%s: \"%.*s\"", rows[i].variable, STR_ARG(buf_view(&text)));
        }
        buf_done(&text);
        done(&loaded);
    }
}

/* ---- addresses and files ---- */

static void values_are_refused_in_plain_words(void **state)
{
    static const struct {
        const char *set;
        const char *says;
    } rows[] = {
        {"auth.mode=kyes",
         "--set: auth.mode: \"kyes\" is not one of none, keys, passthrough, jwt, mtls; did "
         "you mean \"keys\"?"},
        {"log.level=loud",
         "--set: log.level: \"loud\" is not one of debug, info, warn, error, off"},
        {"server.listen=8000", "server.listen: \"8000\" is not ADDRESS:PORT, e.g. 127.0.0.1:8000"},
        {"server.listen=proxy.example:80", "must be an IP address, localhost or *"},
        {"sandbox.listen=127.0.0.1:99999", "sandbox.listen: \"127.0.0.1:99999\" is not"},
        {"upstream.base_url=https://me:pa55word@h.example/api", "a user name or password"},
        {"upstream.base_url=https://me:pa55word@h.example:99999/", "its port is not a number"},
        {"upstream.ui_url=https://pa55word@h.example", "a user name or password"},
        {"upstream.endpoints=https://me:pa55word@h.example/api",
         "upstream.endpoints: the URL must not hold a user name or password"},
        {"upstream.endpoints=https://h.example/api?x=1", "upstream.endpoints: the URL must not"},
        {"upstream.endpoints=h.example", "upstream.endpoints: \"h.example\" is not a URL"},
        {"upstream.endpoints=https://a.example,https://a.example", "is there twice"},
        {"cors.origins=https://me:pa55word@h.example/x", "cors.origins: \"***\" is not an origin"},
        {"cors.origins=me:pa55word@h.example", "cors.origins: \"***\" is not an origin"},
        {"secrets.tree=https://me:pa55word@h.example", "\"***\" is no tree of secrets"},
        {"server.trusted_proxies=https://me:pa55word@h", "\"***\" is not an address or range"},
        {"server.listen=https://me:pa55word@h.example:80", "server.listen: \"***\""},
        {"server.workers=https://me:pa55word@h.example", "server.workers: must be a number"},
        {"upstream.timeout_ms=https://me:pa55word@h", "\"***\" is not a whole number"},
        {"upstream.ca_file=https://me:pa55word@h", "upstream.ca_file: cannot read the file ***"},
        {"audit.file=https://me:pa55word@h", "audit.file: cannot write ***: its folder: No such"},
        {"analytics.url=https://me:pa55word@h", "analytics.url: the URL must not hold"},
        {"log.level=https://me:pa55word@h", "\"***\" is not one of"},
        {"upstream.base_url=https://h.example/api?x=1", "a query (?) or fragment (#)"},
        {"upstream.base_url=https://h.example/api#x", "a query (?) or fragment (#)"},
        {"upstream.base_url=https://h.example:99999", "its port is not a number from 1 to 65535"},
        {"upstream.base_url=http:///api", "it names no host"},
        {"upstream.base_url=h.example", "does not begin with http:// or https://"},
        {"upstream.base_url=https://h example/", "character 10 cannot stand in a URL"},
        {"upstream.client_name=a\rb", "one line of text without control characters"},
        {"nonsense", "\"nonsense\" is not KEY=VALUE"},
        {"upstream.timeout=5", "unknown option \"upstream.timeout\"; did you mean "
                               "\"upstream.timeout_ms\"?"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const environment[] = {KEY, TOKEN, NULL};
        const char *const sets[] = {rows[i].set, NULL};
        struct loaded loaded = load_all(environment, sets);

        assert_says(&loaded, rows[i].says);
        assert_false(str_contains(buf_view(&loaded.errors), STR("pa55word")));
        done(&loaded);
    }
}

static void the_place_is_the_option_that_was_typed(void **state)
{
    static const char *const environment[] = {KEY, TOKEN, NULL};
    static const char *const sets[] = {"server.listen=8000", "auth.mode=x"};
    static const char *const names[] = {"--listen", NULL};
    const struct config_sources sources = {
        .environment = environment, .sets = sets, .set_names = names, .n_sets = 2};
    struct loaded loaded = load(&sources);

    (void)state;
    assert_says(&loaded, "--listen: server.listen: \"8000\"");
    assert_says(&loaded, "--set: auth.mode: \"x\"");
    done(&loaded);
    loaded = load_with("PORT=99999");
    assert_says(&loaded, "PORT: server.listen: \"127.0.0.1:99999\" is not ADDRESS:PORT");
    done(&loaded);
}

static void all_errors_come_at_once(void **state)
{
    static const char *const environment[] = {"VIRTUOSO_PROXY_UPSTREAM_TIMEOUT=5",
                                              "VIRTUOSO_API_TOKEN=a b", NULL};
    static const char *const sets[] = {
        "server.listen=8000", "upstream.base_url=http:///api", KEY_FILE_SET, "drain.limit_ms=1",
        "cors.origins=*",     "cors.credentials=true",         NULL};
    static const char *const parts[] = {
        "VIRTUOSO_PROXY_UPSTREAM_TIMEOUT",
        "VIRTUOSO_API_TOKEN",
        "server.listen",
        "upstream.base_url",
        "no API key is set",
        "come together",
        "drain.limit_ms",
        "cors.credentials",
    };
    struct loaded loaded = load_all(environment, sets);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        assert_says(&loaded, parts[i]);
    }
    done(&loaded);
}

static void certificates_are_looked_into(void **state)
{
    static const struct {
        const char *certificate;
        const char *key;
        const char *says; /* NULL: taken */
    } rows[] = {
        {"server.tls_certificate_file=" TLS_DIR "/cert.pem",
         "server.tls_key_file=" TLS_DIR "/key.pem", NULL},
        {"server.tls_certificate_file=" TLS_DIR "/key.pem",
         "server.tls_key_file=" TLS_DIR "/key.pem", "cannot read the certificate"},
        {"server.tls_certificate_file=" TLS_DIR "/cert.pem",
         "server.tls_key_file=" TLS_DIR "/cert.pem", "cannot read the private key"},
        {"server.tls_certificate_file=" TLS_DIR "/none.pem",
         "server.tls_key_file=" TLS_DIR "/key.pem", "No such file"},
        {"server.tls_certificate_file=" TLS_DIR, "server.tls_key_file=/dev/zero", "a directory"},
        {"upstream.ca_file=" TLS_DIR "/cert.pem", NULL, NULL},
        {"upstream.ca_file=" TLS_DIR "/key.pem", NULL, "upstream.ca_file: "},
        {"upstream.ca_file=/dev/null", NULL, "a device"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const environment[] = {KEY, TOKEN, NULL};
        const char *const sets[] = {rows[i].certificate, rows[i].key, NULL};
        struct loaded loaded = load_all(environment, sets);

        if (rows[i].says == NULL) {
            assert_taken(&loaded);
        } else {
            assert_says(&loaded, rows[i].says);
        }
        done(&loaded);
    }
}

/* Were one of them opened as other files are, this test would not end. */
static void pipes_are_refused_wherever_a_file_is_read(void **state)
{
    static const char *const variables[] = {
        "API_KEYS_FILE=" SCRATCH,
        "VIRTUOSO_PROXY_UPSTREAM_TOKEN_FILE=" SCRATCH,
        "VIRTUOSO_PROXY_SESSIONS_SNAPSHOT_FILE=" SCRATCH,
        "VIRTUOSO_PROXY_UPSTREAM_CA_FILE=" SCRATCH,
        "VIRTUOSO_PROXY_SERVER_TLS_KEY_FILE=" SCRATCH,
        "VIRTUOSO_PROXY_SERVER_TLS_CERTIFICATE_FILE=" SCRATCH,
    };
    const struct config_sources sources = {.file = SCRATCH};
    struct loaded loaded;

    (void)state;
    (void)unlink(SCRATCH);
    assert_int_equal(mkfifo(SCRATCH, 0600), 0);
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        const char *const environment[] = {variables[i], TOKEN, NULL};

        loaded = load_all(environment, NULL);
        assert_says(&loaded, "a pipe");
        done(&loaded);
    }
    loaded = load(&sources);
    assert_says(&loaded, "a pipe");
    done(&loaded);
    assert_int_equal(unlink(SCRATCH), 0);
}

static void a_file_that_cannot_be_written_is_refused(void **state)
{
    static const struct {
        const char *variable;
        const char *says; /* NULL: taken */
    } rows[] = {
        {"VIRTUOSO_PROXY_SESSIONS_SNAPSHOT_FILE=" VP_SCRATCH_DIR "/does-not-exist-yet", NULL},
        {"VIRTUOSO_PROXY_SESSIONS_SNAPSHOT_FILE=/no/such/folder/s", "No such file"},
        {"VIRTUOSO_PROXY_SESSIONS_SNAPSHOT_FILE=" VP_SCRATCH_DIR, "a directory"},
        {"VIRTUOSO_PROXY_SESSIONS_SNAPSHOT_FILE=/dev/null", "sessions.snapshot_file: cannot use"},
        {"VIRTUOSO_PROXY_SESSIONS_SNAPSHOT_FILE=/no/such/folder/s",
         "sessions.snapshot_file: cannot write /no/such/folder/s"},
        {"VIRTUOSO_PROXY_AUDIT_FILE=" VP_SCRATCH_DIR "/does-not-exist-yet", NULL},
        {"VIRTUOSO_PROXY_AUDIT_FILE=/no/such/folder/s", "audit.file: cannot write"},
        {"VIRTUOSO_PROXY_AUDIT_FILE=" VP_SCRATCH_DIR, "audit.file: cannot use"},
        {"VIRTUOSO_PROXY_ANALYTICS_FILE=/no/such/folder/s", "analytics.file: cannot write"},
        {"VIRTUOSO_PROXY_ANALYTICS_FILE=/dev/full", "analytics.file: cannot use"},
        {"VIRTUOSO_PROXY_SERVER_LISTEN=unix:/no/such/folder/s",
         "server.listen: cannot make the socket /no/such/folder/s: /no/such/folder/: No such file"},
        {"VIRTUOSO_PROXY_ADMIN_LISTEN=unix:/no/such/folder/s", "admin.listen: cannot make"},
        {"VIRTUOSO_API_URL=https://h/a/../b", "dot segment"},
        {"VIRTUOSO_API_URL=https://h/%zz", "broken percent escape"},
        {"VIRTUOSO_API_URL=https://h/%2e%2E/api", "dot segment"},
        {"VIRTUOSO_API_URL=https://h/...%20/api/", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct loaded loaded = load_with(rows[i].variable);

        if (rows[i].says == NULL) {
            assert_taken(&loaded);
        } else {
            assert_says(&loaded, rows[i].says);
        }
        done(&loaded);
    }
}

static void what_is_printed_loads_again(void **state)
{
    struct loaded loaded = load_text(
        "auth:\n  keys:\n    - {name: ci, key: first-key-1, expires: \"2027-01-31T12:00:00.25Z\"}\n");
    struct loaded again;
    struct buf text;

    (void)state;
    assert_taken(&loaded);
    buf_init(&text, TEXT_MAX);
    config_print(loaded.config, &text);
    assert_false(str_contains(buf_view(&text), STR("token-of-a-test")));
    again = load_text(buf_cstr(&text));
    assert_taken(&again);
    assert_int_equal(again.config->auth.n_keys, 1);
    assert_int_equal(again.config->auth.keys[0].expires_ms, INT64_C(1801396800250));
    buf_done(&text);
    done(&again);
    done(&loaded);
}

static void the_place_changes_defaults_only(void **state)
{
    static const struct {
        const char *variables[2];
        const char *place, *format;
        unsigned notice_ms, limit_ms;
    } rows[] = {
        {{"X=y", "X=y"}, NULL, "auto", 5000, 30000},
        {{"K_SERVICE=proxy", "X=y"}, "Cloud Run", "gcp", 0, 8000},
        {{"K_SERVICE=", "KUBERNETES_SERVICE_HOST=10.0.0.1"}, "Kubernetes", "auto", 5000, 30000},
        {{"AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001", "X=y"}, "AWS Lambda", "auto", 5000, 30000},
        {{"NOTIFY_SOCKET=/run/notify", "X=y"}, "systemd", "auto", 5000, 30000},
        {{"K_SERVICE=proxy", "VIRTUOSO_PROXY_LOG_FORMAT=json"}, "Cloud Run", "json", 0, 8000},
        {{"K_SERVICE=proxy", "VIRTUOSO_PROXY_DRAIN_LIMIT_MS=9000"}, "Cloud Run", "gcp", 0, 9000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const environment[] = {KEY, TOKEN, rows[i].variables[0], rows[i].variables[1],
                                           NULL};
        struct loaded loaded = load_all(environment, NULL);
        const struct config *config = loaded.config;

        assert_taken(&loaded);
        assert_true(str_eq(str_from(config->place), str_from(rows[i].place)));
        assert_true(str_is(config->log.format, rows[i].format));
        assert_int_equal(config->drain.notice_ms, rows[i].notice_ms);
        assert_int_equal(config->drain.limit_ms, rows[i].limit_ms);
        done(&loaded);
    }
}

int test_load(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(keys_that_are_none_open_no_sandbox),
        cmocka_unit_test(keys_are_asked_for_by_a_list_in_the_file_too),
        cmocka_unit_test(what_is_missing_is_not_named_behind_what_is_unread),
        cmocka_unit_test(what_sends_nothing_needs_no_token),
        cmocka_unit_test(the_settings_of_a_function_are_defaults_of_the_log),
        cmocka_unit_test(the_name_that_was_meant_is_told),
        cmocka_unit_test(names_that_nobody_reads_are_refused),
        cmocka_unit_test(a_proxy_that_no_call_could_use_is_refused),
        cmocka_unit_test(the_address_of_a_proxy_is_judged),
        cmocka_unit_test(names_that_may_be_others_are_told),
        cmocka_unit_test(values_are_refused_in_plain_words),
        cmocka_unit_test(the_place_is_the_option_that_was_typed),
        cmocka_unit_test(all_errors_come_at_once),
        cmocka_unit_test(certificates_are_looked_into),
        cmocka_unit_test(pipes_are_refused_wherever_a_file_is_read),
        cmocka_unit_test(a_file_that_cannot_be_written_is_refused),
        cmocka_unit_test(what_is_printed_loads_again),
        cmocka_unit_test(the_place_changes_defaults_only),
    };

    scratch_lock();
    return cmocka_run_group_tests_name("loading the configuration", tests, NULL, NULL);
}
