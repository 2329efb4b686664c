#include <string.h>

#include "base/base64.h"
#include "base/percent.h"
#include "data/json.h"
#include "data/query.h"
#include "harness/blocking.h"
#include "harness/cloud_child.h"

enum { DOCUMENT_MAX = 4 << 20, BYTES_MAX = 1024 * 1024, OVERHEAD = 100, MINUTE = 60 };

static struct str say(struct cloud_request *request, int status, const char *name)
{
    return arena_printf(request->arena,
                        "{\"error\":{\"code\":%d,\"message\":\"%s\",\"status\":\"%s\"}}", status,
                        name, name);
}

static void fail(struct cloud_request *request, int status, const char *name)
{
    cloud_answer(request, status, say(request, status, name));
}

/* Not a time of any clock: the next number as one. */
static struct str update_time(struct cloud_request *request, const struct cloud_item *item)
{
    return arena_printf(request->arena, "2026-11-29T00:%02u:%02u.%06uZ",
                        (unsigned)(item->version / MINUTE % MINUTE),
                        (unsigned)(item->version % MINUTE), (unsigned)item->version);
}

static struct str document(struct cloud_request *request, const struct cloud_item *item)
{
    struct buf text;

    buf_init(&text, DOCUMENT_MAX);
    buf_printf(&text, "{\"name\":\"%s\",\"fields\":{\"b\":{\"bytesValue\":\"", item->name);
    base64_encode(&text, buf_view(&item->bytes));
    buf_printf(&text, "\"}},\"updateTime\":\"%.*s\"}", STR_ARG(update_time(request, item)));
    return arena_take(request->arena, &text);
}

/* True: it is answered. */
static bool refuse(struct cloud_request *request, const struct cloud_item *item)
{
    struct str exists = STR_EMPTY;
    struct str time = STR_EMPTY;

    if (query_find(request->arena, request->query, "currentDocument.exists", &exists) &&
        str_is(exists, "false") && item != NULL) {
        fail(request, 409, "ALREADY_EXISTS");
        return true;
    }
    if (query_find(request->arena, request->query, "currentDocument.updateTime", &time)) {
        if (item == NULL) {
            fail(request, 404, "NOT_FOUND");
            return true;
        }
        if (!str_eq(time, update_time(request, item))) {
            fail(request, 400, "FAILED_PRECONDITION");
            return true;
        }
    }
    return false;
}

static void change(struct cloud_request *request, struct str name, struct cloud_item *item)
{
    struct json *root = NULL;
    struct str bytes = STR_EMPTY;

    if (cloud_disturb(request, say(request, 409, "ABORTED")) || refuse(request, item)) {
        return;
    }
    if (str_is(request->method, "DELETE")) {
        if (item != NULL) {
            cloud_drop(request->child->items, item);
        }
        cloud_answer(request, 200, STR("{}"));
        return;
    }
    if (json_parse(request->arena, request->body, NULL, &root, NULL) != ERR_OK ||
        !base64_decode(request->arena, json_str(json_find(root, "/fields/b/bytesValue")), &bytes) ||
        bytes.len + name.len + OVERHEAD > BYTES_MAX) {
        fail(request, 400, "INVALID_ARGUMENT");
        return;
    }
    /* A write that changes nothing keeps the time. */
    if (item == NULL || !str_eq(buf_view(&item->bytes), bytes)) {
        item = cloud_put(request->child->items, name, bytes);
    }
    cloud_answer(request, 200, document(request, item));
}

static struct str bound(const struct json *filters, size_t at)
{
    return json_str(json_find(json_at(filters, at), "/fieldFilter/value/referenceValue"));
}

static void query(struct cloud_request *request)
{
    const struct cloud_items *items = request->child->items;
    struct json *root = NULL;
    const struct json *filters;
    struct str last;
    bool same;
    int64_t limit = 0;
    int64_t n = 0;
    struct buf text;

    if (json_parse(request->arena, request->body, NULL, &root, NULL) != ERR_OK ||
        !json_to_i64(json_find(root, "/structuredQuery/limit"), &limit)) {
        fail(request, 400, "INVALID_ARGUMENT");
        return;
    }
    filters = json_find(root, "/structuredQuery/where/compositeFilter/filters");
    last = bound(filters, 1);
    same = str_is(json_str(json_find(json_at(filters, 0), "/fieldFilter/op")),
                  "GREATER_THAN_OR_EQUAL");
    buf_init(&text, DOCUMENT_MAX);
    buf_char(&text, '[');
    for (size_t at = cloud_behind(items, bound(filters, 0), same); at < items->n && n < limit;
         at++) {
        if (str_compare(str_from(items->items[at].name), last) >= 0) {
            break;
        }
        buf_printf(&text, "%s{\"document\":{\"name\":\"%s\"},\"readTime\":\"x\"}",
                   n++ > 0 ? "," : "", items->items[at].name);
        items->seen->n_named++;
    }
    buf_text(&text, n == 0 ? "{\"readTime\":\"x\"}]" : "]");
    cloud_answer(request, 200, arena_take(request->arena, &text));
}

bool cloud_serve_document(struct cloud_request *request)
{
    struct str path = STR_EMPTY;
    struct cloud_item *item;

    if (!str_starts(request->path, STR("/v1/projects/")) ||
        !str_contains(request->path, STR("/documents")) ||
        !percent_decode(request->arena, str_sub(request->path, 4, request->path.len), false,
                        &path)) {
        return false;
    }
    if (str_ends(path, STR("/documents:runQuery"))) {
        query(request);
        return true;
    }
    item = cloud_find(request->child->items, path);
    if (!str_is(request->method, "GET")) {
        change(request, path, item);
    } else if (item == NULL) {
        fail(request, 404, "NOT_FOUND");
    } else {
        cloud_answer(request, 200, document(request, item));
    }
    return true;
}
