/* The goals, tests and executions of a run: their notes, and the rows of its plan. */
#include "run_internal.h"

#include "base/check.h"

static void run_row_add(struct run *run, const struct call *call, const struct run_row *value)
{
    struct run_row *row =
        value->step != NULL ? &run->building->row : arena_alloc(&run->work, sizeof(*row));
    struct plan_row *plan_row = plan_append(run->plan, call);

    *row = *value;
    row->run = run;
    plan_row->context = row;
    plan_row->drop_answer = true;
    rows_hook(plan_row);
}

static void note_call(struct run *run, struct run_call *calls, size_t *n, enum setup setup)
{
    CHECK(*n < MAX_CALLS);
    calls[(*n)++].setup = setup;
    run->plan->n_total++;
}

void run_add_calls(struct run *run, struct run_goal *goal, struct run_test *test)
{
    struct run_call *calls = test != NULL ? test->calls : goal->calls;
    size_t n = test != NULL ? test->n_calls : goal->n_calls;

    for (size_t i = 0; i < n; i++) {
        run_row_add(run, setup_call(run, calls[i].setup),
                    &(struct run_row){.goal = goal, .test = test, .call = &calls[i]});
    }
}

static void note_of_goal(struct run *run, struct run_goal *goal, enum setup setup)
{
    note_call(run, goal->calls, &goal->n_calls, setup);
}

static void note_of_test(struct run *run, struct run_test *test, enum setup setup)
{
    note_call(run, test->calls, &test->n_calls, setup);
}

void run_note_goal(struct run *run, struct run_goal *goal)
{
    bool by_name = goal->ids.goal_id == 0;

    if (by_name && goal->ids.project_id == 0) {
        if (run->ground.organization_id.len == 0) {
            note_of_goal(run, goal, SETUP_ORGANIZATION);
        }
        note_of_goal(run, goal, SETUP_FIND_PROJECT);
        note_of_goal(run, goal, SETUP_CREATE_PROJECT);
        run->names = true;
    }
    if (!by_name && goal->ids.project_id == 0 && run->ground.links) {
        note_of_goal(run, goal, SETUP_PROJECT);
    }
    if (by_name) {
        if (goal->named) {
            note_of_goal(run, goal, SETUP_FIND_GOAL);
            run->names = true;
        }
        note_of_goal(run, goal, SETUP_CREATE_GOAL);
    }
    if (goal->ids.snapshot_id == 0) {
        note_of_goal(run, goal, SETUP_SNAPSHOT);
    }
}

static struct run_step *note_at(struct run *run, struct run_test *test, size_t index)
{
    return run->dry ? &run->building->note : &test->steps[index];
}

void run_note_step(struct run *run, struct run_test *test, const struct testfile_step *source)
{
    struct run_step *step = note_at(run, test, test->n_steps++);

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
            run_keep(run, source->text.len > 0
                              ? source->text
                              : sentence_write(run->store->options.dictionary, &scratch,
                                               source->command, source->args, source->options));
        step->description = run_keep(run, source->description);
        arena_done(&scratch);
    }
    if (test->n_steps <= test->n_before) {
        step->status = ROW_DONE; /* made by the run that this one resumes */
    } else {
        run->plan->n_total++;
    }
}

void run_add_step(struct run *run, struct run_test *test, size_t index,
                  const struct testfile_step *source)
{
    struct plan_row *row;

    if (index < test->n_before || (run->adopted && run_step_has_ended(&test->steps[index]))) {
        return;
    }
    run_row_add(
        run, source->bound.call,
        &(struct run_row){.goal = test->goal, .test = test, .step = note_at(run, test, index)});
    row = &run->plan->rows[run->plan->n_rows - 1];
    row->args = source->bound.values;
    if (source->command->kind == COMMAND_STEP) {
        step_guide(row, run->making);
    }
}

void run_note_test(struct run *run, struct run_test *test, bool attach)
{
    bool given = test->ids.checkpoint_id != 0;

    if (!given) {
        if (test->ids.journey_id == 0) {
            note_of_test(run, test, SETUP_JOURNEY);
        }
        note_of_test(run, test, SETUP_CHECKPOINT);
    }
    if (!given || attach) {
        note_of_test(run, test, SETUP_ATTACH);
    } else {
        test->attached = true;
    }
    if (given && test->position < 0 && run->dry) {
        note_of_test(run, test, SETUP_COUNT);
    }
}

static const enum setup execution_rows[] = {SETUP_EXECUTE, SETUP_FOLLOW, SETUP_OUTCOMES};

size_t run_execution_rows(const struct run *run)
{
    return run->wait ? ARRAY_LEN(execution_rows) : 1;
}

struct run_call *run_execution_call(struct run *run, struct run_goal *goal, struct str name,
                                    unsigned attempt)
{
    struct run_call *call;

    for (call = goal->execution.calls; call != NULL; call = call->next) {
        if (call->attempt == attempt && str_is(name, setup_name(call->setup))) {
            return call;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(execution_rows); i++) {
        if (str_is(name, setup_name(execution_rows[i]))) {
            call = arena_zalloc(&run->kept, sizeof(*call));
            *call = (struct run_call){
                .setup = execution_rows[i], .attempt = attempt, .next = goal->execution.calls};
            goal->execution.calls = call;
            break;
        }
    }
    return call;
}

void run_add_execution(struct run *run, struct run_goal *goal, unsigned attempt)
{
    for (size_t i = 0; i < run_execution_rows(run); i++) {
        struct run_call *call =
            run_execution_call(run, goal, str_from(setup_name(execution_rows[i])), attempt);

        run_row_add(run, setup_call(run, call->setup),
                    &(struct run_row){.goal = goal, .call = call});
    }
}
