/* Test files in requests: read once, for validate, compile and run alike. */
#ifndef API_TESTS_H
#define API_TESTS_H

#include "api_internal.h"
#include "testfile/testfile.h"

struct reading {
    struct testfile file;
    struct testfile_problems problems;
    bool ok;
};

/* The body of the request; kind and defaults of the options are filled in here. The text is not
 * copied: what is read lives in `arena`, except for views into the body. */
void test_read(struct task *task, struct arena *arena, const struct testfile_options *given,
               struct reading *out);
/* 422 with every error. */
enum stage_verdict test_refuse(struct task *task, const struct reading *reading);
/* Ends the task with the text, and the buf. */
enum stage_verdict reply_text(struct task *task, int status, const char *type, struct buf *text);

#endif
