#include "crypto/sigv4.h"

#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/percent.h"
#include "crypto/digest.h"

enum { CANONICAL_MAX = 1024 * 1024, KEY_MAX = 512, DAY_DIGITS = 8, HEX_SIZE = 65, MS_PER_S = 1000 };

struct pair {
    struct str name;
    struct str value;
};

void sigv4_date(int64_t wall_ms, char out[SIGV4_DATE_SIZE])
{
    time_t seconds = (time_t)(wall_ms / MS_PER_S);
    struct tm parts;

    CHECK(gmtime_r(&seconds, &parts) != NULL);
    CHECK(strftime(out, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &parts) == SIGV4_DATE_SIZE - 1);
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a;
    const struct pair *y = b;
    int order = str_compare(x->name, y->name);

    return order != 0 ? order : str_compare(x->value, y->value);
}

static void sort_pairs(struct pair *pairs, size_t n)
{
    if (n > 1) {
        qsort(pairs, n, sizeof(*pairs), compare_pairs);
    }
}

/* --- the canonical request */
static void write_path(struct buf *out, const struct sigv4 *request)
{
    struct str path = request->path;

    if (str_is(request->service, "s3")) {
        buf_str(out, path);
        return;
    }
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '/') {
            buf_char(out, '/');
        } else {
            percent_encode(out, str_sub(path, i, 1));
        }
    }
}

/* Decodes and encodes the text, so that equal texts get one form. */
static struct str recoded(struct arena *arena, struct str text)
{
    struct str plain;
    struct buf out;

    if (!percent_decode(arena, text, false, &plain)) {
        plain = text;
    }
    buf_init(&out, CANONICAL_MAX);
    percent_encode(&out, plain);
    return arena_take(arena, &out);
}

static void write_query(struct buf *out, struct arena *arena, struct str query)
{
    struct pair pairs[SIGV4_PARAMETERS_MAX];
    struct str item;
    size_t n = 0;

    while (n < SIGV4_PARAMETERS_MAX && str_next(&query, '&', &item)) {
        struct str name;
        struct str value;

        (void)str_cut(item, '=', &name, &value);
        pairs[n++] = (struct pair){recoded(arena, name), recoded(arena, value)};
    }
    sort_pairs(pairs, n);
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%s%.*s=%.*s", i > 0 ? "&" : "", STR_ARG(pairs[i].name),
                   STR_ARG(pairs[i].value));
    }
}

/* Drops white space at the ends, and writes one blank for each run of white space inside. */
static void write_value(struct buf *out, struct str value)
{
    bool was_blank = false;

    value = str_trim(value);
    for (size_t i = 0; i < value.len; i++) {
        bool is_blank = value.ptr[i] == ' ' || value.ptr[i] == '\t';

        if (!is_blank) {
            buf_char(out, value.ptr[i]);
        } else if (!was_blank) {
            buf_char(out, ' ');
        }
        was_blank = is_blank;
    }
}

/* Returns the names, with ';' between them. */
static struct str write_headers(struct buf *out, struct arena *arena, const struct sigv4 *request)
{
    struct pair pairs[SIGV4_HEADERS_MAX];
    struct str names = STR_EMPTY;

    for (size_t i = 0; i < request->n_headers; i++) {
        pairs[i] =
            (struct pair){arena_lower(arena, request->headers[i].name), request->headers[i].value};
    }
    sort_pairs(pairs, request->n_headers);
    for (size_t i = 0; i < request->n_headers; i++) {
        buf_str(out, pairs[i].name);
        buf_char(out, ':');
        write_value(out, pairs[i].value);
        buf_char(out, '\n');
        arena_join(arena, &names, ";", pairs[i].name);
    }
    return names;
}

static struct str hash_request(struct arena *arena, const struct sigv4 *request, char hex[HEX_SIZE])
{
    struct digest digest;
    struct str names;
    struct buf text;

    buf_init(&text, CANONICAL_MAX);
    buf_str(&text, request->method);
    buf_char(&text, '\n');
    write_path(&text, request);
    buf_char(&text, '\n');
    write_query(&text, arena, request->query);
    buf_char(&text, '\n');
    names = write_headers(&text, arena, request);
    buf_printf(&text, "\n%.*s\n%.*s", STR_ARG(names), STR_ARG(request->payload_hash));
    CHECK(buf_ok(&text));
    digest_of(buf_view(&text), &digest);
    digest_hex(&digest, hex);
    mem_wipe(text.ptr, text.len); /* it holds the session token */
    buf_done(&text);
    return names;
}

/* --- the key of the day */
static void sign_with(struct digest *key, struct str text)
{
    digest_hmac(digest_view(key), text, key);
}

static void make_key(const struct sigv4 *request, struct digest *key)
{
    char first[KEY_MAX];
    struct buf text;

    buf_init_on(&text, first, sizeof(first), KEY_MAX - 1);
    buf_text(&text, "AWS4");
    buf_str(&text, request->secret_key);
    digest_hmac(buf_view(&text), str_sub(request->date, 0, DAY_DIGITS), key);
    mem_wipe(first, sizeof(first));
    buf_done(&text);
    sign_with(key, request->region);
    sign_with(key, request->service);
    sign_with(key, STR("aws4_request"));
}

void sigv4_authorize(const struct sigv4 *request, struct buf *out)
{
    char hex[HEX_SIZE];
    struct digest key;
    struct arena arena;
    struct str names;
    struct str scope;

    CHECK(request->n_headers <= SIGV4_HEADERS_MAX);
    arena_init(&arena);
    names = hash_request(&arena, request, hex);
    scope = arena_printf(&arena, "%.*s/%.*s/%.*s/aws4_request",
                         STR_ARG(str_sub(request->date, 0, DAY_DIGITS)), STR_ARG(request->region),
                         STR_ARG(request->service));
    make_key(request, &key);
    sign_with(&key, arena_printf(&arena, "AWS4-HMAC-SHA256\n%.*s\n%.*s\n%s", STR_ARG(request->date),
                                 STR_ARG(scope), hex));
    digest_hex(&key, hex);
    buf_printf(out, "AWS4-HMAC-SHA256 Credential=%.*s/%.*s, SignedHeaders=%.*s, Signature=%s",
               STR_ARG(request->key_id), STR_ARG(scope), STR_ARG(names), hex);
    mem_wipe(&key, sizeof(key));
    arena_done(&arena);
}
