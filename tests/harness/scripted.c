#include "harness/scripted.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "harness/cmocka.h"

enum { HEAD_MAX = 64 * 1024, BODY_MAX = 16 << 20 };

struct child {
    const struct scripted_answer *rows;
    size_t n_rows;
    struct scripted_seen *seen;
};

/* ---- in the child ---- */

static struct str field(struct str head, struct str name)
{
    struct str line;

    while (head.len > 0) {
        (void)str_cut(head, '\n', &line, &head);
        if (str_starts_nocase(line, name) && line.len > name.len && line.ptr[name.len] == ':') {
            return str_trim(str_sub(line, name.len + 1, line.len));
        }
    }
    return STR_EMPTY;
}

/* The head, once it and the whole body are there. */
static bool read_request(int fd, struct buf *in, struct str *out_head)
{
    for (;;) {
        char *room = buf_reserve(in, HEAD_MAX);
        ptrdiff_t end = str_find(buf_view(in), STR("\r\n\r\n"));
        int64_t length = 0;
        ssize_t n;

        if (end >= 0) {
            struct str head = str_sub(buf_view(in), 0, (size_t)end);

            if (!str_to_i64(field(head, STR("Content-Length")), 0, BODY_MAX, &length)) {
                length = 0;
            }
            if (in->len >= (size_t)end + 4 + (size_t)length) {
                *out_head = head;
                return true;
            }
        }
        n = room != NULL ? read(fd, room, HEAD_MAX) : -1;
        if (n <= 0) {
            return false;
        }
        buf_grew(in, (size_t)n);
    }
}

static const struct scripted_answer *choose(struct child *child, struct str method)
{
    for (size_t i = 0; i < child->n_rows; i++) {
        const struct scripted_answer *row = &child->rows[i];

        if (str_is(method, row->method) && child->seen->n_deletes >= row->after &&
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
    str_copy(seen->authorization, SCRIPTED_LINE, field(head, STR("Authorization")));
}

static void answer(int fd, const struct scripted_answer *row)
{
    struct str body =
        row->body_len > 0 ? (struct str){row->body, row->body_len} : str_from(row->body);
    const char *type = row->type == NULL ? "application/json" : row->type;
    struct buf out;
    size_t sent = 0;

    buf_init(&out, BODY_MAX);
    buf_printf(&out,
               "HTTP/1.1 %d Scripted\r\n%s%s%sConnection: close\r\n%sContent-Length: %zu\r\n\r\n",
               row->status, type[0] != '\0' ? "Content-Type: " : "", type,
               type[0] != '\0' ? "\r\n" : "", row->fields != NULL ? row->fields : "", body.len);
    buf_str(&out, body);
    while (sent < out.len) {
        ssize_t n = write(fd, out.ptr + sent, out.len - sent);

        if (n <= 0) {
            break;
        }
        sent += (size_t)n;
    }
    buf_done(&out);
}

static void serve_one(struct child *child, int fd)
{
    const struct scripted_answer *row = NULL;
    struct str head;
    struct str method;
    struct str rest;
    struct buf in;

    buf_init(&in, BODY_MAX);
    if (read_request(fd, &in, &head)) {
        (void)str_cut(head, ' ', &method, &rest);
        row = choose(child, method);
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

static int open_listener(uint16_t *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *out_port = ntohs(address.sin_port);
    return fd;
}

void scripted_start(struct scripted *scripted, const struct scripted_answer *rows, size_t n)
{
    struct child child = {.rows = rows, .n_rows = n};
    int listener = open_listener(&scripted->port);

    assert_true(n <= SCRIPTED_MAX_ROWS);
    scripted->seen = mmap(NULL, sizeof(*scripted->seen), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(scripted->seen != MAP_FAILED);
    child.seen = scripted->seen;
    scripted->pid = fork();
    assert_true(scripted->pid >= 0);
    if (scripted->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
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
