/* store.url, taken apart: memory:, redis[s]://HOST[:PORT][/DATABASE], unix:PATH, s3://BUCKET[/FOLDER],
 * gs://BUCKET[/FOLDER] and firestore://PROJECT/DATABASE/COLLECTION. Errors do not quote the URL, since it may hold a
 * password. */
#include "base/host.h"
#include "config_internal.h"
#include "crypto/tls.h"

/* ---- s3://, gs:// and firestore:// ---- */

enum { CLOUD_STORE_MS = 5000, NAME_MIN = 3, NAME_MAX_BYTES = 63, FOLDER_MAX = 200 };

static const struct {
    const char *scheme;
    int kind;
} schemes[] = {
    {"s3://", CONFIG_S3},
    {"gs://", CONFIG_GCS},
    {"firestore://", CONFIG_FIRESTORE},
};

static int kind_of(struct str url, struct str *out_rest)
{
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (str_starts(url, str_from(schemes[i].scheme))) {
            *out_rest = str_sub(url, strlen(schemes[i].scheme), url.len);
            return schemes[i].kind;
        }
    }
    return CONFIG_NO_BUCKET;
}

bool bucket_is_meant(struct str url)
{
    struct str rest;

    return kind_of(url, &rest) != CONFIG_NO_BUCKET;
}

static bool is_name(struct str text)
{
    return text.len >= NAME_MIN && text.len <= NAME_MAX_BYTES && str_is_of(text, "A-Za-z0-9._-");
}

/* Dot segments are refused, because they would lead to another folder. */
static bool is_folder(struct str text)
{
    struct str rest = text;
    struct str segment;

    while (str_next(&rest, '/', &segment)) {
        if (str_is(segment, ".") || str_is(segment, "..")) {
            return false;
        }
    }
    return text.len <= FOLDER_MAX && str_is_of(text, "A-Za-z0-9._/-") &&
           !str_contains(text, STR("//"));
}

static const char *read_firestore(struct str rest, struct config_bucket *out)
{
    struct str parts[4];

    if (str_split(rest, '/', parts, 4) != 3 || !is_name(parts[0]) ||
        !str_is_of(parts[1], "A-Za-z0-9()-") || !str_is_of(parts[2], "A-Za-z0-9_-")) {
        return "is not firestore://PROJECT/DATABASE/COLLECTION, for example "
               "firestore://my-project/(default)/virtuoso-proxy";
    }
    out->bucket = parts[0];
    out->database = parts[1];
    out->folder = parts[2];
    return NULL;
}

const char *bucket_read(struct arena *arena, struct str url, struct config_bucket *out)
{
    struct str rest = STR_EMPTY;
    const char *fault = NULL;

    *out = (struct config_bucket){.kind = CONFIG_NO_BUCKET};
    switch (kind_of(arena_str(arena, url), &rest)) {
    case CONFIG_FIRESTORE:
        out->kind = CONFIG_FIRESTORE;
        return read_firestore(rest, out);
    case CONFIG_S3:
        out->kind = CONFIG_S3;
        break;
    default:
        out->kind = CONFIG_GCS;
        break;
    }
    (void)str_cut(rest, '/', &out->bucket, &out->folder);
    out->folder = str_without_end(out->folder, '/');
    if (!is_name(out->bucket)) {
        fault = "names no bucket: 3 to 63 letters, digits and ._-";
    } else if (!is_folder(out->folder)) {
        fault = "has a folder that is not made of letters, digits and ._-/";
    }
    return fault;
}

/* ---- redis:// and unix: ---- */

enum { DATABASE_MAX = 10000, PATH_MAX_BYTES = 107 /* of a Unix socket */, PREFIX_MAX = 32 };

static const char FORMS[] =
    "memory:, redis://HOST[:PORT][/DATABASE], rediss://... (TLS), unix:PATH, s3://BUCKET[/FOLDER], "
    "gs://BUCKET[/FOLDER] or firestore://PROJECT/DATABASE/COLLECTION";

/* An IPv6 address from between brackets, perhaps with a zone: fe80::1%eth0. */
static bool is_v6(struct str host)
{
    uint8_t address[16];
    struct str zone;

    (void)str_cut(host, '%', &host, &zone);
    return str_find_char(host, ':') >= 0 && ip_address_parse(host, address);
}

/* A host name, an address, or an IPv6 address in brackets, which are taken off. */
static bool read_host(struct str text, struct str *out_host, struct str *out_rest)
{
    struct str head;

    if (str_starts(text, STR("["))) {
        return str_cut(str_sub(text, 1, text.len), ']', out_host, out_rest) && out_host->len > 0;
    }
    if (!str_cut(text, ':', &head, out_rest)) {
        *out_rest = STR_EMPTY;
    } else {
        *out_rest = str_range(out_rest->ptr - 1, text.ptr + text.len); /* with its colon */
    }
    *out_host = head;
    return head.len > 0;
}

static const char *read_redis(struct arena *arena, struct str text, struct config_redis *out)
{
    struct str place;
    struct str database;
    struct str rest;
    int64_t number = 0;
    int64_t port = 0;

    if (str_find_char(text, '@') >= 0) {
        return "holds a user or a password; write them to store.user and store.password";
    }
    (void)str_cut(text, '/', &place, &database);
    if (!read_host(place, &out->host, &rest)) {
        return "names no host";
    }
    if (str_starts(place, STR("[")) ? !is_v6(out->host) : !host_is_sound(out->host)) {
        return "has a host that is neither a name (letters, digits and hyphens between single "
               "dots) nor an IP address";
    }
    if (rest.len > 0 &&
        (rest.ptr[0] != ':' || !str_to_i64(str_sub(rest, 1, rest.len), 1, UINT16_MAX, &port))) {
        return "has no port from 1 to 65535 behind the host";
    }
    if (database.len > 0 && !str_to_i64(database, 0, DATABASE_MAX, &number)) {
        return "has no number of a database behind the '/'";
    }
    out->host = arena_str(arena, out->host);
    out->port = rest.len > 0 ? arena_str(arena, str_sub(rest, 1, rest.len)) : STR("6379");
    out->database = (unsigned)number;
    return NULL;
}

static const char *read_store(struct arena *arena, struct str url, struct config_redis *out)
{
    if (str_is(url, "memory:")) {
        return NULL;
    }
    if (str_find_char(url, '?') >= 0 || str_find_char(url, '#') >= 0) {
        return "holds a query (?) or a fragment (#); write a user and a password to store.user "
               "and store.password";
    }
    if (str_starts(url, STR("redis://"))) {
        return read_redis(arena, str_sub(url, 8, url.len), out);
    }
    if (str_starts(url, STR("rediss://"))) {
        out->tls = true;
        return read_redis(arena, str_sub(url, 9, url.len), out);
    }
    if (!str_starts(url, STR("unix:/"))) {
        return "is not a store that this program knows";
    }
    if (url.len - 5 > PATH_MAX_BYTES) {
        return "has a path that is too long for a Unix socket";
    }
    out->path = arena_str(arena, str_sub(url, 5, url.len));
    return NULL;
}

unsigned config_store_ms(const struct config *config)
{
    unsigned least_ms = config->store.bucket.kind != CONFIG_NO_BUCKET ? CLOUD_STORE_MS : 0;

    return config->store.timeout_ms > least_ms ? config->store.timeout_ms : least_ms;
}

static void judge_authorities(struct loader *loader, const struct config *config)
{
    struct str file = config->store.ca_file;
    struct error err = {0};

    if (config->store.redis.tls && file.len > 0 && file_opens(loader, "store.ca_file", file) &&
        tls_check_authorities(arena_cstr(&loader->box->arena, file), &err) != ERR_OK) {
        loader_fail(loader, "store.ca_file: %s", err.text);
    }
}

void config_judge_store(struct loader *loader, struct config *config)
{
    struct arena *arena = &loader->box->arena;
    const char *fault = bucket_is_meant(config->store.url)
                            ? bucket_read(arena, config->store.url, &config->store.bucket)
                            : read_store(arena, config->store.url, &config->store.redis);

    if (fault != NULL) {
        loader_fail(loader, "store.url: the value %s. Write %s", fault, FORMS);
    }
    judge_authorities(loader, config);
    if (!str_is_of(config->store.prefix, "A-Za-z0-9_.:/-") ||
        config->store.prefix.len > PREFIX_MAX) {
        loader_fail(loader, "store.prefix: must be up to %d letters, digits and _.:-/", PREFIX_MAX);
    }
    if (config->store.user.len > 0 && !secret_is_set(&config->store.password)) {
        loader_fail(loader, "store.user: set store.password, too");
    }
}
