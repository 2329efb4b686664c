/* The snapshot file: one JSON object a line, then a line with the SHA-256 of all before it. Written
 * to a temporary file, synced and renamed, so that a crash leaves the old one or the new one. A
 * file that does not verify is set aside, never half believed. Blocking on purpose: 10,000 sessions
 * are 2 MB, written in a few milliseconds; the interval is the price. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/mem.h"
#include "data/json.h"
#include "observe/log.h"
#include "session_internal.h"

enum { SNAPSHOT_MAX = 256 * 1024 * 1024, LINE_MAX_BYTES = 256 * 1024, NAME_MAX_BYTES = 4096 };

static const char check_prefix[] = "sha256:";

static void write_record(struct buf *out, const struct session_record *record)
{
    struct json_writer w;
    char owner[65];

    digest_hex(&record->owner, owner);
    jw_init(&w, out);
    jw_object(&w);
    jw_kv_str(&w, "id", (struct str){record->id, SESSION_ID_LEN});
    jw_kv_text(&w, "owner", owner);
    jw_kv_int(&w, "checkpoint", record->checkpoint_id);
    jw_kv_int(&w, "position", record->position);
    jw_kv_int(&w, "steps", record->steps_added);
    jw_kv_int(&w, "created", record->created_ms);
    jw_kv_int(&w, "active", record->last_activity_ms);
    jw_kv_int(&w, "timeout", record->timeout_s);
    jw_kv_int(&w, "status", record->status);
    jw_kv_bool(&w, "current", record->is_current);
    if (record->texts != NULL) {
        jw_kv_text(&w, "name", record->texts->name);
        jw_kv_text(&w, "description", record->texts->description);
        jw_kv_text(&w, "metadata", record->texts->metadata);
    }
    jw_end(&w);
    buf_char(out, '\n');
}

static bool write_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        bytes = str_sub(bytes, (size_t)n, bytes.len);
    }
    return true;
}

static enum error_code write_file(const char *name, const char *temporary, struct str text,
                                  struct error *err)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok;

    if (fd < 0) {
        return error_set(err, ERR_IO, "cannot write %s: %s", temporary, strerror(errno));
    }
    ok = write_all(fd, text) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    if (!ok || rename(temporary, name) != 0) {
        (void)unlink(temporary);
        return error_set(err, ERR_IO, "cannot write %s: %s", name, strerror(errno));
    }
    return ERR_OK;
}

enum error_code session_store_save(struct session_store *store, struct error *err)
{
    struct buf text;
    struct buf temporary;
    struct digest digest;
    char hex[65];
    struct list *link;
    enum error_code code;

    if (store->snapshot_file == NULL) {
        return ERR_OK;
    }
    buf_init(&text, SNAPSHOT_MAX);
    LIST_FOREACH (link, &store->lru) {
        write_record(&text, CONTAINER_OF(link, struct session_record, lru));
    }
    digest_of(buf_view(&text), &digest);
    digest_hex(&digest, hex);
    buf_printf(&text, "%s%s\n", check_prefix, hex);
    buf_init(&temporary, NAME_MAX_BYTES);
    buf_printf(&temporary, "%s.new", store->snapshot_file);
    code = buf_ok(&text)
               ? write_file(store->snapshot_file, buf_cstr(&temporary), buf_view(&text), err)
               : error_set(err, ERR_TOO_BIG, "the snapshot of the sessions is larger than %d bytes",
                           SNAPSHOT_MAX);
    buf_done(&temporary);
    buf_done(&text);
    store->changed = store->changed && code != ERR_OK;
    return code;
}

/* --- reading
 * ----------------------------------------------------------------------------------------- */

static bool read_file(const char *name, struct buf *out)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t n = 1;

    if (fd < 0) {
        return false;
    }
    while (n > 0) {
        char *room = buf_reserve(out, 65536);

        if (room == NULL) {
            break;
        }
        n = read(fd, room, 65536);
        if (n > 0) {
            buf_grew(out, (size_t)n);
        }
    }
    (void)close(fd);
    return n == 0;
}

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
    for (at = text.len - 1; at > 0 && text.ptr[at - 1] != '\n'; at--) {
    }
    last = str_trim(str_sub(text, at, text.len));
    *out_records = str_sub(text, 0, at);
    if (!str_starts(last, str_from(check_prefix)) ||
        !digest_from_hex(str_sub(last, sizeof(check_prefix) - 1, last.len), &want)) {
        return false;
    }
    digest_of(*out_records, &have);
    return digest_equal(&want, &have);
}

static int64_t member(const struct json *object, const char *name)
{
    int64_t value = 0;

    (void)!json_to_i64(json_get(object, name), &value);
    return value;
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
    if (id.len != SESSION_ID_LEN || map_find(&store->records, id) != NULL ||
        !digest_from_hex(json_str(json_get(object, "owner")), &owner)) {
        return false;
    }
    record = mem_zalloc(sizeof(*record));
    mem_copy(record->id, id.ptr, SESSION_ID_LEN);
    record->owner = owner;
    record->checkpoint_id = member(object, "checkpoint");
    record->position = member(object, "position");
    record->steps_added = member(object, "steps");
    record->created_ms = member(object, "created");
    record->last_activity_ms = member(object, "active");
    record->timeout_s = (unsigned)member(object, "timeout");
    record->status = member(object, "status") == SESSION_PAUSED ? SESSION_PAUSED : SESSION_ACTIVE;
    record->is_current = json_true(json_get(object, "current"));
    texts[0] = json_str(json_get(object, "name"));
    texts[1] = json_str(json_get(object, "description"));
    texts[2] = json_str(json_get(object, "metadata"));
    texts_set(record, &texts[0], &texts[1], &texts[2]);
    if (record_expires_ms(store, record) <= clock_wall_ms() ||
        store->records.n_nodes >= store->options.max_active) {
        record_free(record);
        return true;
    }
    record_insert(store, record);
    return true;
}

static void set_aside(struct session_store *store)
{
    struct buf name;

    buf_init(&name, NAME_MAX_BYTES);
    buf_printf(&name, "%s.damaged-%lld", store->snapshot_file, (long long)clock_wall_ms());
    (void)rename(store->snapshot_file, buf_cstr(&name));
    log_event(LOG_ERROR, "sessions.snapshot_damaged", F_TEXT("file", store->snapshot_file),
              F_TEXT("moved_to", buf_cstr(&name)), F_TEXT("effect", "starting without sessions"));
    buf_done(&name);
}

/* A position read back may be behind the platform (steps made after the last snapshot): it is
 * forgotten, so that the next command reads the checkpoint's length again. */
static void forget_positions(struct session_store *store)
{
    struct list *link;

    LIST_FOREACH (link, &store->lru) {
        CONTAINER_OF(link, struct session_record, lru)->position = -1;
    }
}

void snapshot_load(struct session_store *store)
{
    struct buf text;
    struct str rest;
    struct str line;
    struct arena arena;
    bool ok;

    if (access(store->snapshot_file, F_OK) != 0) {
        return;
    }
    buf_init(&text, SNAPSHOT_MAX);
    arena_init(&arena);
    ok = read_file(store->snapshot_file, &text) && verify(buf_view(&text), &rest);
    while (ok && str_next(&rest, '\n', &line)) {
        ok = read_record(store, &arena, line);
        arena_reset(&arena);
    }
    forget_positions(store);
    if (ok) {
        log_event(LOG_INFO, "sessions.restored", F_INT("sessions", store->records.n_nodes));
    } else {
        set_aside(store);
    }
    arena_done(&arena);
    buf_done(&text);
}
