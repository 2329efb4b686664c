/* virtuoso-proxy command: from the shell's words to what the platform holds, through a proxy that
 * runs and through one of its own. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "data/node.h"
#include "harness/proxy.h"
#include "harness/wait.h"

enum { MAX_ARGS = 16, OUT_MAX = 1 << 20 };

static const char *const key_env[] = {"VIRTUOSO_PROXY_API_KEY=a-key-of-a-test", NULL};
static const char token_set[] = "upstream.token=" SANDBOX_TOKEN;
static const char *const keys[] = {"auth.mode=keys", "auth.keys=a-key-of-a-test", NULL};

/* "command" and the words; {url} and {checkpoint} are the running proxy's. */
static int run(struct proxy *proxy, struct program *program, const char *const *words,
               const char *const *env)
{
    const char *args[MAX_ARGS] = {"command"};
    size_t n = 1;

    for (; *words != NULL; words++) {
        assert_true(n + 1 < MAX_ARGS);
        if (str_is(str_from(*words), "{url}")) {
            args[n++] =
                arena_printf(&proxy->arena, "http://127.0.0.1:%u/", proxy->program.port).ptr;
        } else if (str_is(str_from(*words), "{checkpoint}")) {
            args[n++] = arena_printf(&proxy->arena, "%lld", (long long)proxy->seed.checkpoint).ptr;
        } else {
            args[n++] = *words;
        }
    }
    return program_run(program, args, env);
}

#define RUN(proxy, program, env, ...)                                                              \
    run((proxy), (program), (const char *const[]){__VA_ARGS__, NULL}, (env))

static struct json *output_json(struct program *program, struct arena *arena)
{
    struct buf out;
    struct json *read = NULL;
    struct error err = {0};

    buf_init(&out, OUT_MAX);
    program_output(program, &out);
    if (json_parse(arena, buf_view(&out), NULL, &read, &err) != ERR_OK) {
        fail_msg("%s: %s", err.text, buf_cstr(&out));
    }
    buf_done(&out);
    return read;
}

static void a_step_goes_through_a_running_proxy(void **state)
{
    struct proxy proxy;
    struct program program;
    struct error_list errors;
    struct node_stream stream;
    const struct json *requests;
    struct buf out;

    (void)state;
    proxy_start(&proxy, keys);
    assert_int_equal(RUN(&proxy, &program, key_env, "--url", "{url}", "--checkpoint",
                         "{checkpoint}", "step-interact", "click", "Sign \"in\", it's"),
                     0);
    program_assert_clean(&program);
    program_done(&program);
    assert_int_equal(RUN(&proxy, &program, key_env, "--url={url}", "x"), 1); /* no such address */
    program_done(&program);
    assert_int_equal(RUN(&proxy, &program, key_env, "-u", "{url}", "-o", "json", "step-interact",
                         "write", "{checkpoint}", "E-mail", "a@b.c", "0"),
                     0);
    assert_true(program_wrote(&program, "read as: step-interact write E-mail a@b.c"));
    assert_true(
        str_is(json_str(json_get(output_json(&program, &proxy.arena), "status")), "success"));
    program_done(&program);
    requests = sandbox_requests(proxy.program.sandbox_port, &proxy.arena);
    assert_non_null(requests);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/teststeps"), 2);
    assert_int_equal(RUN(&proxy, &program, key_env, "-u", "{url}", "-o", "yaml",
                         "list-checkpoint-steps", "{checkpoint}"),
                     0);
    buf_init(&out, OUT_MAX);
    program_output(&program, &out);
    error_list_init(&errors);
    assert_int_equal(yaml_parse(&proxy.arena, buf_view(&out), NULL, &stream, &errors), ERR_OK);
    error_list_done(&errors);
    requests = json_get(node_to_json(&proxy.arena, stream.documents), "data");
    assert_int_equal(json_size(requests), 2);
    assert_true(str_is(json_str(json_find(requests, "/0/action")), "WRITE"));
    assert_true(str_is(json_str(json_find(requests, "/1/action")), "CLICK"));
    buf_done(&out);
    program_done(&program);
    proxy_stop(&proxy);
}

static void keys_come_from_a_file_or_the_environment(void **state)
{
    static const char *const wrong[] = {"VIRTUOSO_PROXY_API_KEY=some-other-key", NULL};
    struct proxy proxy;
    struct program program;
    const char *name;
    FILE *file;

    (void)state;
    proxy_start(&proxy, keys);
    name = arena_printf(&proxy.arena, "%s/command_key_%d", VP_SCRATCH_DIR, (int)getpid()).ptr;
    file = fopen(name, "w");
    assert_non_null(file);
    assert_true(fputs("  a-key-of-a-test\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(
        RUN(&proxy, &program, wrong, "-u", "{url}", "--api-key-file", name, "list-projects"), 0);
    program_done(&program);
    assert_int_equal(RUN(&proxy, &program, wrong, "-u", "{url}", "list-projects"), 2);
    assert_true(program_wrote(&program, "not known"));
    assert_true(program_wrote(&program, "--api-key-file FILE or VIRTUOSO_PROXY_API_KEY"));
    assert_false(program_wrote(&program, "some-other-key"));
    program_done(&program);
    assert_int_equal(RUN(&proxy, &program, NULL, "-u", "{url}", "list-projects"), 2);
    program_done(&program);
    assert_int_equal(RUN(&proxy, &program, NULL, "-u", "{url}", "--api-key-file", "/no/such/file",
                         "list-projects"),
                     1);
    program_done(&program);
    (void)remove(name);
    proxy_stop(&proxy);
}

static void its_own_proxy_works_like_serve(void **state)
{
    struct proxy proxy;
    struct program program;
    struct arena arena;
    const struct json *answer;
    const char *base;

    (void)state;
    arena_init(&arena);
    assert_int_equal(RUN(NULL, &program, NULL, "--sandbox", "create-project", "Demo", "-o", "x"),
                     2); /* -o is the command's here, and it has none */
    program_done(&program);
    assert_int_equal(RUN(NULL, &program, NULL, "--sandbox", "create-project", "Demo"), 0);
    assert_true(program_wrote(&program, "name: Demo"));
    program_assert_clean(&program);
    program_done(&program);
    assert_int_equal(RUN(NULL, &program, NULL, "-n", "-o", "json", "--checkpoint", "1680930",
                         "--position", "4", "--", "step-navigate", "to", "https://x.example",
                         "--new-tab"),
                     0); /* no token is needed for this */
    answer = output_json(&program, &arena);
    assert_true(json_true(json_find(answer, "/requests/0/body/parsedStep/meta/useNewTab")));
    assert_true(
        str_is(json_number_text(json_find(answer, "/requests/0/body/stepIndex"), &arena), "4"));
    program_done(&program);
    proxy_start(&proxy, NULL);
    base = arena_printf(&arena, "upstream.base_url=http://127.0.0.1:%u/api",
                        proxy.program.sandbox_port)
               .ptr;
    assert_int_equal(RUN(&proxy, &program, NULL, "--set", base, "--set", token_set, "--checkpoint",
                         "{checkpoint}", "step-wait", "element", "Cart", "--timeout", "2500"),
                     0);
    program_assert_clean(&program);
    program_done(&program);
    assert_int_equal(json_size(proxy_steps(&proxy)), 1);
    proxy_stop(&proxy);
    arena_done(&arena);
}

static void what_is_wrong_is_said_and_told_apart_by_the_exit_code(void **state)
{
    /* clang-format off */
    static const struct {
        const char *words[8];
        int code;
        const char *says;
    } rows[] = {
        {{"step-interact", "click", "x"}, 1, "VIRTUOSO_API_TOKEN"},
        {{"--sandbox"}, 1, "give a command"},
        {{"--sandbox", "--output", "xml", "list-projects"}, 1, "human, json or yaml"},
        {{"--sandbox", "--position", "-1", "list-projects"}, 1, "--position"},
        {{"--sandbox", "--session", "x", "list-projects"}, 1, "--session needs --url"},
        {{"--url", "http://127.0.0.1:1", "--sandbox", "list-projects"}, 1, "--url asks"},
        {{"--url", "127.0.0.1:1", "list-projects"}, 1, "Nothing was sent"},
        {{"--url", "ftp://127.0.0.1:1", "list-projects"}, 1, "must begin with http"},
        {{"--url", "http://127.0.0.1:1", "list-projects"}, 1, "Nothing was sent"},
        {{"--sandbx", "list-projects"}, 1, "did you mean --sandbox"},
        {{"--sandbox", "step-interact click 'x"}, 1, "not closed"},
        {{"--sandbox", "step-interact", "clik", "x"}, 2, "did you mean: step-interact click x"},
        {{"--sandbox", "nonsense"}, 2, "virtuoso-proxy command --list lists all"},
        {{"--sandbox", "step-interact", "click", "x"}, 2, "add --checkpoint ID"},
        {{"step-interact", "--help"}, 0, "commands of step-interact:"},
        {{"--ca-file", "x", "list-projects"}, 1, "--ca-file needs --url"},
        {{"--sandbox", "step-interact", "click", "x"}, 2, "A step needs a checkpoint"},
        {{"--sandbox", "--checkpoint", "99", "step-interact", "click", "x"}, 2, "does not exist"},
        {{"--sandbox", "create-project", "a", "b"}, 2, "One argument too many"},
        {{"--sandbox", "STEP-INTERACT", "click", "x"}, 2, "did you mean: step-interact click x"},
        {{"--list"}, 0, "step-interact click element"},
        {{"step-interact", "click", "--help"}, 0, "--position-on-element"},
        {{"no", "such", "--help"}, 2, "There is no command"},
        {{"no", "such"}, 2, "virtuoso-proxy command --list lists all"}, /* no token is asked for */
        {{"step-interact"}, 2, "virtuoso-proxy command step-interact --help lists its commands"},
        {{"step-interact", "foo", "--help"}, 2, "command step-interact --help lists its commands"},
        {{"--sandbox", "list-projects", "-o", "json"}, 2, "hint: -o was read as part"},
        {{"list-projects", "--sandbox"}, 2, "hint: --sandbox was read as part"},
        {{"step-interact", "click", "x", "--nosuch", "1"}, 2,
         "it has --position-on-element, --element-type, --variable\n"},
        {{"step-interact", "click", "x", "--position-on-element", "TOPP"}, 2,
         "command: --position-on-element: must be one of"},
        {{"step-interact", "click"}, 2, "click element [--position-on-element] [--element-type]"},
        {{"--sandbox", "--checkpoint", "abc", "step-interact", "click", "x"}, 2,
         "command: --checkpoint: must be an id"},
        {{"--url", "http:/x", "list-projects"}, 1, "--url must name a host"},
        {{"--url", "127.0.0.1:1", "list-projects"}, 1, "does a proxy run there?"},
        {{"--url", "127.0.0.1:1", "--api-key-file", "/no/such", "list-projects"}, 1,
         "--api-key-file: cannot read /no/such"},
    };
    /* clang-format on */
    struct program program;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int code = run(NULL, &program, rows[i].words, NULL);

        if (code != rows[i].code || !program_wrote(&program, rows[i].says)) {
            fail_msg("row %zu: %d, and no \"%s\"", i, code, rows[i].says);
        }
        program_assert_clean(&program);
        program_done(&program);
    }
}

static void check_safe(struct program *program)
{
    struct buf out;
    struct str rest;

    buf_init(&out, OUT_MAX);
    program_output(program, &out);
    program_errors(program, &out);
    assert_true(str_contains(buf_view(&out), STR("u001")));
    rest = buf_view(&out);
    for (size_t i = 0; i < rest.len; i++) {
        unsigned char c = (unsigned char)rest.ptr[i];

        assert_true(c >= 0x20 || c == '\n' || c == '\t');
        assert_true(c != 0x7F && !(c == 0xC2 && (unsigned char)rest.ptr[i + 1] < 0xA0));
    }
    buf_done(&out);
}

static void nothing_of_the_network_moves_the_cursor(void **state)
{
    static const char *const outputs[] = {"human", "json", "yaml"};
    struct proxy proxy;
    struct program program;

    (void)state;
    proxy_start(&proxy, NULL);
    (void)proxy_ask(
        &proxy, "POST", "/api/v1/commands/execute", NULL,
        "{\"command\":\"create-project\",\"args\":[\"\\u001b[2J\\u009b1m\\u007f\\r\"]}");
    assert_int_equal(proxy.reply.status, 200);
    for (size_t i = 0; i < ARRAY_LEN(outputs); i++) {
        assert_int_equal(
            RUN(&proxy, &program, NULL, "-u", "{url}", "-o", outputs[i], "list-projects"), 0);
        check_safe(&program);
        program_done(&program);
    }
    sandbox_fault(
        proxy.program.sandbox_port,
        "{\"match\":\"GET /projects\",\"status\":400,\"body\":{\"success\":false,\"error\":"
        "{\"code\":\"400\",\"message\":\"\\u001b[31mno\"}}}");
    (void)RUN(&proxy, &program, NULL, "-u", "{url}", "list-projects");
    assert_false(program_wrote(&program, "\x1B"));
    program_done(&program);
    proxy_stop(&proxy);
}

/* As the tools that this program replaces have it. */
static void the_checkpoint_may_come_from_the_environment(void **state)
{
    struct proxy proxy;
    struct program program;
    const char *env[2] = {NULL};

    (void)state;
    proxy_start(&proxy, NULL);
    env[0] =
        arena_printf(&proxy.arena, "VIRTUOSO_SESSION_ID=cp_%lld", (long long)proxy.seed.checkpoint)
            .ptr;
    assert_int_equal(RUN(&proxy, &program, env, "-u", "{url}", "step-interact", "click", "A"), 0);
    program_done(&program);
    assert_int_equal(json_size(proxy_steps(&proxy)), 1);
    assert_int_equal(RUN(&proxy, &program, env, "-u", "{url}", "--checkpoint", "99",
                         "step-interact", "click", "A"),
                     2); /* what is said outweighs it */
    program_done(&program);
    (void)proxy_ask(&proxy, "POST", "/api/v1/sessions", NULL,
                    arena_printf(&proxy.arena, "{\"checkpoint_id\": \"%lld\"}",
                                 (long long)proxy.seed.checkpoint)
                        .ptr);
    env[0] =
        arena_printf(
            &proxy.arena, "VIRTUOSO_SESSION_ID=%.*s",
            STR_ARG(json_str(json_find(reply_json(&proxy.reply, &proxy.arena), "/session_id"))))
            .ptr;
    assert_int_equal(RUN(&proxy, &program, env, "-u", "{url}", "step-interact", "click", "B"), 0);
    program_done(&program);
    assert_int_equal(json_size(proxy_steps(&proxy)), 2);
    proxy_stop(&proxy);
}

static void an_address_needs_no_scheme(void **state)
{
    struct proxy proxy;
    struct program program;
    const char *url;

    (void)state;
    proxy_start(&proxy, NULL);
    url = arena_printf(&proxy.arena, "127.0.0.1:%u", proxy.program.port).ptr;
    assert_int_equal(RUN(&proxy, &program, NULL, "-u", url, "list-projects"), 0);
    program_done(&program);
    assert_int_equal(RUN(&proxy, &program, NULL, "-u", url, "-o", "json", "list-projects"), 0);
    assert_true(program_wrote(&program, "{\n  \"status\": \"success\""));
    assert_false(program_wrote(&program, "\t"));
    program_done(&program);
    proxy_stop(&proxy);
}

static void what_is_no_proxy_is_told_so(void **state)
{
    struct proxy proxy;
    struct program program;
    const char *url;

    (void)state;
    proxy_start(&proxy, NULL);
    url = arena_printf(&proxy.arena, "http://127.0.0.1:%u/api/nowhere", proxy.program.sandbox_port)
              .ptr;
    assert_int_equal(RUN(&proxy, &program, NULL, "-u", url, "list-projects"), 2);
    assert_true(program_wrote(&program, "not an answer of virtuoso-proxy"));
    program_done(&program);
    proxy_stop(&proxy);
}

static bool was_hit(struct proxy *proxy)
{
    client_ask(proxy->program.sandbox_port, "GET", "/__sandbox/faults", NULL, STR_EMPTY,
               &proxy->reply);
    return str_contains(reply_text(&proxy->reply), STR("\"hits\":1"));
}

/* The delayed request has arrived at the sandbox. */
static void wait_for_hit(struct proxy *proxy)
{
    wait_until(was_hit(proxy));
}

/* The first signal waits for the answer of what was sent, the second does not. */
static void interrupted(struct proxy *proxy, bool twice, bool own)
{
    struct program program;
    const char *words[MAX_ARGS] = {"command"};
    size_t n = 1;

    sandbox_forget_requests(proxy->program.sandbox_port);
    sandbox_hold(proxy->program.sandbox_port, "POST /projects");
    words[n++] = own ? "--set" : "-u";
    words[n++] = own ? arena_printf(&proxy->arena, "upstream.base_url=http://127.0.0.1:%u/api",
                                    proxy->program.sandbox_port)
                           .ptr
                     : arena_printf(&proxy->arena, "http://127.0.0.1:%u", proxy->program.port).ptr;
    if (own) {
        words[n++] = "--set=upstream.token=" SANDBOX_TOKEN;
        words[n++] = "--set=upstream.organization_id=1";
    }
    words[n++] = "create-project";
    words[n++] = "Slow";
    program_start(&program, words, NULL);
    wait_for_hit(proxy);
    program_signal(&program, SIGINT);
    program_wait_wrote(&program, "Ctrl-C again gives up", 5000);
    if (twice) {
        program_signal(&program, SIGINT);
    } else {
        sandbox_release(proxy->program.sandbox_port);
    }
    assert_int_equal(program_wait_end(&program, 10000), twice ? 2 : 0);
    program_assert_clean(&program);
    program_done(&program);
    sandbox_release_all(proxy->program.sandbox_port);
}

static void an_interrupt_waits_for_the_answer_and_a_second_does_not(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, NULL);
    interrupted(&proxy, false, false);
    interrupted(&proxy, true, false);
    interrupted(&proxy, false, true);
    interrupted(&proxy, true, true);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_goes_through_a_running_proxy),
        cmocka_unit_test(keys_come_from_a_file_or_the_environment),
        cmocka_unit_test(its_own_proxy_works_like_serve),
        cmocka_unit_test(what_is_wrong_is_said_and_told_apart_by_the_exit_code),
        cmocka_unit_test(nothing_of_the_network_moves_the_cursor),
        cmocka_unit_test(the_checkpoint_may_come_from_the_environment),
        cmocka_unit_test(an_address_needs_no_scheme),
        cmocka_unit_test(what_is_no_proxy_is_told_so),
        cmocka_unit_test(an_interrupt_waits_for_the_answer_and_a_second_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
