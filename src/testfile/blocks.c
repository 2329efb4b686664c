/* use, if and loop: the platform has none of them, so they are resolved here, when the file is compiled. */
#include "base/nearest.h"
#include "testfile_internal.h"

static bool too_deep(struct compile *c, struct place place)
{
    if (c->depth < BLOCK_MAX_DEPTH) {
        return false;
    }
    (void)problem_add(c, TESTFILE_ERROR, place,
                      "blocks and loops nest more than %d deep here; does a block use itself?",
                      BLOCK_MAX_DEPTH);
    return true;
}

/* Each step that a block or a loop makes counts: nesting cannot multiply without end. */
static bool room_for(struct compile *c, struct place place, size_t n)
{
    if (n <= TESTFILE_MAX_UNROLLED && c->n_unrolled + n <= TESTFILE_MAX_UNROLLED) {
        c->n_unrolled += n;
        return true;
    }
    if (c->n_unrolled <= TESTFILE_MAX_UNROLLED) {
        (void)problem_add(c, TESTFILE_ERROR, place,
                          "loops make more than %d steps in all; write fewer rounds",
                          TESTFILE_MAX_UNROLLED);
    }
    c->n_unrolled = TESTFILE_MAX_UNROLLED + 1;
    return false;
}

static bool only_keys(struct compile *c, const struct node *map, const char *keys,
                      const char *example)
{
    bool ok = true;

    NODE_FOREACH (child, map) {
        struct testfile_problem *problem;

        if (str_has_word(keys, child->key)) {
            continue;
        }
        problem = problem_add(c, TESTFILE_ERROR, place_of_key(child), "unknown field \"%.*s\"",
                              CLIPPED(child->key));
        problem->nearest = nearest_among(child->key, keys);
        problem->example = str_from(example);
        ok = false;
    }
    return ok;
}

static size_t n_items(const struct node *steps)
{
    return steps == NULL ? 0 : steps->type == NODE_LIST ? steps->n_children : 1;
}

static void compile_in(struct compile *c, const struct var_scope *scope, const struct node *steps)
{
    const struct var_scope *outer = c->scope;

    c->scope = scope;
    c->depth++;
    compile_steps(c, steps);
    c->depth--;
    c->scope = outer;
}

/* ---- use ---- */

static bool unknown_block(struct compile *c, const struct node *name)
{
    struct nearest nearest;
    struct testfile_problem *problem = problem_add(
        c, TESTFILE_ERROR, place_of(name), "this file has no block \"%.*s\"", CLIPPED(name->text));

    nearest_init(&nearest, name->text);
    NODE_FOREACH (block, c->blocks) {
        nearest_offer(&nearest, block->key);
    }
    problem->nearest = nearest.best;
    problem->hint = STR("blocks stand under blocks: in the same file; other files are not read");
    problem->example = STR("blocks: {login: [{click: \"Sign in\"}]}");
    return false;
}

/* The steps of a block: a list, or a map that has them beside a description. */
static const struct node *steps_of_block(struct compile *c, const struct node *block)
{
    const struct node *steps = first_of(block, "steps do");

    if (steps == NULL) {
        return block;
    }
    check_members(c, block, "a block", "steps do name description desc params parameters with");
    return steps;
}

/* False: the error was added. *out_with is NULL where there are no variables. */
static bool read_with(struct compile *c, const struct node *step, const struct node *value,
                      const struct node **out_with)
{
    const struct node *with = node_get(step, "with");

    if (with == NULL && value->type == NODE_MAP) {
        with = node_get(value, "with");
    }
    *out_with = with;
    if (with == NULL || with->type == NODE_MAP) {
        return true;
    }
    return problem_refuse(c, place_of(with), NULL, NULL, "with must be a map of variables");
}

static bool step_use(struct compile *c, const struct node *step, const struct node *value)
{
    const struct node *name = value->type == NODE_MAP ? node_get(value, "block") : value;
    const struct node *block;
    const struct node *steps;
    struct var_scope scope = {.outer = c->scope};

    if (value->type == NODE_MAP &&
        !only_keys(c, value, "block with", "use: {block: login, with: {user: ada}}")) {
        return false;
    }
    if (name == NULL || name->type != NODE_SCALAR) {
        return problem_refuse(c, place_of(value), NULL, "use: login",
                              "use needs the name of a block");
    }
    block = node_get_str(c->blocks, name->text);
    if (block == NULL) {
        return unknown_block(c, name);
    }
    steps = steps_of_block(c, block);
    if (!read_with(c, step, value, &scope.map) || too_deep(c, place_of(name)) ||
        (c->depth > 0 && !room_for(c, place_of(name), n_items(steps)))) {
        return false;
    }
    compile_in(c, &scope, steps);
    return true;
}

/* ---- if ---- */

static bool is_false(struct str text)
{
    return text.len == 0 || str_among_nocase(text, STR("false no 0 null off"), ' ');
}

/* One side of a comparison: a text in quotes, a plain word, or a variable that is known. */
static bool side_value(const struct compile *c, struct str text, struct str *out)
{
    struct str name;
    const struct node *node;

    text = str_trim(text);
    name = whole_reference(text);
    if (name.len == 0) {
        *out = str_unquote(text);
        return str_find_char(text, '$') < 0 && str_find_char(text, '(') < 0;
    }
    if (!var_find(c->scope, name, &node, out)) {
        return false;
    }
    if (node != NULL && node->type == NODE_SCALAR) {
        *out = node->text;
    } else if (node != NULL) {
        *out = node->n_children > 0 ? STR("true") : STR_EMPTY;
    }
    return true;
}

/* Whether the condition can be decided, and its value. It is VALUE, !VALUE, A == B or A != B. */
static bool condition(const struct compile *c, struct str text, bool *out)
{
    static const char *const signs[] = {"!=", "=="};
    struct str a;
    struct str b;
    bool negated = false;

    text = str_trim(text);
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        ptrdiff_t at = str_find(text, str_from(signs[i]));

        if (at > 0) {
            bool known = side_value(c, str_sub(text, 0, (size_t)at), &a) &&
                         side_value(c, str_sub(text, (size_t)at + 2, text.len), &b);

            *out = known && str_eq(a, b) == (i == 1);
            return known;
        }
    }
    while (text.len > 0 && text.ptr[0] == '!') {
        negated = !negated;
        text = str_trim(str_sub(text, 1, text.len));
    }
    if (whole_reference(text).len == 0 && !is_false(text) &&
        !str_among_nocase(text, STR("true yes"), ' ')) {
        return false;
    }
    if (!side_value(c, text, &a)) {
        return false;
    }
    *out = is_false(a) == negated;
    return true;
}

static bool step_if(struct compile *c, const struct node *value)
{
    static const char example[] = "if: {cond: \"$loggedIn\", then: [{click: Logout}], else: []}";
    const struct node *cond = first_of(value, "cond condition");
    const struct node *branch;
    struct var_scope scope = {.outer = c->scope};
    bool truth;

    if (value->type == NODE_MAP && !only_keys(c, value, "cond condition then else", example)) {
        return false;
    }
    if (cond == NULL || cond->type != NODE_SCALAR || node_get(value, "then") == NULL) {
        return problem_refuse(c, place_of(value), NULL, example, "if needs cond and then");
    }
    if (!condition(c, cond->text, &truth)) {
        return problem_refuse(
            c, place_of(cond), "set the variable in the file, or write two tests", NULL,
            "the condition is not known when the file is compiled, and the platform "
            "has no branches");
    }
    if (too_deep(c, place_of(value))) {
        return false;
    }
    branch = node_get(value, truth ? "then" : "else");
    if (branch != NULL && branch->n_children + branch->text.len > 0) {
        compile_in(c, &scope, branch);
    }
    return true;
}

/* ---- loop ---- */

static const struct node *loop_list(struct compile *c, const struct node *over)
{
    const struct node *list = over;
    struct str text;

    if (over != NULL && over->type == NODE_SCALAR && whole_reference(over->text).len > 0) {
        list = NULL;
        (void)var_find(c->scope, whole_reference(over->text), &list, &text);
    }
    if (list != NULL && list->type == NODE_LIST) {
        return list;
    }
    (void)problem_refuse(
        c, place_of(over), "give a list, or a variable of this file that is one",
        "loop: {over: [a, b], as: item, do: [{click: \"$item\"}]}",
        "the list of this loop is not known when the file is compiled, and the platform "
        "has no loops");
    return NULL;
}

static bool loop_rounds(struct compile *c, const struct node *value, size_t *out)
{
    const struct node *max = node_get(value, "max");
    int64_t number;

    if (max == NULL) {
        return true;
    }
    if (max->type != NODE_SCALAR || !str_to_i64(max->text, 0, TESTFILE_MAX_UNROLLED, &number)) {
        return problem_refuse(c, place_of(max), NULL, NULL, "max must be a number from 0 to %d",
                              TESTFILE_MAX_UNROLLED);
    }
    *out = (size_t)number < *out ? (size_t)number : *out;
    return true;
}

static bool step_loop(struct compile *c, const struct node *value)
{
    static const char example[] = "loop: {over: [a, b], as: item, do: [{click: \"$item\"}]}";
    const struct node *over = node_get(value, "over");
    const struct node *as = node_get(value, "as");
    const struct node *body = first_of(value, "do steps");
    const struct node *list;
    const struct node *item;
    size_t rounds;

    if (value->type == NODE_MAP && !only_keys(c, value, "over as do steps max", example)) {
        return false;
    }
    if (over == NULL || body == NULL) {
        return problem_refuse(c, place_of(value), NULL, example, "loop needs over and do");
    }
    list = loop_list(c, over);
    rounds = list != NULL ? list->n_children : 0;
    if (list == NULL || !loop_rounds(c, value, &rounds) || too_deep(c, place_of(value))) {
        return false;
    }
    item = list->first;
    for (size_t i = 0; i < rounds; i++, item = item->next) {
        struct var_scope scope = {
            .outer = c->scope, .name = as != NULL ? as->text : STR("item"), .single = item};

        if (!room_for(c, place_of(value), n_items(body))) {
            return false;
        }
        compile_in(c, &scope, body);
    }
    return true;
}

bool step_control(struct compile *c, const struct node *node, const struct node *verb)
{
    if (str_is(verb->key, "if")) {
        return step_if(c, verb);
    }
    if (str_is(verb->key, "loop")) {
        return step_loop(c, verb);
    }
    if (!only_keys(c, node, "use run include with description desc name optional", "use: login")) {
        return false;
    }
    return step_use(c, node, verb);
}
