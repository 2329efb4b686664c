/* An answer about ten thousand steps is written in pieces: some steps in each turn of the loop. A short one is sent as
 * a whole. Of a long one each piece leaves when it is written, and the next one waits while the client does not
 * read. */
#ifndef API_LONG_ANSWER_H
#define API_LONG_ANSWER_H

#include "api/gate/pieces.h"
#include "base/json_writer.h"

enum { LONG_ANSWER_STEPS = 300 }; /* of a piece: about a millisecond */

struct long_answer {
    struct pieces pieces;
    struct buf text;
    struct json_writer writer; /* of the text, where it is JSON */
    const char *type;
    int status;
    bool streams; /* the head was sent */
    size_t sent;  /* of `text` */
    /* Writes about n_steps steps; *done: all are written. An error is put into task->error. */
    enum error_code (*go_on)(struct long_answer *answer, size_t n_steps, bool *done);
    /* Called exactly once, also when the caller left: lets go of what is held. NULL: nothing is held. */
    void (*end)(struct long_answer *answer);
    enum error_code result;
};

/* Lives in the task's arena; the caller sets go_on and end, writes what stands first, then begins. A short answer is
 * written at once. `type` NULL: JSON. */
void long_answer_init(struct long_answer *answer, struct task *task, int status, const char *type);
enum stage_verdict long_answer_begin(struct long_answer *answer);

#endif
