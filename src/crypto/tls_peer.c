/* Client certificates. The chain is checked here, after the handshake, for two reasons. The verdict of mbedTLS is not
 * enough: in TLS 1.3 with an optional certificate it does not report that the certificate is not meant for clients
 * (CVE-2024-45159). And a reload may change the authorities while a connection is open. */
#include "crypto/tls_peer.h"

#include <mbedtls/oid.h>

#include "base/buf.h"
#include "base/date.h"
#include "base/mem.h"
#include "tls_internal.h"

enum { DATE_TEXT_MAX = 64, MS_PER_S = 1000, TAG_DNS = 2, TAG_URI = 6 };

struct peer_kept {
    struct tls_peer seen;
    unsigned judged_by; /* tls_config.number */
};

int64_t tls_unix_of(const mbedtls_x509_time *time)
{
    struct buf date;
    int64_t ms = 0;

    buf_init(&date, DATE_TEXT_MAX);
    buf_printf(&date, "%04d-%02d-%02dT%02d:%02d:%02dZ", time->year, time->mon, time->day,
               time->hour, time->min, time->sec);
    (void)!date_read(buf_view(&date), &ms); /* cannot fail: mbedTLS parsed it as a date already */
    buf_done(&date);
    return ms / MS_PER_S;
}

static bool is_printable(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c < ' ' || c == 0x7F) {
            return false;
        }
    }
    return text.len > 0;
}

static void add_name(struct tls_peer *peer, enum tls_name_kind kind, const mbedtls_x509_buf *buf)
{
    struct str text = {(const char *)buf->p, buf->len};

    if (peer->n_names < TLS_PEER_NAMES_MAX && is_printable(text)) {
        peer->names[peer->n_names++] = (struct tls_name){kind, text};
    }
}

/* A subject with several common names is ambiguous: none of them is taken. */
static void add_common_name(struct tls_peer *peer, const mbedtls_x509_name *subject)
{
    const mbedtls_x509_name *only = NULL;
    size_t n = 0;

    for (const mbedtls_x509_name *name = subject; name != NULL; name = name->next) {
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &name->oid) == 0) {
            only = name;
            n++;
        }
    }
    if (n == 1) {
        add_name(peer, TLS_NAME_CN, &only->val);
    }
}

static void read_names(struct tls_peer *peer, const mbedtls_x509_crt *certificate)
{
    add_common_name(peer, &certificate->subject);
    for (const mbedtls_x509_sequence *name = &certificate->subject_alt_names; name != NULL;
         name = name->next) {
        int tag = name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK;

        if (name->buf.p != NULL && (tag == TAG_DNS || tag == TAG_URI)) {
            add_name(peer, tag == TAG_DNS ? TLS_NAME_DNS : TLS_NAME_URI, &name->buf);
        }
    }
}

static void read_dates(struct tls_peer *peer, const mbedtls_x509_crt *chain)
{
    peer->not_after_s = INT64_MAX;
    for (const mbedtls_x509_crt *one = chain; one != NULL; one = one->next) {
        int64_t from_s = tls_unix_of(&one->valid_from);
        int64_t to_s = tls_unix_of(&one->valid_to);

        peer->not_before_s = from_s > peer->not_before_s ? from_s : peer->not_before_s;
        peer->not_after_s = to_s < peer->not_after_s ? to_s : peer->not_after_s;
    }
}

static bool is_for_clients(const mbedtls_x509_crt *certificate)
{
    return mbedtls_x509_crt_check_key_usage(certificate, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) == 0 &&
           mbedtls_x509_crt_check_extended_key_usage(certificate, MBEDTLS_OID_CLIENT_AUTH,
                                                     MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)) ==
               0;
}

static const char *reason_of(uint32_t flags)
{
    static const struct {
        uint32_t flag;
        const char *text;
    } reasons[] = {
        {MBEDTLS_X509_BADCERT_EXPIRED, "it has expired"},
        {MBEDTLS_X509_BADCERT_FUTURE, "it is not valid yet"},
        {MBEDTLS_X509_BADCERT_REVOKED, "it was revoked"},
        {MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY,
         "its signature or its key is too weak"},
        {MBEDTLS_X509_BADCRL_EXPIRED, "the list of revoked certificates has expired"},
        {MBEDTLS_X509_BADCRL_FUTURE, "the list of revoked certificates is not valid yet"},
        {MBEDTLS_X509_BADCRL_NOT_TRUSTED | MBEDTLS_X509_BADCRL_BAD_MD | MBEDTLS_X509_BADCRL_BAD_PK |
             MBEDTLS_X509_BADCRL_BAD_KEY,
         "the list of revoked certificates is not signed by its authority"},
        {MBEDTLS_X509_BADCERT_NOT_TRUSTED, "no authority of this listener has signed it"},
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if ((flags & reasons[i].flag) != 0) {
            return reasons[i].text;
        }
    }
    return "it could not be checked";
}

static const char *judge(mbedtls_x509_crt *chain, const struct tls_config *config)
{
    uint32_t flags = 0;

    if (!config->asks_client) {
        return "this listener takes no client certificates any more";
    }
    if (mbedtls_x509_crt_verify(chain, unconst(&config->authorities), unconst(&config->revoked),
                                NULL, &flags, NULL, NULL) != 0) {
        return reason_of(flags);
    }
    return is_for_clients(chain) ? NULL : "it is not meant for clients (key usage)";
}

static void judge_peer(struct tls_stream *stream, const struct tls_config *config)
{
    const mbedtls_x509_crt *chain = mbedtls_ssl_get_peer_cert(&stream->ssl);
    struct tls_peer *peer = &stream->peer->seen;
    const char *wrong = chain == NULL ? "it is not there any more" : judge(unconst(chain), config);

    stream->peer->judged_by = config->number;
    peer->is_good = wrong == NULL;
    str_copy(peer->wrong, sizeof(peer->wrong), str_from(wrong != NULL ? wrong : ""));
}

void tls_peer_read(struct tls_stream *stream)
{
    const mbedtls_x509_crt *chain =
        stream->config->asks_client ? mbedtls_ssl_get_peer_cert(&stream->ssl) : NULL;

    if (chain == NULL) {
        return;
    }
    stream->peer = mem_zalloc(sizeof(*stream->peer));
    read_names(&stream->peer->seen, chain);
    read_dates(&stream->peer->seen, chain);
    judge_peer(stream, stream->config);
}

const struct tls_peer *tls_stream_peer(struct tls_stream *stream, const struct tls_config *now)
{
    if (stream == NULL || stream->peer == NULL) {
        return NULL;
    }
    if (stream->peer->judged_by != now->number) {
        judge_peer(stream, now);
    }
    return &stream->peer->seen;
}

void tls_peer_free(struct peer_kept *peer)
{
    mem_free(peer);
}

static enum error_code read_revoked(struct tls_config *config, const char *file, struct error *err)
{
    int status = file != NULL ? mbedtls_x509_crl_parse_file(&config->revoked, file) : 0;

    return status == 0 ? ERR_OK
                       : tls_fail(err, "cannot read revoked certificates (CRL) from", file, status);
}

enum error_code tls_config_ask_clients(struct tls_config *config, const char *authorities_file,
                                       const char *revoked_file, bool required, struct error *err)
{
    int status = mbedtls_x509_crt_parse_file(&config->authorities, authorities_file);

    if (status < 0) {
        return tls_fail(err, "cannot read certificates from", authorities_file, status);
    }
    if (status > 0) { /* if one were skipped, its clients would be refused for no visible reason */
        return error_set(err, ERR_TLS, "%d of the certificates in %s cannot be read", status,
                         authorities_file);
    }
    if (read_revoked(config, revoked_file, err) != ERR_OK) {
        return ERR_TLS;
    }
    config->asks_client = true;
    mbedtls_ssl_conf_ca_chain(&config->ssl, &config->authorities, &config->revoked);
    mbedtls_ssl_conf_authmode(&config->ssl,
                              required ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_OPTIONAL);
    /* No tickets: a client that resumes with one is not asked for its certificate again. */
    mbedtls_ssl_conf_session_tickets_cb(&config->ssl, NULL, NULL, NULL);
    return ERR_OK;
}
