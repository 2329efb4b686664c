/* A file to which batches of lines are appended by a thread, one after another. At its ceiling it is renamed to
 * FILE.<number>, and a new one begins. One process a file (flock). */
#ifndef EVENTS_APPEND_FILE_H
#define EVENTS_APPEND_FILE_H

#include "base/error.h"
#include "base/str.h"
#include "net/loop.h"

struct append_file {
    struct loop *loop;
    char *path;         /* heap; NULL: it is not open */
    uint64_t max_bytes; /* 0: it is never renamed */
    uint64_t n_bytes;   /* in the file */
    int fd;             /* -1: it is not open */
    /* The rest belongs to the thread while it writes. */
    uv_work_t work;
    struct str batch;
    size_t n_written; /* of the batch */
    int failure;      /* errno */
    bool rotates;     /* after the batch */
    uint64_t number;
    void (*on_written)(struct append_file *file, const char *failure);
};

/* Whether the file could be opened, if no other process was writing it now. */
enum error_code append_file_try(const char *path, const char *option, struct error *err) MUST_CHECK;
/* `option` names it in errors. It must be closed also after an error; fd must be -1 before. */
enum error_code append_file_open(struct append_file *file, struct loop *loop, const char *path,
                                 uint64_t max_bytes, const char *option,
                                 struct error *err) MUST_CHECK;
/* Ends a last line that a killed process has left without its end. */
void append_file_end_line(const struct append_file *file);
/* No write may be under way. Zeroed with an fd of -1 is fine. */
void append_file_close(struct append_file *file);
/* `batch` must stay as it is until on_end, which comes from a later turn, once: with NULL, or with the failure. After a
 * failure the same batch must be given again: what was written of it is not written twice. `number`: for the name
 * of the old file. */
void append_file_write(struct append_file *file, struct str batch, uint64_t number,
                       void (*on_end)(struct append_file *file, const char *failure));

#endif
