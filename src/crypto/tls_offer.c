#include "tls_offer.h"

#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/version.h>

/* mbedTLS takes the first suite of this list that the client also offers. AES-128 comes first: with the
 * processor's instructions it is the fastest, and no practical attack on it is known. */
static const int suites[] = {
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
#endif
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    0,
};

static const char *protocols[] = {"http/1.1", NULL};

#if MBEDTLS_VERSION_NUMBER < 0x03000000

/* P-384 is there for certificates with such a key: mbedTLS uses this list for key exchange and for certificates. */
static const mbedtls_ecp_group_id curves[] = {
    MBEDTLS_ECP_DP_CURVE25519,
    MBEDTLS_ECP_DP_SECP256R1,
    MBEDTLS_ECP_DP_SECP384R1,
    MBEDTLS_ECP_DP_NONE,
};
static const int hashes[] = {
    MBEDTLS_MD_SHA256,
    MBEDTLS_MD_SHA384,
    MBEDTLS_MD_SHA512,
    MBEDTLS_MD_NONE,
};

static void offer_curves(mbedtls_ssl_config *config)
{
    mbedtls_ssl_conf_curves(config, curves);
    mbedtls_ssl_conf_sig_hashes(config, hashes);
}

#else

static const uint16_t groups[] = {
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};
static const uint16_t signatures[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
    MBEDTLS_TLS1_3_SIG_NONE,
};

static void offer_curves(mbedtls_ssl_config *config)
{
    mbedtls_ssl_conf_groups(config, groups);
    mbedtls_ssl_conf_sig_algs(config, signatures);
}

#endif

static bool fits(struct str pattern, struct str host)
{
    struct str label;
    struct str rest;

    if (!str_starts(pattern, STR("*."))) {
        return str_eq_nocase(pattern, host);
    }
    return str_cut(host, '.', &label, &rest) && label.len > 0 &&
           str_eq_nocase(str_sub(pattern, 2, pattern.len), rest);
}

bool tls_name_fits(const mbedtls_x509_crt *certificate, struct str host)
{
    for (const mbedtls_x509_sequence *name = &certificate->subject_alt_names; name != NULL;
         name = name->next) {
        struct str pattern = {(const char *)name->buf.p, name->buf.len};

        if ((name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == MBEDTLS_X509_SAN_DNS_NAME &&
            pattern.len > 0 && fits(pattern, host)) {
            return true;
        }
    }
    return false;
}

int tls_offer(mbedtls_ssl_config *config)
{
    mbedtls_ssl_conf_ciphersuites(config, suites);
    offer_curves(config);
    return mbedtls_ssl_conf_alpn_protocols(config, protocols);
}
