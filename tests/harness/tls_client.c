#include "harness/tls_client.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

#include "base/mem.h"
#include "harness/cmocka.h"

enum { CIPHER_MAX = 4 << 20, PIECE = 16 * 1024 };

struct tls_client {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    struct buf input;
    struct buf output;
    bool ended;
};

static int take(void *context, unsigned char *bytes, size_t len)
{
    struct tls_client *client = context;
    size_t n = client->input.len < len ? client->input.len : len;

    if (n == 0) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    mem_copy(bytes, client->input.ptr, n);
    buf_consume(&client->input, n);
    return (int)n;
}

static int give(void *context, const unsigned char *bytes, size_t len)
{
    struct tls_client *client = context;

    buf_append(&client->output, bytes, len);
    return (int)len;
}

struct tls_client *tls_client_new(void)
{
    const struct tls_wishes none = {.host = NULL};

    return tls_client_wishing(&none);
}

const char *tls_client_suite(const struct tls_client *client)
{
    return mbedtls_ssl_get_ciphersuite(&client->ssl);
}

const char *tls_client_protocol(const struct tls_client *client)
{
    return mbedtls_ssl_get_alpn_protocol(&client->ssl);
}

void tls_client_subject(const struct tls_client *client, char *out, size_t size)
{
    const mbedtls_x509_crt *certificate = mbedtls_ssl_get_peer_cert(&client->ssl);

    assert_non_null(certificate);
    assert_true(mbedtls_x509_dn_gets(out, size, &certificate->subject) > 0);
}

struct tls_client *tls_client_wishing(const struct tls_wishes *wishes)
{
    struct tls_client *client = mem_zalloc(sizeof(*client));

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    assert_int_equal(psa_crypto_init(), PSA_SUCCESS);
#endif
    buf_init(&client->input, CIPHER_MAX);
    buf_init(&client->output, CIPHER_MAX);
    mbedtls_ssl_init(&client->ssl);
    mbedtls_ssl_config_init(&client->config);
    mbedtls_entropy_init(&client->entropy);
    mbedtls_ctr_drbg_init(&client->random);
    assert_int_equal(
        mbedtls_ctr_drbg_seed(&client->random, mbedtls_entropy_func, &client->entropy, NULL, 0), 0);
    assert_int_equal(mbedtls_ssl_config_defaults(&client->config, MBEDTLS_SSL_IS_CLIENT,
                                                 MBEDTLS_SSL_TRANSPORT_STREAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    mbedtls_ssl_conf_authmode(&client->config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_rng(&client->config, mbedtls_ctr_drbg_random, &client->random);
    if (wishes->suites != NULL) {
        mbedtls_ssl_conf_ciphersuites(&client->config, wishes->suites);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
        mbedtls_ssl_conf_max_tls_version(&client->config, MBEDTLS_SSL_VERSION_TLS1_2);
#endif
    }
    if (wishes->protocols != NULL) {
        assert_int_equal(mbedtls_ssl_conf_alpn_protocols(&client->config, wishes->protocols), 0);
    }
    assert_int_equal(mbedtls_ssl_setup(&client->ssl, &client->config), 0);
    if (wishes->host != NULL) {
        assert_int_equal(mbedtls_ssl_set_hostname(&client->ssl, wishes->host), 0);
    }
    mbedtls_ssl_set_bio(&client->ssl, client, give, take, NULL);
    return client;
}

void tls_client_free(struct tls_client *client)
{
    mbedtls_ssl_free(&client->ssl);
    mbedtls_ssl_config_free(&client->config);
    mbedtls_ctr_drbg_free(&client->random);
    mbedtls_entropy_free(&client->entropy);
    buf_done(&client->input);
    buf_done(&client->output);
    mem_free(client);
}

void tls_client_feed(struct tls_client *client, struct str cipher)
{
    buf_str(&client->input, cipher);
    assert_true(buf_ok(&client->input));
}

/* With TLS 1.3 a ticket may come instead of data; then the call is repeated. */
static bool is_to_repeat(int status)
{
#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
    return status == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET;
#else
    (void)status;
    return false;
#endif
}

bool tls_client_read(struct tls_client *client, struct buf *plain)
{
    for (;;) {
        unsigned char piece[PIECE];
        int status = mbedtls_ssl_read(&client->ssl, piece, sizeof(piece));

        if (status > 0) {
            buf_append(plain, piece, (size_t)status);
        } else if (status == 0 || status == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
            client->ended = true;
            return true;
        } else if (!is_to_repeat(status)) {
            return status == MBEDTLS_ERR_SSL_WANT_READ || status == MBEDTLS_ERR_SSL_WANT_WRITE;
        }
    }
}

bool tls_client_has_ended(const struct tls_client *client)
{
    return client->ended;
}

bool tls_client_write(struct tls_client *client, struct str plain)
{
    while (plain.len > 0) {
        int status = mbedtls_ssl_write(&client->ssl, (const unsigned char *)plain.ptr, plain.len);

        if (status <= 0) {
            return false;
        }
        plain = str_sub(plain, (size_t)status, plain.len);
    }
    return true;
}

void tls_client_end(struct tls_client *client)
{
    (void)mbedtls_ssl_close_notify(&client->ssl); /* it writes into memory, which cannot fail */
}

struct buf *tls_client_output(struct tls_client *client)
{
    return &client->output;
}
