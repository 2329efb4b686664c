/* Detect: YAML or JSON, a test or something else that has `steps` and `name` too, a manifest. */
#include "base/utf8.h"
#include "map_internal.h"

enum { SHOWN_MAX = 64 };

enum testfile_kind detect_kind(const struct testfile_options *options, struct str text)
{
    if (options->kind != TESTFILE_AUTO) {
        return options->kind;
    }
    if (str_ends(options->file, STR(".json"))) {
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
};

/* Marks of files that people send by accident. Add one by adding a row. */
static const struct other_row others[] = {
    {"apiVersion", "a Kubernetes manifest"},
    {"jobs", "a CI workflow"},
    {"stages", "a CI pipeline"},
    {"pipelines", "a CI pipeline"},
    {"trigger", "a CI pipeline"},
    {"pool", "a CI pipeline"},
    {"runs", "a CI action"},
    {"services", "a compose file"},
    {"swagger", "an API description"},
    {"openapi", "an API description"},
    {"$schema", "a JSON schema"},
};

static bool refuse(struct compile *c, const struct node *document, const char *what)
{
    struct testfile_problem *problem = problem_add(
        c, TESTFILE_ERROR, (struct place){document->line, document->column, STR_EMPTY}, "%s", what);

    problem->hint = STR("a test has a name and a list of steps");
    problem->example = STR("{name: Login, steps: [{click: \"Sign in\"}]}");
    return true;
}

static const char *const step_keys[] = {"steps", "do", "setup", "teardown", "cleanup"};

static bool has_our_steps(const struct node *map, bool *out_any)
{
    bool ours = false;

    for (size_t i = 0; i < ARRAY_LEN(step_keys); i++) {
        const struct node *list = node_get(map, step_keys[i]);

        if (list != NULL && list->type == NODE_LIST && list->n_children > 0) {
            *out_any = true;
            ours = ours || steps_look_ours(list);
        }
    }
    return ours;
}

/* What the first step has where a verb should stand; NULL: nothing like it. */
static const struct node *first_verb(const struct node *map)
{
    for (size_t i = 0; i < ARRAY_LEN(step_keys); i++) {
        const struct node *list = node_get(map, step_keys[i]);
        const struct node *step = list != NULL && list->type == NODE_LIST ? list->first : NULL;
        const struct node *member = step != NULL && step->type == NODE_MAP ? step->first : NULL;

        while (member != NULL &&
               words_have("name description desc optional meta id", ' ', member->key)) {
            member = member->next;
        }
        if (member != NULL) {
            return member;
        }
    }
    return NULL;
}

/* A short file with one slip in it is as likely as somebody else's file: the nearest verb is
 * named. */
static bool refuse_verbs(struct compile *c, const struct node *document)
{
    const struct node *tests = node_get(document, "tests");
    const struct node *verb =
        first_verb(tests != NULL && tests->first != NULL ? tests->first : document);
    struct testfile_problem *problem;

    if (verb == NULL) {
        return refuse(c, document, "none of the steps has a verb");
    }
    problem = problem_add(c, TESTFILE_ERROR, place_of_key(verb), "unknown verb \"%.*s\"",
                          STR_ARG(utf8_clip(verb->key, SHOWN_MAX)));
    problem->nearest = verb_nearest(verb->key);
    problem->hint = STR("no step of this file has a known verb: is it a test file?");
    problem->example =
        str_from(problem->nearest.len > 0 ? verb_example(problem->nearest) : "click: \"Sign in\"");
    return true;
}

/* `stpes:` and `Steps:` for `steps:`. */
static bool refuse_steps(struct compile *c, const struct node *document)
{
    for (const struct node *child = document->first; child != NULL; child = child->next) {
        struct str near = nearest_word_of("steps do setup teardown cleanup tests", child->key);

        if (near.len > 0 && child->type == NODE_LIST && child->key.len > 2) {
            struct testfile_problem *problem =
                problem_add(c, TESTFILE_ERROR, place_of_key(child), "unknown key \"%.*s\"",
                            STR_ARG(utf8_clip(child->key, SHOWN_MAX)));

            problem->nearest = near;
            problem->example = STR("steps: [{click: \"Sign in\"}]");
            return true;
        }
    }
    return refuse(c, document, "the file has no steps");
}

static bool has_steps_key(const struct node *map)
{
    return node_get(map, "steps") != NULL || node_get(map, "do") != NULL;
}

bool refuse_other(struct compile *c, const struct node *document)
{
    const struct node *tests = node_get(document, "tests");
    bool any = false;
    bool ours;

    if (document->type == NODE_SCALAR && document->text.len == 0) {
        return refuse(c, document, "the document is empty");
    }
    if (document->type != NODE_MAP) {
        return refuse(c, document,
                      document->type == NODE_LIST
                          ? "the file is a list; put \"steps:\" above it, and a name"
                          : "the file is a single text");
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (node_get(document, others[i].key) != NULL) {
            return refuse(c, document,
                          arena_cstr(c->arena, arena_printf(c->arena, "this is %s, not a test file",
                                                            others[i].what)));
        }
    }
    ours = has_our_steps(document, &any);
    for (const struct node *test = tests != NULL ? tests->first : NULL; test != NULL;
         test = test->next) {
        ours = has_our_steps(test, &any) || ours;
    }
    if (ours) {
        return false;
    }
    if (!any && (has_steps_key(document) || tests != NULL || node_get(document, "nav") != NULL)) {
        return false; /* ours, but empty: said where the steps are read */
    }
    return any ? refuse_verbs(c, document) : refuse_steps(c, document);
}

/* ---- manifests ---- */

bool is_manifest(const struct node *document)
{
    const struct node *goals = node_get(document, "goals");

    return goals != NULL && goals->type == NODE_LIST && !has_steps_key(document);
}

static void manifest_add(struct compile *c, struct str goal, const struct node *journey)
{
    const struct node *file = node_get(journey, "test_file");
    struct testfile *out = c->out;
    struct testfile_manifest_entry *grown;

    check_members(c, journey, "a journey", "name test_file file description tags id");
    file = file != NULL ? file : node_get(journey, "file");
    if (file == NULL || file->type != NODE_SCALAR || file->text.len == 0) {
        struct testfile_problem *problem =
            problem_add(c, TESTFILE_ERROR, place_of(journey), "this journey has no test_file");

        problem->example = STR("{name: Login, test_file: login.yaml}");
        return;
    }
    /* Grown by doubling: a power of two is full. */
    if ((out->n_manifest & (out->n_manifest - 1)) == 0) {
        grown =
            arena_calloc(c->arena, out->n_manifest == 0 ? 1 : out->n_manifest * 2, sizeof(*grown));
        for (size_t i = 0; i < out->n_manifest; i++) {
            grown[i] = out->manifest[i];
        }
        out->manifest = grown;
    }
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
    for (const struct node *goal = goals->first; goal != NULL; goal = goal->next) {
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

/* ---- characters ---- */

static bool is_control(uint32_t point)
{
    return (point < 0x20 && point != '\t' && point != '\n' && point != '\r') ||
           (point >= 0x7F && point < 0xA0);
}

static void check_text(struct compile *c, struct str text, struct place place)
{
    bool warned = false;
    bool ascii = true;

    for (size_t i = 0; i < text.len && ascii; i++) {
        ascii = (unsigned char)text.ptr[i] >= 0x20 && (unsigned char)text.ptr[i] < 0x7F;
    }
    for (struct str rest = text; !ascii && rest.len > 0;) {
        uint32_t point = utf8_next(&rest);
        struct testfile_problem *problem;

        if (is_control(point)) {
            problem = problem_add(c, TESTFILE_ERROR, place,
                                  "the text holds the control character U+%04X", point);
            problem->hint = STR("remove it; only tab and newline are taken");
            return;
        }
        warned = warned || warn_no_break_space(c, point, place);
        if (utf8_is_bidi_or_zero_width(point) && !warned) {
            problem = problem_add(c, TESTFILE_WARNING, place,
                                  "the text holds the invisible character U+%04X", point);
            problem->hint = STR("an element or text that looks the same may be meant");
            warned = true;
        }
    }
}

void check_characters(struct compile *c, const struct node *node)
{
    for (const struct node *child = node->first; child != NULL; child = child->next) {
        if (child->key.len > 0) {
            check_text(c, child->key, place_of_key(child));
        }
        check_characters(c, child);
    }
    if (node->type == NODE_SCALAR) {
        check_text(c, node->text, place_of(node));
        check_slips(c, node);
    }
}
