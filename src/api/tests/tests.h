/* Test files in requests: read once, for validate, compile and run alike. */
#ifndef API_TESTS_H
#define API_TESTS_H

#include "api/gate/pieces.h"
#include "testfile/testfile.h"

struct reading {
    struct testfile file;
    struct testfile_problems problems;
    bool ok;
};

/* A test file that is being read: in pieces of a turn each, so that a long one holds up nobody. */
struct test_reading {
    struct pieces pieces;
    struct testfile_job *job;
    struct testfile_options options; /* that it is read with */
    struct reading result;
    enum stage_verdict (*then)(struct test_reading *reading);
    void (*gone)(struct test_reading *reading); /* the caller left before `then`; NULL: nothing */
};

/* Reads the body of the request, then calls `then`, whose verdict ends the task: at once for a short
 * file, else in a later turn. Kind and defaults of the options are filled in here. The text is not
 * copied: what is read lives in `arena`, except for views into the body. `reading` lives in the
 * task's arena; its then and gone are set by the caller. */
enum stage_verdict test_read(struct task *task, struct arena *arena,
                             const struct testfile_options *given, struct test_reading *reading);
/* 422 with every error. */
enum stage_verdict test_refuse(struct task *task, const struct reading *reading);

void test_warnings_write(struct json_writer *w,
                         const struct reading *reading); /* the member "warnings" */

#endif
