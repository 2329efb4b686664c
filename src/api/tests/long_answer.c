/* An answer that is written some steps a turn, then sent as a whole. */
#include "long_answer.h"

#include "tests.h"

enum { ANSWER_MAX = 256 * 1024 * 1024 };

static struct long_answer *answer_of(struct pieces *pieces)
{
    return CONTAINER_OF(pieces, struct long_answer, pieces);
}

static bool write_on(struct pieces *pieces)
{
    struct long_answer *answer = answer_of(pieces);
    bool done = false;

    answer->result = answer->go_on(answer, LONG_ANSWER_STEPS, &done);
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
    struct long_answer *answer = answer_of(pieces);

    let_go(answer);
    buf_done(&answer->text);
}

static enum stage_verdict send(struct pieces *pieces)
{
    struct long_answer *answer = answer_of(pieces);

    let_go(answer);
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
        .type = type,
        .status = status,
    };
    buf_init(&answer->text, ANSWER_MAX);
}

enum stage_verdict long_answer_begin(struct long_answer *answer)
{
    return pieces_begin(&answer->pieces, 1);
}
