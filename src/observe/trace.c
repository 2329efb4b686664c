#include "observe/trace.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/random.h"

enum { PARENT_LEN = 55, REQUEST_ID_MAX = 128, STATE_MAX = 512, STATE_MEMBERS_MAX = 32 };

void trace_begin(struct trace *trace, uint64_t begin_us)
{
    *trace = (struct trace){.begin_us = begin_us, .sampled = true};
    random_hex(trace->trace_id, 32);
    random_hex(trace->span_id, 16);
    mem_copy(trace->request_id, trace->trace_id, 32);
}

static bool is_hex(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
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
    str_copy(trace->trace_id, sizeof(trace->trace_id), trace_id);
    str_copy(trace->parent_span_id, sizeof(trace->parent_span_id), span_id);
    trace->sampled =
        ((flags.ptr[1] >= 'a' ? flags.ptr[1] - 'a' + 10 : flags.ptr[1] - '0') & 1) != 0;
    return true;
}

static bool is_request_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!alnum && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return id.len > 0 && id.len <= REQUEST_ID_MAX;
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
    if (trace->parent_span_id[0] != '\0' && is_state(tracestate)) {
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
