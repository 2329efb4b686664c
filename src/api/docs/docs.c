/* GET /docs: Swagger UI from the binary alone (third_party/swagger.cmake embeds it, compressed), or
 * a plain page where it was not to be had at build time. No request leaves for another host: the
 * policy below forbids it. */
#include "api/docs/handlers.h"
#include "api/gate/links.h"
#include "api/gate/page.h"
#include "base/check.h"
#include "base/json_form.h"
#include "base/markup.h"
#include "http/answer.h"
#include "testfile/guide.h"

enum { SCHEMA_MAX = 1024 * 1024, UNPACKED_MAX = 8 * 1024 * 1024 };

/* Where to go from the start. */
static const struct {
    const char *name; /* in JSON; NULL: it is for people only */
    const char *path;
    const char *title; /* of its card; NULL: it is for programs only */
    const char *about;
} places[] = {
    {"docs", "/docs", "Interactive API documentation", "Every route, to read and to try"},
    {"commands", "/api/v1/commands", "Commands", "What a test step can do, with examples"},
    {NULL, "/ui/runs", "Test runs", "Your test runs, live, step by step"},
    {NULL, "/docs/testfile", "Test files", "How a test file is written, every verb and sentence"},
    {NULL, "/docs/moving", "Moving over", "From the old service and command line to this one"},
    {"routes", "/api/v1/routes", NULL, NULL},
    {"problems", "/problems", "Error codes", "What each one means and what to do"},
    {"openapi", "/openapi.json", "OpenAPI 3.1", "For client generators"},
    {"health", "/health", "Health", "The server and the platform"},
    {"metrics", "/metrics", "Metrics", "For Prometheus"},
};

/* Writes an example that can be sent as it stands. */
static void put_example(struct task *task, struct buf *text, const char *before, const char *path)
{
    buf_text(text, before);
    markup_text(text, task_server_url(task));
    markup_text(text, str_from(path));
    buf_char(text, '\n');
}

static enum stage_verdict reply_start_page(struct task *task)
{
    struct buf text;

    page_begin(task, &text, "virtuoso-proxy " VP_VERSION);
    buf_text(&text, "<p>A simple HTTP API in front of the Virtuoso QA test platform.</p>"
                    "<ul class=\"cards\">\n");
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (places[i].title != NULL) {
            buf_text(&text, "<li>");
            page_anchor(task, &text, places[i].path, places[i].title);
            buf_printf(&text, "<p class=\"dim\">%s</p></li>\n", places[i].about);
        }
    }
    buf_text(&text, "</ul><h2>First steps</h2><pre>");
    put_example(task, &text, "curl -s ", "/health");
    put_example(task, &text, "curl -s ", "/api/v1/commands/step-interact/click/help");
    put_example(task, &text,
                "curl -s -H 'Content-Type: application/json' -d '{&quot;name&quot;: &quot;My "
                "project&quot;}' ",
                "/api/projects");
    buf_text(&text, "</pre>");
    return page_end(task, &text);
}

enum stage_verdict handle_root(struct task *task)
{
    struct json_writer *w = task_writer(task);

    if (page_is_wanted(task)) {
        return reply_start_page(task);
    }
    jw_form(w,
            "{service:'virtuoso-proxy', version:%s, "
            "description:'A simple HTTP API in front of the Virtuoso QA platform', links:{",
            VP_VERSION);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (places[i].name != NULL) {
            jw_kv_str(w, places[i].name, task_link(task, str_from(places[i].path)));
        }
    }
    jw_shape(w, "}}");
    return task_written(task, 200);
}

/* Rows of the route table, grouped as they stand there. */
static enum stage_verdict reply_plain_page(struct task *task)
{
    const struct route_table *routes = task->api->routes;
    struct buf text;

    page_begin(task, &text, "API");
    buf_text(&text, "<p>The same for programs: ");
    page_anchor(task, &text, "/openapi.json", "/openapi.json");
    buf_text(&text, ".</p><ul class=\"rows\">\n");
    for (size_t i = 0; i < routes->n; i++) {
        const struct route *row = &routes->rows[i];

        buf_printf(&text, "<li><strong>%s</strong> <code>%s</code><p>%s</p></li>\n", row->method,
                   row->pattern, row->summary);
    }
    buf_text(&text, "</ul>");
    return page_end(task, &text);
}

enum stage_verdict handle_redoc(struct task *task)
{
    exchange_set_header(task->exchange, "Location", task_link(task, STR("/docs")));
    return task_reply(task, 308, "text/plain; charset=utf-8",
                      STR("The documentation is at /docs.\n"));
}

enum stage_verdict handle_favicon(struct task *task)
{
    return task_reply(task, 200, "image/svg+xml", str_from(page_icon));
}

/* ---- documents for people ---- */

extern const char api_moving_start[], api_moving_end[];

enum stage_verdict handle_schema(struct task *task)
{
    struct buf text;

    buf_init(&text, SCHEMA_MAX);
    testfile_schema(task->api->dictionary, &text);
    return task_reply_text(task, 200, "application/json; charset=utf-8", &text);
}

/* The files that both builds have, with Swagger UI and without it. */
static enum stage_verdict reply_common_file(struct task *task, struct str file)
{
    struct str heading;
    struct str rest;
    struct buf text;

    if (str_is(file, "plain")) {
        return reply_plain_page(task);
    }
    if (str_is(file, "testfile")) {
        page_begin(task, &text, "Test files");
        testfile_guide(&text, GUIDE_HTML);
        return page_end(task, &text);
    }
    if (str_is(file, "moving")) {
        (void)str_cut(str_range(api_moving_start, api_moving_end), '\n', &heading, &rest);
        page_begin(task, &text, "Moving over");
        guide_render(&text, rest, GUIDE_HTML);
        return page_end(task, &text);
    }
    return str_is(file, "page.css")
               ? task_reply(task, 200, "text/css; charset=utf-8", str_from(page_style))
               : task_refuse(task, ERR_NOT_FOUND, "The documentation has no such file");
}

#ifdef VP_HAS_DOCS

extern const char docs_bundle_start[], docs_bundle_end[], docs_style_start[], docs_style_end[];

/* The script finds the document beside its own folder. */
static const char start_js[] =
    "window.ui = SwaggerUIBundle({url: new URL('../openapi.json', document.currentScript.src).href, "
    "dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null, docExpansion: 'list', "
    "defaultModelsExpandDepth: -1});\n";

/* Of one file: unpacked when somebody first asks for it without gzip, and kept. */
static struct str unpacked(struct buf *plain, struct str packed)
{
    struct http_decoder *decoder = NULL;

    if (plain->len == 0) {
        buf_init(plain, UNPACKED_MAX);
        CHECK(http_decode(&decoder, STR("gzip"), packed, plain) == ERR_OK);
        http_decoder_free(decoder);
    }
    return buf_view(plain);
}

/* Without gzip where the client, or a proxy on the way that took its Accept-Encoding off, does not ask for it. */
static enum stage_verdict reply_packed(struct task *task, const char *type, struct str packed,
                                       struct buf *plain)
{
    exchange_set_header(task->exchange, "Vary", STR("Accept-Encoding"));
    task->exchange->no_compress = true;
    if (exchange_takes_gzip(task->exchange)) {
        exchange_set_header(task->exchange, "Content-Encoding", STR("gzip"));
    } else if (exchange_takes_plain(task->exchange)) {
        packed = unpacked(plain, packed);
    } else {
        return task_refuse(task, ERR_NOT_ACCEPTABLE,
                           "This file is served with gzip or without a coding; Accept-Encoding "
                           "forbids both");
    }
    page_set_policy(task);
    return task_reply(task, 200, type, packed);
}

enum stage_verdict handle_docs(struct task *task)
{
    struct str page = arena_printf(
        task->arena,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>API - virtuoso-proxy"
        "</title><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
        "<link rel=\"icon\" type=\"image/svg+xml\" href=\"%.*s\"><link rel=\"stylesheet\" "
        "href=\"%.*s\"><link rel=\"stylesheet\" href=\"%.*s\"></head><body><div "
        "id=\"swagger-ui\"><noscript>This page needs scripts; <a href=\"%.*s\">the plain page</a> "
        "does not.</noscript></div><script src=\"%.*s\"></script><script src=\"%.*s\"></script>"
        "</body></html>",
        STR_ARG(page_link(task, "/favicon.svg")), STR_ARG(page_link(task, "/docs/style.css")),
        STR_ARG(page_link(task, "/docs/page.css")), STR_ARG(page_link(task, "/docs/plain")),
        STR_ARG(page_link(task, "/docs/bundle.js")), STR_ARG(page_link(task, "/docs/start.js")));

    page_set_policy(task);
    return task_reply(task, 200, "text/html; charset=utf-8", page);
}

enum stage_verdict handle_docs_file(struct task *task)
{
    struct str file = task_param(task, "file");

    if (str_is(file, "bundle.js")) {
        return reply_packed(task, "text/javascript; charset=utf-8",
                            str_range(docs_bundle_start, docs_bundle_end), &task->api->docs_bundle);
    }
    if (str_is(file, "style.css")) {
        return reply_packed(task, "text/css; charset=utf-8",
                            str_range(docs_style_start, docs_style_end), &task->api->docs_style);
    }
    if (str_is(file, "start.js")) {
        return task_reply(task, 200, "text/javascript; charset=utf-8", STR(start_js));
    }
    return reply_common_file(task, file);
}

#else

enum stage_verdict handle_docs(struct task *task)
{
    return reply_plain_page(task);
}

enum stage_verdict handle_docs_file(struct task *task)
{
    return reply_common_file(task, task_param(task, "file"));
}

#endif
