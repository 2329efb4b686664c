/* A head that is too long is refused, but fields that its answer depends on (Origin, X-Request-Id) may stand
 * behind the limit: without Origin a browser tells of a failure of CORS, not of the 431. So the rest of the
 * head, most of which is already on its way, is read and dropped, except the lines of these fields. */
#include "base/mem.h"
#include "http_internal.h"

enum { SKIM_MS = 200, LINE_BYTES = 512, KEPT_BYTES = 1024 };

struct skim {
    struct error err; /* what the answer will be */
    size_t n_read;
    bool line_is_long; /* longer than any line that is kept */
    size_t line_len;
    size_t kept_len;
    char line[LINE_BYTES];
    char kept[KEPT_BYTES]; /* complete lines, behind an empty first one */
};

static void keep_line(struct skim *skim)
{
    struct str line = {skim->line, skim->line_len};
    bool is_wanted =
        str_starts_nocase(line, STR("Origin:")) || str_starts_nocase(line, STR("X-Request-Id:"));

    if (is_wanted && !skim->line_is_long && skim->kept_len + line.len <= KEPT_BYTES) {
        mem_copy(skim->kept + skim->kept_len, line.ptr, line.len);
        skim->kept_len += line.len;
    }
}

/* True: the head ends here. */
static bool take_line(struct skim *skim)
{
    bool is_empty = !skim->line_is_long && str_is((struct str){skim->line, skim->line_len}, "\r\n");

    keep_line(skim);
    skim->line_len = 0;
    skim->line_is_long = false;
    return is_empty;
}

static bool has_ended(struct skim *skim, struct str bytes)
{
    while (bytes.len > 0) {
        ptrdiff_t lf = str_find_char(bytes, '\n');
        struct str piece = str_sub(bytes, 0, lf < 0 ? bytes.len : (size_t)lf + 1);

        bytes = str_sub(bytes, piece.len, bytes.len);
        if (skim->line_len + piece.len > LINE_BYTES) {
            skim->line_is_long = true;
        } else {
            mem_copy(skim->line + skim->line_len, piece.ptr, piece.len);
            skim->line_len += piece.len;
        }
        if (lf >= 0 && take_line(skim)) {
            return true;
        }
    }
    return false;
}

bool skim_is_for(const struct error *err)
{
    return err->code == ERR_URI_TOO_LONG || err->code == ERR_HEADERS_TOO_BIG;
}

void skim_begin(struct http_connection *connection, struct str bytes, const struct error *err)
{
    struct skim *skim = mem_zalloc(sizeof(*skim));

    skim->err = *err;
    skim->kept[skim->kept_len++] = '\n';
    connection->skim = skim;
    connection->state = CONNECTION_SKIM;
    connection_arm(connection, SKIM_MS);
    skim_take(connection, bytes);
}

void skim_take(struct http_connection *connection, struct str bytes)
{
    struct skim *skim = connection->skim;

    skim->n_read += bytes.len;
    if (has_ended(skim, bytes) || skim->n_read > connection->server->options.linger_bytes) {
        skim_end(connection);
    }
}

void skim_end(struct http_connection *connection)
{
    struct skim *skim = connection->skim;

    connection->skim = NULL;
    intake_begin_refused(connection, (struct str){skim->kept, skim->kept_len});
    connection_refuse(connection, &skim->err);
    mem_free(skim);
}

void skim_drop(struct http_connection *connection)
{
    mem_free(connection->skim);
    connection->skim = NULL;
}
