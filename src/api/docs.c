/* GET /docs: Swagger UI from the binary alone (third_party/swagger.cmake embeds it, compressed), or
 * a plain page where it was not to be had at build time. No request leaves for another host: the
 * policy below forbids it. */
#include "api_internal.h"

enum { PAGE_MAX = 256 * 1024 };

static const char html_type[] = "text/html; charset=utf-8";

static void set_policy(struct task *task)
{
    exchange_set_header(
        task->exchange, "Content-Security-Policy",
        STR("default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"));
}

static enum stage_verdict reply_page(struct task *task, struct buf *text)
{
    struct str copy = arena_str(task->arena, buf_view(text));

    buf_done(text);
    set_policy(task);
    return task_reply(task, 200, html_type, copy);
}

/* The Host header is the caller's text: nothing in it may become markup. */
static void put_line(struct buf *text, const char *before, struct str host, const char *after)
{
    buf_text(text, before);
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] != '<' && host.ptr[i] != '>' && host.ptr[i] != '&') {
            buf_char(text, host.ptr[i]);
        }
    }
    buf_text(text, after);
    buf_char(text, '\n');
}

enum stage_verdict reply_start_page(struct task *task)
{
    struct str host = exchange_header(task->exchange, "Host");
    struct buf text;

    buf_init(&text, PAGE_MAX);
    buf_text(
        &text,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>virtuoso-proxy</title>"
        "<h1>virtuoso-proxy " VP_VERSION
        "</h1><p>A simple HTTP API in front of the Virtuoso QA test platform.</p>"
        "<ul><li><a href=\"/docs\">The API, to look at and try</a></li><li><a href=\"/openapi.json\">OpenAPI 3.1</a></li>"
        "<li><a href=\"/api/v1/commands\">The commands</a></li><li><a href=\"/health\">Health</a></li>"
        "<li><a href=\"/metrics\">Metrics</a></li><li><a href=\"/problems\">Error codes</a></li></ul><pre>");
    put_line(&text, "curl -s http://", host, "/health");
    put_line(&text, "curl -s http://", host, "/api/v1/commands/step-interact/click/help");
    put_line(&text,
             "curl -s -H 'Content-Type: application/json' -d '{\"name\": \"My project\"}' http://",
             host, "/api/projects");
    buf_text(&text, "</pre></html>");
    return reply_page(task, &text);
}

/* Rows of the route table, grouped as they stand there. */
static void write_plain_page(struct buf *text)
{
    size_t n;
    const struct route *routes = route_table(&n);

    buf_text(
        text,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>virtuoso-proxy API</title><h1>virtuoso-proxy API</h1>"
        "<p>Machine-readable: <a href=\"/openapi.json\">/openapi.json</a>.</p><table>");
    for (size_t i = 0; i < n; i++) {
        buf_printf(text, "<tr><td>%s</td><td><code>%s</code></td><td>%s</td></tr>",
                   routes[i].method, routes[i].pattern, routes[i].summary);
    }
    buf_text(text, "</table></html>");
}

#ifdef VP_HAS_DOCS

extern const char docs_bundle_start[], docs_bundle_end[], docs_style_start[], docs_style_end[];

static const char docs_html[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>virtuoso-proxy API</title>"
    "<link rel=\"stylesheet\" href=\"/docs/style.css\"></head><body><div id=\"swagger-ui\">"
    "<noscript>This page needs scripts; <a href=\"/docs/plain\">the plain page</a> does not.</noscript></div>"
    "<script src=\"/docs/bundle.js\"></script><script src=\"/docs/start.js\"></script></body></html>";

static const char start_js[] =
    "window.ui = SwaggerUIBundle({url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, "
    "validatorUrl: null, docExpansion: 'list', defaultModelsExpandDepth: -1});\n";

static enum stage_verdict reply_packed(struct task *task, const char *type, struct str packed)
{
    if (!str_contains(exchange_header_lines(task->exchange, "Accept-Encoding"), STR("gzip"))) {
        (void)error_set(&task->error, ERR_NOT_ACCEPTABLE,
                        "This file is kept compressed only; accept gzip");
        return task_fail(task);
    }
    set_policy(task);
    exchange_set_header(task->exchange, "Content-Encoding", STR("gzip"));
    exchange_set_header(task->exchange, "Vary", STR("Accept-Encoding"));
    exchange_set_header(task->exchange, "Cache-Control", STR("public, max-age=3600"));
    return task_reply(task, 200, type, packed);
}

enum stage_verdict handle_docs(struct task *task)
{
    set_policy(task);
    return task_reply(task, 200, html_type, STR(docs_html));
}

enum stage_verdict handle_docs_file(struct task *task)
{
    struct str file = task_param(task, "file");
    struct buf text;

    if (str_is(file, "bundle.js")) {
        return reply_packed(task, "text/javascript; charset=utf-8",
                            str_range(docs_bundle_start, docs_bundle_end));
    }
    if (str_is(file, "style.css")) {
        return reply_packed(task, "text/css; charset=utf-8",
                            str_range(docs_style_start, docs_style_end));
    }
    if (str_is(file, "start.js")) {
        return task_reply(task, 200, "text/javascript; charset=utf-8", STR(start_js));
    }
    if (str_is(file, "plain")) {
        buf_init(&text, PAGE_MAX);
        write_plain_page(&text);
        return reply_page(task, &text);
    }
    (void)error_set(&task->error, ERR_NOT_FOUND, "The documentation has no such file");
    return task_fail(task);
}

#else

enum stage_verdict handle_docs(struct task *task)
{
    struct buf text;

    buf_init(&text, PAGE_MAX);
    write_plain_page(&text);
    return reply_page(task, &text);
}

enum stage_verdict handle_docs_file(struct task *task)
{
    if (str_is(task_param(task, "file"), "plain")) {
        return handle_docs(task);
    }
    (void)error_set(&task->error, ERR_NOT_FOUND, "This build has the plain page only");
    return task_fail(task);
}

#endif
