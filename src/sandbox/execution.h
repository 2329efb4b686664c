/* An execution. What it runs, and how each step ends, is decided when it is submitted. How far it is,
 * is computed from the clock for each answer: there is no timer and no state to update.
 *
 *   submit ──────── QUEUED ────────┬──── RUNNING: n slots of equal length ────┬── FINISHED
 *          a fifth of execution_ms │ slot 0 │ slot 1 │ …          │ slot n-1  │   FAILED
 *                                  └─────────── CANCELED half way ───────────┘
 *
 * Each step that runs has a slot (its number); skipped steps and those after a failure have none. */
#ifndef SANDBOX_EXECUTION_H
#define SANDBOX_EXECUTION_H

#include "sandbox_internal.h"

enum outcome {
    OUTCOME_NOT_REACHED,
    OUTCOME_PASS,
    OUTCOME_FAIL,
    OUTCOME_ERROR,
    OUTCOME_SKIP,
    OUTCOME_RUNNING,
    OUTCOME_N
};

enum ending { ENDING_FINISHED, ENDING_CANCELED, ENDING_FAILED, ENDING_NEVER };

enum { NO_SLOT = -1 };

struct run_step {
    int64_t id;
    const struct step *step; /* texts stay valid after a deletion */
    enum outcome outcome;    /* the final one */
    int64_t slot;
    bool forgiven; /* optional, or its outcome is ignored: its checkpoint does not fail with it */
};

struct run_case {
    int64_t id;
    const char *canonical;
    int64_t library_id; /* 0: none */
    struct str title;
    struct run_step *steps;
    size_t n_steps;
};

struct run_journey {
    int64_t id;
    const char *canonical;
    struct str title;
    struct run_case *cases;
    size_t n_cases;
};

struct execution {
    struct thing thing; /* created_ms: submitDate */
    const struct goal *goal;
    const struct snapshot *snapshot;
    const struct environment *environment; /* NULL: none */
    const struct kept *plan;               /* NULL: not started by a plan */
    uint64_t submitted_at;                 /* monotonic ms */
    uint64_t queued_ms;
    uint64_t running_ms;
    enum ending ending;
    int64_t n_slots;
    struct str variables; /* JSON object that leaks: initial data, environment, canary */
    struct str tags;      /* JSON array */
    struct str pictures;  /* where its screenshots are */
    struct str request;   /* JSON object: meta.executionRequest */
    int64_t launched_by;  /* user */
    struct run_journey *journeys;
    size_t n_journeys;
};

/* How far an execution is, at the time of one answer. */
struct progress {
    const struct execution *execution;
    uint64_t elapsed_ms;
    uint64_t duration_ms; /* running so far */
    bool started;
    bool ended;
    int64_t n_done; /* slots that are over */
    const char *status;
};

struct tally {
    size_t n[OUTCOME_N];
    size_t n_total;
    uint64_t duration_ms;
};

struct progress execution_progress(const struct execution *execution);
enum outcome step_outcome(const struct progress *progress, const struct run_step *step);
uint64_t step_duration(const struct progress *progress, const struct run_step *step);
void tally_add(struct tally *sum, const struct tally *tally);
struct tally case_tally(const struct progress *progress, const struct run_case *run_case);
struct tally journey_tally(const struct progress *progress, const struct run_journey *journey);
/* The outcome of a checkpoint or of a journey, from the tally of its steps. */
enum outcome tally_outcome(const struct progress *progress, const struct tally *tally);
struct tally execution_tally(const struct progress *progress); /* counts journeys, not steps */
const char *outcome_name(enum outcome outcome);

/* usage.c: the period that the query names, dateBegin to dateEnd. False: refused. */
struct period {
    int64_t begin_ms; /* epoch, both included */
    int64_t end_ms;
};

bool period_asked(struct call *call, struct period *out);
bool is_within(const struct execution *job, const struct period *period);

/* learned.c: once this run has passed the step, the step tells more about its element. */
void step_will_learn(struct call *call, struct step *step, const struct execution *execution,
                     const struct run_step *run);

/* Starts one journey (`only`), or those that the body names, else those of the version that are not archived (drafts
 * only with run_drafts). Writes no answer; returns 200, or the status of the refusal (400: nothing to run). */
int execution_start(struct call *call, const struct snapshot *snapshot, struct journey *only,
                    struct execution **out);
/* execution_report.c: by the ids of journey, checkpoint and step; NULL: none. */
const struct run_step *run_step_find(const struct execution *execution, const int64_t ids[3]);
void write_job(struct call *call, const struct execution *execution);

/* execution_json.c */
/* PASS, FAIL or ERROR; NULL: the execution has not ended, or was cancelled. */
const char *final_outcome(const struct progress *progress, const struct tally *tally);
const struct run_journey *run_journey_find(const struct execution *execution, int64_t id);
bool outcome_is_red(enum outcome outcome);
void write_failure(struct json_writer *w, enum outcome outcome, const struct step *step);
void write_run_step(struct json_writer *w, const struct progress *progress,
                    const struct run_step *run);
void write_run_journey(struct json_writer *w, const struct progress *progress,
                       const struct run_journey *run);

#endif
