#include "harness/run_cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "harness/client.h"
#include "harness/cmocka.h"

int run_cli_setup(void **state)
{
    struct run_cli *f = mem_zalloc(sizeof(*f));

    str_copy(f->root, sizeof(f->root), STR(VP_SCRATCH_DIR "/run_cli_XXXXXX"));
    assert_non_null(mkdtemp(f->root));
    arena_init(&f->arena);
    buf_init(&f->out, RUN_CLI_TEXT_MAX);
    *state = f;
    return 0;
}

int run_cli_teardown(void **state)
{
    struct run_cli *f = *state;
    const char *const args[] = {"rm", "-rf", f->root, NULL};
    pid_t pid = fork();

    if (pid == 0) {
        (void)execv("/bin/rm", unconst(args));
        _exit(1);
    }
    (void)waitpid(pid, NULL, 0);
    program_done(&f->program);
    buf_done(&f->out);
    arena_done(&f->arena);
    mem_free(f);
    return 0;
}

const char *run_cli_path(struct run_cli *f, const char *name)
{
    return arena_printf(&f->arena, "%s/%s", f->root, name).ptr;
}

const char *run_cli_put(struct run_cli *f, const char *name, const char *text)
{
    const char *path = run_cli_path(f, name);
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

struct str run_cli_get(struct run_cli *f, const char *name)
{
    FILE *file = fopen(run_cli_path(f, name), "rb");
    char *text = arena_alloc(&f->arena, RUN_CLI_TEXT_MAX);
    size_t n;

    assert_non_null(file);
    n = fread(text, 1, RUN_CLI_TEXT_MAX, file);
    assert_int_equal(fclose(file), 0);
    return (struct str){text, n};
}

const char *run_cli_url(struct run_cli *f, uint16_t port)
{
    return arena_printf(&f->arena, "--url=http://127.0.0.1:%u", port).ptr;
}

/* `rest` ends in NULL. What was red is remembered in the test's own folder. */
void run_cli_begin(struct run_cli *f, const char *const *env, const char *const *rest)
{
    const char *args[RUN_CLI_ARGS_MAX] = {"run"};
    const char *own[RUN_CLI_ARGS_MAX] = {
        arena_printf(&f->arena, "VIRTUOSO_PROXY_LAST_RUN=%s/state/last", f->root).ptr};
    size_t n = 1;

    for (; *rest != NULL; rest++) {
        assert_true(n + 1 < RUN_CLI_ARGS_MAX);
        args[n++] = *rest;
    }
    for (n = 1; env != NULL && *env != NULL; env++) {
        assert_true(n + 1 < RUN_CLI_ARGS_MAX);
        own[n++] = *env;
    }
    program_done(&f->program);
    program_start(&f->program, args, own);
}

int run_cli_end(struct run_cli *f)
{
    int code = program_wait_end(&f->program, 30000 * client_slowness());

    buf_clear(&f->out);
    program_output(&f->program, &f->out);
    program_errors(&f->program, &f->out);
    program_assert_clean(&f->program);
    assert_int_equal(str_find_char(buf_view(&f->out), '\033'), -1); /* never a terminal's escape */
    return code;
}

int run_cli_env(struct run_cli *f, const char *const *env, const char *const *rest)
{
    run_cli_begin(f, env, rest);
    return run_cli_end(f);
}

int run_cli_command(struct run_cli *f, const char *const *env, const char *const *args)
{
    program_done(&f->program);
    program_start(&f->program, args, env);
    return run_cli_end(f);
}

bool run_cli_says(const struct run_cli *f, const char *text)
{
    return str_contains(buf_view(&f->out), str_from(text));
}

void run_cli_assert_says(const struct run_cli *f, const char *text)
{
    if (!run_cli_says(f, text)) {
        fail_msg("\"%s\" is not in: %.*s", text, STR_ARG(buf_view(&f->out)));
    }
}

const struct json *run_cli_json(struct run_cli *f)
{
    struct json *root = NULL;
    struct error err = {0};
    struct buf text;

    buf_init(&text, RUN_CLI_TEXT_MAX);
    program_output(&f->program, &text);
    assert_int_equal(
        json_parse(&f->arena, arena_str(&f->arena, buf_view(&text)), NULL, &root, &err), ERR_OK);
    buf_done(&text);
    return root;
}
