/* What the platform learns about the element of a step when it has found it in a run: seen in
 * recorded journeys, beside what the step was made with (PLATFORM.md, "Steps"). */
#include "execution.h"
#include "sandbox_internal.h"

/* The tag of what an action works on. */
static const char *tag_of(const struct step *step)
{
    static const struct row {
        const char *action;
        const char *tag;
    } tags[] = {{"WRITE", "INPUT"}, {"PICK", "SELECT"}, {"UPLOAD", "INPUT"}, {"CLICK", "BUTTON"}};
    const struct row *row = ROW_NAMED(step->action, tags);

    return row != NULL ? row->tag : "DIV";
}

static void put_text(struct call *call, struct json *object, const char *name, const char *text)
{
    json_set(object, str_from(name), json_new_string(call->arena, str_from(text)));
}

static struct json *place(struct call *call)
{
    static const char *const names[] = {"x", "y", "width", "height"};
    static const int values[] = {100, 200, 120, 32};
    struct json *rect = json_new_object(call->arena);

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_set(rect, str_from(names[i]), json_new_int(call->arena, values[i]));
    }
    return rect;
}

static void learn(struct call *call, struct step *step)
{
    struct json *element = NULL;
    struct json *target;
    struct json *classes = json_new_array(call->arena);

    if (json_parse(call->arena, step->element, NULL, &element, NULL) != ERR_OK) {
        return; /* cannot be: it was written by us */
    }
    target = unconst(json_get(element, "target"));
    json_set(element, STR("id"), json_new_int(call->arena, step->thing.id));
    put_text(call, target, "kind", tag_of(step));
    put_text(call, target, "tagName", tag_of(step));
    put_text(call, target, "text", "");
    put_text(call, target, "url", "https://example.com/");
    put_text(call, target, "screenshot", "https://screenshots.sandbox.example/element.png");
    json_append(classes, json_new_string(call->arena, STR("control")));
    json_set(target, STR("classes"), classes);
    json_set(target, STR("attributes"), json_new_object(call->arena));
    json_set(target, STR("rect"), place(call));
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
