/* The last requests, for GET /__sandbox/requests. Recording is one allocation and one copy; the
 * JSON is made only when it is asked for. */
#include "sandbox_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

/* The texts follow the headers in the same allocation. */
struct record {
    struct list link;
    int64_t at_ms;
    size_t size; /* of the allocation */
    struct str method;
    struct str path;
    struct str query;
    struct str body;
    int status;
    size_t n_headers;
    struct http_header headers[];
};

void recorder_init(struct recorder *recorder)
{
    *recorder = (struct recorder){0};
    list_init(&recorder->records);
}

static void drop_oldest(struct recorder *recorder)
{
    struct list *first = list_take_first(&recorder->records);

    CHECK(first != NULL); /* n counts them */

    struct record *record = CONTAINER_OF(first, struct record, link);

    recorder->n--;
    recorder->bytes -= record->size;
    mem_free(record);
}

void recorder_done(struct recorder *recorder)
{
    while (recorder->n > 0) {
        drop_oldest(recorder);
    }
}

static size_t request_size(const struct sandbox_request *request)
{
    size_t size = sizeof(struct record) + request->n_headers * sizeof(struct http_header) +
                  request->method.len + request->path.len + request->query.len + request->body.len;

    for (size_t i = 0; i < request->n_headers; i++) {
        size += request->headers[i].name.len + request->headers[i].value.len;
    }
    return size; /* cannot overflow: all of it is in memory already */
}

/* Copies `text` to *at, and moves *at to the end of the copy. */
static struct str put(char **at, struct str text)
{
    struct str copy = {*at, text.len};

    mem_copy(*at, text.ptr, text.len);
    *at += text.len;
    return copy;
}

void recorder_add(struct sandbox_state *state, const struct sandbox_request *request, int status)
{
    struct recorder *recorder = &state->recorder;
    size_t size = request_size(request);
    struct record *record;
    char *at;

    recorder->n_seen++;
    if (!state->options.record_requests || state->options.max_requests_kept == 0 ||
        size > state->options.max_request_bytes) {
        return;
    }
    record = mem_alloc(size);
    at = (char *)(record->headers + request->n_headers);
    *record = (struct record){.at_ms = clock_wall_ms(),
                              .size = size,
                              .method = put(&at, request->method),
                              .path = put(&at, request->path),
                              .query = put(&at, request->query),
                              .body = put(&at, request->body),
                              .status = status,
                              .n_headers = request->n_headers};
    for (size_t i = 0; i < request->n_headers; i++) {
        record->headers[i].name = put(&at, request->headers[i].name);
        record->headers[i].value = put(&at, request->headers[i].value);
    }
    CHECK((size_t)(at - (char *)record) == size);
    list_append(&recorder->records, &record->link);
    recorder->n++;
    recorder->bytes += size;
    while (recorder->n > state->options.max_requests_kept ||
           recorder->bytes > state->options.max_request_bytes) {
        drop_oldest(recorder);
    }
}

/* Names in lower case; the values of a field that was sent twice are joined by ", ". */
static void write_headers(const struct record *record, struct arena *arena, struct json_writer *w)
{
    struct http_header *headers = arena_calloc(arena, record->n_headers + 1, sizeof(*headers));
    size_t n = 0;

    for (size_t i = 0; i < record->n_headers; i++) {
        struct str name = arena_lower(arena, record->headers[i].name);
        struct str value = record->headers[i].value;
        size_t k = 0;

        while (k < n && !str_eq(headers[k].name, name)) {
            k++;
        }
        if (k == n) {
            headers[n++] = (struct http_header){name, value};
        } else {
            headers[k].value =
                arena_printf(arena, "%.*s, %.*s", STR_ARG(headers[k].value), STR_ARG(value));
        }
    }
    jw_object(w);
    for (size_t i = 0; i < n; i++) {
        jw_key_str(w, headers[i].name);
        jw_str(w, headers[i].value);
    }
    jw_end(w);
}

static void write_body(struct str body, struct arena *arena, struct json_writer *w)
{
    static const struct json_limits limits = {.max_depth = 32, .max_nodes = 1000000};
    struct json *parsed;

    if (body.len == 0) {
        jw_null(w);
    } else if (json_parse(arena, body, &limits, &parsed, NULL) == ERR_OK) {
        json_write(w, parsed);
    } else {
        jw_str(w, body);
    }
}

void recorder_write(struct recorder *recorder, struct json_writer *w)
{
    struct record *record;
    struct arena arena;

    arena_init(&arena);
    jw_array(w);
    LIST_EACH (record, &recorder->records, link) {
        jw_form(w, "{method:%s, path:%s, full_path:%s, query:%s, headers:", record->method,
                path_below_api(record->path), record->path, record->query);
        write_headers(record, &arena, w);
        jw_key(w, "body");
        write_body(record->body, &arena, w);
        jw_form(w, "status:%i, receivedDate:%i}", record->status, record->at_ms);
        arena_reset(&arena); /* one record at a time */
    }
    jw_end(w);
    arena_done(&arena);
}
