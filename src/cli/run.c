/* The run as a whole: files are begun in order, at most `concurrency` at once; when all have ended
 * the reports are written. The step of the loop in which that is decided is one of its own, so
 * items may end from anywhere. */
#include "cli/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "catalog/catalog.h"
#include "run_internal.h"

enum { REPORT_MAX = 512 * 1024 * 1024, REPLY_MAX = 64 * 1024 * 1024, CONNECT_TIMEOUT_MS = 5000 };

/* ---- before ---- */

/* Reports are files that later steps of a pipeline trust: one that cannot be written is known
 * before anything is sent, and an old one never survives as the result of this run. */
static const struct report_row {
    size_t option; /* offset of the file's name in the options */
    int flags;
    void (*write)(const struct report *report, struct buf *out);
} reports[] = {
    {offsetof(struct cli_run_options, junit_file), O_TRUNC, report_junit},
    {offsetof(struct cli_run_options, html_file), O_TRUNC, report_html},
    {offsetof(struct cli_run_options, summary_file), O_APPEND, report_summary},
};

static const char *report_file(const struct cli_run *run, size_t at)
{
    const void *member = (const char *)&run->options + reports[at].option;

    return *(const char *const *)member;
}

static void open_reports(struct cli_run *run)
{
    for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
        const char *name = report_file(run, i);

        if (name == NULL) {
            continue;
        }
        run->report_fds[i] = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | reports[i].flags, 0644);
        if (run->report_fds[i] < 0) {
            (void)error_set(error_list_add(&run->errors), ERR_IO, "cannot write %s: %s", name,
                            strerror(errno));
        }
    }
}

static void print_list(const struct error_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        (void)fprintf(stderr, "virtuoso-proxy run: %s\n", list->items[i].text);
    }
    if (list->n_dropped > 0) {
        (void)fprintf(stderr, "virtuoso-proxy run: and %zu more\n", list->n_dropped);
    }
}

/* The catalogue is needed for manifests only. */
static void gather_all(struct cli_run *run)
{
    struct error err = {0};

    run->gather =
        (struct gather){.arena = &run->arena, .errors = &run->errors, .notes = &run->notes};
    if (catalog_open(&err) != ERR_OK) {
        *error_list_add(&run->errors) = err;
        return;
    }
    (void)gather_paths(&run->gather, run->options.paths, run->options.n_paths);
    catalog_close();
}

static void make_items(struct cli_run *run)
{
    run->items = mem_calloc(run->gather.n > 0 ? run->gather.n : 1, sizeof(*run->items));
    for (size_t i = 0; i < run->gather.n; i++) {
        struct run_item *item = &run->items[i];

        item->run = run;
        item->source = &run->gather.items[i];
        item->query = run_query_of_source(&run->arena, run->query, item->source);
        item->verdict = VERDICT_SKIPPED;
        arena_init(&item->arenas[0]);
        arena_init(&item->arenas[1]);
    }
}

bool cli_run_new(const struct cli_run_options *options, struct cli_run **out)
{
    struct cli_run *run = mem_zalloc(sizeof(*run));
    struct error err = {0};
    bool ok;

    run->options = *options;
    run->report_fds[0] = run->report_fds[1] = run->report_fds[2] = -1;
    arena_init(&run->arena);
    error_list_init(&run->errors);
    error_list_init(&run->notes);
    gather_all(run);
    if (!run_query_of_options(&run->arena, options, run->gather.n, &run->query, &err)) {
        *error_list_add(&run->errors) = err;
    }
    if (run->errors.n == 0) {
        open_reports(run);
    }
    make_items(run);
    print_list(&run->notes);
    print_list(&run->errors);
    ok = run->errors.n == 0;
    if (!ok) {
        cli_run_free(run);
        run = NULL;
    }
    *out = run;
    return ok;
}

void cli_run_free(struct cli_run *run)
{
    if (run == NULL) {
        return;
    }
    CHECK(run->client == NULL);
    for (size_t i = 0; i < run->gather.n; i++) {
        arena_done(&run->items[i].arenas[0]);
        arena_done(&run->items[i].arenas[1]);
    }
    for (size_t i = 0; i < ARRAY_LEN(run->report_fds); i++) {
        if (run->report_fds[i] >= 0) {
            (void)close(run->report_fds[i]);
        }
    }
    mem_free(run->items);
    secret_done(&run->api_key);
    error_list_done(&run->errors);
    error_list_done(&run->notes);
    arena_done(&run->arena);
    mem_free(run);
}

/* ---- reports ---- */

static struct report_entry *make_entries(struct cli_run *run)
{
    struct report_entry *entries =
        arena_calloc(&run->arena, run->gather.n, sizeof(struct report_entry));

    for (size_t i = 0; i < run->gather.n; i++) {
        const struct run_item *item = &run->items[i];

        entries[i] = (struct report_entry){
            .file = item->source->file,
            .source = item->source->text,
            .goal = item->source->goal,
            .journey = item->source->journey,
            .verdict = item->verdict,
            .detail = str_from(item->error.text),
            .run = item->object,
            .problem = item->problem,
            .dry_run = item->dry_run,
            .ms = item->ended_ms - item->began_ms,
        };
    }
    return entries;
}

/* A report that cannot be written makes the run one that could not be carried out: whoever reads
 * the report must not take its absence for success. */
static bool write_report(const struct report_row *row, const struct report *report, int fd,
                         const char *name)
{
    struct buf text;
    bool ok;

    buf_init(&text, REPORT_MAX);
    row->write(report, &text);
    ok = buf_ok(&text);
    errno = EFBIG;
    ok = ok && fd_write_all(fd, buf_view(&text));
    buf_done(&text);
    if (!ok) {
        struct error err;

        (void)error_set(&err, ERR_IO, "cannot write %s: %s", name, strerror(errno));
        (void)fprintf(stderr, "virtuoso-proxy run: %s\n", err.text);
    }
    return ok;
}

/* False: it did not arrive. A reader that has seen enough (`| head`) is no failure. */
static bool print_report(const struct cli_run *run, const struct report *report)
{
    struct buf text;
    bool ok;

    buf_init(&text, REPORT_MAX);
    if (run->options.output == CLI_OUTPUT_JSON) {
        report_json(report, &text);
    } else if (run->options.output == CLI_OUTPUT_YAML) {
        report_yaml(report, &text);
    } else {
        report_human(report, run->display.color, &text);
        if (run->options.summary_file != NULL) {
            report_annotations(report, &text);
        }
    }
    ok = buf_ok(&text);
    errno = ok ? 0 : EFBIG;
    ok = ok && fwrite(text.ptr, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
    ok = ok || errno == EPIPE;
    if (!ok) {
        (void)fprintf(stderr, "virtuoso-proxy run: cannot write the report: %s\n", strerror(errno));
        clearerr(stdout); /* told; not once more at the end of the program */
    }
    buf_done(&text);
    return ok;
}

static void write_reports(struct cli_run *run)
{
    const struct report report = {
        .entries = make_entries(run),
        .n = run->gather.n,
        .began_wall_ms = run->began_wall_ms,
        .ms = clock_now_ms() - run->began_ms,
        .url = run->url,
        .dry_run = run->options.dry_run,
    };

    display_clear(&run->display);
    run->exit_code = report_exit_code(&report);
    for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
        if (run->report_fds[i] >= 0 &&
            !write_report(&reports[i], &report, run->report_fds[i], report_file(run, i))) {
            run->exit_code = CLI_EXIT_NOT_STARTED;
        }
    }
    if (!print_report(run, &report)) {
        run->exit_code = CLI_EXIT_NOT_STARTED;
    }
}

/* ---- during ---- */

static void on_client_closed(void *context)
{
    struct cli_run *run = context;

    run->client = NULL;
    run->on_done(run->owner);
}

static bool may_begin(const struct cli_run *run)
{
    if (run->stopping) {
        return false;
    }
    for (size_t i = 0; run->options.fail_fast && i < run->gather.n; i++) {
        const struct run_item *item = &run->items[i];

        if (item->state == ITEM_ENDED && verdict_exit_code(item->verdict) != 0) {
            return false;
        }
    }
    return true;
}

static void on_step(struct later_item *later)
{
    struct cli_run *run = CONTAINER_OF(later, struct cli_run, step);
    size_t n_running = 0;

    for (size_t i = 0; i < run->gather.n; i++) {
        enum item_state state = run->items[i].state;

        n_running += state == ITEM_POSTING || state == ITEM_FOLLOWING ? 1 : 0;
    }
    for (size_t i = 0; i < run->gather.n && n_running < run->options.concurrency; i++) {
        if (run->items[i].state == ITEM_QUEUED && may_begin(run)) {
            n_running++;
            item_start(&run->items[i]);
        }
    }
    if (n_running == 0 && !run->finished) {
        run->finished = true;
        write_reports(run);
        upstream_close(run->client, on_client_closed, run);
    }
}

static void step_later(struct cli_run *run)
{
    later_add(&run->loop->later, &run->step, on_step);
}

void run_on_item(struct run_item *item)
{
    display_item(item->run, item);
    if (item->state == ITEM_ENDED) {
        step_later(item->run);
    }
}

enum error_code cli_run_start(struct cli_run *run, struct loop *loop,
                              const struct cli_run_proxy *proxy, void (*on_done)(void *owner),
                              void *owner, struct error *err)
{
    const struct upstream_options options = {
        .base_url = proxy->url,
        .client_name = STR("virtuoso-proxy run"),
        .verify_tls = true,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .timeout_ms = CONNECT_TIMEOUT_MS * 3,
        .max_active = CLI_CONCURRENCY_MAX,
        .max_waiting = CLI_CONCURRENCY_MAX,
        .max_reply_bytes = REPLY_MAX,
        .max_tries = 3, /* of what never reached the proxy, and of reads */
        .retry_base_ms = 200,
        .retry_budget_percent = 100,
    };
    enum error_code code = upstream_open(loop, &options, &run->client, err);

    if (code != ERR_OK) {
        run->client = NULL;
        return code;
    }
    run->loop = loop;
    run->url = arena_str(&run->arena, proxy->url);
    secret_set(&run->api_key, proxy->api_key);
    run->on_done = on_done;
    run->owner = owner;
    run->began_ms = clock_now_ms();
    run->began_wall_ms = clock_wall_ms();
    display_init(&run->display, run->options.output);
    step_later(run);
    return ERR_OK;
}

void cli_run_cancel(struct cli_run *run)
{
    bool again = run->stopping;

    if (run->client == NULL || run->finished) {
        return;
    }
    run->stopping = true;
    for (size_t i = 0; i < run->gather.n; i++) {
        if (again) {
            item_abandon(&run->items[i]);
        } else {
            item_stop(&run->items[i], false);
        }
    }
    display_bar(run, true);
    step_later(run);
}

int cli_run_exit_code(const struct cli_run *run)
{
    return run->exit_code;
}
