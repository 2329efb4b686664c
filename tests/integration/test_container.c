/* What a container gives to a service of several workers: as many of them as it has processors, orphans to wait for, and a time to end
 * in that may change while it runs. */
#include "harness/cmocka.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/limits.h"
#include "harness/count.h"
#include "harness/mount.h"
#include "harness/wait.h"
#include "harness/workers.h"

enum { ORPHANS = 5, DRAIN_MS = 600000, ENDS_MS = 60000 };

static struct proxy proxy;

static size_t n_workers(void)
{
    pid_t pids[WORKERS_MAX];

    return workers_pids(&proxy, pids);
}

/* --- server.workers: auto */
static void keep_one_processor(void)
{
    cpu_set_t all;
    cpu_set_t one;

    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof(all), &all) != 0) {
        _exit(126);
    }
    for (size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++) {
        if (CPU_ISSET(cpu, &all)) {
            CPU_SET(cpu, &one);
        }
    }
    if (sched_setaffinity(0, sizeof(one), &one) != 0) {
        _exit(126);
    }
}

/* One worker is the program itself. */
static void there_is_a_worker_for_each_core(void **state)
{
    double cores = cpu_limit_cores();
    size_t n = (size_t)cores + ((double)(size_t)cores < cores ? 1 : 0);

    (void)state;
    n = n > WORKERS_MAX ? WORKERS_MAX : n; /* so many are counted */
    workers_start(&proxy, (const char *const[]){"server.workers=auto", NULL});
    assert_int_equal(n_workers(), n > 1 ? n : 0);
    proxy_stop(&proxy);
    program_before(keep_one_processor);
    workers_start(&proxy, (const char *const[]){"server.workers=auto", NULL});
    assert_int_equal(n_workers(), 0);
    proxy_stop(&proxy);
}

/* --- orphans */
/* As process 1 of a container: whoever loses its parent below it is its child. Half of the dead are its own from the beginning. */
static void become_reaper_of_dead(void)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        _exit(126);
    }
    for (int i = 0; i < ORPHANS; i++) {
        if (fork() == 0) {
            (void)fork();
            _exit(0);
        }
    }
}

static void orphans_are_waited_for_and_workers_are_not_lost(void **state)
{
    pid_t pids[WORKERS_MAX];
    pid_t victim;

    (void)state;
    program_before(become_reaper_of_dead);
    workers_start(&proxy, (const char *const[]){"server.workers=2", NULL});
    wait_until(workers_zombies(&proxy) == 0 && n_workers() == 2);
    (void)workers_pids(&proxy, pids);
    victim = pids[0];
    assert_int_equal(kill(victim, SIGKILL), 0);
    wait_until(workers_pids(&proxy, pids) == 2 && pids[0] != victim && pids[1] != victim);
    wait_until(workers_metric(&proxy, "virtuoso_proxy_worker_restarts_total") == 1);
    assert_int_equal(workers_zombies(&proxy), 0);
    proxy_stop(&proxy);
}

/* --- drain.limit_ms */
static struct mount mount;

static void write_limit(unsigned limit_ms)
{
    char text[512];

    (void)snprintf(text, sizeof(text),
                   "server: {listen: \"127.0.0.1:0\", workers: \"2\"}\nsandbox: {enabled: true}\n"
                   "auth: {mode: none}\ndrain: {notice_ms: 0, limit_ms: %u}\n",
                   limit_ms);
    mount_write_set(&mount, (const struct mount_file[]){{"proxy.yaml", text}, {NULL, NULL}});
}

static size_t n_changed(void)
{
    struct buf text;
    size_t n;

    buf_init(&text, 1 << 20);
    program_errors(&proxy.program, &text);
    n = str_count(buf_view(&text), "\"changed\":\"drain.limit_ms\"");
    buf_done(&text);
    return n;
}

/* A worker that does not end is killed after the time that the configuration has now. */
static void the_time_to_end_is_that_of_the_last_reload(void **state)
{
    pid_t pids[WORKERS_MAX];
    struct program *program = &proxy.program;

    (void)state;
    mount_init(&mount);
    write_limit(DRAIN_MS);
    arena_init(&proxy.arena);
    reply_init(&proxy.reply);
    program_serve(program, (const char *const[]){"serve", "-c", mount.file, NULL}, NULL);
    write_limit(0);
    program_signal(program, SIGHUP);
    wait_until(n_changed() == 2); /* each of them: what it says then has reached the supervisor */
    assert_int_equal(workers_pids(&proxy, pids), 2);
    assert_int_equal(kill(pids[1], SIGSTOP), 0);
    program_signal(program, SIGTERM);
    assert_int_equal(program_wait_end(program, ENDS_MS), EXIT_FAILURE); /* it had to be killed */
    assert_true(program_wrote(program, "it has not ended in time"));
    program_assert_clean(program);
    program_done(program);
    reply_done(&proxy.reply);
    arena_done(&proxy.arena);
    mount_close(&mount);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_a_worker_for_each_core),
        cmocka_unit_test(orphans_are_waited_for_and_workers_are_not_lost),
        cmocka_unit_test(the_time_to_end_is_that_of_the_last_reload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
