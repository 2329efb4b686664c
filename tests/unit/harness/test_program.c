/* The starter of the real binary, with a shell script in its place: VP_WRAPPER puts one before
 * it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "harness/cmocka.h"
#include "harness/program.h"
#include "harness/wait.h"

static const char script[] = "shift\n" /* the binary that it stands for */
                             "case $1 in\n"
                             "fail) echo trouble >&2; exit 7 ;;\n"
                             "env) echo \"<$GIVEN|$VP_SECRET_OF_HOST>\"; exit 0 ;;\n"
                             "esac\n"
                             "trap 'echo bye; exit 0' TERM\n"
                             "echo 'sandbox on http://127.0.0.1:1'\n"
                             "echo 'listening on http://127.0.0.1:4321'\n"
                             "while :; do sleep 0.02; done\n";

static int use_script(void **state)
{
    const char *path = VP_SCRATCH_DIR "/stand-in.sh";
    FILE *file = fopen(path, "w");
    (void)state;

    assert_non_null(file);
    assert_true(fputs(script, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv("VP_WRAPPER", "sh\t" VP_SCRATCH_DIR "/stand-in.sh", 1), 0);
    assert_int_equal(setenv("VP_SECRET_OF_HOST", "seen", 1), 0);
    return 0;
}

static int drop_script(void **state)
{
    (void)state;
    return unsetenv("VP_WRAPPER");
}

static void serve_waits_for_the_lines_and_stop_for_the_end(void **state)
{
    const char *const args[] = {"serve", "--sandbox", NULL};
    struct program program;
    (void)state;

    program_serve(&program, args, NULL);
    assert_int_equal(program.port, 4321);
    assert_int_equal(program.sandbox_port, 1);
    assert_true(program_is_running(&program));
    program_stop(&program);
    assert_true(program_wrote(&program, "bye"));
    program_done(&program);
}

static void run_tells_the_exit_code_and_keeps_the_output(void **state)
{
    const char *const args[] = {"fail", NULL};
    struct program program;
    (void)state;

    assert_int_equal(program_run(&program, args, NULL), 7);
    assert_true(program_wrote(&program, "trouble"));
    program_done(&program);
}

static void the_environment_is_what_the_test_gives(void **state)
{
    const char *const args[] = {"env", NULL};
    const char *const env[] = {"GIVEN=yes", NULL};
    struct program program;
    (void)state;

    assert_int_equal(program_run(&program, args, env), 0);
    assert_true(program_wrote(&program, "<yes|>"));
    program_done(&program);
}

static void a_kill_shows_as_128_plus_the_signal(void **state)
{
    const char *const args[] = {"serve", NULL};
    struct program program;
    (void)state;

    program_serve(&program, args, NULL);
    program_signal(&program, SIGKILL);
    assert_int_equal(program_wait_end(&program, 5000), 128 + SIGKILL);
    program_done(&program);
}

int test_program(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serve_waits_for_the_lines_and_stop_for_the_end),
        cmocka_unit_test(run_tells_the_exit_code_and_keeps_the_output),
        cmocka_unit_test(the_environment_is_what_the_test_gives),
        cmocka_unit_test(a_kill_shows_as_128_plus_the_signal),
    };

    scratch_lock();
    return cmocka_run_group_tests_name("program", tests, use_script, drop_script);
}
