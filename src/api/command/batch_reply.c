/* The replies of a batch: for one command, for a list, and for a dry run. */
#include "batch_rows.h"

#include "api/gate/long_answer.h"
#include "base/clock.h"
#include "base/json_form.h"

enum { REPLY_SHORT = 1024 /* longer ones take memory from the heap */ };

static void write_warnings(struct json_writer *w, const struct batch_item *item)
{
    jw_shape(w, "warnings:[");
    for (size_t i = 0; i < item->bound.warnings.n; i++) {
        jw_str(w, item->bound.warnings.items[i]);
    }
    if (item->recovered) {
        jw_str(w, STR("The platform's answer was lost; the step was found when the checkpoint was "
                      "read back"));
    }
    /* A step whose position is behind the end is put at the end by the platform. */
    if (item->status == ROW_DONE && item->bound.command->kind == COMMAND_STEP &&
        item->position < item->input.position) {
        jw_str(w, arena_printf(item->batch->task->arena,
                               "Position %lld is behind the last step; the step stands at %lld "
                               "(the first one is 0)",
                               (long long)item->input.position, (long long)item->position));
    }
    if (item->timed_out) {
        jw_str(w, STR("The execution was still running when the timeout was reached"));
    }
    jw_end(w);
}

/* The data of a step are text already. */
static void write_data(struct json_writer *w, const struct batch_item *item)
{
    if (item->data != NULL) {
        jw_key(w, "data");
        json_write(w, item->data);
    } else if (item->data_text.len > 0) {
        jw_kv_raw(w, "data", item->data_text);
    }
}

static void close_reply(struct json_writer *w, struct task *task)
{
    jw_kv_text(w, "request_id", task->exchange->trace.request_id);
    jw_kv_str(w, "timestamp", task_now(task));
    jw_kv_int(w, "execution_time_ms", (int64_t)((clock_now_us() - task->begin_us) / 1000));
    jw_end(w);
}

/* The most frequent reply of all is written without a tree. */
static void reply_success(const struct batch_item *item)
{
    struct task *task = item->batch->task;
    struct str message = str_from(item->bound.command->words);
    UNINITIALISED char room[REPLY_SHORT];
    struct buf text;
    struct json_writer w;

    arena_join(task->arena, &message, ": ", STR("done"));
    buf_init_on(&text, room, sizeof(room), SIZE_MAX / 4);
    jw_init(&w, &text);
    jw_object(&w);
    jw_kv_text(&w, "status", "success");
    write_data(&w, item);
    write_warnings(&w, item);
    jw_kv_str(&w, "message", message);
    close_reply(&w, task);
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

/* `prefix`: where the command stands in the body. */
static void write_error(struct json_writer *w, const struct error *err, struct str prefix,
                        struct arena *arena)
{
    struct str pointer = err->pointer[0] != '\0'
                             ? arena_printf(arena, "%.*s%s", STR_ARG(prefix), err->pointer)
                             : STR_EMPTY;

    jw_form(w, "{code:%s, detail:%s, pointer?:%s, retry_after?:%i, upstream_status?:%i}",
            error_slug(err->code), err->text, pointer, err->retry_after_s, err->upstream_status);
}

static void write_failure(struct json_writer *w, const struct batch_item *item)
{
    struct arena *arena = item->batch->task->arena;
    struct str prefix = arena_printf(arena, "/commands/%zu", item->index);
    const struct error_list *errors = item->errors;

    jw_key(w, "made");
    json_write(w, plan_made(item->batch->task->plan, item));
    if (item->seen != NULL) {
        jw_key(w, "seen");
        json_write(w, item->seen);
    }
    jw_key(w, "error");
    write_error(w, &item->error, prefix, arena);
    if (errors != NULL && error_list_total(errors) > 1) {
        jw_kv_int(w, "errors_total", (int64_t)error_list_total(errors));
    }
    if (errors != NULL && errors->n > 1) {
        jw_shape(w, "errors:[");
        for (size_t i = 0; i < errors->n; i++) {
            write_error(w, &errors->items[i], prefix, arena);
        }
        jw_end(w);
    }
}

/* `pending`: the word for a command whose turn has not come. */
static void write_result(struct json_writer *w, const struct batch_item *item, const char *pending)
{
    const char *const names[] = {[ROW_PENDING] = pending,
                                 [ROW_DONE] = "success",
                                 [ROW_FAILED] = "failed",
                                 [ROW_SKIPPED] = "skipped",
                                 [ROW_UNKNOWN] = "unknown"};

    jw_form(w, "{index:%i, command:%s, status:%s", item->index,
            item->bound.command != NULL ? str_from(item->bound.command->words)
                                        : item->input.command,
            names[item->status]);
    write_data(w, item);
    write_warnings(w, item);
    jw_kv_int(w, "execution_time_ms", (int64_t)(item->us / 1000));
    if (item->error.code != ERR_OK) {
        write_failure(w, item);
    }
    jw_end(w);
}

void batch_reply_list(struct batch *batch)
{
    size_t n_done = batch_count(batch, ROW_DONE);
    size_t n_skipped = batch_count(batch, ROW_SKIPPED) + batch_count(batch, ROW_PENDING);
    struct json_writer *w = task_writer(batch->task);

    jw_form(w, "{status:%s, total_commands:%i, successful:%i, failed:%i, skipped:%i, results:[",
            n_done == batch->n_items ? "success"
            : n_done > 0             ? "partial"
                                     : "failed",
            batch->n_items, n_done, batch->n_items - n_done - n_skipped, n_skipped);
    for (size_t i = 0; i < batch->n_items; i++) {
        write_result(w, &batch->items[i], "skipped");
    }
    jw_end(w);
    close_reply(w, batch->task);
    (void)task_written(batch->task, n_done == batch->n_items ? 200 : 207);
}

/* ---- what would be sent ---- */

enum { PIECE_BYTES = 64 * 1024 /* of a piece: about a millisecond */ };

struct shown_batch {
    struct long_answer answer;
    struct batch *batch;
    size_t row;    /* of the plan: the next one whose request is written */
    size_t result; /* the next item whose result is written */
    bool in_results;
};

/* Writes the next request; after the last one, for a list, the next result. */
static enum error_code show_next(struct shown_batch *shown, bool *done)
{
    struct batch *batch = shown->batch;
    struct plan *plan = batch->task->plan;
    struct json_writer *w = &shown->answer.writer;

    if (shown->row < plan->n_rows) {
        return plan_write_requests(plan, &shown->row, 1, w, &batch->task->error);
    }
    if (!shown->in_results) {
        shown->in_results = true;
        jw_shape(w, batch->is_list ? "], results:[" : "]");
    } else if (batch->is_list && shown->result < batch->n_items) {
        write_result(w, &batch->items[shown->result++], "ready");
    } else {
        if (batch->is_list) {
            jw_end(w);
        } else {
            write_warnings(w, &batch->items[0]);
        }
        close_reply(w, batch->task);
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

enum stage_verdict batch_answer_dry(struct batch *batch)
{
    struct task *task = batch->task;
    struct shown_batch *shown = arena_zalloc(task->arena, sizeof(*shown));
    bool is_wrong = batch->is_list && batch_count(batch, ROW_PENDING) < batch->n_items;

    if (!batch_begin_dry(batch, &task->error)) {
        return task_fail(task);
    }
    long_answer_init(&shown->answer, task, is_wrong ? 207 : 200, NULL);
    shown->answer.go_on = show_on;
    shown->batch = batch;
    jw_shape(&shown->answer.writer, "{status:'dry_run', dry_run:true, requests:[");
    return long_answer_begin(&shown->answer);
}
