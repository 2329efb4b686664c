#include "api/gate/long_answer.h"

#include "base/sizes.h"

/* Answers longer than WHOLE_MAX are streamed. */
enum { WHOLE_MAX = 256 * 1024 };

static void on_writable(struct task *task)
{
    pieces_go_on(task->state);
}

/* Sends what was written since the last time. For an Idempotency-Key the text is kept: its end needs the whole. */
static void stream(struct long_answer *answer)
{
    struct task *task = answer->pieces.task;
    struct str fresh = str_sub(buf_view(&answer->text), answer->sent, answer->text.len);

    if (!answer->streams) {
        answer->streams = true;
        task->on_writable = on_writable;
        task_stream_begin(task, answer->status, answer->type);
    }
    answer->pieces.waits = !exchange_stream_write(task->exchange, fresh);
    if (task->idempotency != NULL) {
        answer->sent = answer->text.len;
    } else {
        buf_clear(&answer->text);
    }
}

static bool write_on(struct pieces *pieces)
{
    struct long_answer *answer = CONTAINER_OF(pieces, struct long_answer, pieces);
    bool done = false;

    answer->result = answer->go_on(answer, LONG_ANSWER_STEPS, &done);
    if (answer->result == ERR_OK && !buf_ok(&answer->text)) {
        answer->result =
            error_set(&pieces->task->error, ERR_TOO_BIG, "The answer is longer than %d MiB",
                      LONGEST_ANSWER / 1024 / 1024);
    }
    if (answer->result == ERR_OK && (answer->streams || answer->text.len > WHOLE_MAX)) {
        stream(answer);
    }
    return done || answer->result != ERR_OK;
}

static void let_go(struct long_answer *answer)
{
    if (answer->end != NULL) {
        answer->end(answer);
    }
}

static void caller_left(struct pieces *pieces)
{
    struct long_answer *answer = CONTAINER_OF(pieces, struct long_answer, pieces);

    let_go(answer);
    buf_done(&answer->text);
}

static enum stage_verdict end_stream(struct long_answer *answer)
{
    struct task *task = answer->pieces.task;
    enum stage_verdict verdict = STAGE_DONE;
    struct buf text;

    if (answer->result == ERR_OK) {
        stream(answer);      /* what `end` wrote */
        text = answer->text; /* the answer dies with the task */
        verdict = task_stream_end(task, answer->status, answer->type, buf_view(&text));
    } else {
        text = answer->text;
        exchange_stream_abort(task->exchange); /* the client sees that it is cut */
    }
    buf_done(&text);
    return verdict;
}

static enum stage_verdict send(struct pieces *pieces)
{
    struct long_answer *answer = CONTAINER_OF(pieces, struct long_answer, pieces);

    let_go(answer);
    if (answer->streams) {
        return end_stream(answer);
    }
    if (answer->result != ERR_OK) {
        buf_done(&answer->text);
        return task_fail(pieces->task);
    }
    return task_reply_text(pieces->task, answer->status, answer->type, &answer->text);
}

void long_answer_init(struct long_answer *answer, struct task *task, int status, const char *type)
{
    *answer = (struct long_answer){
        .pieces = {.task = task, .go_on = write_on, .then = send, .gone = caller_left},
        .type = type != NULL ? type : "application/json; charset=utf-8",
        .status = status,
    };
    buf_init(&answer->text, LONGEST_ANSWER);
    jw_init(&answer->writer, &answer->text);
}

enum stage_verdict long_answer_begin(struct long_answer *answer)
{
    return pieces_begin(&answer->pieces, 1);
}
