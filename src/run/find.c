/* Looks for what the rows around the steps make: before it is made, and where the answer was lost.
 *
 *   create, attach, start ─► made
 *     └──(answer lost)──► looks once ─► found: it is ours; failed, when the platform said so; or not known
 *   (begun by a process that has died) ─► looks until that call must have ended ─► found, or sent now
 *
 * A thing that is found by its name is ours if nothing of this name can have been there before: the run had looked for
 * it, or the run has made the parent and so all that is in it. An execution of a goal that this run has made is ours,
 * too. A checkpoint that stands in its journey is attached. */
#include "run_internal.h"

#include "base/clock.h"
#include "plan/answer.h"
#include "step/look.h"

/* A search by date reaches a day further on both sides: the platform's clock may be hours from ours. */
enum { FIND_PAGE = 50, FIND_PAGES_MAX = 200, DAY_MS = 24 * 3600 * 1000 };

#define LISTS                                                                                      \
    "/items /item/checkpoints /checkpoints /item/projects /item/goals /item /map /projects /goals"
#define IDS   "/id /project/id /goal/id /journey/id"
#define GOALS "/goalId /goal/id"
#define NAMES "/name /title /project/name /goal/name /journey/title /journey/name"

/* In a map the id may stand before the thing alone. 0: there is none. */
static int64_t id_in(const struct json *item)
{
    int64_t id = id_number(json_find(item, IDS));

    if (id == 0 && json_type(item) == JSON_OBJECT) {
        (void)!str_to_i64(json_name(item), 1, INT64_MAX, &id);
    }
    return id;
}

/* True: things by id. Members of an answer to another request may have ids as well, but stand there by names. */
static bool is_map(const struct json *things, const struct json *answer)
{
    const struct json *first = json_first(things);
    int64_t id;

    return id_in(first) != 0 &&
           (things == json_get(answer, "map") || str_to_i64(json_name(first), 1, INT64_MAX, &id));
}

/* An array, or things by id; NULL: the answer holds neither, which is not the same as an empty list. A bare {} may be an
 * empty map, and proves nothing. */
static const struct json *list_in(const struct json *answer, const char *places)
{
    const struct json *list = json_find(answer, places);
    bool is_bare = list == NULL;

    list = is_bare ? answer : list;
    return json_type(list) == JSON_ARRAY ||
                   (json_type(list) == JSON_OBJECT &&
                    (json_size(list) == 0 ? !is_bare : is_map(list, answer)))
               ? list
               : NULL;
}

static bool is_named(const struct json *item, struct str name)
{
    return str_eq(json_str(json_find(item, NAMES)), name);
}

/* True: the list may go on, and the plan asks for its next page. A platform without pages answers the same page
 * again. */
static bool next_page(struct plan *plan, struct run *run, const struct json *list)
{
    int64_t first = id_in(json_first(list));
    int64_t offset = 0;

    (void)!json_to_i64(plan_get(plan, "offset"), &offset);
    if (json_size(list) < FIND_PAGE || first == run->first_found ||
        offset >= (int64_t)FIND_PAGE * FIND_PAGES_MAX) {
        return false;
    }
    run->first_found = first;
    plan_set(plan, "offset", json_new_int(plan->arena, offset + FIND_PAGE));
    return true;
}

void find_begin(struct plan *plan, struct run *run)
{
    plan_set(plan, "limit", json_new_int(plan->arena, FIND_PAGE));
    json_remove(plan->variables, STR("offset"));
    run->first_found = 0;
}

/* --- before it is made */

enum plan_verdict find_after(struct plan *plan, struct run_row *row, const struct json *answer,
                             struct error *err)
{
    bool project = row->call->setup == SETUP_FIND_PROJECT;
    struct str name = project ? row->goal->project : row->goal->name;
    const struct json *list = list_in(answer, LISTS);
    const struct json *item;

    /* What is there must not be made a second time because another thing was told. */
    if (list == NULL && (json_type(answer) != JSON_OBJECT || json_size(answer) > 0)) {
        (void)error_set(err, ERR_UPSTREAM_SHAPE, "%s: the platform's answer has no list",
                        setup_name(row->call->setup));
        return PLAN_FAIL;
    }
    JSON_FOREACH (item, list) {
        if (is_named(item, name) && id_in(item) != 0) {
            row->call->id = id_in(item);
            run_setup_made(row);
            return PLAN_NEXT;
        }
    }
    return project && next_page(plan, row->run, list) ? PLAN_AGAIN : PLAN_NEXT;
}

/* --- where the answer was lost */

enum phase { SENDS, LOOKS, SEEKS, JUDGED };

static void look(struct run_finding *finding, struct plan_row *row)
{
    find_begin(finding->plan, finding->row->run);
    finding->n_alike = 0;
    plan_set_int(finding->plan, "date_begin", finding->row->run->created_ms - DAY_MS);
    plan_set_int(finding->plan, "date_end", clock_wall_ms() + DAY_MS);
    row->sends = setup_list(finding->row);
    row->doubtful = true;
}

static enum plan_verdict enter(struct plan *plan, struct plan_row *row, struct error *err)
{
    struct run_finding *finding = row->guided;
    struct run_row *what = run_row_of(row);

    (void)err;
    *finding = (struct run_finding){.plan = plan, .row = what, .phase = SENDS};
    if (what->run->sought_call == what->call) {
        finding->phase = SEEKS;
        look(finding, row);
    }
    return PLAN_NEXT;
}

static bool was_made(const struct run_call *calls, size_t n, enum setup setup)
{
    for (size_t i = 0; i < n; i++) {
        if (calls[i].setup == setup && calls[i].status == ROW_DONE) {
            return true;
        }
    }
    return false;
}

/* True: a thing that looks like ours must be ours. */
static bool all_are_ours(const struct run_row *row)
{
    const struct run_goal *goal = row->goal;

    if (row->call->setup == SETUP_ATTACH) {
        return true;
    }
    if (row->test != NULL || row->call->setup == SETUP_EXECUTE) {
        return was_made(goal->calls, goal->n_calls, SETUP_CREATE_GOAL);
    }
    return row->call->setup == SETUP_CREATE_PROJECT || goal->named || /* found none before */
           was_made(goal->calls, goal->n_calls, SETUP_CREATE_PROJECT);
}

/* True: the thing belongs to another test, another goal or an earlier attempt of this run. */
static bool is_taken(const struct run_row *row, int64_t id)
{
    const struct run *run = row->run;
    enum setup setup = row->call->setup;
    const struct run_call *call = setup == SETUP_EXECUTE ? row->goal->execution.calls : NULL;
    bool taken = false;

    for (; call != NULL && !taken; call = call->next) {
        taken = call->id == id;
    }
    for (size_t i = 0; i < run->n_goals && !taken; i++) {
        taken = setup == SETUP_CREATE_GOAL && run->goals[i].ids.goal_id == id;
    }
    for (size_t i = 0; i < run->n_tests && !taken; i++) {
        const struct run_ids *ids = &run->tests[i].ids;

        taken = id == (setup == SETUP_JOURNEY      ? ids->journey_id
                       : setup == SETUP_CHECKPOINT ? ids->checkpoint_id
                                                   : 0);
    }
    return taken;
}

static bool is_alike(const struct run_finding *finding, const struct json *item)
{
    const struct run_row *row = finding->row;
    int64_t id = id_in(item);

    if (row->call->setup == SETUP_ATTACH) {
        return id == row->test->ids.checkpoint_id;
    }
    if (id == 0 || is_taken(row, id)) {
        return false;
    }
    return row->call->setup == SETUP_EXECUTE
               ? id_number(json_find(item, GOALS)) == row->goal->ids.goal_id
               : is_named(item, json_str(plan_get(finding->plan, "name")));
}

static void take_page(struct run_finding *finding, const struct json *list)
{
    const struct json *item;

    finding->item = NULL;
    JSON_FOREACH (item, list) {
        if (is_alike(finding, item)) {
            finding->n_alike++;
            finding->id = id_in(item);
            finding->item = item;
        }
    }
}

static enum plan_verdict not_known(struct run_finding *finding, struct error *err)
{
    enum setup setup = finding->row->call->setup;
    const char *name = setup_name(setup);

    finding->phase = JUDGED;
    if (finding->n_alike > 0) {
        (void)error_set(err, ERR_OUTCOME_UNKNOWN,
                        "%s: the platform's answer was lost; %lld %s, but it may be "
                        "older, or another's: look at it before you go on",
                        name, (long long)finding->id,
                        setup == SETUP_EXECUTE ? "is of this goal" : "has this name");
    } else {
        (void)error_set(err, ERR_OUTCOME_UNKNOWN,
                        "%s: the platform's answer was lost, and %s is there; "
                        "it may still appear: look before you go on",
                        name,
                        setup == SETUP_EXECUTE  ? "no execution of this goal"
                        : setup == SETUP_ATTACH ? "the checkpoint is not in the journey: nothing"
                                                : "nothing of this name");
    }
    return PLAN_FAIL;
}

static enum plan_verdict not_readable(struct run_finding *finding, struct error *err)
{
    finding->phase = JUDGED;
    (void)error_set(err, ERR_OUTCOME_UNKNOWN,
                    "%s: the platform's answer was lost, and what is there could not be read: "
                    "look before you go on",
                    setup_name(finding->row->call->setup));
    return PLAN_FAIL;
}

static enum plan_verdict seek_again(struct run_finding *finding, struct plan_row *row)
{
    look(finding, row);
    finding->plan->again_ms = SEEK_AGAIN_MS;
    return PLAN_AGAIN;
}

static bool is_patient(const struct run_finding *finding)
{
    return finding->phase == SEEKS && step_seek_is_patient(&finding->row->run->trace);
}

static enum plan_verdict missing(struct run_finding *finding, struct plan_row *row,
                                 struct error *err)
{
    if (finding->phase == SEEKS) {
        if (clock_age_ms() < finding->row->run->trace.until_ms) {
            return seek_again(finding, row);
        }
        finding->phase = SENDS; /* the thing is not there, and cannot appear any more */
        row->sends = NULL;
        row->doubtful = false;
        return PLAN_AGAIN;
    }
    if (look_is_final(&finding->lost)) {
        *err = finding->lost;
        finding->phase = JUDGED;
        row->disproved = true;
        row->doubtful = false;
        return PLAN_FAIL;
    }
    return not_known(finding, err);
}

static enum plan_verdict looked(struct run_finding *finding, struct plan_row *row,
                                struct error *err)
{
    struct plan *plan = finding->plan;
    const char *variable = setup_variable(finding->row->call->setup);
    const struct json *list =
        list_in(row->answer, finding->row->call->setup == SETUP_ATTACH ? CASES_PLACES : LISTS);

    if (list == NULL) {
        return is_patient(finding) ? seek_again(finding, row) : not_readable(finding, err);
    }
    take_page(finding, list);
    if (finding->row->call->setup == SETUP_CREATE_PROJECT &&
        next_page(plan, finding->row->run, list)) {
        return PLAN_AGAIN;
    }
    if (finding->n_alike == 0) {
        return missing(finding, row, err);
    }
    if (finding->n_alike > 1 || !all_are_ours(finding->row)) {
        return not_known(finding, err);
    }
    finding->phase = JUDGED;
    if (variable != NULL) {
        plan_set_int(plan, variable, finding->id);
    }
    if (finding->item != NULL) {
        row->answer = finding->item; /* as if the row's own call had told it */
    }
    row->sends = NULL;
    row->doubtful = false;
    return PLAN_NEXT;
}

static enum plan_verdict answered(struct plan *plan, struct plan_row *row, struct error *err)
{
    struct run_finding *finding = row->guided;

    (void)plan;
    return finding->phase == LOOKS || finding->phase == SEEKS ? looked(finding, row, err)
                                                              : PLAN_NEXT;
}

static enum plan_verdict failed(struct plan *plan, struct plan_row *row)
{
    struct run_finding *finding = row->guided;
    struct error *err = plan_row_error(plan, row);

    if (finding->phase == SENDS && row_may_have_acted(row)) {
        if (setup_list(finding->row) == NULL) {
            return not_readable(finding, err);
        }
        finding->lost = *err;
        finding->phase = LOOKS;
        look(finding, row);
        return PLAN_AGAIN;
    }
    if (is_patient(finding)) {
        return seek_again(finding, row);
    }
    if (finding->phase == LOOKS || finding->phase == SEEKS) {
        return not_readable(finding, err);
    }
    return PLAN_FAIL;
}

void find_guide(struct plan_row *row, struct run_finding *finding)
{
    static const struct plan_guide guide = {.enter = enter, .answered = answered, .failed = failed};

    row->guide = &guide;
    row->guided = finding;
}
