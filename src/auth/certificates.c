/* Client certificates (mTLS): a row of auth.certificates names the caller to whom a good certificate belongs.
 * A certificate with the names of several rows is refused. */
#include "auth_internal.h"
#include "base/clock.h"
#include "crypto/tls_peer.h"

enum { MS_PER_S = 1000 };

static bool is_same_name(const struct config_key *row, const struct tls_name *name)
{
    if (row->subject_kind != name->kind) {
        return false;
    }
    return name->kind == TLS_NAME_DNS ? str_eq_nocase(row->subject, name->text)
                                      : str_eq(row->subject, name->text);
}

static bool has_name(const struct tls_peer *peer, const struct config_key *row)
{
    for (size_t i = 0; i < peer->n_names; i++) {
        if (is_same_name(row, &peer->names[i])) {
            return true;
        }
    }
    return false;
}

/* Checked on every request: a connection may outlive its certificate. */
static bool is_in_time(const struct tls_peer *peer)
{
    int64_t now_s = clock_wall_ms() / MS_PER_S;

    return now_s >= peer->not_before_s && now_s <= peer->not_after_s;
}

static enum auth_verdict refuse(struct error *err, const char *why)
{
    (void)error_set(err, ERR_UNAUTHORIZED, "The client certificate is refused: %s", why);
    return AUTH_REFUSED;
}

enum auth_verdict check_certificate(const struct auth *auth, const struct auth_shown *shown,
                                    struct principal *out, bool *out_is_known, struct error *err)
{
    const struct config *config = auth->config;
    const struct tls_peer *peer = shown->certificate;
    const struct config_key *found = NULL;

    *out_is_known = false;
    if (peer == NULL) {
        return AUTH_ADMITTED;
    }
    if (!peer->is_good) {
        return refuse(err, peer->wrong);
    }
    if (!is_in_time(peer)) {
        return refuse(err, "it has expired");
    }
    for (size_t i = 0; i < config->auth.n_certificates; i++) {
        if (!has_name(peer, &config->auth.certificates[i])) {
            continue;
        }
        if (found != NULL) {
            return refuse(err, "it has the names of several callers");
        }
        found = &config->auth.certificates[i];
    }
    if (found == NULL) {
        return AUTH_ADMITTED;
    }
    *out_is_known = true;
    return admit_listed(found, &auth->certificate_owners[found - config->auth.certificates],
                        "client certificate", out, err);
}
