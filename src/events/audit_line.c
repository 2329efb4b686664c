/* {"number":17,"chain":…,"time":…,"type":…,"id":…, …,"before":"<hash>","hash":"<hash>"}: the hash is that of the line
 * up to its own member, which is always the last. */
#include "audit_line.h"

#include "base/clock.h"
#include "base/json_pen.h"
#include "base/random.h"
#include "crypto/digest.h"
#include "events/events.h"

static const struct str hash_key = STR_INIT(",\"hash\":\"");
static const struct str before_key = STR_INIT(",\"before\":\"");
static const struct str number_key = STR_INIT("{\"number\":");

void audit_head_first(struct audit_head *head)
{
    head->number = 0;
    for (size_t i = 0; i < AUDIT_HASH_DIGITS; i++) {
        head->hash[i] = '0';
    }
    head->hash[AUDIT_HASH_DIGITS] = '\0';
}

static void number(struct json_pen *pen, struct audit_head *head)
{
    pen_bytes(pen, number_key.ptr, number_key.len);
    pen_int(pen, (int64_t)++head->number);
}

static void begin(struct json_pen *pen, struct audit_head *head, const char *type, int64_t wall_ms)
{
    number(pen, head);
    PEN(pen, ",\"chain\":\"");
    pen_text(pen, str_from(head->chain));
    PEN(pen, "\",\"time\":\"");
    pen_time(pen, wall_ms);
    PEN(pen, "\",\"type\":\"");
    pen_text(pen, str_from(type));
    PEN(pen, "\"");
}

static void end(struct json_pen *pen, size_t start, struct audit_head *head)
{
    struct buf *out = pen->out;
    struct digest digest;

    pen_bytes(pen, before_key.ptr, before_key.len);
    pen_bytes(pen, head->hash, AUDIT_HASH_DIGITS);
    PEN(pen, "\"");
    pen_end(pen);
    digest_of(str_sub(buf_view(out), start, out->len), &digest);
    digest_hex(&digest, head->hash);
    pen_bytes(pen, hash_key.ptr, hash_key.len);
    pen_bytes(pen, head->hash, AUDIT_HASH_DIGITS);
    PEN(pen, "\"}\n");
    pen_end(pen);
}

/* Two writers of one chain must not write the same line: the second writer would take the first line for its own. */
static void put_id(struct json_pen *pen)
{
    char digits[16];

    random_hex(digits, sizeof(digits));
    PEN(pen, ",\"id\":\"");
    pen_bytes(pen, digits, sizeof(digits));
    PEN(pen, "\"");
}

void audit_write_mark(struct buf *out, struct audit_head *head, const char *type, const char *name,
                      uint64_t value)
{
    size_t start = out->len;
    struct json_pen pen;

    if (pen_begin(&pen, out, AUDIT_LINE_MAX)) {
        begin(&pen, head, type, clock_wall_ms());
        PEN(&pen, ",\"");
        pen_text(&pen, str_from(name));
        PEN(&pen, "\":");
        pen_int(&pen, (int64_t)value);
        put_id(&pen);
        end(&pen, start, head);
    }
}

void audit_write_fact(struct buf *out, struct audit_head *head, const struct fact *fact)
{
    size_t start = out->len;
    struct json_pen pen;

    if (!pen_begin(&pen, out, AUDIT_LINE_MAX)) {
        return;
    }
    begin(&pen, head, fact_type(fact->kind), fact->wall_ms);
    PEN(&pen, ",\"id\":\""); /* after a kill it may come twice */
    cloud_event_put_id(&pen, fact);
    PEN(&pen, "\"");
    cloud_event_put_text(&pen, STR(",\"principal\":\""), fact->principal);
    cloud_event_put_text(&pen, STR(",\"method\":\""), fact->method);
    cloud_event_put_text(&pen, STR(",\"action\":\""), fact->action);
    cloud_event_put_text(&pen, STR(",\"subject\":\""), fact->subject);
    cloud_event_put_text(&pen, STR(",\"peer\":\""), fact->peer);
    cloud_event_put_text(&pen, STR(",\"request_id\":\""), fact->request_id);
    cloud_event_put_text(&pen, STR(",\"outcome\":\""), fact->outcome);
    if (fact->status > 0) {
        PEN(&pen, ",\"status\":");
        pen_int(&pen, fact->status);
    }
    end(&pen, start, head);
}

uint64_t audit_first_number(struct str lines)
{
    int64_t first = 0;
    struct str digits;
    struct str rest;

    (void)str_cut(str_sub(lines, number_key.len, lines.len), ',', &digits, &rest);
    return str_to_i64(digits, 1, INT64_MAX, &first) ? (uint64_t)first : 0;
}

/* Writes a line with new number and hashes; what stands between them stays. */
static void line_anew(struct buf *out, struct audit_head *head, struct str line)
{
    size_t hashes = before_key.len + hash_key.len + 2 * (size_t)AUDIT_HASH_DIGITS + 3;
    size_t start = out->len;
    ptrdiff_t at = str_find_char(line, ',');
    struct json_pen pen;

    if (at > 0 && line.len > hashes && pen_begin(&pen, out, AUDIT_LINE_MAX)) {
        number(&pen, head);
        pen_bytes(&pen, line.ptr + at, line.len - hashes - (size_t)at);
        end(&pen, start, head);
    }
}

void audit_chain_anew(struct buf *lines, struct audit_head *head)
{
    struct buf before = *lines;
    struct str rest = buf_view(&before);
    struct str line;

    buf_init(lines, before.max);
    while (str_next(&rest, '\n', &line)) {
        if (line.len > 0) {
            line_anew(lines, head, line);
        }
    }
    buf_done(&before);
}

bool audit_read_line(struct str line, struct audit_head *out, struct str *out_before)
{
    size_t tail = hash_key.len + AUDIT_HASH_DIGITS + 2; /* and "} */
    size_t before_len = before_key.len + AUDIT_HASH_DIGITS + 1;
    struct str hashed;
    struct str number;
    struct str rest;
    struct digest digest;
    int64_t value;

    if (line.len <= tail + before_len || !str_starts(line, number_key)) {
        return false;
    }
    hashed = str_sub(line, 0, line.len - tail);
    *out_before = str_sub(hashed, hashed.len - AUDIT_HASH_DIGITS - 1, AUDIT_HASH_DIGITS);
    (void)str_cut(str_sub(line, number_key.len, line.len), ',', &number, &rest);
    if (!str_to_i64(number, 1, INT64_MAX, &value) ||
        !str_eq(str_sub(hashed, hashed.len - before_len, before_key.len), before_key) ||
        !str_eq(str_sub(line, hashed.len, hash_key.len), hash_key)) {
        return false;
    }
    digest_of(hashed, &digest);
    digest_hex(&digest, out->hash);
    out->number = (uint64_t)value;
    return str_eq(str_sub(line, hashed.len + hash_key.len, AUDIT_HASH_DIGITS),
                  str_from(out->hash)) &&
           str_is(str_sub(line, line.len - 2, 2), "\"}");
}
