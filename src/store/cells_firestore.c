/* Firestore by REST: a cell is a document with one field of bytes; its tag is its updateTime. */
#include "cells.h"

#include "base/base64.h"
#include "base/json_form.h"
#include "data/json.h"

enum { OK = 200, BAD = 400, NOT_FOUND = 404, CONFLICT = 409, TEXT_MAX = 4 * 1024 * 1024 };

static const char *const methods[] = {
    [CELL_GET] = "GET", [CELL_PUT] = "PATCH", [CELL_DELETE] = "DELETE", [CELL_LIST] = "POST"};

/* Swaps slashes and bars: a document's name must not hold a slash, and no key of ours holds a bar. */
static struct str swapped(struct arena *arena, struct str key, char from, char to)
{
    char *text = arena_alloc(arena, key.len + 1);

    for (size_t i = 0; i < key.len; i++) {
        text[i] = (char)(key.ptr[i] == from ? to : key.ptr[i]);
    }
    return (struct str){text, key.len};
}

static struct str name_of(struct cell_call *call, struct str key)
{
    return swapped(&call->arena, key, '/', '|');
}

/* The name of a document in a value: without the version of the interface, and not encoded. */
static struct str resource_of(struct cell_call *call, struct str name)
{
    const struct store_cloud *where = &call->cells->where;

    return arena_printf(&call->arena, "projects/%.*s/databases/%.*s/documents/%.*s/%.*s",
                        STR_ARG(where->bucket), STR_ARG(where->database), STR_ARG(where->folder),
                        STR_ARG(name));
}

static void write_filter(struct json_writer *w, const char *op, struct str resource)
{
    jw_form(w, "{fieldFilter:{field:{fieldPath:'__name__'}, op:%s, value:{referenceValue:%s}}}", op,
            resource);
}

/* Asks for the names from the prefix (or behind the last name that was told) to the end of all names with that
 * prefix. It asks for one name more than the call does: if that comes, there are more. */
static struct str query_of(struct cell_call *call)
{
    struct str prefix = name_of(call, call->key);
    struct str last = arena_printf(&call->arena, "%.*s~", STR_ARG(prefix));
    struct json_writer w;
    struct buf text;

    buf_init(&text, TEXT_MAX);
    jw_init(&w, &text);
    jw_form(&w,
            "{structuredQuery:{from:[{collectionId:%s}], "
            "select:{fields:[{fieldPath:'__name__'}]}, where:{compositeFilter:{op:'AND', "
            "filters:[",
            call->cells->where.folder);
    write_filter(&w, call->after.len > 0 ? "GREATER_THAN" : "GREATER_THAN_OR_EQUAL",
                 resource_of(call, call->after.len > 0 ? name_of(call, call->after) : prefix));
    write_filter(&w, "LESS_THAN", resource_of(call, last));
    jw_form(&w,
            "]}}, orderBy:[{field:{fieldPath:'__name__'}, direction:'ASCENDING'}], "
            "limit:%i}}",
            (int64_t)call->limit + 1);
    return arena_take(&call->arena, &text);
}

static struct str document_of(struct cell_call *call)
{
    struct buf text;

    buf_init(&text, TEXT_MAX);
    buf_text(&text, "{\"fields\":{\"b\":{\"bytesValue\":\"");
    base64_encode(&text, call->bytes);
    buf_text(&text, "\"}}}");
    return arena_take(&call->arena, &text);
}

static struct str condition_of(struct cell_call *call)
{
    switch (call->expect) {
    case CELL_ABSENT:
        return STR("currentDocument.exists=false");
    case CELL_TAG:
        return arena_printf(&call->arena, "currentDocument.updateTime=%.*s",
                            STR_ARG(cells_encode(&call->arena, call->tag, false)));
    case CELL_ANY:
        break;
    }
    return STR_EMPTY;
}

static void ask(struct cell_call *call, struct cloud_request *request)
{
    struct str path = call->cells->path;
    struct str name = cells_encode(&call->arena, name_of(call, call->key), false);

    request->method = str_from(methods[call->kind]);
    if (call->kind == CELL_LIST) {
        request->path = arena_printf(&call->arena, "%.*s:runQuery", STR_ARG(path));
        request->body = query_of(call);
    } else {
        request->path = arena_printf(&call->arena, "%.*s/%.*s/%.*s", STR_ARG(path),
                                     STR_ARG(call->cells->where.folder), STR_ARG(name));
        request->query = condition_of(call);
        request->body = call->kind == CELL_PUT ? document_of(call) : STR_EMPTY;
    }
    request->content_type = request->body.len > 0 ? STR("application/json") : STR_EMPTY;
}

/* [{"document": {"name": "projects/.../documents/COLLECTION/NAME"}}, ...]; an element may lack the document. */
static void tell_list(struct cell_call *call, const struct json *root)
{
    const struct json *row;
    size_t cut = resource_of(call, STR_EMPTY).len;

    call->keys = arena_calloc(&call->arena, (size_t)call->limit + 1, sizeof(*call->keys));
    JSON_FOREACH (row, root) {
        struct str name = json_str(json_find(row, "/document/name"));

        if (name.len > cut && call->n_keys == call->limit) {
            call->has_more = true;
        } else if (name.len > cut) {
            call->keys[call->n_keys++] =
                swapped(&call->arena, str_sub(name, cut, name.len), '|', '/');
        }
    }
}

static void tell(struct cell_call *call, const struct upstream_reply *reply)
{
    static const struct json_limits limits = {.max_depth = 16, .max_nodes = 20000};
    struct json *root = NULL;

    if (reply->status == CONFLICT ||
        (reply->status == BAD && str_contains(reply->body, STR("FAILED_PRECONDITION")))) {
        call->end = CELL_CONFLICT;
    } else if (reply->status == NOT_FOUND && call->kind != CELL_LIST) {
        call->end = CELL_NOTHING;
    } else if (reply->status != OK) {
        cells_refuse(call, reply);
    } else if (json_parse(&call->arena, reply->body, &limits, &root, NULL) != ERR_OK) {
        (void)error_set(&call->error, ERR_STORE_AWAY, "the answer of Firestore is no JSON");
        call->end = call->kind == CELL_PUT || call->kind == CELL_DELETE ? CELL_DOUBT : CELL_AWAY;
    } else {
        call->end = CELL_OK;
        if (call->kind == CELL_LIST) {
            tell_list(call, root);
        } else {
            call->out_tag = json_str(json_get(root, "updateTime"));
            if (call->kind == CELL_GET &&
                !base64_decode(&call->arena, json_str(json_find(root, "/fields/b/bytesValue")),
                               &call->out_bytes)) {
                call->out_bytes = STR_EMPTY;
            }
        }
    }
}

/* A document of Firestore has at most 1 MiB, its name and the name of its field included. */
enum { FIRESTORE_MAX_BYTES = 1024 * 1024 - 4096 };

const struct cells_dialect cells_firestore = {.vendor = CLOUD_GOOGLE,
                                              .service = "",
                                              .max_bytes = FIRESTORE_MAX_BYTES,
                                              .ask = ask,
                                              .tell = tell};
