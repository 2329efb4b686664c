/* The reports of a run: opened before anything is sent, written when all of it has ended. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "run_internal.h"

enum { REPORT_MAX = 512 * 1024 * 1024, FILE_MODE = 0644 };

/* Later steps of a pipeline trust these files. So a file that cannot be written is noticed before anything
 * is sent, and an old JUnit or HTML report is emptied then: it never passes for the result of this run. */
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

/* True: an earlier report is written to the same file. Pipes and terminals take several, one after another. */
static bool is_taken(const struct cli_run *run, size_t at)
{
    struct stat seen;
    struct stat other;

    for (size_t i = 0; i < at; i++) {
        if (run->report_fds[i] >= 0 && fstat(run->report_fds[i], &other) == 0 &&
            fstat(run->report_fds[at], &seen) == 0 && S_ISREG(seen.st_mode) &&
            seen.st_dev == other.st_dev && seen.st_ino == other.st_ino) {
            return true;
        }
    }
    return false;
}

void run_open_reports(struct cli_run *run)
{
    for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
        const char *name = report_file(run, i);

        if (name == NULL) {
            continue;
        }
        if (str_is(str_from(name), "-")) { /* nobody means a file of that name */
            (void)error_set(error_list_add(&run->errors), ERR_INVALID,
                            "cannot write -: a report needs a file; name /dev/stdout or ./-");
            continue;
        }
        run->report_fds[i] = fd_create(name, reports[i].flags, FILE_MODE);
        if (run->report_fds[i] < 0) {
            (void)error_set(error_list_add(&run->errors), ERR_IO, "cannot write %s: %s", name,
                            strerror(errno));
        } else if (is_taken(run, i)) {
            (void)close(run->report_fds[i]);
            run->report_fds[i] = -1;
            (void)error_set(
                error_list_add(&run->errors), ERR_INVALID,
                "cannot write %s: another report is written there; name a file for each", name);
        }
    }
}

void run_close_reports(struct cli_run *run)
{
    for (size_t i = 0; i < ARRAY_LEN(run->report_fds); i++) {
        if (run->report_fds[i] >= 0) {
            (void)close(run->report_fds[i]);
        }
    }
}

/* ---- entries ---- */

/* The tests that a run of the file would have, with the names that a report of it shows: a test without a
 * name gets that of the file's first test. */
static struct report_test *tests_of(const struct cli_run *run, struct arena *arena,
                                    const struct inspection *inspection, size_t *out_n)
{
    const struct cli_run_options *options = &run->options;
    struct report_test *tests = arena_calloc(arena, inspection->n_tests + 1, sizeof(*tests));
    bool any = inspection_has_tag(inspection, options->tags, options->n_tags);

    *out_n = 0;
    if (inspection->problem != NULL) {
        return NULL;
    }
    for (size_t i = 0; i < inspection->n_tests; i++) {
        const struct inspected_test *test = &inspection->tests[i];

        if (!any || inspected_has_tag(test, options->tags, options->n_tags)) {
            tests[(*out_n)++] = (struct report_test){
                test->name.len > 0 ? test->name : inspection->tests[0].name, test->line};
        }
    }
    return tests;
}

static struct report_entry entry_of(const struct run_item *item, struct arena *arena)
{
    const struct inspection *inspection = &item->source->inspection;
    size_t n = 0;
    const struct report_test *tests = tests_of(item->run, arena, inspection, &n);

    return (struct report_entry){
        .file = item->source->file,
        .source = item->source->text,
        .goal = item->source->goal,
        .journey = item->source->journey,
        .name = inspection->n_tests == 1 ? inspection->tests[0].name : STR_EMPTY,
        .tests = item->broken ? NULL : tests,
        .n_tests = item->broken ? 0 : n,
        .verdict = item->verdict,
        .executes = item->run->options.execute,
        .detail = str_from(item->error.text),
        .run = item->object,
        .problem = item->problem,
        .broken = item->broken,
        .dry_run = item->dry_run,
        .ms = item->ended_ms - item->began_ms,
    };
}

static struct report report_of(const struct cli_run *run)
{
    return (struct report){
        .began_wall_ms = run->began_wall_ms,
        .ms = run->began_ms > 0 ? clock_now_ms() - run->began_ms : 0,
        .url = run->url,
        .verbose = run->options.verbose,
        .sandbox = run->options.sandbox,
    };
}

void run_tell_ended(struct cli_run *run)
{
    const struct report report = report_of(run);

    for (size_t i = 0; run->display.human && i < run->gather.n; i++) {
        struct run_item *item = &run->items[i];
        struct report_entry entry;
        struct arena arena;
        struct buf text;

        if (item->told || item->state != ITEM_ENDED) {
            continue;
        }
        item->told = true;
        arena_init(&arena);
        entry = entry_of(item, &arena);
        buf_init(&text, REPORT_MAX);
        report_human_entry(&report, &entry, run->display.color, &text);
        display_text(&run->display, &text);
        arena_done(&arena);
    }
}

/* ---- writing ---- */

static bool say_unwritten(const char *name, int error)
{
    struct error err;

    (void)error_set(&err, ERR_IO, "cannot write %s: %s", name, strerror(error));
    (void)fprintf(stderr, "virtuoso-proxy run: %s\n", err.text);
    return false;
}

/* False: the report cannot be written. The caller then ends with the exit code of a run that could not
 * start, so that a missing report never looks like success. */
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
    return ok || say_unwritten(name, errno);
}

/* False: the text could not be written. A reader that closed its pipe early (`| head`) is no failure. */
static bool print(struct buf *text, FILE *to)
{
    bool ok = buf_ok(text);

    errno = ok ? 0 : EFBIG;
    ok = ok && (text->len == 0 || fwrite(text->ptr, 1, text->len, to) == text->len) &&
         fflush(to) == 0;
    buf_done(text);
    if (ok || errno == EPIPE) {
        return true;
    }
    clearerr(to); /* told here; not once more at the end of the program */
    return say_unwritten("the report", errno);
}

/* Annotations would break a JSON or YAML document on stdout. They go to stderr then; GitHub reads both. */
static bool print_annotations(const struct cli_run *run, const struct report *report)
{
    struct buf text;

    if (!run->options.annotate) {
        return true;
    }
    buf_init(&text, REPORT_MAX);
    report_annotations(report, &text);
    return print(&text, run->display.human ? stdout : stderr);
}

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
        report_human_total(report, run->display.color, &text);
    }
    ok = print(&text, stdout);
    if (!ok && run->display.human) {
        return false; /* annotations go there, too: it would be told twice */
    }
    return print_annotations(run, report) && ok;
}

static void explain_unbegun(struct cli_run *run)
{
    for (size_t i = 0; i < run->gather.n; i++) {
        struct run_item *item = &run->items[i];

        if (item->state == ITEM_QUEUED) {
            (void)error_set(&item->error, ERR_INVALID, "another file did not pass (--fail-fast)");
            item->state = ITEM_ENDED;
        }
    }
}

static bool write_files(const struct cli_run *run, const struct report *report)
{
    bool ok = true;

    for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
        if (run->report_fds[i] >= 0) {
            ok = write_report(&reports[i], report, run->report_fds[i], report_file(run, i)) && ok;
        }
    }
    return ok;
}

void run_report_errors(struct cli_run *run)
{
    struct report report = report_of(run);
    struct report_entry *entries =
        arena_calloc(&run->arena, run->errors.n + run->gather.n + 1, sizeof(struct report_entry));

    (void)select_broken(run);
    run_tell_ended(run);
    for (size_t i = 0; i < run->gather.n; i++) { /* each file is reported, though none is sent */
        struct run_item *item = &run->items[i];

        if (item->state == ITEM_QUEUED) {
            (void)error_set(&item->error, ERR_INVALID,
                            "not sent: another file or an option cannot be used");
        }
        entries[report.n++] = entry_of(item, &run->arena);
    }
    for (size_t i = 0; i < run->errors.n; i++) {
        entries[report.n++] = (struct report_entry){.file = STR("(command line)"),
                                                    .name = STR("virtuoso-proxy run"),
                                                    .verdict = VERDICT_ERROR,
                                                    .detail = str_from(run->errors.items[i].text)};
    }
    report.began_wall_ms = clock_wall_ms();
    report.entries = entries;
    (void)write_files(run, &report); /* the exit code is 1 in any case */
}

void run_write_reports(struct cli_run *run)
{
    struct report report = report_of(run);
    struct report_entry *entries =
        arena_calloc(&run->arena, run->gather.n + 1, sizeof(struct report_entry));

    explain_unbegun(run);
    display_clear(&run->display);
    run_tell_ended(run);
    for (size_t i = 0; i < run->gather.n; i++) {
        entries[i] = entry_of(&run->items[i], &run->arena);
    }
    report.entries = entries;
    report.n = run->gather.n;
    run->exit_code = report.n == 0 && run->n_left_out > 0 ? 0 : report_exit_code(&report);
    if (!write_files(run, &report)) {
        run->exit_code = CLI_EXIT_NOT_STARTED;
    }
    if (!print_report(run, &report)) {
        run->exit_code = CLI_EXIT_NOT_STARTED;
    }
    if (!last_run_write(run)) {
        int error = errno;

        (void)say_unwritten(last_run_path(&run->arena).ptr, error);
        run->exit_code = CLI_EXIT_NOT_STARTED;
    }
}
