#include "events/events.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "data/artifact.h"
#include "pack.h"

enum {
    BASE_MAX = 1024,
    ORIGIN_DIGITS = 16,
    ID_MAX = 48,
    TEXTS_MAX = 8,
    LONGEST_TEXT = 200,
    FRAME_MAX = 1024,
    LINKS_MAX = CLOUD_EVENT_MAX - FRAME_MAX - TEXTS_MAX * LONGEST_TEXT * PEN_ESCAPED - PEN_SLACK
};

static char artifacts_base[BASE_MAX];

void cloud_events_link(struct str artifacts)
{
    str_copy(artifacts_base, sizeof(artifacts_base), artifacts);
}

static void write_origin(uint64_t origin, char out[ORIGIN_DIGITS])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = ORIGIN_DIGITS; i-- > 0; origin >>= 4) {
        out[i] = digits[origin & 15U];
    }
}

/* 16 hexadecimal digits, '-' and a number. */
static struct str write_id(const struct fact *fact, char out[ID_MAX])
{
    static char ours[ORIGIN_DIGITS];
    bool is_ours = fact->origin == 0;
    UNINITIALISED char digits[DIGITS_MAX];
    struct str number = str_of_int((int64_t)(is_ours ? fact->number : fact->origin_number), digits);

    if (is_ours && ours[0] == '\0') {
        write_origin(pack_origin(), ours);
    }
    if (is_ours) {
        mem_copy(out, ours, ORIGIN_DIGITS);
    } else {
        write_origin(fact->origin, out);
    }
    out[ORIGIN_DIGITS] = '-';
    mem_copy(out + ORIGIN_DIGITS + 1, number.ptr, number.len);
    return (struct str){out, ORIGIN_DIGITS + 1 + number.len};
}

void cloud_event_id(const struct fact *fact, char out[48])
{
    out[write_id(fact, out).len] = '\0';
}

void cloud_event_put_id(struct json_pen *pen, const struct fact *fact)
{
    pen->at += write_id(fact, pen->at).len;
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

void cloud_event_put_text(struct json_pen *pen, struct str head, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        pen_bytes(pen, head.ptr, head.len);
        pen_text(pen, utf8_clip(str_from(text), LONGEST_TEXT));
        PEN(pen, "\"");
    }
}

/* The member with links to the reports of a run that has ended; empty: there is none. */
static struct str links_of(const struct fact *fact, struct buf *room)
{
    struct json_writer w;
    struct str object;

    if (fact->kind != FACT_RUN_FINISHED || artifacts_base[0] == '\0') {
        return STR_EMPTY;
    }
    jw_init(&w, room);
    jw_object(&w);
    artifact_links_write(&w, str_from(artifacts_base), str_from(fact->subject));
    jw_end(&w);
    object = buf_view(room);
    return buf_ok(room) ? str_sub(object, 1, object.len - 2) : STR_EMPTY;
}

static void put_data(struct json_pen *pen, const struct fact *fact, struct str links)
{
    PEN(pen, ",\"data\":{\"outcome\":\"");
    pen_text(pen, utf8_clip(str_from(fact->outcome), LONGEST_TEXT));
    PEN(pen, "\"");
    cloud_event_put_text(pen, STR(",\"method\":\""), fact->method);
    cloud_event_put_text(pen, STR(",\"action\":\""), fact->action);
    cloud_event_put_text(pen, STR(",\"principal\":\""), fact->principal);
    cloud_event_put_text(pen, STR(",\"peer\":\""), fact->peer);
    cloud_event_put_text(pen, STR(",\"request_id\":\""), fact->request_id);
    cloud_event_put_text(pen, STR(",\"name\":\""), fact->name);
    if (fact->status > 0) {
        PEN(pen, ",\"status\":");
        pen_int(pen, fact->status);
    }
    for (size_t i = 0; i < FACT_IDS && fact->ids[i].name != NULL; i++) {
        PEN(pen, ",\"");
        pen_text(pen, utf8_clip(str_from(fact->ids[i].name), LONGEST_TEXT / FACT_IDS));
        PEN(pen, "\":");
        pen_int(pen, fact->ids[i].value);
    }
    if (links.len > 0) {
        PEN(pen, ",");
        pen_bytes(pen, links.ptr, links.len);
    }
    if (fact->us > 0) {
        PEN(pen, ",\"ms\":");
        pen_ms(pen, (int64_t)fact->us);
    }
    PEN(pen, "}");
}

void cloud_event_put(struct buf *out, const struct fact *fact)
{
    struct json_pen pen;
    struct str links;
    struct buf room;

    buf_init(&room, LINKS_MAX);
    links = links_of(fact, &room);
    if (!pen_begin(&pen, out, FRAME_MAX + TEXTS_MAX * LONGEST_TEXT * PEN_ESCAPED + links.len)) {
        buf_done(&room);
        return;
    }
    PEN(&pen, "{\"specversion\":\"1.0\",\"id\":\"");
    cloud_event_put_id(&pen, fact);
    PEN(&pen, "\",\"source\":\"/virtuoso-proxy\",\"type\":\"");
    pen_text(&pen, str_from(fact_type(fact->kind)));
    PEN(&pen, "\",\"time\":\"");
    pen_time(&pen, fact->wall_ms);
    PEN(&pen, "\"");
    cloud_event_put_text(&pen, STR(",\"subject\":\""), fact->subject);
    PEN(&pen, ",\"datacontenttype\":\"application/json\"");
    put_data(&pen, fact, links);
    PEN(&pen, "}");
    pen_end(&pen);
    buf_done(&room);
}

void cloud_event_write(struct json_writer *w, const struct fact *fact)
{
    struct buf text;

    buf_init(&text, CLOUD_EVENT_MAX);
    cloud_event_put(&text, fact);
    jw_raw(w, buf_view(&text));
    buf_done(&text);
}
