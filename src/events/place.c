#include "place.h"

#include "base/json_form.h"
#include "data/json.h"
#include "observe/log.h"

enum { FORMAT = 1, TEXT_MAX = 512 };

static void take(struct place *place, struct str text)
{
    struct arena arena;
    struct json *root = NULL;
    int64_t position;
    int64_t sequence;

    arena_init(&arena);
    if (json_parse(&arena, text, &json_of_ours, &root, NULL) == ERR_OK &&
        json_to_i64(json_get(root, "position"), &position) &&
        json_to_i64(json_get(root, "sequence"), &sequence)) {
        place->position = (uint64_t)position;
        place->sequence = (uint64_t)sequence;
        str_copy(place->writer, sizeof(place->writer), json_str(json_get(root, "writer")));
    } else {
        log_event(LOG_WARN, "events.place_unreadable", F_TEXT("document", place->key));
    }
    arena_done(&arena);
}

static void on_read(struct store_op *op, const struct store_result *result)
{
    struct place *place = CONTAINER_OF(op, struct place, op);
    bool is_there = result->error.code == ERR_OK;

    place->version = is_there ? result->version : 0;
    if (is_there) {
        take(place, result->bytes);
    }
    place->on_done(place, is_there || result->error.code == ERR_NOT_FOUND ? NULL : &result->error);
}

void place_read(struct place *place, struct journal *journal, const char *key,
                void (*on_done)(struct place *place, const struct error *error))
{
    const struct store_request request = {
        .kind = STORE_GET, .key = str_from(key), .format = FORMAT};

    *place = (struct place){.store = journal_store(journal), .key = key, .on_done = on_done};
    store_start(place->store, &request, &place->op, on_read);
}

static void on_saved(struct store_op *op, const struct store_result *result)
{
    struct place *place = CONTAINER_OF(op, struct place, op);

    if (result->error.code == ERR_OK) {
        place->version = result->version;
    } else {
        place->position = 0; /* so that it is saved again */
    }
    place->on_done(place, result->error.code == ERR_OK ? NULL : &result->error);
}

bool place_save(struct place *place, const struct place_told *told,
                void (*on_done)(struct place *place, const struct error *error))
{
    struct store_request request = {.kind = STORE_PUT,
                                    .key = str_from(place->key),
                                    .format = FORMAT,
                                    .expect = place->version > 0 ? STORE_VERSION : STORE_ABSENT,
                                    .version = place->version};
    struct json_writer w;
    struct buf text;

    if (told->position == place->position) {
        return false;
    }
    place->position = told->position;
    place->on_done = on_done;
    buf_init(&text, TEXT_MAX);
    jw_init(&w, &text);
    jw_form(&w, "{position:%i, sequence:%i, writer:%s}", told->position, told->sequence,
            told->writer);
    request.bytes = buf_view(&text);
    store_start(place->store, &request, &place->op, on_saved);
    buf_done(&text);
    return true;
}

bool place_is_busy(const struct place *place)
{
    return store_is_running(&place->op);
}

void place_cancel(struct place *place)
{
    store_cancel(&place->op);
}

void place_open_feed(const struct place *place, struct feed *feed, struct journal *journal,
                     void (*on_news)(struct feed *feed))
{
    uint64_t position = place->version > 0 ? place->position : journal_first(journal);

    if (position > 0) {
        feed_open_at(feed, journal, position, on_news);
    } else {
        feed_open(feed, journal_loop(journal), journal, on_news);
    }
}
