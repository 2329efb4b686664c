/* Answers about a run, which may be long: what it is, and what it would send. */
#include "api/gate/long_answer.h"
#include "base/json_form.h"
#include "runs.h"

/* ---- what it is ---- */

/* The run is watched while it is written, so that it stays. */
struct shown_run {
    struct long_answer answer;
    struct run_watcher watcher;
    struct run_writing at;
};

static enum error_code show_on(struct long_answer *answer, size_t n_steps, bool *done)
{
    struct shown_run *shown = CONTAINER_OF(answer, struct shown_run, answer);

    *done = run_write(shown->watcher.run, &shown->at, n_steps, &answer->writer);
    return ERR_OK;
}

static void show_end(struct long_answer *answer)
{
    run_unwatch(&CONTAINER_OF(answer, struct shown_run, answer)->watcher);
}

enum stage_verdict run_reply(struct task *task, int status, struct run *run)
{
    struct shown_run *shown = arena_zalloc(task->arena, sizeof(*shown));

    long_answer_init(&shown->answer, task, status, NULL);
    shown->answer.go_on = show_on;
    shown->answer.end = show_end;
    run_watch(run, &shown->watcher);
    return long_answer_begin(&shown->answer);
}

/* ---- what it would send ---- */

enum { DRY_COST = 3 }; /* a step costs so many times as much as in a report */

struct dry_run {
    struct long_answer answer;
    struct run *run; /* dropped at the end */
    const struct reading *reading;
    size_t row;
};

static enum error_code dry_run_on(struct long_answer *answer, size_t n_steps, bool *done)
{
    struct dry_run *dry = CONTAINER_OF(answer, struct dry_run, answer);
    enum error_code code = run_write_requests(dry->run, &dry->row, n_steps / DRY_COST,
                                              &answer->writer, done, &answer->pieces.task->error);

    if (code == ERR_OK && *done) {
        jw_end(&answer->writer);
        test_warnings_write(&answer->writer, dry->reading);
        jw_end(&answer->writer);
    }
    return code;
}

static void dry_run_end(struct long_answer *answer)
{
    run_drop(CONTAINER_OF(answer, struct dry_run, answer)->run);
}

enum stage_verdict run_reply_dry(struct task *task, struct run *run, const struct reading *reading)
{
    struct dry_run *dry = arena_zalloc(task->arena, sizeof(*dry));

    long_answer_init(&dry->answer, task, 200, NULL);
    dry->answer.go_on = dry_run_on;
    dry->answer.end = dry_run_end;
    dry->run = run;
    dry->reading = reading;
    jw_form(&dry->answer.writer,
            "{status:'dry_run', dry_run:true, format:%s, name:%s, tests:%i, steps:%i, "
            "requests:[",
            testfile_format_name(reading->file.format), reading->file.tests[0].name,
            reading->file.n_tests, reading->file.n_steps);
    return long_answer_begin(&dry->answer);
}
