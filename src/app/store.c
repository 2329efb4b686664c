/* store: what processes share, as documents and entries of streams in a file of JSON lines, and back. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/fd.h"
#include "base/json_form.h"
#include "base/utf8.h"
#include "data/json.h"
#include "store_client.h"
#include "subcommands.h"

enum {
    FILE_FORMAT = 2, /* 1: without streams */
    FILE_MODE = 0600,
    PAGE = 50,
    ENTRIES = 10,                         /* of a stream at once: each may have a mebibyte */
    LINE_MAX_BYTES = 7 * STORE_BYTES_MAX, /* six characters may stand for one byte */
    CHUNK = 64 * 1024,
    FORMAT_ANY = 1000000000
};

/* --- what it says about itself */
/* The value of "name:value"; empty: it does not say. */
static struct str about(const struct store_client *client, const char *name)
{
    struct str rest = client->result.bytes;
    struct str line;
    struct str key;
    struct str value;

    while (str_next(&rest, '\n', &line)) {
        if (str_cut(str_trim(line), ':', &key, &value) && str_is(key, name)) {
            return value;
        }
    }
    return STR_EMPTY;
}

static bool say(const char *what, const struct error *error)
{
    (void)fprintf(stderr, "store: %s%s%s\n", what, what[0] != '\0' ? ": " : "", error->text);
    return false;
}

/* True: the store takes changes, and keeps what it has taken. */
static bool try_store(struct store_client *client, bool quiet)
{
    const struct store_request tell = {.kind = STORE_ABOUT};
    const struct store_request put = {
        .kind = STORE_PUT, .key = STR("probe"), .bytes = STR("x"), .format = 1, .ttl_ms = 1000};
    struct str policy;

    if (store_client_run(client, &put) != ERR_OK || store_client_run(client, &tell) != ERR_OK) {
        return say("", &client->result.error);
    }
    policy = about(client, "maxmemory_policy");
    if (policy.len > 0 && !str_is(policy, "noeviction")) {
        (void)fprintf(stderr,
                      "store: Redis drops keys when its memory is full (maxmemory-policy %.*s), "
                      "leases and sessions among them; set it to noeviction\n",
                      STR_ARG(policy));
        return false;
    }
    if (!quiet) {
        struct str backend = about(client, "backend");

        (void)printf("store: %s%.*s answers, takes changes, and drops nothing%s%s\n",
                     backend.len > 0 ? "" : "Redis ",
                     STR_ARG(backend.len > 0 ? backend : about(client, "redis_version")),
                     policy.len == 0 ? " as far as it says" : "",
                     str_is(about(client, "limits"), "local")
                         ? "; each process counts limits (limits.per_key) alone there"
                         : "");
    }
    return true;
}

bool check_store(const struct config *config, bool quiet)
{
    struct store_client client;
    struct error error = {0};
    bool good;

    if (store_client_open(&client, config, &error) != ERR_OK) {
        good = say("", &error);
    } else if (client.store == NULL) {
        good = quiet || printf("store: in memory, there is nothing to connect to\n") > 0;
    } else {
        good = try_store(&client, quiet);
    }
    store_client_close(&client);
    return good;
}

/* --- walking */
typedef bool (*each_fn)(struct store_client *client, const struct store_item *item, void *context);

static bool walk(struct store_client *client, bool streams, each_fn each, void *context)
{
    struct arena page;
    struct str next = STR_EMPTY;
    bool good = true;

    arena_init(&page);
    do {
        struct store_request request = {
            .kind = STORE_WALK, .streams = streams, .name = next, .limit = PAGE};
        struct store_item *items;
        size_t n;

        good = store_client_run(client, &request) == ERR_OK || say("", &client->result.error);
        arena_reset(&page);
        n = good ? client->result.n_items : 0;
        next = good ? arena_str(&page, client->result.next) : STR_EMPTY;
        items = arena_calloc(&page, n + 1, sizeof(*items));
        for (size_t i = 0; i < n; i++) { /* the next operation replaces client->result */
            items[i] = client->result.items[i];
            items[i].name = arena_str(&page, items[i].name);
        }
        for (size_t i = 0; i < n && good; i++) {
            good = each(client, &items[i], context);
        }
    } while (good && next.len > 0);
    arena_done(&page);
    return good;
}

/* --- stat */
static const struct {
    const char *prefix;
    const char *name;
} families[] = {
    {"sessions:", "sessions"},
    {"current:", "owners with a current session"},
    {"idempotency:", "requests with an Idempotency-Key"},
    {"", "others"},
};

struct counts {
    size_t n[ARRAY_LEN(families)];
    size_t n_streams;
};

static bool count(struct store_client *client, const struct store_item *item, void *context)
{
    struct counts *counts = context;
    size_t i = 0;

    (void)client;
    while (!str_starts(item->name, str_from(families[i].prefix))) {
        i++;
    }
    counts->n[i]++;
    return true;
}

static bool count_stream(struct store_client *client, const struct store_item *item, void *context)
{
    (void)client;
    (void)item;
    ((struct counts *)context)->n_streams++;
    return true;
}

static bool stat_store(struct store_client *client, const char *file, bool replace)
{
    const struct store_request tell = {.kind = STORE_ABOUT};
    struct counts counts = {0};

    (void)file;
    (void)replace;
    if (store_client_run(client, &tell) != ERR_OK) {
        return say("", &client->result.error);
    }
    (void)printf("Redis %.*s, %.*s bytes of memory used, at most %.*s (0: no limit), policy %.*s\n",
                 STR_ARG(about(client, "redis_version")), STR_ARG(about(client, "used_memory")),
                 STR_ARG(about(client, "maxmemory")), STR_ARG(about(client, "maxmemory_policy")));
    if (!walk(client, false, count, &counts) || !walk(client, true, count_stream, &counts)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        (void)printf("%8zu %s\n", counts.n[i], families[i].name);
    }
    (void)printf("%8zu streams\n", counts.n_streams);
    return true;
}

/* --- export */
struct export
{
    int fd;
    const char *file;
    size_t n;
    size_t n_entries;
};

static void write_bytes(struct json_writer *w, struct str bytes)
{
    struct buf text;

    if (utf8_valid(bytes) && str_find_char(bytes, '\0') < 0) { /* our JSON has no NUL */
        jw_kv_str(w, "text", bytes);
        return;
    }
    buf_init(&text, LINE_MAX_BYTES);
    base64url_encode(&text, bytes);
    jw_kv_str(w, "base64url", buf_view(&text));
    buf_done(&text);
}

static bool cannot(const char *what, const char *file)
{
    (void)fprintf(stderr, "store: cannot %s %s: %s\n", what, file, strerror(errno));
    return false;
}

/* {"key": ..., "format": ..., "left_ms": ..., "text": ...}; an entry has "stream" and "sequence" instead of the key. */
static bool write_line(const struct export *export, struct str key, const struct store_item *entry,
                       struct str bytes)
{
    struct json_writer w;
    struct buf line;
    bool good;

    buf_init(&line, LINE_MAX_BYTES);
    jw_init(&w, &line);
    jw_form(&w, entry->sequence > 0 ? "{stream:%s" : "{key:%s", key);
    if (entry->sequence > 0) {
        jw_form(&w, "sequence:%i", (int64_t)entry->sequence);
    }
    jw_form(&w, "format:%i, left_ms:%i", (int64_t)entry->format, (int64_t)entry->left_ms);
    write_bytes(&w, bytes);
    jw_end(&w);
    buf_char(&line, '\n');
    good = buf_ok(&line);
    errno = EFBIG;
    good = good && fd_write_all(export->fd, buf_view(&line));
    buf_done(&line);
    return good || cannot("write", export->file);
}

static bool export_one(struct store_client *client, const struct store_item *item, void *context)
{
    struct export *export = context;
    const struct store_request request = {
        .kind = STORE_GET, .key = item->name, .format = FORMAT_ANY};
    enum error_code code = store_client_run(client, &request);
    const struct store_item as = {.format = item->format, .left_ms = client->result.left_ms};

    if (code == ERR_NOT_FOUND) { /* it has expired meanwhile */
        return true;
    }
    if (code != ERR_OK) {
        return say("", &client->result.error);
    }
    export->n++;
    return write_line(export, item->name, &as, client->result.bytes);
}

/* Entries keep the numbers that their readers know. */
static bool export_stream(struct store_client *client, const struct store_item *item, void *context)
{
    struct export *export = context;
    struct store_request request = {
        .kind = STORE_READ, .key = item->name, .format = FORMAT_ANY, .limit = ENTRIES};

    do {
        if (store_client_run(client, &request) != ERR_OK) {
            return say("", &client->result.error);
        }
        for (size_t i = 0; i < client->result.n_items; i++) {
            const struct store_item *entry = &client->result.items[i];

            if (!write_line(export, item->name, entry, entry->bytes)) {
                return false;
            }
            request.after = entry->sequence;
            export->n_entries++;
        }
    } while (client->result.n_items > 0);
    return true;
}

/* A file that is there is not written over. */
static bool export_store(struct store_client *client, const char *file, bool replace)
{
    static const char head[] = "{\"virtuoso_proxy_store\":2}\n";
    struct export export = {.fd = fd_create(file, O_WRONLY | O_CREAT | O_EXCL, FILE_MODE),
                            .file = file};
    bool good;

    (void)replace;
    if (export.fd < 0) {
        return cannot("make", file);
    }
    /* Documents first: how far a consumer came is never behind the end of its stream. */
    good = (fd_write_all(export.fd, str_from(head)) || cannot("write", file)) &&
           walk(client, false, export_one, &export) && walk(client, true, export_stream, &export);
    if (good && fsync(export.fd) != 0) {
        good = cannot("write", file);
    }
    (void)close(export.fd);
    if (!good) {
        (void)remove(file);
        (void)fprintf(stderr, "store: nothing was exported\n");
        return false;
    }
    (void)printf("%zu documents and %zu entries of streams written to %s; they hold what callers "
                 "sent: keep it as you keep the store\n",
                 export.n, export.n_entries, file);
    return true;
}

/* --- import */
struct import {
    struct store_client *client;
    const char *name;
    size_t n_line;
    size_t n_new;
    size_t n_there;
    bool replace;
};

static bool bad_line(const struct import *import, const char *what)
{
    (void)fprintf(stderr, "store: %s, line %zu: %s\n", import->name, import->n_line, what);
    return false;
}

static bool read_head(const struct import *import, const struct json *head)
{
    int64_t format = 0;

    if (!json_to_i64(json_get(head, "virtuoso_proxy_store"), &format) || format < 1) {
        return bad_line(import, "this is not a file of \"store export\"");
    }
    return format <= FILE_FORMAT ||
           bad_line(import, "a newer version of this program has written this file");
}

static bool import_one(struct import *import, struct arena *arena, const struct json *line)
{
    struct store_request request = {.kind = STORE_PUT,
                                    .key = json_str(json_get(line, "key")),
                                    .expect = import->replace ? STORE_ANY : STORE_ABSENT,
                                    .limit = STORE_STREAM_MAX};
    const struct json *stream = json_get(line, "stream");
    int64_t sequence = 0;
    struct str coded = json_str(json_get(line, "base64url"));
    int64_t format = 0;
    int64_t left_ms = 0;
    enum error_code code;

    if (stream != NULL) {
        request.kind = STORE_APPEND;
        request.key = json_str(stream);
    }
    request.bytes = json_str(json_get(line, "text"));
    if ((stream != NULL && (!json_to_i64(json_get(line, "sequence"), &sequence) || sequence < 1)) ||
        !json_to_i64(json_get(line, "format"), &format) || format < 1 || format > FORMAT_ANY ||
        !json_to_i64(json_get(line, "left_ms"), &left_ms) || left_ms < 0 ||
        (coded.len > 0 && !base64url_decode(arena, coded, &request.bytes))) {
        return bad_line(import, stream != NULL ? "this is not an entry of \"store export\""
                                               : "this is not a document of \"store export\"");
    }
    request.sequence = (uint64_t)sequence;
    request.format = (unsigned)format;
    request.ttl_ms = (uint64_t)left_ms;
    code = store_client_run(import->client, &request);
    if (code == ERR_INVALID || code == ERR_TOO_BIG) {
        return bad_line(import, import->client->result.error.text);
    }
    import->n_new += code == ERR_OK;
    import->n_there += code == ERR_CONFLICT;
    return code == ERR_OK || code == ERR_CONFLICT || say("", &import->client->result.error);
}

static bool import_line(struct import *import, struct str text)
{
    struct arena arena;
    struct json *line = NULL;
    struct error error = {0};
    bool good;

    arena_init(&arena);
    import->n_line++;
    if (json_parse(&arena, text, &json_of_ours, &line, &error) != ERR_OK) {
        good = bad_line(import, error.text);
    } else {
        good = import->n_line == 1 ? read_head(import, line) : import_one(import, &arena, line);
    }
    arena_done(&arena);
    return good;
}

/* Whole lines; the last one may have no line feed. */
static bool import_text(struct import *import, struct buf *text, bool is_end)
{
    ptrdiff_t end;
    bool good = buf_ok(text) || bad_line(import, "the next line is longer than any document");

    while (good && (end = str_find_char(buf_view(text), '\n')) >= 0) {
        good = import_line(import, str_sub(buf_view(text), 0, (size_t)end));
        buf_consume(text, (size_t)end + 1);
    }
    return good && is_end && text->len > 0 ? import_line(import, buf_view(text)) : good;
}

static bool import_file(struct import *import, int fd)
{
    static char chunk[CHUNK];
    struct buf text;
    ssize_t n = 0;
    bool good = true;

    buf_init(&text, LINE_MAX_BYTES + CHUNK);
    while (good && (n = read(fd, chunk, sizeof(chunk))) > 0) {
        buf_append(&text, chunk, (size_t)n);
        good = import_text(import, &text, false);
    }
    good = good && (n == 0 ? import_text(import, &text, true) : cannot("read", import->name));
    buf_done(&text);
    return good;
}

static bool import_store(struct store_client *client, const char *file, bool replace)
{
    struct import import = {.client = client, .name = file, .replace = replace};
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    bool good;

    if (fd < 0) {
        return cannot("read", file);
    }
    good = import_file(&import, fd);
    (void)close(fd);
    if (good && import.n_line == 0) {
        good = bad_line(&import, "this is not a file of \"store export\"");
    }
    (void)printf("%zu documents and entries brought back, %zu were there and stayed as they were\n",
                 import.n_new, import.n_there);
    return good;
}

/* --- the subcommand */
static const struct {
    const char *name;
    bool needs_file;
    bool (*run)(struct store_client *client, const char *file, bool replace);
} acts[] = {
    {"stat", false, stat_store}, {"export", true, export_store}, {"import", true, import_store}};

static int usage(void)
{
    (void)fprintf(stderr, "virtuoso-proxy store: say stat, export FILE or import FILE\n");
    return EXIT_FAILURE;
}

static int run_act(size_t act, struct arguments *arguments)
{
    struct config *config = load_config(arguments_get(arguments, "config"), arguments);
    struct store_client client;
    struct error error = {0};
    bool good = false;

    if (config == NULL) {
        return EXIT_FAILURE;
    }
    if (store_client_open(&client, config, &error) != ERR_OK) {
        (void)say("", &error);
    } else if (client.store == NULL) {
        (void)fprintf(stderr, "store: store.url is memory:, which lives in the running process\n");
    } else {
        good = acts[act].run(&client, acts[act].needs_file ? arguments->operands[1] : NULL,
                             arguments_get(arguments, "replace") != NULL);
    }
    store_client_close(&client);
    config_release(config);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_store(struct arguments *arguments)
{
    size_t n = arguments->n_operands;

    for (size_t i = 0; n > 0 && i < ARRAY_LEN(acts); i++) {
        if (strcmp(arguments->operands[0], acts[i].name) == 0) {
            return n == (acts[i].needs_file ? 2U : 1U) ? run_act(i, arguments) : usage();
        }
    }
    return usage();
}
