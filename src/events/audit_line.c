/* {"number":17,"chain":…,"time":…,"type":…,"id":…, …,"before":"<hash>","hash":"<hash>"}: the hash is that of the line
 * up to its own member, which is always the last. */
#include "audit_line.h"

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/mem.h"
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

static void begin(struct json_writer *w, struct buf *line, struct audit_head *head,
                  const char *type, int64_t wall_ms)
{
    char text[40];
    struct buf time;

    buf_init_on(&time, text, sizeof(text), sizeof(text) - 1);
    clock_format(&time, wall_ms);
    jw_init(w, line);
    jw_object(w);
    jw_kv_int(w, "number", (int64_t)++head->number);
    jw_kv_text(w, "chain", head->chain);
    jw_kv_str(w, "time", buf_view(&time));
    jw_kv_text(w, "type", type);
    buf_done(&time);
}

static void end(struct json_writer *w, struct buf *line, struct audit_head *head, struct buf *out)
{
    struct digest digest;

    jw_kv_text(w, "before", head->hash);
    digest_of(buf_view(line), &digest);
    digest_hex(&digest, head->hash);
    jw_kv_text(w, "hash", head->hash);
    jw_end(w);
    buf_str(out, buf_view(line));
    buf_char(out, '\n');
}

void audit_write_mark(struct buf *out, struct audit_head *head, const char *type, const char *name,
                      uint64_t value)
{
    struct json_writer w;
    struct buf line;

    buf_init(&line, AUDIT_LINE_MAX);
    begin(&w, &line, head, type, clock_wall_ms());
    jw_kv_int(&w, name, (int64_t)value);
    end(&w, &line, head, out);
    buf_done(&line);
}

void audit_write_fact(struct buf *out, struct audit_head *head, const struct fact *fact)
{
    const struct {
        const char *name;
        const char *text;
    } texts[] = {
        {"principal", fact->principal}, {"method", fact->method}, {"action", fact->action},
        {"subject", fact->subject},     {"peer", fact->peer},     {"request_id", fact->request_id},
        {"outcome", fact->outcome},
    };
    struct json_writer w;
    struct buf line;
    char id[48];

    cloud_event_id(fact, id); /* after a kill it may come twice */
    buf_init(&line, AUDIT_LINE_MAX);
    begin(&w, &line, head, fact_type(fact->kind), fact->wall_ms);
    jw_kv_text(&w, "id", id);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].text != NULL && texts[i].text[0] != '\0') {
            jw_kv_text(&w, texts[i].name, texts[i].text);
        }
    }
    if (fact->status > 0) {
        jw_kv_int(&w, "status", fact->status);
    }
    end(&w, &line, head, out);
    buf_done(&line);
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
