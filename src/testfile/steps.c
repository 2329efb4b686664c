/* Steps: a list of step nodes to bound commands. */
#include "testfile_internal.h"

enum { FEW_STEPS = 32, WORDS_MAX = 16, LOOKED_AT_MAX = 1000 };

/* ---- variables in arguments ---- */

/* The value with its variables replaced. `is_name`: it is the name of a variable, and only loses its $. */
static struct json *replaced(struct compile *c, const struct json *value, bool is_name,
                             struct place place)
{
    struct str text = json_str(value);

    return json_type(value) != JSON_STRING
               ? json_copy(c->arena, value)
               : json_new_string(c->arena, is_name ? bare_name(text) : substitute(c, text, place));
}

/* The command that the words and the first arguments name; *out_n: how many arguments that were. */
static const struct command *find_command(const struct compile *c, struct str words,
                                          const struct json *args, size_t *out_n)
{
    struct str list[WORDS_MAX];
    const struct command *command;
    const struct json *value;
    size_t n_own = str_split(words, ' ', list, WORDS_MAX);
    size_t n = n_own;
    size_t n_name = 0;

    JSON_FOREACH (value, args) {
        if (n < WORDS_MAX && json_type(value) == JSON_STRING) {
            list[n++] = json_str(value);
        }
    }
    command = catalog_find(c->catalog, list, n, &n_name, NULL, NULL);
    *out_n = command != NULL && n_name > n_own ? n_name - n_own : 0;
    return command != NULL && n_name >= n_own ? command : NULL;
}

bool names_command(const struct compile *c, struct str words, const struct json *args)
{
    size_t n;

    return find_command(c, words, args, &n) != NULL;
}

/* Whether any text of the container may hold a reference to a variable. */
static bool may_refer(const struct json *container)
{
    const struct json *value;

    JSON_FOREACH (value, container) {
        if (str_find_char(json_str(value), '$') >= 0 || str_contains(json_str(value), STR("{{"))) {
            return true;
        }
    }
    return false;
}

/* Prepares the arguments of a command line: takes words of the command's name out, takes the $ off names
 * of variables, and replaces the variables in all others. */
static void replace_args(struct compile *c, struct str *words, struct testfile_step *step,
                         struct place place)
{
    size_t n_in_name;
    const struct command *command = find_command(c, *words, step->args, &n_in_name);
    struct json *args;
    struct json *options;
    const struct json *value;
    size_t at = 0;

    *words = command != NULL ? str_from(command->words) : *words;
    if (n_in_name == 0 && !may_refer(step->args) && !may_refer(step->options)) {
        return;
    }
    args = json_new_array(c->arena);
    options = json_new_object(c->arena);

    JSON_FOREACH (value, step->args) {
        bool is_name = command != NULL && at >= n_in_name && at - n_in_name < COMMAND_MAX_PARAMS &&
                       command->args[at - n_in_name].type == PARAM_VARIABLE;

        if (at++ >= n_in_name) {
            json_append(args, replaced(c, value, is_name, place));
        }
    }
    JSON_FOREACH (value, step->options) {
        bool is_name = str_is(json_name(value), "variable");

        json_set(options, json_name(value), replaced(c, value, is_name, place));
    }
    step->args = args;
    step->options = options;
}

/* `- Visit /login` and `step-navigate to /login` open what `navigate: /login` does. */
static bool complete_path(struct compile *c, struct str words, struct testfile_step *step,
                          struct place place)
{
    const struct json *url = json_first(step->args);
    struct json *args;
    struct str whole;

    if (!str_is(words, "step-navigate to") || !str_starts(json_str(url), STR("/"))) {
        return true;
    }
    place.text = json_str(url);
    if (!value_url(c, place, place.text, &whole)) {
        return false;
    }
    args = json_new_array(c->arena);
    json_append(args, json_new_string(c->arena, whole));
    for (url = json_next(url); url != NULL; url = json_next(url)) {
        json_append(args, json_copy(c->arena, url));
    }
    step->args = args;
    return true;
}

/* ---- one step ---- */

/* The next capacity. The first has room for the list that is being compiled if each element makes one step, as
 * most do, and for no more: a file may have many tests of one step. */
static size_t grown_cap(const struct compile *c)
{
    size_t more = c->cap_steps > c->n_in_list ? c->cap_steps : c->n_in_list;
    size_t least = c->cap_steps > 0 ? FEW_STEPS : 1;
    size_t cap = c->cap_steps + (more > least ? more : least);

    return cap < TESTFILE_MAX_STEPS ? cap : TESTFILE_MAX_STEPS;
}

static struct testfile_step *step_slot(struct compile *c)
{
    struct testfile_test *test = c->test;

    if (test->n_steps == c->cap_steps) {
        size_t cap = grown_cap(c);
        struct testfile_step *grown = arena_calloc(c->arena, cap, sizeof(*grown));

        for (size_t i = 0; i < test->n_steps; i++) {
            grown[i] = test->steps[i];
        }
        test->steps = grown;
        c->cap_steps = cap;
    }
    return &test->steps[test->n_steps++];
}

static bool room_left(struct compile *c, struct place place)
{
    if (c->out->n_steps < TESTFILE_MAX_STEPS && c->out->n_read <= TESTFILE_MAX_STEPS) {
        return true;
    }
    if (!c->full) {
        (void)problem_refuse(c, place, "split the file", NULL, "more than %d steps",
                             TESTFILE_MAX_STEPS);
        c->fatal = true;
    }
    c->full = true;
    return false;
}

/* The text of the argument that an error of the catalogue points at. */
static struct str pointed_at(const struct error *err, const struct json *args)
{
    struct str pointer = str_from(err->pointer);
    int64_t index;

    if (!str_starts(pointer, STR("/args/")) ||
        !str_to_i64(str_sub(pointer, 6, pointer.len), 0, 64, &index)) {
        return STR_EMPTY;
    }
    return json_str(json_at(args, (size_t)index));
}

/* True if a word of a command line begins with a dash that is no hyphen: an option was meant. */
static bool has_odd_option(const struct json *args)
{
    const struct json *value;

    JSON_FOREACH (value, args) {
        struct str text = json_str(value);
        struct str rest = text;

        if (text.len > 0 && str_find_char(text, ' ') < 0 && utf8_next(&rest) > 0 &&
            has_odd_dash(str_sub(text, 0, text.len - rest.len))) {
            return true;
        }
    }
    return false;
}

/* The message without the route at its end ("; GET /...") that tells more: the author of a file has no routes. */
static struct str without_route(const char *text)
{
    ptrdiff_t at = str_find(str_from(text), STR("; GET /"));

    return at > 0 ? str_sub(str_from(text), 0, (size_t)at) : str_from(text);
}

static void report_bind(struct compile *c, const struct error_list *errors,
                        const struct step_origin *origin, const struct json *args,
                        const struct command *command)
{
    for (size_t i = 0; i < errors->n; i++) {
        const struct error *err = &errors->items[i];
        struct place place = origin->place;
        struct testfile_problem *problem;
        struct str text = pointed_at(err, args);

        if (i > 0 && str_is(str_from(err->text), errors->items[i - 1].text)) {
            continue; /* the same message, for the next surplus argument */
        }
        place.text = text.len > 0 ? text : place.text;
        problem = problem_add(c, TESTFILE_ERROR, place, "%.*s", STR_ARG(without_route(err->text)));
        problem->width = 1; /* the text stands behind the verb that the caret shows */
        if (origin->raw && has_odd_option(args)) {
            problem->hint = STR("an option begins with two hyphens: --, and these are dashes");
        }
        if (command != NULL) {
            problem->example = str_from(command->example);
        }
    }
}

/* Only the run knows the journey. The command is bound with "1" in its place, which bind takes out again. */
static struct json *attach_args(struct compile *c, const struct json *args)
{
    struct json *full = json_new_array(c->arena);
    const struct json *value;

    json_append(full, json_new_string(c->arena, STR("1")));
    JSON_FOREACH (value, args) {
        json_append(full, json_copy(c->arena, value));
    }
    return full;
}

static bool bind(struct compile *c, struct str words, struct testfile_step *step,
                 const struct step_origin *origin)
{
    bool attach = str_is(words, "library attach");
    struct command_input input = {.catalog = c->catalog,
                                  .command = words,
                                  .args = attach ? attach_args(c, step->args) : step->args,
                                  .options = step->options,
                                  .position = -1,
                                  .defaults = c->options->defaults};
    struct error_list errors;
    bool ok;

    error_list_init(&errors);
    ok = catalog_bind(&input, c->arena, &step->bound, &errors) == ERR_OK;
    step->command = step->bound.command;
    if (!ok) {
        report_bind(c, &errors, origin, input.args, step->command);
    } else if (step->command->kind != COMMAND_STEP && !attach) {
        ok = problem_refuse(c, origin->place, NULL, NULL,
                            "\"%s\" does not make a step; a test file takes step-* commands and "
                            "library attach",
                            step->command->words);
    }
    if (ok && attach) {
        json_remove(step->bound.values, STR("journey_id"));
        c->n_attached++;
    }
    error_list_done(&errors);
    return ok;
}

static void report_warnings(struct compile *c, const struct bound_command *bound,
                            const struct step_origin *origin)
{
    for (size_t i = 0; i < bound->warnings.n; i++) {
        if (!str_contains(bound->warnings.items[i], STR("is another name of"))) {
            (void)problem_add(c, TESTFILE_WARNING, origin->place, "%.*s",
                              STR_ARG(bound->warnings.items[i]));
        }
    }
}

static void remember_element(struct compile *c, const struct testfile_step *step)
{
    struct str words = str_from(step->command->words);

    if (str_is(words, "step-interact click") || str_is(words, "step-interact write") ||
        str_is(words, "step-interact double-click")) {
        c->last_element = json_str(json_first(step->args));
    }
}

struct json *args_new(struct compile *c)
{
    struct json *args = c->spare_args != NULL ? c->spare_args : json_new_array(c->arena);

    c->spare_args = NULL;
    while (json_first(args) != NULL) {
        struct json *first = unconst(json_first(args));

        json_remove_child(args, first);
        c->spare_text = json_type(first) == JSON_STRING ? first : c->spare_text;
    }
    return args;
}

/* One empty object for all steps without options, since the options of a step are never changed. */
static struct json *no_options(struct compile *c)
{
    c->no_options = c->no_options != NULL ? c->no_options : json_new_object(c->arena);
    return c->no_options;
}

bool step_emit(struct compile *c, struct str words, struct json *args, struct json *options,
               const struct step_origin *origin)
{
    struct testfile_step step = {.args = args,
                                 .options = options != NULL ? options : no_options(c),
                                 .description = origin->description,
                                 .line = origin->place.line,
                                 .column = origin->place.column,
                                 .phase = c->phase,
                                 .optional = origin->optional};
    size_t n_errors = c->problems->n_errors;

    c->out->work++;
    if (!room_left(c, origin->place)) {
        return false;
    }
    if (origin->raw) {
        replace_args(c, &words, &step, origin->place);
        if (!complete_path(c, words, &step, origin->place)) {
            return false;
        }
    }
    if (c->problems->n_errors > n_errors || !bind(c, words, &step, origin)) {
        return false;
    }
    report_warnings(c, &step.bound, origin);
    remember_element(c, &step);
    *step_slot(c) = step;
    c->out->n_steps++;
    return true;
}

/* ---- lists ---- */

static bool step_of_any_kind(struct compile *c, const struct node *node)
{
    if (node->type == NODE_MAP && node->n_children > 0) {
        return step_map(c, node);
    }
    if (node->type == NODE_SCALAR && node->text.len > 0 && !node->is_null) {
        c->n_by_format[TESTFILE_FORMAT_SENTENCE]++;
        return step_text(c, node, node->text);
    }
    return problem_refuse(c, place_of(node),
                          is_cut_by_comment(c, node)
                              ? "a # begins a comment: a text that begins with it stands in quotes"
                              : NULL,
                          "- click: \"Sign in\"",
                          node->type == NODE_LIST ? "a step is a map or text, not a list"
                                                  : "this step is empty");
}

void step_done(struct compile *c, const struct node *node, bool ok, const struct step_mark *mark)
{
    if (ok) {
        c->out->n_compiled++;
        return;
    }
    c->out->n_failed++;
    if (c->options->lenient && !c->full) {
        (void)lenient_comment(c, node, mark);
    }
}

void compile_step(struct compile *c, const struct node *node)
{
    struct step_mark mark = step_mark(c);
    const struct node *control = node->type == NODE_MAP ? control_of(c, node) : NULL;

    c->out->work++;
    if (c->full) {
        return;
    }
    if (control != NULL) {
        if (!step_control(c, node, control)) {
            c->out->n_read++;
            step_done(c, node, false, &mark);
        }
        return;
    }
    if (!room_left(c, place_of(node))) {
        return;
    }
    c->out->n_read++;
    step_done(c, node, step_of_any_kind(c, node) && c->problems->n_errors == mark.problems.n_errors,
              &mark);
}

void compile_steps(struct compile *c, const struct node *list)
{
    if (list == NULL) {
        return;
    }
    if (list->type != NODE_LIST) {
        compile_step(c, list);
        return;
    }
    NODE_FOREACH (child, list) {
        compile_step(c, child);
    }
}

/* A command's own name as the first key that is no description. Keys such as `element` and `time`, which files of
 * others have, too, are fields that lack their verb, though commands are called so. */
static bool begins_with_own_name(const struct compile *c, const struct node *step)
{
    NODE_FOREACH (child, step) {
        const struct key *key = key_find(c->dictionary, child->key);

        if (key == NULL || !key->is_beside) {
            const struct verb *own = verb_own(c->dictionary, STR_EMPTY, child->key);

            return own != NULL && (key == NULL || !name_set_has(&own->fields, key->id));
        }
    }
    return false;
}

static bool looks_ours(const struct compile *c, const struct node *step)
{
    static const char marks[] = "stepType type command action";

    if (step->type == NODE_SCALAR && step->text.len > 0) {
        return true;
    }
    for (const struct node *child = step->type == NODE_MAP ? step->first : NULL; child != NULL;
         child = child->next) {
        if (str_has_word(marks, child->key) || verb_find(c->dictionary, child->key) != NULL) {
            return true;
        }
    }
    return begins_with_own_name(c, step);
}

/* A list that begins with LOOKED_AT_MAX foreign steps is not ours. */
bool steps_look_ours(const struct compile *c, const struct node *list)
{
    const struct node *step = list != NULL ? list->first : NULL;

    for (size_t n = 0; step != NULL && n < LOOKED_AT_MAX; step = step->next, n++) {
        if (looks_ours(c, step)) {
            return true;
        }
    }
    return false;
}
