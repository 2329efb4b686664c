/* The configuration: one const snapshot of all options (option.h). Order: defaults < file < environment < --set.
 * Every option has an environment name VIRTUOSO_PROXY_<KEY WITH _ FOR .>; some have an old name too (PORT,
 * VIRTUOSO_API_TOKEN, ...); secrets also take NAME_FILE. All errors are reported at once, each with
 * file:line:column (or the variable's name) and the nearest known key. Owner: each holder (config_hold); the last
 * config_release frees it. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/str.h"
#include "config/permission.h"
#include "config/route_class.h"
#include "crypto/digest.h"
#include "crypto/tls_peer.h"

/* auth.mode: one bit for each word of the option, in their order. */
enum { AUTH_NONE = 0, AUTH_KEYS = 1, AUTH_PASSTHROUGH = 2, AUTH_JWT = 4, AUTH_MTLS = 8 };

enum { CONFIG_HEADERS_MAX = 32 };

/* A bucket of S3 or of Google Cloud Storage, or a collection of Firestore. */
struct config_bucket {
    enum { CONFIG_NO_BUCKET, CONFIG_S3, CONFIG_GCS, CONFIG_FIRESTORE } kind;
    struct str bucket;   /* FIRESTORE: the project */
    struct str folder;   /* without slashes at its ends; empty: none. FIRESTORE: the collection */
    struct str database; /* FIRESTORE */
};

/* Where Redis is; `path` for a Unix socket, else host and port. All empty: no Redis. */
struct config_redis {
    struct str path, host, port;
    unsigned database;
    bool tls;
};

/* How many requests a caller or a tenant may send. 0: the general value of `limits` applies. */
struct config_rate {
    unsigned per_second;
    unsigned burst; /* most requests at once, after a pause */
    unsigned concurrency;
};

/* A caller that is known by an API key or by a client certificate. */
struct config_key {
    struct str name;    /* for logs; never the key itself */
    uint8_t sha256[32]; /* of the API key */
    struct str subject; /* a name that the client certificate holds; empty: an API key */
    enum tls_name_kind subject_kind;
    unsigned permissions;
    struct config_rate rate;
    size_t tenant; /* 1-based, in tenants; 0: the account of `upstream` */
    struct str tenant_name;
    int64_t not_before_ms; /* Unix time; 0: valid already */
    int64_t expires_ms;    /* Unix time; 0: never */
};

/* A time that varies evenly between ms - spread_ms and ms + spread_ms. */
struct config_spread {
    unsigned ms, spread_ms; /* spread_ms is not above ms */
};

enum config_fault_effect {
    CONFIG_FAULT_STATUS, /* the answer is `status`; the request is not carried out */
    CONFIG_FAULT_DELAY,  /* the answer comes `delay_ms` later */
    CONFIG_FAULT_CLOSE_BEFORE,
    CONFIG_FAULT_CLOSE_MID,
    CONFIG_FAULT_CLOSE_AFTER
};

struct config_fault {
    struct str method; /* "*" any */
    struct str path;   /* below /api */
    enum config_fault_effect effect;
    int status;
    unsigned delay_ms;
    double probability; /* above 0, up to 1 */
};

/* An account of the platform beside that of `upstream`. */
struct config_tenant {
    struct str name;
    struct secret token, secondary_token;
    struct str organization_id; /* empty: none */
    struct str base_url;        /* empty: upstream.base_url */
    struct config_rate rate;    /* of all its callers together; 0: as limits.rules says */
};

enum {
    CONFIG_LISTENERS_MAX = 17 /* server.listen and server.listeners */,
    CONFIG_WORKERS_MAX = 64
};

/* In the order of the words of server.roles. */
enum { ROLE_TRAFFIC = 1, ROLE_RUNS = 2, ROLE_EVENTS = 4, ROLES_ALL = 7 };

/* An address to listen on, and the settings of this one listener. */
struct config_listener {
    struct str name;                               /* for logs */
    struct str address;                            /* HOST:PORT or unix:/path */
    unsigned mode;                                 /* file mode of a Unix socket; 0: 0600 */
    struct str tls_certificate_file, tls_key_file; /* empty: plain */
    const struct str *tls_certificates;            /* files, each with a chain and its key */
    size_t n_tls_certificates;
    struct str client_ca_file;  /* empty: clients are not asked for a certificate */
    struct str client_crl_file; /* certificates that were revoked; empty: no list */
    bool client_required;
    bool proxy_protocol;
    const struct str *proxy_from; /* addresses that may send a PROXY header */
    size_t n_proxy_from;
};

/* The rate of a class of callers. A claim in a caller's token names the class. */
struct config_class {
    struct str name;
    struct config_rate rate;
};

/* Which requests a rule counts together: those of one credential, or those of all credentials that use the same
 * account of the platform. */
enum config_rule_scope { RULE_KEY, RULE_TENANT };

struct config_rule {
    struct str name; /* "tenant", "key:execute": clients see it */
    enum config_rule_scope scope;
    enum route_class class;
    struct config_rate rate; /* concurrency 0: not limited */
    struct digest digest;    /* of the name */
};

enum { CONFIG_RULES_MAX = 16 };

/* A word in a token's claim, and the permissions that the word gives. */
struct config_grant {
    struct str word;
    unsigned permissions;
};

struct config {
    const char *place; /* "Cloud Run": where the program runs; NULL: not known */

    struct {
        struct str listen;
        struct str tls_certificate_file, tls_key_file;
        const struct str *tls_certificates; /* files, each a chain and its key */
        size_t n_tls_certificates;
        unsigned hsts_s;       /* 0: not sent */
        struct str public_url; /* without a slash at its end; empty: not known */
        const struct str *trusted_proxies;
        size_t n_trusted_proxies;
        struct str forwarded; /* "x-forwarded", "rfc7239" or "none" */
        struct str client_ca_file, client_crl_file, client_certificates, socket_mode;
        unsigned roles;     /* ROLE_* */
        struct str workers; /* a number, or "auto" */
        unsigned n_workers; /* `workers` as a number */
        bool proxy_protocol;
        const struct str *proxy_from;
        size_t n_proxy_from;
        const struct config_listener *listeners; /* server.listeners */
        size_t n_listeners;
        const struct config_listener
            *all; /* server.listen (unless it is none), then server.listeners */
        size_t n_all;
    } server;

    struct {
        struct str listen; /* empty: there is no admin listener */
        bool metrics_on_traffic;
    } admin;

    struct {
        unsigned max_connections, max_connections_per_address, max_headers,
            max_requests_per_connection;
        size_t max_request_line, max_header_bytes, max_body, max_command_body, max_test_file_body,
            max_pipeline_bytes, linger_bytes;
        unsigned head_timeout_ms, body_timeout_ms, idle_timeout_ms, write_timeout_ms,
            handshake_timeout_ms, max_handshakes, linger_ms, exchange_timeout_ms,
            long_exchange_timeout_ms;
        bool gzip;
    } http;

    struct {
        struct str base_url, ui_url, organization_id, client_id, client_name, ca_file;
        struct str client_certificate_file, client_key_file; /* for the platform; empty: none */
        const struct str *endpoints; /* more base URLs, in the order in which they are to be used */
        size_t n_endpoints;
        struct secret token, secondary_token;
        bool verify_tls, breaker, is_proxy;
        unsigned connect_timeout_ms, timeout_ms, max_active, initial_active, max_waiting, max_tries,
            retry_base_ms, retry_budget_percent, endpoint_probe_ms, endpoint_back_after;
        size_t max_reply_bytes;
    } upstream;

    struct {
        unsigned modes;       /* AUTH_*, several at once */
        unsigned cache_ttl_s; /* how long the platform's verdict on a caller's token is kept */
        const struct config_key *keys;
        size_t n_keys;
        const struct config_key *certificates;
        size_t n_certificates;

        struct {
            struct str jwks; /* a file, or a URL */
            struct str issuer, audience, permissions_claim, tenant_claim, class_claim;
            unsigned algorithms; /* bits of enum signature_kind */
            unsigned skew_s, refresh_s, max_remembered;
            const struct str *permissions; /* "word=permission" */
            size_t n_permissions;
            const struct config_grant *grants; /* `permissions` as bits; n_permissions of them */
        } jwt;
    } auth;

    struct {
        struct str url, user, prefix, ca_file;
        struct secret password;
        unsigned timeout_ms;
        bool strict, required;
        struct config_redis redis; /* the url, taken apart */
        struct config_bucket bucket;
    } store;

    struct {
        bool enabled;
        unsigned per_key, burst, concurrency, per_address, address_burst;
        const struct str *classes; /* "bulk=10/50/4" */
        size_t n_classes;
        const struct config_class *class_rates; /* `classes`, taken apart; n_classes entries */
        const struct str *rules;                /* "tenant:execute=5/10" */
        size_t n_rules;
        const struct config_rule *rule_rates; /* `rules`, taken apart; n_rules entries */
    } limits;

    struct {
        struct config_tenant *items;
        size_t n;
    } tenants;

    struct {
        const struct str *origins;
        size_t n_origins;
        bool credentials;
        unsigned max_age_s;
    } cors;

    struct {
        struct str level, gcp_project;
        struct str format; /* "auto", "json", "text", "gcp" or "aws" */
        bool access;
    } log;

    struct {
        struct str file, url, chain; /* empty: none; but for chain: the machine's name */
        size_t max_bytes;
        bool store;
        struct config_bucket bucket; /* the url, taken apart */
    } audit;

    struct {
        bool allow_private;
        unsigned retry_ms;
    } webhooks;

    struct {
        bool enabled;
        struct str file, url, bigquery; /* sinks; empty: none */
        struct secret headers;          /* for `url` */
        size_t max_bytes;
        unsigned interval_ms;
    } analytics;

    struct {
        struct str url, public_url; /* empty: none */
        bool screenshots;
        struct config_bucket bucket; /* the url, taken apart */
        struct str folder;           /* of a url file:///FOLDER; empty: url is a bucket */
        struct str link; /* the start of links to artifacts, without a slash at its end */
    } artifacts;

    struct {
        struct str endpoint, traces_endpoint, metrics_endpoint;
        struct str service_name, resource_attributes, traces_sampler, traces_share, compression,
            protocol;
        struct str traces_url, metrics_url; /* where traces and metrics are sent; empty: nowhere */
        double share;                       /* sampled part of the traces that begin here, 0 to 1 */
        struct secret headers;
        unsigned interval_ms;
        bool disabled;
    } otel;

    struct {
        unsigned notice_ms, limit_ms;
    } drain;

    struct {
        struct str runtime_api; /* empty: requests come over sockets */
        struct str base_path;   /* without a slash at its end; empty: none */
        struct str authorizer;  /* "simple" or "policy" */
        unsigned concurrency, margin_ms;
        bool streaming, work_after_answer;
    } lambda;

    struct {
        unsigned look_s;
    } reload;

    struct {
        struct str tree; /* empty: none */
        unsigned refresh_s, timeout_ms, deleted_s;
    } secrets;

    struct {
        struct str aws_region; /* empty: not known here */
    } cloud;

    struct {
        unsigned max_active, timeout_s, max_age_s, snapshot_interval_s, max_queue;
        struct str snapshot_file;
    } sessions;

    struct {
        unsigned ttl_s, max_entries;
        size_t max_bytes;
    } idempotency;

    struct {
        bool enabled;
        size_t max_bytes;
        unsigned ttl_s, snapshot_ttl_s, finished_ttl_s;
        unsigned stale_while_revalidate_s, stale_if_error_s;
        bool shared; /* the shared store is the second tier of the cache */
    } cache;

    struct {
        size_t max_bytes;
        bool enabled;
        struct str off_for; /* "none" or "admin": this permission sees direct answers unchanged */
    } redact;

    struct {
        unsigned max_kept, max_active, max_watchers, poll_ms, heartbeat_s, timeout_s;
        struct str project;
        struct str driver; /* "background" or "request" */
        struct str recall_queue, recall_url, recall_account, recall_function;
    } runs;

    struct {
        bool enabled;
        struct str listen;
        bool examples;
        unsigned execution_ms, max_requests_kept;
        struct config_spread latency;
        const struct str *faults; /* each in the form of config_fault_read */
        size_t n_faults;
        unsigned seed; /* 0: from the kernel */
    } sandbox;
};

/* What is known of a secret that lies in a cloud service (cloud/secrets.h). */
enum config_secret {
    CONFIG_SECRET_KNOWN,
    CONFIG_SECRET_UNREAD, /* not read yet; the text of the reference stands in its place until then */
    CONFIG_SECRET_ABSENT, /* there is no such secret; allowed for the names below secrets.tree */
    CONFIG_SECRET_GONE, /* it was deleted; allowed below secrets.tree and for an API key, which is then refused */
    CONFIG_SECRET_FAILED
};

struct config_secrets {
    bool (*is_reference)(struct str text);
    enum error_code (*check)(struct str reference, struct error *err);
    enum config_secret (*find)(void *context, struct str reference, struct str *out,
                               const char **why);
    /* Called when all options are read, before the secrets of secrets.tree are looked up. The configuration may have
     * errors. */
    void (*on_options)(void *context, const struct config *config);
    void *context;
};

/* Where the options come from. `sets` are "key=value" from the command line. environment NULL: that of the process. */
struct config_sources {
    const char *file; /* NULL: none */
    const char *const *sets;
    const char *const
        *set_names; /* for messages: the option behind each set ("--listen"); NULL: --set */
    size_t n_sets;
    const char *const *environment;
    const struct config_secrets *secrets; /* NULL: no text is taken for a reference to a service */
    bool sends_nothing; /* nothing goes to the platform: its token may be missing */
    bool must_be_whole; /* an empty file, or one without a line end at its end, is an error:
                           it may be read while a program writes it */
};

/* On errors *out stays NULL and `errors` has all of them (each text begins with the place). `check` and
 * `serve` call only this function, so they cannot disagree. It also judges options together: a mode without
 * keys, a certificate with the key of another one... */
enum error_code config_load(const struct config_sources *sources, struct config **out,
                            struct error_list *errors) MUST_CHECK;
/* A configuration lives as long as it has a holder. config_load makes its caller the first one. */
const struct config *config_hold(const struct config *config);
void config_release(void *config); /* the last holder's call wipes the secrets; NULL is fine */
/* The files that the configuration was made of: its own, those of secrets and of certificates. NULL: `index` is
 * behind the last one. */
const char *config_file(const struct config *config, size_t index);
/* Digests of what these files hold now, and of what they held when the configuration was loaded. They are equal
 * while no file has changed. config_files_now reads all files at once. */
void config_files_now(const struct config *config, struct digest *out);
void config_files_then(const struct config *config, struct digest *out);
/* A digest of inode number, size and time of the last change of each file, which is cheaper than to read them. If it is
 * the same before and after all files were read, no file changed meanwhile. */
void config_files_mark(const struct config *config, struct digest *out);
/* Warnings: not errors, but an operator should know them, such as keys that have expired or soon will. */
typedef void (*config_warn_fn)(void *context, const char *text);
void config_warnings(const struct config *config, int64_t now_wall_ms, config_warn_fn warn,
                     void *context);

/* What was told before: of the keys and certificates of `config` (NULL: of none), all that was true then. */
struct config_told {
    const struct config *config;
    int64_t at_ms;
};

/* Of the warnings those of keys and certificates that expire, which become true while the program runs: those that
 * were not told. Returns when there will be another one; INT64_MAX: never. */
int64_t config_warn_expiries(const struct config *config, const struct config_told *told,
                             int64_t now_wall_ms, config_warn_fn warn, void *context);
/* The effective configuration as YAML that config_load accepts again; secrets as '***'. */
void config_print(const struct config *config, struct buf *out);

/* One of sandbox.faults: "POST /teststeps:503@1%". ERR_INVALID: `err` quotes what is wrong and says
 * what to write. Views into `text`. */
enum error_code config_fault_read(struct str text, struct config_fault *out,
                                  struct error *err) MUST_CHECK;

/* store.timeout_ms. For a bucket or a collection at least 5 s, because they answer more slowly than Redis. */
unsigned config_store_ms(const struct config *config);
/* Whether server.listeners of both have the same addresses, modes, PROXY headers, and TLS or none. */
bool config_same_places(const struct config *a, const struct config *b);
/* Reads certificates, keys and authorities of a listener. *out stays NULL for a listener without TLS. */
struct tls_config;
enum error_code config_open_tls(const struct config_listener *listener, struct tls_config **out,
                                struct error *err) MUST_CHECK;

/* 1-based; 0: there is no such tenant. */
size_t config_tenant_find(const struct config *config, struct str name);
void auth_mode_print(const struct config *config, struct buf *out);

#endif
