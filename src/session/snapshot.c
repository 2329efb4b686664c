/* Reading the snapshot file at start: one JSON object a line, then a line with the SHA-256 of all
 * before it. A file that does not verify is set aside, never half believed. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "data/json.h"
#include "observe/log.h"
#include "session_internal.h"

enum { LINE_MAX_BYTES = 256 * 1024, NAME_MAX_BYTES = 4096 };

/* Splits off the checksum line; false when it is missing or wrong. */
static bool verify(struct str text, struct str *out_records)
{
    struct str last;
    struct digest want;
    struct digest have;
    size_t at;

    if (!str_ends(text, STR("\n"))) {
        return false;
    }
    at = str_behind_last(str_sub(text, 0, text.len - 1), '\n');
    last = str_trim(str_sub(text, at, text.len));
    *out_records = str_sub(text, 0, at);
    if (!str_starts(last, STR(SNAPSHOT_CHECK)) ||
        !digest_from_hex(str_sub(last, sizeof(SNAPSHOT_CHECK) - 1, last.len), &want)) {
        return false;
    }
    digest_of(*out_records, &have);
    return digest_equal(&want, &have);
}

/* A wall time as clock_age_ms; a time in the future counts as now. */
static int64_t age_of(int64_t wall_ms)
{
    int64_t gone_ms = clock_wall_ms() - wall_ms;

    return (int64_t)clock_age_ms() - (gone_ms > 0 ? gone_ms : 0);
}

static bool read_record(struct session_store *store, struct arena *arena, struct str line)
{
    struct error err = {0};
    struct json *object;
    struct session_record *record;
    struct str id;
    struct digest owner;
    struct str texts[3];

    if (line.len > LINE_MAX_BYTES || json_parse(arena, line, NULL, &object, &err) != ERR_OK) {
        return false;
    }
    id = json_str(json_get(object, "id"));
    if (id.len != SESSION_ID_LEN || map_find(&store->records.map, id) != NULL ||
        !digest_from_hex(json_str(json_get(object, "owner")), &owner)) {
        return false;
    }
    record = mem_zalloc(sizeof(*record));
    mem_copy(record->id, id.ptr, SESSION_ID_LEN);
    record->owner = owner;
    record->checkpoint_id = json_get_int(object, "checkpoint", 0);
    record->journey_id = json_get_int(object, "journey", 0);
    record->position = json_get_int(object, "position", 0);
    record->steps_added = json_get_int(object, "steps", 0);
    record->created_ms = json_get_int(object, "created", 0);
    record->last_activity_ms = json_get_int(object, "active", 0);
    record->born_ms = age_of(record->created_ms);
    record->used_ms = age_of(record->last_activity_ms);
    record->timeout_s = (unsigned)json_get_int(object, "timeout", 0);
    record->status =
        json_get_int(object, "status", 0) == SESSION_PAUSED ? SESSION_PAUSED : SESSION_ACTIVE;
    record->is_current = json_true(json_get(object, "current"));
    texts[0] = json_str(json_get(object, "name"));
    texts[1] = json_str(json_get(object, "description"));
    texts[2] = json_str(json_get(object, "metadata"));
    texts_set(record, &texts[0], &texts[1], &texts[2]);
    if (record_expires_ms(store, record) <= (int64_t)clock_age_ms() ||
        lru_size(&store->records) >= store->options.max_active) {
        record_free(record);
        return true;
    }
    record_insert(store, record);
    return true;
}

/* A position read back may be behind the platform (steps made after the last snapshot): it is
 * forgotten, so that the next command reads the checkpoint's length again. */
static void forget_positions(struct session_store *store)
{
    struct session_record *record;

    LIST_EACH (record, &store->records.order, lru.link) {
        record->position = -1;
    }
}

enum error_code snapshot_load(struct session_store *store, struct error *err)
{
    struct buf text;
    struct str rest;
    struct str line;
    struct error cause = {0};
    struct arena arena;
    bool ok;

    if (access(store->snapshot_file, F_OK) != 0) {
        return ERR_OK;
    }
    buf_init(&text, SNAPSHOT_MAX);
    if (fd_read_file(store->snapshot_file, &text, &cause) != ERR_OK) { /* must not be overwritten */
        buf_done(&text);
        return error_set(err, ERR_CONFIG, "cannot read %s: %s", store->snapshot_file, cause.text);
    }
    arena_init(&arena);
    ok = verify(buf_view(&text), &rest);
    while (ok && str_next(&rest, '\n', &line)) {
        ok = read_record(store, &arena, line);
        arena_reset(&arena);
    }
    forget_positions(store);
    if (ok) {
        log_event(LOG_INFO, "sessions.restored", F_INT("sessions", lru_size(&store->records)));
    } else {
        struct buf name;

        buf_init(&name, NAME_MAX_BYTES);
        buf_printf(&name, "%s.damaged-%lld", store->snapshot_file, (long long)clock_wall_ms());
        (void)rename(store->snapshot_file, buf_cstr(&name));
        log_event(LOG_ERROR, "sessions.snapshot_damaged", F_TEXT("file", store->snapshot_file),
                  F_TEXT("moved_to", buf_cstr(&name)),
                  F_TEXT("effect", "starting without sessions"));
        buf_done(&name);
    }
    arena_done(&arena);
    buf_done(&text);
    return ERR_OK;
}
