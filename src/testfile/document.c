/* One document of a file: its variables, its head, and its lists of steps, or several tests
 * under the same head. */
#include "base/map.h"
#include "testfile_internal.h"

static struct testfile_test *test_new(struct compile *c, const struct node *node)
{
    struct testfile *out = c->out;
    struct testfile_test *test;

    out->tests = arena_room(c->arena, out->tests, out->n_tests, sizeof(*out->tests));
    test = &out->tests[out->n_tests++];
    *test = (struct testfile_test){.line = node->line};
    c->test = test;
    c->cap_steps = 0;
    c->n_in_list = 0;
    c->last_element = STR_EMPTY;
    return test;
}

/* ---- variables ---- */

static const char *const variable_keys[] = {"variables", "vars", "data"};

static struct var_scope *scope_new(struct compile *c, const struct var_scope *outer)
{
    struct var_scope *scope = arena_zalloc(c->arena, sizeof(*scope));

    scope->outer = outer;
    return scope;
}

/* `variables: [{name: user, value: ada}]` */
static const struct var_scope *push_list(struct compile *c, const struct var_scope *outer,
                                         const struct node *list)
{
    struct var_scope *scope = scope_new(c, outer);
    struct testfile_variable *variables =
        arena_calloc(c->arena, list->n_children + 1, sizeof(*variables));

    scope->list = variables;
    NODE_FOREACH (item, list) {
        const struct node *name = node_get(item, "name");
        const struct node *value = node_get(item, "value");

        if (name != NULL && value != NULL) {
            check_members(c, item, "a variable", "name value description type");
        }
        if (name == NULL || value == NULL || name->type != NODE_SCALAR ||
            value->type != NODE_SCALAR) {
            (void)problem_refuse(c, place_of(item), NULL, "variables: {user: ada}",
                                 "a variable needs a name and a value");
            continue;
        }
        variables[scope->n_list++] =
            (struct testfile_variable){name->text, substitute(c, value->text, place_of(value))};
    }
    return scope;
}

/* Adds the scopes of a document on top of `outer`; maps with many names get an index. */
static const struct var_scope *push_variables(struct compile *c, const struct var_scope *outer,
                                              const struct node *document)
{
    for (size_t i = 0; i < ARRAY_LEN(variable_keys); i++) {
        const struct node *map = node_get(document, variable_keys[i]);
        struct var_scope *scope;

        if (map == NULL || map->is_null) {
            continue;
        }
        if (map->type == NODE_LIST) {
            outer = push_list(c, outer, map);
            continue;
        }
        if (map->type != NODE_MAP) {
            (void)problem_refuse(c, place_of(map), NULL, "variables: {user: ada}",
                                 "%s must be a map of names and values", variable_keys[i]);
            continue;
        }
        scope = scope_new(c, outer);
        scope->map = map;
        var_index(c->arena, scope);
        outer = scope;
    }
    return outer;
}

/* Reports circles also in variables that no step uses. */
static void check_variables(struct compile *c, const struct node *document)
{
    for (size_t i = 0; i < ARRAY_LEN(variable_keys); i++) {
        const struct node *map = node_get(document, variable_keys[i]);

        NODE_FOREACH (child, map) {
            if (child->type == NODE_SCALAR && child->key.len > 0) {
                (void)substitute(c, child->text, place_of(child));
            }
        }
    }
}

/* The caller's variables become the innermost scope: they win over all others. */
static const struct var_scope *push_callers(struct compile *c, const struct var_scope *outer)
{
    struct var_scope *scope;

    if (c->options->n_variables == 0) {
        return outer;
    }
    scope = scope_new(c, outer);
    scope->list = c->options->variables;
    scope->n_list = c->options->n_variables;
    return scope;
}

/* ---- lists of steps ---- */

/* The first step of a list; NULL: there is none, or it is no list. */
static const struct node *begin_list(struct compile *c, const struct node *map, const char *key)
{
    const struct node *list = node_get(map, key);

    if (list == NULL || (list->type == NODE_SCALAR && list->is_null)) {
        return NULL;
    }
    if (list->type == NODE_LIST) {
        c->n_in_list = list->n_children;
        return list->first;
    }
    (void)problem_refuse(c, place_of(list),
                         list->first != NULL && yaml_begins_with_dash(list->first->key)
                             ? "this is not a hyphen and a space: begin each step with \"- \""
                             : "begin each step with \"- \"",
                         "steps: [{click: \"Sign in\"}]", "%s must be a list of steps", key);
    c->fatal = true;
    return NULL;
}

/* `nav: /login` above the steps is the first of them. */
static void compile_nav(struct compile *c, const struct node *document)
{
    const struct node *nav = node_get(document, "nav");
    struct step_mark mark;
    struct bag bag;

    if (nav == NULL) {
        return;
    }
    bag_init(c, &bag, TESTFILE_FORMAT_COMPACT, STR("nav"), place_of_key(nav));
    bag.value = nav;
    c->phase = node_get(document, "setup") != NULL ? TESTFILE_SETUP : TESTFILE_STEPS;
    c->out->n_read++;
    mark = step_mark(c);
    step_done(c, nav, map_bag(c, &bag), &mark);
}

static const struct {
    const char *key;
    enum testfile_phase phase;
} lists[] = {
    {"setup", TESTFILE_SETUP},       {"steps", TESTFILE_STEPS},      {"do", TESTFILE_STEPS},
    {"teardown", TESTFILE_TEARDOWN}, {"cleanup", TESTFILE_TEARDOWN},
};

static void check_head(struct compile *c, const struct node *map)
{
    struct testfile_test *test = c->test;

    if (test->name.len == 0 && test->journey.len > 0) {
        test->name = test->journey;
    }
    if (test->name.len == 0 && first_of(map, "name test") == NULL && test->checkpoint_id.len == 0) {
        problem_add(c, TESTFILE_WARNING, place_of(map), "the test has no name")->example =
            STR("name: Login works");
    }
    if (node_get(map, "include") != NULL) {
        (void)problem_refuse(c, place_of_key(node_get(map, "include")),
                             "put its steps under blocks: here and use them by name", NULL,
                             "include has no effect: other files are not read");
    }
}

static void check_steps(struct compile *c, const struct node *map, size_t n_read)
{
    const struct node *steps = node_get(map, "steps");
    bool is_told = steps != NULL &&
                   (steps->type == NODE_MAP || (steps->type == NODE_SCALAR && steps->text.len > 0));

    if (c->out->n_read == n_read && c->test->n_steps == 0 && !is_told) {
        c->fatal = true;
        (void)problem_refuse(c, steps != NULL ? place_of_key(steps) : place_of(map), NULL,
                             "steps: [{click: \"Sign in\"}]", "this test has no steps");
    }
}

/* ---- a manifest: goals, and the test files of their journeys ---- */

bool is_manifest(const struct node *document)
{
    const struct node *goals = node_get(document, "goals");

    return goals != NULL && goals->type == NODE_LIST && first_of(document, "steps do") == NULL;
}

static void manifest_add(struct compile *c, struct str goal, const struct node *journey)
{
    const struct node *file = first_of(journey, "test_file file");
    struct testfile *out = c->out;

    check_members(c, journey, "a journey", "name test_file file description tags id");
    if (file == NULL || file->type != NODE_SCALAR || file->text.len == 0) {
        (void)problem_refuse(c, place_of(journey), NULL, "{name: Login, test_file: login.yaml}",
                             "this journey has no test_file");
        return;
    }
    out->manifest = arena_room(c->arena, out->manifest, out->n_manifest, sizeof(*out->manifest));
    out->manifest[out->n_manifest++] = (struct testfile_manifest_entry){
        .goal = goal,
        .journey = header_text(c, node_get(journey, "name"), "name"),
        .path = file->text,
        .line = file->line,
        .column = file->column,
    };
}

void read_manifest(struct compile *c, const struct node *document)
{
    const struct node *goals = node_get(document, "goals");

    c->out->format = TESTFILE_FORMAT_SUITE;
    c->fatal = true;
    check_manifest_head(c, document);
    NODE_FOREACH (goal, goals) {
        const struct node *journeys = node_get(goal, "journeys");
        struct str name = header_text(c, node_get(goal, "name"), "name");

        check_members(c, goal, "a goal", "name journeys description tags id");

        if (journeys == NULL || journeys->type != NODE_LIST) {
            (void)problem_add(c, TESTFILE_ERROR, place_of(goal), "this goal has no journeys");
            continue;
        }
        for (const struct node *journey = journeys->first; journey != NULL;
             journey = journey->next) {
            manifest_add(c, name, journey);
        }
    }
}

/* ---- documents ---- */

/* A long file is compiled in pieces: what the walk through it needs to go on stands in struct walk,
 * and each stage is a function. */

/* Compiles nav, and makes the walk go on with the first list of the map. */
static void begin_lists(struct compile *c, struct walk *walk, const struct node *map)
{
    const struct node *setup = node_get(map, "setup");

    walk->map = map;
    walk->at_list = 0;
    walk->step = NULL;
    compile_nav(c, map);
    if (setup != NULL && setup->type == NODE_MAP) {
        read_header(c, setup); /* of suites: {checkpoint_id, base_url} */
        walk->at_list = 1;
    }
    walk->stage = WALK_STEPS;
}

/* The head of a test, then its lists. */
static void begin_test(struct compile *c, struct walk *walk, const struct node *map,
                       enum walk_stage after)
{
    walk->n_read = c->out->n_read;
    walk->after_lists = after;
    read_header(c, map);
    check_head(c, map);
    check_variables(c, map);
    begin_lists(c, walk, map);
}

/* Steps may be one map: a step, which is bounded when it is read, variables, or texts of another tool. */
static bool refuse_wide_items(struct compile *c, const struct node *items, bool are_tests)
{
    if (items == NULL ||
        (items->type == NODE_MAP && !are_tests && items->n_children <= MEMBERS_MAX)) {
        return false;
    }
    NODE_FOREACH (item, items) {
        if (refuse_wide(c, item, are_tests ? "a test" : "a step")) {
            if (are_tests && first_of(item, "steps do setup teardown cleanup nav") == NULL) {
                c->out->other = "none of its tests has steps";
            }
            return true;
        }
    }
    return false;
}

/* Looks for maps that are too wide for a test before anything is looked for in them. */
static bool refuse_wide_document(struct compile *c, const struct node *document)
{
    struct str keys = STR("steps do setup teardown cleanup tests");
    struct str key;

    if (refuse_wide(c, document, "the file")) {
        const struct node *list = first_of(document, "steps do tests");

        c->out->other = list == NULL || list->type != NODE_LIST ? "the file has no steps" : NULL;
        return true;
    }
    while (str_next(&keys, ' ', &key)) {
        if (refuse_wide_items(c, node_get_str(document, key), str_is(key, "tests"))) {
            return true;
        }
    }
    return false;
}

static void walk_document(struct compile *c, struct walk *walk)
{
    const struct node *document = walk->document;
    const struct node *tests = node_get(document, "tests");

    walk->stage = WALK_DOCUMENT_END;
    if (refuse_wide_document(c, document)) {
        c->fatal = true;
        return;
    }
    if (is_manifest(document)) {
        read_manifest(c, document);
        return;
    }
    if (refuse_other(c, document)) {
        c->fatal = true;
        return;
    }
    c->base_url = STR_EMPTY;
    c->scope = push_callers(c, push_variables(c, c->scope, document));
    c->blocks = node_get(document, "blocks");
    walk->stage = tests != NULL ? WALK_SUITE : WALK_SINGLE;
}

static void walk_suite(struct compile *c, struct walk *walk)
{
    const struct node *document = walk->document;
    const struct node *tests = node_get(document, "tests");
    const struct node *setup = node_get(document, "setup");

    walk->head = (struct testfile_test){.line = document->line};
    walk->setup = (struct var_scope){.outer = c->scope};
    c->test = &walk->head;
    if (setup != NULL && setup->type == NODE_MAP) {
        walk->setup.map = setup; /* ${base_url} in its steps */
        c->scope = &walk->setup;
    }
    read_header(c, document);
    if (walk->setup.map != NULL) {
        read_header(c, setup);
    }
    check_variables(c, document);
    walk->base_url = c->base_url;
    if (tests->type != NODE_LIST || tests->n_children == 0) {
        c->fatal = true;
        (void)problem_refuse(c, place_of(tests), NULL,
                             "tests: [{name: Login, steps: [{click: \"Sign in\"}]}]",
                             "tests must be a list of tests");
    }
    walk->test = tests->type == NODE_LIST ? tests->first : NULL;
    walk->stage = WALK_TEST;
}

/* The head of the file holds for each of its tests; what a test says itself wins. */
static void walk_test(struct compile *c, struct walk *walk)
{
    const struct node *map = walk->test;
    struct testfile_test *test;

    if (map != NULL && c->out->n_tests >= TESTFILE_MAX_TESTS) {
        c->fatal = true;
        (void)problem_refuse(c, place_of(map), "split the file", NULL, "more than %d tests",
                             TESTFILE_MAX_TESTS);
        map = NULL;
    }
    if (map == NULL) {
        c->test = NULL;
        c->scope = walk->setup.outer;
        walk->stage =
            first_of(walk->document, "steps do nav") != NULL ? WALK_SINGLE : WALK_DOCUMENT_END;
        return;
    }
    walk->test = map->next;
    if (map->type != NODE_MAP) {
        (void)problem_add(c, TESTFILE_ERROR, place_of(map),
                          "a test must be a map with name and steps");
        return;
    }
    walk->outer_of_test = c->scope;
    test = test_new(c, map);
    *test = walk->head;
    test->name = STR_EMPTY;
    test->description = STR_EMPTY;
    test->journey = STR_EMPTY;
    test->steps = NULL;
    test->n_steps = 0;
    test->line = map->line;
    c->base_url = walk->base_url;
    c->scope = push_callers(c, push_variables(c, walk->outer_of_test, map));
    begin_test(c, walk, map, WALK_TEST);
    if (test->goal.len == 0 && walk->head.name.len > 0) {
        test->goal = walk->head.name; /* one journey each under the same goal */
    }
}

static void walk_single(struct compile *c, struct walk *walk)
{
    walk->outer_of_test = c->scope;
    (void)test_new(c, walk->document);
    begin_test(c, walk, walk->document, WALK_DOCUMENT_END);
}

/* Compiles one step, or begins the next list, or ends the test. */
static void walk_steps(struct compile *c, struct walk *walk)
{
    if (walk->step != NULL) {
        const struct node *step = walk->step;

        walk->step = step->next;
        compile_step(c, step);
        return;
    }
    c->out->work++;
    if (walk->at_list < ARRAY_LEN(lists)) {
        c->phase = lists[walk->at_list].phase;
        walk->step = begin_list(c, walk->map, lists[walk->at_list].key);
        walk->at_list++;
        return;
    }
    check_steps(c, walk->map, walk->n_read);
    c->scope = walk->outer_of_test;
    c->test = walk->after_lists == WALK_TEST ? &walk->head : NULL;
    walk->stage = walk->after_lists;
}

static void walk_document_end(struct compile *c, struct walk *walk)
{
    c->test = NULL;
    c->blocks = NULL;
    c->scope = NULL;
    walk->document = walk->document->next;
    walk->stage = WALK_DOCUMENT;
}

void walk_begin(struct walk *walk, const struct node *documents)
{
    *walk = (struct walk){.document = documents, .stage = WALK_DOCUMENT};
}

bool walk_go_on(struct compile *c, struct walk *walk, size_t units)
{
    static void (*const stages[])(struct compile * c, struct walk * walk) = {
        [WALK_DOCUMENT] = walk_document, [WALK_SUITE] = walk_suite,
        [WALK_TEST] = walk_test,         [WALK_SINGLE] = walk_single,
        [WALK_STEPS] = walk_steps,       [WALK_DOCUMENT_END] = walk_document_end,
    };
    size_t begin = c->out->work;

    while (walk->document != NULL && c->out->work - begin < units) {
        c->out->work++;
        stages[walk->stage](c, walk);
    }
    return walk->document == NULL;
}
