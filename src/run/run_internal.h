/* What the files of room run share: a run with its goals, tests, steps and events.
 *
 *   run ─► goals ─► (calls, execution)        notes of what happened: arena `kept`
 *      └► tests ─► (calls, steps)
 *      └► plan ─► rows with a struct run_row   work that ends with the run: arena `work` */
#ifndef RUN_INTERNAL_H
#define RUN_INTERNAL_H

#include "base/map.h"
#include "base/mem.h"
#include "observe/fact.h"
#include "run/run.h"
#include "step/step.h"
#include "store/keep.h"

/* CREATED: all of it exists, and was not executed (or the execution was not followed). */
enum run_status {
    RUN_NEW,
    RUN_RUNNING,
    RUN_CREATED,
    RUN_PASSED,
    RUN_FAILED,
    RUN_CANCELLED,
    RUN_TIMED_OUT
};

enum test_status {
    TEST_PENDING,
    TEST_RUNNING,
    TEST_CREATED, /* its steps exist; after the end of the run also: it was not executed */
    TEST_PASSED,  /* executed, and green */
    TEST_FAILED,
    TEST_CANCELLED,
    TEST_SKIPPED
};

struct run_fault {
    const char *code; /* slug */
    int upstream_status;
    struct str detail;
};

/* What rows make and later rows need; 0: not known (yet). */
struct run_ids {
    int64_t project_id, goal_id, snapshot_id, journey_id, checkpoint_id;
};

enum setup {
    SETUP_ORGANIZATION,
    SETUP_PROJECT,
    SETUP_FIND_PROJECT,
    SETUP_CREATE_PROJECT,
    SETUP_FIND_GOAL,
    SETUP_CREATE_GOAL,
    SETUP_SNAPSHOT,
    SETUP_JOURNEY,
    SETUP_CHECKPOINT,
    SETUP_ATTACH,
    SETUP_COUNT,
    SETUP_EXECUTE,
    SETUP_FOLLOW,
    SETUP_OUTCOMES,
    SETUP_N
};

enum { MAX_CALLS = 6 };

struct run_call {
    enum setup setup;
    enum row_status status;
    int64_t id; /* what it made or found; 0 none */
    uint64_t us;
    const struct run_fault *fault; /* NULL none */
    unsigned attempt;              /* of an execution's row; 0: the first */
    struct run_call *next;         /* of an execution's row: the next older call */
};

struct run_execution {
    bool wanted;
    unsigned attempt; /* the one that job_id belongs to; 0: the first */
    int64_t job_id;
    struct str status; /* the platform's word; empty: not known */
    struct str outcome;
    unsigned progress; /* percent */
    uint64_t began_ms;
    uint64_t us;
    unsigned n_told;
    const struct run_fault *fault;
    struct run_call *calls; /* newest first, whatever the order of rows */
};

/* One goal that tests share. */
struct run_goal {
    struct str project;
    struct str name;
    struct str starting_url;
    unsigned width, height;
    bool named; /* look for it before it is made */
    struct run_ids ids;
    struct run_call calls[MAX_CALLS];
    size_t n_calls;
    bool failed;
    struct run_execution execution;
};

/* What the execution says of a step. */
struct run_outcome {
    const char *word;   /* NULL none */
    struct str reason;  /* why it is red; empty none */
    struct str picture; /* address of the platform's screenshot; empty none */
    uint64_t ms;
};

/* A run may keep ten thousand of them, so what only few steps have is stored elsewhere. */
struct run_step {
    const struct command *command;
    struct str text; /* the sentence, or the command line */
    struct str description;
    unsigned line, column;
    uint8_t phase;
    uint8_t status; /* enum row_status */
    bool optional;
    int64_t step_id;  /* 0 none */
    int64_t position; /* -1 none */
    uint64_t us;
    const struct run_fault *fault;
    const struct run_outcome *executed; /* NULL: its execution has told nothing of it */
};

struct run_test {
    struct str name;
    struct str description;
    struct str journey;
    struct str checkpoint;
    unsigned line;
    size_t index;          /* in the file, 0-based */
    struct run_goal *goal; /* NULL: steps go to a checkpoint that exists */
    struct run_ids ids;
    struct run_call calls[MAX_CALLS];
    size_t n_calls;
    struct run_step *steps;
    size_t n_steps;
    size_t n_before;   /* steps that an earlier run has made */
    int64_t position;  /* the next step's; -1: behind the last step */
    unsigned n_titles; /* for its checkpoint that the platform refused as taken */
    bool begun, failed, attached, keeps_going;
    enum test_status status;
    uint64_t began_ms, ended_ms;
    const char *outcome; /* of its journey in the execution; NULL none */
    uint64_t executed_ms;
};

enum event_kind { EVENT_RUN, EVENT_ROW, EVENT_STEP, EVENT_EXECUTION, EVENT_DONE };

struct run_event {
    enum event_kind kind;
    bool of_goal;

    union { /* chosen by of_goal; unset for EVENT_RUN and EVENT_DONE */
        const struct run_test *test;
        const struct run_goal *goal;
    } of;

    union { /* by kind */
        const struct run_call *call;
        const struct run_step *step;
        const char *state; /* of an execution, as it was then */
    } what;
};

/* What a row of the plan is for. */
struct run_row {
    struct run *run;
    struct run_goal *goal;
    struct run_test *test;
    struct run_call *call; /* NULL: a step */
    struct run_step *step;
};

/* What the configuration of the process where a run began adds to the run. Texts live as long as the run. */
struct run_ground {
    struct str project, organization_id;
    bool links; /* there is a user interface to link to */
};

/* The next goal, then the next step of a test, then the next execution. */
struct run_place {
    size_t goal, test, step, execution;
};

/* How far the notes and the rows of a run are made; lives in `work`. All notes are made before the run begins, a row
 * only when the rows before it have ended. A dry run makes note and row of one step, shows them and forgets them. */
struct run_building {
    struct testfile file;
    bool attach; /* the first test's checkpoint */
    bool noted;  /* all notes are there */
    struct run_place notes, rows;
    struct run_row row;   /* of the step that is made now */
    struct run_step note; /* of that step, in a dry run */
};

struct run {
    struct list link; /* of the store: active or ended */
    struct map_node node;
    struct run_store *store;
    struct digest owner;
    char id[32];
    enum run_status status;
    bool stop_asked;
    bool halted; /* something failed: no further row */
    bool execute, wait;
    unsigned retries; /* a red execution is started again so many times */
    bool names;       /* looks for things by name: one run at a time does, see names.c */
    bool did_something;
    bool held;                      /* its plan waits for run_release */
    bool dry;                       /* nothing is sent */
    int64_t first_found;            /* id of the page before: the same id again means no pages */
    const struct run_test *at_test; /* whose ids the plan's variables hold */
    const char *format;
    struct str name;
    struct str environment_id; /* work; empty: the goal's */
    struct run_ground ground;
    struct arena work, kept;
    struct run_building *building; /* in work; NULL: it is not prepared yet */
    struct plan *plan;             /* in work; NULL when the run is over */
    struct step *making;           /* in work: the step that is being made */
    struct run_finding *finding;   /* in work: the search for what a row has made */
    struct run_goal *goals;
    size_t n_goals;
    struct run_test *tests;
    size_t n_tests;
    size_t n_all_tests;  /* of the file */
    struct str warnings; /* JSON array */
    struct error error;
    int64_t created_ms, ended_ms; /* Unix, for showing */
    uint64_t begun_ms, over_ms;   /* clock_now_ms, for how long it took */
    struct run_event *events;     /* heap */
    size_t n_events, cap_events;
    struct list watchers;
    size_t n_watchers;
    struct later_item tell;
    struct later_item free_work; /* frees the plan, after its last callback */
    struct list waiting;         /* in the store's list: waits to look for names */
    struct run_hooks hooks;
    /* Only where runs are shared (share_internal.h). */
    struct run_log *log;       /* of a run carried out here; NULL: not shared, another's, or over */
    struct run_mirror *mirror; /* of another process's run that is not over */
    unsigned n_drivers;        /* it advances as long as there are some (RUN_ROLE_DRIVEN) */
    unsigned n_adoptions;      /* in a row, with no row that has ended in between */
    bool adopted;              /* some of its rows have ended in another process */
    bool lost; /* a copy that cannot be read any more: in no map, gone with its last watcher */
    enum run_status ends_as;       /* if it ends before it begins; RUN_NEW: as its plan says */
    bool went;                     /* run_release has told its place in the session */
    int64_t end_at_begin;          /* of the checkpoint when the last row began; -1: not known */
    const struct run_step *sought; /* the step that a dead process may have made */
    const struct run_call *sought_call; /* the same for a call of the set-up */
    struct step_trace trace;            /* the place of `sought`; until when either may appear */
};

struct run_store {
    struct run_store_options options;
    struct list active; /* newest first */
    struct list ended;  /* newest first */
    struct list waiting;
    struct run *naming;            /* the run that is looking for names; NULL: none */
    struct keep_user naming_lease; /* where processes share runs */
    struct map by_id;
    struct arena_bin bin; /* for the arenas of large runs, given back in parts */
    size_t n_new;         /* not started yet: their files are being read */
    size_t n_active, n_ended;
    struct list shared;  /* link in the share's list */
    struct list mirrors; /* runs of other processes */
    struct list lost;    /* copies that cannot be read any more, and are still watched */
};

/* --- store.c */
void run_on_plan_done(struct plan *plan);
/* --- names.c */
void run_go_in_turn(struct run *run);
void run_names_done(struct run *run); /* nothing more is looked for by name: the next run may */
void run_tell(struct run *run, const struct run_event *event); /* watch.c */
/* Frees the oldest ended runs that nobody watches, down to max_kept. */
void run_store_trim(struct run_store *store);
void run_forget(struct run *run); /* frees an ended run that nobody watches */
/* Tells a fact about the run (observe); `id` may be NULL. */
void run_note_fact(const struct run *run, enum fact_kind kind, const char *outcome,
                   const struct fact_id *id);

/* --- rows.c: the hooks of the plan */
const char *setup_name(enum setup setup);
bool run_row_is_extra(const struct run_row *row); /* the outcome of the run does not need it */
const char *setup_variable(enum setup setup);     /* the plan's variable for its id; NULL: none */
bool setup_finds(enum setup setup); /* by name; if nothing is found, the next row makes it */
const struct call *setup_call(const struct run *run, enum setup setup);
/* The call that shows whether the row was carried out; NULL: there is none. */
const struct call *setup_list(const struct run_row *row);
struct str run_keep(struct run *run, struct str text); /* a copy that lives as long as the run */
void rows_hook(struct plan_row *row);                  /* sets its hooks */
bool run_step_has_ended(const struct run_step *step);
void run_begin_test(const struct run_row *row);
void run_row_gave_up(const struct run_row *row); /* marks what cannot go on without the row */
void run_setup_made(const struct run_row *row);  /* keeps its id for the rows that need it */
void rows_progress(struct plan *plan, struct plan_row *row);
void run_note_error(struct run *run, const struct error *err); /* the first one counts */

/* --- find.c */
/* The search for what a row around the steps made, if its answer was lost; one at a time. */
struct run_finding {
    struct plan *plan;
    const struct run_row *row;
    unsigned phase;
    size_t n_alike;          /* things that the row may have made; not those that the run knows */
    int64_t id;              /* of the last such thing */
    const struct json *item; /* that thing in the newest answer; NULL: it was in an older answer */
    struct error lost;
};

void find_begin(struct plan *plan, struct run *run); /* makes the plan ask for the first page */
enum plan_verdict find_after(struct plan *plan, struct run_row *row, const struct json *answer,
                             struct error *err);
void find_guide(struct plan_row *row, struct run_finding *finding);

/* --- execution.c */
enum plan_verdict execution_started(struct run_row *row, const struct json *answer);
enum plan_verdict execution_followed(struct run_row *row, const struct json *answer,
                                     uint64_t *delay_ms);
void execution_outcomes(struct run_row *row, const struct json *answer);
void execution_forget_outcomes(struct run *run, const struct run_goal *goal);
void execution_tell_state(struct run *run, struct run_goal *goal);
const char *execution_outcome_word(struct str text); /* NULL: no word of the platform */
/* False: it is not wanted. */
bool execution_before(struct plan *plan, const struct run_row *row);
/* The platform's verdict; both false: it has not judged. */
bool execution_is_green(const struct run_execution *execution);
bool execution_is_red(const struct run_execution *execution);

/* --- judge.c: what the run and its tests came to */
bool run_outcome_is_red(const char *outcome); /* NULL: none */
enum run_status run_judge(struct run *run, const struct plan *plan);
const char *run_status_name(enum run_status status);
bool run_status_read(struct str name, enum run_status *out); /* of a run that has ended */
void run_close_notes(struct run *run);                       /* of a run that has ended */
void test_judge(struct run_test *test);                      /* once its last step has ended */

/* --- resume.c: {"query", "command", "detail"} or null */
void resume_write(const struct run *run, struct json_writer *w);

/* --- progress.c asks rows.c */
struct run_row *run_row_of(const struct plan_row *row);
/* Notes the status of the row, and its fault; NULL: none. */
void run_row_set(const struct run_row *row, enum row_status status, const struct run_fault *fault);
void run_tell_row(const struct run_row *row); /* progress.c */
/* Will another row try again what this one failed at? Then nothing is told yet. */
bool row_is_mended(const struct plan *plan, const struct plan_row *plan_row);

/* --- build_rows.c: makes the notes of goals, tests and steps, and adds the rows of the plan, each in the order of
 * the calls */
void run_note_goal(struct run *run, struct run_goal *goal);
void run_note_test(struct run *run, struct run_test *test, bool attach); /* without steps */
void run_note_step(struct run *run, struct run_test *test, const struct testfile_step *source);
void run_add_calls(struct run *run, struct run_goal *goal,
                   struct run_test *test); /* NULL: the goal's */
void run_add_step(struct run *run, struct run_test *test, size_t index,
                  const struct testfile_step *source);
void run_add_execution(struct run *run, struct run_goal *goal, unsigned attempt);
/* Found or made; NULL: no call of executions has this name. */
struct run_call *run_execution_call(struct run *run, struct run_goal *goal, struct str name,
                                    unsigned attempt);
size_t run_execution_rows(const struct run *run); /* how many run_add_execution adds */

#endif
