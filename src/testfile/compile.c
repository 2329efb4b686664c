/* The four stages in a row: text to nodes, nodes to steps and commands, all problems in order. */
#include "base/utf8.h"
#include "testfile_internal.h"

enum {
    MAX_NODES = 120000, /* 10,000 steps of up to ten nodes, and what stands around them */
    MAX_COPIED = 10000,
    MAX_TEXT_BYTES = 4 * 1024 * 1024,
    MAX_DEPTH = 32,
    MAX_DOCUMENTS = 100
};

/* "line 3, column 4: what" of the reader: the place stands in members of its own here. */
static struct str without_place(struct str text, unsigned line)
{
    struct str head;
    struct str tail;

    if (line > 0 && str_starts(text, STR("line ")) && str_cut(text, ':', &head, &tail)) {
        return str_trim(tail);
    }
    return text;
}

/* "...; a # there starts a comment: quote it": what to do stands behind the first semicolon. */
static void report_reader(struct compile *c, const struct error_list *errors)
{
    for (size_t i = 0; i < errors->n; i++) {
        const struct error *err = &errors->items[i];
        struct str what = without_place(str_from(err->text), err->line);
        struct str detail = what;
        struct str hint = STR_EMPTY;
        struct testfile_problem *problem;

        (void)str_cut(what, ';', &detail, &hint);
        problem = problem_add(c, TESTFILE_ERROR, (struct place){err->line, err->column, STR_EMPTY},
                              "%.*s", STR_ARG(detail));
        problem->hint = arena_str(c->arena, str_trim(hint));
    }
}

static enum error_code read_text(struct compile *c, struct str text, struct node_stream *out)
{
    static const struct node_limits limits = {.max_depth = MAX_DEPTH,
                                              .max_nodes = MAX_NODES,
                                              .max_text_bytes = MAX_TEXT_BYTES,
                                              .max_copied = MAX_COPIED,
                                              .max_documents = MAX_DOCUMENTS};
    struct error_list errors;
    enum error_code code;

    error_list_init(&errors);
    code = detect_kind(c->options, text) == TESTFILE_JSON
               ? json_parse_nodes(c->arena, text, &limits, out, &errors)
               : yaml_parse(c->arena, text, &limits, out, &errors);
    if (code != ERR_OK) {
        report_reader(c, &errors);
    }
    error_list_done(&errors);
    return code;
}

static enum testfile_format format_of(const struct compile *c)
{
    enum testfile_format best = TESTFILE_FORMAT_UNKNOWN;
    size_t most = 0;

    for (size_t i = 0; i < ARRAY_LEN(c->n_by_format); i++) {
        if (c->n_by_format[i] > most) {
            most = c->n_by_format[i];
            best = (enum testfile_format)i;
        }
    }
    return best;
}

static void compile_stream(struct compile *c, const struct node_stream *stream)
{
    for (const struct node *document = stream->documents; document != NULL;
         document = document->next) {
        check_characters(c, document);
    }
    if (c->problems->n_errors > 0) { /* nothing from such a file is looked at further */
        c->fatal = true;
        return;
    }
    for (const struct node *document = stream->documents; document != NULL;
         document = document->next) {
        if (is_manifest(document)) {
            read_manifest(c, document);
        } else {
            compile_document(c, document);
        }
    }
    if (c->out->format != TESTFILE_FORMAT_SUITE) {
        const struct node *first = stream->documents;
        bool compact = first != NULL && node_get(first, "do") != NULL;

        c->out->format = compact ? TESTFILE_FORMAT_COMPACT : format_of(c);
    }
}

enum error_code testfile_compile(struct arena *arena, struct str text,
                                 const struct testfile_options *options, struct testfile *out,
                                 struct testfile_problems *problems)
{
    struct compile c = {.arena = arena, .options = options, .out = out, .problems = problems};
    struct node_stream stream = {0};
    enum error_code code;

    *out = (struct testfile){0};
    *problems = (struct testfile_problems){0};
    if (text.len > TESTFILE_MAX_BYTES) {
        (void)problem_add(&c, TESTFILE_ERROR, (struct place){0, 0, STR_EMPTY},
                          "the file is larger than %d MiB", TESTFILE_MAX_BYTES / 1024 / 1024);
        return ERR_TOO_BIG;
    }
    code = read_text(&c, text, &stream);
    if (detect_kind(options, text) == TESTFILE_YAML) {
        c.source = str_starts(text, STR("\xEF\xBB\xBF")) ? str_sub(text, 3, text.len) : text;
        c.has_hash = str_find_char(text, '#') >= 0;
    }
    if (code == ERR_OK) {
        struct lenient_mark mark = lenient_mark(&c);

        compile_stream(&c, &stream);
        if (options->lenient && !c.fatal) {
            lenient_forgive(&c, &mark);
        }
        if (stream.n_documents == 0) {
            (void)problem_add(&c, TESTFILE_ERROR, (struct place){1, 1, STR_EMPTY},
                              "the file is empty");
            out->other = "the file is empty";
        }
    }
    problems_sort(problems);
    if (code != ERR_OK) {
        return code;
    }
    return problems->n_errors > 0 ? ERR_UNPROCESSABLE : ERR_OK;
}

void testfile_refuse_manifest(struct arena *arena, const struct testfile *file,
                              struct testfile_problems *problems)
{
    static const struct testfile_options none;
    struct testfile out = *file;
    struct compile c = {.arena = arena, .options = &none, .out = &out, .problems = problems};
    struct testfile_problem *problem =
        problem_add(&c, TESTFILE_ERROR, (struct place){1, 1, STR_EMPTY},
                    "this is a manifest that names other files, and a server reads no files");

    problem->hint = STR("send the tests themselves, or use the command line: virtuoso-proxy run");
    problems_sort(problems);
}

const char *testfile_format_name(enum testfile_format format)
{
    static const char *const names[] = {
        [TESTFILE_FORMAT_UNKNOWN] = "unknown",       [TESTFILE_FORMAT_COMPACT] = "compact",
        [TESTFILE_FORMAT_SIMPLIFIED] = "simplified", [TESTFILE_FORMAT_EXTENDED] = "extended",
        [TESTFILE_FORMAT_COMMAND] = "command",       [TESTFILE_FORMAT_ACTION] = "action",
        [TESTFILE_FORMAT_STEPTYPE] = "stepType",     [TESTFILE_FORMAT_SENTENCE] = "sentence",
        [TESTFILE_FORMAT_SUITE] = "suite",
    };

    return names[format];
}

const char *testfile_phase_name(enum testfile_phase phase)
{
    static const char *const names[] = {
        [TESTFILE_SETUP] = "setup", [TESTFILE_STEPS] = "steps", [TESTFILE_TEARDOWN] = "teardown"};

    return names[phase];
}
