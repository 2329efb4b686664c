/* What a control group allows, as the kernel shows it below a planted root; and how long a process waits for a processor. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/cmocka.h"
#include "harness/wait.h"

#include "base/fd.h"
#include "base/limits.h"
#include "base/str.h"

int test_limits(void);

enum { PATH_SIZE = 512, FILES = 3, USABLE = 64 };

struct planted {
    const char *path; /* NULL: none */
    const char *text;
};

static char root[PATH_SIZE];

/* Each folder on the way, then the file. */
static void plant(const struct planted *file)
{
    char path[2 * PATH_SIZE];
    int fd;

    (void)snprintf(path, sizeof(path), "%s%s", root, file->path);
    for (char *at = strchr(path + strlen(root) + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        (void)mkdir(path, 0700);
        *at = '/';
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_true(fd_write_all(fd, str_from(file->text)));
    assert_int_equal(close(fd), 0);
}

static void clear(void)
{
    char command[PATH_SIZE + 16];

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", root);
    assert_int_equal(system(command), 0);
}

static double usable(void)
{
    cpu_set_t set;

    assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
    return CPU_COUNT(&set);
}

/* The machine of the test may have fewer processors than a row allows. */
static void assert_cores(double expected)
{
    double cores = cpu_limit_cores_below(root);
    double most = usable();

    assert_true(expected > most ? cores == most
                                : cores > expected - 0.001 && cores < expected + 0.001);
}

static void the_tightest_group_counts(void **state)
{
    static const struct {
        struct planted files[FILES];
        double cores;
    } rows[] = {
        /* v2: of the own group, as a host sees it, and of those above */
        {{{"/proc/self/cgroup", "0::/pods/one\n"},
          {"/sys/fs/cgroup/pods/one/cpu.max", "50000 100000\n"}},
         0.5},
        {{{"/proc/self/cgroup", "0::/pods/one\n"},
          {"/sys/fs/cgroup/pods/one/cpu.max", "max 100000\n"},
          {"/sys/fs/cgroup/pods/cpu.max", "25000 100000\n"}},
         0.25},
        {{{"/proc/self/cgroup", "0::/pods/one\n"},
          {"/sys/fs/cgroup/pods/one/cpu.max", "150000 100000\n"},
          {"/sys/fs/cgroup/cpu.max", "75000 100000\n"}},
         0.75},
        /* as a container sees it: its group is the root */
        {{{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "150000 100000\n"}}, 1.5},
        {{{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "max 100000\n"}}, USABLE},
        /* the line of v2 stands behind those of v1 */
        {{{"/proc/self/cgroup", "2:cpu,cpuacct:/a\n1:memory:/a\n0::/b\n"},
          {"/sys/fs/cgroup/b/cpu.max", "30000 100000\n"}},
         0.3},
        /* v1 */
        {{{"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "60000\n"},
          {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}},
         0.6},
        {{{"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
          {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}},
         USABLE},
        /* no group, and texts that say nothing */
        {{{NULL, NULL}}, USABLE},
        {{{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "\n"}}, USABLE},
        {{{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "a b\n"}}, USABLE},
        {{{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "100000 0\n"}}, USABLE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        (void)snprintf(root, sizeof(root), VP_SCRATCH_DIR "/limits-XXXXXX");
        assert_non_null(mkdtemp(root));
        for (size_t k = 0; k < FILES && rows[i].files[k].path != NULL; k++) {
            plant(&rows[i].files[k]);
        }
        assert_cores(rows[i].cores);
        clear();
    }
}

/* Two work on one processor: each waits for the other. */
static void a_wait_for_a_processor_is_counted(void **state)
{
    cpu_set_t before;
    cpu_set_t one;
    struct cpu_use use = cpu_use_of((int)getpid());
    int cpu = sched_getcpu();
    pid_t child;

    (void)state;
    assert_true(use.is_runnable);
    if (use.ran_ms == 0) {
        print_message("skipped: this kernel does not tell\n");
        skip();
    }
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(60);
        for (;;) {
        }
    }
    wait_until(cpu_use_of((int)getpid()).waited_ms > use.waited_ms + 10);
    assert_true(cpu_use_of((int)child).is_runnable);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
    use = cpu_use_of(0); /* there is no such process */
    assert_true(use.ran_ms == 0 && use.waited_ms == 0 && !use.is_runnable);
}

int test_limits(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_tightest_group_counts),
                                       cmocka_unit_test(a_wait_for_a_processor_is_counted)};

    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
