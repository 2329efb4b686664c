/* The audit file: who did what when from where with which outcome, one JSON object a line, each with
 * the SHA-256 of the line before and its own. A line that was changed, taken out or put in breaks the
 * chain; a cut end shows against the last hash, which is told as the event audit.head every minute.
 * A file has one writer (flock). The chain goes on over restarts and rotation.
 *
 * Without a journal a process writes what it has noted itself. With one the process that holds the lease
 * "consumer:audit" writes what all have noted, from the place in the journal that the store knows; to its file, to a bucket,
 * or to the stream "audit/<chain>" of the store. After a kill the last lines may come twice, with the same id. */
#ifndef EVENTS_AUDIT_H
#define EVENTS_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "observe/fact.h"

struct audit;
struct journal;
struct keeps;
struct loop;
struct store_cloud;

struct audit_options {
    const char *file; /* copied */
    const struct store_cloud
        *bucket;      /* instead of a file. Neither, with a journal: the stream of the store */
    struct str chain; /* names the writer in each line; spelled like a key of the store */
    struct journal *journal; /* NULL: there is none */
    struct keeps *keeps;     /* with a journal */
    uint64_t max_bytes;      /* then it is renamed to FILE.<number of its last line>; 0: never */
};

/* Is the fact a line of the file, and of GET /api/v1/audit? A request that carried out commands is not: its commands
 * are. */
bool audit_takes(const struct fact *fact);

/* Opens the file, makes it if it is not there, and finds the end of its chain. A last line without its end (the
 * machine went down) is closed with a line that says so. With a bucket *out must be closed also after an error, if
 * it was set. */
enum error_code audit_open(struct loop *loop, const struct audit_options *options,
                           struct audit **out, struct error *err) MUST_CHECK;
/* Whether audit_open could go on behind what stands in the file, for a configuration that is only checked. Nothing is
 * made or changed, and another process may be writing the file. */
enum error_code audit_try(const char *file, struct error *err) MUST_CHECK;
/* What was noted before is written first: the lease, the store and the bucket have 3 s for that, and a write to a file
 * that has begun is waited for. on_closed may come at once. */
void audit_close(struct audit *audit, void (*on_closed)(void *context), void *context);

enum { AUDIT_KEY_MAX = 80 };
/* The key of the stream of a chain. */
struct str audit_stream(struct str chain, char room[AUDIT_KEY_MAX]);

/* Checks lines against their chain, file by file in the order of time. */
struct audit_check {
    uint64_t n_lines;
    uint64_t first; /* number of the first line; 0: none yet */
    uint64_t last;
    char hash[65]; /* of the last line */
    bool has_torn; /* a torn line was closed by its writer */
    size_t torn_bytes;
};

/* `text` is a whole file. ERR_INVALID: err has the line, and what is wrong with it. */
enum error_code audit_check_text(struct audit_check *check, struct str text,
                                 struct error *err) MUST_CHECK;

#endif
