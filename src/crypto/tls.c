/* mbedTLS over two buffers. See tls.h for the pitfalls; all but a few lines are the same for 2.28
 * and 3.6. */
#include "crypto/tls.h"

#include <mbedtls/error.h>
#include <mbedtls/version.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/sizes.h"
#include "tls_internal.h"
#include "tls_offer.h"

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
/* 3.x wants a random generator wherever a private key is used. */
#define RANDOM_OF(config) , mbedtls_ctr_drbg_random, &(config)->random
#else
#define RANDOM_OF(config)
#endif

enum {
    TICKET_LIFETIME_S = 86400,
    TICKETS_MENDED = 0x03060800,
    CIPHER_MAX = 1024 * 1024,
    READ_PIECE = 16 * 1024,
    KEPT_WHEN_IDLE = 4 * 1024
};

static unsigned n_made;

enum error_code tls_fail(struct error *err, const char *what, const char *name, int status)
{
    char text[128] = "";

    mbedtls_strerror(status, text, sizeof(text));
    return error_set(err, ERR_TLS, "%s %s: %s", what, name, text);
}

/* mbedTLS 3.x uses the PSA interface, which must be started first; it may be started twice. */
static void start_crypto(void)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    CHECK(psa_crypto_init() == PSA_SUCCESS);
#endif
}

static void free_certificate(struct tls_certificate *certificate)
{
    mbedtls_x509_crt_free(&certificate->chain);
    mbedtls_pk_free(&certificate->key);
    mem_free(certificate);
}

static enum error_code load_files(struct tls_config *config, const char *certificate_file,
                                  const char *key_file, struct error *err)
{
    struct tls_certificate *certificate = mem_zalloc(sizeof(*certificate));
    enum error_code code = ERR_OK;
    int status;

    mbedtls_x509_crt_init(&certificate->chain);
    mbedtls_pk_init(&certificate->key);
    status = mbedtls_x509_crt_parse_file(&certificate->chain, certificate_file);
    if (status != 0) {
        code = tls_fail(err, "cannot read the certificate", certificate_file, status);
    } else if ((status = mbedtls_pk_parse_keyfile(&certificate->key, key_file,
                                                  NULL RANDOM_OF(config))) != 0) {
        code = tls_fail(err, "cannot read the private key", key_file, status);
    } else if (mbedtls_pk_check_pair(&certificate->chain.pk, &certificate->key RANDOM_OF(config)) !=
               0) {
        code = error_set(err, ERR_TLS, "the key %s does not belong to the certificate %s", key_file,
                         certificate_file);
    }
    if (code != ERR_OK) {
        free_certificate(certificate);
        return code;
    }
    certificate->next = config->certificates;
    config->certificates = certificate;
    return ERR_OK;
}

enum error_code tls_config_add(struct tls_config *config, const char *file, struct error *err)
{
    return load_files(config, file, file, err);
}

/* Offers all certificates that have the name; mbedTLS takes the one whose key the client can check. If none
 * has it, the first certificate is sent, and the client decides whether to accept it. */
static int on_name(void *context, mbedtls_ssl_context *ssl, const unsigned char *name, size_t len)
{
    const struct tls_config *config = context;
    struct str wanted = {(const char *)name, len};

    for (struct tls_certificate *certificate = config->certificates; certificate != NULL;
         certificate = certificate->next) {
        if (tls_name_fits(&certificate->chain, wanted) &&
            mbedtls_ssl_set_hs_own_cert(ssl, &certificate->chain, &certificate->key) != 0) {
            return -1;
        }
    }
    return 0;
}

/* mbedTLS 3.3 to 3.6.7 accepts a ticket of TLS 1.3 to resume TLS 1.2, which has weaker rules
 * (CVE-2026-93831). With these versions we send no tickets of TLS 1.3, so its handshakes are full ones. */
static void tickets_of_old_only(struct tls_config *config)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    if (mbedtls_version_get_number() < TICKETS_MENDED) {
        mbedtls_ssl_conf_new_session_tickets(&config->ssl, 0);
        mbedtls_ssl_conf_tls13_key_exchange_modes(&config->ssl,
                                                  MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL);
    }
#else
    (void)config;
#endif
}

static int set_defaults(struct tls_config *config, int endpoint)
{
    int status = mbedtls_ssl_config_defaults(&config->ssl, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                             MBEDTLS_SSL_PRESET_DEFAULT);

    mbedtls_ssl_conf_rng(&config->ssl, mbedtls_ctr_drbg_random, &config->random);
#if MBEDTLS_VERSION_NUMBER < 0x03000000
    mbedtls_ssl_conf_min_version(&config->ssl, MBEDTLS_SSL_MAJOR_VERSION_3,
                                 MBEDTLS_SSL_MINOR_VERSION_3);
#else
    mbedtls_ssl_conf_min_tls_version(&config->ssl, MBEDTLS_SSL_VERSION_TLS1_2);
#endif
    return status;
}

static int set_up(struct tls_config *config)
{
    int status = set_defaults(config, MBEDTLS_SSL_IS_SERVER);

    mbedtls_ssl_conf_sni(&config->ssl, on_name, config);
    if (status == 0) {
        status = tls_offer(&config->ssl);
    }
    if (status == 0) {
        status = mbedtls_ssl_conf_own_cert(&config->ssl, &config->certificates->chain,
                                           &config->certificates->key);
    }
    if (status == 0) {
        status =
            mbedtls_ssl_ticket_setup(&config->tickets, mbedtls_ctr_drbg_random, &config->random,
                                     MBEDTLS_CIPHER_AES_256_GCM, TICKET_LIFETIME_S);
    }
    if (status == 0) {
        mbedtls_ssl_conf_session_tickets_cb(&config->ssl, mbedtls_ssl_ticket_write,
                                            mbedtls_ssl_ticket_parse, &config->tickets);
        tickets_of_old_only(config);
    }
    return status;
}

/* NULL: `err` says why. */
static struct tls_config *make(struct error *err)
{
    int status;
    struct tls_config *config = mem_zalloc(sizeof(*config));

    config->n_holders = 1;
    config->number = ++n_made;
    start_crypto();
    mbedtls_ssl_config_init(&config->ssl);
    mbedtls_entropy_init(&config->entropy);
    mbedtls_ctr_drbg_init(&config->random);
    mbedtls_ssl_ticket_init(&config->tickets);
    mbedtls_x509_crt_init(&config->authorities);
    mbedtls_x509_crl_init(&config->revoked);
    status =
        mbedtls_ctr_drbg_seed(&config->random, mbedtls_entropy_func, &config->entropy, NULL, 0);
    if (status != 0) {
        (void)tls_fail(err, "cannot seed", "the random generator", status);
        tls_config_free(config);
        return NULL;
    }
    return config;
}

enum error_code tls_config_client(const char *authorities_file, struct tls_config **out,
                                  struct error *err)
{
    static const char system_file[] = "/etc/ssl/certs/ca-certificates.crt";
    const char *file = authorities_file != NULL ? authorities_file : system_file;
    struct tls_config *config = make(err);
    enum error_code code = config != NULL ? tls_check_authorities(file, err) : ERR_TLS;
    int status;

    if (code == ERR_OK) {
        status = mbedtls_x509_crt_parse_file(&config->authorities, file);
        status = status < 0 ? status : set_defaults(config, MBEDTLS_SSL_IS_CLIENT);
        code = status == 0 ? ERR_OK : tls_fail(err, "cannot set up TLS with", file, status);
    }
    if (code != ERR_OK) {
        tls_config_free(config);
        return code;
    }
    mbedtls_ssl_conf_ca_chain(&config->ssl, &config->authorities, NULL);
    mbedtls_ssl_conf_authmode(&config->ssl, MBEDTLS_SSL_VERIFY_REQUIRED);
    *out = config;
    return ERR_OK;
}

enum error_code tls_config_new(const char *certificate_file, const char *key_file,
                               struct tls_config **out, struct error *err)
{
    struct tls_config *config = make(err);
    enum error_code code =
        config != NULL ? load_files(config, certificate_file, key_file, err) : ERR_TLS;
    int status;

    if (code == ERR_OK) {
        status = set_up(config);
        code = status == 0 ? ERR_OK
                           : tls_fail(err, "cannot set up TLS with", certificate_file, status);
    }
    if (code != ERR_OK) {
        tls_config_free(config);
        return code;
    }
    *out = config;
    return ERR_OK;
}

int64_t tls_config_expiry(const struct tls_config *config)
{
    int64_t first = INT64_MAX;

    for (const struct tls_certificate *one = config->certificates; one != NULL; one = one->next) {
        int64_t at = tls_unix_of(&one->chain.valid_to);

        first = at < first ? at : first;
    }
    return first;
}

struct tls_config *tls_config_hold(struct tls_config *config)
{
    config->n_holders++;
    return config;
}

void tls_config_free(struct tls_config *config)
{
    if (config == NULL || --config->n_holders > 0) {
        return;
    }
    mbedtls_ssl_ticket_free(&config->tickets);
    mbedtls_ssl_config_free(&config->ssl);
    mbedtls_x509_crt_free(&config->authorities);
    mbedtls_x509_crl_free(&config->revoked);
    while (config->certificates != NULL) {
        struct tls_certificate *certificate = config->certificates;

        config->certificates = certificate->next;
        free_certificate(certificate);
    }
    mbedtls_ctr_drbg_free(&config->random);
    mbedtls_entropy_free(&config->entropy);
    mem_free(config);
}

/* A status above 0 is the number of certificates that mbedTLS cannot read. The bundle of a system may hold
 * some, so that is no error. */
enum error_code tls_check_authorities(const char *file, struct error *err)
{
    mbedtls_x509_crt chain;
    int status;
    enum error_code code = ERR_OK;

    mbedtls_x509_crt_init(&chain);
    start_crypto();
    status = mbedtls_x509_crt_parse_file(&chain, file);
    if (status < 0) {
        code = tls_fail(err, "cannot read certificates from", file, status);
    } else if (chain.raw.len == 0) {
        code = error_set(err, ERR_TLS, "%s holds no certificate that can be read", file);
    }
    mbedtls_x509_crt_free(&chain);
    return code;
}

/* ---- streams ---- */

static int take_output(void *context, const unsigned char *bytes, size_t len)
{
    struct tls_stream *stream = context;

    buf_append(&stream->output, bytes, len);
    return buf_ok(&stream->output) ? (int)len : MBEDTLS_ERR_SSL_WANT_WRITE;
}

static int give_input(void *context, unsigned char *bytes, size_t len)
{
    struct tls_stream *stream = context;
    struct str left = str_sub(buf_view(&stream->input), stream->input_used, len);

    if (left.len == 0) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    mem_copy(bytes, left.ptr, left.len);
    stream->input_used += left.len;
    return (int)left.len;
}

/* Empties the buffer. A large one is freed, because most connections are idle. */
static void release(struct buf *buf)
{
    size_t max = buf->max;

    if (buf->cap > KEPT_WHEN_IDLE) {
        buf_done(buf);
        buf_init(buf, max);
    } else {
        buf_clear(buf);
    }
}

struct tls_stream *tls_stream_new(struct tls_config *config)
{
    struct tls_stream *stream = mem_zalloc(sizeof(*stream));

    stream->config = tls_config_hold(config);
    buf_init(&stream->input, CIPHER_MAX);
    buf_init(&stream->output, LONGEST_OUTPUT);
    mbedtls_ssl_init(&stream->ssl);
    stream->failed = mbedtls_ssl_setup(&stream->ssl, &config->ssl) != 0;
    mbedtls_ssl_set_bio(&stream->ssl, stream, take_output, give_input, NULL);
    return stream;
}

struct tls_stream *tls_stream_to(struct tls_config *config, const char *host)
{
    struct tls_stream *stream = tls_stream_new(config);

    stream->failed = stream->failed || mbedtls_ssl_set_hostname(&stream->ssl, host) != 0;
    return stream;
}

void tls_stream_free(struct tls_stream *stream)
{
    if (stream != NULL) {
        tls_peer_free(stream->peer);
        mbedtls_ssl_free(&stream->ssl);
        tls_config_free(stream->config);
        buf_done(&stream->input);
        buf_done(&stream->output);
        mem_free(stream);
    }
}

void tls_stream_feed(struct tls_stream *stream, struct str cipher)
{
    buf_consume(&stream->input, stream->input_used);
    stream->input_used = 0;
    buf_str(&stream->input, cipher);
    stream->failed = stream->failed || !buf_ok(&stream->input);
}

bool tls_stream_is_secured(const struct tls_stream *stream)
{
    return stream->secured;
}

static bool wants_more(int status)
{
    return status == MBEDTLS_ERR_SSL_WANT_READ || status == MBEDTLS_ERR_SSL_WANT_WRITE;
}

static enum tls_verdict ended(struct tls_stream *stream, int status, struct error *err)
{
    if (wants_more(status)) {
        return TLS_WANT_MORE;
    }
    stream->failed = true;
    if (status == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || status == 0) {
        return TLS_END;
    }
    (void)tls_fail(err, "TLS", "stream", status);
    return TLS_FAILED;
}

static enum tls_verdict shake_hands(struct tls_stream *stream, struct error *err)
{
    int status = mbedtls_ssl_handshake(&stream->ssl);

    if (status == 0) {
        stream->secured = true;
        tls_peer_read(stream);
        return TLS_BYTES;
    }
    return ended(stream,
                 status == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY ? MBEDTLS_ERR_SSL_CONN_EOF : status,
                 err);
}

static enum tls_verdict read_all(struct tls_stream *stream, struct buf *out, struct error *err)
{
    size_t before = out->len;

    if (stream->failed) {
        (void)error_set(err, ERR_TLS, "the TLS stream has ended");
        return TLS_FAILED;
    }
    if (!stream->secured) {
        enum tls_verdict verdict = shake_hands(stream, err);

        if (verdict != TLS_BYTES) {
            return verdict;
        }
    }
    for (;;) {
        char *room = buf_reserve(out, READ_PIECE);
        int n;

        if (room == NULL) { /* full: the rest stays in the stream until the next feed */
            out->overflowed = false;
            return TLS_BYTES;
        }
        n = mbedtls_ssl_read(&stream->ssl, (unsigned char *)room, READ_PIECE);
#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
        if (n == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
            continue;
        }
#endif
        if (n > 0) {
            buf_grew(out, (size_t)n);
            continue;
        }
        if (wants_more(n) && out->len > before) {
            return TLS_BYTES;
        }
        return ended(stream, n, err);
    }
}

enum tls_verdict tls_stream_read(struct tls_stream *stream, struct buf *out, struct error *err)
{
    enum tls_verdict verdict = read_all(stream, out, err);

    if (stream->input_used == stream->input.len) {
        stream->input_used = 0;
        release(&stream->input);
    }
    return verdict;
}

bool tls_stream_write(struct tls_stream *stream, struct str plain, struct error *err)
{
    while (plain.len > 0) {
        int n = stream->failed
                    ? MBEDTLS_ERR_SSL_CONN_EOF
                    : mbedtls_ssl_write(&stream->ssl, (const unsigned char *)plain.ptr, plain.len);

        if (n <= 0) { /* the output buffer takes everything, so there is nothing to wait for */
            stream->failed = true;
            (void)tls_fail(err, "TLS", "write", n);
            return false;
        }
        plain = str_sub(plain, (size_t)n, plain.len);
    }
    return true;
}

void tls_stream_close_notify(struct tls_stream *stream)
{
    if (stream->secured && !stream->failed) {
        (void)mbedtls_ssl_close_notify(&stream->ssl);
    }
}

struct buf *tls_stream_output(struct tls_stream *stream)
{
    return &stream->output;
}

void tls_stream_sent(struct tls_stream *stream)
{
    release(&stream->output);
}
