/* The four stages in a row: text to nodes, nodes to steps and commands, all problems in order. */
#include "testfile_internal.h"

enum {
    MAX_NODES = 120000, /* 10,000 steps of up to ten nodes, and what stands around them */
    MAX_COPIED = 10000,
    MAX_COPIED_BYTES = 1024 * 1024, /* of text, by aliases */
    MAX_DOCUMENTS = 100
};

/* In a message of the reader the hint stands behind the first semicolon: "...; a # there starts a
 * comment: quote it". */
static void report_reader(struct compile *c, const struct error_list *errors)
{
    for (size_t i = 0; i < errors->n; i++) {
        const struct error *err = &errors->items[i];
        struct str what = error_without_place(err);
        struct str detail = what;
        struct str hint = STR_EMPTY;

        (void)str_cut(what, ';', &detail, &hint);
        problem_add(c, TESTFILE_ERROR, (struct place){err->line, err->column, STR_EMPTY}, "%.*s",
                    STR_ARG(detail))
            ->hint = arena_str(c->arena, str_trim(hint));
    }
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

/* ---- in pieces ---- */

enum job_stage { JOB_READ, JOB_CHECK, JOB_WORDS, JOB_WALK, JOB_DONE };

struct testfile_job {
    struct compile compile;
    struct testfile_options options;
    enum job_stage stage;
    enum error_code code;
    struct arena nodes; /* of the stream; freed as soon as the steps are made */
    struct node_stream stream;
    struct error_list errors;     /* of the reader */
    struct yaml_reading *reading; /* NULL: not begun, or ended */
    struct character_check check;
    struct step_mark mark;
    struct walk walk;
};

static const struct node_limits all_limits = {.max_depth = MAX_DEPTH,
                                              .max_nodes = MAX_NODES,
                                              .max_copied = MAX_COPIED,
                                              .max_documents = MAX_DOCUMENTS};

static void job_done(struct testfile_job *job)
{
    struct compile *c = &job->compile;
    struct testfile_problems *problems = c->problems;

    problems_sort(problems);
    if (job->code == ERR_OK && problems->n_errors > 0) {
        job->code = ERR_UNPROCESSABLE;
    }
    arena_done(&job->nodes); /* the steps need no nodes, and their run may take long */
    job->stage = JOB_DONE;
}

static void reading_done(struct testfile_job *job, enum error_code code)
{
    struct compile *c = &job->compile;

    job->code = code;
    if (code != ERR_OK) {
        report_reader(c, &job->errors);
    }
    error_list_done(&job->errors);
    if (code != ERR_OK) {
        job_done(job);
        return;
    }
    if (job->stream.n_documents == 0) {
        (void)problem_add(c, TESTFILE_ERROR, (struct place){1, 1, STR_EMPTY}, "the file is empty");
        c->out->other = "the file is empty";
        c->fatal = true;
    }
    job->mark = step_mark(c);
    characters_begin(&job->check, job->stream.documents);
    job->stage = JOB_CHECK;
}

static void walk_done(struct testfile_job *job)
{
    struct compile *c = &job->compile;
    const struct node *first = job->stream.documents;

    if (c->out->format != TESTFILE_FORMAT_SUITE) {
        bool compact = first != NULL && node_get(first, "do") != NULL;

        c->out->format = compact ? TESTFILE_FORMAT_COMPACT : format_of(c);
    }
    if (c->options->lenient && !c->fatal) {
        lenient_forgive(c, &job->mark, "ignored");
    }
    job_done(job);
}

static void begin_reading(struct testfile_job *job, struct str text)
{
    struct compile *c = &job->compile;
    struct node_limits limits = all_limits;

    limits.max_text_bytes = text.len + MAX_COPIED_BYTES;
    error_list_init(&job->errors);
    if (detect_kind(c->options, text) == TESTFILE_JSON) { /* in one piece: cJSON has no other way */
        reading_done(job, json_parse_nodes(c->arena, &job->nodes, text, &limits, &job->stream,
                                           &job->errors));
        return;
    }
    c->source = str_starts(text, STR("\xEF\xBB\xBF")) ? str_sub(text, 3, text.len) : text;
    c->has_hash = str_find_char(text, '#') >= 0;
    c->has_property = str_contains(text, STR(" &")) || str_contains(text, STR(" !"));
    job->reading = yaml_begin(c->arena, &job->nodes, text, &limits, &job->stream, &job->errors);
    job->stage = JOB_READ;
}

struct testfile_job *testfile_begin(struct dictionary *dictionary, struct arena *arena,
                                    struct str text, const struct testfile_options *options,
                                    struct testfile *out, struct testfile_problems *problems)
{
    struct testfile_job *job = arena_zalloc(arena, sizeof(*job));

    arena_init(&job->nodes);
    job->options = *options;
    job->compile = (struct compile){.arena = arena,
                                    .options = &job->options,
                                    .catalog = dictionary->catalog,
                                    .out = out,
                                    .problems = problems};
    *out = (struct testfile){.dictionary = dictionary};
    *problems = (struct testfile_problems){0};
    if (text.len > TESTFILE_MAX_BYTES) {
        (void)problem_add(&job->compile, TESTFILE_ERROR, (struct place){0, 0, STR_EMPTY},
                          "the file is larger than %d MiB", TESTFILE_MAX_BYTES / 1024 / 1024);
        job->code = ERR_TOO_BIG;
        job->stage = JOB_DONE;
    } else {
        begin_reading(job, text);
    }
    return job;
}

bool testfile_go_on(struct testfile_job *job, size_t units)
{
    struct compile *c = &job->compile;

    switch (job->stage) {
    case JOB_READ:
        if (yaml_go_on(job->reading, units)) {
            enum error_code code = yaml_end(job->reading);

            job->reading = NULL;
            reading_done(job, code);
        }
        break;
    case JOB_CHECK:
        if (!characters_go_on(c, &job->check, units)) {
            break;
        }
        job->stage = JOB_WORDS;
        if (c->problems->n_errors > 0) { /* such a file is not looked at further */
            job_done(job);
        }
        break;
    case JOB_WORDS: /* the first file reads the tables of words, which takes a whole piece */
        c->dictionary = dictionary_opened(c->out->dictionary);
        c->out->is_read = true;
        walk_begin(&job->walk, job->stream.documents);
        job->stage = JOB_WALK;
        break;
    case JOB_WALK:
        if (walk_go_on(c, &job->walk, units)) {
            walk_done(job);
        }
        break;
    case JOB_DONE:
        break;
    }
    return job->stage == JOB_DONE;
}

enum error_code testfile_end(struct testfile_job *job)
{
    if (job->reading != NULL) { /* given up */
        job->code = yaml_end(job->reading);
        error_list_done(&job->errors);
        job->reading = NULL;
    }
    arena_done(&job->nodes);
    return job->code;
}

enum error_code testfile_compile(struct dictionary *dictionary, struct arena *arena,
                                 struct str text, const struct testfile_options *options,
                                 struct testfile *out, struct testfile_problems *problems)
{
    struct testfile_job *job = testfile_begin(dictionary, arena, text, options, out, problems);

    while (!testfile_go_on(job, SIZE_MAX)) {
    }
    return testfile_end(job);
}

void testfile_refuse_manifest(struct arena *arena, const struct testfile *file,
                              struct testfile_problems *problems)
{
    static const struct testfile_options none;
    struct testfile out = *file;
    struct compile c = {.arena = arena, .options = &none, .out = &out, .problems = problems};

    (void)problem_refuse(&c, (struct place){1, 1, STR_EMPTY},
                         "send the tests themselves, or use the command line: virtuoso-proxy run",
                         NULL,
                         "this is a manifest that names other files, and a server reads no files");
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
