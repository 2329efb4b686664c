/* What is a test file and what is somebody else's: a file of another tool is refused with what it
 * is, and a test is never taken for one. */
#include "harness/cmocka.h"
#include "harness/words.h"

#include "catalog/catalog.h"
#include "testfile/testfile.h"

static const struct {
    const char *text;
    const char *other; /* NULL: a test */
} rows[] = {
    /* Azure pipelines and their templates */
    {"parameters:\n- name: version\n  type: string\nsteps:\n- script: npm ci\n", "a CI template"},
    {"parameters: {a: 1}\nsteps: [{script: npm ci}, {task: NodeTool@0, inputs: {v: 20}}]\n",
     "a CI template"},
    {"pr: [main]\nsteps: [{script: npm test}]\n", "a CI pipeline"},
    {"resources:\n  repositories: []\nsteps: [{script: make}]\n", "a CI pipeline"},
    {"trigger: none\nname: x\nsteps: [{script: make}]\n", "a CI pipeline"},
    {"steps:\n- script: npm ci\n- script: npm test\n", "a CI pipeline"},
    {"name: $(Date:yyyyMMdd)\nsteps:\n- script: npm ci\n  displayName: install\n", "a CI pipeline"},
    {"steps:\n- checkout: self\n- bash: make\n", "a CI pipeline"},
    {"steps:\n- label: test\n  command: npm test\n", "a CI pipeline"},
    {"stages: [{stage: a}]\n", "a CI pipeline"},
    {"steps:\n  build: {image: node, commands: [npm ci]}\n  test: {image: node, commands: [npm test]}\n",
     "a CI pipeline"},
    {"steps:\n- wait\n- block: ship it?\n- trigger: deploy\n", "a CI pipeline"},
    {"steps:\n- command: npm ci\n- wait\n- group: tests\n  steps: []\n", "a CI pipeline"},
    {"name: build\nsteps:\n- script: npm ci\n- script: npm test\n", "a CI pipeline"},
    {"name: build\nsteps: [{bash: make}, {script: ./gradlew test}]\n", "a CI pipeline"},
    {"steps:\n- pwsh: ls\n- template: a.yml\n- ${{ if eq(a, b) }}:\n  - script: x\n",
     "a CI pipeline"},
    {"steps:\n- command: npm ci\n  key: a\n- wait: ~\n- block: ok\n", "a CI pipeline"},
    {"env: {A: b}\nsteps:\n- label: x\n  commands: [a]\n  plugins: []\n", "a CI pipeline"},
    {"version: '1.0'\nsteps:\n  main_clone: {type: git-clone, repo: x}\n", "a CI pipeline"},
    {"steps:\n- name: gcr.io/builders/npm\n  args: [ci]\n", "none of its steps has a known verb"},
    {"kind: pipeline\nname: x\nsteps: [{name: a, image: node, commands: [npm ci]}]\n",
     "a CI pipeline"},
    {"name: $(Build.Id)\nsteps:\n- script: ./build.sh\n", "a CI pipeline"},
    {"name: x $(Rev:r)\nsteps:\n- script: return 1\n", "a CI pipeline"},
    {"name: nightly\nsteps:\n- script: Invoke-Build\n- script: dir\n", "a CI pipeline"},
    {"name: nightly\nsteps: [{script: dir}]\n", "a CI pipeline"},
    {"name: nightly\nsteps: [{script: msbuild shop.sln /p:Configuration=Release}]\n",
     "a CI pipeline"},
    {"name: nightly\nsteps: [{script: NODE_ENV=test ava}]\n", "a CI pipeline"},
    {"name: nightly\nsteps: [{script: $(Agent.Tools)/run}]\n", "a CI pipeline"},
    {"name: nightly\nsteps:\n- script: |\n    if [ -f x ]; then y; fi\n", "a CI pipeline"},
    {"name: nightly\nsteps: [{script: \"scripts/x.sh\"}, {pwsh: Get-Item x}]\n", "a CI pipeline"},
    {"name: nightly\nsteps: [{publish: out}, {download: current}]\n", "a CI pipeline"},
    {"name: n\nsteps: [\"npm ci\", wait, {command: \"x\"}]\n", "a CI pipeline"},
    {"steps: [\"./build.sh\", \"make test\"]\n", "a CI pipeline"},
    {"name: n\nsteps: [checkout, {run: make}]\n", "a CI pipeline"},
    /* GitHub */
    {"name: CI\non: push\njobs:\n  a:\n    runs-on: x\n    steps: [{run: make}]\n",
     "a CI workflow"},
    {"name: act\nruns: {using: composite, steps: [{run: make, shell: bash}]}\n", "a CI action"},
    {"name: x\nsteps:\n- uses: actions/checkout@v4\n- run: make\n", "a CI pipeline"},
    /* other tools */
    {"services: {web: {image: nginx}}\n", "a compose file"},
    {"{\"title\":\"r\",\"steps\":[{\"type\":\"setViewport\",\"width\":1},{\"type\":\"click\","
     "\"selectors\":[[\"#a\"]]}]}",
     "a recording of Chrome's DevTools"},
    {"{\"name\":\"s\",\"url\":\"http://a\",\"tests\":[{\"name\":\"t\",\"commands\":[{\"command\":"
     "\"click\",\"target\":\"id=a\"}]}],\"suites\":[]}",
     "a project of Selenium IDE"},
    {"name: shop\nservices: {web: {image: nginx}}\nvolumes: {}\n", "a compose file"},
    {"apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n", "a Kubernetes manifest"},
    {"openapi: 3.1.0\ninfo: {title: x}\npaths: {}\n", "an API description"},
    {"{\"swagger\": \"2.0\", \"paths\": {}}", "an API description"},
    {"{\"name\": \"x\", \"scripts\": {}, \"dependencies\": {\"a\": \"1\"}}",
     "a package description"},
    {"{\"name\": \"x\", \"lockfileVersion\": 3, \"packages\": {}}", "a lock file"},
    {"{\"compilerOptions\": {}}", "a compiler's configuration"},
    {"site_name: Docs\nnav: [{Home: index.md}]\n", "a tool's configuration"},
    {"{\"$schema\": \"http://json-schema.org/draft-07/schema#\", \"type\": \"object\"}",
     "a JSON schema, or a file described by one"},
    {"- hosts: all\n  tasks: []\n", "the file is a list; put \"steps:\" above it, and a name"},
    {"version: 2\nformatters: {}\n", "the file has no steps"},
    {"# nothing\n", "the file is empty"},
    {"name: bert\nsteps: 1000\n", "\"steps\" is a number"},
    {"steps: 100\nlearning_rate: 0.1\n", "\"steps\" is a number"},
    {"{\"name\": \"Name\", \"steps\": \"Steps\", \"cancel\": \"Cancel\"}",
     "\"steps\" holds text, not steps"},
    {"name: Name\nsteps: Steps\n", "\"steps\" holds text, not steps"},
    {"title: T\nsteps: {title: Select a plan, next: Next}\n", "\"steps\" holds text, not steps"},
    {"{\"title\": \"T\", \"steps\": {\"title\": \"Steps\", \"one\": {\"title\": \"First\"}}}",
     "\"steps\" holds text, not steps"},
    {"tests: Tests\nhome: Home\n", "\"tests\" holds text, not steps"},
    {"do: Do\nundo: Undo\n", "\"do\" holds text, not steps"},
    {"steps: Schritte\ntests: Tests\nhome: Start\n", "\"tests\" holds text, not steps"},
    {"nav: Menu\nhome: Home\n", "\"nav\" holds text, not steps"},
    {"{\"epochs\": 2, \"steps\": 1.5}", "\"steps\" holds text, not steps"},
    {"{\"wizard\": 1, \"steps\": true}", "\"steps\" holds text, not steps"},
    {"suite: x\ntests:\n- it: works\n  asserts: [{equal: {path: a, value: b}}]\n",
     "none of its tests has steps"},
    {"rule_files: [a]\ntests: [{interval: 1m, input_series: []}]\n", "none of its tests has steps"},
    {"prompts: [a]\ntests: [{vars: {a: b}, assert: [{type: contains, value: x}]}]\n",
     "none of its tests has steps"},
    {"name: tour\nsteps: [{title: Hi, content: there, target: '#a'}]\n",
     "none of its steps has a known verb"},
    {"name: tour\nsteps: [{element: '#a', intro: Hi}, {time: 5, exists: a}]\n",
     "none of its steps has a known verb"},
    {"kind: List\nitems: []\n", "the file has no steps"},
    {"AWSTemplateFormatVersion: '2010-09-09'\nResources: {}\n", "the file has no steps"},
    {"version: '3'\ntasks: {build: {cmds: [go build]}}\n", "a playbook"},
    {"stories: [{story: a, steps: [{intent: greet}]}]\n", "the file has no steps"},
    {"[{\"name\": \"x\", \"elements\": []}]",
     "the file is a list; put \"steps:\" above it, and a name"},
    {"42\n", "the file is a single text"},
    /* tests, some with words that others use too */
    {"name: Login\nsteps: [{click: Sign in}]\n", NULL},
    {"name: Login\nsteps: [{script: \"return document.title\"}]\n", NULL},
    {"steps: [{navigate: \"https://x.example\"}, {script: \"return 1\"}]\n", NULL},
    {"{\"$schema\": \"https://x.example/s.json\", \"name\": \"L\", \"steps\": [{\"click\": \"a\"}]}",
     NULL},
    {"name: L\nparameters: {a: 1}\nsteps: [{click: a}]\n", NULL},
    {"name: L\nsteps: [{command: step-interact click, args: [a]}]\n", NULL},
    {"test: L\ndo: [{c: a}]\n", NULL},
    {"name: L\nsteps: ['click on \"a\"']\n", NULL},
    {"name: L\nsteps: [{script: \"node.click(); return 1\"}]\n", NULL},
    {"name: L\nsteps: [{key: Tab}, {click: a}]\n", NULL},
    {"name: L\nsteps: {click: a}\n", NULL},
    {"name: L\nsteps: {first: {click: a}, second: {click: b}}\n", NULL},
    {"name: L\nsteps: [{script: $js}]\n", NULL},
    {"name: L\nsteps: [{script: \"${js}\"}]\n", NULL},
    {"name: L\nsteps: [{script: \"$('a').click()\"}]\n", NULL},
    {"name: L\nsteps: [{script: x = 1}]\n", NULL},
    {"name: L\nsteps: [{script: \"if (a) b()\"}]\n", NULL},
    {"name: L\nsteps: [{script: \"/a/.test(document.title)\"}]\n", NULL},
    {"name: L\nsteps: [{script: \"localStorage.clear()\"}]\n", NULL},
    {"name: L\nsteps: [{script: \"// nothing\\nalert(1)\"}]\n", NULL},
    {"name: L\nsteps: [{script: \"await x()\"}]\n", NULL},
    {"name: L\nsteps: [{run: login}]\nblocks: {login: [{click: a}]}\n", NULL},
    {"name: L\nsteps: [{command: click, target: a}]\n", NULL},
    {"steps: [{command: click, target: a}]\n", NULL},
    {"steps: [{command: dismiss-alert}]\n", NULL},
    {"name: L\nsteps: [\"make sure that it is there\"]\n", NULL},
    {"name: L\nsteps: [\"go to the cart\", wait]\n", NULL},
    {"name: L\nsteps: [\"set user to ada\"]\n", NULL},
    /* a key of others beside what only a browser does */
    {"name: L\ndependencies: [signup]\nsteps: [{click: a}]\n", NULL},
    {"name: L\nservices: [web]\nruns: 3\nsteps: [{navigate: \"https://x.example\"}]\n", NULL},
    {"name: L\ntrigger: nightly\nstages: [a]\npool: b\nschedules: c\nsteps: ['Click on \"a\"']\n",
     NULL},
    {"pr: 15\ntests: [{name: A, steps: [{command: step-interact click, args: [a]}]}]\n", NULL},
    {"name: L\nresources: {a: b}\nsteps: [{action: click, target: a}, {script: npm test}]\n", NULL},
    {"stages: [a]\nsteps: [{name: up, upload: {path: dist, target: s3}}]\n", "a CI pipeline"},
    {"name: L\nservices: {a: {image: b}}\nsteps: ['run click.sh']\n", "a compose file"},
    {"apiVersion: v1\nsteps: [{click: a}]\n", "a Kubernetes manifest"},
    /* a test with a slip is a test with an error, not somebody else's file */
    {"name: L\nstpes: [{click: a}]\n", NULL},
    {"name: L\nsteps: [{clik: a}]\n", NULL},
    {"name: L\nsteps: [{cl\xE2\x80\x8Bick: a}]\n", NULL},
    {"name: L\nsteps: [{\xEF\xBB\xBF"
     "click: a}]\n",
     NULL},
    {"test_steps: [{click: a}]\n", NULL},
    {"Test Steps: ['click on \"a\"']\n", NULL},
    {"name: L\nactions: [{click: a}]\n", NULL},
    {"actions: ['click element #a']\n", "the file has no steps"},
    {"name: L\nactions: [{notify: a}]\n", "the file has no steps"},
    {"name: L\nactions: [{type: click}]\n", "the file has no steps"},
    {"name: L\ndatasets: [{label: x, fill: false}]\n", "the file has no steps"},
    {"name: L\nstats: [{visit: 3, hover: 1}]\n", "the file has no steps"},
    {"test_steps: [{fill: {target: a, value: b}}]\n", NULL},
    {"name: L\nsteps: []\n", NULL},
    {"name: L\nowner: me\nsteps: click on the button\n", NULL},
    {"name: L\nowner: me\nsteps:\n  Sign in with \"ada\"\n", NULL},
    {"name: L\nowner: me\nsteps: step-wait time 3\n", NULL},
    {"name: L\nsteps: later\n", NULL},
    {"starting_url: https://a.example\nowner: me\nsteps: later\n", NULL},
    {"name: L\nowner: me\nsteps: {clik: a}\n", NULL},
    {"name: L\nowner: me\nsteps: {1: sign in, 2: buy}\n", NULL},
    {"name: L\nowner: me\nsteps: {first: 'click on \"a\"'}\n", NULL},
    {"tests: [{name: A}]\n", NULL},
    {"tests: [{nmae: A, actions: []}]\n", NULL},
    {"tests: [{title: A, actions: [{click: a}]}]\n", NULL},
    {"tests: [{actions: [{click: a}]}]\n", NULL},
    {"tests: [{acts: ['click on \"a\"']}]\n", NULL},
    {"name: L\nowner: me\ntests: {a: {steps: [{click: a}]}}\n", NULL},
    {"name: L\nowner: me\nnav: /login\n", NULL},
    {"name: L\nowner: me\nsteps:\n", NULL},
};

static void check_row(size_t i)
{
    const struct testfile_options options = {.kind = TESTFILE_AUTO};
    const char *other = rows[i].other != NULL ? rows[i].other : "a test";
    struct testfile_problems problems;
    struct testfile file;
    struct arena arena;
    enum error_code code;

    arena_init(&arena);
    code = testfile_compile(the_dictionary(), &arena, str_from(rows[i].text), &options, &file,
                            &problems);
    assert_true(rows[i].other == NULL || code == ERR_UNPROCESSABLE);
    if (!str_is(str_from(file.other != NULL ? file.other : "a test"), other)) {
        fail_msg("%s: taken for: %s", rows[i].text, file.other != NULL ? file.other : "a test");
    }
    arena_done(&arena);
}

static void other_files_are_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_row(i);
    }
}

static void a_slip_is_named_where_it_stands(void **state)
{
    static const struct {
        const char *text;
        const char *detail;
        const char *nearest;
    } slips[] = {
        {"name: L\nstpes: [{click: a}]\n", "unknown key \"stpes\"", "steps"},
        {"name: L\ntestSteps: [{click: a}]\n", "unknown key \"testSteps\"", "steps"},
        {"name: L\nactions: [{click: a}]\n", "unknown key \"actions\"", "steps"},
        {"name: L\nsteps: [{clik: a}]\n", "unknown verb \"clik\"", "click"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(slips); i++) {
        const struct testfile_options options = {.kind = TESTFILE_YAML};
        struct testfile_problems problems;
        struct testfile file;
        struct arena arena;

        arena_init(&arena);
        assert_int_equal(testfile_compile(the_dictionary(), &arena, str_from(slips[i].text),
                                          &options, &file, &problems),
                         ERR_UNPROCESSABLE);
        assert_true(problems.n_errors >= 1);
        assert_int_equal(problems.items[0].line, 2);
        assert_true(str_is(problems.items[0].detail, slips[i].detail));
        assert_true(str_is(problems.items[0].nearest, slips[i].nearest));
        arena_done(&arena);
    }
}

/* Such a text is no tree, so its lines are looked at. */
static void a_test_that_cannot_be_read_was_meant(void **state)
{
    static const struct {
        const char *text;
        bool meant;
    } unread[] = {
        {"name: L\ndependencies: [signup]\nsteps:\n  - click: \"a\n", true},
        {"name: L\ndependencies: [signup]\nstep list:\n  - click: \"a\n", true},
        {"trigger: none\njob list:\n  - script: \"a\n", false},
        {"apiVersion: v1\nstep list:\n  - click: \"a\n", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(unread); i++) {
        struct arena arena;

        arena_init(&arena);
        if (testfile_was_meant(&arena, str_from(unread[i].text)) != unread[i].meant) {
            fail_msg("%s", unread[i].text);
        }
        arena_done(&arena);
    }
}

int test_detect(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_files_are_told_apart),
        cmocka_unit_test(a_slip_is_named_where_it_stands),
        cmocka_unit_test(a_test_that_cannot_be_read_was_meant),
    };

    return cmocka_run_group_tests_name("detect", tests, NULL, NULL);
}
