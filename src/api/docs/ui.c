/* /ui, live figures for operators, and /ui/runs, test runs for people who write tests. Both are a
 * frame and a script of ours (live.js, runs.js), which asks the routes that programs ask: the
 * pages hold no data of any caller, and no request leaves for another host. */
#include "api/docs/handlers.h"
#include "api/gate/links.h"
#include "api/gate/page.h"
#include "base/markup.h"

extern const char api_live_start[], api_live_end[], api_runs_start[], api_runs_end[],
    api_ui_style_start[], api_ui_style_end[];

static void begin(struct task *task, struct buf *text, const char *title)
{
    page_begin(task, text, title);
    buf_text(text, "<link rel=\"stylesheet\" href=\"");
    markup_text(text, page_link(task, "/ui/ui.css"));
    buf_text(text, "\">");
}

static enum stage_verdict reply_with_script(struct task *task, struct buf *text, const char *path)
{
    buf_text(text, "<script src=\"");
    markup_text(text, page_link(task, path));
    buf_text(text, "\"></script>");
    exchange_set_header(task->exchange, "Cache-Control", STR("no-store"));
    return page_end(task, text);
}

enum stage_verdict handle_ui(struct task *task)
{
    struct buf text;

    begin(task, &text, "Live figures");
    buf_text(&text,
             "<p id=\"state\" class=\"state dim\" role=\"status\">Reading /metrics…</p>"
             "<div id=\"plots\" class=\"plots\"></div><noscript><p>This page needs scripts; ");
    page_anchor(task, &text, "/metrics", "/metrics");
    buf_text(&text, " has the figures.</p></noscript>");
    return reply_with_script(task, &text, "/ui/live.js");
}

enum stage_verdict handle_ui_runs(struct task *task)
{
    struct buf text;

    begin(task, &text, "Test runs");
    buf_text(&text,
             "<p id=\"state\" class=\"state dim\" role=\"status\"></p>"
             "<form id=\"key\" class=\"key-form\" hidden><label>API key "
             "<input type=\"password\" autocomplete=\"off\" spellcheck=\"false\" required></label> "
             "<button>Show my runs</button><p class=\"dim\">The key stays in this page and is gone "
             "when you close or reload it.</p></form>"
             "<div id=\"runs\" class=\"runs\"></div><noscript><p>This page needs scripts; GET "
             "/api/v1/tests/runs tells the same.</p></noscript>");
    return reply_with_script(task, &text, "/ui/runs.js");
}

enum stage_verdict handle_ui_file(struct task *task)
{
    const struct {
        const char *name;
        const char *type;
        struct str content;
    } files[] = {
        {"live.js", "text/javascript; charset=utf-8", str_range(api_live_start, api_live_end)},
        {"runs.js", "text/javascript; charset=utf-8", str_range(api_runs_start, api_runs_end)},
        {"ui.css", "text/css; charset=utf-8", str_range(api_ui_style_start, api_ui_style_end)},
        {"page.css", "text/css; charset=utf-8", str_from(page_style)},
        {"icon.svg", "image/svg+xml", str_from(page_icon)},
    };
    struct str file = task_param(task, "file");

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (str_is(file, files[i].name)) {
            exchange_set_header(task->exchange, "Cache-Control", STR("no-cache"));
            return task_reply(task, 200, files[i].type, files[i].content);
        }
    }
    return task_refuse(task, ERR_NOT_FOUND, "The pages below /ui have no such file");
}
