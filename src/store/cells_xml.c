/* S3, and the same interface of Google Cloud Storage: objects below a bucket; lists of them are XML. */
#include "cells.h"

#include "cloud/xml.h"

enum { OK = 200, NO_CONTENT = 204, NOT_FOUND = 404, CONFLICT = 409, FAILED = 412 };

static const char *const methods[] = {
    [CELL_GET] = "GET", [CELL_PUT] = "PUT", [CELL_DELETE] = "DELETE", [CELL_LIST] = "GET"};

/* S3: the tag is the ETag, a digest of the bytes. A number in the bytes differs with each writing, so the ETag does,
 * too. */
static size_t s3_condition(struct cell_call *call)
{
    if (call->expect == CELL_ABSENT) {
        call->headers[0] = (struct upstream_header){STR("If-None-Match"), STR("*")};
    } else {
        call->headers[0] = (struct upstream_header){STR("If-Match"), call->tag};
    }
    return call->expect == CELL_ANY ? 0 : 1;
}

/* Google: the tag is the generation of the object; 0: the object must not exist. */
static size_t gcs_condition(struct cell_call *call)
{
    call->headers[0] = (struct upstream_header){STR("x-goog-if-generation-match"),
                                                call->expect == CELL_ABSENT ? STR("0") : call->tag};
    return call->expect == CELL_ANY ? 0 : 1;
}

static struct str whole_key(struct cell_call *call, struct str key)
{
    struct str folder = call->cells->where.folder;

    return folder.len == 0 ? key
                           : arena_printf(&call->arena, "%.*s/%.*s", STR_ARG(folder), STR_ARG(key));
}

static struct str list_query(struct cell_call *call)
{
    struct arena *arena = &call->arena;
    struct str prefix = cells_encode(arena, whole_key(call, call->key), false);
    struct str after =
        call->after.len > 0 ? cells_encode(arena, whole_key(call, call->after), false) : STR_EMPTY;

    return arena_printf(arena, "list-type=2&max-keys=%u&prefix=%.*s%s%.*s", call->limit,
                        STR_ARG(prefix), after.len > 0 ? "&start-after=" : "", STR_ARG(after));
}

static void ask(struct cell_call *call, struct cloud_request *request)
{
    struct str path = call->cells->path;

    request->method = str_from(methods[call->kind]);
    request->n_headers = call->cells->dialect->condition(call);
    request->wants = call->cells->dialect->version;
    if (call->kind == CELL_LIST) {
        request->path = path.len > 0 ? path : STR("/");
        request->query = list_query(call);
        return;
    }
    request->path =
        arena_printf(&call->arena, "%.*s/%.*s", STR_ARG(path),
                     STR_ARG(cells_encode(&call->arena, whole_key(call, call->key), true)));
    request->body = call->bytes;
    request->content_type = call->kind == CELL_PUT ? STR("application/octet-stream") : STR_EMPTY;
}

static void tell_list(struct cell_call *call, struct str xml)
{
    size_t cut = call->cells->where.folder.len > 0 ? call->cells->where.folder.len + 1 : 0;
    struct str entry;

    call->has_more = str_is(xml_text(&call->arena, xml, "IsTruncated"), "true");
    call->keys = arena_calloc(&call->arena, CELL_LIST_MAX, sizeof(*call->keys));
    while (call->n_keys < CELL_LIST_MAX && xml_next(&xml, "Contents", &entry)) {
        struct str key = xml_text(&call->arena, entry, "Key");

        if (key.len >= cut) {
            call->keys[call->n_keys++] = str_sub(key, cut, key.len);
        }
    }
    call->end = CELL_OK;
}

static void tell(struct cell_call *call, const struct upstream_reply *reply)
{
    struct str tag = call->cells->dialect->version != NULL ? reply->wanted : reply->etag;
    int status = reply->status;

    if (status == FAILED || status == CONFLICT) {
        call->end = CELL_CONFLICT;
    } else if (status == NOT_FOUND && call->kind != CELL_LIST &&
               !str_contains(reply->body, STR("NoSuchBucket"))) {
        call->end = CELL_NOTHING;
    } else if (status != OK && !(status == NO_CONTENT && call->kind == CELL_DELETE)) {
        cells_refuse(call, reply);
    } else if (call->kind == CELL_LIST) {
        tell_list(call, reply->body);
    } else if ((call->kind == CELL_GET || call->kind == CELL_PUT) && tag.len == 0) {
        (void)error_set(&call->error, ERR_STORE_AWAY,
                        "the service told no version of the object: it is no object store that "
                        "this program can use");
        call->end = call->kind == CELL_PUT ? CELL_DOUBT : CELL_AWAY;
    } else {
        call->end = CELL_OK;
        call->out_bytes = reply->body;
        call->out_tag = tag;
    }
}

enum { XML_MAX_BYTES = 8 * 1024 * 1024 };

const struct cells_dialect cells_s3 = {.vendor = CLOUD_AWS,
                                       .service = "s3",
                                       .max_bytes = XML_MAX_BYTES,
                                       .condition = s3_condition,
                                       .ask = ask,
                                       .tell = tell};
const struct cells_dialect cells_gcs = {.vendor = CLOUD_GOOGLE,
                                        .service = "",
                                        .gap_ms = 1000,
                                        .max_bytes = XML_MAX_BYTES,
                                        .condition = gcs_condition,
                                        .version = "x-goog-generation",
                                        .ask = ask,
                                        .tell = tell};
