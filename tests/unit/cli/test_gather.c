/* From words of the command line to test files: folders, links, manifests, and what is refused. */
#include "harness/cmocka.h"
#include "harness/words.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "cli/gather.h"
#include "cli/run_internal.h"

#define TEST_TEXT "name: x\nsteps:\n  - click: y\n"

struct fixture {
    struct arena arena;
    char root[256];
    struct error_list errors;
    struct error_list notes;
    struct gather gather;
};

static const char *path_of(struct fixture *f, const char *name)
{
    return arena_printf(&f->arena, "%s/%s", f->root, name).ptr;
}

static void fixture_init(struct fixture *f)
{
    *f = (struct fixture){.root = VP_SCRATCH_DIR "/gather_XXXXXX"};
    arena_init(&f->arena);
    error_list_init(&f->errors);
    error_list_init(&f->notes);
    f->gather = (struct gather){.dictionary = the_dictionary(),
                                .arena = &f->arena,
                                .errors = &f->errors,
                                .notes = &f->notes};
    assert_non_null(mkdtemp(f->root));
}

static void remove_all(struct fixture *f)
{
    const char *const args[] = {"rm", "-rf", f->root, NULL};
    pid_t pid = fork();

    if (pid == 0) {
        (void)execv("/bin/rm", unconst(args));
        _exit(1);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void fixture_done(struct fixture *f)
{
    remove_all(f);
    error_list_done(&f->errors);
    error_list_done(&f->notes);
    arena_done(&f->arena);
}

static void folder(struct fixture *f, const char *name)
{
    assert_int_equal(mkdir(path_of(f, name), 0755), 0);
}

static void file(struct fixture *f, const char *name, const char *text)
{
    FILE *out = fopen(path_of(f, name), "wb");

    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static void link_to(struct fixture *f, const char *name, const char *target)
{
    assert_int_equal(symlink(target, path_of(f, name)), 0);
}

static bool gather(struct fixture *f, const char *name)
{
    const char *paths[] = {path_of(f, name)};

    return gather_paths(&f->gather, paths, 1);
}

static void assert_files(const struct fixture *f, const char *const *names)
{
    size_t n = 0;

    for (; names[n] != NULL; n++) {
        assert_true(n < f->gather.n);
        assert_true(str_ends(f->gather.items[n].file, str_from(names[n])));
    }
    assert_int_equal(f->gather.n, n);
}

static bool told(const struct error_list *list, const char *text)
{
    for (size_t i = 0; i < list->n; i++) {
        if (strstr(list->items[i].text, text) != NULL) {
            return true;
        }
    }
    return false;
}

static void folders_are_read_in_the_order_of_their_names(void **state)
{
    static const char *const names[] = {"/a.yaml",     "/b/1.json", "/b/2.yml",
                                        "/b/c/3.YAML", "/z.Yml",    NULL};
    struct fixture f;

    (void)state;
    fixture_init(&f);
    folder(&f, "b");
    folder(&f, "b/c");
    folder(&f, ".git");
    file(&f, "z.Yml", TEST_TEXT);
    file(&f, "a.yaml", TEST_TEXT);
    file(&f, "b/2.yml", TEST_TEXT);
    file(&f, "b/1.json", "{\"name\": \"x\", \"steps\": [{\"click\": \"y\"}]}");
    file(&f, "b/c/3.YAML", TEST_TEXT);
    file(&f, "notes.txt", "x");
    file(&f, ".hidden.yaml", TEST_TEXT);
    file(&f, ".git/x.yaml", TEST_TEXT);
    assert_true(gather(&f, ""));
    assert_files(&f, names);
    assert_true(f.gather.items[1].is_json);
    assert_false(f.gather.items[0].is_json);
    assert_true(str_is(f.gather.items[0].text, TEST_TEXT));
    fixture_done(&f);
}

static void what_is_not_a_test_is_passed_over_in_a_folder(void **state)
{
    static const char *const names[] = {"/a.yaml", "/broken.json", "/broken.yaml", "/sub/b.yaml",
                                        NULL};
    static const char *const excludes[] = {"skip-*.yaml", "fixtures/", "sub/old*"};
    struct fixture f;

    (void)state;
    fixture_init(&f);
    folder(&f, "node_modules");
    folder(&f, "dist");
    folder(&f, "sub");
    folder(&f, "fixtures");
    file(&f, "a.yaml", TEST_TEXT);
    file(&f, "broken.yaml", "name: x\nsteps: [{clik: y}]\n"); /* a test, and to be told */
    file(&f, "package.json", "{\"name\": \"x\", \"dependencies\": {}}");
    file(&f, "compose.yaml", "services: {web: {image: x}}\n");
    file(&f, "tsconfig.json", "{\n  // of a compiler\n  \"compilerOptions\": {}\n}\n");
    file(&f, "broken.json", "{\"steps\": [,]}\n"); /* a test, and to be told */
    file(&f, "http.yaml", "tests: [{name: a, request: {url: x}}]\n");
    file(&f, "azure.yml", "parameters: []\nsteps: [{script: npm ci}]\n");
    file(&f, "de.json",
         "{\"name\": \"Name\", \"steps\": \"Schritte\", \"back\": \"Zur\\u00fcck\"}");
    file(&f, "node_modules/x.yaml", TEST_TEXT);
    file(&f, "dist/x.yaml", TEST_TEXT);
    file(&f, "sub/b.yaml", TEST_TEXT);
    file(&f, "sub/old.yaml", TEST_TEXT);
    file(&f, "skip-me.yaml", TEST_TEXT);
    file(&f, "fixtures/x.yaml", TEST_TEXT);
    f.gather.excludes = excludes;
    f.gather.n_excludes = ARRAY_LEN(excludes);
    assert_true(gather(&f, ""));
    assert_files(&f, names);
    assert_non_null(f.gather.items[1].inspection.problem);
    assert_non_null(f.gather.items[2].inspection.problem);
    assert_int_equal(f.gather.n_passed_over, 11);
    assert_true(told(&f.notes, "package.json: passed over, not a test: a package description"));
    assert_true(told(&f.notes, "compose.yaml: passed over, not a test: a compose file"));
    assert_true(told(&f.notes, "azure.yml: passed over, not a test: a CI template"));
    assert_true(told(&f.notes, "node_modules: passed over, a folder of a tool"));
    assert_true(told(&f.notes, "skip-me.yaml: passed over, excluded"));
    fixture_done(&f);

    fixture_init(&f); /* what is named is not passed over */
    file(&f, "compose.yaml", "services: {web: {image: x}}\n");
    assert_true(gather(&f, "compose.yaml"));
    assert_non_null(f.gather.items[0].inspection.problem);
    f.gather.n = 0;
    assert_false(gather(&f, ""));
    assert_true(told(&f.errors, "1 name passed over"));
    fixture_done(&f);
}

/* What no reader of tests can read is passed over in a folder, unless a line of it looks like a test: a test
 * with a slip is told. */
static const struct {
    const char *name;
    const char *text;
    bool is_told;
} unreadable[] = {
    {"mkdocs.yml", "site_name: S\nnav: [a.md]\ntheme:\n  emoji: !!python/name:material.x\n", false},
    {"stack.yaml", "Resources:\n  Bucket:\n    Name: !Sub '${AWS::StackName}-b'\n", false},
    {"chart.yaml", "apiVersion: v2\nname: {{ .Values.x }}\nversion: 1\n", false},
    {"values.yaml", "name: {{ .Values.x }}\n", false},
    {"range.yaml", "{{- range .Values.x }}\nimage: nginx:latest\n{{- end }}\n", false},
    {"helm.yaml", "spec:\n{{- if .x }}\n  steps: {{ .y }}\n{{- end }}\n", false},
    {"workflow.yaml", "main: # begins here\n  steps:\n  - a:\n      assign: [${b}]\n", false},
    {"argo.yaml", "kind: Workflow\nspec:\n  templates:\n  - name: {{x}}\n    steps: []\n", false},
    {"github.yaml", "on: push\njobs:\n  a:\n    steps:\n    - run: make\n    env: {A: {{b}}}\n",
     false},
    {"gitlab.yml", "test:\n  script: !reference [.a, script]\ncleanup:\n  script: x\n", false},
    {"azure.yml", "trigger: none\nsteps:\n- script: a\nvariables: {a: 1, a: 2}\n", false},
    {"map.yaml", "data:\n  test.yaml: |\n    name: x\n    steps:\n    - click: a\nx: {{y}}\n",
     false},
    {"bundle.yaml", "apiVersion: v1\nsteps: {{x}}\n---\nkind: B\nservices: {}\ntests: 1\n", false},
    {"twice.yaml", "greeting: a\ngreeting: b\n", false},
    {"latin.yaml", "title: Caf\xE9\n", false},
    {"bell.yaml", "title: \"a\\eb\"\n", false},
    {"tsconfig.json", "{\n  // tests\n  \"include\": [\"tests\", \"src/*.test.ts\"]\n}\n", false},
    {"template.json", "{% if x %}\n{\"a\": 1}\n{% endif %}\n", false},
    /* tests */
    {"t-tag.yaml", "name: x\nsteps:\n  - click: !Sub a\n", true},
    {"t-quote.yaml", "name: \"x\nsteps:\n  - click: a\n", true},
    {"t-braces.yaml", "name: x\nsteps: [{click: a]\n", true},
    {"t-one-line.yaml", "--- {name: x, steps: [{click: a}\n", true},
    {"t-margin.yaml", "name: x\n  steps:\n    - click: y\n", true},
    {"t-indented.yaml", "  name: x\n  steps:\n  - click: {{a}}\n", true},
    {"t-slip.yaml", "name: x\nStpes:\n  - click: {{a}}\n", true},
    {"t-colon.yaml", "name: x\nsteps\n  - click: \"a\n", true},
    {"t-compact.yaml", "test: x\ndo:\n- c: {{a}}\n", true},
    {"t-teardown.yaml", "name: x\nteardown: [{click: {{a}}}]\n", true},
    {"t-suite.yaml", "tests:\n- name: A\n  steps:\n  - click: {{a}}\n", true},
    {"t-flow.yaml", "tests:\n- {name: A, steps: [{click: {{a}}}]}\n", true},
    {"t-goals.yaml", "goals:\n- name: {{a}}\n  journeys: []\n", true},
    {"t-second.yaml", "apiVersion: v1\n---\nname: x\nsteps: [{click: {{a}}}]\n", true},
    {"t-url.yaml", "starting_url: https://a.example\nname: {{a}}\n", true},
    {"t-latin.yaml", "name: Caf\xE9\nsteps:\n- click: a\n", true},
    {"t-bell.yaml", "name: \"a\\eb\"\nsteps: [{click: a}]\n", true},
    {"t.json", "{\"name\": \"x\", \"steps\": [,]}\n", true},
    {"t-suite.json", "{\"tests\": [{,]}\n", true},
};

static void what_cannot_be_read_is_told_only_where_a_test_was_meant(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(unreadable); i++) {
        struct fixture f;
        const struct inspection *inspection;

        fixture_init(&f);
        file(&f, unreadable[i].name, unreadable[i].text);
        if (gather(&f, "") != unreadable[i].is_told) {
            fail_msg("%s: %s", unreadable[i].name, f.notes.n > 0 ? "passed over" : "told");
        }
        f.gather.n = 0; /* what is named is told in any case */
        f.errors.n = 0;
        assert_true(gather(&f, unreadable[i].name));
        inspection = &f.gather.items[0].inspection;
        assert_non_null(inspection->problem);
        assert_int_equal(inspection->other == NULL, unreadable[i].is_told);
        fixture_done(&f);
    }
}

/* UTF-16, as editors and shells of Windows write it. */
static void a_test_in_another_coding_is_told(void **state)
{
    static const char wide[] = "\xFF\xFEn\0a\0m\0e\0:\0 \0x\0\n\0s\0t\0e\0p\0s\0:\0\n\0-\0 \0a\0";
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_true(testfile_was_meant(&arena, (struct str){wide, sizeof(wide) - 1}));
    assert_false(testfile_was_meant(&arena, (struct str){wide, 14}));
    arena_done(&arena);
}

static void variables_that_a_text_uses_are_found(void **state)
{
    static struct variable_names names;

    (void)state;
    variable_names_add(&names, STR("t: $user, ${password} {{ host }} $user.email. costs $5 $$x"));
    assert_true(variable_names_have(&names, STR("user")));
    assert_true(variable_names_have(&names, STR("user.email")));
    assert_true(variable_names_have(&names, STR("password")));
    assert_true(variable_names_have(&names, STR("host")));
    assert_false(variable_names_have(&names, STR("use")));
    assert_false(variable_names_have(&names, STR("email")));
}

static void links_lead_neither_out_nor_round_in_circles(void **state)
{
    static const char *const names[] = {"/in.yaml", "/mounted.yaml", NULL};
    struct fixture f;

    (void)state;
    fixture_init(&f);
    folder(&f, "t");
    folder(&f, "t/..data");
    file(&f, "secret.yaml", "password: x");
    file(&f, "t/in.yaml", TEST_TEXT);
    file(&f, "t/..data/mounted.yaml", TEST_TEXT);
    link_to(&f, "t/mounted.yaml", "..data/mounted.yaml");
    link_to(&f, "t/out.yaml", "../secret.yaml");
    link_to(&f, "t/loop.yaml", ".");
    link_to(&f, "t/nothing.yaml", "nowhere");
    link_to(&f, "t/self.yaml", "self.yaml");
    assert_int_equal(mkfifo(path_of(&f, "t/fifo.yaml"), 0600), 0); /* must not block */
    link_to(&f, "t/pipe.yaml", "fifo.yaml");
    assert_true(gather(&f, "t"));
    assert_files(&f, names);
    assert_true(told(&f.notes, "out.yaml: passed over, a link out of the folder"));
    assert_true(told(&f.notes, "loop.yaml: passed over, a link to a folder"));
    assert_true(told(&f.notes, "nothing.yaml: passed over, a link to nothing"));
    assert_true(told(&f.notes, "fifo.yaml: passed over, no file to read"));
    assert_true(told(&f.notes, "pipe.yaml: passed over, a link to what is no file"));
    fixture_done(&f);
}

static void a_manifest_is_replaced_by_its_files(void **state)
{
    static const char *const names[] = {"/login.yaml", "/cart/cart.yaml", "/other.yaml", NULL};
    struct fixture f;

    (void)state;
    fixture_init(&f);
    folder(&f, "cart");
    file(&f, "login.yaml", TEST_TEXT);
    file(&f, "cart/cart.yaml", TEST_TEXT);
    file(&f, "other.yaml", TEST_TEXT);
    file(&f, "all.yaml",
         "goals:\n  - name: Shop\n    journeys:\n"
         "      - {name: Sign in, test_file: login.yaml}\n"
         "      - {name: Cart, test_file: cart/cart.yaml}\n");
    assert_true(gather(&f, "")); /* what the manifest names runs once, as it says there */
    assert_files(&f, names);
    assert_true(str_is(f.gather.items[0].goal, "Shop"));
    assert_true(str_is(f.gather.items[0].journey, "Sign in"));
    assert_true(str_is(f.gather.items[1].journey, "Cart"));
    assert_int_equal(f.gather.items[2].goal.len, 0);
    fixture_done(&f);
}

static void a_manifest_stays_below_its_folder(void **state)
{
    static const struct {
        const char *path;
        const char *why;
    } rows[] = {
        {"../secret.yaml", "holds \"..\""},
        {"cart/../../secret.yaml", "holds \"..\""},
        {"/etc/passwd", "is absolute"},
        {"out.yaml", "a link out of the manifest's folder"},
        {"outside/secret.yaml", "a link out of the manifest's folder"},
        {"missing.yaml", "does not exist"},
        {".", "a link out of"},
        {"cart", "cannot read"},
        {"all.yaml", "which is a manifest too"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;

        fixture_init(&f);
        folder(&f, "t");
        folder(&f, "t/cart");
        folder(&f, "far");
        file(&f, "secret.yaml", "password: x");
        file(&f, "far/secret.yaml", "password: x");
        link_to(&f, "t/out.yaml", "../secret.yaml");
        link_to(&f, "t/outside", "../far");
        file(&f, "t/all.yaml",
             arena_printf(&f.arena, "goals: [{name: g, journeys: [{test_file: \"%s\"}]}]\n",
                          rows[i].path)
                 .ptr);
        assert_false(gather(&f, "t/all.yaml"));
        assert_true(told(&f.errors, rows[i].why));
        assert_int_equal(f.gather.n, 0);
        fixture_done(&f);
    }
}

static void all_errors_are_told_and_paths_are_escaped(void **state)
{
    struct fixture f;
    const char *paths[3];

    (void)state;
    fixture_init(&f);
    file(&f, "fine.yaml", TEST_TEXT);
    paths[0] = path_of(&f, "missing\033[31m.yaml");
    paths[1] = path_of(&f, "fine.yaml");
    paths[2] = path_of(&f, "gone");
    assert_false(gather_paths(&f.gather, paths, 3));
    assert_int_equal(f.errors.n, 2);
    assert_null(strchr(f.errors.items[0].text, '\033'));
    fixture_done(&f);
}

static void an_empty_folder_is_an_error(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f);
    assert_false(gather(&f, ""));
    assert_true(told(&f.errors, "no test files there"));
    fixture_done(&f);
}

static void depth_and_number_are_bounded(void **state)
{
    struct fixture f;
    struct str deep = STR("d");

    (void)state;
    fixture_init(&f);
    for (int i = 0; i <= GATHER_MAX_DEPTH; i++) {
        folder(&f, deep.ptr);
        deep = arena_printf(&f.arena, "%.*s/d", STR_ARG(deep));
    }
    assert_false(gather(&f, ""));
    assert_true(told(&f.errors, "deep"));
    fixture_done(&f);

    fixture_init(&f);
    for (int i = 0; i <= GATHER_MAX_FILES; i++) {
        file(&f, arena_printf(&f.arena, "%d.yaml", i).ptr, TEST_TEXT);
    }
    assert_false(gather(&f, ""));
    assert_int_equal(f.errors.n, 1);
    assert_true(told(&f.errors, "more than 1000 files"));
    fixture_done(&f);
}

/* ---- the query ---- */

static void options_become_a_query(void **state)
{
    static const char *const variables[] = {"user=a&b=c", "n\xC3\xA4me="};
    static const char *const tags[] = {"smoke", "a b"};
    const struct cli_run_options options = {
        .variables = variables,
        .n_variables = 2,
        .tags = tags,
        .n_tags = 2,
        .execute = true,
        .timeout_s = 60,
        .resume = "goal_id=1&from=4",
    };
    const struct test_source source = {.goal = STR_INIT("A & B"), .journey = STR_INIT("J")};
    struct arena arena;
    struct error err = {0};
    struct str query;

    (void)state;
    arena_init(&arena);
    assert_int_equal(run_query_of_options(&arena, &options, 1, &query, &err), ERR_OK);
    query = run_query_of_source(&arena, query, &source);
    assert_true(str_is(query, "async=true&execute=true&wait=false&timeout=60&var.user=a%26b%3Dc"
                              "&var.n%C3%A4me=&tag=smoke&tag=a%20b&goal_id=1&from=4"
                              "&goal=A%20%26%20B&journey=J"));
    arena_done(&arena);
}

static void slips_in_options_are_told(void **state)
{
    static const char *const words[] = {"=x", "novalue"};

    static const struct {
        struct cli_run_options options;
        size_t n_files;
    } rows[] = {
        {{.resume = "from=4"}, 2},
        {{.resume = "nonsense=4"}, 1},
        {{.resume = ""}, 1},
        {{.resume = "from=%zz&goal_id=1"}, 1},
        {{.resume = "async=false"}, 1},
        {{.checkpoint = "x"}, 1},
        {{.checkpoint = "0"}, 1},
        {{.checkpoint = "12345678901234567890"}, 1},
        {{.variables = words, .n_variables = 1}, 1},
        {{.variables = words + 1, .n_variables = 1}, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct error err = {0};
        struct str query;

        arena_init(&arena);
        assert_int_not_equal(
            run_query_of_options(&arena, &rows[i].options, rows[i].n_files, &query, &err), ERR_OK);
        assert_true(err.text[0] != '\0');
        arena_done(&arena);
    }
}

int test_gather(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_are_read_in_the_order_of_their_names),
        cmocka_unit_test(what_is_not_a_test_is_passed_over_in_a_folder),
        cmocka_unit_test(what_cannot_be_read_is_told_only_where_a_test_was_meant),
        cmocka_unit_test(a_test_in_another_coding_is_told),
        cmocka_unit_test(variables_that_a_text_uses_are_found),
        cmocka_unit_test(links_lead_neither_out_nor_round_in_circles),
        cmocka_unit_test(a_manifest_is_replaced_by_its_files),
        cmocka_unit_test(a_manifest_stays_below_its_folder),
        cmocka_unit_test(all_errors_are_told_and_paths_are_escaped),
        cmocka_unit_test(an_empty_folder_is_an_error),
        cmocka_unit_test(depth_and_number_are_bounded),
        cmocka_unit_test(options_become_a_query),
        cmocka_unit_test(slips_in_options_are_told),
    };

    return cmocka_run_group_tests_name("gather", tests, NULL, NULL);
}
