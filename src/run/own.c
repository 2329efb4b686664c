/* A copy becomes a run of this process: the claim is taken, and "adopted" is written. What stands before
 * "adopted" in the stream is the state of the run. A row that was in flight is sought, asked again or told as
 * unknown; then the run goes on. */
#include "share_internal.h"

#include "base/clock.h"
#include "observe/log.h"
#include "observe/metrics.h"

enum { ENTRY_MAX = 512, ADOPTIONS_MAX = 3 /* without progress */ };

/* --- what was on its way */

/* The id of our last step before `row` in the same checkpoint, of this test or of one before; 0: there is none. The
 * step that is sought must stand behind it. */
static int64_t step_before(const struct run *run, const struct run_row *row)
{
    for (size_t i = (size_t)(row->test - run->tests) + 1; i > 0; i--) {
        const struct run_test *test = &run->tests[i - 1];
        size_t n = test == row->test ? (size_t)(row->step - test->steps) : test->n_steps;

        for (; n > 0 && test->ids.checkpoint_id == row->test->ids.checkpoint_id; n--) {
            const struct run_step *step = &test->steps[n - 1];

            if (step->step_id != 0 && step->command->kind == COMMAND_STEP) {
                return step->step_id;
            }
        }
    }
    return 0;
}

static bool made_checkpoint(const struct run_test *test)
{
    for (size_t i = 0; i < test->n_calls; i++) {
        if (test->calls[i].setup == SETUP_CHECKPOINT && test->calls[i].status == ROW_DONE) {
            return true;
        }
    }
    return false;
}

static void seek_step(struct run *run, const struct run_row *row)
{
    run->sought = row->step;
    run->trace = (struct step_trace){
        .behind_id = step_before(run, row),
        .at = row->test->position >= 0     ? row->test->position
              : made_checkpoint(row->test) ? 0
                                           : run->end_at_begin,
        .until_ms = clock_age_ms() + run->store->options.call_ms,
    };
    if (row->test->position >= 0) {
        run->trace.behind_id = 0;
    }
}

/* Decides about a row that was in flight. `goes_on` false: the run does not go on. */
static void settle_row(struct run *run, struct run_row *row, bool goes_on)
{
    bool reads = row->call != NULL && setup_call(run, row->call->setup)->spec->class == CALL_READ;

    if (reads) {
        row->call->status = ROW_PENDING;
    } else if (goes_on && row->call != NULL && setup_list(row) != NULL) {
        row->call->status = ROW_PENDING;
        run->sought_call = row->call;
        run->trace.until_ms = clock_age_ms() + run->store->options.call_ms;
    } else if (goes_on && row->step != NULL && row->step->command->kind == COMMAND_STEP) {
        seek_step(run, row);
    } else {
        struct error err = {0};

        /* A dead process has begun the row, and its end cannot be found out. */
        (void)error_set(
            &err, ERR_OUTCOME_UNKNOWN,
            "The process that sent this has died before its answer came; look at the platform "
            "before you send it again");
        run_note_lost(run, row, &err);
    }
}

static bool settle_call(struct run *run, struct run_goal *goal, struct run_test *test,
                        struct run_call *call, bool goes_on)
{
    struct run_row row = {.run = run, .goal = goal, .test = test, .call = call};

    if (call->status != ROW_RUNNING) {
        return false;
    }
    settle_row(run, &row, goes_on);
    return true;
}

static bool settle_goal(struct run *run, struct run_goal *goal, bool goes_on)
{
    bool found = false;

    for (size_t i = 0; i < goal->n_calls && !found; i++) {
        found = settle_call(run, goal, NULL, &goal->calls[i], goes_on);
    }
    for (struct run_call *call = goal->execution.calls; call != NULL && !found; call = call->next) {
        found = settle_call(run, goal, NULL, call, goes_on);
    }
    return found;
}

static bool settle_test(struct run *run, struct run_test *test, bool goes_on)
{
    bool found = false;

    for (size_t i = 0; i < test->n_calls && !found; i++) {
        found = settle_call(run, test->goal, test, &test->calls[i], goes_on);
    }
    for (size_t i = 0; i < test->n_steps && !found; i++) {
        if (test->steps[i].status == ROW_RUNNING) {
            struct run_row row = {
                .run = run, .goal = test->goal, .test = test, .step = &test->steps[i]};

            settle_row(run, &row, goes_on);
            found = true;
        }
    }
    return found;
}

/* Settles the row that was in flight: there is one at most. */
static void settle(struct run *run, bool goes_on)
{
    bool found = false;

    for (size_t i = 0; i < run->n_goals && !found; i++) {
        found = settle_goal(run, &run->goals[i], goes_on);
    }
    for (size_t i = 0; i < run->n_tests && !found; i++) {
        found = settle_test(run, &run->tests[i], goes_on);
    }
}

/* --- it goes on */

/* Ends a run that kills its process: carried on, it would kill one process after the other. */
static void end_poisoned(struct run *run)
{
    struct error err = {0};

    settle(run, false);
    (void)error_set(&err, ERR_INTERNAL,
                    "%u processes in a row have died with this run, and none of them got any "
                    "further: it is not carried on again",
                    run->n_adoptions);
    run_end_unbegun(run, RUN_FAILED, &err);
}

static void begin(struct run *run, const struct run_document *document)
{
    const struct run_store_options *options = &run->store->options;
    const struct run_adoption what = {.session_id = document->session_id,
                                      .session_checkpoint = document->session_checkpoint};
    int64_t used_ms = clock_wall_ms() - document->created_ms;

    if (document->deadline_ms > 0) {
        int64_t left_ms = document->deadline_ms - (used_ms > 0 ? used_ms : 0);

        run->plan->options.deadline_ms = left_ms > 1 ? (unsigned)left_ms : 1;
    }
    settle(run, true);
    run_begin_again(run, options->adopt(options->context, run, &what, &run->hooks));
}

void mirror_own(struct run_mirror *mirror)
{
    struct run *run = mirror->run;
    const struct run_document *document = &mirror->document;
    struct run_log *log = log_new(run);

    mirror->run = NULL;
    run->mirror = NULL;
    log->fence = mirror->claim_version;
    log->n_left = mirror->n_left;
    log->number = mirror->number + 1;
    log->n_visible = run->n_events;
    run->adopted = true;
    /* A stop that was asked for while the run was a copy is in the store: log_begin reads it, and then it is carried
     * out. */
    run->stop_asked = false;
    log_event(LOG_INFO, "run.adopted", F_TEXT("run", run->id), F_INT("events", run->n_events));
    run_own(run);
    log_begin(log);
    if (document->has_bearer || !document->sealed) {
        struct error err = {0};

        settle(run, false);
        (void)error_set(
            &err, ERR_UNAUTHORIZED,
            "The process that carried out this run has died, and the platform token that "
            "the caller brought was nowhere else: go on with \"resume\"");
        run_end_unbegun(run, RUN_FAILED, &err);
    } else if (run->n_adoptions > ADOPTIONS_MAX) {
        end_poisoned(run);
    } else {
        begin(run, document);
    }
    mirror_hand_over(mirror, run);
}

/* --- the claim */

static void mark(struct deadline *again);

static void on_marked(struct store_op *op, const struct store_result *result)
{
    struct run_mirror *mirror = CONTAINER_OF(op, struct run_mirror, op);

    if (result->error.code != ERR_OK) {
        deadline_set(mirror->store->options.share->options.deadlines, &mirror->again, RUN_AGAIN_MS,
                     mark);
        return;
    }
    mirror->mark = result->version;
    mirror->state = MIRROR_IDLE;
    mirror_read(mirror);
}

static void mark(struct deadline *again)
{
    struct run_mirror *mirror = CONTAINER_OF(again, struct run_mirror, again);
    char room[RUN_KEY_MAX];
    struct buf entry;
    struct store_request request = {.kind = STORE_APPEND,
                                    .limit = RUN_STREAM_MAX,
                                    .ttl_ms = RUN_KEPT_MS,
                                    .key = runs_key("runlog", str_from(mirror->name), room)};

    buf_init(&entry, ENTRY_MAX);
    buf_printf(&entry, "%llu %llu ", (unsigned long long)mirror->claim_version,
               (unsigned long long)mirror->number + 1);
    buf_str(&entry, runs_holder(mirror->store->options.share));
    buf_text(&entry, "\n{\"k\":\"adopted\",\"ms\":0}\n");
    request.bytes = buf_view(&entry);
    mirror->state = MIRROR_MARKS;
    mirror_start(mirror, &request, on_marked);
    buf_done(&entry);
}

static void on_claimed(struct store_op *op, const struct store_result *result)
{
    struct run_mirror *mirror = CONTAINER_OF(op, struct run_mirror, op);

    mirror->state = MIRROR_IDLE;
    if (result->error.code == ERR_OK) {
        mirror->claim_version = result->version;
        mark(&mirror->again);
        return;
    }
    mirror_adopts_not(
        mirror); /* another process was faster, or the next look at the claims tries again */
    mirror_read(mirror);
}

static void on_claim_again(struct deadline *deadline)
{
    mirror_claim(CONTAINER_OF(deadline, struct run_mirror, again));
}

void mirror_claim(struct run_mirror *mirror)
{
    struct run_share *share = mirror->store->options.share;
    char room[RUN_KEY_MAX];
    struct store_request request = {.kind = STORE_PUT,
                                    .expect = STORE_VERSION,
                                    .version = mirror->claim_version,
                                    .ttl_ms = RUN_KEPT_MS,
                                    .key = runs_key("runclaim", str_from(mirror->name), room),
                                    .bytes = runs_holder(share)};

    mirror->state = MIRROR_CLAIMS;
    runs_want(share);
    if (!runs_lasts(share)) {
        deadline_set(share->options.deadlines, &mirror->again, RUN_AGAIN_MS / 3, on_claim_again);
        return;
    }
    mirror->n_left = share->n_left;
    mirror_start(mirror, &request, on_claimed);
}
