/* The option table: the master copy that loading, printing, documents and tests read. Add an option
 * by adding its member to struct config, a row here and its paragraph in conf/virtuoso-proxy.yaml
 * (a test compares). */
#include "config_internal.h"

#include "base/check.h"
#include "base/sizes.h"

#define AT(member) offsetof(struct config, member)
#define DAY_S      INT64_C(86400)
#define MIB        INT64_C(1048576)
#define HOUR_MS    INT64_C(3600000)

/* clang-format off */
static const struct option_row rows[] = {
    {"server.listen", OPTION_ADDRESS, AT(server.listen), "127.0.0.1:8000", 0, 0, "unix none", NULL, "Address and port to listen on; port 0 takes a free one. Or unix:/PATH; or none, if server.listeners has others.", .at_start = true},
    {"server.socket_mode", OPTION_STR, AT(server.socket_mode), "0600", 0, 0, NULL, NULL, "Who may connect to a Unix socket of server.listen, as chmod writes it; 0660: its group, too.", .at_start = true},
    {"server.tls_certificate_file", OPTION_FILE, AT(server.tls_certificate_file), "", 0, 0, NULL, NULL, "PEM chain; with tls_key_file the listener speaks HTTPS."},
    {"server.tls_key_file", OPTION_FILE, AT(server.tls_key_file), "", 0, 0, NULL, NULL, "PEM private key of the certificate."},
    {"server.tls_certificates", OPTION_FILES, AT(server.tls_certificates), "[]", 0, 100, NULL, NULL, "More certificates, for the names that they have (SNI): PEM files, each a chain with its private key. Names that none of them has get tls_certificate_file."},
    {"server.client_ca_file", OPTION_FILE, AT(server.client_ca_file), "", 0, 0, NULL, NULL, "PEM certificates of the authorities whose client certificates are taken (mTLS); empty: clients are not asked. With auth.mode mtls, auth.certificates says whom a certificate stands for."},
    {"server.client_crl_file", OPTION_FILE, AT(server.client_crl_file), "", 0, 0, NULL, NULL, "PEM lists of certificates that those authorities have revoked (CRL); empty: none. A list that has expired lets nobody of its authority in."},
    {"server.client_certificates", OPTION_ENUM, AT(server.client_certificates), "optional", 0, 0, "optional required", NULL, "required: no connection without a good client certificate. optional: clients may come without one."},
    {"server.proxy_protocol", OPTION_BOOL, AT(server.proxy_protocol), "false", 0, 0, NULL, NULL, "Each connection begins with a header of the PROXY protocol (version 1 or 2), which says who calls; connections without one are refused.", .at_start = true},
    {"server.proxy_from", OPTION_RANGES, AT(server.proxy_from), "[]", 0, 100, NULL, NULL, "Addresses that may send such a header; others are refused. Empty: those of server.trusted_proxies."},
    {"server.listeners", OPTION_LISTENERS, AT(server.listeners), "[]", 0, 16, NULL, NULL, "More addresses to listen on, each {listen, name, mode, tls_certificate_file, tls_key_file, tls_certificates, client_ca_file, client_crl_file, client_certificates, proxy_protocol, proxy_from}, as the options above; mode as server.socket_mode. Addresses, modes, and whether there is TLS, change at the next start."},
    {"server.hsts_s", OPTION_SECONDS, AT(server.hsts_s), "31536000", 0, INT64_C(63072000), NULL, NULL, "How long browsers that came by HTTPS use nothing else (Strict-Transport-Security); 0: not sent. Only where this server itself speaks HTTPS."},

    {"server.public_url", OPTION_URL, AT(server.public_url), "", 0, 0, NULL, NULL, "Where clients reach this server, with its path prefix if there is one: https://example.com/qa. For links in answers."},
    {"server.trusted_proxies", OPTION_RANGES, AT(server.trusted_proxies), "[]", 0, 100, NULL, NULL, "Addresses (192.0.2.7, 10.0.0.0/8) whose X-Forwarded-For, -Prefix, -Proto and -Host, or Forwarded, are believed; none by default."},
    {"server.forwarded", OPTION_ENUM, AT(server.forwarded), "x-forwarded", 0, 0, "x-forwarded rfc7239 none", NULL, "Which of these headers server.trusted_proxies set. The others are the caller's own and are not looked at. x-forwarded: X-Forwarded-*; rfc7239: Forwarded; none: neither."},
    {"server.roles", OPTION_WORDS, AT(server.roles), "traffic,runs,events", 0, 3, "traffic runs events", NULL, "What this process does of the service that shares a store. traffic: answers requests; a test run that is started at it is put on record, and one with the role runs carries it out. runs: carries out test runs, and goes on with those whose process is gone. events: delivers webhooks, and writes the audit file and the sinks of analytics, for all. Without traffic only admin.listen is opened.", .at_start = true},
    {"server.workers", OPTION_STR, AT(server.workers), "1", 0, 0, NULL, NULL, "Processes that answer requests: 1 to 64, or auto, one for each core that the machine and the control group allow. They are one service: with store.url memory: the process that starts them keeps what they share.", .at_start = true},

    {"admin.listen", OPTION_STR, AT(admin.listen), "", 0, 0, NULL, NULL, "Address and port, or unix:/PATH, of a second listener for operators: /metrics, /health, /livez, /readyz, /admin. Plain HTTP. Empty: there is none, and server.listen answers them.", .at_start = true},
    {"admin.metrics_on_traffic", OPTION_BOOL, AT(admin.metrics_on_traffic), "false", 0, 0, NULL, NULL, "With an admin listener: answer /metrics and /health/stats on server.listen, too."},

    {"http.max_connections", OPTION_UINT, AT(http.max_connections), "10000", 1, 1000000, NULL, NULL, "Open client connections. At the limit those without a complete request head leave first, then those between two requests; else new ones wait in the kernel.", .at_start = true},
    {"http.max_connections_per_address", OPTION_UINT, AT(http.max_connections_per_address), "0", 0, 1000000, NULL, NULL, "Open connections of one address (IPv6: of one /64); 0: a quarter of http.max_connections, and no limit for loopback. None for server.trusted_proxies."},
    {"http.max_headers", OPTION_UINT, AT(http.max_headers), "64", 1, 64, NULL, NULL, "Most header fields of a request; more are 431.", .at_start = true},
    {"http.max_requests_per_connection", OPTION_UINT, AT(http.max_requests_per_connection), "0", 0, 1000000000, NULL, NULL, "Requests after which a connection is closed; 0: no limit."},
    {"http.max_request_line", OPTION_SIZE, AT(http.max_request_line), "8KiB", 128, MIB, NULL, NULL, "Longest request line; a longer one is 414.", .at_start = true},
    {"http.max_header_bytes", OPTION_SIZE, AT(http.max_header_bytes), "16KiB", 256, MIB, NULL, NULL, "Longest header of a request, all fields together; a longer one is 431.", .at_start = true},
    {"http.max_body", OPTION_SIZE, AT(http.max_body), "64KiB", 1024, 64 * MIB, NULL, NULL, "Longest JSON body; a longer one is 413."},
    {"http.max_command_body", OPTION_SIZE, AT(http.max_command_body), "4MiB", 1024, 64 * MIB, NULL, NULL, "Longest command or batch of commands; a longer one is 413."},
    {"http.max_test_file_body", OPTION_SIZE, AT(http.max_test_file_body), "1MiB", 1024, 64 * MIB, NULL, NULL, "Longest test file; a longer one is 413."},
    {"http.max_pipeline_bytes", OPTION_SIZE, AT(http.max_pipeline_bytes), "16KiB", 0, MIB, NULL, NULL, "Bytes that are read ahead while a request is worked on; then reading pauses.", .at_start = true},
    {"http.linger_bytes", OPTION_SIZE, AT(http.linger_bytes), "64KiB", 0, 16 * MIB, NULL, NULL, "Bytes of a refused body that are read and dropped, so that the client sees the refusal."},
    {"http.head_timeout_ms", OPTION_MS, AT(http.head_timeout_ms), "10000", 50, HOUR_MS, NULL, NULL, "Longest time from the first byte of a request to the end of its header; then 408."},
    {"http.body_timeout_ms", OPTION_MS, AT(http.body_timeout_ms), "15000", 50, HOUR_MS, NULL, NULL, "Longest pause while a body arrives; then 408."},
    {"http.idle_timeout_ms", OPTION_MS, AT(http.idle_timeout_ms), "75000", 50, HOUR_MS, NULL, NULL, "Longest pause between two requests; then the connection is closed."},
    {"http.write_timeout_ms", OPTION_MS, AT(http.write_timeout_ms), "30000", 50, HOUR_MS, NULL, NULL, "Longest time in which the client takes no byte of its answer; then the connection is closed."},
    {"http.handshake_timeout_ms", OPTION_MS, AT(http.handshake_timeout_ms), "10000", 50, HOUR_MS, NULL, NULL, "Longest time for the TLS handshake, and for the header of the PROXY protocol; then the connection is closed."},
    {"http.max_handshakes", OPTION_UINT, AT(http.max_handshakes), "256", 1, 100000, NULL, NULL, "TLS handshakes at once. Others wait, the longest wait first; meanwhile those that take longer than a tenth of http.handshake_timeout_ms leave."},
    {"http.linger_ms", OPTION_MS, AT(http.linger_ms), "2000", 50, 60000, NULL, NULL, "How long a closing connection waits for the client to close its side."},
    {"http.exchange_timeout_ms", OPTION_MS, AT(http.exchange_timeout_ms), "35000", 100, HOUR_MS, NULL, NULL, "Longest time until the answer; then 504."},
    {"http.long_exchange_timeout_ms", OPTION_MS, AT(http.long_exchange_timeout_ms), "120000", 100, 24 * HOUR_MS, NULL, NULL, "The same for routes that make several calls (commands, batch, tests)."},
    {"http.gzip", OPTION_BOOL, AT(http.gzip), "true", 0, 0, NULL, NULL, "Compress answers of 1 KiB and more for clients that accept it."},

    {"upstream.base_url", OPTION_URL, AT(upstream.base_url), "https://api-app2.virtuoso.qa/api", 0, 0, NULL, "VIRTUOSO_API_BASE_URL VIRTUOSO_BASE_URL VIRTUOSO_API_URL", "The platform's API."},
    {"upstream.endpoints", OPTION_URLS, AT(upstream.endpoints), "[]", 0, 7, NULL, NULL, "More base URLs of the same platform (regions), the next one wanted in front: taken while those before them are away. For the account of upstream and tenants without a base_url of their own."},
    {"upstream.endpoint_probe_ms", OPTION_MS, AT(upstream.endpoint_probe_ms), "5000", 100, HOUR_MS, NULL, NULL, "How often each of several base URLs is asked for GET /user. One that fails, or takes longer than that, is left while another one is there."},
    {"upstream.endpoint_back_after", OPTION_UINT, AT(upstream.endpoint_back_after), "3", 1, 1000, NULL, NULL, "Good probes in a row after which a base URL that was away is taken again."},
    {"upstream.is_proxy", OPTION_BOOL, AT(upstream.is_proxy), "false", 0, 0, NULL, NULL, "upstream.base_url is the direct access of another virtuoso-proxy (https://proxy.example.com/virtuoso), and upstream.token a key of it: this one is an edge of that one, and keeps its answers as long as it does.", .at_start = true},
    {"upstream.ui_url", OPTION_URL, AT(upstream.ui_url), "https://app2.virtuoso.qa", 0, 0, NULL, NULL, "The platform's user interface, for links in answers. Empty: there are no links.", .may_be_empty = true},
    {"upstream.token", OPTION_SECRET, AT(upstream.token), "", 0, 0, NULL, "VIRTUOSO_API_TOKEN VIRTUOSO_API_KEY VIRTUOSO_AUTH_TOKEN", "API token of the platform; env:NAME and file:PATH stand for what is in there, as for every secret, and so do aws-sm:NAME[#KEY], aws-ssm:NAME and gcp-sm:projects/PROJECT/secrets/NAME."},
    {"upstream.secondary_token", OPTION_SECRET, AT(upstream.secondary_token), "", 0, 0, NULL, NULL, "A second token of the same account: taken while the platform refuses the first."},
    {"upstream.organization_id", OPTION_ID, AT(upstream.organization_id), "", 0, 0, NULL, "VIRTUOSO_ORG_ID VIRTUOSO_ORGANIZATION_ID", "Organization of projects, where a request names none. Empty: the first one that the token sees."},
    {"upstream.client_id", OPTION_STR, AT(upstream.client_id), "", 0, 0, NULL, "VIRTUOSO_HEADERS_X_VIRTUOSO_CLIENT_ID", "Sent to the platform as X-Virtuoso-Client-ID; empty: not sent."},
    {"upstream.client_name", OPTION_STR, AT(upstream.client_name), "virtuoso-proxy/" VP_VERSION, 0, 0, NULL, "VIRTUOSO_HEADERS_X_VIRTUOSO_CLIENT_NAME", "Sent to the platform as X-Virtuoso-Client-Name."},
    {"upstream.ca_file", OPTION_FILE, AT(upstream.ca_file), "", 0, 0, NULL, NULL, "CA certificates (PEM) that the platform's certificate is checked with; empty: those of the system."},
    {"upstream.client_certificate_file", OPTION_FILE, AT(upstream.client_certificate_file), "", 0, 0, NULL, NULL, "PEM certificate, with its chain, that is shown to a platform, or a proxy before it, that asks for one (mTLS). It and its key are read for each new connection."},
    {"upstream.client_key_file", OPTION_FILE, AT(upstream.client_key_file), "", 0, 0, NULL, NULL, "PEM private key of that certificate."},
    {"upstream.verify_tls", OPTION_BOOL, AT(upstream.verify_tls), "true", 0, 0, NULL, NULL, "Check the platform's certificate. Leave it on."},
    {"upstream.connect_timeout_ms", OPTION_MS, AT(upstream.connect_timeout_ms), "5000", 50, 120000, NULL, NULL, "Longest time to connect to the platform; then 502."},
    {"upstream.timeout_ms", OPTION_MS, AT(upstream.timeout_ms), "30000", 100, HOUR_MS, NULL, NULL, "Longest time of one call, from its turn to its last byte; then 504."},
    {"upstream.max_active", OPTION_UINT, AT(upstream.max_active), "1024", 1, 65535, NULL, NULL, "Most calls to the platform at once. How many of them one token may have is found out: as many as the platform takes without 429, 503 or slower answers."},
    {"upstream.initial_active", OPTION_UINT, AT(upstream.initial_active), "16", 1, 65535, NULL, NULL, "Calls at once that one token begins with, until it is known how many the platform takes."},
    {"upstream.max_waiting", OPTION_UINT, AT(upstream.max_waiting), "512", 0, 1000000, NULL, NULL, "Most calls that wait for their turn; more are 503. Those of test runs do not count."},
    {"upstream.breaker", OPTION_BOOL, AT(upstream.breaker), "true", 0, 0, NULL, NULL, "While the platform is away (10 failures in a row, or more than half of at least 20 in 10 s) answer 503 at once and look for it every second."},
    {"upstream.max_tries", OPTION_UINT, AT(upstream.max_tries), "3", 1, 10, NULL, NULL, "Most tries of a call that may be repeated, the first included."},
    {"upstream.retry_base_ms", OPTION_MS, AT(upstream.retry_base_ms), "100", 1, 60000, NULL, NULL, "Pause before the second try; it doubles with each try, at random below that."},
    {"upstream.retry_budget_percent", OPTION_UINT, AT(upstream.retry_budget_percent), "10", 0, 100, NULL, NULL, "Most repeated calls per hundred calls that went well; up to ten can be saved, so that an outage is not made worse."},
    {"upstream.max_reply_bytes", OPTION_SIZE, AT(upstream.max_reply_bytes), "4MiB", 1024, LONGEST_ANSWER, NULL, NULL, "Longest answer of the platform; a longer one is 502."},

    {"auth.mode", OPTION_WORDS, AT(auth.modes), "keys", 0, 4, "keys passthrough jwt mtls", NULL, "Who is let in, one or several. keys: our API keys; passthrough: the caller's own platform token goes upstream; jwt: tokens of an identity provider; mtls: client certificates that auth.certificates names; none: everybody, only on loopback or with the sandbox."},
    {"auth.cache_ttl_s", OPTION_SECONDS, AT(auth.cache_ttl_s), "300", 1, DAY_S, NULL, NULL, "How long the platform's answer about a caller's token is kept."},
    {"auth.keys", OPTION_KEYS, AT(auth.keys), "[]", 0, 1000, NULL, "API_KEYS", "Keys as text, or {name, key | key_file | sha256, permissions, tenant, rate, burst, concurrency, not_before, expires}; virtuoso-proxy key new makes one."},
    {"auth.certificates", OPTION_CERTIFICATES, AT(auth.certificates), "[]", 0, 1000, NULL, NULL, "Whom client certificates stand for (auth.mode mtls): {name, cn | dns | uri, permissions, tenant, rate, burst, concurrency, not_before, expires}; cn is the common name of the subject, dns and uri are names of subjectAltName."},
    {"auth.jwt.jwks", OPTION_STR, AT(auth.jwt.jwks), "", 0, 0, NULL, NULL, "Key set of the identity provider (JWKS): a file, or an https URL."},
    {"auth.jwt.issuer", OPTION_STR, AT(auth.jwt.issuer), "", 0, 0, NULL, NULL, "What iss of a token must be."},
    {"auth.jwt.audience", OPTION_STR, AT(auth.jwt.audience), "", 0, 0, NULL, NULL, "What must be in aud of a token: the name of this service there."},
    {"auth.jwt.algorithms", OPTION_WORDS, AT(auth.jwt.algorithms), "RS256,PS256,ES256", 0, 3, "RS256 PS256 ES256", NULL, "Signatures that are taken."},
    {"auth.jwt.skew_s", OPTION_SECONDS, AT(auth.jwt.skew_s), "60", 0, 600, NULL, NULL, "How far the clock of the identity provider may be from ours."},
    {"auth.jwt.permissions_claim", OPTION_STR, AT(auth.jwt.permissions_claim), "scope", 0, 0, NULL, NULL, "The claim with a caller's permissions, a text of words or a list; with / at its beginning a JSON pointer (/realm_access/roles)."},
    {"auth.jwt.permissions", OPTION_LIST, AT(auth.jwt.permissions), "[]", 0, 100, NULL, NULL, "What its words permit, as WORD=PERMISSION (qa-admins=admin). Empty: a permission's own name stands for it."},
    {"auth.jwt.tenant_claim", OPTION_STR, AT(auth.jwt.tenant_claim), "", 0, 0, NULL, NULL, "The claim with the name of the caller's tenant; empty: all have the account of upstream."},
    {"auth.jwt.class_claim", OPTION_STR, AT(auth.jwt.class_claim), "", 0, 0, NULL, NULL, "The claim that names one of limits.classes; empty, or a class that is not there: the limits of everybody."},
    {"auth.jwt.refresh_s", OPTION_SECONDS, AT(auth.jwt.refresh_s), "300", 1, DAY_S, NULL, NULL, "How often the key set is read again; the old keys stay while that fails."},
    {"auth.jwt.max_remembered", OPTION_UINT, AT(auth.jwt.max_remembered), "10000", 1, 1000000, NULL, NULL, "Most tokens whose checked signature is remembered; the least recently used one is forgotten first."},

    {"limits.enabled", OPTION_BOOL, AT(limits.enabled), "true", 0, 0, NULL, NULL, "Limit what one credential, or one address without a right one, may ask for."},
    {"limits.per_key", OPTION_UINT, AT(limits.per_key), "1000", 1, 1000000, NULL, NULL, "Requests a second of one credential."},
    {"limits.burst", OPTION_UINT, AT(limits.burst), "2000", 1, 10000000, NULL, NULL, "Most requests at once, after a pause."},
    {"limits.concurrency", OPTION_UINT, AT(limits.concurrency), "1024", 1, 1000000, NULL, NULL, "Requests of one credential under way at the same time."},
    {"limits.per_address", OPTION_UINT, AT(limits.per_address), "20", 1, 1000000, NULL, NULL, "Requests a second of one address (IPv6: of one /64) that have no credential, or a wrong one."},
    {"limits.address_burst", OPTION_UINT, AT(limits.address_burst), "100", 1, 10000000, NULL, NULL, "Most requests at once, after a pause."},
    {"limits.classes", OPTION_LIST, AT(limits.classes), "[]", 0, 100, NULL, NULL, "Limits of callers whose token names a class, as NAME=RATE/BURST/CONCURRENCY (bulk=10/50/4)."},
    {"limits.rules", OPTION_LIST, AT(limits.rules), "[]", 0, CONFIG_RULES_MAX, NULL, NULL, "More limits, as SCOPE=RATE/BURST or SCOPE:CLASS=RATE/BURST, with /CONCURRENCY behind if wanted (tenant=500/1000, tenant:execute=5/10/20, key:direct=20/40). SCOPE is key (each credential) or tenant (all with the same account of the platform); CLASS is read, write, execute, command, run, direct or admin."},

    {"store.url", OPTION_STR, AT(store.url), "memory:", 0, 0, NULL, NULL, "What processes of this service share: sessions, the order of steps, Idempotency-Keys and limits (limits.per_key). memory: this process is alone; redis://HOST[:PORT][/DATABASE], rediss://... with TLS, or unix:PATH of a Redis server: all processes are one service; s3://BUCKET[/FOLDER], gs://BUCKET[/FOLDER] or firestore://PROJECT/DATABASE/COLLECTION: the same, slower, and each process counts limits alone. While the store is away each process allows the full rate, and store.strict says what else it does.", .at_start = true},
    {"store.user", OPTION_STR, AT(store.user), "", 0, 0, NULL, NULL, "User of Redis (ACL); empty: its default user.", .at_start = true},
    {"store.password", OPTION_SECRET, AT(store.password), "", 0, 0, NULL, NULL, "Password of Redis; empty: none is sent.", .at_start = true},
    {"store.ca_file", OPTION_STR, AT(store.ca_file), "", 0, 0, NULL, NULL, "Authorities (PEM) that the certificate of a Redis with TLS (rediss://) must come from; empty: those of the system.", .at_start = true},
    {"store.prefix", OPTION_STR, AT(store.prefix), "vp:", 0, 0, NULL, NULL, "What every key in the store begins with, so that services can share one Redis; up to 32 letters, digits and _.:-/", .at_start = true},
    {"store.strict", OPTION_BOOL, AT(store.strict), "true", 0, 0, NULL, NULL, "While the store is away, change nothing that it orders: sessions, steps and requests with an Idempotency-Key are answered with 503. false: each process goes on alone, its test runs too, and positions and duplicates are not guaranteed between processes."},
    {"store.required", OPTION_BOOL, AT(store.required), "false", 0, 0, NULL, NULL, "Do not start while the store cannot be used; false: start, and say so in the log and at /health.", .at_start = true},
    {"store.timeout_ms", OPTION_MS, AT(store.timeout_ms), "1000", 10, 60000, NULL, NULL, "Longest time until the store answers; then it counts as away. In a bucket or a collection at least 5 s.", .at_start = true},

    {"tenants", OPTION_TENANTS, AT(tenants), "[]", 0, 100, NULL, NULL, "More accounts of the platform: {name, token, secondary_token, organization_id, base_url, rate, burst, concurrency}; a key's tenant, or a claim, names one."},

    {"cors.origins", OPTION_ORIGINS, AT(cors.origins), "[]", 0, 100, NULL, "CORS_ORIGINS", "Origins that browsers may call from; \"*\" any."},
    {"cors.credentials", OPTION_BOOL, AT(cors.credentials), "false", 0, 0, NULL, NULL, "Let browsers send credentials; not together with \"*\"."},
    {"cors.max_age_s", OPTION_SECONDS, AT(cors.max_age_s), "600", 0, DAY_S, NULL, NULL, "How long browsers keep a preflight."},

    {"log.level", OPTION_ENUM, AT(log.level), "info", 0, 0, "debug info warn error off", "LOG_LEVEL", "Lowest level that is written."},
    {"log.format", OPTION_ENUM, AT(log.format), "auto", 0, 0, "auto json text gcp aws", NULL, "json: one object a line; gcp: the same with the names that Google Cloud's log knows (severity, message, httpRequest, trace); aws: the same with those of AWS Lambda (timestamp, level, message, requestId), and of which CloudWatch makes metrics without an agent (embedded metric format); Lambda sets this and log.level where nothing else does (AWS_LAMBDA_LOG_FORMAT, AWS_LAMBDA_LOG_LEVEL); text: one line for people; auto: text on a terminal, else json."},
    {"log.gcp_project", OPTION_STR, AT(log.gcp_project), "", 0, 0, NULL, "GOOGLE_CLOUD_PROJECT", "Project of Google Cloud in whose traces the lines of log.format gcp are found."},
    {"log.access", OPTION_BOOL, AT(log.access), "true", 0, 0, NULL, NULL, "One line per request, at level info; health probes at level debug."},

    {"audit.file", OPTION_STR, AT(audit.file), "", 0, 0, NULL, NULL, "Who did what is appended here, a JSON object a line, each with the hash of the one before; virtuoso-proxy audit verify finds what was changed. One process a file. With a shared store one process of all writes at a time, what all have done. Empty: not written.", .at_start = true},
    {"audit.max_bytes", OPTION_SIZE, AT(audit.max_bytes), "64MiB", 0, 1024 * MIB, NULL, NULL, "Size at which the file is renamed to FILE.NUMBER, and a new one goes on with the chain; 0: never.", .at_start = true},
    {"audit.url", OPTION_STR, AT(audit.url), "", 0, 0, NULL, NULL, "Instead of a file: the lines of each second are put into a bucket, s3://BUCKET[/FOLDER] or gs://BUCKET[/FOLDER], as the object CHAIN/NUMBER.jsonl that is never changed; NUMBER is that of its first line. virtuoso-proxy audit export CHAIN prints them.", .at_start = true},
    {"audit.store", OPTION_BOOL, AT(audit.store), "false", 0, 0, NULL, NULL, "Instead of a file: the lines go to the stream audit/CHAIN of the shared store (store.url), which keeps the newest 10,000 batches; virtuoso-proxy audit export prints them.", .at_start = true},
    {"audit.chain", OPTION_STR, AT(audit.chain), "", 0, 0, NULL, NULL, "Name of the writer in each line, letters, digits and _.-; each process that may write needs its own. Empty: the name of the machine.", .at_start = true},

    {"webhooks.allow_private", OPTION_BOOL, AT(webhooks.allow_private), "false", 0, 0, NULL, NULL, "Let webhooks post to addresses of this machine and of private networks. Whoever may make a webhook can then reach what only this machine reaches.", .at_start = true},
    {"webhooks.retry_ms", OPTION_MS, AT(webhooks.retry_ms), "5000", 10, 600000, NULL, NULL, "Pause before a delivery of a webhook is tried a second time; the pauses then grow, to a day in all.", .at_start = true},
    {"analytics.enabled", OPTION_BOOL, AT(analytics.enabled), "true", 0, 0, NULL, NULL, "Count commands, requests and test runs in memory, for /api/v1/analytics: how often, how long, with what outcome.", .at_start = true},
    {"analytics.file", OPTION_STR, AT(analytics.file), "", 0, 0, NULL, NULL, "Every event is appended here as a CloudEvent, a JSON object a line. Empty: not written.", .at_start = true},
    {"analytics.max_bytes", OPTION_SIZE, AT(analytics.max_bytes), "64MiB", 0, 1024 * MIB, NULL, NULL, "Size at which the file is renamed to FILE.MILLISECONDS, and a new one begins; 0: never.", .at_start = true},
    {"analytics.url", OPTION_URL, AT(analytics.url), "", 0, 0, NULL, NULL, "Every event is posted to this address, many at once as an array of CloudEvents (application/cloudevents-batch+json). Empty: not sent.", .at_start = true},
    {"analytics.headers", OPTION_SECRET, AT(analytics.headers), "", 0, 0, "NAME=VALUE", NULL, "Headers of these posts: name=value,name=value, with %XX for special characters.", .at_start = true},
    {"analytics.bigquery", OPTION_STR, AT(analytics.bigquery), "", 0, 0, NULL, NULL, "Every event becomes a row of this table of BigQuery, PROJECT.DATASET.TABLE (tabledata.insertAll, insertId is the id of the event). Empty: not sent.", .at_start = true},
    {"analytics.interval_ms", OPTION_MS, AT(analytics.interval_ms), "1000", 10, 60000, NULL, NULL, "How long events are gathered before they go to file, url or bigquery.", .at_start = true},
    {"artifacts.url", OPTION_STR, AT(artifacts.url), "", 0, 0, NULL, NULL, "Where the report of each test run is put when it has ended, as RUN/report.json, RUN/junit.xml and RUN/report.html: file:///FOLDER, s3://BUCKET[/FOLDER] or gs://BUCKET[/FOLDER]. The run and its event run.finished tell the links. Empty: nowhere.", .at_start = true},
    {"artifacts.public_url", OPTION_URL, AT(artifacts.public_url), "", 0, 0, NULL, NULL, "What these links begin with instead of artifacts.url: where a web server or a CDN shows that folder.", .at_start = true},
    {"artifacts.screenshots", OPTION_BOOL, AT(artifacts.screenshots), "false", 0, 0, NULL, NULL, "Put the screenshots of an execution there, too, as RUN/TEST-STEP.png; the reports then show these.", .at_start = true},

    {"otel.endpoint", OPTION_URL, AT(otel.endpoint), "", 0, 0, NULL, "OTEL_EXPORTER_OTLP_ENDPOINT", "Base address of an OpenTelemetry collector (OTLP over HTTP): http://127.0.0.1:4318. Spans go to /v1/traces below it, metrics to /v1/metrics. Empty: nothing is sent.", .at_start = true},
    {"otel.traces_endpoint", OPTION_URL, AT(otel.traces_endpoint), "", 0, 0, NULL, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "Whole address for spans, where it is not below otel.endpoint.", .at_start = true},
    {"otel.metrics_endpoint", OPTION_URL, AT(otel.metrics_endpoint), "", 0, 0, NULL, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "Whole address for metrics, where it is not below otel.endpoint.", .at_start = true},
    {"otel.headers", OPTION_SECRET, AT(otel.headers), "", 0, 0, "NAME=VALUE", "OTEL_EXPORTER_OTLP_HEADERS", "Headers of each request to the collector: name=value,name=value, with %XX for special characters.", .at_start = true},
    {"otel.service_name", OPTION_STR, AT(otel.service_name), "virtuoso-proxy", 0, 0, NULL, "OTEL_SERVICE_NAME", "Name of this service at the collector (service.name).", .at_start = true},
    {"otel.resource_attributes", OPTION_STR, AT(otel.resource_attributes), "", 0, 0, NULL, "OTEL_RESOURCE_ATTRIBUTES", "More about this service: name=value,name=value (deployment.environment=staging).", .at_start = true},
    {"otel.traces_sampler", OPTION_ENUM, AT(otel.traces_sampler), "parentbased_traceidratio", 0, 0, "parentbased_traceidratio parentbased_always_on parentbased_always_off", "OTEL_TRACES_SAMPLER", "Which traces that begin here are kept. A trace with a parent is kept where its parent is.", .at_start = true},
    {"otel.traces_share", OPTION_STR, AT(otel.traces_share), "1", 0, 0, NULL, "OTEL_TRACES_SAMPLER_ARG", "Share of the traces that parentbased_traceidratio keeps, from 0 to 1.", .at_start = true},
    {"otel.protocol", OPTION_ENUM, AT(otel.protocol), "http/json", 0, 0, "http/json http/protobuf", "OTEL_EXPORTER_OTLP_PROTOCOL", "Form of what is sent to the collector.", .at_start = true},
    {"otel.compression", OPTION_ENUM, AT(otel.compression), "none", 0, 0, "none gzip", "OTEL_EXPORTER_OTLP_COMPRESSION", "Compression of what is sent to the collector.", .at_start = true},
    {"otel.interval_ms", OPTION_MS, AT(otel.interval_ms), "5000", 100, 5000, NULL, NULL, "How often metrics are sent, and spans at the latest.", .at_start = true},
    {"otel.disabled", OPTION_BOOL, AT(otel.disabled), "false", 0, 0, NULL, "OTEL_SDK_DISABLED", "Send nothing, whatever the other options of otel say.", .at_start = true},

    {"drain.notice_ms", OPTION_MS, AT(drain.notice_ms), "5000", 0, 600000, NULL, NULL, "Time after SIGTERM in which readiness is 503 and connections are still accepted. Not at a terminal, after Ctrl-C."},
    {"drain.limit_ms", OPTION_MS, AT(drain.limit_ms), "30000", 0, HOUR_MS, NULL, NULL, "Time after SIGTERM at which what still runs is cancelled."},

    {"lambda.runtime_api", OPTION_STR, AT(lambda.runtime_api), "", 0, 0, NULL, "AWS_LAMBDA_RUNTIME_API", "Address and port of AWS Lambda's Runtime API; Lambda sets it. serve then answers invocations and listens on nothing. Empty: serve listens.", .at_start = true},
    {"lambda.concurrency", OPTION_UINT, AT(lambda.concurrency), "1", 1, 1000, NULL, "AWS_LAMBDA_MAX_CONCURRENCY", "Invocations at once; Lambda says how many where it allows more than one (managed instances).", .at_start = true},
    {"lambda.margin_ms", OPTION_MS, AT(lambda.margin_ms), "400", 50, 10000, NULL, NULL, "How long before the end of an invocation its answer is 504, so that Lambda does not end it without one.", .at_start = true},
    {"lambda.streaming", OPTION_BOOL, AT(lambda.streaming), "false", 0, 0, NULL, NULL, "Stream answers. Only for a Function URL with InvokeMode RESPONSE_STREAM, or a REST API with response streaming; others would not understand the answer.", .at_start = true},
    {"lambda.base_path", OPTION_STR, AT(lambda.base_path), "", 0, 0, NULL, NULL, "What paths begin with and is cut off: /qa where a custom domain of API Gateway maps /qa to this function. A stage is cut off by itself.", .at_start = true},
    {"lambda.authorizer", OPTION_ENUM, AT(lambda.authorizer), "simple", 0, 0, "simple policy", NULL, "How an HTTP API's authorizer in format 2.0 is answered: simple (EnableSimpleResponses: true) or policy. Format 1.0 always gets a policy.", .at_start = true},
    {"lambda.work_after_answer", OPTION_BOOL, AT(lambda.work_after_answer), "false", 0, 0, NULL, NULL, "Go on with test runs after the answer (async=true). Lambda stops the process between invocations, so that is right only where it is kept running (managed instances).", .at_start = true},

    {"reload.look_s", OPTION_SECONDS, AT(reload.look_s), "30", 1, DAY_S, NULL, NULL, "How often the files of the configuration are looked at. Changes are seen at once, but where a file system (a network share) tells nothing of them."},
    {"secrets.tree", OPTION_STR, AT(secrets.tree), "", 0, 0, NULL, NULL, "Where secrets stand under names that are always the same: aws-ssm:/virtuoso, aws-sm:virtuoso, gcp-sm:projects/PROJECT/secrets/virtuoso or file:FOLDER. Below it api/keys/primary is upstream.token, api/keys/secondary upstream.secondary_token, api/config/org_id upstream.organization_id, api/config/base_url upstream.base_url, auth/tokens/service a key of auth.keys. What is set elsewhere comes first."},
    {"secrets.refresh_s", OPTION_SECONDS, AT(secrets.refresh_s), "300", 1, DAY_S, NULL, NULL, "How often secrets are read again that are references to a service (aws-sm:, aws-ssm:, gcp-sm:)."},
    {"secrets.timeout_ms", OPTION_MS, AT(secrets.timeout_ms), "10000", 100, 300000, NULL, NULL, "Longest time to read them; at the start what cannot be read by then is an error, later the last good value stays."},
    {"secrets.deleted_s", OPTION_SECONDS, AT(secrets.deleted_s), "900", 0, DAY_S, NULL, NULL, "How long the last value of a secret stays in use after its service has said that there is none any more. Then a key of callers is refused; anything else is a configuration error until the secret is there again."},
    {"cloud.aws_region", OPTION_STR, AT(cloud.aws_region), "", 0, 0, NULL, "AWS_REGION AWS_DEFAULT_REGION", "Region of AWS for secrets, objects and tokens, where their names do not tell another one."},


    {"sessions.max_active", OPTION_UINT, AT(sessions.max_active), "10000", 1, 1000000, NULL, NULL, "Most sessions in memory; the least recently used one is evicted first."},
    {"sessions.timeout_s", OPTION_SECONDS, AT(sessions.timeout_s), "3600", 1, 30 * DAY_S, NULL, NULL, "Idle time after which a session expires, where the session names none."},
    {"sessions.max_age_s", OPTION_SECONDS, AT(sessions.max_age_s), "86400", 1, 365 * DAY_S, NULL, NULL, "Age at which a session expires in any case."},
    {"sessions.max_queue", OPTION_UINT, AT(sessions.max_queue), "1000", 1, 100000, NULL, NULL, "Most commands that wait in one session, or for one checkpoint; more are 503."},
    {"sessions.snapshot_file", OPTION_STR, AT(sessions.snapshot_file), "", 0, 0, NULL, NULL, "Sessions are written here and read at start; empty: not kept.", .at_start = true},
    {"sessions.snapshot_interval_s", OPTION_SECONDS, AT(sessions.snapshot_interval_s), "30", 1, DAY_S, NULL, NULL, "How often sessions are written; a crash loses at most this much.", .at_start = true},

    {"idempotency.ttl_s", OPTION_SECONDS, AT(idempotency.ttl_s), "86400", 1, 30 * DAY_S, NULL, NULL, "How long a reply is kept for its Idempotency-Key."},
    {"idempotency.max_entries", OPTION_UINT, AT(idempotency.max_entries), "10000", 1, 1000000, NULL, NULL, "Most replies kept; the least recently used one is evicted first."},
    {"idempotency.max_bytes", OPTION_SIZE, AT(idempotency.max_bytes), "32MiB", 65536, 1024 * MIB, NULL, NULL, "Memory for kept replies."},

    {"cache.enabled", OPTION_BOOL, AT(cache.enabled), "true", 0, 0, NULL, NULL, "Keep answers to GET for a while."},
    {"cache.max_bytes", OPTION_SIZE, AT(cache.max_bytes), "64MiB", 65536, 1024 * MIB, NULL, NULL, "Memory for kept answers; the least recently used one is evicted first."},
    {"cache.ttl_s", OPTION_SECONDS, AT(cache.ttl_s), "300", 0, DAY_S, NULL, NULL, "How long lists and structures are fresh, unless the platform's Cache-Control says less."},
    {"cache.snapshot_ttl_s", OPTION_SECONDS, AT(cache.snapshot_ttl_s), "5", 0, DAY_S, NULL, NULL, "How long the number of a goal's newest snapshot is fresh."},
    {"cache.finished_ttl_s", OPTION_SECONDS, AT(cache.finished_ttl_s), "86400", 0, 30 * DAY_S, NULL, NULL, "How long executions that have ended are fresh; they do not change any more."},
    {"cache.stale_while_revalidate_s", OPTION_SECONDS, AT(cache.stale_while_revalidate_s), "30", 0, DAY_S, NULL, NULL, "How long others are given the expired answer while one request fetches a new one."},
    {"cache.stale_if_error_s", OPTION_SECONDS, AT(cache.stale_if_error_s), "3600", 0, 30 * DAY_S, NULL, NULL, "How long after its end an expired answer is given instead of an error."},
    {"cache.shared", OPTION_BOOL, AT(cache.shared), "false", 0, 0, NULL, NULL, "With a shared store (store.url), keep answers there too, and let only one process fetch an answer that none has."},

    {"redact.enabled", OPTION_BOOL, AT(redact.enabled), "true", 0, 0, NULL, NULL, "Take secrets that the platform echoes out of answers."},
    {"redact.off_for", OPTION_ENUM, AT(redact.off_for), "none", 0, 0, "none admin", NULL, "Callers with this permission see answers of direct access unchanged."},
    {"redact.max_bytes", OPTION_SIZE, AT(redact.max_bytes), "8MiB", 1024, LONGEST_ANSWER, NULL, NULL, "Longest JSON answer of direct access that is searched for secrets."},

    {"runs.max_kept", OPTION_UINT, AT(runs.max_kept), "100", 1, 10000, NULL, NULL, "Most ended test runs that are kept."},
    {"runs.max_active", OPTION_UINT, AT(runs.max_active), "100", 1, 10000, NULL, NULL, "Most test runs at once; more are 503."},
    {"runs.max_watchers", OPTION_UINT, AT(runs.max_watchers), "1000", 1, 100000, NULL, NULL, "Most open event streams; more are 503."},
    {"runs.driver", OPTION_ENUM, AT(runs.driver), "background", 0, 0, "background request", NULL, "background: this process carries test runs out. request: a run advances only while a request for it is open (its POST, POST .../runs/{id}/continue, GET of the run or of its events), and is on record in the store in between: for platforms that stop the process between requests.", .at_start = true},
    {"runs.recall.queue", OPTION_STR, AT(runs.recall_queue), "", 0, 0, NULL, NULL, "With runs.driver: request on Google Cloud: who carries a run on when no request is there to do it. A task in this queue of Cloud Tasks, projects/PROJECT/locations/LOCATION/queues/QUEUE, asks for it. Empty: nobody does, and a run waits for the next request.", .at_start = true},
    {"runs.recall.url", OPTION_URL, AT(runs.recall_url), "", 0, 0, NULL, NULL, "Where these tasks reach this service: https://SERVICE.run.app.", .at_start = true},
    {"runs.recall.account", OPTION_STR, AT(runs.recall_account), "", 0, 0, NULL, NULL, "Service account whose token (OIDC) these tasks bring, for auth.jwt.audience; it needs the permission continue:runs in auth.jwt.permissions.", .at_start = true},
    {"runs.recall.function", OPTION_STR, AT(runs.recall_function), "", 0, 0, NULL, "AWS_LAMBDA_FUNCTION_NAME", "The same with runs.driver: request on AWS Lambda: the function that is invoked, by name or ARN; Lambda says which one this is. It needs the right lambda:InvokeFunction.", .at_start = true},
    {"runs.poll_ms", OPTION_MS, AT(runs.poll_ms), "2000", 10, 600000, NULL, NULL, "How often the state of an execution is asked for."},
    {"runs.timeout_s", OPTION_SECONDS, AT(runs.timeout_s), "3600", 1, 30 * DAY_S, NULL, NULL, "Longest time of a run, where the run names none."},
    {"runs.project", OPTION_STR, AT(runs.project), "Virtuoso proxy", 0, 0, NULL, NULL, "Project of runs where neither file nor request names one; found by name, else created."},
    {"runs.heartbeat_s", OPTION_SECONDS, AT(runs.heartbeat_s), "15", 1, 3600, NULL, NULL, "How often a silent event stream gets a comment, so that no proxy on its way closes it."},

    {"sandbox.enabled", OPTION_BOOL, AT(sandbox.enabled), "false", 0, 0, NULL, NULL, "Use the embedded sandbox as the platform.", .at_start = true},
    {"sandbox.listen", OPTION_ADDRESS, AT(sandbox.listen), "127.0.0.1:0", 0, 0, NULL, NULL, "Address and port of the sandbox; port 0 takes a free one.", .at_start = true},
    {"sandbox.examples", OPTION_BOOL, AT(sandbox.examples), "true", 0, 0, NULL, NULL, "The sandbox begins with the goals and checkpoints that the documentation's examples name.", .at_start = true},
    {"sandbox.execution_ms", OPTION_MS, AT(sandbox.execution_ms), "2000", 0, HOUR_MS, NULL, NULL, "How long an execution takes in the sandbox.", .at_start = true},
    {"sandbox.max_requests_kept", OPTION_UINT, AT(sandbox.max_requests_kept), "10000", 0, 1000000, NULL, NULL, "Most requests that GET /__sandbox/requests lists.", .at_start = true},
    {"sandbox.latency", OPTION_SPREAD, AT(sandbox.latency), "0ms", 0, 0, NULL, NULL, "How long the sandbox waits before each answer: 50ms, or 50ms+-10ms for anything between 40 and 60.", .at_start = true},
    {"sandbox.faults", OPTION_FAULTS, AT(sandbox.faults), "[]", 0, 100, NULL, NULL, "Faults of the sandbox, the first that matches is met: \"POST /teststeps:503@1%\". Behind the colon a status, a delay (250ms), close-before, close-mid or close-after; behind the @ the share of the requests.", .at_start = true},
    {"sandbox.seed", OPTION_UINT, AT(sandbox.seed), "0", 0, 1000000000, NULL, NULL, "Which requests meet a fault, and each latency, repeat with the same seed; 0: they differ from start to start.", .at_start = true},
};

/* clang-format on */

const struct option_row *config_options(size_t *out_n)
{
    *out_n = ARRAY_LEN(rows);
    return rows;
}

const struct option_row *option_find(struct str key)
{
    return ROW_NAMED(key, rows);
}

void *option_field(const struct config *config, const struct option_row *row)
{
    return (char *)unconst(config) + row->offset;
}

void option_print_words(const struct option_row *row, unsigned bits, struct buf *out)
{
    struct str rest = str_from(row->words);
    struct str word;
    unsigned bit = 1;
    const char *separator = "";

    if (bits == 0) {
        buf_text(out, "none");
    }
    for (; str_next(&rest, ' ', &word); bit <<= 1U) {
        if ((bits & bit) != 0) {
            buf_printf(out, "%s%.*s", separator, STR_ARG(word));
            separator = ",";
        }
    }
}

void auth_mode_print(const struct config *config, struct buf *out)
{
    const struct option_row *row = option_find(STR("auth.mode"));

    CHECK(row != NULL);
    option_print_words(row, config->auth.modes, out);
}
