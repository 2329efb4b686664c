#include "inspect.h"

#include "base/buf.h"
#include "base/json_form.h"

enum { PROBLEMS_MAX = 16 * 1024 * 1024 };

/* Any organization will do: nothing is sent. */
static const struct catalog_defaults defaults = {.organization_id = STR_INIT("1")};

/* ---- errors ---- */

static const struct json *problem_of(struct arena *arena, const struct testfile_problems *problems)
{
    static const struct json_limits limits = {.max_nodes = 200000};
    struct json *root = NULL;
    struct json_writer w;
    struct buf text;

    buf_init(&text, PROBLEMS_MAX);
    jw_init(&w, &text);
    jw_shape(&w, "{detail:'The file does not compile', errors:");
    testfile_problems_json(&w, problems, TESTFILE_ERROR);
    jw_end(&w);
    if (!buf_ok(&text) ||
        json_parse(arena, arena_str(arena, buf_view(&text)), &limits, &root, NULL) != ERR_OK) {
        root = json_new_object(arena); /* the errors do not fit: the object does without them */
        json_set(root, STR("detail"), json_new_string(arena, STR("The file does not compile")));
    }
    buf_done(&text);
    return root;
}

/* ---- the file ---- */

static size_t count_tags(const struct testfile *file)
{
    size_t n = 0;

    for (size_t i = 0; i < file->n_tests; i++) {
        n += file->tests[i].n_tags;
    }
    return n;
}

static void keep_tests(struct arena *arena, const struct testfile *file, struct inspection *out)
{
    out->tests = arena_calloc(arena, file->n_tests + 1, sizeof(*out->tests));
    out->tags = arena_calloc(arena, count_tags(file) + 1, sizeof(*out->tags));
    for (size_t i = 0; i < file->n_tests; i++) {
        const struct testfile_test *test = &file->tests[i];

        out->tests[out->n_tests++] = (struct inspected_test){.name = arena_str(arena, test->name),
                                                             .line = test->line,
                                                             .tags = &out->tags[out->n_tags],
                                                             .n_tags = test->n_tags};
        for (size_t k = 0; k < test->n_tags; k++) {
            out->tags[out->n_tags++] = arena_str(arena, test->tags[k]);
        }
    }
}

void inspect_file(struct arena *arena, struct str text, const struct inspect_options *options,
                  struct inspection *out)
{
    const struct testfile_options how = {
        .file = options->file,
        .kind = options->is_json ? TESTFILE_JSON : TESTFILE_YAML,
        .variables = options->variables,
        .n_variables = options->n_variables,
        .defaults = &defaults,
        .lenient = options->lenient,
    };
    struct testfile_problems problems;
    struct testfile file;
    struct arena work;
    bool compiles;

    *out = (struct inspection){0};
    arena_init(&work);
    compiles = testfile_compile(options->dictionary, &work, text, &how, &file, &problems) == ERR_OK;
    out->n_steps = file.n_steps;
    if (file.other != NULL && file.n_steps == 0) {
        out->other = arena_cstr(arena, str_from(file.other));
    }
    /* A text that cannot be read need not be a test: `tsconfig.json` may hold comments, a CloudFormation
     * template tags. It is an error only if it looks as if a test was meant. */
    if (!compiles && !file.is_read && file.other == NULL && !testfile_was_meant(&work, text)) {
        out->other = "it cannot be read, and nothing in it looks like a test";
    }
    if (!compiles) {
        out->problem = problem_of(arena, &problems);
    }
    keep_tests(arena, &file, out);
    arena_done(&work);
}

static bool any_has(const struct str *items, size_t n, const char *const *tags, size_t n_tags)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n_tags; k++) {
            if (str_eq_nocase(items[i], str_from(tags[k]))) {
                return true;
            }
        }
    }
    return n_tags == 0;
}

bool inspected_has_tag(const struct inspected_test *test, const char *const *tags, size_t n_tags)
{
    return any_has(test->tags, test->n_tags, tags, n_tags);
}

bool inspection_has_tag(const struct inspection *inspection, const char *const *tags, size_t n_tags)
{
    return any_has(inspection->tags, inspection->n_tags, tags, n_tags);
}

/* ---- variables ---- */

/* The name at the start of `text`; a '.' or '-' at its end is punctuation. */
static struct str name_at(struct str text)
{
    size_t len = str_span(text, "A-Za-z0-9_.\x80-\xFF-");

    while (len > 0 && (text.ptr[len - 1] == '.' || text.ptr[len - 1] == '-')) {
        len--;
    }
    return str_sub(text, 0, len);
}

bool variable_names_have(const struct variable_names *names, struct str name)
{
    for (size_t i = 0; i < names->n; i++) {
        struct str item = names->items[i];

        if (str_starts(item, name) && (item.len == name.len || item.ptr[name.len] == '.')) {
            return true;
        }
    }
    return false;
}

static void add_name(struct variable_names *names, struct str name)
{
    if (name.len == 0 || names->n == INSPECT_MAX_NAMES) {
        return;
    }
    for (size_t i = 0; i < names->n; i++) {
        if (str_eq(names->items[i], name)) {
            return;
        }
    }
    names->items[names->n++] = name;
}

void variable_names_add(struct variable_names *names, struct str text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        struct str rest = str_sub(text, i + 1, text.len);

        if (text.ptr[i] == '$') {
            rest = rest.ptr[0] == '{' ? str_sub(rest, 1, rest.len) : rest;
            add_name(names, name_at(str_trim(rest)));
        } else if (text.ptr[i] == '{' && rest.ptr[0] == '{') {
            add_name(names, name_at(str_trim(str_sub(rest, 1, rest.len))));
        }
    }
}
