#include "blob.h"

#define MAGIC "virtuoso-proxy store 1"

enum { FIELDS = 13, FREE = '-' };

/* magic version mark format gone born touched ttl max_age holder fence beat event wanted */
void blob_write(const struct blob *blob, struct buf *out)
{
    buf_printf(out, MAGIC " %llu %.*s %u %d %lld %lld %lld %lld %.*s %llu %llu %llu %d\n",
               (unsigned long long)blob->version, STR_ARG(blob->mark), blob->format, blob->is_gone,
               (long long)blob->born_ms, (long long)blob->touched_ms, (long long)blob->ttl_ms,
               (long long)blob->max_age_ms, STR_ARG(blob->holder.len > 0 ? blob->holder : STR("-")),
               (unsigned long long)blob->fence, (unsigned long long)blob->beat,
               (unsigned long long)blob->event, blob->is_wanted);
    buf_str(out, blob->bytes);
}

bool blob_read(struct str text, struct blob *out)
{
    struct str fields[FIELDS + 1];
    int64_t numbers[FIELDS] = {0};
    struct str line;

    *out = (struct blob){0};
    if (!str_starts(text, STR(MAGIC " ")) || !str_cut(text, '\n', &line, &out->bytes) ||
        str_split(str_sub(line, sizeof(MAGIC), line.len), ' ', fields, FIELDS + 1) != FIELDS) {
        return false;
    }
    for (size_t i = 0; i < FIELDS; i++) {
        bool is_text = i == 1 || i == 8;

        if (!is_text && !str_to_i64(fields[i], 0, INT64_MAX, &numbers[i])) {
            return false;
        }
    }
    out->version = (uint64_t)numbers[0];
    out->mark = fields[1];
    out->format = (unsigned)numbers[2];
    out->is_gone = numbers[3] != 0;
    out->born_ms = numbers[4];
    out->touched_ms = numbers[5];
    out->ttl_ms = numbers[6];
    out->max_age_ms = numbers[7];
    out->holder = fields[8].len == 1 && fields[8].ptr[0] == FREE ? STR_EMPTY : fields[8];
    out->fence = (uint64_t)numbers[9];
    out->beat = (uint64_t)numbers[10];
    out->event = (uint64_t)numbers[11];
    out->is_wanted = numbers[12] != 0;
    return true;
}

int64_t blob_end_ms(const struct blob *blob)
{
    int64_t end_ms = blob->ttl_ms > 0 ? blob->touched_ms + blob->ttl_ms : INT64_MAX;
    int64_t oldest_ms = blob->max_age_ms > 0 ? blob->born_ms + blob->max_age_ms : INT64_MAX;

    return oldest_ms < end_ms ? oldest_ms : end_ms;
}
