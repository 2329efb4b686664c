/* The table of what is done around the steps, and the hooks that every row of a run has: before it
 * (is it needed, and with which values), after it (what it made), when it failed (does the run go
 * on), and at each change (what is told). */
#include "run_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "plan/answer.h"

enum { ATTACH_AT = 2, TITLES_MAX = 50 };

#define ID(member) offsetof(struct run_ids, member)

static const struct setup_row {
    enum named_call call;
    const char *name; /* in reports */
    bool makes_id;
    bool finds; /* by name; if nothing is found, the next row makes it */
    const char *variable;
    size_t id; /* in struct run_ids; if that id is known, the row is not needed */
    enum named_call
        list; /* shows whether the thing was made after all (find.c); CALL_NONE: nothing does */
} setup_rows[] = {
    [SETUP_ORGANIZATION] = {CALL_ORGANIZATION_OF_THE_TOKEN, "organization", false, false, NULL, 0},
    [SETUP_PROJECT] = {CALL_PROJECT_OF_GOAL, "project of the goal", true, false, "project_id",
                       ID(project_id)},
    [SETUP_FIND_PROJECT] = {CALL_LIST_PROJECTS, "find project", true, true, "project_id",
                            ID(project_id)},
    [SETUP_CREATE_PROJECT] = {CALL_CREATE_PROJECT, "create project", true, false, "project_id",
                              ID(project_id), CALL_LIST_PROJECTS},
    [SETUP_FIND_GOAL] = {CALL_LIST_GOALS, "find goal", true, true, "goal_id", ID(goal_id)},
    [SETUP_CREATE_GOAL] = {CALL_CREATE_GOAL_OF_A_TEST, "create goal", true, false, "goal_id",
                           ID(goal_id), CALL_LIST_GOALS},
    [SETUP_SNAPSHOT] = {CALL_NEWEST_SNAPSHOT, "newest snapshot", true, false, "snapshot_id",
                        ID(snapshot_id)},
    [SETUP_JOURNEY] = {CALL_CREATE_JOURNEY_OF_A_TEST, "create journey", true, false, "journey_id",
                       ID(journey_id), CALL_LIST_JOURNEYS},
    [SETUP_CHECKPOINT] = {CALL_CREATE_CHECKPOINT, "create checkpoint", true, false, "checkpoint_id",
                          ID(checkpoint_id), CALL_CHECKPOINTS_OF_GOAL},
    [SETUP_ATTACH] = {CALL_ATTACH_CHECKPOINT, "attach checkpoint", false, false, NULL, 0,
                      CALL_LIST_CHECKPOINTS},
    [SETUP_COUNT] = {CALL_COUNT_STEPS, "count steps", false, false, NULL, 0},
    [SETUP_EXECUTE] = {CALL_START_EXECUTION, "start execution", false, false, "execution_id", 0,
                       CALL_EXECUTIONS_OF_PROJECT},
    [SETUP_FOLLOW] = {CALL_EXECUTION_STATE, "follow execution", false, false, NULL, 0},
    [SETUP_OUTCOMES] = {CALL_EXECUTION, "outcomes of the steps", false, false, NULL, 0},
};

const char *setup_name(enum setup setup)
{
    return setup_rows[setup].name;
}

const char *setup_variable(enum setup setup)
{
    return setup_rows[setup].variable;
}

bool setup_finds(enum setup setup)
{
    return setup_rows[setup].finds;
}

const struct call *setup_call(const struct run *run, enum setup setup)
{
    return catalog_named_call(run->store->options.catalog, setup_rows[setup].call);
}

const struct call *setup_list(const struct run_row *row)
{
    enum named_call list = setup_rows[row->call->setup].list;
    bool is_known = row->call->setup != SETUP_EXECUTE || row->goal->ids.project_id != 0;

    return list != CALL_NONE && is_known
               ? catalog_named_call(row->run->store->options.catalog, list)
               : NULL;
}

struct run_row *run_row_of(const struct plan_row *row)
{
    return unconst(row->context);
}

static struct run_ids *ids_of(const struct run_row *row)
{
    CHECK(row->test != NULL || row->goal != NULL);
    return row->test != NULL ? &row->test->ids : &row->goal->ids;
}

static int64_t *id_of(const struct run_row *row)
{
    return (int64_t *)(void *)((char *)ids_of(row) + setup_rows[row->call->setup].id);
}

static bool is_setup(const struct run_row *row, enum setup setup)
{
    return row->call != NULL && row->call->setup == setup;
}

bool run_row_is_extra(const struct run_row *row)
{
    return is_setup(row, SETUP_OUTCOMES) || is_setup(row, SETUP_PROJECT);
}

static bool row_is_execution(const struct run_row *row)
{
    return row->call != NULL && row->call->setup >= SETUP_EXECUTE;
}

/* ---- before a row ---- */

static void set_id(struct plan *plan, const char *name, int64_t id)
{
    if (id != 0) {
        plan_set(plan, name, json_new_int(plan->arena, id));
    } else {
        json_remove(plan->variables, str_from(name));
    }
}

static void set_ids(struct plan *plan, const struct run_ids *ids)
{
    set_id(plan, "project_id", ids->project_id);
    set_id(plan, "goal_id", ids->goal_id);
    set_id(plan, "snapshot_id", ids->snapshot_id);
    set_id(plan, "journey_id", ids->journey_id);
    set_id(plan, "checkpoint_id", ids->checkpoint_id);
}

static void set_goal(struct plan *plan, const struct run_row *row)
{
    const struct run_goal *goal = row->goal;
    struct str organization_id = row->run->ground.organization_id;

    plan_set_str(plan, "name", row->call->setup == SETUP_CREATE_GOAL ? goal->name : goal->project);
    plan_set_str(plan, "url", goal->starting_url);
    plan_set(plan, "width", json_new_int(plan->arena, goal->width));
    plan_set(plan, "height", json_new_int(plan->arena, goal->height));
    if (organization_id.len > 0) {
        plan_set_str(plan, "organization_id", organization_id);
    }
    find_begin(plan, row->run);
}

/* The title of a checkpoint is unique in its goal (seen in the sandbox's source, PM-A): the second
 * one gets a number. */
static void set_names(struct plan *plan, const struct run_row *row)
{
    const struct run_test *test = row->test;

    if (row->call->setup == SETUP_CHECKPOINT && test->n_titles > 0) {
        plan_set_str(
            plan, "name",
            arena_printf(plan->arena, "%.*s (%u)", STR_ARG(test->checkpoint), test->n_titles + 1));
    } else {
        plan_set_str(plan, "name",
                     row->call->setup == SETUP_CHECKPOINT ? test->checkpoint : test->journey);
    }
    /* Drafts do not run with their goal (DOC:journeys). */
    plan_set(plan, "draft", json_new_bool(plan->arena, !row->run->execute));
    plan_set(plan, "position", json_new_int(plan->arena, ATTACH_AT));
}

void run_begin_test(const struct run_row *row)
{
    struct run_test *test = row->test;
    const struct run_goal *goal = row->goal;

    test->begun = true;
    test->began_ms = clock_now_ms();
    test->status = TEST_RUNNING;
    if (goal != NULL) {
        test->ids.project_id = goal->ids.project_id;
        test->ids.goal_id = goal->ids.goal_id;
        test->ids.snapshot_id = goal->ids.snapshot_id;
    }
}

/* Can this row not be run any more? */
static bool is_off(const struct run_row *row)
{
    return row->run->halted || (row->goal != NULL && row->goal->failed) ||
           (row->test != NULL && row->test->failed);
}

static bool setup_before(struct plan *plan, struct run_row *row)
{
    const struct setup_row *setup = &setup_rows[row->call->setup];
    struct run_test *test = row->test;

    bool is_known = setup->makes_id
                        ? *id_of(row) != 0
                        : row->call->setup == SETUP_ORGANIZATION &&
                              plan_get(plan, "organization_id") != NULL; /* another goal asked */

    if (is_known) {
        row->call->status = ROW_SKIPPED;
        return false;
    }
    if (test != NULL) {
        set_names(plan, row);
    } else {
        set_goal(plan, row);
    }
    set_ids(plan, ids_of(row));
    return true;
}

/* Sets the place of a step in a dry run, where no answer tells it. */
static void show_position(struct plan *plan, struct run_row *row)
{
    struct run_test *test = row->test;

    if (test->position < 0 || row->step->command->kind != COMMAND_STEP) {
        json_remove(plan->variables, STR("position"));
        return;
    }
    plan_set_int(plan, "position", test->position);
    test->position++;
}

static bool step_before(struct plan *plan, struct run_row *row)
{
    struct run *run = row->run;
    struct run_test *test = row->test;

    CHECK(test != NULL);
    if (run->at_test != test) {
        run->at_test = test;
        set_ids(plan, &test->ids);
    }
    if (row->step->command->kind == COMMAND_STEP) {
        step_to(run->making, test->ids.checkpoint_id, test->position);
        if (row->step == run->sought) {
            step_seek(run->making, &run->trace);
        }
    }
    if (run->dry) {
        show_position(plan, row);
    }
    return true;
}

bool run_step_has_ended(const struct run_step *step)
{
    return step->status != ROW_PENDING && step->status != ROW_RUNNING;
}

static enum row_status run_row_status(const struct run_row *row)
{
    return row->step != NULL ? (enum row_status)row->step->status : row->call->status;
}

void run_row_set(const struct run_row *row, enum row_status status, const struct run_fault *fault)
{
    if (row->step != NULL) {
        row->step->status = (uint8_t)status;
        row->step->fault = fault;
    } else {
        row->call->status = status;
        row->call->fault = fault;
    }
    if (fault != NULL && row_is_execution(row)) {
        row->goal->execution.fault = fault;
    }
}

/* True: a process that carried out this run before has ended the row. */
static bool has_ended(const struct run_row *row)
{
    enum row_status status = run_row_status(row);

    return status != ROW_PENDING && status != ROW_RUNNING;
}

static bool before_row(struct plan *plan, struct plan_row *plan_row)
{
    struct run_row *row = run_row_of(plan_row);

    if (row->test != NULL || row_is_execution(row)) {
        run_names_done(row->run);
    }
    if (is_off(row) || (row->run->adopted && has_ended(row))) {
        return false;
    }
    if (row->test != NULL && !row->test->begun) {
        run_begin_test(row);
    }
    if (row_is_execution(row)) {
        set_ids(plan, &row->goal->ids);
        return execution_before(plan, row);
    }
    if (row->call != NULL) {
        row->run->at_test = NULL;
        return setup_before(plan, row);
    }
    return step_before(plan, row);
}

/* ---- after a row ---- */

static enum plan_verdict after_made(const struct plan *plan, struct run_row *row, struct error *err)
{
    row->call->id = id_number(plan_get(plan, setup_rows[row->call->setup].variable));
    if (row->call->id == 0) {
        (void)error_set(err, ERR_UPSTREAM_SHAPE, "%s: the platform's answer has no usable id",
                        setup_name(row->call->setup));
        return PLAN_FAIL;
    }
    *id_of(row) = row->call->id;
    if (row->call->setup == SETUP_CHECKPOINT) { /* new, and nobody else knows of it */
        lanes_know_empty(row->run->store->options.lanes, row->call->id);
    }
    return PLAN_NEXT;
}

void run_setup_made(const struct run_row *row)
{
    if (setup_rows[row->call->setup].makes_id && row->call->id != 0) {
        *id_of(row) = row->call->id;
    }
    if (row->call->setup == SETUP_ATTACH && row->call->status == ROW_DONE) {
        row->test->attached = true;
    }
}

static enum plan_verdict after_setup(struct plan *plan, struct run_row *row,
                                     const struct json *answer, struct error *err)
{
    if (row->call->setup == SETUP_PROJECT) {
        /* Only links need it (PLATFORM.md, "Hosts"): a goal that does not tell it has none. */
        row->call->id = id_number(json_find(answer, "/projectId /item/projectId /goal/projectId "
                                                    "/item/goal/projectId /project/id "
                                                    "/item/project/id"));
        *id_of(row) = row->call->id;
        return PLAN_NEXT;
    }
    if (setup_finds(row->call->setup)) {
        return find_after(plan, row, answer, err);
    }
    if (setup_rows[row->call->setup].makes_id) {
        return after_made(plan, row, err);
    }
    if (row->call->setup == SETUP_ATTACH) {
        row->test->attached = true;
    }
    return PLAN_NEXT;
}

static void tell_hooks(const struct run *run, int64_t next, bool is_set, bool added)
{
    if (run->hooks.on_step != NULL) {
        run->hooks.on_step(run->hooks.context, next, is_set, added);
    }
}

static void step_made(struct run_row *row)
{
    const struct step *made = row->run->making;
    struct run_test *test = row->test;
    bool is_set = test->position >= 0;

    row->step->step_id = made->id;
    row->step->position = made->at;
    if (is_set) {
        test->position = made->at + 1;
    }
    tell_hooks(row->run, is_set ? test->position : made->end, is_set, true);
}

static enum plan_verdict after_row(struct plan *plan, struct plan_row *plan_row,
                                   const struct json *answer, uint64_t *delay_ms, struct error *err)
{
    struct run_row *row = run_row_of(plan_row);

    *delay_ms = 0;
    if (is_setup(row, SETUP_EXECUTE)) {
        return execution_started(row, answer);
    }
    if (is_setup(row, SETUP_FOLLOW)) {
        return execution_followed(row, answer, delay_ms);
    }
    if (is_setup(row, SETUP_OUTCOMES)) {
        execution_outcomes(row, answer);
        return PLAN_NEXT;
    }
    if (row->call != NULL) {
        return after_setup(plan, row, answer, err);
    }
    if (row->step->command->kind == COMMAND_STEP) {
        step_made(row);
    }
    return PLAN_NEXT;
}

/* ---- a row that failed ---- */

static bool is_over_time(const struct plan *plan)
{
    return plan->options.deadline_ms > 0 &&
           clock_now_ms() - plan->begin_ms >= plan->options.deadline_ms;
}

static bool wants_other_title(const struct run_row *row, const struct plan_row *plan_row)
{
    return is_setup(row, SETUP_CHECKPOINT) && plan_row->error->upstream_status == 409 &&
           row->test->n_titles < TITLES_MAX;
}

bool row_is_mended(const struct plan *plan, const struct plan_row *plan_row)
{
    return !plan->stop_asked && !is_over_time(plan) &&
           wants_other_title(run_row_of(plan_row), plan_row);
}

/* A step whose fate is unknown fails its test, but the run goes on behind it: the step may still appear, so the next
 * steps go to the end. A call whose fate is unknown fails the test or the goal that needs what it makes. A row that
 * failed for certain ends the run, unless the test says otherwise. */
void run_row_gave_up(const struct run_row *row)
{
    struct run *run = row->run;
    struct run_test *test = row->test;
    bool is_unknown = run_row_status(row) == ROW_UNKNOWN;

    if (row->step != NULL && is_unknown) {
        test->position = -1;
        tell_hooks(run, -1, false, false);
        return;
    }
    if (row->step != NULL && (row->step->optional || test->keeps_going)) {
        return;
    }
    if (test != NULL) {
        test->failed = true;
    } else {
        row->goal->failed = true;
    }
    run->halted = !is_unknown && !(test != NULL ? test->keeps_going : run->tests[0].keeps_going);
}

static enum plan_verdict row_failed(struct plan *plan, struct plan_row *plan_row)
{
    struct run_row *row = run_row_of(plan_row);

    if (is_over_time(plan)) {
        return PLAN_FAIL;
    }
    if (run_row_is_extra(row)) {
        return PLAN_NEXT;
    }
    if (row_is_mended(plan, plan_row)) {
        struct plan_row *again = plan_insert(plan, setup_call(row->run, SETUP_CHECKPOINT));

        row->test->n_titles++;
        row->run->sought_call = NULL; /* the name is that of another checkpoint */
        again->context = row;
        rows_hook(again);
    } else {
        run_row_gave_up(row);
    }
    return PLAN_NEXT;
}

void rows_hook(struct plan_row *row)
{
    const struct run_row *what = run_row_of(row);

    row->before = before_row;
    row->after = after_row;
    row->failed = row_failed;
    if (is_setup(what, SETUP_FOLLOW)) {
        row->patience_ms = FOLLOW_PATIENCE_MS;
    }
    if (what->call != NULL && setup_rows[what->call->setup].list != CALL_NONE) {
        find_guide(row, what->run->finding);
    }
}
