/* Values that have the right type and can still not be meant. */
#include "harness/cmocka.h"
#include "harness/wait.h"

#include <sched.h>

#include "base/limits.h"
#include "config/config.h"

#define TLS_DIR VP_SOURCE_DIR "/tests/harness/tls"

struct row {
    const char *set;
    const char *says; /* NULL: it is taken */
};

static void check_sources(const struct config_sources *sources, const char *set, const char *says)
{
    struct config *config = NULL;
    struct error_list errors;
    enum error_code code;

    error_list_init(&errors);
    code = config_load(sources, &config, &errors);
    if ((code == ERR_OK) != (says == NULL)) {
        fail_msg("%s: %s", set, errors.n > 0 ? errors.items[0].text : "taken");
    }
    if (says != NULL && !str_contains(str_from(errors.items[0].text), str_from(says))) {
        fail_msg("%s: %s", set, errors.items[0].text);
    }
    for (size_t i = 0; i < errors.n; i++) {
        assert_false(str_contains(str_from(errors.items[i].text), STR("S3cretPw")));
    }
    error_list_done(&errors);
    config_release(config);
}

static void check(const struct row *row)
{
    static const char *const environment[] = {NULL};
    const char *sets[] = {"sandbox.enabled=true", row->set};
    const struct config_sources sources = {.sets = sets, .n_sets = 2, .environment = environment};

    check_sources(&sources, row->set, row->says);
}

/* Part of a processor is worth one worker. */
static unsigned workers_of(const char *set)
{
    static const char *const environment[] = {NULL};
    const char *sets[] = {"sandbox.enabled=true", set};
    const struct config_sources sources = {.sets = sets, .n_sets = 2, .environment = environment};
    struct config *config = NULL;
    struct error_list errors;
    unsigned n;

    error_list_init(&errors);
    assert_int_equal(config_load(&sources, &config, &errors), ERR_OK);
    n = config->server.n_workers;
    error_list_done(&errors);
    config_release(config);
    return n;
}

static void auto_is_a_worker_for_each_core(void **state)
{
    static const struct row rows[] = {
        {"server.workers=64", NULL},
        {"server.workers=0", "must be a number from 1 to 64, or auto"},
        {"server.workers=65", "must be a number from 1 to 64, or auto"},
        {"server.workers=Auto", "must be a number from 1 to 64, or auto"},
    };
    double cores = cpu_limit_cores();
    cpu_set_t all;
    cpu_set_t one;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check(&rows[i]);
    }
    assert_true(workers_of("server.workers=auto") >= cores || cores > (double)CONFIG_WORKERS_MAX);
    assert_true(workers_of("server.workers=auto") < cores + 1);
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    CPU_ZERO(&one);
    for (size_t cpu = 0; CPU_COUNT(&one) == 0; cpu++) {
        if (CPU_ISSET(cpu, &all)) {
            CPU_SET(cpu, &one);
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(workers_of("server.workers=auto"), 1);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

static void places_for_files_are_buckets(void **state)
{
    static const struct row rows[] = {
        {"audit.url=s3://qa-bucket/audit", NULL},
        {"audit.url=gs://qa-bucket", NULL},
        {"audit.url=firestore://project/(default)/audit", "audit.url: the value is no place"},
        {"audit.url=file:///var/audit", "audit.url: the value is no place for files"},
        {"audit.url=s3://a/b", "audit.url: the value names no bucket"},
        {"audit.url=s3://qa-bucket/../x", "audit.url: the value has a folder"},
        {"audit.store=true", "audit.store: needs a shared store"},
        {"audit.chain=a/b", "audit.chain: must be at most"},
        {"artifacts.url=s3://qa-bucket/reports", NULL},
        {"artifacts.url=file:///var/reports", NULL},
        {"artifacts.url=firestore://project/(default)/x", "artifacts.url: the value is no place"},
        {"artifacts.url=file:reports", "artifacts.url: the value is no place for files"},
    };
    static const char *const both[] = {"sandbox.enabled=true", "audit.url=s3://qa-bucket/audit",
                                       "audit.file=/tmp/audit.jsonl"};
    const struct config_sources sources = {
        .sets = both, .n_sets = 3, .environment = (const char *const[]){NULL}};
    struct config *config = NULL;
    struct error_list errors;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check(&rows[i]);
    }
    error_list_init(&errors);
    assert_int_equal(config_load(&sources, &config, &errors), ERR_CONFIG);
    assert_non_null(strstr(errors.items[0].text, "only one can be where the lines go"));
    error_list_done(&errors);
}

static void origins_that_never_match_are_refused(void **state)
{
    static const struct row rows[] = {
        {"cors.origins=*", NULL},
        {"cors.origins=https://a.example, http://localhost:3000", NULL},
        {"cors.origins=capacitor://localhost, app://x, chrome-extension://abcdefghijklmnop", NULL},
        {"cors.origins=http://[::1]:3000, tauri://localhost, hub://x", NULL},
        {"cors.origins=ftp://a", "no page has the scheme \"ftp\""},
        {"cors.origins=wss://a.example", "no page has the scheme \"wss\""},
        {"cors.origins=file:///app", "no page has the scheme \"file\""},
        {"cors.origins=htp://a", "no page has the scheme \"htp\""},
        {"cors.origins=htpps://a.example", "no page has the scheme \"htpps\""},
        {"cors.origins=https://a/", "write \"https://a\""},
        {"cors.origins=a.example", "write \"https://a.example\""},
        {"cors.origins=https://*.a", "there are no patterns"},
        {"cors.origins=/app", "\"/app\" is not an origin"},
        {"cors.origins=https://a.example:443", "write \"https://a.example\""},
        {"cors.origins=:443", "is not an origin"},
        {"cors.origins=https://A.example", "write \"https://a.example\""},
        {"cors.origins=null", "sandboxed frame"},
        {"cors.origins=https://good.example,https://bad.example/x", "https://bad.example/x"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check(&rows[i]);
    }
}

static void a_store_is_named_by_its_address(void **state)
{
    static const struct row rows[] = {
        {"store.url=memory:", NULL},
        {"store.url=redis://cache.example", NULL},
        {"store.url=redis://[::1]:7000/3", NULL},
        {"store.url=unix:/run/redis.sock", NULL},
        {"store.url=rediss://:6379", "names no host"},
        {"store.url=redis://me:secret@cache.example", "store.password"},
        {"store.url=redis://:6379", "names no host"},
        {"store.url=redis://a:0", "port from 1 to 65535"},
        {"store.url=redis://a:65536", "port from 1 to 65535"},
        {"store.url=redis://[::1]7000", "port from 1 to 65535"},
        {"store.url=redis://a/x", "number of a database"},
        {"store.url=unix:redis.sock", "not a store that this program knows"},
        {"store.url=http://a", "redis://HOST[:PORT][/DATABASE]"},
        {"store.url=redis://10.0.0.7:6379/0", NULL},
        {"store.url=redis://redis_1.svc.cluster.local.:6379", NULL},
        {"store.url=rediss://[fe80::1%eth0]", NULL},
        {"store.url=redis://h?password=S3cretPw", "holds a query"},
        {"store.url=redis://h/0?password=S3cretPw", "holds a query"},
        {"store.url=rediss://h#S3cretPw", "holds a query (?) or a fragment (#)"},
        {"store.url=unix:/run/redis.sock?password=S3cretPw", "holds a query"},
        {"store.url=redis://h h", "neither a name"},
        {"store.url=redis://\xC3\xA4", "neither a name"},
        {"store.url=redis://S3cretPw:x:6379", "port from 1 to 65535"},
        {"store.url=redis://h,S3cretPw", "neither a name"},
        {"store.url=redis://[h]", "neither a name"},
        {"store.url=redis://[127.0.0.1]", "neither a name"},
        {"store.url=s3://qa-bucket", NULL},
        {"store.url=gs://qa-bucket/proxies/one/", NULL},
        {"store.url=firestore://my-project/(default)/virtuoso-proxy", NULL},
        {"store.url=s3://", "names no bucket"},
        {"store.url=s3://a?b", "names no bucket"},
        {"store.url=gs://qa-bucket/../x", "has a folder that is not made of"},
        {"store.url=firestore://my-project/collection",
         "is not firestore://PROJECT/DATABASE/COLLECTION"},
        {"store.prefix=a b", "store.prefix"},
        {"store.prefix=a{b}", "store.prefix"},
        {"store.user=me", "set store.password"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check(&rows[i]);
    }
}

/* As when it is used: what a start would refuse later is refused with its name. */
static void what_is_opened_later_is_judged(void **state)
{
    static const char *const environment[] = {NULL};

    static const struct {
        const char *sets[3];
        const char *says; /* NULL: taken */
    } rows[] = {
        {{"store.url=rediss://127.0.0.1", "store.ca_file=" TLS_DIR "/cert.pem"}, NULL},
        {{"store.url=rediss://127.0.0.1", "store.ca_file=" TLS_DIR "/key.pem"}, "store.ca_file: "},
        {{"store.url=rediss://127.0.0.1", "store.ca_file=/no/such"},
         "store.ca_file: cannot read the file /no/such"},
        {{"store.url=rediss://127.0.0.1", "store.ca_file=/dev/zero"}, "a device"},
        {{"store.url=redis://127.0.0.1", "store.ca_file=/no/such"}, NULL},
        {{"auth.mode=keys", "auth.jwt.jwks=https://bob:S3cretPw@h.example/x"},
         "auth.jwt.jwks: must be a file or a URL without user and fragment"},
        {{"auth.mode=keys", "auth.jwt.jwks=https://h.example/x"}, NULL},
        {{"auth.mode=keys", "auth.jwt.jwks=/no/such"}, NULL},
        {{"auth.mode=keys", "auth.jwt.jwks=https://h:99999/"}, "auth.jwt.jwks: "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *sets[] = {"sandbox.enabled=true", "auth.keys=key-of-a-test", rows[i].sets[0],
                              rows[i].sets[1]};
        const struct config_sources sources = {
            .sets = sets, .n_sets = ARRAY_LEN(sets), .environment = environment};

        check_sources(&sources, rows[i].sets[1], rows[i].says);
    }
}

static void every_bad_origin_is_told(void **state)
{
    static const char *const environment[] = {NULL};
    const char *sets[] = {"sandbox.enabled=true", "cors.origins=null,https://a/,https://b"};
    const struct config_sources sources = {.sets = sets, .n_sets = 2, .environment = environment};
    struct config *config = NULL;
    struct error_list errors;

    (void)state;
    error_list_init(&errors);
    assert_int_not_equal(config_load(&sources, &config, &errors), ERR_OK);
    assert_int_equal(errors.n, 2);
    error_list_done(&errors);
    config_release(config);
}

static void addresses_of_proxies_and_the_public_url_are_checked(void **state)
{
    static const struct row rows[] = {
        {"server.trusted_proxies=10.0.0.0/8, ::1, 192.0.2.7", NULL},
        {"server.trusted_proxies=10.0.0.0/40", "server.trusted_proxies: \"10.0.0.0/40\""},
        {"server.trusted_proxies=proxy.example", "is not an address or range"},
        {"server.public_url=", NULL},
        {"server.public_url=https://example.com/qa/", NULL},
        {"server.public_url=http://[::1]:8000", NULL},
        {"server.public_url=example.com", "server.public_url"},
        {"server.public_url=https://", "server.public_url"},
        {"server.public_url=https://a:asd", "its port is not a number"},
        {"server.public_url=https://a/b?c", "a query (?) or fragment (#)"},
        {"server.public_url=https://a/<b>", "character 11 cannot stand in a URL"},
        {"upstream.base_url=", "does not begin with http"},
        {"upstream.ui_url=", NULL},
        {"upstream.ui_url=app2.virtuoso.qa", "does not begin with http"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check(&rows[i]);
    }
}

static void classes_and_grants_are_taken_apart(void **state)
{
    static const struct row rows[] = {
        {"limits.classes=bulk=10/50/4, gold=1000/2000/100", NULL},
        {"limits.classes=bulk=10/50", "\"bulk=10/50\" is not NAME=RATE/BURST/CONCURRENCY"},
        {"limits.classes=bulk=10/50/0", "limits.classes"},
        {"limits.classes=bulk=10/50/4/1", "limits.classes"},
        {"limits.classes==10/50/4", "limits.classes"},
        {"limits.rules=tenant=500/1000, tenant:execute=5/10/20, key:direct=1/1", NULL},
        {"limits.rules=tenant:execute=5", "\"tenant:execute=5\" is not SCOPE=RATE/BURST"},
        {"limits.rules=tenant:execut=5/5", "limits.rules"},
        {"limits.rules=tenant:any=5/5", "limits.rules"},
        {"limits.rules=tenant:=5/5", "limits.rules"},
        {"limits.rules=address=5/5", "limits.rules"},
        {"limits.rules=tenant=0/5", "limits.rules"},
        {"limits.rules=tenant=5/5/5/5", "limits.rules"},
        {"limits.rules=key=5/5", "set those"},
        {"limits.rules=key:read=5/5,key:read=6/6", "\"key:read\" stands there twice"},
        {"auth.jwt.permissions=a=admin, b=c=read", NULL},
        {"auth.jwt.permissions=a=write", "\"a=write\" is not WORD=PERMISSION"},
        {"auth.jwt.permissions==read", "is not WORD=PERMISSION"},
        {"auth.mode=jwt", "auth.jwt.jwks: is not set"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check(&rows[i]);
    }
}

static void several_modes_are_taken_in_every_form(void **state)
{
    static const struct {
        const char *set;
        unsigned modes;
        const char *printed;
    } rows[] = {
        {"auth.mode=none", AUTH_NONE, "none"},
        {"auth.mode=passthrough", AUTH_PASSTHROUGH, "passthrough"},
        {"auth.mode=keys,passthrough", AUTH_KEYS | AUTH_PASSTHROUGH, "keys,passthrough"},
        {"auth.mode=[\"passthrough\", \"keys\"]", AUTH_KEYS | AUTH_PASSTHROUGH, "keys,passthrough"},
    };
    static const struct row refused[] = {
        {"auth.mode=kyes", "did you mean \"keys\"?"},
        {"auth.mode=none,keys", "does not go with other words"},
        {"auth.mode=", "auth.mode: is empty"},
    };
    static const char *const environment[] = {NULL};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *sets[] = {"sandbox.enabled=true", "auth.keys=key-of-a-test", rows[i].set};
        const struct config_sources sources = {
            .sets = sets, .n_sets = 3, .environment = environment};
        struct config *config = NULL;
        struct error_list errors;
        struct buf printed;

        error_list_init(&errors);
        buf_init(&printed, 64);
        assert_int_equal(config_load(&sources, &config, &errors), ERR_OK);
        assert_int_equal(config->auth.modes, rows[i].modes);
        auth_mode_print(config, &printed);
        assert_true(str_is(buf_view(&printed), rows[i].printed));
        buf_done(&printed);
        error_list_done(&errors);
        config_release(config);
    }
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        check(&refused[i]);
    }
}

int test_judge(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auto_is_a_worker_for_each_core),
        cmocka_unit_test(places_for_files_are_buckets),
        cmocka_unit_test(origins_that_never_match_are_refused),
        cmocka_unit_test(a_store_is_named_by_its_address),
        cmocka_unit_test(what_is_opened_later_is_judged),
        cmocka_unit_test(every_bad_origin_is_told),
        cmocka_unit_test(classes_and_grants_are_taken_apart),
        cmocka_unit_test(several_modes_are_taken_in_every_form),
        cmocka_unit_test(addresses_of_proxies_and_the_public_url_are_checked),
    };

    scratch_lock();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
