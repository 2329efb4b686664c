/* The goals, tests and executions of a run as rows of its plan. */
#include "run_internal.h"

#include "base/check.h"

static void run_row_add(struct run *run, const struct call *call, const struct run_row *value)
{
    bool forgotten = run->dry && value->step != NULL;
    struct run_row *row = forgotten ? &run->building->row : arena_alloc(&run->work, sizeof(*row));
    struct plan_row *plan_row = plan_append(run->plan, call);

    *row = *value;
    row->run = run;
    plan_row->context = row;
    rows_hook(plan_row);
}

static void add_setup(struct run *run, struct run_goal *goal, struct run_test *test,
                      enum setup setup)
{
    struct run_call *calls = test != NULL ? test->calls : goal->calls;
    size_t *n = test != NULL ? &test->n_calls : &goal->n_calls;
    struct run_call *call;

    CHECK(*n < MAX_CALLS);
    call = &calls[(*n)++];
    call->setup = setup;
    run_row_add(run, setup_call(setup),
                &(struct run_row){.goal = goal, .test = test, .call = call});
}

void run_add_goal_rows(struct run *run, struct run_goal *goal)
{
    bool by_name = goal->ids.goal_id == 0;

    if (by_name && goal->ids.project_id == 0) {
        if (run->store->options.defaults->organization_id.len == 0) {
            add_setup(run, goal, NULL, SETUP_ORGANIZATION);
        }
        add_setup(run, goal, NULL, SETUP_FIND_PROJECT);
        add_setup(run, goal, NULL, SETUP_CREATE_PROJECT);
        run->names = true;
    }
    if (!by_name && goal->ids.project_id == 0 && run->store->options.ui_url.len > 0) {
        add_setup(run, goal, NULL, SETUP_PROJECT);
    }
    if (by_name) {
        if (goal->named) {
            add_setup(run, goal, NULL, SETUP_FIND_GOAL);
            run->names = true;
        }
        add_setup(run, goal, NULL, SETUP_CREATE_GOAL);
    }
    if (goal->ids.snapshot_id == 0) {
        add_setup(run, goal, NULL, SETUP_SNAPSHOT);
    }
}

/* The note of the next step. */
static struct run_step *add_note(struct run *run, struct run_test *test,
                                 const struct testfile_step *source)
{
    struct run_step *step = run->dry ? &run->building->note : &test->steps[test->n_steps];

    test->n_steps++;
    *step = (struct run_step){
        .command = source->command,
        .line = source->line,
        .column = source->column,
        .phase = (uint8_t)source->phase,
        .optional = source->optional,
        .position = -1,
    };
    if (!run->dry) {
        struct arena scratch;

        arena_init(&scratch);
        step->text =
            run_keep(run, sentence_write(&scratch, source->command, source->args, source->options));
        step->description = run_keep(run, source->description);
        arena_done(&scratch);
    }
    return step;
}

void run_add_step(struct run *run, struct run_test *test, const struct testfile_step *source)
{
    struct run_step *step = add_note(run, test, source);
    struct plan_row *row;

    if (test->n_steps <= test->n_before) {
        step->status = ROW_DONE; /* by the run that this one goes on from */
        return;
    }
    run_row_add(run, catalog_call(source->command),
                &(struct run_row){.goal = test->goal, .test = test, .step = step});
    row = &run->plan->rows[run->plan->n_rows - 1];
    row->args = source->bound.values;
    row->drop_answer = true;
    if (source->command->kind == COMMAND_STEP) {
        step_guide(row, run->making);
    }
}

void run_add_test_rows(struct run *run, struct run_test *test, bool attach)
{
    bool given = test->ids.checkpoint_id != 0;

    if (!given) {
        if (test->ids.journey_id == 0) {
            add_setup(run, test->goal, test, SETUP_JOURNEY);
        }
        add_setup(run, test->goal, test, SETUP_CHECKPOINT);
    }
    if (!given || attach) {
        add_setup(run, test->goal, test, SETUP_ATTACH);
    } else {
        test->attached = true;
    }
    if (given && test->position < 0 && run->dry) {
        add_setup(run, test->goal, test, SETUP_COUNT);
    }
}

void run_add_execution_rows(struct run *run, struct run_goal *goal, unsigned attempt)
{
    static const enum setup rows[] = {SETUP_EXECUTE, SETUP_FOLLOW, SETUP_OUTCOMES};

    for (size_t i = 0; i < (run->wait ? ARRAY_LEN(rows) : 1); i++) {
        struct run_call *call = arena_zalloc(&run->kept, sizeof(*call));

        call->setup = rows[i];
        call->attempt = attempt;
        run_row_add(run, setup_call(rows[i]), &(struct run_row){.goal = goal, .call = call});
    }
}
