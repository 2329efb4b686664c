#include "events/events.h"

#include "base/clock.h"
#include "base/mem.h"
#include "data/artifact.h"
#include "pack.h"

enum { BASE_MAX = 1024 };

static char artifacts_base[BASE_MAX];

void cloud_events_link(struct str artifacts)
{
    str_copy(artifacts_base, sizeof(artifacts_base), artifacts);
}

/* 16 hexadecimal digits, '-' and a number. */
void cloud_event_id(const struct fact *fact, char out[48])
{
    static const char digits[] = "0123456789abcdef";
    bool is_ours = fact->origin == 0;
    uint64_t origin = is_ours ? pack_origin() : fact->origin;
    struct buf text;

    buf_init_on(&text, out, 48, 47);
    for (int shift = 60; shift >= 0; shift -= 4) {
        buf_char(&text, digits[origin >> shift & 15U]);
    }
    buf_char(&text, '-');
    buf_int(&text, (int64_t)(is_ours ? fact->number : fact->origin_number));
    (void)buf_cstr(&text);
    buf_done(&text);
}

uint64_t cloud_event_find(struct str id)
{
    const struct fact *fact;
    char other[48];

    for (uint64_t at = facts_newest(); (fact = fact_at(at)) != NULL; at--) {
        cloud_event_id(fact, other);
        if (str_is(id, other)) {
            return at;
        }
    }
    return 0;
}

static void write_texts(struct json_writer *w, const struct fact *fact)
{
    const struct {
        const char *name;
        const char *text;
    } texts[] = {
        {"outcome", fact->outcome},     {"method", fact->method}, {"action", fact->action},
        {"principal", fact->principal}, {"peer", fact->peer},     {"request_id", fact->request_id},
        {"name", fact->name},
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].text != NULL && texts[i].text[0] != '\0') {
            jw_kv_text(w, texts[i].name, texts[i].text);
        }
    }
}

static void write_data(struct json_writer *w, const struct fact *fact)
{
    jw_key(w, "data");
    jw_object(w);
    write_texts(w, fact);
    if (fact->status > 0) {
        jw_kv_int(w, "status", fact->status);
    }
    for (size_t i = 0; i < FACT_IDS && fact->ids[i].name != NULL; i++) {
        jw_kv_int(w, fact->ids[i].name, fact->ids[i].value);
    }
    if (fact->kind == FACT_RUN_FINISHED) {
        artifact_links_write(w, str_from(artifacts_base), str_from(fact->subject));
    }
    if (fact->us > 0) {
        jw_key(w, "ms");
        jw_ms(w, (int64_t)fact->us);
    }
    jw_end(w);
}

void cloud_event_write(struct json_writer *w, const struct fact *fact)
{
    char id[48];
    char time_text[40];
    struct buf time;

    cloud_event_id(fact, id);
    buf_init_on(&time, time_text, sizeof(time_text), sizeof(time_text) - 1);
    clock_format(&time, fact->wall_ms);
    jw_object(w);
    jw_kv_text(w, "specversion", "1.0");
    jw_kv_text(w, "id", id);
    jw_kv_text(w, "source", "/virtuoso-proxy");
    jw_kv_text(w, "type", fact_type(fact->kind));
    jw_kv_str(w, "time", buf_view(&time));
    if (fact->subject[0] != '\0') {
        jw_kv_text(w, "subject", fact->subject);
    }
    jw_kv_text(w, "datacontenttype", "application/json");
    write_data(w, fact);
    jw_end(w);
    buf_done(&time);
}
