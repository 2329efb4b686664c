/* The real binary as a child process: start, wait until ready, look at its output, stop, judge its
 * end. Its output goes to files in the scratch folder (so it can never block on a full pipe). With
 * VP_WRAPPER set (valgrind and its arguments, separated by tabs, since paths may hold blanks) it
 * runs under that command. It dies with the test.
 * Owner: the test holds the struct; program_done kills what still runs and removes the files. */
#ifndef HARNESS_PROGRAM_H
#define HARNESS_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

enum { PROGRAM_PATH_MAX = 512, PROGRAM_DESCRIPTORS_MAX = 4 };

struct program {
    pid_t pid; /* 0: not running */
    char out_path[PROGRAM_PATH_MAX];
    char err_path[PROGRAM_PATH_MAX];
    uint16_t port;         /* of "listening on http://..." once program_serve returned */
    uint16_t sandbox_port; /* of "sandbox on http://..."; 0: none */
    int exit_code;         /* after the end; 128 + signal when killed by one */
};

/* Starts VP_BINARY. `args` follow the program's name, `env` holds "NAME=value"; both end in NULL,
 * either may be NULL. The child's environment is that of `env` plus PATH, HOME and the sanitizers'
 * options: nothing of the machine it runs on gets in. */
void program_start(struct program *program, const char *const *args, const char *const *env);
/* From now on another program than VP_BINARY; NULL: VP_BINARY again. */
void program_use(const char *path);
/* The same, with descriptors passed as a service manager does: from number 3 on, with LISTEN_PID. `env` says
 * LISTEN_FDS. */
void program_start_with(struct program *program, const char *const *args, const char *const *env,
                        const int *descriptors, int n_descriptors);
/* What the next program that is started does before it becomes the program (NULL: nothing). */
void program_before(void (*fn)(void));
/* program_start, then waits for "listening on" (and, when an argument is "--sandbox", for "sandbox
 * on"). */
void program_serve(struct program *program, const char *const *args, const char *const *env);
/* Waits until stdout has a line that begins with `prefix` followed by ADDR:PORT; returns the
 * port. */
uint16_t program_wait_port(struct program *program, const char *prefix);
/* Runs to the end; returns the exit code. The output stays readable until program_done. */
int program_run(struct program *program, const char *const *args, const char *const *env);

void program_signal(struct program *program, int signal_number);
bool program_is_running(struct program *program);
/* Fails the test when it does not end in time. Returns the exit code (also in
 * program->exit_code). */
int program_wait_end(struct program *program, unsigned timeout_ms);
/* SIGTERM, then: ends within 20 s with exit code 0 and a clean output. What each integration test
 * ends with. */
void program_stop(struct program *program);
/* No report of a sanitizer, of valgrind or of a failed CHECK in the output; else the test fails. */
void program_assert_clean(const struct program *program);
void program_done(struct program *program);

/* Appends everything written so far. */
void program_output(const struct program *program, struct buf *out);
void program_errors(const struct program *program, struct buf *out);
bool program_wrote(const struct program *program, const char *text); /* to either */
/* Waits until it did; fails the test after timeout_ms. */
void program_wait_wrote(struct program *program, const char *text, unsigned timeout_ms);

/* "VmRSS", "VmHWM" (the most that it had): KiB, as the kernel counts them. */
long program_kib(const struct program *program, const char *field);

#endif
