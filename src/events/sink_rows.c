/* Rows: an event as it is elsewhere (cloud.c), and with one column for each of its members. */
#include "base/clock.h"
#include "events/events.h"
#include "sink_internal.h"

void sink_row_event(struct buf *out, const struct fact *fact)
{
    cloud_event_put(out, fact);
}

/* {"insertId": the event's, "json": its columns}: what stands empty is left out, and is NULL in the table. */
void sink_row_table(struct buf *out, const struct fact *fact)
{
    const struct {
        const char *name;
        const char *text;
    } texts[] = {
        {"subject", fact->subject},     {"outcome", fact->outcome},
        {"action", fact->action},       {"method", fact->method},
        {"principal", fact->principal}, {"request_id", fact->request_id},
        {"name", fact->name},
    };
    struct json_writer w;
    char id[48];
    char room[40];
    struct buf time;

    cloud_event_id(fact, id);
    buf_init_on(&time, room, sizeof(room), sizeof(room) - 1);
    clock_format(&time, fact->wall_ms);
    jw_init(&w, out);
    jw_object(&w);
    jw_kv_text(&w, "insertId", id);
    jw_key(&w, "json");
    jw_object(&w);
    jw_kv_text(&w, "id", id);
    jw_kv_text(&w, "type", fact_type(fact->kind));
    jw_kv_str(&w, "time", buf_view(&time));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].text != NULL && texts[i].text[0] != '\0') {
            jw_kv_text(&w, texts[i].name, texts[i].text);
        }
    }
    if (fact->status > 0) {
        jw_kv_int(&w, "status", fact->status);
    }
    for (size_t i = 0; i < FACT_IDS && fact->ids[i].name != NULL; i++) {
        jw_kv_int(&w, fact->ids[i].name, fact->ids[i].value);
    }
    if (fact->us > 0) {
        jw_key(&w, "ms");
        jw_ms(&w, (int64_t)fact->us);
    }
    jw_end(&w);
    jw_end(&w);
    buf_done(&time);
}
