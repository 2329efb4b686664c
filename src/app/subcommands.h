/* The subcommands as rows: dispatch, --help, the manual page and the shells' completions all read
 * this table. Adding one is adding a row in subcommands.c and its function. */
#ifndef APP_SUBCOMMANDS_H
#define APP_SUBCOMMANDS_H

#include "arguments.h"
#include "base/str.h"

struct buf;
struct catalog;
struct config;
struct server;
struct error;
struct error_list;

struct subcommand {
    const char *name;
    const char *summary;  /* one sentence */
    const char *operands; /* "FILE..."; empty: takes none */
    const struct argument *arguments;
    int (*run)(struct arguments *arguments);
    bool rest_is_operands;  /* the first operand ends the options: what follows has its own */
    const char *exit_codes; /* where they are more than 0 and 1; NULL */
    const char *signals;    /* what signals do; NULL: the usual */
    const char *example;    /* what stands behind the program's name; NULL none */
    /* Called if the words could not be understood, which has been printed. NULL: nothing is to be done then. */
    void (*refused)(const struct arguments *arguments);
};

extern const struct subcommand subcommands[];
extern const size_t n_subcommands;

int run_serve(struct arguments *arguments);
int run_sandbox(struct arguments *arguments);
int run_check(struct arguments *arguments);
int run_load(struct arguments *arguments);
int run_top(struct arguments *arguments);
int run_healthcheck(struct arguments *arguments);
int run_demo(struct arguments *arguments);
int run_command(struct arguments *arguments);
int run_key(struct arguments *arguments);
int run_audit(struct arguments *arguments);
int run_store(struct arguments *arguments);
int run_completion(struct arguments *arguments);
int run_man(struct arguments *arguments);

/* Used by several subcommands. load_config: NULL, and the errors were printed; fail: EXIT_FAILURE, and `err` was. */
void print_errors(const struct error_list *errors);
struct config *load_config(const char *file, const struct arguments *arguments);
void open_log(const struct config *config);
void set_log(const struct config *config); /* while it is open */
void print_addresses(const struct server *server);
int fail(const char *subcommand, const struct error *err);
/* Asks the store of the configuration whether it can be used, and prints what it is unless `quiet`. False: the
 * reason was printed. */
bool check_store(const struct config *config, bool quiet);

/* A part of a text of this program; the text has "@{name}" in its place. */
struct text_part {
    const char *name;
    void (*put)(struct buf *out, const struct catalog *catalog);
};

/* Prints the text with its parts; EXIT_FAILURE: an error was printed. */
int print_filled(const char *command, struct str text, const struct text_part *parts, size_t n);
/* Writes out what was printed. False: it did not arrive, and stderr says why. A reader that has
 * seen enough (`| head`) is no failure. main calls this at the end of every subcommand. */
bool flush_output(void);

#endif
