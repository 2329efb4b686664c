/* What the reply of a command says about the step that it made. */
#include "base/json_writer.h"
#include "batch_rows.h"

enum { TOLD_SHORT = 512 /* longer ones take memory from the heap */ };

struct told {
    struct str step_id;
    struct str type;
    struct str description;
};

static struct told told_of(const struct batch_item *item, const struct json *answer)
{
    struct task *task = item->batch->task;
    const struct command *command = item->bound.command;
    const struct json *step_id = plan_get(task->plan, "step_id");
    struct str action =
        json_str(json_find(answer, "/testStep/action /item/testStep/action /action /item/action"));

    return (struct told){
        .step_id = json_type(step_id) == JSON_NUMBER ? json_number_text(step_id, task->arena)
                                                     : json_str(step_id),
        .type = action.len > 0 ? action : str_from(command->words),
        .description = item->description.len > 0 ? item->description : str_from(command->summary),
    };
}

/* As text: no reply is more frequent. */
static struct str told_text(const struct batch_item *item, const struct told *told)
{
    struct task *task = item->batch->task;
    UNINITIALISED char room[TOLD_SHORT];
    struct json_writer w;
    struct buf text;
    struct str copy;

    buf_init_on(&text, room, sizeof(room), SIZE_MAX / 4);
    jw_init(&w, &text);
    jw_object(&w);
    jw_kv_str(&w, "step_id", told->step_id);
    jw_kv_str(&w, "checkpoint_id", item->cursor->checkpoint_id);
    jw_kv_int(&w, "position", item->position);
    jw_kv_str(&w, "type", told->type);
    jw_kv_str(&w, "description", told->description);
    jw_kv_str(&w, "created_at", task_now(task));
    jw_end(&w);
    copy = arena_str(task->arena, buf_view(&text));
    buf_done(&text);
    return copy;
}

void batch_tell_step(struct batch_item *item, const struct json *answer)
{
    struct told told = told_of(item, answer);

    item->data_text = told_text(item, &told);
}
