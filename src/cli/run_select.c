/* Chooses the files to run: those of this shard, those that were red, those that compile and
 * have a test with the tag. All of that is known before the first call. */
#include "base/nearest.h"
#include "gather_internal.h"
#include "run_internal.h"

size_t select_variables(struct arena *arena, const struct cli_run_options *options,
                        struct testfile_variable **out)
{
    struct testfile_variable *pairs = arena_calloc(arena, options->n_variables + 1, sizeof(*pairs));
    size_t n = 0;

    for (size_t i = 0; i < options->n_variables; i++) {
        struct str name;
        struct str value;

        if (str_cut(str_from(options->variables[i]), '=', &name, &value) && name.len > 0) {
            pairs[n++] = (struct testfile_variable){name, value};
        }
    }
    *out = pairs;
    return n;
}

/* ---- files ---- */

static void keep_shard(struct cli_run *run)
{
    struct gather *gather = &run->gather;
    size_t n = 0;

    for (size_t i = 0; i < gather->n; i++) {
        if (i % run->options.n_shards == run->options.shard - 1) {
            gather->items[n++] = gather->items[i];
        }
    }
    gather->n = n;
}

static void keep_failed(struct cli_run *run)
{
    struct gather *gather = &run->gather;
    struct str path = last_run_path(&run->arena);
    struct last_run last;
    size_t n = 0;

    switch (last_run_read(&run->arena, path, &last)) {
    case LAST_RUN_NONE:
        (void)error_set(error_list_add(&run->errors), ERR_INVALID,
                        "--rerun-failed: no run is remembered here (see VIRTUOSO_PROXY_LAST_RUN)");
        return;
    case LAST_RUN_DAMAGED:
        (void)error_set(error_list_add(&run->warnings), ERR_INVALID,
                        "warning: --rerun-failed: %s is empty or damaged, so all files run",
                        path.ptr);
        return;
    case LAST_RUN_READ:
        break;
    }
    for (size_t i = 0; i < gather->n; i++) {
        struct str real = gather_real(gather, arena_cstr(&run->arena, gather->items[i].file));

        if (real.len > 0 && last_run_has(&last, real)) {
            gather->items[n++] = gather->items[i];
        }
    }
    gather->n = n;
}

/* Warns why no file is left, if there was one before. */
static void warn_empty(struct cli_run *run, size_t n_before, const char *why)
{
    if (run->gather.n == 0 && n_before > 0) {
        (void)error_set(error_list_add(&run->warnings), ERR_INVALID, "warning: %s", why);
    }
}

void select_files(struct cli_run *run)
{
    size_t n_before = run->gather.n;

    if (run->options.rerun_failed) {
        keep_failed(run);
        warn_empty(run, n_before, "--rerun-failed: every file was green when it last ran");
    }
    if (run->options.n_shards > 0) {
        size_t n_here = run->gather.n;

        keep_shard(run);
        warn_empty(run, n_here, "--shard: this part holds no file");
    }
    run->n_left_out = n_before - run->gather.n;
}

/* ---- --var and --tag that nothing uses ---- */

static void warn(struct cli_run *run, const char *option, const char *what, struct str word,
                 struct str nearest)
{
    struct str meant = nearest.len > 0
                           ? arena_printf(&run->arena, "; did you mean \"%.*s\"?", STR_ARG(nearest))
                           : STR_EMPTY;

    (void)error_set(error_list_add(&run->warnings), ERR_INVALID, "warning: %s %.*s: %s%.*s", option,
                    STR_ARG(word), what, STR_ARG(meant));
}

static void check_variables(struct cli_run *run)
{
    struct variable_names *used = arena_zalloc(&run->arena, sizeof(*used));

    for (size_t i = 0; i < run->gather.n; i++) {
        variable_names_add(used, run->gather.items[i].text);
    }
    for (size_t i = 0; i < run->gather.n_variables; i++) {
        struct str name = run->gather.variables[i].name;
        struct nearest nearest;

        if (variable_names_have(used, name) || used->n == INSPECT_MAX_NAMES) {
            continue;
        }
        nearest_init(&nearest, name);
        for (size_t k = 0; k < used->n; k++) {
            nearest_offer(&nearest, used->items[k]);
        }
        warn(run, "--var", "no file uses this variable", name, nearest.best);
    }
}

static void check_tag(struct cli_run *run, const char *tag)
{
    struct nearest nearest;

    nearest_init(&nearest, str_from(tag));
    for (size_t i = 0; i < run->gather.n; i++) {
        const struct inspection *inspection = &run->gather.items[i].inspection;

        if (inspection_has_tag(inspection, &tag, 1)) {
            return;
        }
        for (size_t k = 0; k < inspection->n_tags; k++) {
            nearest_offer(&nearest, inspection->tags[k]);
        }
    }
    warn(run, "--tag", "no test has this tag", str_from(tag), nearest.best);
}

/* ---- items ---- */

static struct str tags_text(struct cli_run *run)
{
    struct buf text;

    buf_init(&text, 1024);
    for (size_t i = 0; i < run->options.n_tags; i++) {
        buf_printf(&text, "%s%s", i > 0 ? " or " : "", run->options.tags[i]);
    }
    return arena_take(&run->arena, &text);
}

static void end_broken(struct run_item *item)
{
    const struct inspection *inspection = &item->source->inspection;
    size_t n = json_size(json_get(inspection->problem, "errors"));

    item->problem = inspection->problem;
    item->broken = true;
    if (inspection->other != NULL) {
        (void)error_set(&item->error, ERR_UNPROCESSABLE, "not a test file: %s", inspection->other);
    } else {
        (void)error_set(&item->error, ERR_UNPROCESSABLE, "does not compile: %zu %s", n,
                        n == 1 ? "error" : "errors");
    }
    item_end_unbegun(item, VERDICT_ERROR);
}

bool select_broken(struct cli_run *run)
{
    bool any = false;

    for (size_t i = 0; i < run->gather.n; i++) {
        if (run->items[i].source->inspection.problem != NULL) {
            end_broken(&run->items[i]);
            any = true;
        }
    }
    return any;
}

void select_items(struct cli_run *run)
{
    struct str tags = tags_text(run);
    bool any_broken = select_broken(run);

    for (size_t i = 0; i < run->gather.n; i++) {
        struct run_item *item = &run->items[i];
        const struct inspection *inspection = &item->source->inspection;

        if (item->state == ITEM_QUEUED &&
            !inspection_has_tag(inspection, run->options.tags, run->options.n_tags)) {
            (void)error_set(&item->error, ERR_INVALID, "no test tagged %.*s", STR_ARG(tags));
            item_end_unbegun(item, VERDICT_SKIPPED);
        }
    }
    for (size_t i = 0; any_broken && run->options.strict && i < run->gather.n; i++) {
        if (run->items[i].state == ITEM_QUEUED) {
            (void)error_set(&run->items[i].error, ERR_INVALID,
                            "a file does not compile (--strict)");
            item_end_unbegun(&run->items[i], VERDICT_SKIPPED);
        }
    }
    check_variables(run);
    for (size_t i = 0; i < run->options.n_tags; i++) {
        check_tag(run, run->options.tags[i]);
    }
}
