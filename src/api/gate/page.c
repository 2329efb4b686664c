#include "api/gate/page.h"

#include "api/gate/links.h"
#include "api/gate/media.h"
#include "base/markup.h"

enum { PAGE_FIRST = 16384 };

/* The weight of a media type in an Accept value; -1: it does not stand there. In thousandths. */
static int weight_of(struct str accept, const char *wanted)
{
    struct str element;

    while (header_list_next(&accept, &element)) {
        struct str type;
        struct str parameter;
        double weight = 1.0;

        (void)str_cut(element, ';', &type, &element);
        while (str_next(&element, ';', &parameter)) {
            parameter = str_trim(parameter);
            if (str_starts_nocase(parameter, STR("q=")) &&
                !str_to_double(str_sub(parameter, 2, parameter.len), &weight)) {
                weight = 0;
            }
        }
        if (str_is_nocase(str_trim(type), wanted)) {
            return (int)(weight * 1000.0);
        }
    }
    return -1;
}

bool page_is_wanted(struct task *task)
{
    struct str accept = exchange_header_lines(task->exchange, "Accept");
    int html = weight_of(accept, "text/html");
    int json = weight_of(accept, "application/json");
    ptrdiff_t html_at = str_find(accept, STR("text/html"));
    ptrdiff_t json_at = str_find(accept, STR("application/json"));
    bool is_first = html_at >= 0 && (json_at < 0 || html_at < json_at); /* where both weigh alike */

    exchange_set_header(task->exchange, "Vary", STR("Accept"));
    return html > 0 && (html > json || (html == json && is_first));
}

void page_set_policy(struct task *task)
{
    exchange_set_header(
        task->exchange, "Content-Security-Policy",
        STR("default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"));
    /* Other sites must not learn our addresses. And from a request with a Referer, which a page elsewhere may
     * have made, the admin listener would want a key (admin.c). */
    exchange_set_header(task->exchange, "Referrer-Policy", STR("no-referrer"));
}

static void put_link(struct task *task, struct buf *out, const char *before, const char *path,
                     const char *after)
{
    buf_text(out, before);
    markup_text(out, page_link(task, path));
    buf_text(out, after);
}

void page_anchor(struct task *task, struct buf *out, const char *path, const char *text)
{
    put_link(task, out, "<a href=\"", path, "\">");
    markup_text(out, str_from(text));
    buf_text(out, "</a>");
}

/* Each listener has pages of its own. */
static const struct frame {
    const char *home;
    const char *icon;
    const char *style;
    const char *links[4][2];
} frames[] = {
    {"/",
     "/favicon.svg",
     "/docs/page.css",
     {{"/docs", "Documentation"},
      {"/api/v1/commands", "Commands"},
      {"/ui/runs", "Test runs"},
      {"/problems", "Error codes"}}},
    {"/ui",
     "/ui/icon.svg",
     "/ui/page.css",
     {{"/ui", "Live figures"},
      {"/metrics", "Metrics"},
      {"/health", "Health"},
      {"/problems", "Error codes"}}},
};

void page_begin(struct task *task, struct buf *out, const char *title)
{
    const struct frame *frame = &frames[task->on_admin ? 1 : 0];

    buf_init(out, (size_t)64 * PAGE_FIRST);
    buf_text(out, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    markup_text(out, str_from(title));
    buf_text(out, " - virtuoso-proxy</title><meta name=\"viewport\" "
                  "content=\"width=device-width,initial-scale=1\">");
    put_link(task, out, "<link rel=\"icon\" type=\"image/svg+xml\" href=\"", frame->icon, "\">");
    put_link(task, out, "<link rel=\"stylesheet\" href=\"", frame->style, "\">");
    put_link(task, out, "</head><body class=\"page\"><header><strong><img alt=\"\" src=\"",
             frame->icon, "\">");
    page_anchor(task, out, frame->home, "virtuoso-proxy");
    buf_text(out, "</strong>");
    for (size_t i = 0; i < ARRAY_LEN(frame->links); i++) {
        page_anchor(task, out, frame->links[i][0], frame->links[i][1]);
    }
    buf_text(out, "</header><main><h1>");
    markup_text(out, str_from(title));
    buf_text(out, "</h1>\n");
}

enum stage_verdict page_end(struct task *task, struct buf *out)
{
    buf_text(out, "</main></body></html>\n");
    page_set_policy(task);
    return task_reply_text(task, 200, "text/html; charset=utf-8", out);
}
