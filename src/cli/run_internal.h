/* The pieces of a command-line run: one item per file, a display of their progress, and the run
 * that starts them in order and writes the reports.
 *
 *   item: QUEUED ─► POSTING ─► FOLLOWING ─► ENDED
 *                      │           └ asks for the run object after 100 ms, growing to 1 s
 *                      └ a refusal that will pass (429, 503) is tried again after a pause; a lost
 *                        answer is not, since the run may have begun */
#ifndef CLI_RUN_INTERNAL_H
#define CLI_RUN_INTERNAL_H

#include <stdio.h>

#include "base/arena.h"
#include "base/deadline.h"
#include "base/later.h"
#include "base/secret.h"
#include "cli/run.h"
#include "gather.h"
#include "net/loop.h"
#include "report.h"
#include "upstream/upstream.h"

enum item_state { ITEM_QUEUED, ITEM_POSTING, ITEM_FOLLOWING, ITEM_ENDED };

enum { RUN_ID_MAX = 128 };

struct run_item {
    struct cli_run *run;
    const struct test_source *source;
    enum item_state state;
    struct upstream_call call;
    struct deadline timer;
    struct str query;           /* of the POST */
    char path[RUN_ID_MAX + 64]; /* of the run; empty: not known yet */
    struct arena arenas[2];     /* of the last run object, and of the next */
    unsigned current;
    const struct json *object; /* NULL: none came */
    const struct json *problem;
    const struct json *dry_run;
    enum verdict verdict;
    struct error error; /* the text is why it did not pass */
    uint64_t began_ms;
    uint64_t accepted_ms; /* the proxy began the run: --timeout counts from here, as in the proxy */
    uint64_t ended_ms;
    uint64_t heard_ms; /* when the proxy last answered */
    uint64_t pause_ms;
    uint64_t stop_ms; /* when it was asked to stop; 0: it was not */
    bool stop_sent;   /* the proxy has confirmed the DELETE */
    bool timed_out;   /* stopped because --timeout was over */
    bool broken;      /* the file does not compile */
    bool told;        /* its line is printed */
    /* display */
    size_t n_shown;    /* steps printed so far */
    int64_t execution; /* progress printed last, in % summed over the executions */
    bool id_shown;
};

struct display {
    bool bar; /* a terminal that can draw over a line */
    bool human;
    bool lines; /* each step, as it happens */
    bool color;
    FILE *to;
    size_t bar_columns; /* on the screen now */
    uint64_t drawn_ms;
};

struct cli_run {
    struct cli_run_options options;
    struct arena arena;
    struct gather gather;
    struct error_list errors;
    struct error_list notes;
    struct error_list warnings;
    size_t n_left_out; /* files of other shards, or that were not red (--rerun-failed) */
    struct str query;  /* what all items share */
    struct loop *loop;
    struct upstream *client;
    struct secret api_key;
    struct str url;
    struct run_item *items; /* as many as gather.n */
    struct later_item step;
    struct display display;
    int report_fds[3]; /* -1: none */
    uint64_t began_ms;
    int64_t began_wall_ms;
    bool stopping;
    bool finished; /* the reports are written */
    int exit_code;
    void (*on_done)(void *owner);
    void *owner;
};

/* ---- run_query.c: pure ---- */

/* Makes the part of the query that all files share. The error says what is wrong with --var, --tag,
 * --resume or --checkpoint. */
enum error_code run_query_of_options(struct arena *arena, const struct cli_run_options *options,
                                     size_t n_files, struct str *out, struct error *err) MUST_CHECK;
struct str run_query_of_source(struct arena *arena, struct str shared,
                               const struct test_source *source);

/* ---- run_select.c: which files are begun ---- */

/* The variables of --var as pairs. Called before the files are read. */
size_t select_variables(struct arena *arena, const struct cli_run_options *options,
                        struct testfile_variable **out);
/* Drops the files of other shards, and with --rerun-failed those that are not remembered as red. */
void select_files(struct cli_run *run);
/* Ends the items whose file does not compile. False: there are none. */
bool select_broken(struct cli_run *run);
/* Ends the items that will not begin: the file does not compile, or has none of the tags, or another file does
 * not compile (--strict). */
void select_items(struct cli_run *run);

/* ---- last_run.c: which files the last run left red ---- */

struct last_run {
    struct str *files; /* their paths without links */
    size_t n;
};

enum last_run_state {
    LAST_RUN_NONE,
    LAST_RUN_DAMAGED, /* empty, torn, or of an earlier version: nothing is known */
    LAST_RUN_READ
};

/* The file with the list; empty: there is no place for one. */
struct str last_run_path(struct arena *arena);
enum last_run_state last_run_read(struct arena *arena, struct str path, struct last_run *out);
bool last_run_has(const struct last_run *last, struct str file);
/* Remembers which files are red after `run`; files that `run` did not run stay as they were remembered. False: the list
 * cannot be written (errno says why). The old list is then removed or emptied, if the user may do that. */
bool last_run_write(struct cli_run *run) MUST_CHECK;

/* ---- run_report.c ---- */

/* What cannot be written is added to run->errors. */
void run_open_reports(struct cli_run *run);
void run_close_reports(struct cli_run *run);
void run_write_reports(struct cli_run *run); /* sets the exit code */
/* When nothing can begin: a case for each error, and for each file. Files that do not compile are printed. */
void run_report_errors(struct cli_run *run);
void run_tell_ended(struct cli_run *run); /* prints the lines of files that have ended */

/* ---- run_item.c ---- */

void item_start(struct run_item *item);
void item_stop(struct run_item *item, bool timed_out); /* idempotent */
void item_abandon(struct run_item *item);              /* ends it now */
/* Ends an item that was not begun; its error holds the reason. */
void item_end_unbegun(struct run_item *item, enum verdict verdict);

/* ---- run.c ---- */

void run_on_item(struct run_item *item); /* its state changed */

/* ---- run_display.c ---- */

void display_init(struct display *display, const struct cli_run_options *options);
void display_item(struct cli_run *run, struct run_item *item); /* what is new about it */
void display_bar(struct cli_run *run, bool at_once);
void display_clear(struct display *display);
void display_text(struct display *display, struct buf *text); /* whole lines; takes the buf */

#endif
