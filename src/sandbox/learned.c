/* What the platform learns about the element of a step once a run has found the element. Recorded
 * journeys show it beside what the step was made with (PLATFORM.md, "Steps"). */
#include "execution.h"
#include "sandbox_internal.h"

/* The HTML tag of the element that an action works on. */
static const char *tag_of(const struct step *step)
{
    static const struct row {
        const char *action;
        const char *tag;
    } tags[] = {{"WRITE", "INPUT"}, {"PICK", "SELECT"}, {"UPLOAD", "INPUT"}, {"CLICK", "BUTTON"}};
    const struct row *row = ROW_NAMED(step->action, tags);

    return row != NULL ? row->tag : "DIV";
}

static void learn(struct call *call, struct step *step)
{
    struct json *element = NULL;
    struct json *found = NULL;
    const struct json *member;
    struct json_writer w;

    scratch_begin(call, &w);
    jw_form(&w,
            "{kind:%s, tagName:%s, text:'', url:'https://example.com/', "
            "screenshot:'https://screenshots.sandbox.example/element.png', classes:['control'], "
            "attributes:{}, rect:{x:100, y:200, width:120, height:32}}",
            tag_of(step), tag_of(step));
    if (json_parse(call->arena, step->element, NULL, &element, NULL) != ERR_OK ||
        json_parse(call->arena, buf_view(&call->state->scratch), NULL, &found, NULL) != ERR_OK) {
        return; /* cannot happen: the sandbox wrote both texts */
    }
    json_set(element, STR("id"), json_new_int(call->arena, step->thing.id));
    JSON_FOREACH (member, found) {
        json_set(unconst(json_get(element, "target")), json_name(member),
                 json_copy(call->arena, member));
    }
    step->learned = keep_json(call, element);
}

void step_will_learn(struct call *call, struct step *step, const struct execution *execution,
                     const struct run_step *run)
{
    if (step->learned.len == 0 && step->element.len > 0 && run->outcome == OUTCOME_PASS) {
        learn(call, step);
        step->ran_in = execution;
        step->run = run;
    }
}

struct str step_element(const struct step *step)
{
    struct progress progress;

    if (step->run == NULL) {
        return step->element;
    }
    progress = execution_progress(step->ran_in);
    return step_outcome(&progress, step->run) == OUTCOME_PASS ? step->learned : step->element;
}

void step_forget(struct step *step)
{
    step->learned = STR_EMPTY;
    step->ran_in = NULL;
    step->run = NULL;
}
