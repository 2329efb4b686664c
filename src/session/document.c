/* A session as a document. Members that this version does not know are kept as they are: during a
 * rollout an older process must not take away what a newer one has written. */
#include "base/json_form.h"
#include "base/mem.h"
#include "data/json.h"
#include "share.h"

static const struct session_texts no_texts;

void document_write(const struct session_record *record, const char *write_id, struct buf *out)
{
    const struct session_texts *texts = record->texts != NULL ? record->texts : &no_texts;
    struct json_writer w;

    jw_init(&w, out);
    jw_form(&w,
            "{write:%s, name:%s, description:%s, metadata:%s, checkpoint_id:%i, "
            "journey_id:%i, position:%i, is_set:%b, steps_added:%i, created_ms:%i",
            write_id, str_from(record->name), str_from(texts->description),
            str_from(texts->metadata), record->checkpoint_id, record->journey_id, record->position,
            record->is_set, record->steps_added, record->created_ms);
    jw_form(&w, "last_activity_ms:%i, timeout_s:%i, place_version:%i, is_paused:%b",
            record->last_activity_ms, record->timeout_s, record->version,
            record->status == SESSION_PAUSED);
    if (texts->more != NULL) {
        buf_char(out, ',');
        buf_text(out, texts->more);
    }
    jw_end(&w);
}

struct number {
    const char *name;
    int64_t *value;
    int64_t min;
    int64_t max;
};

static bool read_numbers(const struct json *document, const struct number *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!json_to_i64(json_get(document, numbers[i].name), numbers[i].value) ||
            *numbers[i].value < numbers[i].min || *numbers[i].value > numbers[i].max) {
            return false;
        }
    }
    return true;
}

static bool is_known(struct str name)
{
    static const char *const names[] = {
        "write",         "name",     "description", "metadata",   "checkpoint_id",    "journey_id",
        "position",      "is_set",   "steps_added", "created_ms", "last_activity_ms", "timeout_s",
        "place_version", "is_paused"};

    return str_in(name, names, ARRAY_LEN(names));
}

static void read_texts(const struct json *document, struct session_record *out)
{
    struct str name = json_str(json_get(document, "name"));
    struct str description = json_str(json_get(document, "description"));
    struct str metadata = json_str(json_get(document, "metadata"));
    const struct json *member;
    struct buf more;

    buf_init(&more, STORE_BYTES_MAX);
    JSON_FOREACH (member, document) {
        if (!is_known(json_name(member))) {
            buf_text(&more, more.len > 0 ? ",\"" : "\"");
            json_escape(&more, json_name(member));
            buf_text(&more, "\":");
            json_print(&more, member);
        }
    }
    texts_set(out, &name, &description, &metadata);
    if (more.len > 0) {
        if (out->texts == NULL) {
            out->texts = mem_zalloc(sizeof(*out->texts));
        }
        out->texts->more = str_dup(buf_view(&more));
    }
    buf_done(&more);
}

bool document_read(struct str bytes, struct session_record *out, char write_id[WRITE_ID_LEN + 1])
{
    struct arena arena;
    struct json *document = NULL;
    struct error ignored = {0};
    int64_t timeout_s = 0;
    int64_t place = 0;
    const struct number numbers[] = {
        {"checkpoint_id", &out->checkpoint_id, 0, INT64_MAX},
        {"journey_id", &out->journey_id, 0, INT64_MAX},
        {"position", &out->position, -1, INT64_MAX},
        {"steps_added", &out->steps_added, 0, INT64_MAX},
        {"created_ms", &out->created_ms, 0, INT64_MAX},
        {"last_activity_ms", &out->last_activity_ms, 0, INT64_MAX},
        {"timeout_s", &timeout_s, 1, SESSION_TIMEOUT_MAX_S},
        {"place_version", &place, 0, UINT32_MAX},
    };
    bool good;

    arena_init(&arena);
    good = json_parse(&arena, bytes, &json_of_ours, &document, &ignored) == ERR_OK &&
           json_type(document) == JSON_OBJECT &&
           read_numbers(document, numbers, ARRAY_LEN(numbers));
    if (good) {
        out->timeout_s = (unsigned)timeout_s;
        out->version = (unsigned)place;
        out->is_set = json_true(json_get(document, "is_set"));
        out->status =
            (uint8_t)(json_true(json_get(document, "is_paused")) ? SESSION_PAUSED : SESSION_ACTIVE);
        str_copy(write_id, WRITE_ID_LEN + 1, json_str(json_get(document, "write")));
        read_texts(document, out);
    }
    arena_done(&arena);
    return good;
}
