/* The tests and steps of a run as its file has given them, for the store: a process that carries
 * the run on sends what the first process would have sent, even if variables, words or configuration have changed.
 * They are lines of JSON, cut into parts; each part is sealed with a key of the account. Without a key the values of
 * steps are left out, and no process can carry such a run on. */
#include "share_internal.h"

#include "base/json_form.h"
#include "crypto/seal.h"

#define HIDDEN "***"

/* A part is sealed to its place: the id of the run and the number of the part. */
static struct str place_of(const char *id, size_t part, char room[RUN_KEY_MAX])
{
    return str_print(room, RUN_KEY_MAX, "%s.%zu", id, part);
}

/* --- written */

/* Without a key a text that contains the value of a variable is hidden. */
static struct str shown(const struct run_log *log, struct str text)
{
    const struct testfile_options *options = log->options;

    for (size_t i = 0; i < options->n_variables && !log->seals; i++) {
        struct str value = str_trim(options->variables[i].value); /* names are trimmed, too */

        if (value.len > 0 && str_contains(text, value)) {
            return STR(HIDDEN);
        }
    }
    return text;
}

static void write_file(const struct run_log *log, struct json_writer *w)
{
    const struct testfile *file = &log->run->building->file;

    jw_form(w, "format:%i, tests:%i, warnings:%s", file->format, file->n_tests,
            log->seals ? log->run->warnings : STR("[]"));
}

/* The run's test at this place in the file; NULL: the run does not have it. */
static const struct run_test *in_run(const struct run *run, size_t index)
{
    for (size_t i = 0; i < run->n_tests; i++) {
        if (run->tests[i].index == index) {
            return &run->tests[i];
        }
    }
    return NULL;
}

static void write_test(const struct run_log *log, struct json_writer *w,
                       const struct testfile_test *test, size_t n_steps)
{
    jw_form(w,
            "name:%s, description:%s, project_id:%s, project:%s, goal:%s, journey:%s, "
            "checkpoint:%s, checkpoint_id:%s, starting_url:%s",
            shown(log, test->name), shown(log, test->description), shown(log, test->project_id),
            shown(log, test->project), shown(log, test->goal), shown(log, test->journey),
            shown(log, test->checkpoint), test->checkpoint_id, shown(log, test->starting_url));
    jw_form(w, "continue_on_error:%b, width:%i, height:%i, line:%i, tags:[",
            test->config.continue_on_error, test->config.viewport_width,
            test->config.viewport_height, test->line);
    for (size_t i = 0; i < test->n_tags; i++) {
        jw_str(w, shown(log, test->tags[i]));
    }
    jw_form(w, "], steps:%i", n_steps);
}

static void write_step(const struct run_log *log, struct json_writer *w,
                       const struct testfile_step *step, const struct run_step *note)
{
    char room[RUN_KEY_MAX];
    bool is_shown = log->seals || log->options->n_variables == 0;

    jw_form(w, "command:%s, text:%s, description:%s, line:%i, column:%i, phase:%i, optional:%b",
            step->command->words,
            is_shown ? note->text
                     : str_print(room, sizeof(room), "%s " HIDDEN, note->command->words),
            shown(log, step->description), step->line, step->column, step->phase, step->optional);
    if (log->seals) {
        jw_key(w, "values");
        json_write(w, step->bound.values);
    }
}

/* Writes the next line. */
static void write_next(struct run_log *log)
{
    struct run_steps_place *at = &log->at;
    const struct testfile *file = &log->run->building->file;
    const struct testfile_test *test = at->begun ? &file->tests[at->test] : NULL;
    const struct run_test *note = at->begun ? in_run(log->run, at->test) : NULL;
    size_t n_steps = note != NULL ? test->n_steps : 0;
    struct json_writer w;

    jw_init(&w, &log->text);
    jw_object(&w);
    if (!at->begun) {
        write_file(log, &w);
        at->begun = true;
    } else if (!at->in_test) {
        write_test(log, &w, test, n_steps);
        at->in_test = true;
    } else {
        write_step(log, &w, &test->steps[at->step], &note->steps[at->step]);
        at->step++;
    }
    jw_end(&w);
    buf_char(&log->text, '\n');
    if (at->in_test && at->step == n_steps) {
        *at = (struct run_steps_place){.begun = true, .test = at->test + 1};
    }
    at->ended = at->begun && at->test == file->n_tests;
}

void steps_write_part(struct run_log *log, struct buf *out)
{
    char room[RUN_KEY_MAX];
    struct str part;

    while (!log->at.ended && log->text.len < RUN_PART_BYTES) {
        write_next(log);
    }
    part = str_sub(buf_view(&log->text), 0, RUN_PART_BYTES);
    if (log->seals) {
        seal_write(&log->key, place_of(log->run->id, log->at_part, room), part, out);
    } else {
        buf_str(out, part);
    }
    buf_consume(&log->text, part.len);
    log->at_part++;
}

bool steps_are_written(const struct run_log *log)
{
    return log->at.ended && log->text.len == 0;
}

/* --- read */

bool steps_take_part(struct run_mirror *mirror, struct str bytes)
{
    const struct run_document *document = &mirror->document;
    char room[RUN_KEY_MAX];
    struct str place = place_of(mirror->run->id, mirror->part++, room);
    struct arena scratch;
    struct str text = bytes;
    bool opened = !document->sealed;

    arena_init(&scratch);
    for (size_t i = 0; i < document->n_keys && !opened; i++) {
        opened = seal_read(&scratch, &document->keys[i], place, bytes, &text);
    }
    buf_consume(&mirror->text, mirror->n_taken);
    mirror->n_taken = 0;
    if (opened) {
        buf_str(&mirror->text, text);
    }
    arena_done(&scratch);
    return opened && bytes.len > 0 && buf_ok(&mirror->text);
}

struct line {
    struct run_mirror *mirror;
    struct arena *arena; /* for what stays */
    const struct json *json;
};

static struct str text_of(const struct line *line, const char *name)
{
    return arena_str(line->arena, json_str(json_get(line->json, name)));
}

static bool take_file(const struct line *line, struct testfile *file)
{
    size_t n = (size_t)json_get_int(line->json, "tests", 0);

    if (n == 0 || n > TESTFILE_MAX_TESTS) {
        return false;
    }
    file->format = (enum testfile_format)json_get_int(line->json, "format", 0);
    file->tests = arena_calloc(line->arena, n, sizeof(*file->tests));
    file->n_tests = n;
    line->mirror->run->warnings =
        run_keep(line->mirror->run, json_str(json_get(line->json, "warnings")));
    return file->format <= TESTFILE_FORMAT_SUITE;
}

static bool take_test(const struct line *line, struct testfile_test *test)
{
    const struct json *tags = json_get(line->json, "tags");
    const struct json *tag;

    *test = (struct testfile_test){
        .name = text_of(line, "name"),
        .description = text_of(line, "description"),
        .project_id = text_of(line, "project_id"),
        .project = text_of(line, "project"),
        .goal = text_of(line, "goal"),
        .journey = text_of(line, "journey"),
        .checkpoint = text_of(line, "checkpoint"),
        .checkpoint_id = text_of(line, "checkpoint_id"),
        .starting_url = text_of(line, "starting_url"),
        .config = {.continue_on_error = json_true(json_get(line->json, "continue_on_error")),
                   .viewport_width = (unsigned)json_get_int(line->json, "width", 0),
                   .viewport_height = (unsigned)json_get_int(line->json, "height", 0)},
        .tags = arena_calloc(line->arena, json_size(tags), sizeof(*test->tags)),
        .n_steps = (size_t)json_get_int(line->json, "steps", 0),
        .line = (unsigned)json_get_int(line->json, "line", 0),
    };
    JSON_FOREACH (tag, tags) {
        test->tags[test->n_tags++] = arena_str(line->arena, json_str(tag));
    }
    if (json_type(json_get(line->json, "name")) != JSON_STRING ||
        test->n_steps > TESTFILE_MAX_STEPS) {
        return false;
    }
    test->steps = arena_calloc(line->arena, test->n_steps, sizeof(*test->steps));
    return true;
}

static const struct command *command_of(const struct catalog *catalog, struct str words)
{
    for (size_t i = 0; i < catalog_size(catalog); i++) {
        if (str_is(words, catalog_at(catalog, i)->words)) {
            return catalog_at(catalog, i);
        }
    }
    return NULL;
}

static bool take_step(const struct line *line, struct testfile_step *step)
{
    const struct catalog *catalog = line->mirror->store->options.catalog;
    const struct command *command = command_of(catalog, json_str(json_get(line->json, "command")));
    const struct json *values = json_get(line->json, "values");
    bool has_values = json_type(values) == JSON_OBJECT;

    if (command == NULL || has_values != line->mirror->document.sealed ||
        (uint64_t)json_get_int(line->json, "phase", 0) > TESTFILE_TEARDOWN) {
        return false;
    }
    *step = (struct testfile_step){
        .command = command,
        .bound = {.command = command, .call = catalog_call(catalog, command)},
        .text = text_of(line, "text"),
        .description = text_of(line, "description"),
        .line = (unsigned)json_get_int(line->json, "line", 0),
        .column = (unsigned)json_get_int(line->json, "column", 0),
        .phase = (enum testfile_phase)json_get_int(line->json, "phase", 0),
        .optional = json_true(json_get(line->json, "optional")),
    };
    if (has_values) {
        step->bound.values = json_copy(line->arena, values);
    }
    return true;
}

static bool take_line(struct run_mirror *mirror, struct arena *scratch, struct str text)
{
    struct run_steps_place *at = &mirror->at;
    struct testfile *file = mirror->file;
    struct line line = {.mirror = mirror, .arena = &mirror->run->work};
    struct testfile_test *test = at->begun ? &file->tests[at->test] : NULL;
    struct json *json = NULL;
    bool ok;

    if (at->ended || json_parse(scratch, text, &json_of_ours, &json, NULL) != ERR_OK) {
        return false;
    }
    line.json = json;
    if (!at->begun) {
        ok = take_file(&line, file);
        at->begun = true;
    } else if (!at->in_test) {
        ok = take_test(&line, test);
        at->in_test = true;
    } else {
        ok = take_step(&line, &test->steps[at->step]);
        at->step++;
    }
    if (ok && at->in_test && at->step == test->n_steps) {
        *at = (struct run_steps_place){.begun = true, .test = at->test + 1};
    }
    at->ended = ok && at->begun && at->test == file->n_tests;
    return ok;
}

enum steps_read steps_read(struct run_mirror *mirror, size_t n_lines)
{
    struct str rest = str_sub(buf_view(&mirror->text), mirror->n_taken, mirror->text.len);
    struct arena scratch;
    struct str line;
    bool ok = true;

    arena_init(&scratch);
    for (size_t i = 0; i < n_lines && ok && str_find(rest, STR("\n")) >= 0; i++) {
        ok = str_next(&rest, '\n', &line) && take_line(mirror, &scratch, line);
        arena_reset(&scratch);
    }
    arena_done(&scratch);
    mirror->n_taken = mirror->text.len - rest.len;
    if (!ok) {
        return STEPS_BROKEN;
    }
    if (mirror->at.ended) {
        return STEPS_ALL;
    }
    return str_find(rest, STR("\n")) >= 0 ? STEPS_MORE : STEPS_NEXT_PART;
}
