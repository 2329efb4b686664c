#include <string.h>

#include "base/clock.h"
#include "base/percent.h"
#include "crypto/digest.h"
#include "data/query.h"
#include "harness/blocking.h"
#include "harness/cloud_child.h"

enum { LIST_MAX = 1000, XML_MAX = 4 << 20, SECOND_MS = 1000 };

static bool is_s3(const struct cloud_request *request)
{
    return str_is(request->service, "s3");
}

/* S3 tells a digest of the bytes, so equal bytes have equal tags; Google a number. */
static struct str tag_of(struct cloud_request *request, const struct cloud_item *item)
{
    struct digest digest;
    char hex[65];

    if (!is_s3(request)) {
        return arena_int(request->arena, (int64_t)item->version);
    }
    digest_of(buf_view(&item->bytes), &digest);
    digest_hex(&digest, hex);
    return arena_printf(request->arena, "\"%.32s\"", hex);
}

static struct str error_xml(struct cloud_request *request, const char *code)
{
    return arena_printf(request->arena, "<Error><Code>%s</Code><Message>%s</Message></Error>", code,
                        code);
}

/* 0: the condition holds. */
static int s3_status(struct cloud_request *request, const struct cloud_item *item)
{
    struct str none = head_field(request->head, STR("If-None-Match"));
    struct str match = head_field(request->head, STR("If-Match"));

    if (none.len > 0) {
        return !str_is(none, "*") ? 501 : item != NULL ? 412 : 0;
    }
    if (match.len > 0) {
        return item == NULL ? 404 : str_eq(match, tag_of(request, item)) ? 0 : 412;
    }
    return 0;
}

static int gcs_status(struct cloud_request *request, const struct cloud_item *item)
{
    struct str match = head_field(request->head, STR("x-goog-if-generation-match"));

    if (match.len == 0) {
        return 0;
    }
    return str_eq(match, item == NULL ? STR("0") : tag_of(request, item)) ? 0 : 412;
}

/* True: it is answered. */
static bool refuse(struct cloud_request *request, const struct cloud_item *item)
{
    int status = is_s3(request) ? s3_status(request, item) : gcs_status(request, item);

    if (request->child->seen->is_careless) {
        return false;
    }
    if (status != 0) {
        cloud_answer(request, status,
                     error_xml(request, status == 404 ? "NoSuchKey" : "PreconditionFailed"));
        return true;
    }
    if (!is_s3(request) && item != NULL && clock_wall_ms() - item->changed_ms < SECOND_MS) {
        request->child->seen->n_too_fast++;
        cloud_answer(request, 429, error_xml(request, "SlowDown"));
        return true;
    }
    return false;
}

static void tell_version(struct cloud_request *request, const struct cloud_item *item)
{
    request->fields =
        arena_printf(request->arena, "%s: %.*s\r\n", is_s3(request) ? "ETag" : "x-goog-generation",
                     STR_ARG(tag_of(request, item)));
}

static void write_list(struct cloud_items *items, struct str prefix, struct str after, int64_t max,
                       size_t cut, struct buf *xml)
{
    bool has_more = false;
    int64_t n = 0;

    buf_text(xml, "<?xml version=\"1.0\"?><ListBucketResult>");
    for (size_t at = cloud_behind(items, after, false); at < items->n && !has_more; at++) {
        struct str name = str_from(items->items[at].name);

        if (str_starts(name, prefix)) {
            has_more = n == max;
            if (!has_more) {
                buf_printf(xml, "<Contents><Key>%.*s</Key><Size>1</Size></Contents>",
                           STR_ARG(str_sub(name, cut, name.len)));
                n++;
                items->seen->n_named++;
            }
        }
    }
    buf_printf(xml, "<IsTruncated>%s</IsTruncated></ListBucketResult>",
               has_more ? "true" : "false");
}

static void list(struct cloud_request *request, struct str bucket)
{
    struct str prefix = STR_EMPTY;
    struct str after = STR_EMPTY;
    struct str text = STR_EMPTY;
    int64_t max = LIST_MAX;
    struct buf xml;

    (void)query_find(request->arena, request->query, "prefix", &prefix);
    (void)query_find(request->arena, request->query, "start-after", &after);
    (void)query_find(request->arena, request->query, "max-keys", &text);
    (void)!str_to_i64(text, 1, LIST_MAX, &max);
    prefix = arena_printf(request->arena, "%.*s/%.*s", STR_ARG(bucket), STR_ARG(prefix));
    after = arena_printf(request->arena, "%.*s/%.*s", STR_ARG(bucket), STR_ARG(after));
    buf_init(&xml, XML_MAX);
    write_list(request->child->items, prefix, after, max, bucket.len + 1, &xml);
    request->type = STR("application/xml");
    cloud_answer(request, 200, arena_take(request->arena, &xml));
}

static void change(struct cloud_request *request, struct str name, struct cloud_item *item)
{
    if (cloud_disturb(request, error_xml(request, "ConditionalRequestConflict")) ||
        refuse(request, item)) {
        return;
    }
    if (str_is(request->method, "PUT")) {
        item = cloud_put(request->child->items, name, request->body);
        tell_version(request, item);
        cloud_answer(request, 200, STR_EMPTY);
    } else if (item == NULL) {
        cloud_answer(request, is_s3(request) ? 204 : 404, STR_EMPTY);
    } else {
        cloud_drop(request->child->items, item);
        cloud_answer(request, 204, STR_EMPTY);
    }
}

bool cloud_serve_object(struct cloud_request *request)
{
    struct str path = STR_EMPTY;
    struct str bucket;
    struct str key;
    struct cloud_item *item;

    if (!percent_decode(request->arena, str_sub(request->path, 1, request->path.len), false,
                        &path)) {
        return false;
    }
    (void)str_cut(path, '/', &bucket, &key);
    if (key.len == 0) {
        list(request, bucket);
        return true;
    }
    item = cloud_find(request->child->items, path);
    if (!str_is(request->method, "GET")) {
        change(request, path, item);
    } else if (item == NULL) {
        cloud_answer(request, 404, error_xml(request, "NoSuchKey"));
    } else {
        tell_version(request, item);
        request->type = STR("application/octet-stream");
        cloud_answer(request, 200, arena_str(request->arena, buf_view(&item->bytes)));
    }
    return true;
}
