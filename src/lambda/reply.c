#include "reply.h"

#include "base/base64.h"
#include "base/check.h"
#include "base/json_form.h"
#include "base/utf8.h"
#include "http/problem.h"

enum { LINES_MAX = 64 * 1024, JOINED_MAX = 64 * 1024, NAME_MAX_BYTES = 256, ZEROS = 8 };

/* ---- answers ---- */

void answer_init(struct answer *answer)
{
    *answer = (struct answer){.status = 0};
    buf_init(&answer->lines, LINES_MAX);
    buf_init(&answer->body, REPLY_MAX);
    buf_init(&answer->principal, NAME_MAX_BYTES);
}

void answer_clear(struct answer *answer)
{
    answer_done(answer);
    answer_init(answer);
}

void answer_done(struct answer *answer)
{
    buf_done(&answer->lines);
    buf_done(&answer->body);
    buf_done(&answer->principal);
}

void answer_problem(struct answer *answer, const struct event_request *request,
                    const struct error *err)
{
    struct exchange exchange = {.base = request->base};

    answer_clear(answer);
    answer->body.max = PROBLEM_MAX;
    answer->status = problem_write(&answer->body, &exchange, err, NULL);
    buf_text(&answer->lines,
             "Content-Type: application/problem+json\r\nCache-Control: no-store\r\n");
}

/* ---- fields ---- */

struct field {
    struct str name, value;
};

static bool next_field(struct str *lines, struct field *out)
{
    struct str line;

    while (str_cut(*lines, '\n', &line, lines)) {
        if (str_cut(line, ':', &out->name, &out->value)) {
            out->value = str_trim(out->value);
            return true;
        }
    }
    return false;
}

static struct str value_of(struct str lines, const char *name)
{
    struct field field;

    while (next_field(&lines, &field)) {
        if (str_is_nocase(field.name, name)) {
            return field.value;
        }
    }
    return STR_EMPTY;
}

static size_t count(struct str lines, struct str name)
{
    struct field field;
    size_t n = 0;

    while (next_field(&lines, &field)) {
        n += str_eq_nocase(field.name, name) ? 1 : 0;
    }
    return n;
}

/* Is this the first line with its name? A map holds each name once. */
static bool is_first(struct str lines, const struct field *field)
{
    struct field other;

    while (next_field(&lines, &other)) {
        if (str_eq_nocase(other.name, field->name)) {
            return other.value.ptr == field->value.ptr;
        }
    }
    return false;
}

bool answer_is_event_stream(const struct answer *answer)
{
    return str_starts_nocase(value_of(buf_view(&answer->lines), "Content-Type"),
                             STR("text/event-stream"));
}

static void write_joined(struct json_writer *w, struct str lines, struct str name)
{
    struct field field;
    struct buf all;

    buf_init(&all, JOINED_MAX);
    while (next_field(&lines, &field)) {
        if (str_eq_nocase(field.name, name)) {
            buf_text(&all, all.len > 0 ? ", " : "");
            buf_str(&all, field.value);
        }
    }
    jw_key_str(w, name);
    jw_str(w, buf_view(&all));
    buf_done(&all);
}

static void write_list(struct json_writer *w, struct str lines, struct str name)
{
    struct field field;

    jw_array(w);
    while (next_field(&lines, &field)) {
        if (str_eq_nocase(field.name, name)) {
            jw_str(w, field.value);
        }
    }
    jw_end(w);
}

enum names { ALL_JOINED, ALL_BUT_COOKIES, SINGLE, REPEATED, ALL_LISTED };

static bool is_asked_for(enum names names, struct str lines, struct str name)
{
    switch (names) {
    case ALL_JOINED:
    case ALL_LISTED:
        return true;
    case ALL_BUT_COOKIES:
        return !str_is_nocase(name, "Set-Cookie");
    case SINGLE:
        return count(lines, name) == 1;
    case REPEATED:
        return count(lines, name) > 1;
    }
    return false;
}

static void write_map(struct json_writer *w, const char *key, struct str lines, enum names names)
{
    /* The product before us sets these fields for its own connection to the client. */
    static const char *const dropped[] = {"Connection", "Transfer-Encoding", "Keep-Alive", "TE",
                                          "Upgrade",    "Content-Length",    "Trailer",    "Date"};
    struct str rest = lines;
    struct field field;

    jw_key(w, key);
    jw_object(w);
    while (next_field(&rest, &field)) {
        if (str_in_nocase(field.name, dropped, ARRAY_LEN(dropped)) || !is_first(lines, &field) ||
            !is_asked_for(names, lines, field.name)) {
            continue;
        }
        if (names == REPEATED || names == ALL_LISTED) {
            jw_key_str(w, field.name);
            write_list(w, lines, field.name);
        } else {
            write_joined(w, lines, field.name);
        }
    }
    jw_end(w);
}

static void write_fields(struct json_writer *w, const struct event_request *request,
                         struct str lines)
{
    switch (request->source->reply) {
    case REPLY_JOINED:
        write_map(w, "headers", lines, ALL_BUT_COOKIES);
        jw_key(w, "cookies");
        write_list(w, lines, STR("Set-Cookie"));
        break;
    case REPLY_MULTI:
        write_map(w, "headers", lines, SINGLE);
        write_map(w, "multiValueHeaders", lines, REPEATED);
        break;
    case REPLY_ALB:
        write_map(w, request->multi ? "multiValueHeaders" : "headers", lines,
                  request->multi ? ALL_LISTED : ALL_JOINED);
        break;
    case REPLY_VERDICT_SIMPLE:
    case REPLY_VERDICT_POLICY:
    case REPLY_DIRECT:
    case REPLY_PONG:
    case REPLY_RECALL:
        break;
    }
}

/* ---- whole answers ---- */

static void write_answer(struct buf *out, const struct event_request *request,
                         const struct answer *answer)
{
    struct str body = buf_view(&answer->body);
    struct str lines = buf_view(&answer->lines);
    bool is_binary = value_of(lines, "Content-Encoding").len > 0 || !utf8_valid(body);
    struct json_writer w;
    struct buf text;

    jw_init(&w, out);
    jw_form(&w, "{statusCode:%i", answer->status);
    write_fields(&w, request, lines);
    if (is_binary) {
        buf_init(&text, (size_t)2 * REPLY_MAX);
        base64_encode(&text, body);
        jw_kv_str(&w, "body", buf_view(&text));
        buf_done(&text);
    } else {
        jw_kv_str(&w, "body", body);
    }
    jw_form(&w, "isBase64Encoded:%b}", is_binary);
}

/* ---- verdicts of an authorizer ---- */

static bool succeeded(const struct answer *answer)
{
    return answer->status >= 200 && answer->status < 300;
}

/* A caller without a permission (403) is known, too: the function behind the authorizer decides what it may do. */
static bool is_known(const struct answer *answer)
{
    return answer->status == 403 || succeeded(answer);
}

const char *answer_failure(const struct answer *answer, const struct event_request *request,
                           const char **out_type)
{
    switch (request->source->reply) {
    case REPLY_JOINED:
    case REPLY_MULTI:
    case REPLY_ALB:
    case REPLY_DIRECT:
    case REPLY_PONG:
        break;
    case REPLY_VERDICT_SIMPLE:
    case REPLY_VERDICT_POLICY:
        *out_type = "Function.NotDecided";
        return is_known(answer) || answer->status == 401
                   ? NULL
                   : "It could not be found out who calls; ask again";
    case REPLY_RECALL:
        *out_type = "Function.NotContinued";
        /* Lambda repeats a failed invocation for which no caller waits. */
        return answer->status >= 500 || answer->status == 429
                   ? "The test run could not be continued now"
                   : NULL;
    }
    return NULL;
}

/* The resource is "arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH" with "*" for METHOD/PATH: the gateway
 * keeps the policy for the credential, and applies it to other requests, too. */
static void write_policy(struct json_writer *w, struct str arn, struct str principal, bool is_known)
{
    size_t n_slashes = 0;
    struct buf resource;
    size_t at = 0;

    while (at < arn.len && n_slashes < 2) {
        n_slashes += arn.ptr[at++] == '/' ? 1 : 0;
    }
    buf_init(&resource, JOINED_MAX);
    buf_str(&resource, str_sub(arn, 0, at));
    buf_char(&resource, '*');
    jw_form(w,
            "{principalId:%s, policyDocument:{Version:'2012-10-17', Statement:"
            "[{Action:'execute-api:Invoke', Effect:%s, Resource:%s}]}",
            is_known && principal.len > 0 ? principal : STR("unknown"), is_known ? "Allow" : "Deny",
            buf_view(&resource));
    buf_done(&resource);
}

static void write_verdict(struct buf *out, const struct event_request *request,
                          const struct answer *answer, bool policy)
{
    struct str principal = buf_view(&answer->principal);
    bool known = is_known(answer);
    struct json_writer w;

    jw_init(&w, out);
    if (policy) {
        write_policy(&w, request->arn, principal, known);
    } else {
        jw_form(&w, "{isAuthorized:%b", known);
    }
    if (known) {
        jw_form(&w, "context:{principal:%s}}", principal);
    } else {
        jw_shape(&w, "context:{}}");
    }
}

/* ---- direct invocations ---- */

/* Success: the body alone. Error: the problem document, with retry_after and with statusCode, which marks errors. */
static void write_direct(struct buf *out, const struct answer *answer)
{
    struct str lines = buf_view(&answer->lines);
    struct str after = value_of(lines, "Retry-After");
    struct str body = buf_view(&answer->body);
    struct json_writer w;

    if (succeeded(answer)) {
        buf_str(out, body.len > 0 ? body : STR("null"));
        return;
    }
    jw_init(&w, out);
    jw_form(&w, "{statusCode:%i, retry_after?:%j", answer->status, after);
    if (!str_starts(body, STR("{\""))) {
        jw_end(&w);
        return;
    }
    buf_char(out, ','); /* the other members of the document, and its end */
    buf_str(out, str_sub(body, 1, body.len));
}

/* ---- all of them ---- */

static void write_any(struct buf *out, const struct event_request *request,
                      const struct answer *answer, bool policy)
{
    switch (request->source->reply) {
    case REPLY_JOINED:
    case REPLY_MULTI:
    case REPLY_ALB:
        write_answer(out, request, answer);
        break;
    case REPLY_VERDICT_SIMPLE:
        write_verdict(out, request, answer, policy);
        break;
    case REPLY_VERDICT_POLICY:
        write_verdict(out, request, answer, true);
        break;
    case REPLY_DIRECT:
        write_direct(out, answer);
        break;
    case REPLY_PONG:
    case REPLY_RECALL:
        buf_text(out, "{\"ok\":true}");
        break;
    }
}

void reply_write(struct buf *out, const struct event_request *request, struct answer *answer,
                 bool policy)
{
    size_t most = request->source->max_reply > 0 ? request->source->max_reply : REPLY_MAX;
    struct error err = {0};

    write_any(out, request, answer, policy);
    if (buf_ok(out) && out->len <= most && !answer->too_long) {
        return;
    }
    (void)error_set(
        &err, ERR_TOO_BIG,
        "The answer is longer than the %zu bytes that come through the %s; ask for less "
        "at once",
        most, request->source->name);
    answer_problem(answer, request, &err);
    buf_clear(out);
    write_any(out, request, answer, policy);
}

void reply_write_prelude(struct buf *out, const struct event_request *request,
                         const struct http_local_head *head)
{
    static const char zeros[ZEROS];
    struct json_writer w;

    jw_init(&w, out);
    jw_form(&w, "{statusCode:%i", head->status);
    write_fields(&w, request, head->lines);
    jw_end(&w);
    buf_append(out, zeros, sizeof(zeros));
}

void reply_write_error(struct buf *out, const char *type, struct str message)
{
    struct json_writer w;

    jw_init(&w, out);
    jw_form(&w, "{errorMessage:%s, errorType:%s, stackTrace:[]}", message, type);
}
