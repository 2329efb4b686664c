/* Detect: YAML or JSON, a test or something else that has `steps` and `name` too. */
#include "base/nearest.h"
#include "testfile_internal.h"

enum { LOOKED_AT_KEYS = 100, LOOKED_AT_BYTES = 1000, TEST_KEYS_MAX = 16 };

const struct node *first_of(const struct node *map, const char *keys)
{
    struct str rest = str_from(keys);
    const struct node *found = NULL;
    struct str key;

    while (found == NULL && str_next(&rest, ' ', &key)) {
        found = node_get_str(map, key);
    }
    return found;
}

enum testfile_kind detect_kind(const struct testfile_options *options, struct str text)
{
    if (options->kind != TESTFILE_AUTO) {
        return options->kind;
    }
    if (str_ends_nocase(options->file, STR(".json"))) {
        return TESTFILE_JSON;
    }
    if (str_starts(text, STR("\xEF\xBB\xBF"))) {
        text = str_sub(text, 3, text.len);
    }
    text = str_trim(text);
    return text.len > 0 && text.ptr[0] == '{' ? TESTFILE_JSON : TESTFILE_YAML;
}

/* ---- what is not a test ---- */

struct other_row {
    const char *key;
    const char *what;

    /* A test may have the key, too: its steps decide. */
    enum { ALWAYS, UNLESS_BROWSER, UNLESS_OURS } mark;
};

/* Marks of files that people send by accident. Add one by adding a row. */
static const struct other_row others[] = {
    {"apiVersion", "a Kubernetes manifest", ALWAYS},
    {"jobs", "a CI workflow", ALWAYS},
    {"workflows", "a CI workflow", ALWAYS},
    {"orbs", "a CI workflow", ALWAYS},
    {"stages", "a CI pipeline", UNLESS_BROWSER},
    {"pipelines", "a CI pipeline", UNLESS_BROWSER},
    {"trigger", "a CI pipeline", UNLESS_BROWSER},
    {"pool", "a CI pipeline", UNLESS_BROWSER},
    {"pr", "a CI pipeline", UNLESS_BROWSER},
    {"resources", "a CI pipeline", UNLESS_BROWSER},
    {"schedules", "a CI pipeline", UNLESS_BROWSER},
    {"parameters", "a CI template", UNLESS_OURS},
    {"runs", "a CI action", UNLESS_BROWSER},
    {"services", "a compose file", UNLESS_BROWSER},
    {"swagger", "an API description", ALWAYS},
    {"openapi", "an API description", ALWAYS},
    {"asyncapi", "an API description", ALWAYS},
    {"dependencies", "a package description", UNLESS_BROWSER},
    {"devDependencies", "a package description", ALWAYS},
    {"peerDependencies", "a package description", ALWAYS},
    {"lockfileVersion", "a lock file", ALWAYS},
    {"compilerOptions", "a compiler's configuration", ALWAYS},
    {"repos", "a tool's configuration", UNLESS_OURS},
    {"tasks", "a playbook", UNLESS_OURS},
    {"hosts", "a playbook", UNLESS_OURS},
    {"site_name", "a tool's configuration", UNLESS_OURS},
    {"updates", "a tool's configuration", UNLESS_OURS},
    {"$schema", "a JSON schema, or a file described by one", UNLESS_OURS},
};

const char *other_file_key(size_t index)
{
    return index < ARRAY_LEN(others) ? others[index].key : NULL;
}

bool is_key_of_others(struct str key, bool *out_always)
{
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (others[i].mark != UNLESS_OURS && str_is_nocase(key, others[i].key)) {
            *out_always = others[i].mark == ALWAYS;
            return true;
        }
    }
    return false;
}

static bool refuse_file(struct compile *c, const struct node *document, const char *what)
{
    c->out->other = what;
    return !problem_refuse(c, (struct place){document->line, document->column, STR_EMPTY},
                           "a test has a name and a list of steps",
                           "{name: Login, steps: [{click: \"Sign in\"}]}", "%s", what);
}

static const char step_keys[] = "steps do setup teardown cleanup";

/* The next list of steps that is not empty, from the rest of *keys on; NULL: there is none. */
static const struct node *next_steps(const struct node *map, struct str *keys)
{
    struct str key;

    while (str_next(keys, ' ', &key)) {
        const struct node *list = node_get_str(map, key);

        if (list != NULL && list->type == NODE_LIST && list->n_children > 0) {
            return list;
        }
    }
    return NULL;
}

/* True if a step of the document, or of a test in it, is one of a browser. */
static bool has_browser_steps(const struct node *document)
{
    const struct node *tests = node_get(document, "tests");
    struct str keys = STR(step_keys);
    const struct node *list;
    bool any = false;

    while (!any && (list = next_steps(document, &keys)) != NULL) {
        any = has_browser_step(list, true, false);
    }
    for (const struct node *test = tests != NULL ? tests->first : NULL; test != NULL && !any;
         test = test->next) {
        any = has_browser_steps(test);
    }
    return any;
}

/* What the file is instead of a test, as its keys tell; NULL: they do not tell it. */
static const char *other_by_key(const struct compile *c, const struct node *document, bool ours)
{
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (node_get(document, others[i].key) == NULL) {
            continue;
        }
        if (others[i].mark == UNLESS_BROWSER
                ? !has_browser_steps(document)
                : others[i].mark == ALWAYS || !ours || is_ci_file(c, document, true)) {
            return others[i].what;
        }
    }
    return is_ci_file(c, document, false) ? "a CI pipeline" : NULL;
}

static bool has_our_steps(const struct compile *c, const struct node *map, bool *out_any)
{
    struct str keys = STR(step_keys);
    const struct node *list;
    bool ours = false;

    while ((list = next_steps(map, &keys)) != NULL) {
        *out_any = true;
        ours = ours || steps_look_ours(c, list);
    }
    return ours;
}

/* The member of the first step whose key should be a verb; NULL: there is none. */
static const struct node *first_verb(const struct node *map)
{
    struct str keys = STR(step_keys);
    const struct node *member = NULL;
    const struct node *list;

    while (member == NULL && (list = next_steps(map, &keys)) != NULL) {
        member = list->first->type == NODE_MAP ? list->first->first : NULL;
        while (member != NULL &&
               str_has_word("name description desc optional meta id", member->key)) {
            member = member->next;
        }
    }
    return member;
}

static bool has_invisible(struct str text)
{
    while (text.len > 0) {
        if (utf8_is_bidi_or_zero_width(utf8_next(&text))) {
            return true;
        }
    }
    return false;
}

/* The file may be a short test with one slip, or a file of another tool: the error names the nearest
 * verb. */
static bool refuse_verbs(struct compile *c, const struct node *document)
{
    const struct node *tests = node_get(document, "tests");
    const struct node *verb =
        first_verb(tests != NULL && tests->first != NULL ? tests->first : document);

    if (verb == NULL) {
        return refuse_file(c, document, "none of the steps has a verb");
    }
    if (unknown_verb(c, place_of_key(verb), verb->key, 1, /* "title" is not meant to be "file" */
                     "no step of this file has a known verb: is it a test file?")
                .len == 0 &&
        !has_invisible(verb->key)) {
        c->out->other = "none of its steps has a known verb";
    }
    return true;
}

/* `test_steps: [{click: a}]`, and in a file with a name also `actions: [{click: a}]`. */
static bool holds_steps(const struct node *document, const struct node *list)
{
    bool is_named_so = str_ends_nocase(list->key, STR("steps"));

    return (is_named_so || first_of(document, "name test journey starting_url") != NULL) &&
           has_browser_step(list, false, !is_named_so);
}

/* `stpes:`, `Steps:` and `test_steps:` for `steps:`. */
static bool refuse_steps(struct compile *c, const struct node *document)
{
    NODE_FOREACH (child, document) {
        struct str near = nearest_among(child->key, "steps do setup teardown cleanup tests");
        bool is_slip =
            near.len > 0 && child->key.len > 2 && edit_distance(near, child->key, 1) <= 1;

        if (child->type == NODE_LIST && (is_slip || holds_steps(document, child))) {
            struct testfile_problem *problem =
                problem_add(c, TESTFILE_ERROR, place_of_key(child), "unknown key \"%.*s\"",
                            CLIPPED(child->key));

            problem->nearest = is_slip ? near : STR("steps");
            problem->example = STR("steps: [{click: \"Sign in\"}]");
            return true;
        }
    }
    return refuse_file(c, document, "the file has no steps");
}

/* True if the document, or a test in it, has steps of ours; *out_any is set if it has any steps. */
static bool look_for_steps(const struct compile *c, const struct node *document, bool *out_any)
{
    const struct node *tests = node_get(document, "tests");
    bool ours = has_our_steps(c, document, out_any);

    NODE_FOREACH (test, tests) {
        ours = has_our_steps(c, test, out_any) || ours;
    }
    return ours;
}

/* True if the first element of the list is a step of ours: `[{click: a}]`, `['click on "a"']`. */
static bool begins_with_step(const struct compile *c, const struct node *list)
{
    const struct node *step = list->type == NODE_LIST ? list->first : NULL;
    const struct node *member = step != NULL && step->type == NODE_MAP ? step->first : NULL;

    if (member != NULL) {
        return !str_is(member->key, "type") && verb_known(verb_find(c->dictionary, member->key));
    }
    return step != NULL && step->type == NODE_SCALAR &&
           text_is_ours(c, str_sub(step->text, 0, LOOKED_AT_BYTES));
}

/* `{it: renders, asserts: [...]}`: no key is, or is nearly, one of our tests, and no list holds our steps. */
static bool is_foreign_test(const struct compile *c, const struct node *test)
{
    static const char ours[] = "name test title journey description desc steps do setup teardown "
                               "cleanup nav starting_url url base base_url checkpoint_id tags";

    size_t n = 0;

    NODE_FOREACH (child, test) {
        struct str near = nearest_among(child->key, ours);

        if (++n > TEST_KEYS_MAX) {
            break;
        }

        if ((near.len > 0 && edit_distance(near, child->key, 1) <= 1) ||
            begins_with_step(c, child)) {
            return false;
        }
    }
    return test->type == NODE_MAP && test->first != NULL;
}

/* `tests: [{name: x, request: {...}}]`: tests of another tool, as the first of them shows. */
static bool are_of_another_tool(const struct compile *c, const struct node *tests)
{
    const struct node *test = tests != NULL && tests->type == NODE_LIST ? tests->first : NULL;
    const struct node *member = test != NULL && test->type == NODE_MAP ? test->first : NULL;

    while (member != NULL && member->type != NODE_MAP) {
        member = member->next;
    }
    return (member != NULL && !str_has_word("variables vars meta config", member->key)) ||
           (test != NULL && is_foreign_test(c, test));
}

/* `steps: 1000` of a training or a benchmark. */
static bool is_number(const struct node *steps)
{
    int64_t number;

    return steps != NULL && steps->type == NODE_SCALAR &&
           str_to_i64(str_trim(steps->text), INT64_MIN, INT64_MAX, &number);
}

/* ---- translations ---- */

static bool has_foreign_key(const struct node *document)
{
    NODE_FOREACH (child, document) {
        size_t i = 0;

        while (i < n_header_rows && !str_has_word(header_rows[i].keys, child->key)) {
            i++;
        }
        if (i == n_header_rows) {
            return true;
        }
    }
    return false;
}

static bool has_address(const struct node *document)
{
    const struct node *url = first_of(document, "starting_url url base_url base");

    return node_get(document, "checkpoint_id") != NULL ||
           (url != NULL && str_starts_nocase(url->text, STR("http")));
}

/* True for a key like "title" or "next": it is no number, and neither a verb nor nearly one nor "step...". */
static bool is_name(const struct compile *c, struct str key)
{
    struct str near = verb_nearest(c->dictionary, key);

    return !verb_known(verb_find(c->dictionary, key)) && !str_is_only(key, "0-9") &&
           !str_starts_nocase(key, STR("step")) &&
           (near.len == 0 || edit_distance(near, key, 1) > 1);
}

/* True if all members, in maps of any depth, are texts with names; at most *left of them are looked at. */
static bool are_texts(const struct compile *c, const struct node *map, size_t *left)
{
    bool all = map->first != NULL;

    for (const struct node *child = map->first; child != NULL && all && *left > 0;
         child = child->next) {
        --*left;
        all = is_name(c, child->key) &&
              (child->type == NODE_SCALAR ? str_find_char(child->text, '"') < 0
                                          : child->type == NODE_MAP && are_texts(c, child, left));
    }
    return all;
}

static bool is_for_people(const struct compile *c, const struct node *node)
{
    bool is_text = node->type == NODE_SCALAR && !node->is_null && node->text.len > 0;
    size_t left = LOOKED_AT_KEYS;

    if (is_text && str_is(node->key, "nav")) {
        return str_is_only(node->text, "a-zA-Z0-9 \x80-\xFF-");
    }
    if (is_text) {
        return str_find_char(node->text, '"') < 0 &&
               !text_is_ours(c, str_sub(node->text, 0, LOOKED_AT_BYTES));
    }
    return node->type == NODE_MAP && are_texts(c, node, &left);
}

/* The error for a file of translations: it has `steps: Steps`, or `steps: {next: Next}` beside keys that are
 * not ours. NULL: it is none. */
static const char *translation_of(struct compile *c, const struct node *document)
{
    struct str keys = STR("steps do tests nav");
    bool is_foreign = has_foreign_key(document);
    const char *what = NULL;
    struct str key;

    while (str_next(&keys, ' ', &key)) {
        const struct node *node = node_get_str(document, key);

        if (node == NULL) {
            continue;
        }
        if (!is_for_people(c, node) || !(is_foreign || str_eq_nocase(node->text, key))) {
            return NULL;
        }
        what = arena_printf(c->arena, "\"%.*s\" holds text, not steps", STR_ARG(key)).ptr;
    }
    return has_address(document) ? NULL : what;
}

/* ---- whose file it is ---- */

static bool has_list(const struct node *node, const char *key)
{
    const struct node *list = node != NULL && node->type == NODE_MAP ? node_get(node, key) : NULL;

    return list != NULL && list->type == NODE_LIST;
}

/* The recorder that wrote the file, since recorders write steps and tests, too; NULL: none that is known. */
static const char *recorder_of(const struct node *document)
{
    const struct node *steps = node_get(document, "steps");
    const struct node *tests = node_get(document, "tests");

    for (const struct node *step = steps != NULL ? steps->first : NULL; step != NULL;
         step = step->next) {
        if (has_list(step, "selectors") && node_get(step, "type") != NULL) {
            return "a recording of Chrome's DevTools";
        }
    }
    return tests != NULL && has_list(tests->first, "commands") ? "a project of Selenium IDE" : NULL;
}

bool refuse_other(struct compile *c, const struct node *document)
{
    const char *what;
    bool any = false;
    bool ours;

    if (document->type == NODE_SCALAR && document->text.len == 0) {
        return refuse_file(c, document, "the document is empty");
    }
    if (document->type != NODE_MAP) {
        return refuse_file(c, document,
                           document->type == NODE_LIST
                               ? "the file is a list; put \"steps:\" above it, and a name"
                               : "the file is a single text");
    }
    ours = look_for_steps(c, document, &any);
    if (!any && are_of_another_tool(c, node_get(document, "tests"))) {
        return refuse_file(c, document, "none of its tests has steps");
    }
    if (is_number(node_get(document, "steps"))) {
        return refuse_file(c, document, "\"steps\" is a number");
    }
    what = recorder_of(document);
    what = what != NULL ? what : other_by_key(c, document, ours);
    if (what != NULL) {
        (void)refuse_file(c, document,
                          arena_printf(c->arena, "this is %s, not a test file", what).ptr);
        c->out->other = what;
        return true;
    }
    if (ours) {
        return false;
    }
    if (!any && first_of(document, "steps do tests nav") != NULL) {
        c->out->other = c->out->other != NULL ? c->out->other : translation_of(c, document);
        return false; /* ours, but empty: reported when the steps are read */
    }
    return any ? refuse_verbs(c, document) : refuse_steps(c, document);
}
