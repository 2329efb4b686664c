/* Every vector of the catalogue without a server: what a caller writes, and the request that must
 * come of it. Then every form that help would show for it is fed back and must give the same. */
#include <fcntl.h>
#include <unistd.h>

#include "harness/cmocka.h"
#include "harness/shared.h"
#include "harness/words.h"

#include "base/buf.h"
#include "base/random.h"
#include "base/utf8.h"
#include "catalog/catalog_internal.h"
#include "data/node.h"
#include "forms/forms.h"
#include "testfile/testfile.h"

enum { FILE_MAX = 4 * 1024 * 1024 };

static const struct catalog_defaults vector_defaults = {.organization_id = STR_INIT("1")};

struct vectors {
    struct arena arena;
    struct buf text;
    struct str rest;
    const struct json *vector; /* the present one */
    bool seen[256];
};

/* false: there is no such file. */
static void vectors_open(struct vectors *v, const char *name)
{
    int fd = open(name, O_RDONLY);
    ssize_t n = 1;

    *v = (struct vectors){0};
    assert_true(fd >= 0);
    buf_init(&v->text, FILE_MAX);
    while (n > 0) {
        char *room = buf_reserve(&v->text, 65536);

        assert_non_null(room);
        n = read(fd, room, 65536);
        buf_grew(&v->text, n > 0 ? (size_t)n : 0);
    }
    assert_int_equal(close(fd), 0);
    v->rest = buf_view(&v->text);
    arena_init(&v->arena);
}

static bool vectors_next(struct vectors *v)
{
    struct str line;
    struct json *vector = NULL;

    arena_reset(&v->arena);
    if (!str_next(&v->rest, '\n', &line)) {
        return false;
    }
    assert_int_equal(json_parse(&v->arena, line, NULL, &vector, NULL), ERR_OK);
    v->vector = vector;
    return true;
}

static void vectors_close(struct vectors *v)
{
    arena_done(&v->arena);
    buf_done(&v->text);
}

static void wrong(struct vectors *v, const char *form, const struct json *made)
{
    fail_msg("%s: %s\nmade %s", form, arena_cstr(&v->arena, json_text(&v->arena, v->vector)),
             arena_cstr(&v->arena, json_text(&v->arena, made)));
}

/* A GUESS selector holds JSON as text; it is compared as the JSON that it holds. */
static struct json *opened(const struct json *node, struct arena *arena)
{
    bool is_guess = str_is(json_str(json_get(node, "type")), "GUESS");
    struct json *out;
    const struct json *child;

    if (json_type(node) != JSON_OBJECT && json_type(node) != JSON_ARRAY) {
        return node != NULL ? json_copy(arena, node) : json_new_null(arena);
    }
    out = json_type(node) == JSON_OBJECT ? json_new_object(arena) : json_new_array(arena);
    JSON_FOREACH (child, node) {
        struct json *made = opened(child, arena);

        if (is_guess && str_is(json_name(child), "value")) {
            assert_int_equal(json_parse(arena, json_str(child), NULL, &made, NULL), ERR_OK);
        }
        if (json_type(node) == JSON_OBJECT) {
            json_set(out, json_name(child), made);
        } else {
            json_append(out, made);
        }
    }
    return out;
}

static enum error_code bind(struct vectors *v, const struct json *body, struct bound_command *out)
{
    const struct command_input input = {
        .catalog = the_catalog(),
        .shows_forms = true,
        .command = json_str(json_get(body, "command")),
        .args = json_get(body, "args"),
        .options = json_get(body, "options"),
        .position = -1,
        .defaults = &vector_defaults,
    };
    struct error_list errors;
    enum error_code code;

    error_list_init(&errors);
    code = catalog_bind(&input, &v->arena, out, &errors);
    if (code != ERR_OK) {
        print_error("%s: %s\n", errors.items[0].pointer, errors.items[0].text);
    }
    error_list_done(&errors);
    return code;
}

/* What stands before the command's own call fills this in; vectors have it as 43802. */
static struct json *around(struct vectors *v)
{
    struct json *values = json_new_object(&v->arena);
    const struct json *snapshot = json_find(v->vector, "/upstream/body/snapshotId");

    if (json_get(v->vector, "checkpoint_id") != NULL) {
        json_set(values, STR("checkpoint_id"),
                 json_copy(&v->arena, json_get(v->vector, "checkpoint_id")));
        json_set(values, STR("position"), json_copy(&v->arena, json_get(v->vector, "position")));
    }
    json_set(values, STR("snapshot_id"),
             snapshot != NULL ? json_copy(&v->arena, snapshot) : json_new_null(&v->arena));
    return values;
}

static struct json *request(struct vectors *v, const struct bound_command *bound)
{
    const struct call *call = bound->call;
    struct scope outer = scope_of_object(around(v), NULL);
    struct scope scope = scope_of_object(bound->values, &outer);
    struct json *out = json_new_object(&v->arena);
    struct json *body = NULL;
    struct str text = STR_EMPTY;

    json_set(out, STR("method"), json_new_string(&v->arena, str_from(call->spec->method)));
    assert_int_equal(path_expand(call->spec->path, &scope, &v->arena, &text, NULL), ERR_OK);
    json_set(out, STR("path"), json_new_string(&v->arena, text));
    text = STR_EMPTY;
    if (call->spec->query != NULL) {
        assert_int_equal(query_expand(call->spec->query, &scope, &v->arena, &text, NULL), ERR_OK);
    }
    json_set(out, STR("query"), json_new_string(&v->arena, text));
    if (call->body != NULL) {
        assert_int_equal(template_expand(call->body, &scope, &v->arena, &body, NULL), ERR_OK);
    }
    json_set(out, STR("body"), opened(body, &v->arena));
    return out;
}

static struct json *wanted(struct vectors *v)
{
    const struct json *upstream = json_get(v->vector, "upstream");
    struct json *out = json_new_object(&v->arena);

    json_set(out, STR("method"), json_copy(&v->arena, json_get(upstream, "method")));
    json_set(out, STR("path"), json_copy(&v->arena, json_get(upstream, "path")));
    json_set(out, STR("query"), json_new_string(&v->arena, json_str(json_get(upstream, "query"))));
    json_set(out, STR("body"), opened(json_get(upstream, "body"), &v->arena));
    return out;
}

static size_t check_file(const char *name)
{
    struct vectors v;
    size_t n_commands = 0;

    vectors_open(&v, name);
    while (vectors_next(&v)) {
        struct bound_command bound;
        struct json *made;
        size_t index;

        if (bind(&v, v.vector, &bound) != ERR_OK) {
            wrong(&v, "does not bind", NULL);
        }
        made = request(&v, &bound);
        if (!json_equal(made, wanted(&v))) {
            wrong(&v, "another request", made);
        }
        index = catalog_index(bound.command);
        n_commands += !v.seen[index];
        v.seen[index] = true;
    }
    vectors_close(&v);
    return n_commands;
}

static void every_command_makes_the_request_of_its_golden_vectors(void **state)
{
    (void)state;
    assert_int_equal(check_file(VP_GOLDEN_DIR "/commands/vectors.jsonl"), 87);
}

static void every_command_makes_the_request_of_the_shared_vectors(void **state)
{
    (void)state;
    assert_true(check_file(shared_path("spec/vectors.jsonl")) >= 62);
}

/* ---- forms ---- */

/* The words of a line as sh would make them, told from command_line_parse: curl's body is its last
 * word. */
static struct json *curl_body(struct vectors *v, struct str curl)
{
    struct json *line = NULL;
    struct json *body = NULL;
    const struct json *word;
    const struct json *last = NULL;

    assert_int_equal(command_line_parse(the_catalog(), &v->arena, curl, &line, NULL), ERR_OK);
    JSON_FOREACH (word, json_get(line, "args")) {
        last = word;
    }
    assert_int_equal(json_parse(&v->arena, json_str(last), NULL, &body, NULL), ERR_OK);
    return body;
}

static struct json *yaml_step(struct vectors *v, struct str yaml)
{
    const struct node *steps;
    struct node_stream stream;
    struct error_list errors;
    struct json *line = NULL;

    error_list_init(&errors);
    if (yaml_parse(&v->arena, yaml, NULL, &stream, &errors) != ERR_OK) {
        fail_msg("%s\n%s", errors.items[0].text, arena_cstr(&v->arena, yaml));
    }
    error_list_done(&errors);
    steps = node_get(stream.documents, "steps");
    if (steps == NULL) { /* no step of a test: the body of /commands/execute */
        return node_to_json(&v->arena, stream.documents);
    }
    assert_int_equal(steps->n_children, 1);
    assert_int_equal(command_line_parse(the_catalog(), &v->arena, steps->first->text, &line, NULL),
                     ERR_OK);
    return line;
}

static void fed_back(struct vectors *v, const char *form, const struct json *body)
{
    struct bound_command again;
    struct json *made;

    if (bind(v, body, &again) != ERR_OK) {
        wrong(v, form, body);
    }
    made = request(v, &again);
    if (!json_equal(made, wanted(v))) {
        wrong(v, form, made);
    }
}

/* The platform's request as help shows it: its checkpoint and position are examples. */
static void shown(struct vectors *v, const struct json *upstream)
{
    struct json *made = json_copy(&v->arena, upstream);
    struct json *want = wanted(v);

    if (json_get(v->vector, "checkpoint_id") != NULL) {
        assert_true(json_is_integer(json_find(upstream, "/body/checkpointId")));
        assert_true(json_is_integer(json_find(upstream, "/body/stepIndex")));
        made = opened(json_find(upstream, "/body/parsedStep"), &v->arena);
        want = json_copy(&v->arena, json_find(want, "/body/parsedStep"));
    } else {
        json_set(made, STR("query"),
                 json_new_string(&v->arena, json_str(json_get(upstream, "query"))));
        json_set(made, STR("body"), opened(json_get(upstream, "body"), &v->arena));
    }
    if (!json_equal(made, want)) {
        wrong(v, "upstream", made);
    }
}

static void every_form_of_every_vector_gives_the_same_request(void **state)
{
    struct vectors v;
    size_t n_sentences = 0;
    size_t n_yaml = 0;

    (void)state;
    vectors_open(&v, VP_GOLDEN_DIR "/commands/vectors.jsonl");
    while (vectors_next(&v)) {
        struct bound_command bound;
        struct json *line = NULL;
        const struct json *forms;

        assert_int_equal(bind(&v, v.vector, &bound), ERR_OK);
        forms = command_forms(the_dictionary(), &bound, &v.arena,
                              &(struct form_options){STR_INIT("http://x"), false});
        shown(&v, json_get(forms, "upstream"));
        fed_back(&v, "json", json_get(forms, "json"));
        assert_int_equal(command_line_parse(the_catalog(), &v.arena,
                                            json_str(json_get(forms, "command_line")), &line, NULL),
                         ERR_OK);
        fed_back(&v, "command line", line);
        if (json_type(json_get(forms, "yaml")) == JSON_STRING) {
            fed_back(&v, "yaml", yaml_step(&v, json_str(json_get(forms, "yaml"))));
            n_yaml++;
        }
        if (json_type(json_get(forms, "sentence")) == JSON_STRING) {
            if (sentence_parse(&v.arena, json_str(json_get(forms, "sentence")), &line, NULL) !=
                ERR_OK) {
                wrong(&v, "not read as a sentence", json_get(forms, "sentence"));
            }
            fed_back(&v, "sentence", line);
            n_sentences++;
        }
        fed_back(&v, "curl", curl_body(&v, json_str(json_get(forms, "curl"))));
    }
    assert_true(n_sentences > 50);
    assert_true(n_yaml > 200);
    vectors_close(&v);
}

/* ---- any text ---- */

static const char marker[] = "MARKER";

static struct str random_text(struct arena *arena)
{
    static const uint32_t odd[] = {'"', '\\', '\n', '\t',   1,       0x1F,     '$', '{', '}', '\'',
                                   '%', '&',  0xE9, 0x4E2D, 0x1F9EA, 0x10FFFF, '#', '~', '/'};
    size_t n = 1 + (size_t)random_below(40);
    char *text = arena_alloc(arena, n * 4 + 1);
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t point = random_below(2) == 0 ? odd[random_below(ARRAY_LEN(odd))]
                                              : (uint32_t)(' ' + random_below(95));

        len += utf8_encode(point, text + len);
    }
    return (struct str){text, len};
}

/* Where a text may be put without its type refusing it; the prefix that the type asks for. */
static bool takes_any_text(const struct param *param, const char **out_prefix)
{
    *out_prefix = param->type == PARAM_URL || param->type == PARAM_HTTP_URL ? "https://h/" : "";
    return (param->flags & PARAM_INERT) == 0 &&
           (param->type == PARAM_TEXT || param->type == PARAM_REGEX ||
            param->type == PARAM_TARGET || *out_prefix[0] != '\0');
}

/* A copy of `node` in which every text that is the marker (behind its prefix) is `text`. */
static struct json *replaced(struct vectors *v, const struct json *node, struct str was,
                             struct str text)
{
    struct json *out;
    const struct json *child;

    if (json_type(node) == JSON_STRING && str_eq(json_str(node), was)) {
        return json_new_string(&v->arena, text);
    }
    if (json_type(node) != JSON_OBJECT && json_type(node) != JSON_ARRAY) {
        return json_copy(&v->arena, node);
    }
    out = json_type(node) == JSON_OBJECT ? json_new_object(&v->arena) : json_new_array(&v->arena);
    JSON_FOREACH (child, node) {
        struct json *made = replaced(v, child, was, text);

        if (json_type(node) == JSON_OBJECT) {
            json_set(out, json_name(child), made);
        } else {
            json_append(out, made);
        }
    }
    return out;
}

/* The request of the vector with `text` in one place: the argument `index`, or the option. */
static struct json *request_with(struct vectors *v, const struct param *param, size_t index,
                                 struct str text)
{
    struct json *body = json_copy(&v->arena, v->vector);
    struct json *args = json_new_array(&v->arena);
    struct bound_command bound;
    const struct json *arg;
    size_t at = 0;

    JSON_FOREACH (arg, json_get(v->vector, "args")) {
        json_append(args,
                    at == index ? json_new_string(&v->arena, text) : json_copy(&v->arena, arg));
        at++;
    }
    if (index >= COMMAND_MAX_PARAMS) {
        struct json *options = json_copy(&v->arena, json_get(v->vector, "options"));

        json_set(options, str_from(param->name), json_new_string(&v->arena, text));
        json_set(body, STR("options"), options);
    }
    json_set(body, STR("args"), args);
    if (bind(v, body, &bound) != ERR_OK) {
        wrong(v, "does not bind", body);
    }
    return request(v, &bound);
}

/* The text stands exactly where the marker stood, and nothing else is changed by it. */
static void check_place(struct vectors *v, const struct param *param, size_t index,
                        const char *prefix)
{
    struct str was = arena_printf(&v->arena, "%s%s", prefix, marker);
    struct json *marked = request_with(v, param, index, was);

    if (!str_contains(json_text(&v->arena, marked), was)) {
        wrong(v, param->name, marked);
    }
    for (int round = 0; round < 20; round++) {
        struct str some = random_text(&v->arena);
        struct str text = arena_printf(&v->arena, "%s%.*s", prefix, STR_ARG(some));
        struct json *made = request_with(v, param, index, text);
        struct json *read = NULL;

        assert_int_equal(json_parse(&v->arena, json_text(&v->arena, made), NULL, &read, NULL),
                         ERR_OK);
        if (!json_equal(read, replaced(v, marked, was, text))) {
            wrong(v, param->name, made);
        }
    }
}

static size_t check_places(struct vectors *v, const struct param *params, size_t n, size_t from)
{
    size_t n_places = 0;
    const char *prefix;

    for (size_t i = 0; i < n && params[i].name != NULL; i++) {
        if (takes_any_text(&params[i], &prefix)) {
            check_place(v, &params[i], from + i, prefix);
            n_places++;
        }
    }
    return n_places;
}

static void any_text_in_any_place_leaves_as_the_same_text(void **state)
{
    struct vectors v;
    size_t n_places = 0;

    (void)state;
    random_seed(1);
    vectors_open(&v, VP_GOLDEN_DIR "/commands/vectors.jsonl");
    while (vectors_next(&v)) {
        struct bound_command bound;
        size_t index;

        assert_int_equal(bind(&v, v.vector, &bound), ERR_OK);
        index = catalog_index(bound.command);
        if (v.seen[index] || json_find(v.vector, "/options/variable") != NULL) {
            continue; /* a variable stands in for the element (rule_click) */
        }
        v.seen[index] = true;
        n_places += check_places(&v, bound.command->args, json_size(json_get(v.vector, "args")), 0);
        if (bound.command->special != rule_answer) {
            n_places +=
                check_places(&v, bound.command->options, COMMAND_MAX_PARAMS, COMMAND_MAX_PARAMS);
        }
    }
    random_release();
    assert_int_equal(n_places, 70); /* every such argument and option of the catalogue */
    vectors_close(&v);
}

int test_vectors(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_makes_the_request_of_its_golden_vectors),
        cmocka_unit_test(every_command_makes_the_request_of_the_shared_vectors),
        cmocka_unit_test(any_text_in_any_place_leaves_as_the_same_text),
        cmocka_unit_test(every_form_of_every_vector_gives_the_same_request),
    };

    return cmocka_run_group_tests_name("vectors of commands", tests, NULL, NULL);
}
