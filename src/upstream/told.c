/* Reports the end of a call: in the metrics, and to its owner as an error or as the head of the answer. */
#include "base/clock.h"
#include "base/mem.h"
#include "observe/metrics.h"
#include "observe/span.h"
#include "upstream_internal.h"

static size_t result_label(const struct upstream_call *call)
{
    static const struct {
        enum error_code code;
        size_t label;
    } labels[] = {
        {ERR_UPSTREAM_TIMEOUT, RESULT_TIMEOUT}, {ERR_UPSTREAM_TOO_BIG, RESULT_TOO_BIG},
        {ERR_CANCELLED, RESULT_CANCELLED},      {ERR_UPSTREAM_CONNECT, RESULT_RESET},
        {ERR_UPSTREAM_RESET, RESULT_RESET},     {ERR_OUTCOME_UNKNOWN, RESULT_RESET},
    };

    if (call->end_code == ERR_OK && call->reply.status < 500) {
        return call->reply.status >= 400 ? RESULT_REFUSED : RESULT_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        if (labels[i].code == call->end_code) {
            return labels[i].label;
        }
    }
    return RESULT_ERROR;
}

void upstream_count_end(const struct upstream_call *call)
{
    size_t class = call->reply.status > 0 ? metric_class_of(call->reply.status) : CLASS_5XX;

    if (call->upstream->options.is_other) {
        return;
    }
    metric_add(M_UPSTREAM_CALLS, call->request.label, result_label(call), class, 1);
    if (call->tries > 0) {
        metric_observe_us(M_UPSTREAM_SECONDS, call->request.label, call->wire_us);
    }
    if (call->request.trace != NULL && spans_wanted(call->request.trace)) {
        call_span_write(call);
    }
}

/* All texts say "the platform". For a client of another server the words are replaced. */
static void speak_of_service(char *text)
{
    static const struct str platform = STR_INIT("the platform");
    static const struct str service = STR_INIT("the service");
    ptrdiff_t at;

    while ((at = str_find(str_from(text), platform)) >= 0) {
        char *place = text + at;
        char *behind = place + platform.len;

        mem_copy(place, service.ptr, service.len);
        memmove(place + service.len, behind, strlen(behind) + 1);
    }
}

void upstream_explain(struct upstream_call *call, enum error_code code, const char *why, bool late)
{
    const struct upstream_options *options = &call->upstream->options;
    struct error *err = &call->error;
    unsigned retry_after_s = call->reply.retry_after_s;

    if (code == ERR_UPSTREAM_CONNECT) {
        (void)error_set(err, code, "no connection to the platform: %s. Nothing was sent", why);
    } else if (code == ERR_UPSTREAM_TIMEOUT) {
        (void)error_set(
            err, code, "the platform gave no complete answer in time (%u ms per try). %s",
            call->request.timeout_ms > 0 ? call->request.timeout_ms : options->timeout_ms,
            call->may_have_left ? "The request had been sent" : "Nothing was sent");
    } else if (code == ERR_OUTCOME_UNKNOWN) {
        (void)error_set(err, code,
                        "the request was sent, but no answer came: %s. It may or may not have "
                        "been carried out; look before repeating it",
                        why);
    } else if (code == ERR_UPSTREAM_TOO_BIG) {
        (void)error_set(err, code, "the platform's answer is larger than the limit of %zu bytes",
                        call->request.max_reply_bytes > 0 ? call->request.max_reply_bytes
                                                          : options->max_reply_bytes);
    } else if (code == ERR_UPSTREAM_SHAPE) {
        (void)error_set(err, code, "the platform's answer is not readable HTTP: %s", why);
    } else if (code == ERR_OVERLOADED) { /* nothing was sent, for a cause on our side */
        (void)error_set(err, code, "%s", why);
        retry_after_s = 1;
    } else {
        (void)error_set(err, code, "the connection to the platform broke: %s", why);
    }
    if (options->is_other) {
        speak_of_service(err->text);
    }
    err->upstream_status = call->reply.status;
    err->retry_after_s = retry_after_s;
    err->late = late;
}

/* --- of the answer's head */
/* Unix time; -1: not a date. */
static int64_t read_date(struct str text)
{
    char date[64];

    if (text.len == 0 || text.len >= sizeof(date)) {
        return -1;
    }
    str_copy(date, sizeof(date), text);
    return (int64_t)curl_getdate(date, NULL);
}

/* Retry-After is seconds or a date (RFC 9110 section 10.2.3). A date is compared with the Date of the answer:
 * our own clock may be wrong. */
static unsigned retry_after_s(const struct http_answer *answer)
{
    struct str text = http_answer_header(answer, "Retry-After");
    int64_t seconds = 0;

    if (text.len > 0 && !str_to_i64(text, 0, UINT32_MAX, &seconds)) {
        int64_t then_s = read_date(text);
        int64_t now_s = read_date(http_answer_header(answer, "Date"));

        now_s = now_s >= 0 ? now_s : clock_wall_ms() / 1000;
        seconds = then_s >= 0 ? then_s - now_s : 0;
    }
    return seconds > 0 && seconds <= UINT32_MAX ? (unsigned)seconds : 0;
}

static struct str cache_control(const struct http_answer *answer)
{
    struct str found = STR_EMPTY;

    for (size_t i = 0; i < http_answer_n_headers(answer); i++) {
        struct http_answer_header header = http_answer_header_at(answer, i);

        if (str_is_nocase(header.name, "Cache-Control")) {
            found = found.len > 0 ? STR("no-store") : header.value;
        }
    }
    return found;
}

size_t upstream_headers(const struct http_answer *head, struct upstream_header *out)
{
    size_t n = http_answer_n_headers(head);

    for (size_t i = 0; i < n; i++) {
        struct http_answer_header header = http_answer_header_at(head, i);

        out[i] = (struct upstream_header){header.name, header.value};
    }
    return n;
}

void upstream_fill_reply(struct upstream_transfer *transfer)
{
    const struct http_answer *answer = transfer->answer;
    const char *wants = transfer->call->request.wants;
    struct upstream_reply *reply = &transfer->call->reply;

    reply->head = answer;
    reply->status = http_answer_status(answer);
    reply->body = transfer->streaming ? STR_EMPTY : buf_view(&transfer->body);
    reply->content_type = http_answer_header(answer, "Content-Type");
    reply->location = http_answer_header(answer, "Location");
    reply->etag = http_answer_header(answer, "ETag");
    reply->cache_control =
        transfer->call->request.class == CALL_READ ? cache_control(answer) : STR_EMPTY;
    reply->retry_after_s = retry_after_s(answer);
    if (transfer->upstream->options.is_other) {
        reply->date = http_answer_header(answer, "Date");
        reply->wanted = wants != NULL ? http_answer_header(answer, wants) : STR_EMPTY;
    }
}
