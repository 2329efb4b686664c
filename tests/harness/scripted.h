/* A server in a child process that answers HTTP requests by a script, whatever a real one would do:
 * wrong, late, or not at all. One connection at a time, one request each. Owner: the test holds the
 * struct; scripted_done ends the child. */
#ifndef HARNESS_SCRIPTED_H
#define HARNESS_SCRIPTED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct scripted_answer {
    const char *method; /* NULL: an unused row; the first row that fits is taken */
    unsigned times;     /* 0: for ever */
    int status;         /* 0: the connection is closed without an answer */
    const char *fields; /* each ending in CRLF; NULL: none */
    const char *body;   /* NULL: empty */
    unsigned after;     /* only once so many DELETEs have come */
    const char *type;   /* Content-Type; NULL: application/json; empty: none */
    size_t body_len;    /* 0: that of the text */
    const char *path;   /* only for this one; NULL: for any */
};

enum { SCRIPTED_MAX_ROWS = 1024, SCRIPTED_MAX_SEEN = 64, SCRIPTED_LINE = 256 };

struct scripted_seen {
    unsigned n;
    unsigned n_deletes;
    unsigned used[SCRIPTED_MAX_ROWS];
    char lines[SCRIPTED_MAX_SEEN][SCRIPTED_LINE]; /* "POST /path HTTP/1.1", in order */
    char authorization[SCRIPTED_LINE];            /* of the last one */
};

struct scripted {
    pid_t pid;
    uint16_t port;
    struct scripted_seen *seen; /* shared with the child */
};

void scripted_start(struct scripted *scripted, const struct scripted_answer *rows, size_t n);
size_t scripted_count(const struct scripted *scripted, const char *line_start);
void scripted_done(struct scripted *scripted);

#endif
