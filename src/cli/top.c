/* Reads /metrics each second and draws the figures. On a terminal the picture uses the alternate screen.
 * At the end top leaves that screen, and the terminal shows the earlier text again. */
#include "cli/top.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json_form.h"
#include "base/mem.h"
#include "escape.h"
#include "net/loop.h"
#include "terminal.h"
#include "top_draw.h"

enum {
    EVERY_MS = 1000,
    KEYS_EVERY_MS = 100,
    TIMEOUT_MS = 5000,
    REPLY_MAX = 16 * 1024 * 1024,
    SCREEN_MAX = 1024 * 1024,
    URL_SHOWN_MAX = 8192,
    TROUBLE_MAX = 8192,
    STATUS_UNAUTHORIZED = 401,
    STATUS_FORBIDDEN = 403,
    STATUS_NOT_FOUND = 404
};

#define SCREEN_OPEN  "\x1b[?1049h\x1b[?25l\x1b[2J"
#define SCREEN_CLOSE "\x1b[?25h\x1b[?1049l"

struct top_view {
    struct top_read reads[2];
    unsigned n_reads; /* how many are filled; with 1 there are no rates yet */
    unsigned at;      /* the newest one */
    struct top_history history;
    struct error away; /* text: why the proxy cannot be read */
    struct buf url;
    bool screen; /* the terminal's alternate screen is in use */
    bool keys;   /* the terminal hands over each key */
    bool color;
    struct termios before;
};

/* ---- the terminal ---- */

static void terminal_open(struct top *top)
{
    struct top_view *view = top->view;
    struct termios now;

    view->color = !top->options.json && fd_takes_color(STDOUT_FILENO);
    view->screen = !top->options.json && !top->options.once && terminal_draws(stdout);
    if (!view->screen) {
        return;
    }
    view->keys = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &view->before) == 0;
    if (view->keys) {
        now = view->before;
        now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &now);
    }
    (void)printf(SCREEN_OPEN);
    (void)fflush(stdout);
}

static void terminal_close(struct top_view *view)
{
    if (view->screen) {
        (void)printf(SCREEN_CLOSE);
        (void)fflush(stdout);
    }
    if (view->keys) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &view->before);
    }
}

/* ---- a picture ---- */

static void fill(const struct top *top, struct top_picture *picture, struct buf *trouble)
{
    struct top_view *view = top->view;
    const struct top_read *now = &view->reads[view->at];
    const struct top_read *before = &view->reads[view->n_reads > 1 ? 1 - view->at : view->at];
    const char *text = NULL;

    *picture = (struct top_picture){.url = buf_view(&view->url),
                                    .version = now->version,
                                    .up_s = -1,
                                    .history = &view->history,
                                    .color = view->color};
    terminal_size(stdout, &picture->columns, &picture->lines);
    for (size_t i = 0; i < TOP_N_FIGURES; i++) {
        picture->figures[i] = NAN;
    }
    if (view->away.text[0] != '\0') {
        buf_text(trouble, "away: ");
        escape_terminal(trouble, str_from(view->away.text));
        buf_text(trouble, "; waiting");
    } else if (view->n_reads > 0) {
        top_figures(before, now, picture->figures);
        text = top_trouble(before, now);
        buf_text(trouble, text == NULL ? "" : text);
        picture->up_s = (double)clock_wall_ms() / 1e3 - now->sums[SUM_STARTED];
    }
    picture->trouble = buf_view(trouble);
}

/* Draws over the last picture: each line clears the rest of its row. The last line has no line end,
 * which would scroll the screen. */
static void show_on_screen(struct str picture)
{
    struct buf out;
    struct str line;

    buf_init(&out, SCREEN_MAX);
    buf_text(&out, "\x1b[H");
    while (picture.len > 0) {
        (void)str_cut(picture, '\n', &line, &picture);
        buf_str(&out, line);
        buf_text(&out, picture.len > 0 ? "\x1b[K\r\n" : "\x1b[K");
    }
    buf_text(&out, "\x1b[J");
    terminal_put(stdout, &out);
}

static void show_picture(const struct top *top)
{
    struct top_picture picture;
    struct buf trouble;
    struct buf out;

    buf_init(&trouble, TROUBLE_MAX);
    buf_init(&out, SCREEN_MAX);
    fill(top, &picture, &trouble);
    top_draw(&out, &picture);
    if (top->view->screen) {
        show_on_screen(buf_view(&out));
        buf_done(&out);
    } else {
        buf_text(&out, top->options.once ? "" : "\n");
        terminal_put(stdout, &out);
    }
    buf_done(&trouble);
}

static void show_json(const struct top *top)
{
    const struct top_view *view = top->view;
    struct json_writer w;
    struct buf line;

    buf_init(&line, SCREEN_MAX);
    jw_init(&w, &line);
    jw_form(&w, "{url:%s", top->options.url);
    if (view->away.text[0] != '\0') {
        jw_kv_text(&w, "away", view->away.text);
    } else {
        top_write(&view->reads[1 - view->at], &view->reads[view->at], &w);
    }
    jw_end(&w);
    buf_char(&line, '\n');
    terminal_put(stdout, &line);
}

/* With one read there are no rates yet. A terminal shows the gauges at once; other output waits for the rates. */
static void show(const struct top *top)
{
    const struct top_view *view = top->view;
    bool has_all = view->n_reads > 1 || (view->away.text[0] != '\0' && !top->options.once);

    if (view->screen || (has_all && !top->options.json)) {
        show_picture(top);
    } else if (has_all) {
        show_json(top);
    }
}

/* ---- the end ---- */

static void on_closed(void *context)
{
    struct top *top = context;

    terminal_close(top->view);
    if (top->status != EXIT_SUCCESS && top->view->away.text[0] != '\0') {
        struct buf line;

        buf_init(&line, TROUBLE_MAX);
        escape_terminal(&line, str_from(top->view->away.text));
        (void)fprintf(stderr, "virtuoso-proxy top: %s\n", buf_cstr(&line));
        buf_done(&line);
    }
    buf_done(&top->view->url);
    mem_free(top->view);
    top->view = NULL;
    top->on_done(top);
}

static void end(struct top *top, int status)
{
    if (top->ending) {
        return;
    }
    top->ending = true;
    top->status = status;
    deadline_clear(&top->next);
    deadline_clear(&top->keys);
    upstream_cancel(&top->call);
    upstream_close(top->client, on_closed, top);
}

void top_cancel(struct top *top)
{
    end(top, EXIT_SUCCESS);
}

static void on_keys(struct deadline *deadline)
{
    struct top *top = CONTAINER_OF(deadline, struct top, keys);
    struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
    char bytes[64];
    ssize_t n = 0;

    if (poll(&ready, 1, 0) > 0) {
        n = read(STDIN_FILENO, bytes, sizeof(bytes));
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
            return; /* the terminal is gone; its signal ends us */
        }
    }
    if (n > 0 && str_find_char((struct str){bytes, (size_t)n}, 'q') >= 0) {
        end(top, EXIT_SUCCESS);
        return;
    }
    deadline_set(&top->loop->deadlines, &top->keys, KEYS_EVERY_MS, on_keys);
}

/* ---- reading ---- */

/* ERR_OK: the reply was taken. ERR_UPSTREAM_AWAY: the next read may succeed. Others: it will fail too. */
static enum error_code take(struct top *top)
{
    struct top_view *view = top->view;
    const struct upstream_reply *reply = &top->call.reply;
    unsigned at = view->n_reads == 0 ? 0 : 1 - view->at;

    switch (reply->status) {
    case STATUS_UNAUTHORIZED:
    case STATUS_FORBIDDEN:
        return error_set(&view->away, ERR_FORBIDDEN,
                         "%.*s/metrics answers %d: give an API key with --api-key-file or "
                         "VIRTUOSO_PROXY_API_KEY",
                         STR_ARG(top->options.url), reply->status);
    case STATUS_NOT_FOUND:
        return error_set(&view->away, ERR_NOT_FOUND,
                         "%.*s has no /metrics; a proxy with an admin listener (admin.listen) "
                         "answers it there: give that address",
                         STR_ARG(top->options.url));
    default:
        break;
    }
    if (reply->status < 200 || reply->status > 299) {
        return error_set(&view->away, ERR_UPSTREAM_AWAY, "%.*s/metrics answers %d",
                         STR_ARG(top->options.url), reply->status);
    }
    if (!top_read(reply->body, clock_now_us(), &view->reads[at])) {
        return error_set(&view->away, ERR_INVALID,
                         "what %.*s/metrics answers is not of virtuoso-proxy",
                         STR_ARG(top->options.url));
    }
    view->at = at;
    view->n_reads += view->n_reads < 2 ? 1 : 0;
    view->away = (struct error){0};
    return ERR_OK;
}

static void remember(struct top *top)
{
    struct top_view *view = top->view;
    double figures[TOP_N_FIGURES];

    if (view->away.text[0] != '\0') {
        view->n_reads = 0; /* rates never span the time when the proxy was away */
        for (size_t i = 0; i < TOP_N_FIGURES; i++) {
            figures[i] = NAN;
        }
        top_history_add(&view->history, figures);
    } else if (view->n_reads > 1) {
        top_figures(&view->reads[1 - view->at], &view->reads[view->at], figures);
        top_history_add(&view->history, figures);
    }
}

static void on_next(struct deadline *deadline);

static void on_reply(struct upstream_call *call, enum error_code code)
{
    struct top *top = CONTAINER_OF(call, struct top, call);
    struct top_view *view = top->view;
    bool is_first = view->history.n == 0 && view->n_reads == 0;

    if (code == ERR_OK) {
        code = take(top);
    } else {
        cli_say_proxy(&call->error);
        view->away = call->error;
        code = ERR_UPSTREAM_AWAY;
    }
    remember(top);
    show(top);
    if (code != ERR_OK && (top->options.once || (is_first && code != ERR_UPSTREAM_AWAY))) {
        end(top, EXIT_FAILURE);
    } else if (top->options.once && view->n_reads > 1) {
        end(top, EXIT_SUCCESS);
    } else {
        deadline_set(&top->loop->deadlines, &top->next, EVERY_MS, on_next);
    }
}

static enum error_code ask(struct top *top, struct error *err)
{
    const struct secret *key = top->options.key;

    top->call =
        (struct upstream_call){.request = {.method = STR("GET"),
                                           .path = STR("/metrics"),
                                           .token = key != NULL && secret_is_set(key) ? key : NULL,
                                           .class = CALL_READ},
                               .on_done = on_reply};
    return upstream_start(top->client, &top->call, err);
}

static void on_next(struct deadline *deadline)
{
    struct top *top = CONTAINER_OF(deadline, struct top, next);

    if (ask(top, &top->view->away) != ERR_OK) {
        end(top, EXIT_FAILURE);
    }
}

enum error_code top_start(struct top *top, struct loop *loop, struct error *err)
{
    struct upstream_options options = upstream_options_of_other(
        top->options.url, top->options.ca_file, TIMEOUT_MS, TIMEOUT_MS, REPLY_MAX);
    enum error_code code;

    options.client_name = STR("virtuoso-proxy top");
    code = upstream_open(loop, &options, &top->client, err);
    if (code != ERR_OK) {
        return code;
    }
    top->loop = loop;
    top->view = mem_zalloc(sizeof(*top->view));
    buf_init(&top->view->url, URL_SHOWN_MAX);
    escape_terminal(&top->view->url, top->options.url);
    terminal_open(top);
    deadline_set(&loop->deadlines, &top->next, 0, on_next);
    if (top->view->keys) {
        deadline_set(&loop->deadlines, &top->keys, KEYS_EVERY_MS, on_keys);
    }
    return ERR_OK;
}
