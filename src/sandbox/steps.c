/* Checkpoints and steps (PLATFORM.md, "Steps"). handle_step_create is the upstream of every
 * benchmark: it parses once, allocates from the tenant's arena only, and costs the same however
 * many steps there are. */
#include "sandbox_internal.h"

#include "base/check.h"

enum {
    MAX_VALUE_BYTES = 65536,
    /* The platform answers a created step with all steps of its checkpoint. Above this number the
     * sandbox leaves them out, so that the cost of a create does not grow with the checkpoint. */
    MAX_STEPS_SHOWN = 20
};

void write_step(struct json_writer *w, const struct step *step, int64_t index)
{
    jw_form(w,
            "{id:%i, canonicalId:%s, action:%s, value:%s, variable?:%s, expression?:%s, "
            "meta:%j, optional:%b, ignoreOutcome:%b, skip:%b",
            step->thing.id, step->thing.canonical, step->action, step->value, step->variable,
            step->expression, step->meta, step->optional, step->ignore_outcome, step->skip);
    if (step->element.len > 0) {
        jw_kv_raw(w, "element", step_element(step));
    }
    if (index >= 0) {
        jw_form(w, "checkpointId:%i, stepIndex:%i", step->checkpoint->thing.id, index);
    }
    jw_end(w);
}

static void write_steps(struct json_writer *w, const struct checkpoint *checkpoint)
{
    jw_array(w);
    for (size_t i = 0; i < checkpoint->steps.n; i++) {
        write_step(w, step_list_get(&checkpoint->steps, i), -1);
    }
    jw_end(w);
}

void write_checkpoint(struct json_writer *w, const struct checkpoint *checkpoint, bool with_steps)
{
    bool is_library = checkpoint->thing.kind == THING_LIBRARY;

    jw_form(w, "{id:%i, canonicalId:%s, kind:%s, name:%s, tags:[]", checkpoint->thing.id,
            checkpoint->thing.canonical, is_library ? "LIBRARY" : "GOAL", checkpoint->title);
    if (is_library) {
        jw_kv_int(w, "projectId", checkpoint->goal->project->thing.id);
    }
    jw_form(w,
            "title:%s, goalId:%i, snapshotId:%i, checkpointType:%s, "
            "libraryCheckpointId:%?i, sharedCount:%i",
            checkpoint->title, checkpoint->goal->thing.id, checkpoint->snapshot->thing.id,
            is_library ? "LIBRARY" : "GOAL", checkpoint->library_id, checkpoint->shared_count);
    write_times(w, &checkpoint->thing);
    if (with_steps) {
        jw_key(w, "steps");
        write_steps(w, checkpoint);
    }
    jw_end(w);
}

int handle_checkpoint_create(struct call *call)
{
    struct str title;
    struct snapshot *snapshot = need_version_and_title(call, &title);
    struct checkpoint *checkpoint;

    if (snapshot == NULL) {
        return call->status;
    }
    checkpoint = checkpoint_make(call, snapshot, title, 0);
    if (checkpoint == NULL) {
        return refuse(call, 409, "A checkpoint with this title already exists in the goal");
    }
    write_checkpoint(call->w, checkpoint, true);
    return 200;
}

TELLS(checkpoint_get, write_checkpoint(call->w, call->thing, true))

TELLS(checkpoint_steps, write_steps(call->w, call->thing))

/* The checkpoint to attach: one of the goal, or a fresh copy of a library checkpoint. NULL: refused. */
static struct checkpoint *attached_one(struct call *call, const struct journey *journey)
{
    struct checkpoint *checkpoint;
    struct checkpoint *library;
    int64_t id;

    if (body_id(call, "checkpointId", &id)) {
        checkpoint = thing_find(call->tenant, THING_CHECKPOINT, id);
        if (checkpoint == NULL || checkpoint->goal != journey->goal) {
            (void)refuse_unknown(call, "Checkpoint", id);
            return NULL;
        }
        if (refs_has(&journey->cases, checkpoint)) {
            (void)refuse(call, 409, "The checkpoint is already attached to this journey");
            return NULL;
        }
        return checkpoint;
    }
    if (!body_id(call, "libraryCheckpointId", &id)) {
        (void)refuse_member(call, "checkpointId or libraryCheckpointId", "must be a number");
        return NULL;
    }
    library = need_thing(call, THING_LIBRARY, id);
    if (library == NULL || !has_room(call, library->steps.n + 1)) {
        return NULL;
    }
    /* A second copy needs another title: titles are unique in a goal. */
    checkpoint = checkpoint_make(call, journey->snapshot, library->title, 0);
    for (size_t n = library->shared_count + 1; checkpoint == NULL; n++) {
        struct str title = arena_printf(call->arena, "%.*s (%zu)", STR_ARG(library->title), n);

        checkpoint = checkpoint_make(call, journey->snapshot, title, 0);
    }
    checkpoint->library_id = id;
    library->shared_count++;
    steps_copy(call, checkpoint, library);
    return checkpoint;
}

int handle_checkpoint_attach(struct call *call)
{
    struct journey *journey = call->thing;
    struct checkpoint *checkpoint;
    int64_t position;
    size_t at;

    if (!body_id(call, "position", &position)) {
        return refuse_member(call, "position", "must be a number from 1");
    }
    if (position < 2 && journey->has_first_checkpoint) {
        return refuse_member(call, "position",
                             "must be 2 or more: the first checkpoint stays first");
    }
    checkpoint = attached_one(call, journey);
    if (checkpoint == NULL) {
        return call->status;
    }
    at = (uint64_t)position - 1 < journey->cases.n ? (size_t)(position - 1) : journey->cases.n;
    checkpoint_attach(call, journey, checkpoint, at);
    write_journey(call->w, journey, true);
    return 200;
}

/* ---- steps ---- */

static bool text_or_absent(const struct json *node)
{
    return json_type(node) == JSON_NULL || json_type(node) == JSON_STRING;
}

/* A GUESS selector holds JSON inside a text; everything else is text as it is. */
static int judge_selector(struct call *call, const struct json *selector)
{
    static const struct json_limits limits = {.max_depth = 8, .max_nodes = 100};
    struct str type = json_str(json_get(selector, "type"));
    const struct json *value = json_get(selector, "value");
    struct json *inner;

    if (type.len == 0 || json_type(value) != JSON_STRING) {
        return refuse(call, 400, "A selector needs a type and a value, both texts");
    }
    if (!str_is(type, "GUESS")) {
        return 200;
    }
    if (json_parse(call->arena, json_str(value), &limits, &inner, NULL) != ERR_OK ||
        json_type(inner) != JSON_OBJECT || !text_or_absent(json_get(inner, "clue"))) {
        return refuse(call, 400,
                      "The value of a GUESS selector must be the JSON text of an object");
    }
    return 200;
}

static int judge_selectors(struct call *call, const struct json *target)
{
    const struct json *selectors = json_get(target, "selectors");
    const struct json *selector;

    if (json_type(selectors) != JSON_ARRAY || json_size(selectors) == 0) {
        return refuse(call, 400, "A target needs a list of selectors");
    }
    JSON_FOREACH (selector, selectors) {
        if (judge_selector(call, selector) != 200) {
            return 400;
        }
    }
    return 200;
}

static int judge_step(struct call *call, const struct json *parsed)
{
    const struct json *target = json_get(parsed, "target");
    const struct json *element = json_get(parsed, "element");
    const struct json *meta = json_get(parsed, "meta");

    if (json_str(json_get(parsed, "action")).len == 0) {
        return refuse(call, 400, "parsedStep needs an action");
    }
    if (!text_or_absent(json_get(parsed, "value")) ||
        !text_or_absent(json_get(parsed, "variable")) ||
        !text_or_absent(json_get(parsed, "expression"))) {
        return refuse(call, 400, "value, variable and expression of a step must be texts");
    }
    if (json_str(json_get(parsed, "value")).len > MAX_VALUE_BYTES) {
        return refuse(call, 400, "The value of a step is too long");
    }
    if (json_type(meta) != JSON_OBJECT && json_type(meta) != JSON_NULL) {
        return refuse(call, 400, "meta of a step must be an object");
    }
    if (json_type(target) != JSON_NULL && judge_selectors(call, target) != 200) {
        return 400;
    }
    return json_type(element) == JSON_NULL ? 200
                                           : judge_selectors(call, json_get(element, "target"));
}

/* The element of a step: an `element` as it is, or {"target":…} around the `target` that a create sends. */
static struct str keep_element(struct call *call, const struct json *parsed)
{
    const struct json *element = json_get(parsed, "element");
    const struct json *target = json_get(parsed, "target");
    struct json_writer w;

    if (json_type(element) == JSON_OBJECT) {
        return keep_json(call, element);
    }
    if (json_type(target) != JSON_OBJECT) {
        return STR_EMPTY;
    }
    scratch_begin(call, &w);
    jw_form(&w, "{target:%j}", json_text(call->arena, target));
    return scratch_keep(call);
}

static struct str keep_text(struct call *call, const struct json *node)
{
    struct str text = json_str(node);

    return text.len == 0 ? STR_EMPTY : keep(call, text);
}

static void fill_step(struct call *call, struct step *step, const struct json *parsed)
{
    const struct json *meta = json_get(parsed, "meta");

    step->action = keep_text(call, json_get(parsed, "action"));
    step->value = keep_text(call, json_get(parsed, "value"));
    step->variable = keep_text(call, json_get(parsed, "variable"));
    step->expression = keep_text(call, json_get(parsed, "expression"));
    if (meta != NULL && json_type(meta) == JSON_OBJECT) {
        step->meta = keep_json(call, meta);
    }
    step->element = keep_element(call, parsed);
    step_forget(step);
    step->optional = json_true(json_get(parsed, "optional"));
    step->ignore_outcome = json_true(json_get(parsed, "ignoreOutcome"));
    step->skip = json_true(json_get(parsed, "skip"));
}

int handle_step_create(struct call *call)
{
    const struct json *parsed = json_get(call->body, "parsedStep");
    const struct json *index = json_get(call->body, "stepIndex");
    struct checkpoint *checkpoint;
    struct step *step;
    int64_t id;
    int64_t at = INT64_MAX;                         /* absent, or beyond the end: the end */
    bool is_text = json_type(index) == JSON_STRING; /* of digits, as ids are */

    if (!need_id(call, "checkpointId", &id)) {
        return call->status;
    }
    if (index != NULL && !(is_text ? str_to_i64(json_str(index), 0, INT64_MAX, &at)
                                   : json_to_i64(index, &at) && at >= 0)) {
        return refuse_member(call, "stepIndex", "must be a whole number from 0");
    }
    if (json_type(parsed) != JSON_OBJECT) {
        return refuse_member(call, "parsedStep", "must be an object");
    }
    if (judge_step(call, parsed) != 200 ||
        (checkpoint = need_thing(call, THING_CHECKPOINT, id)) == NULL) {
        return call->status;
    }
    if ((uint64_t)at > checkpoint->steps.n) {
        at = (int64_t)checkpoint->steps.n;
    }
    step = step_make(call, checkpoint, (size_t)at);
    fill_step(call, step, parsed);
    jw_shape(call->w, "{testStep:");
    write_step(call->w, step, at);
    jw_key(call->w, "checkpoint");
    write_checkpoint(call->w, checkpoint, checkpoint->steps.n <= MAX_STEPS_SHOWN);
    jw_end(call->w);
    return 200;
}

static int64_t index_of(const struct step *step)
{
    return (int64_t)step_list_index(&step->checkpoint->steps, step);
}

TELLS(step_get, write_step(call->w, call->thing, index_of(call->thing)))

/* The body is the whole flat step, as the platform's own page sends it; ids in it must be those of the step. */
int handle_step_properties(struct call *call)
{
    struct step *step = call->thing;
    struct str canonical;
    int64_t id;

    if (body_id(call, "id", &id) && id != step->thing.id) {
        return refuse_member(call, "id", "is not that of the step");
    }
    if (body_text(call, "canonicalId", &canonical) && !str_is(canonical, step->thing.canonical)) {
        return refuse_member(call, "canonicalId", "is not that of the step");
    }
    if (judge_step(call, call->body) != 200) {
        return call->status;
    }
    fill_step(call, step, call->body);
    thing_touch(&step->thing);
    write_step(call->w, step, index_of(step));
    return 200;
}

/* The step that the path names, in the checkpoint (of a goal or of the library) that it names. NULL: refused. */
static struct step *step_of_path(struct call *call)
{
    struct step *step = thing_find(call->tenant, THING_STEP, call->ids[1]);

    if (step == NULL || step->checkpoint != call->thing) {
        (void)refuse_unknown(call, "Step", call->ids[1]);
        return NULL;
    }
    return step;
}

int handle_step_delete(struct call *call)
{
    struct checkpoint *checkpoint = call->thing;
    struct step *step = step_of_path(call);

    if (step == NULL) {
        return call->status;
    }
    step_list_remove(&checkpoint->steps, (size_t)index_of(step));
    thing_forget(call->tenant, &step->thing);
    step->checkpoint = NULL;
    thing_touch(&checkpoint->thing);
    return 204;
}

int handle_library_step_move(struct call *call)
{
    struct checkpoint *library = call->thing;
    struct step *step = step_of_path(call);
    int64_t position;

    if (step == NULL) {
        return call->status;
    }
    if (!json_to_i64(json_get(call->body, "position"), &position) || position < 0 ||
        (uint64_t)position >= library->steps.n) {
        return refuse_member(call, "position", "must be a place that the checkpoint has");
    }
    step_list_remove(&library->steps, (size_t)index_of(step));
    step_list_insert(call->tenant, &library->steps, (size_t)position, step);
    thing_touch(&library->thing);
    return 204;
}
