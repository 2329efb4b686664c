/* A command of the program for tests: what it wrote, and a folder of its own with test files and reports. What was
 * red in `virtuoso-proxy run` is remembered in that folder. Owner: cmocka's setup
 * and teardown; the folder goes with it. */
#ifndef HARNESS_RUN_CLI_H
#define HARNESS_RUN_CLI_H

#include "base/arena.h"
#include "base/buf.h"
#include "data/json.h"
#include "harness/program.h"

enum { RUN_CLI_ARGS_MAX = 32, RUN_CLI_TEXT_MAX = 4 << 20 };

struct run_cli {
    struct arena arena;
    struct program program;
    char root[256];
    struct buf out; /* of the last run: stdout, then stderr */
};

int run_cli_setup(void **state);
int run_cli_teardown(void **state);

const char *run_cli_path(struct run_cli *f, const char *name); /* in the folder */
const char *run_cli_put(struct run_cli *f, const char *name, const char *text);
struct str run_cli_get(struct run_cli *f, const char *name);
const char *run_cli_url(struct run_cli *f, uint16_t port); /* "--url=..." */

/* `env` ("NAME=value") and `rest` (behind "run") end in NULL; `env` may be NULL. */
void run_cli_begin(struct run_cli *f, const char *const *env, const char *const *rest);
int run_cli_end(struct run_cli *f); /* the exit code */
int run_cli_env(struct run_cli *f, const char *const *env, const char *const *rest);
/* Another command than `run`, with all its words, to its end; the exit code. */
int run_cli_command(struct run_cli *f, const char *const *env, const char *const *args);
#define RUN(f, ...) run_cli_env((f), NULL, (const char *const[]){__VA_ARGS__, NULL})

bool run_cli_says(const struct run_cli *f, const char *text);
void run_cli_assert_says(const struct run_cli *f,
                         const char *text);         /* fails the test with what it said instead */
const struct json *run_cli_json(struct run_cli *f); /* of -o json */

#endif
