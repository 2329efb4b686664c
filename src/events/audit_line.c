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

/* Where the line begins in `out`. */
static size_t begin(struct json_writer *w, struct buf *out, struct audit_head *head,
                    const char *type, int64_t wall_ms)
{
    size_t start = out->len;
    UNINITIALISED char text[40];
    struct buf time;

    buf_init_on(&time, text, sizeof(text), sizeof(text) - 1);
    clock_format(&time, wall_ms);
    jw_init(w, out);
    jw_object(w);
    jw_kv_int(w, "number", (int64_t)++head->number);
    jw_kv_text(w, "chain", head->chain);
    jw_kv_str(w, "time", buf_view(&time));
    jw_kv_text(w, "type", type);
    buf_done(&time);
    return start;
}

static void end(struct json_writer *w, size_t start, struct audit_head *head)
{
    struct buf *out = w->out;
    struct digest digest;

    jw_kv_str(w, "before", (struct str){head->hash, AUDIT_HASH_DIGITS});
    digest_of(str_sub(buf_view(out), start, out->len), &digest);
    digest_hex(&digest, head->hash);
    jw_kv_str(w, "hash", (struct str){head->hash, AUDIT_HASH_DIGITS});
    jw_end(w);
    buf_char(out, '\n');
}

void audit_write_mark(struct buf *out, struct audit_head *head, const char *type, const char *name,
                      uint64_t value)
{
    struct json_writer w;
    size_t start = begin(&w, out, head, type, clock_wall_ms());

    jw_kv_int(&w, name, (int64_t)value);
    end(&w, start, head);
}

void audit_write_fact(struct buf *out, struct audit_head *head, const struct fact *fact)
{
    const struct {
        struct str name;
        const char *text;
    } texts[] = {
        {STR("principal"), fact->principal}, {STR("method"), fact->method},
        {STR("action"), fact->action},       {STR("subject"), fact->subject},
        {STR("peer"), fact->peer},           {STR("request_id"), fact->request_id},
        {STR("outcome"), fact->outcome},
    };
    struct json_writer w;
    size_t start = begin(&w, out, head, fact_type(fact->kind), fact->wall_ms);
    char id[48];

    cloud_event_id(fact, id); /* after a kill it may come twice */
    jw_kv_text(&w, "id", id);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].text != NULL && texts[i].text[0] != '\0') {
            jw_name(&w, texts[i].name);
            jw_text(&w, texts[i].text);
        }
    }
    if (fact->status > 0) {
        jw_kv_int(&w, "status", fact->status);
    }
    end(&w, start, head);
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
