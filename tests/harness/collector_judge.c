#include "harness/collector.h"

#include "harness/cmocka.h"

enum {
    TRACE_DIGITS = 32,
    SPAN_DIGITS = 16,
    KIND_INTERNAL = 1,
    KIND_SERVER = 2,
    KIND_CLIENT = 3,
    KINDS = 4,
    FLAG_SAMPLED = 0x001,
    FLAG_HAS_REMOTE = 0x100,
    FLAG_IS_REMOTE = 0x200,
    STATUS_ERROR = 2
};

#define KIND(kind) (1U << (kind))

/* https://github.com/open-telemetry/semantic-conventions/tree/v1.27.0/docs: what we use of it. `kinds`: where it may stand; `needs`:
 * of which it is a part. */
static const struct convention {
    const char *name;
    const char *type;
    unsigned kinds;
    unsigned needs;
} conventions[] = {
    {"http.request.method", "stringValue", KIND(KIND_SERVER) | KIND(KIND_CLIENT),
     KIND(KIND_SERVER)},
    {"url.scheme", "stringValue", KIND(KIND_SERVER), KIND(KIND_SERVER)},
    {"url.path", "stringValue", KIND(KIND_SERVER), KIND(KIND_SERVER)},
    {"url.full", "stringValue", KIND(KIND_CLIENT), 0},
    {"http.route", "stringValue", KIND(KIND_SERVER), 0},
    {"http.response.status_code", "intValue", KIND(KIND_SERVER) | KIND(KIND_CLIENT),
     KIND(KIND_SERVER)},
    {"http.request.resend_count", "intValue", KIND(KIND_CLIENT), 0},
    {"network.protocol.version", "stringValue", KIND(KIND_SERVER), 0},
    {"client.address", "stringValue", KIND(KIND_SERVER), 0},
    {"server.address", "stringValue", KIND(KIND_CLIENT), 0},
    {"server.port", "intValue", KIND(KIND_CLIENT), 0},
    {"error.type", "stringValue", KIND(KIND_SERVER) | KIND(KIND_CLIENT) | KIND(KIND_INTERNAL), 0},
    {"db.system", "stringValue", KIND(KIND_CLIENT), 0},
    {"db.operation.name", "stringValue", KIND(KIND_CLIENT), 0},
};

static struct str text_of(const struct json *object, const char *name)
{
    return json_str(json_get_str(object, str_from(name)));
}

static int64_t number_of(const struct json *object, const char *name)
{
    int64_t number = -1;

    assert_true(json_to_i64(json_get_str(object, str_from(name)), &number));
    return number;
}

static bool is_hex_id(struct str id, size_t len)
{
    for (size_t i = 0; i < id.len; i++) {
        if (!(id.ptr[i] >= '0' && id.ptr[i] <= '9') && !(id.ptr[i] >= 'a' && id.ptr[i] <= 'f')) {
            return false;
        }
    }
    return id.len == len;
}

/* 64-bit numbers are texts. */
static int64_t nanoseconds(const struct json *span, const char *name)
{
    int64_t value = 0;

    assert_true(str_to_i64(text_of(span, name), 1, INT64_MAX, &value));
    return value;
}

static const struct json *attribute(const struct json *span, const char *key)
{
    const struct json *one;

    JSON_FOREACH (one, json_get_str(span, STR("attributes"))) {
        if (str_is(text_of(one, "key"), key)) {
            return json_get_str(one, STR("value"));
        }
    }
    return NULL;
}

static void judge_attribute(const struct json *one, int64_t kind)
{
    struct str key = text_of(one, "key");
    const struct json *value = json_get_str(one, STR("value"));
    const struct convention *found = NULL;

    assert_int_equal(json_size(value), 1);
    if (str_starts(key, STR("virtuoso_proxy."))) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(conventions); i++) {
        found = str_is(key, conventions[i].name) ? &conventions[i] : found;
    }
    if (found == NULL || (found->kinds & KIND(kind)) == 0 ||
        json_get_str(value, str_from(found->type)) == NULL) {
        fail_msg("the attribute %.*s of a span of kind %d", STR_ARG(key), (int)kind);
    }
}

/* A client's is of HTTP or of a database. */
static void judge_client(const struct json *span)
{
    static const char *const of_http[] = {"http.request.method", "url.full", "server.address",
                                          "server.port"};

    if (attribute(span, "db.system") != NULL) {
        assert_non_null(attribute(span, "db.operation.name"));
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(of_http); i++) {
        assert_non_null(attribute(span, of_http[i]));
    }
}

static void judge_span(const struct json *span)
{
    int64_t kind = number_of(span, "kind");
    int64_t flags = number_of(span, "flags");
    const struct json *one;
    size_t at = 0;

    assert_true(is_hex_id(text_of(span, "traceId"), TRACE_DIGITS));
    assert_true(is_hex_id(text_of(span, "spanId"), SPAN_DIGITS));
    assert_true(text_of(span, "name").len > 0);
    assert_in_range(kind, KIND_INTERNAL, KIND_CLIENT);
    assert_true(nanoseconds(span, "endTimeUnixNano") >= nanoseconds(span, "startTimeUnixNano"));
    assert_int_equal(flags & (FLAG_SAMPLED | FLAG_HAS_REMOTE), FLAG_SAMPLED | FLAG_HAS_REMOTE);
    if (json_get_str(span, STR("status")) != NULL) {
        assert_int_equal(number_of(json_get_str(span, STR("status")), "code"), STATUS_ERROR);
    }
    JSON_FOREACH (one, json_get_str(span, STR("attributes"))) {
        size_t other = 0;
        const struct json *before;

        judge_attribute(one, kind);
        JSON_FOREACH (before, json_get_str(span, STR("attributes"))) { /* a key stands there once */
            assert_false(other < at && str_eq(text_of(before, "key"), text_of(one, "key")));
            other++;
        }
        at++;
    }
    for (size_t i = 0; i < ARRAY_LEN(conventions); i++) {
        if ((conventions[i].needs & KIND(kind)) != 0 &&
            attribute(span, conventions[i].name) == NULL) {
            fail_msg("the span %.*s has no %s", STR_ARG(text_of(span, "name")),
                     conventions[i].name);
        }
    }
    if (kind == KIND_CLIENT) {
        judge_client(span);
    }
}

/* The span with that id; a second one is a fault. */
static const struct json *span_of(const struct json *spans, struct str id)
{
    const struct json *found = NULL;
    const struct json *span;

    JSON_FOREACH (span, spans) {
        if (str_eq(text_of(span, "spanId"), id)) {
            assert_null(found);
            found = span;
        }
    }
    return found;
}

static void judge_parent(const struct json *spans, const struct json *span)
{
    struct str id = text_of(span, "parentSpanId");
    bool is_remote = (number_of(span, "flags") & FLAG_IS_REMOTE) != 0;
    const struct json *parent;

    (void)span_of(spans, text_of(span, "spanId"));
    assert_true(id.len == 0 || is_hex_id(id, SPAN_DIGITS));
    if (number_of(span, "kind") == KIND_SERVER) {
        assert_true(is_remote == (id.len > 0)); /* of whoever sent the request */
        return;
    }
    parent = span_of(spans, id);
    if (is_remote || parent == NULL ||
        !str_eq(text_of(parent, "traceId"), text_of(span, "traceId"))) {
        fail_msg("the parent of the span %.*s is not there", STR_ARG(text_of(span, "name")));
    }
    if (nanoseconds(parent, "startTimeUnixNano") > nanoseconds(span, "startTimeUnixNano")) {
        fail_msg("%.*s begins before its parent %.*s", STR_ARG(text_of(span, "name")),
                 STR_ARG(text_of(parent, "name")));
    }
}

size_t collector_judge_spans(const struct collector *collector)
{
    struct arena arena;
    const struct json *spans;
    const struct json *span;
    size_t n;

    arena_init(&arena);
    spans = collector_spans(collector, &arena);
    JSON_FOREACH (span, spans) {
        judge_span(span);
        judge_parent(spans, span);
    }
    n = json_size(spans);
    arena_done(&arena);
    return n;
}
