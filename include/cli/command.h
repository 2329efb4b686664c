/* command: one of the catalogue's commands from the shell, sent to a proxy. Words come as the shell
 * split them; a single word with spaces is read as a whole line. The old syntax, [checkpoint-id]
 * arguments... [position], is understood where the words do not fit otherwise; stderr says so.
 *
 * Owner: the caller embeds it; init, then done. Promise: after command_start returned ERR_OK,
 * on_done comes once, from the loop, with everything closed. What the network sends reaches the
 * terminal with its control characters escaped. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "cli/output.h"
#include "data/json.h"
#include "upstream/upstream.h"

struct catalog;
struct loop;

enum { CLI_EXIT_OK = 0, CLI_EXIT_NOT_SENT = 1, CLI_EXIT_REFUSED = 2 };

struct command_options {
    const struct catalog *catalog;
    const char *const *words;
    size_t n_words;
    struct str checkpoint_id; /* empty: none */
    struct str session_id;
    int64_t position; /* -1: none */
    bool dry_run;
    bool remote; /* the proxy outlives the command, so the request id of an error is printed */
    enum cli_output output;
};

struct command_run {
    struct arena arena;
    struct json *body;
    enum cli_output output;
    bool remote;
    bool is_refused;       /* our catalogue refuses it: a proxy with the same one makes no call */
    struct str suggestion; /* a command line that would be accepted; empty: none */
    struct upstream *client;
    struct upstream_call call;
    int status; /* exit code, once done */
    void (*on_done)(struct command_run *command);
    void *owner;
};

/* The body to send. On failure there is nothing to free. */
enum error_code command_init(struct command_run *command, const struct command_options *options,
                             struct error *err) MUST_CHECK;

struct command_proxy {
    struct str url;
    const struct secret *key; /* may be unset: no credential is sent */
    struct str ca_file;       /* for https; empty: the system's */
};

/* Set on_done (and owner) before. */
enum error_code command_start(struct command_run *command, struct loop *loop,
                              const struct command_proxy *proxy, struct error *err) MUST_CHECK;
void command_cancel(struct command_run *command); /* on_done still comes */
void command_done(struct command_run *command);

/* Help of one command, from the catalogue, to stdout. False: there is none; the reason was
 * printed. */
bool command_help(const struct catalog *catalog, const char *const *words, size_t n_words);
void command_list(const struct catalog *catalog); /* usage and summary of all, to stdout */

#endif
