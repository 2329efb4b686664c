/* What operators see of calls: counts, and the span of a call (OpenTelemetry's conventions for HTTP
 * clients) with that of its wait for admission. */
#include "observe/span.h"

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "observe/metrics.h"
#include "upstream_internal.h"

enum {
    NAME_MAX_BYTES = 96,
    URL_ROOM = 512,
    URL_LONGEST = 16 * 1024,
    SPAN_AT = 36,
    SPAN_DIGITS = 16,
    WAIT_TOLD_US = 1000
};

void count_one(const struct upstream *upstream, enum metric metric)
{
    if (!upstream->options.is_other) {
        metric_add(metric, 0, 0, 0, 1);
    }
}

void count_change(const struct upstream *upstream, enum metric gauge, int change)
{
    if (!upstream->options.is_other) {
        metric_gauge_add(gauge, change);
    }
}

static void write_wait(const struct upstream_call *call, struct str id)
{
    const struct span span = {
        .trace = call->request.trace,
        .parent = id,
        .kind = SPAN_INTERNAL,
        .name = STR("queue wait"),
        .begin_us = call->begin_us,
        .end_us = call->begin_us + call->wait_us,
    };

    span_write(&span);
}

static const char *failure_of(const struct upstream_call *call)
{
    if (call->end_code != ERR_OK) {
        return error_slug(call->end_code);
    }
    return call->reply.status >= 400 ? "the platform refused" : NULL;
}

/* Without its query, which may hold secrets. */
static void write_url(const struct upstream_call *call, struct buf *out)
{
    const struct upstream *upstream = call->upstream;

    buf_text(out, upstream->tls ? "https://" : "http://");
    buf_str(out, upstream->host);
    buf_char(out, ':');
    buf_int(out, upstream->port);
    buf_str(out, upstream->base_path);
    buf_str(out, call->request.path);
}

void call_span_write(const struct upstream_call *call)
{
    const struct upstream_request *request = &call->request;
    const struct upstream *upstream = call->upstream;
    struct str id = str_sub(request->traceparent, SPAN_AT, SPAN_DIGITS);
    const char *failure = failure_of(call);
    UNINITIALISED char text[NAME_MAX_BYTES];
    UNINITIALISED char url_text[URL_ROOM];
    struct buf name;
    struct buf url;

    buf_init_on(&url, url_text, sizeof(url_text), URL_LONGEST);
    write_url(call, &url);
    buf_init_on(&name, text, sizeof(text), sizeof(text) - 1);
    buf_str(&name, request->method);
    buf_char(&name, ' ');
    buf_text(&name, metric_label_value(LABEL_CALL, request->label));

    const struct span_attribute attributes[] = {
        SPAN_TEXT("http.request.method", request->method),
        SPAN_TEXT("server.address", upstream->host),
        SPAN_NUMBER("server.port", upstream->port),
        SPAN_TEXT("url.full", buf_view(&url)),
        SPAN_NUMBER("http.response.status_code", call->reply.status > 0 ? call->reply.status : -1),
        SPAN_NUMBER("http.request.resend_count", call->tries > 1 ? (int64_t)call->tries - 1 : -1),
        SPAN_TEXT("error.type", str_from(failure)),
    };
    const struct span span = {
        .trace = request->trace,
        .id = id,
        .parent =
            request->parent_span.len > 0 ? request->parent_span : str_from(request->trace->span_id),
        .kind = SPAN_CLIENT,
        .name = buf_view(&name),
        .begin_us = call->begin_us,
        .end_us = clock_now_us(),
        .failure = failure,
        .attributes = attributes,
        .n_attributes = ARRAY_LEN(attributes),
    };

    span_write(&span);
    if (call->wait_us >= WAIT_TOLD_US) {
        write_wait(call, id);
    }
    buf_done(&name);
    buf_done(&url);
}
