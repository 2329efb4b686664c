#include "observe/trace.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/random.h"

enum {
    PARENT_LEN = 55,
    REQUEST_ID_MAX = 128,
    STATE_MAX = 512,
    STATE_MEMBERS_MAX = 32,
    TRACE_DIGITS = 32,
    SPAN_DIGITS = 16
};

static void set_text(char *out, const char *digits, size_t n)
{
    mem_copy(out, digits, n);
    out[n] = '\0';
}

/* Clears no text: a first byte of 0 makes it empty. */
void trace_begin(struct trace *trace, uint64_t begin_us)
{
    char ids[TRACE_DIGITS + SPAN_DIGITS];

    random_hex(ids, sizeof(ids)); /* one call for all: each asks the pool */
    set_text(trace->trace_id, ids, TRACE_DIGITS);
    set_text(trace->span_id, ids + TRACE_DIGITS, SPAN_DIGITS);
    set_text(trace->request_id, ids, TRACE_DIGITS);
    trace->parent_span_id[0] = '\0';
    trace->sampled = true;
    trace->has_w3c_parent = false;
    trace->is_amazon = false;
    trace->state = STR_EMPTY;
    trace->begin_us = begin_us;
    memset(trace->stage_us, 0, sizeof(trace->stage_us));
}

static bool is_hex(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (str_hex_digit(s.ptr[i]) < 0 || char_lower(s.ptr[i]) != s.ptr[i]) {
            return false;
        }
    }
    return true;
}

static bool is_zero(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '0') {
            return false;
        }
    }
    return true;
}

/* 00-<32 hex>-<16 hex>-<2 hex>; versions above 00 may go on after another '-' (section 3.2.2 and
 * 4). */
static bool parse_parent(struct str header, struct trace *trace)
{
    struct str version = str_sub(header, 0, 2);
    struct str trace_id = str_sub(header, 3, 32);
    struct str span_id = str_sub(header, 36, 16);
    struct str flags = str_sub(header, 53, 2);

    if (header.len < PARENT_LEN || header.ptr[2] != '-' || header.ptr[35] != '-' ||
        header.ptr[52] != '-' || !is_hex(version) || !is_hex(trace_id) || !is_hex(span_id) ||
        !is_hex(flags) || str_is(version, "ff") || is_zero(trace_id) || is_zero(span_id)) {
        return false;
    }
    if (header.len > PARENT_LEN && (str_is(version, "00") || header.ptr[PARENT_LEN] != '-')) {
        return false;
    }
    trace->has_w3c_parent = true;
    str_copy(trace->trace_id, sizeof(trace->trace_id), trace_id);
    str_copy(trace->parent_span_id, sizeof(trace->parent_span_id), span_id);
    trace->sampled = (str_hex_digit(flags.ptr[1]) & 1) != 0;
    return true;
}

static bool is_request_id(struct str id)
{
    return id.len > 0 && id.len <= REQUEST_ID_MAX && str_is_of(id, "A-Za-z0-9._-");
}

void trace_adopt(struct trace *trace, struct str traceparent, struct str request_id)
{
    if (parse_parent(traceparent, trace)) {
        str_copy(trace->request_id, sizeof(trace->request_id), str_from(trace->trace_id));
    }
    if (is_request_id(request_id)) {
        str_copy(trace->request_id, sizeof(trace->request_id), request_id);
    }
}

/* ---- headers of clouds ---- */

enum { ROOT_LEN = 35, ROOT_TIME_DIGITS = 8 };

struct cloud_context {
    char trace_id[TRACE_DIGITS + 1];
    char span_id[SPAN_DIGITS + 1]; /* empty: none */
    bool sampled;
};

static bool is_id(struct str s, size_t n_digits)
{
    return s.len == n_digits && is_hex(s) && !is_zero(s);
}

/* 1-<8 hex>-<24 hex>: together they are the 32 digits of a trace. */
static bool read_root(struct str root, struct cloud_context *out)
{
    struct str time = str_sub(root, 2, ROOT_TIME_DIGITS);
    struct str rest = str_sub(root, 2 + ROOT_TIME_DIGITS + 1, root.len);

    if (root.len != ROOT_LEN || !str_starts(root, STR("1-")) ||
        root.ptr[2 + ROOT_TIME_DIGITS] != '-' || !is_hex(time) || !is_hex(rest)) {
        return false;
    }
    mem_copy(out->trace_id, time.ptr, time.len);
    mem_copy(out->trace_id + time.len, rest.ptr, rest.len);
    return !is_zero(str_from(out->trace_id));
}

static bool read_amazon(struct str header, struct cloud_context *out)
{
    bool has_root = false;
    struct str field;

    while (str_next(&header, ';', &field)) {
        struct str name;
        struct str value;

        (void)str_cut(str_trim(field), '=', &name, &value);
        if (str_is_nocase(name, "Root")) {
            has_root = read_root(value, out);
        } else if (str_is_nocase(name, "Parent") && is_id(value, SPAN_DIGITS)) {
            str_copy(out->span_id, sizeof(out->span_id), value);
        } else if (str_is_nocase(name, "Sampled")) {
            out->sampled = !str_is(value, "0");
        }
    }
    return has_root;
}

/* Decimal, up to 2^64-1, as 16 hexadecimal digits. */
static bool read_decimal_span(struct str text, char out[SPAN_DIGITS + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t value = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint64_t digit = (uint64_t)(text.ptr[i] - '0');

        if (text.ptr[i] < '0' || text.ptr[i] > '9' || value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    for (size_t i = SPAN_DIGITS; i > 0; i--) {
        out[i - 1] = digits[value & 15U];
        value >>= 4;
    }
    out[SPAN_DIGITS] = '\0';
    return !is_zero(str_from(out));
}

static bool read_google(struct str header, struct cloud_context *out)
{
    struct str context;
    struct str options;
    struct str trace_id;
    struct str span;

    (void)str_cut(header, ';', &context, &options);
    (void)str_cut(context, '/', &trace_id, &span);
    if (!is_id(trace_id, TRACE_DIGITS)) {
        return false;
    }
    str_copy(out->trace_id, sizeof(out->trace_id), trace_id);
    if (!read_decimal_span(span, out->span_id)) {
        out->span_id[0] = '\0';
    }
    out->sampled = !str_is(str_trim(options), "o=0");
    return true;
}

void trace_adopt_cloud(struct trace *trace, struct str amazon, struct str google)
{
    struct cloud_context context = {.sampled = true};
    bool is_own_id;

    if (trace->has_w3c_parent || (amazon.len == 0 && google.len == 0)) {
        return;
    }
    is_own_id = str_is(str_from(trace->trace_id), trace->request_id);
    trace->is_amazon = read_amazon(amazon, &context);
    if (!trace->is_amazon) {
        context = (struct cloud_context){.sampled = true};
        if (!read_google(google, &context)) {
            return;
        }
    }
    str_copy(trace->trace_id, sizeof(trace->trace_id), str_from(context.trace_id));
    str_copy(trace->parent_span_id, sizeof(trace->parent_span_id), str_from(context.span_id));
    trace->sampled = context.sampled;
    if (is_own_id) {
        str_copy(trace->request_id, sizeof(trace->request_id), str_from(trace->trace_id));
    }
}

/* ---- tracestate ---- */

static bool is_state(struct str state)
{
    unsigned n_members = 1;

    for (size_t i = 0; i < state.len; i++) {
        char c = state.ptr[i];

        if ((c < ' ' && c != '\t') || c > '~') {
            return false;
        }
        n_members += c == ',' ? 1 : 0;
    }
    return state.len > 0 && state.len <= STATE_MAX && n_members <= STATE_MEMBERS_MAX;
}

void trace_adopt_state(struct trace *trace, struct str tracestate)
{
    if (trace->has_w3c_parent && is_state(tracestate)) {
        trace->state = tracestate;
    }
}

void trace_child(const struct trace *trace, char out[56])
{
    mem_copy(out, "00-", 3);
    mem_copy(out + 3, trace->trace_id, 32);
    out[35] = '-';
    random_hex(out + 36, 16);
    mem_copy(out + 52, trace->sampled ? "-01" : "-00", 3);
    out[55] = '\0';
}

void trace_add(struct trace *trace, enum trace_stage stage, uint64_t microseconds)
{
    trace->stage_us[stage] += microseconds;
}

const char *trace_stage_name(enum trace_stage stage)
{
    static const char *const names[] = {"head",     "body", "queue", "cache",
                                        "upstream", "work", "write"};

    CHECK((size_t)stage < ARRAY_LEN(names));
    return names[stage];
}
