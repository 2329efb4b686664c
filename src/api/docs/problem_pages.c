/* GET /problems/{code}: what a problem's `type` leads to. A row per code of base/error.h (a test
 * holds the two together): the cause in words, what to do, an example. */
#include "api/docs/handlers.h"
#include "api/gate/page.h"
#include "base/json_form.h"
#include "base/markup.h"
#include "http/problem.h"

struct problem_page {
    enum error_code code;
    const char *cause;
    const char *fix;
    const char *example; /* "" none */
};

/* clang-format off */
static const struct problem_page pages[] = {
    {ERR_BAD_REQUEST, "The request is not well-formed HTTP/1.1, or it could be read in two ways.", "Send the request with an ordinary HTTP client; percent-encode the path.", "A header with a bare CR, two Host headers, a path with /../"},
    {ERR_BAD_JSON, "The body is not valid JSON (RFC 8259).", "Fix the body at the line and column that the error names.", "{\"command\": 'x'}: texts need double quotes"},
    {ERR_BAD_YAML, "The file is not valid YAML, or uses a part of YAML that is not supported.", "Look at the line, the column and the hint.", "A tab in the indentation"},
    {ERR_INVALID, "A value has the wrong type or is out of its range, or something is missing.", "errors[].pointer names each place; fix each one and send the request again.", "{\"position\": -1}"},
    {ERR_UNKNOWN_MEMBER, "The body has a member that this route does not know; it is refused, not ignored.", "Use the name that the error proposes.", "{\"comand\": \"...\"} instead of command"},
    {ERR_UNKNOWN_PARAMETER, "The query has a parameter that this route does not know. The request is refused, so that a mistyped dry_run is not carried out.", "Use the name that the error proposes; /openapi.json lists the parameters of each route.", "?dryrun=true instead of ?dry_run=true"},
    {ERR_UNKNOWN_COMMAND, "There is no command with this name.", "Use the proposed name, or look at GET /api/v1/commands.", "step-interact clik"},
    {ERR_CHECKPOINT_REQUIRED, "A step needs a checkpoint, and neither the request nor a session names one.", "Give checkpoint_id, or session_id of a session that has one.", "{\"command\": \"step-interact click\", \"args\": [\"x\"], \"checkpoint_id\": \"1680930\"}"},
    {ERR_UNAUTHORIZED, "The credential is missing, unknown, expired or wrong; the detail says what is wrong with a token.", "Send Authorization: Bearer KEY (or TOKEN), or X-API-Key: KEY.", "curl -H 'X-API-Key: KEY' ..."},
    {ERR_FORBIDDEN, "The credential lacks the permission that this needs.", "Ask for a key with the permission that the error names.", "POST /api/projects with a key that may only read"},
    {ERR_NOT_FOUND, "There is no route at this path, or the resource does not exist.", "GET /api/v1/routes lists every path.", "GET /api/project instead of /api/projects"},
    {ERR_SESSION_NOT_FOUND, "You have no session with this id.", "Make one with POST /api/v1/sessions.", "The id of a session that another API key created"},
    {ERR_SESSION_ELSEWHERE, "The session was made by processes that share another store, in another region perhaps, and this store has no copy of it.", "Ask the region where it was made, or make a new one with POST /api/v1/sessions.", "The id of a session of another region, after a failover"},
    {ERR_SESSION_EVICTED, "sessions.max_active was reached, and this session was the least recently used one.", "Make a new one; raise sessions.max_active if it happens often.", ""},
    {ERR_SESSION_EXPIRED, "The session was idle for longer than its timeout, or too old.", "Make a new one, with a longer timeout if it is used rarely.", "{\"timeout\": 14400}"},
    {ERR_METHOD_NOT_ALLOWED, "The path exists, but not for this method.", "Use a method of the Allow header.", "GET /api/v1/commands/execute"},
    {ERR_NOT_ACCEPTABLE, "Accept-Encoding forbids every coding in which the document can be sent.", "Accept gzip, or an answer without a coding (identity).", "Accept-Encoding: identity;q=0"},
    {ERR_REQUEST_TIMEOUT, "The request did not arrive in time.", "Send it again without long pauses; http.head_timeout_ms and http.body_timeout_ms are the limits.", ""},
    {ERR_IDEMPOTENCY_IN_FLIGHT, "A request with this Idempotency-Key is being worked on.", "Wait as long as Retry-After says and ask again; the first reply will be replayed.", ""},
    {ERR_CONFLICT, "The resource is in a state that does not allow this.", "Read the resource again, then decide.", ""},
    {ERR_LENGTH_REQUIRED, "The request has a body to send but does not say how long it is.", "Send Content-Length or Transfer-Encoding: chunked.", ""},
    {ERR_TOO_BIG, "The body is longer than this route takes.", "Split it; http.max_body, http.max_command_body and http.max_test_file_body are the limits.", ""},
    {ERR_URI_TOO_LONG, "The request line is longer than http.max_request_line.", "Put long values into the body.", ""},
    {ERR_MEDIA_TYPE, "The Content-Type is not what this route takes.", "Send Content-Type: application/json (test files also application/yaml).", "curl -d sends application/x-www-form-urlencoded unless told otherwise"},
    {ERR_EXPECTATION, "The only expectation that can be met is 100-continue.", "Leave the Expect header out.", ""},
    {ERR_UNSUPPORTED_COMMAND, "The platform has no step for this.", "The error says what to do instead.", "step-navigate back"},
    {ERR_IDEMPOTENCY_MISMATCH, "The Idempotency-Key was used with another body.", "Take a new key for a new request.", ""},
    {ERR_UNPROCESSABLE, "The content is well-formed but cannot be executed.", "errors[] says what and where.", ""},
    {ERR_RATE_LIMITED, "Too many requests, here or at the platform.", "Wait as long as Retry-After says.", ""},
    {ERR_HEADERS_TOO_BIG, "The header fields are too long or too many (http.max_header_bytes, http.max_headers).", "Send fewer headers.", ""},
    {ERR_CANCELLED, "The client closed the connection before its answer was ready.", "The access line's report says what had been done.", ""},
    {ERR_INTERNAL, "A bug in this program.", "Report the bug with the request_id.", ""},
    {ERR_METHOD_UNKNOWN, "The method or transfer coding is not known here.", "Use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS; chunked is the only transfer coding.", ""},
    {ERR_OVERLOADED, "A queue is full: upstream.max_waiting, sessions.max_queue or another ceiling.", "Wait as long as Retry-After says; send fewer requests at once.", ""},
    {ERR_DRAINING, "The server is shutting down.", "Send the request again; another instance will take it.", ""},
    {ERR_KEY_SET_MISSING, "The key set that tokens are checked with (auth.jwt.jwks) could not be read since the start.", "Wait for Retry-After. An operator looks for auth.key_set_failed in the log.", ""},
    {ERR_STORE_AWAY, "The store that the processes of this service share does not answer, is full or refuses to write.", "Wait for Retry-After and send the request again. An operator looks at the store.", ""},
    {ERR_STORE_UNREADABLE, "A document in the shared store was written by a newer version of the program, or by another program. It was left as it is.", "An operator finishes the update of all processes, or gives this service a prefix of its own in the store.", ""},
    {ERR_LOOP, "The request has passed through more than three proxies of this kind (Via): one of them has itself, or one before it, as its platform.", "Set upstream.base_url of each to the next one up, and of the last to the platform.", ""},
    {ERR_HTTP_VERSION, "Only HTTP/1.1 and HTTP/1.0 are supported.", "Use HTTP/1.1.", ""},
    {ERR_UPSTREAM_REFUSED, "The platform refused the call; its status is passed on.", "The detail quotes what it said.", "404: the checkpoint does not exist"},
    {ERR_UPSTREAM_AUTH, "The platform refused the token that this proxy holds.", "An operator must set a valid upstream.token.", ""},
    {ERR_UPSTREAM_CONNECT, "No connection to the platform.", "Check upstream.base_url and the network; nothing was sent.", ""},
    {ERR_UPSTREAM_AWAY, "The platform is away: calls to it failed again and again, so nothing is sent but a probe a second. GET /health says since when and why.", "Wait for Retry-After and send the request again; it did nothing. Commands go through within a second of the platform's return.", ""},
    {ERR_UPSTREAM_RESET, "The platform broke the connection.", "Try again; nothing was changed.", ""},
    {ERR_UPSTREAM_ERROR, "The platform failed (5xx).", "Try again later.", ""},
    {ERR_UPSTREAM_SHAPE, "The platform's answer cannot be used: it is not JSON, or it has no id.", "Look at the platform to see what exists before sending again.", "A login page in HTML instead of JSON"},
    {ERR_UPSTREAM_TOO_BIG, "The platform's answer is longer than upstream.max_reply_bytes.", "Ask for less, or raise the limit.", ""},
    {ERR_UPSTREAM_TIMEOUT, "The platform, or the whole request, took too long.", "What was sent may have taken effect: look at the platform before sending again.", ""},
    {ERR_OUTCOME_UNKNOWN, "A call was sent, and its answer was lost or did not come in time (504). It may have taken effect.", "Look at the platform first; the proxy never repeats such a call by itself.", ""},
    {ERR_CONFIG, "The configuration is wrong.", "virtuoso-proxy check -c FILE lists every error.", ""},
    {ERR_IO, "A file or an address cannot be used.", "The detail names it.", ""},
    {ERR_TLS, "A certificate or key cannot be used.", "The detail names the file.", ""},
};

/* clang-format on */

static void put_part(struct buf *out, const char *title, const char *text)
{
    if (text[0] != '\0') {
        buf_printf(out, "<h2>%s</h2><p>", title);
        markup_text(out, str_from(text));
        buf_text(out, "</p>\n");
    }
}

/* A body is shown as code; other examples are words. */
static void put_example(struct buf *out, const char *text)
{
    struct str example = str_from(text);

    if (!str_starts(example, STR("{")) || !str_ends(example, STR("}"))) {
        put_part(out, "Example", text);
        return;
    }
    buf_text(out, "<h2>Example</h2><pre>");
    markup_text(out, example);
    buf_text(out, "</pre>\n");
}

static enum stage_verdict problem_page(struct task *task, const struct problem_page *page)
{
    const struct problem_row *row = problem_row(page->code);
    struct buf text;

    page_begin(task, &text, row->title);
    buf_printf(&text, "<p><span class=\"status\">%d</span> <code>%s</code>%s</p>\n", row->status,
               error_slug(page->code),
               row->retryable ? " <span class=\"dim\">worth another try</span>" : "");
    put_part(&text, "Cause", page->cause);
    put_part(&text, "What to do", page->fix);
    put_example(&text, page->example);
    buf_text(&text, "<p>");
    page_anchor(task, &text, "/problems", "All error codes");
    buf_text(&text, "</p>");
    return page_end(task, &text);
}

static enum stage_verdict problems_page(struct task *task)
{
    struct buf text;

    page_begin(task, &text, "Error codes");
    buf_text(&text,
             "<p>Every error is a problem document (RFC 9457). Its <code>code</code> is one of "
             "these.</p><ul class=\"rows\">\n");
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        const char *slug = error_slug(pages[i].code);

        buf_printf(&text, "<li><span class=\"status\">%d</span> ",
                   problem_row(pages[i].code)->status);
        page_anchor(task, &text, arena_printf(task->arena, "/problems/%s", slug).ptr, slug);
        buf_text(&text, "<p>");
        markup_text(&text, str_from(pages[i].cause));
        buf_text(&text, "</p></li>\n");
    }
    buf_text(&text, "</ul>");
    return page_end(task, &text);
}

static void write_page(struct json_writer *w, const struct problem_page *page)
{
    const struct problem_row *row = problem_row(page->code);

    jw_form(w, "{code:%s, title:%s, status:%i, retryable:%b, cause:%s, fix:%s, example:%s}",
            error_slug(page->code), row->title, row->status, row->retryable, page->cause, page->fix,
            page->example);
}

enum stage_verdict handle_problem(struct task *task)
{
    enum error_code code = error_of_slug(task_param(task, "code"));

    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (pages[i].code == code && page_is_wanted(task)) {
            return problem_page(task, &pages[i]);
        }
        if (pages[i].code == code) {
            write_page(task_writer(task), &pages[i]);
            return task_written(task, 200);
        }
    }
    return task_refuse(task, ERR_NOT_FOUND, "There is no such error code; GET /problems lists all");
}

enum stage_verdict handle_problems(struct task *task)
{
    struct json_writer *w;

    if (page_is_wanted(task)) {
        return problems_page(task);
    }
    w = task_writer(task);
    jw_shape(w, "{problems:[");
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        write_page(w, &pages[i]);
    }
    jw_shape(w, "]}");
    return task_written(task, 200);
}
