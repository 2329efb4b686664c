/* What a batch came to, as a reply: of one command, of a list, and of what would be sent. */
#include "batch_reply.h"

#include "api/gate/long_answer.h"
#include "base/clock.h"
#include "base/json_form.h"

enum { REPLY_SHORT = 1024 /* longer ones take memory from the heap */ };

static void set_text(struct json *object, const char *name, struct str text, struct arena *arena)
{
    json_set(object, str_from(name), json_new_string(arena, text));
}

/* The platform puts a step that is asked to stand behind the end at the end. */
static bool stands_before(const struct batch_item *item)
{
    return item->status == ROW_DONE && item->bound.command->kind == COMMAND_STEP &&
           item->position < item->input.position;
}

static struct json *warnings_of(const struct batch_item *item, struct arena *arena)
{
    struct json *list = json_new_array(arena);

    for (size_t i = 0; i < item->bound.warnings.n; i++) {
        json_append(list, json_new_string(arena, item->bound.warnings.items[i]));
    }
    if (item->recovered) {
        json_append(
            list, json_new_string(arena,
                                  STR("The platform's answer was lost; the step was found when the "
                                      "checkpoint was read back")));
    }
    if (stands_before(item)) {
        json_append(list, json_new_string(
                              arena, arena_printf(arena,
                                                  "Position %lld is behind the last step; the step "
                                                  "stands at %lld (the first one is 0)",
                                                  (long long)item->input.position,
                                                  (long long)item->position)));
    }
    if (item->timed_out) {
        json_append(
            list, json_new_string(
                      arena, STR("The execution was still running when the timeout was reached")));
    }
    return list;
}

static int64_t execution_ms(const struct task *task)
{
    return (int64_t)((clock_now_us() - task->begin_us) / 1000);
}

static void close_reply(struct task *task, struct json *body)
{
    set_text(body, "request_id", str_from(task->exchange->trace.request_id), task->arena);
    set_text(body, "timestamp", task_now(task), task->arena);
    json_set(body, STR("execution_time_ms"), json_new_int(task->arena, execution_ms(task)));
}

/* "step-navigate to: done" */
static struct str message_of(const struct batch_item *item)
{
    struct str message = str_from(item->bound.command->words);

    arena_join(item->batch->task->arena, &message, ": ", STR("done"));
    return message;
}

/* The most frequent reply of all is written without a tree. */
static void reply_success(const struct batch_item *item)
{
    struct task *task = item->batch->task;
    UNINITIALISED char room[REPLY_SHORT];
    struct buf text;
    struct json_writer w;

    buf_init_on(&text, room, sizeof(room), SIZE_MAX / 4);
    jw_init(&w, &text);
    jw_object(&w);
    jw_kv_text(&w, "status", "success");
    jw_key(&w, "data");
    if (item->data != NULL) {
        json_write(&w, item->data);
    } else {
        jw_raw(&w, item->data_text);
    }
    jw_key(&w, "warnings");
    json_write(&w, warnings_of(item, task->arena));
    jw_kv_str(&w, "message", message_of(item));
    jw_kv_text(&w, "request_id", task->exchange->trace.request_id);
    jw_kv_str(&w, "timestamp", task_now(task));
    jw_kv_int(&w, "execution_time_ms", execution_ms(task));
    jw_end(&w);
    (void)task_reply(task, 200, "application/json; charset=utf-8", buf_view(&text));
    buf_done(&text);
}

void batch_reply_one(struct batch *batch)
{
    struct task *task = batch->task;
    struct batch_item *item = &batch->items[0];

    if (item->status != ROW_DONE) {
        if (item->error.code != ERR_OK) {
            task->error = item->error;
        }
        if (item->seen != NULL) {
            task->exchange->problem_more[1].name = "seen";
            task->exchange->problem_more[1].json = json_text(task->arena, item->seen);
        }
        if (task->error.code == ERR_OK) {
            (void)error_set(&task->error, ERR_CANCELLED, "The command was not carried out");
        }
        (void)task_fail(task);
        return;
    }
    reply_success(item);
}

static struct json *error_json(const struct error *err, const char *prefix, struct arena *arena)
{
    struct json *out = json_new_object(arena);

    set_text(out, "code", str_from(error_slug(err->code)), arena);
    set_text(out, "detail", str_from(err->text), arena);
    if (err->pointer[0] != '\0') {
        set_text(out, "pointer", arena_printf(arena, "%s%s", prefix, err->pointer), arena);
    }
    if (err->retry_after_s != 0) {
        json_set(out, STR("retry_after"), json_new_int(arena, err->retry_after_s));
    }
    if (err->upstream_status != 0) {
        json_set(out, STR("upstream_status"), json_new_int(arena, err->upstream_status));
    }
    return out;
}

static struct json *item_result(const struct batch_item *item, struct arena *arena)
{
    static const char *const names[] = {[ROW_PENDING] = "skipped",
                                        [ROW_DONE] = "success",
                                        [ROW_FAILED] = "failed",
                                        [ROW_SKIPPED] = "skipped",
                                        [ROW_UNKNOWN] = "unknown"};
    struct json *out = json_new_object(arena);
    const char *prefix =
        arena_cstr(arena, arena_printf(arena, "/commands/%zu", item->index)); /* into the body */
    struct json *errors;

    json_set(out, STR("index"), json_new_int(arena, (int64_t)item->index));
    set_text(out, "command",
             item->bound.command != NULL ? str_from(item->bound.command->words)
                                         : item->input.command,
             arena);
    set_text(out, "status", str_from(names[item->status]), arena);
    if (item->data != NULL) {
        json_set(out, STR("data"), item->data);
    }
    json_set(out, STR("warnings"), warnings_of(item, arena));
    json_set(out, STR("execution_time_ms"), json_new_int(arena, (int64_t)(item->us / 1000)));
    if (item->error.code == ERR_OK) {
        return out;
    }
    json_set(out, STR("made"), plan_made(item->batch->task->plan, item));
    if (item->seen != NULL) {
        json_set(out, STR("seen"), json_copy(arena, item->seen));
    }
    json_set(out, STR("error"), error_json(&item->error, prefix, arena));
    if (item->errors != NULL && error_list_total(item->errors) > 1) {
        json_set(out, STR("errors_total"),
                 json_new_int(arena, (int64_t)error_list_total(item->errors)));
    }
    if (item->errors != NULL && item->errors->n > 1) {
        errors = json_new_array(arena);
        for (size_t i = 0; i < item->errors->n; i++) {
            json_append(errors, error_json(&item->errors->items[i], prefix, arena));
        }
        json_set(out, STR("errors"), errors);
    }
    return out;
}

void batch_reply_list(struct batch *batch)
{
    struct task *task = batch->task;
    struct json *body = json_new_object(task->arena);
    struct json *results = json_new_array(task->arena);
    size_t n_done = batch_count(batch, ROW_DONE);
    size_t n_skipped = batch_count(batch, ROW_SKIPPED) + batch_count(batch, ROW_PENDING);

    for (size_t i = 0; i < batch->n_items; i++) {
        json_append(results, item_result(&batch->items[i], task->arena));
    }
    set_text(body, "status",
             n_done == batch->n_items ? STR("success")
             : n_done > 0             ? STR("partial")
                                      : STR("failed"),
             task->arena);
    json_set(body, STR("total_commands"), json_new_int(task->arena, (int64_t)batch->n_items));
    json_set(body, STR("successful"), json_new_int(task->arena, (int64_t)n_done));
    json_set(body, STR("failed"),
             json_new_int(task->arena, (int64_t)(batch->n_items - n_done - n_skipped)));
    json_set(body, STR("skipped"), json_new_int(task->arena, (int64_t)n_skipped));
    json_set(body, STR("results"), results);
    close_reply(task, body);
    (void)task_reply_json(task, n_done == batch->n_items ? 200 : 207, body);
}

/* ---- what would be sent ---- */

enum { PIECE_BYTES = 64 * 1024 /* of a piece: about a millisecond */ };

struct shown_batch {
    struct long_answer answer;
    struct json_writer writer;
    struct batch *batch;
    size_t row;    /* of the plan: the next one whose request is written */
    size_t result; /* the next item whose result is written */
    bool in_results;
};

static void write_dry_result(struct json_writer *w, const struct batch_item *item)
{
    struct arena *arena = item->batch->task->arena;
    struct json *result = item_result(item, arena);

    if (item->status == ROW_PENDING) {
        set_text(result, "status", STR("ready"), arena);
    }
    json_write(w, result);
}

static void end_dry(struct shown_batch *shown)
{
    struct task *task = shown->batch->task;
    struct json_writer *w = &shown->writer;

    if (shown->batch->is_list) {
        jw_end(w);
    } else {
        jw_key(w, "warnings");
        json_write(w, warnings_of(&shown->batch->items[0], task->arena));
    }
    jw_kv_text(w, "request_id", task->exchange->trace.request_id);
    jw_kv_str(w, "timestamp", task_now(task));
    jw_kv_int(w, "execution_time_ms", execution_ms(task));
    jw_end(w);
}

/* The requests are all written: the results follow, where there is a list of them. */
static void begin_results(struct shown_batch *shown)
{
    shown->in_results = true;
    jw_end(&shown->writer);
    if (shown->batch->is_list) {
        jw_key(&shown->writer, "results");
        jw_array(&shown->writer);
    } else {
        shown->result = shown->batch->n_items;
    }
}

/* A request or a result. */
static enum error_code show_next(struct shown_batch *shown, bool *done)
{
    struct plan *plan = shown->batch->task->plan;

    if (shown->row < plan->n_rows) {
        return plan_write_requests(plan, &shown->row, 1, &shown->writer,
                                   &shown->batch->task->error);
    }
    if (!shown->in_results) {
        begin_results(shown);
    } else if (shown->result < shown->batch->n_items) {
        write_dry_result(&shown->writer, &shown->batch->items[shown->result++]);
    } else {
        end_dry(shown);
        *done = true;
    }
    return ERR_OK;
}

static enum error_code show_on(struct long_answer *answer, size_t n, bool *done)
{
    struct shown_batch *shown = CONTAINER_OF(answer, struct shown_batch, answer);
    size_t from = answer->text.len;
    enum error_code code = ERR_OK;

    for (; n > 0 && code == ERR_OK && !*done && answer->text.len - from < PIECE_BYTES; n--) {
        code = show_next(shown, done);
    }
    return code;
}

static bool is_any_wrong(const struct batch *batch)
{
    return batch->is_list && batch_count(batch, ROW_PENDING) < batch->n_items;
}

enum stage_verdict batch_answer_dry(struct batch *batch)
{
    struct task *task = batch->task;
    struct shown_batch *shown = arena_zalloc(task->arena, sizeof(*shown));
    struct json_writer *w = &shown->writer;

    if (!batch_begin_dry(batch, &task->error)) {
        return task_fail(task);
    }
    long_answer_init(&shown->answer, task, is_any_wrong(batch) ? 207 : 200,
                     "application/json; charset=utf-8");
    shown->answer.go_on = show_on;
    shown->batch = batch;
    jw_init(w, &shown->answer.text);
    jw_shape(w, "{status:'dry_run', dry_run:true, requests:[");
    return long_answer_begin(&shown->answer);
}
