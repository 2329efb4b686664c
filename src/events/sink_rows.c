/* A row with one column for each member of an event. */
#include "base/json_form.h"
#include "events/events.h"
#include "sink_internal.h"

/* Writes {"insertId": id of the event, "json": its columns}. An empty column is left out: it is NULL in the table. */
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

    cloud_event_id(fact, id);
    jw_init(&w, out);
    jw_form(&w, "{insertId:%s, json:{id:%s, type:%s", id, id, fact_type(fact->kind));
    jw_kv_time(&w, "time", fact->wall_ms);
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
    jw_shape(&w, "}}");
}
