#include "harness/scripted.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "harness/blocking.h"
#include "harness/cmocka.h"

struct child {
    const struct scripted_answer *rows;
    size_t n_rows;
    struct scripted_seen *seen;
};

/* ---- in the child ---- */

static const struct scripted_answer *choose(struct child *child, struct str method, struct str path)
{
    for (size_t i = 0; i < child->n_rows; i++) {
        const struct scripted_answer *row = &child->rows[i];

        if (str_is(method, row->method) && (row->path == NULL || str_is(path, row->path)) &&
            child->seen->n_deletes >= row->after &&
            (row->times == 0 || child->seen->used[i] < row->times)) {
            child->seen->used[i]++;
            return row;
        }
    }
    return NULL;
}

static void note(struct scripted_seen *seen, struct str head)
{
    struct str line;
    struct str rest;

    (void)str_cut(head, '\r', &line, &rest);
    if (seen->n < SCRIPTED_MAX_SEEN) {
        str_copy(seen->lines[seen->n], SCRIPTED_LINE, line);
        seen->n++;
    }
    if (str_starts(line, STR("DELETE "))) {
        seen->n_deletes++;
    }
    str_copy(seen->authorization, SCRIPTED_LINE, head_field(head, STR("Authorization")));
}

static void answer(int fd, const struct scripted_answer *row)
{
    struct str body =
        row->body_len > 0 ? (struct str){row->body, row->body_len} : str_from(row->body);
    const char *type = row->type == NULL ? "application/json" : row->type;
    struct buf out;

    buf_init(&out, BLOCKING_BODY_MAX);
    buf_printf(&out,
               "HTTP/1.1 %d Scripted\r\n%s%s%sConnection: close\r\n%sContent-Length: %zu\r\n\r\n",
               row->status, type[0] != '\0' ? "Content-Type: " : "", type,
               type[0] != '\0' ? "\r\n" : "", row->fields != NULL ? row->fields : "", body.len);
    buf_str(&out, body);
    (void)blocking_write(fd, buf_view(&out));
    buf_done(&out);
}

static void serve_one(struct child *child, int fd)
{
    const struct scripted_answer *row = NULL;
    struct str head;
    struct str method;
    struct str path;
    struct str rest;
    struct buf in;
    size_t len;

    buf_init(&in, BLOCKING_BODY_MAX);
    if (blocking_read(fd, &in, &head, &len)) {
        (void)str_cut(head, ' ', &method, &rest);
        (void)str_cut(rest, ' ', &path, &rest);
        row = choose(child, method, path);
        note(child->seen, head);
    }
    if (row != NULL && row->status > 0) {
        answer(fd, row);
    }
    buf_done(&in);
}

static void serve(struct child *child, int listener)
{
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd >= 0) {
            serve_one(child, fd);
            (void)close(fd);
        }
    }
}

/* ---- in the test ---- */

void scripted_start(struct scripted *scripted, const struct scripted_answer *rows, size_t n)
{
    struct child child = {.rows = rows, .n_rows = n};
    int listener = blocking_listen(&scripted->port);

    assert_true(n <= SCRIPTED_MAX_ROWS);
    scripted->seen = mmap(NULL, sizeof(*scripted->seen), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(scripted->seen != MAP_FAILED);
    child.seen = scripted->seen;
    scripted->pid = blocking_fork();
    assert_true(scripted->pid >= 0);
    if (scripted->pid == 0) {
        (void)signal(SIGPIPE, SIG_IGN);
        serve(&child, listener);
        _exit(0);
    }
    (void)close(listener);
}

size_t scripted_count(const struct scripted *scripted, const char *line_start)
{
    size_t n = 0;

    for (unsigned i = 0; i < scripted->seen->n; i++) {
        n += strncmp(scripted->seen->lines[i], line_start, strlen(line_start)) == 0 ? 1 : 0;
    }
    return n;
}

void scripted_done(struct scripted *scripted)
{
    assert_int_equal(kill(scripted->pid, SIGKILL), 0);
    assert_int_equal(waitpid(scripted->pid, NULL, 0), scripted->pid);
    assert_int_equal(munmap(scripted->seen, sizeof(*scripted->seen)), 0);
}
