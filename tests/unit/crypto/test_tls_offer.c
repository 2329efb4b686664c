/* What our side of TLS agrees to, and which certificate it shows. */
#include "harness/cmocka.h"

#include <mbedtls/ssl_ciphersuites.h>

#include "base/attr.h"
#include "crypto/tls.h"
#include "harness/tls_client.h"

int test_tls_offer(void);

#define TLS_DIR VP_SOURCE_DIR "/tests/harness/tls"

struct pair {
    struct tls_config *config;
    struct tls_stream *server;
    struct tls_client *client;
};

static void open_pair(struct pair *pair, const struct tls_wishes *wishes)
{
    struct error err = {0};

    assert_int_equal(tls_config_new(TLS_DIR "/cert.pem", TLS_DIR "/key.pem", &pair->config, &err),
                     ERR_OK);
    assert_int_equal(tls_config_add(pair->config, TLS_DIR "/other.pem", &err), ERR_OK);
    pair->server = tls_stream_new(pair->config);
    pair->client = tls_client_wishing(wishes);
}

static void close_pair(struct pair *pair)
{
    tls_client_free(pair->client);
    tls_stream_free(pair->server);
    tls_config_free(pair->config);
}

/* True: both sides agreed. */
static bool shake(struct pair *pair)
{
    struct buf plain;
    struct error err = {0};
    bool goes_on = true;

    buf_init(&plain, 1 << 16);
    for (int i = 0; i < 10 && goes_on && !tls_stream_is_secured(pair->server); i++) {
        goes_on = tls_client_read(pair->client, &plain);
        tls_stream_feed(pair->server, buf_view(tls_client_output(pair->client)));
        buf_clear(tls_client_output(pair->client));
        goes_on = tls_stream_read(pair->server, &plain, &err) != TLS_FAILED && goes_on;
        tls_client_feed(pair->client, buf_view(tls_stream_output(pair->server)));
        tls_stream_sent(pair->server);
    }
    goes_on = goes_on && tls_client_read(pair->client, &plain);
    buf_done(&plain);
    return goes_on && tls_stream_is_secured(pair->server);
}

static void only_aead_with_ecdhe_is_agreed_to(void **state)
{
    static const struct {
        int suite;
        bool fine;
    } rows[] = {
        {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true},
        {MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, true},
        {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, true},
        {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, false},
        {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, false},
        {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, false},
        {MBEDTLS_TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256, false},
        {MBEDTLS_TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256, false},
        {MBEDTLS_TLS_DHE_RSA_WITH_AES_128_GCM_SHA256, false},
        {MBEDTLS_TLS_RSA_WITH_AES_128_GCM_SHA256, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const int suites[] = {rows[i].suite, 0};
        const struct tls_wishes wishes = {.suites = suites};
        struct pair pair;

        open_pair(&pair, &wishes);
        if (shake(&pair) != rows[i].fine) {
            fail_msg("suite 0x%04x: %s", (unsigned)rows[i].suite,
                     rows[i].fine ? "refused" : "agreed to");
        }
        close_pair(&pair);
    }
}

static void the_certificate_is_that_of_the_name(void **state)
{
    static const struct {
        const char *host;
        const char *subject;
    } rows[] = {
        {NULL, "CN=virtuoso-proxy test"},
        {"localhost", "CN=virtuoso-proxy test"},
        {"nobody.example", "CN=virtuoso-proxy test"},
        {"other.example", "CN=virtuoso-proxy other test"},
        {"OTHER.example", "CN=virtuoso-proxy other test"},
        {"a.wild.example", "CN=virtuoso-proxy other test"},
        {"wild.example", "CN=virtuoso-proxy test"},
        {"a.b.wild.example", "CN=virtuoso-proxy test"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct tls_wishes wishes = {.host = rows[i].host};
        struct pair pair;
        char subject[128];

        open_pair(&pair, &wishes);
        assert_true(shake(&pair));
        tls_client_subject(pair.client, subject, sizeof(subject));
        assert_string_equal(subject, rows[i].subject);
        close_pair(&pair);
    }
}

static void http_1_1_is_agreed_on_by_name(void **state)
{
    const char *both[] = {"h2", "http/1.1", NULL};
    const char *other[] = {"h2", NULL};
    struct tls_wishes wishes = {.protocols = both};
    struct pair pair;

    (void)state;
    open_pair(&pair, &wishes);
    assert_true(shake(&pair));
    assert_string_equal(tls_client_protocol(pair.client), "http/1.1");
    close_pair(&pair);
    wishes.protocols = other; /* it could not be understood */
    open_pair(&pair, &wishes);
    assert_false(shake(&pair));
    close_pair(&pair);
}

static void a_further_certificate_that_does_not_serve_is_named(void **state)
{
    struct tls_config *config = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(tls_config_new(TLS_DIR "/cert.pem", TLS_DIR "/key.pem", &config, &err),
                     ERR_OK);
    assert_int_equal(tls_config_add(config, TLS_DIR "/cert.pem", &err), ERR_TLS); /* no key */
    assert_true(str_contains(str_from(err.text), STR("cert.pem")));
    assert_int_equal(tls_config_add(config, TLS_DIR "/none.pem", &err), ERR_TLS);
    tls_config_free(config);
}

int test_tls_offer(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_aead_with_ecdhe_is_agreed_to),
        cmocka_unit_test(the_certificate_is_that_of_the_name),
        cmocka_unit_test(http_1_1_is_agreed_on_by_name),
        cmocka_unit_test(a_further_certificate_that_does_not_serve_is_named),
    };

    return cmocka_run_group_tests_name("what TLS offers", tests, NULL, NULL);
}
