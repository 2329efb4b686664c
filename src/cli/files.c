#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/json_form.h"
#include "catalog/catalog.h"
#include "terminal.h"
#include "testfile/testfile.h"

enum { READ_PIECE = 65536, OUT_MAX = 256 * 1024 * 1024 };

/* Any organization will do: nothing is sent. */
static const struct catalog_defaults defaults = {.organization_id = STR_INIT("1")};

struct source;

/* What a subcommand does with each of its files. */
struct files_task {
    const char *command; /* its name */
    struct dictionary *dictionary;
    bool lenient;
    void (*then)(const struct source *source, const void *context);
    const void *context;
};

struct source {
    struct arena arena;
    struct buf text;
    const char *name;
    const struct files_task *task;
    struct testfile file;
    struct testfile_problems problems;
    bool ok;
};

/* "-" is standard input. False: the reason was printed. */
static bool read_all(struct source *source)
{
    bool is_stdin = str_is(STR("-"), source->name);
    int fd = is_stdin ? STDIN_FILENO : open(source->name, O_RDONLY | O_CLOEXEC);
    bool ok;

    buf_init(&source->text, TESTFILE_MAX_BYTES + READ_PIECE);
    ok = fd >= 0 && fd_read_all(fd, &source->text);
    if (!ok) {
        (void)fprintf(stderr, "virtuoso-proxy %s: cannot read %s: %s%s\n", source->task->command,
                      source->name, strerror(errno),
                      errno == EISDIR ? "; give its files, such as tests/*.yaml" : "");
    }
    if (fd >= 0 && !is_stdin) {
        (void)close(fd);
    }
    return ok;
}

static void compile(struct source *source)
{
    const struct testfile_options options = {.file = str_from(source->name),
                                             .kind = TESTFILE_AUTO,
                                             .defaults = &defaults,
                                             .lenient = source->task->lenient};

    source->ok = testfile_compile(source->task->dictionary, &source->arena, buf_view(&source->text),
                                  &options, &source->file, &source->problems) == ERR_OK;
}

static void print_problems(const struct source *source)
{
    struct buf out;

    buf_init(&out, OUT_MAX);
    testfile_print_human(&out, str_from(source->name), buf_view(&source->text), &source->problems,
                         fd_takes_color(STDERR_FILENO));
    terminal_put(stderr, &out);
}

static void print_count(size_t n, const char *what, const char *behind)
{
    (void)printf("%zu %s%s%s", n, what, n == 1 ? "" : "s", behind);
}

static void report_human(const struct source *source)
{
    print_problems(source);
    (void)printf("%s: %s", source->name, source->ok ? "ok: " : "not ok: ");
    if (source->file.format == TESTFILE_FORMAT_SUITE) {
        print_count(source->file.n_manifest, "test file", "");
    } else {
        print_count(source->file.n_tests, "test", ", ");
        print_count(source->file.n_steps, "step", "");
    }
    if (source->problems.n_errors > 0) {
        (void)printf(", ");
        print_count(source->problems.n_errors, "error", "");
    }
    if (source->problems.n_warnings > 0) {
        (void)printf(", ");
        print_count(source->problems.n_warnings, "warning", "");
    }
    (void)printf("\n");
}

static void report_json(const struct source *source)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, OUT_MAX);
    jw_init(&w, &out);
    jw_form(&w,
            "{file:%s, valid:%b, format:%s, tests:%i, steps:%i, n_errors:%i, "
            "n_warnings:%i, errors:",
            source->name, source->ok, testfile_format_name(source->file.format),
            source->file.n_tests, source->file.n_steps, source->problems.n_errors,
            source->problems.n_warnings);
    testfile_problems_json(&w, &source->problems, TESTFILE_ERROR);
    jw_key(&w, "warnings");
    testfile_problems_json(&w, &source->problems, TESTFILE_WARNING);
    jw_end(&w);
    buf_char(&out, '\n');
    terminal_put(stdout, &out);
}

static int one_file(const char *name, const struct files_task *task)
{
    struct source source = {.name = name, .task = task};
    int status = EXIT_FAILURE;

    arena_init(&source.arena);
    if (read_all(&source)) {
        compile(&source);
        task->then(&source, task->context);
        status = source.ok ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    buf_done(&source.text);
    arena_done(&source.arena);
    return status;
}

static int each_file(const char *const *files, size_t n, struct files_task *task)
{
    struct catalog *catalog;
    struct error err = {0};
    int worst = EXIT_SUCCESS;

    if (n == 0) {
        (void)fprintf(stderr, "virtuoso-proxy %s: give at least one FILE (- for standard input)\n",
                      task->command);
        return EXIT_FAILURE;
    }
    if (catalog_new(&catalog, &err) != ERR_OK) {
        (void)fprintf(stderr, "virtuoso-proxy %s: %s\n", task->command, err.text);
        return EXIT_FAILURE;
    }
    task->dictionary = dictionary_new(catalog);
    for (size_t i = 0; i < n; i++) {
        int status = one_file(files[i], task);

        worst = status != EXIT_SUCCESS ? status : worst;
    }
    dictionary_free(task->dictionary);
    catalog_free(catalog);
    return worst;
}

static void report(const struct source *source, const void *context)
{
    const bool *json = context;

    if (*json) {
        report_json(source);
    } else {
        report_human(source);
    }
}

int cli_validate(const char *const *files, size_t n_files, bool json)
{
    return each_file(files, n_files,
                     &(struct files_task){.command = "validate", .then = report, .context = &json});
}

static void convert(const struct source *source, const void *context)
{
    const enum testfile_target *target = context;
    struct buf out;

    print_problems(source);
    if (!source->ok) {
        return;
    }
    buf_init(&out, OUT_MAX);
    testfile_convert(&source->file, *target, &out);
    terminal_put(stdout, &out);
}

int cli_convert(const char *const *files, size_t n_files, struct str target, bool lenient)
{
    enum testfile_target to;

    if (!testfile_target_parse(target, &to)) {
        (void)fprintf(
            stderr,
            "virtuoso-proxy convert: --to must be commands, upstream, simplified or sentences\n");
        return EXIT_FAILURE;
    }
    return each_file(
        files, n_files,
        &(struct files_task){
            .command = "convert", .lenient = lenient, .then = convert, .context = &to});
}
