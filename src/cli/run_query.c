/* The query of POST /api/v1/tests/run from the command line. */
#include "base/percent.h"
#include "data/query.h"
#include "run_internal.h"

enum { QUERY_MAX = 65536, VARIABLE_NAME_MAX = 128, TAGS_MAX = 32 };

/* The names that resume.query of a run object may hold. Any other name after --resume is a typing error. */
static const char *const resume_names[] = {
    "project",    "project_id", "goal",          "goal_id", "snapshot_id", "journey",
    "journey_id", "checkpoint", "checkpoint_id", "attach",  "from",        "test"};

static void put(struct buf *out, const char *prefix, struct str name, struct str value)
{
    if (out->len > 0) {
        buf_char(out, '&');
    }
    buf_text(out, prefix);
    percent_encode(out, name);
    buf_char(out, '=');
    percent_encode(out, value);
}

/* True: an earlier --var of the same name has another value. */
static bool contradicts(const char *const *words, size_t n, struct str name, struct str value)
{
    struct str other;
    struct str before;

    for (size_t i = 0; i < n; i++) {
        if (str_cut(str_from(words[i]), '=', &other, &before) && str_eq(other, name) &&
            !str_eq(before, value)) {
            return true;
        }
    }
    return false;
}

static enum error_code put_variable(struct buf *out, const char *const *words, size_t at,
                                    struct error *err)
{
    struct str name;
    struct str value;

    if (!str_cut(str_from(words[at]), '=', &name, &value) || name.len == 0 ||
        name.len > VARIABLE_NAME_MAX) {
        return error_set(err, ERR_INVALID, "--var must be NAME=VALUE, not \"%s\"", words[at]);
    }
    if (contradicts(words, at, name, value)) {
        return error_set(err, ERR_INVALID, "--var %.*s is given twice, with different values",
                         STR_ARG(name));
    }
    put(out, "var.", name, value);
    return ERR_OK;
}

static enum error_code put_checkpoint(struct buf *out, const char *word, struct error *err)
{
    struct str id = str_from(word);
    int64_t number;

    if (str_starts(id, STR("cp_"))) {
        id = str_sub(id, 3, id.len);
    }
    if (id.len > 19 || !str_to_i64(id, 1, INT64_MAX, &number)) {
        return error_set(err, ERR_INVALID,
                         "--checkpoint must be the id of a checkpoint, not \"%s\"", word);
    }
    put(out, "", STR("checkpoint_id"), id);
    return ERR_OK;
}

static size_t count_pairs(struct str query)
{
    struct str pair;
    size_t n = 0;

    while (str_next(&query, '&', &pair)) {
        n++;
    }
    return n;
}

static enum error_code put_resume(struct arena *arena, struct buf *out, const char *query,
                                  size_t n_files, struct error *err)
{
    struct str rest = str_from(query);
    struct str name;
    struct str value;
    size_t n = 0;

    if (n_files != 1) {
        return error_set(err, ERR_INVALID, "--resume is for one file, and there are %zu", n_files);
    }
    while (query_next(arena, &rest, &name, &value)) {
        if (!str_in(name, resume_names, ARRAY_LEN(resume_names))) {
            return error_set(
                err, ERR_INVALID,
                "--resume: unknown name \"%.*s\"; give the query as the run printed it",
                STR_ARG(name));
        }
        put(out, "", name, value);
        n++;
    }
    if (n == 0 || n != count_pairs(str_from(query))) { /* a broken escape was passed over */
        return error_set(err, ERR_INVALID,
                         "--resume takes the query that a run gave, such as "
                         "\"checkpoint_id=2&from=4\"");
    }
    return ERR_OK;
}

static void put_flags(struct buf *out, const struct cli_run_options *options)
{
    put(out, "", options->dry_run ? STR("dry_run") : STR("async"), STR("true"));
    if (options->lenient) {
        put(out, "", STR("lenient"), STR("true"));
    }
    if (options->execute) {
        put(out, "", STR("execute"), STR("true"));
        if (!options->wait) {
            put(out, "", STR("wait"), STR("false"));
        }
    }
    if (options->environment != NULL) {
        put(out, "", STR("environment_id"), str_from(options->environment));
    }
    if (options->retries > 0) {
        buf_printf(out, "&retries=%u", options->retries);
    }
    if (options->timeout_s > 0) {
        buf_printf(out, "&timeout=%u", options->timeout_s);
    }
}

enum error_code run_query_of_options(struct arena *arena, const struct cli_run_options *options,
                                     size_t n_files, struct str *out, struct error *err)
{
    struct buf query;
    enum error_code code = ERR_OK;

    buf_init(&query, QUERY_MAX);
    put_flags(&query, options);
    for (size_t i = 0; code == ERR_OK && i < options->n_variables; i++) {
        code = put_variable(&query, options->variables, i, err);
    }
    for (size_t i = 0; i < options->n_tags; i++) {
        put(&query, "", STR("tag"), str_from(options->tags[i]));
    }
    if (code == ERR_OK && options->n_tags > TAGS_MAX) {
        code = error_set(err, ERR_INVALID, "--tag is given more than %d times", TAGS_MAX);
    }
    if (code == ERR_OK && options->checkpoint != NULL) {
        code = put_checkpoint(&query, options->checkpoint, err);
    }
    if (code == ERR_OK && options->resume != NULL) {
        code = put_resume(arena, &query, options->resume, n_files, err);
    }
    if (code == ERR_OK && !buf_ok(&query)) {
        code = error_set(err, ERR_URI_TOO_LONG, "--var and --tag together are too long");
    }
    *out = arena_take(arena, &query);
    return code;
}

struct str run_query_of_source(struct arena *arena, struct str shared,
                               const struct test_source *source)
{
    struct buf query;

    buf_init(&query, (size_t)QUERY_MAX * 2);
    buf_str(&query, shared);
    if (source->goal.len > 0) {
        put(&query, "", STR("goal"), source->goal);
    }
    if (source->journey.len > 0) {
        put(&query, "", STR("journey"), source->journey);
    }
    return arena_take(arena, &query);
}
