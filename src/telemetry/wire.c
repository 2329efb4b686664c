#include "wire.h"

#include <string.h>

#include "base/mem.h"

enum {
    WIRE_VARINT = 0,
    WIRE_64 = 1,
    WIRE_BYTES = 2,
    WIRE_32 = 5,
    LENGTH_BYTES = 4, /* of a message: a varint with leading zeros, filled in at its end */
    VARINT_BITS = 7,
    VARINT_MORE = 0x80,
    NUMBER_MAX = 32,
    HEX_MAX = 16
};

enum kind {
    KIND_TEXT,
    KIND_ID,     /* in JSON hexadecimal digits; in protobuf bytes */
    KIND_VARINT, /* enum, int64 */
    KIND_BOOL,
    KIND_FIXED64, /* fixed64, sfixed64; in JSON a text of digits */
    KIND_FIXED32,
    KIND_DOUBLE,
    KIND_MESSAGE
};

struct field {
    const char *name; /* NULL ends a message */
    unsigned number;
    enum kind kind;
    const struct field *message;
    bool packed; /* repeated numbers */
};

/* https://github.com/open-telemetry/opentelemetry-proto/tree/v1.5.0/opentelemetry/proto */
static const struct field value_fields[] = {{"stringValue", 1, KIND_TEXT},
                                            {"boolValue", 2, KIND_BOOL},
                                            {"intValue", 3, KIND_VARINT},
                                            {"doubleValue", 4, KIND_DOUBLE},
                                            {NULL}};
static const struct field attribute_fields[] = {
    {"key", 1, KIND_TEXT}, {"value", 2, KIND_MESSAGE, value_fields}, {NULL}};
static const struct field resource_fields[] = {{"attributes", 1, KIND_MESSAGE, attribute_fields},
                                               {NULL}};
static const struct field scope_fields[] = {
    {"name", 1, KIND_TEXT}, {"version", 2, KIND_TEXT}, {NULL}};
static const struct field status_fields[] = {
    {"message", 2, KIND_TEXT}, {"code", 3, KIND_VARINT}, {NULL}};
static const struct field link_fields[] = {{"traceId", 1, KIND_ID}, {"spanId", 2, KIND_ID}, {NULL}};
static const struct field span_fields[] = {{"traceId", 1, KIND_ID},
                                           {"spanId", 2, KIND_ID},
                                           {"traceState", 3, KIND_TEXT},
                                           {"parentSpanId", 4, KIND_ID},
                                           {"name", 5, KIND_TEXT},
                                           {"kind", 6, KIND_VARINT},
                                           {"startTimeUnixNano", 7, KIND_FIXED64},
                                           {"endTimeUnixNano", 8, KIND_FIXED64},
                                           {"attributes", 9, KIND_MESSAGE, attribute_fields},
                                           {"links", 13, KIND_MESSAGE, link_fields},
                                           {"status", 15, KIND_MESSAGE, status_fields},
                                           {"flags", 16, KIND_FIXED32},
                                           {NULL}};
static const struct field scope_span_fields[] = {
    {"scope", 1, KIND_MESSAGE, scope_fields}, {"spans", 2, KIND_MESSAGE, span_fields}, {NULL}};
static const struct field resource_span_fields[] = {
    {"resource", 1, KIND_MESSAGE, resource_fields},
    {"scopeSpans", 2, KIND_MESSAGE, scope_span_fields},
    {NULL}};
static const struct field traces_fields[] = {
    {"resourceSpans", 1, KIND_MESSAGE, resource_span_fields}, {NULL}};

static const struct field number_point_fields[] = {
    {"startTimeUnixNano", 2, KIND_FIXED64},
    {"timeUnixNano", 3, KIND_FIXED64},
    {"asDouble", 4, KIND_DOUBLE},
    {"asInt", 6, KIND_FIXED64},
    {"attributes", 7, KIND_MESSAGE, attribute_fields},
    {NULL}};
static const struct field histogram_point_fields[] = {
    {"startTimeUnixNano", 2, KIND_FIXED64},
    {"timeUnixNano", 3, KIND_FIXED64},
    {"count", 4, KIND_FIXED64},
    {"sum", 5, KIND_DOUBLE},
    {"bucketCounts", 6, KIND_FIXED64, NULL, true},
    {"explicitBounds", 7, KIND_DOUBLE, NULL, true},
    {"attributes", 9, KIND_MESSAGE, attribute_fields},
    {NULL}};
static const struct field gauge_fields[] = {{"dataPoints", 1, KIND_MESSAGE, number_point_fields},
                                            {NULL}};
static const struct field sum_fields[] = {{"dataPoints", 1, KIND_MESSAGE, number_point_fields},
                                          {"aggregationTemporality", 2, KIND_VARINT},
                                          {"isMonotonic", 3, KIND_BOOL},
                                          {NULL}};
static const struct field histogram_fields[] = {
    {"dataPoints", 1, KIND_MESSAGE, histogram_point_fields},
    {"aggregationTemporality", 2, KIND_VARINT},
    {NULL}};
static const struct field metric_fields[] = {{"name", 1, KIND_TEXT},
                                             {"description", 2, KIND_TEXT},
                                             {"unit", 3, KIND_TEXT},
                                             {"gauge", 5, KIND_MESSAGE, gauge_fields},
                                             {"sum", 7, KIND_MESSAGE, sum_fields},
                                             {"histogram", 9, KIND_MESSAGE, histogram_fields},
                                             {NULL}};
static const struct field scope_metric_fields[] = {
    {"scope", 1, KIND_MESSAGE, scope_fields}, {"metrics", 2, KIND_MESSAGE, metric_fields}, {NULL}};
static const struct field resource_metric_fields[] = {
    {"resource", 1, KIND_MESSAGE, resource_fields},
    {"scopeMetrics", 2, KIND_MESSAGE, scope_metric_fields},
    {NULL}};
static const struct field metrics_fields[] = {
    {"resourceMetrics", 1, KIND_MESSAGE, resource_metric_fields}, {NULL}};

/* --- JSON */
struct reader {
    struct str rest;
    struct buf *out;
    struct buf text; /* of the last string that had an escape */
};

static bool skip(struct reader *r, char c)
{
    bool is_there = r->rest.len > 0 && r->rest.ptr[0] == c;

    if (is_there) {
        r->rest = str_sub(r->rest, 1, r->rest.len);
    }
    return is_there;
}

/* One character behind a backslash. json_escape writes \uXXXX for control characters alone. */
static bool put_escape(struct reader *r)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    const char *found;
    unsigned code = 0;

    if (r->rest.len == 0) {
        return false;
    }
    found = strchr(names, r->rest.ptr[0]);
    if (found != NULL && *found != '\0') {
        buf_char(&r->text, meant[found - names]);
        r->rest = str_sub(r->rest, 1, r->rest.len);
        return true;
    }
    if (r->rest.ptr[0] != 'u' || r->rest.len < 5) {
        return false;
    }
    for (size_t i = 1; i <= 4; i++) {
        code = code << 4 | ((unsigned)str_hex_digit(r->rest.ptr[i]) & 15U);
    }
    r->rest = str_sub(r->rest, 5, r->rest.len);
    if (code < 0x80) {
        buf_char(&r->text, (char)code);
    } else {
        buf_char(&r->text, '?');
    }
    return true;
}

static bool read_string(struct reader *r, struct str *out)
{
    struct str from;
    size_t n = 0;

    if (!skip(r, '"')) {
        return false;
    }
    from = r->rest;
    while (n < from.len && from.ptr[n] != '"' && from.ptr[n] != '\\') {
        n++;
    }
    r->rest = str_sub(from, n, from.len);
    *out = str_sub(from, 0, n);
    if (skip(r, '"')) {
        return true;
    }
    buf_clear(&r->text);
    buf_str(&r->text, *out);
    while (r->rest.len > 0 && !skip(r, '"')) {
        if (skip(r, '\\')) {
            if (!put_escape(r)) {
                return false;
            }
        } else {
            buf_char(&r->text, r->rest.ptr[0]);
            r->rest = str_sub(r->rest, 1, r->rest.len);
        }
    }
    *out = buf_view(&r->text);
    return buf_ok(&r->text);
}

/* Digits, or a text of digits, or true and false. */
static bool read_scalar(struct reader *r, struct str *out)
{
    size_t n = 0;

    if (r->rest.len > 0 && r->rest.ptr[0] == '"') {
        return read_string(r, out);
    }
    while (n < r->rest.len && strchr(",]}", r->rest.ptr[n]) == NULL) {
        n++;
    }
    *out = str_sub(r->rest, 0, n);
    r->rest = str_sub(r->rest, n, r->rest.len);
    return n > 0;
}

/* --- protobuf */
static void put_varint(struct buf *out, uint64_t value)
{
    while (value >= VARINT_MORE) {
        buf_char(out, (char)(value | VARINT_MORE));
        value >>= VARINT_BITS;
    }
    buf_char(out, (char)value);
}

static void put_tag(struct buf *out, const struct field *field, unsigned wire)
{
    put_varint(out, (uint64_t)field->number << 3 | wire);
}

static void put_little(struct buf *out, uint64_t value, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        buf_char(out, (char)(value >> 8 * i));
    }
}

static void put_bytes(struct buf *out, const struct field *field, struct str bytes)
{
    put_tag(out, field, WIRE_BYTES);
    put_varint(out, bytes.len);
    buf_str(out, bytes);
}

static size_t begin_length(struct buf *out)
{
    put_little(out, 0, LENGTH_BYTES);
    return out->len;
}

static bool end_length(struct buf *out, size_t from)
{
    size_t len = out->len - from;

    if (!buf_ok(out) || len >> VARINT_BITS * LENGTH_BYTES != 0) {
        return false;
    }
    for (size_t i = 0; i < LENGTH_BYTES; i++) {
        size_t bits = len >> VARINT_BITS * i & (VARINT_MORE - 1);

        out->ptr[from - LENGTH_BYTES + i] =
            (char)(i + 1 < LENGTH_BYTES ? bits | VARINT_MORE : bits);
    }
    return true;
}

static bool put_id(struct buf *out, const struct field *field, struct str hex)
{
    char bytes[HEX_MAX];

    if (hex.len % 2 != 0 || hex.len > 2 * sizeof(bytes)) {
        return false;
    }
    for (size_t i = 0; i < hex.len; i += 2) {
        bytes[i / 2] = (char)((str_hex_digit(hex.ptr[i]) * 16) + str_hex_digit(hex.ptr[i + 1]));
    }
    put_bytes(out, field, (struct str){bytes, hex.len / 2});
    return true;
}

static bool put_number(struct buf *out, enum kind kind, struct str text)
{
    int64_t whole = 0;
    double real = 0.0;
    uint64_t bits;

    if (kind == KIND_DOUBLE) {
        if (!str_to_double(text, &real)) {
            return false;
        }
        mem_copy(&bits, &real, sizeof(bits));
        put_little(out, bits, 8);
        return true;
    }
    if (kind == KIND_BOOL) {
        put_varint(out, str_is(text, "true"));
        return true;
    }
    if (!str_to_i64(text, INT64_MIN, INT64_MAX, &whole)) {
        return false;
    }
    if (kind == KIND_VARINT) {
        put_varint(out, (uint64_t)whole);
    } else {
        put_little(out, (uint64_t)whole, kind == KIND_FIXED64 ? 8 : 4);
    }
    return true;
}

static unsigned wire_of(enum kind kind)
{
    static const unsigned wires[] = {
        [KIND_TEXT] = WIRE_BYTES,  [KIND_ID] = WIRE_BYTES,     [KIND_VARINT] = WIRE_VARINT,
        [KIND_BOOL] = WIRE_VARINT, [KIND_FIXED64] = WIRE_64,   [KIND_FIXED32] = WIRE_32,
        [KIND_DOUBLE] = WIRE_64,   [KIND_MESSAGE] = WIRE_BYTES};

    return wires[kind];
}

/* --- one into the other */
static bool take_message(struct reader *r, const struct field *fields);

static bool take_one(struct reader *r, const struct field *field)
{
    struct str text;
    size_t from;

    if (field->kind == KIND_MESSAGE) {
        put_tag(r->out, field, WIRE_BYTES);
        from = begin_length(r->out);
        return take_message(r, field->message) && end_length(r->out, from);
    }
    if (!read_scalar(r, &text)) {
        return false;
    }
    if (field->kind == KIND_TEXT) {
        put_bytes(r->out, field, text);
        return true;
    }
    if (field->kind == KIND_ID) {
        return put_id(r->out, field, text);
    }
    if (!field->packed) {
        put_tag(r->out, field, wire_of(field->kind));
    }
    return put_number(r->out, field->kind, text);
}

static bool take_array(struct reader *r, const struct field *field)
{
    size_t from = 0;

    if (field->packed) {
        put_tag(r->out, field, WIRE_BYTES);
        from = begin_length(r->out);
    }
    while (!skip(r, ']')) {
        if (!take_one(r, field)) {
            return false;
        }
        (void)skip(r, ',');
    }
    return !field->packed || end_length(r->out, from);
}

static const struct field *field_named(const struct field *fields, struct str name)
{
    while (fields->name != NULL && !str_is(name, fields->name)) {
        fields++;
    }
    return fields->name != NULL ? fields : NULL;
}

static bool take_message(struct reader *r, const struct field *fields)
{
    if (!skip(r, '{')) {
        return false;
    }
    while (!skip(r, '}')) {
        const struct field *field;
        struct str name;

        if (!read_string(r, &name) || !skip(r, ':')) {
            return false;
        }
        field = field_named(fields, name);
        if (field == NULL || !(skip(r, '[') ? take_array(r, field) : take_one(r, field))) {
            return false;
        }
        (void)skip(r, ',');
    }
    return buf_ok(r->out);
}

static bool take(struct str json, struct buf *out, const struct field *fields)
{
    struct reader reader = {.rest = json, .out = out};
    bool ok;

    buf_init(&reader.text, json.len + 1);
    ok = take_message(&reader, fields) && reader.rest.len == 0;
    buf_done(&reader.text);
    return ok;
}

bool wire_of_traces(struct str json, struct buf *out)
{
    return take(json, out, traces_fields);
}

bool wire_of_metrics(struct str json, struct buf *out)
{
    return take(json, out, metrics_fields);
}
