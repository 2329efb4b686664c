/* Webhooks in the store, as JSON: what they are, and how far they came. */
#include "webhook_internal.h"

#include "base/base64.h"
#include "base/json_form.h"
#include "base/mem.h"
#include "data/json.h"

enum { PACKED_TEXT_MAX = 2 * PACKED_MAX };

/* --- what it is */
static void write_secret(struct json_writer *w, const char *name, const struct secret *secret)
{
    char room[WEBHOOK_SECRET_MAX];
    struct buf text;

    if (secret_is_set(secret)) {
        buf_init_on(&text, room, sizeof(room), sizeof(room) - 1);
        buf_text(&text, "whsec_");
        base64_encode(&text, secret_reveal(secret));
        jw_kv_str(w, name, buf_view(&text));
        mem_wipe(room, sizeof(room));
        buf_done(&text);
    }
}

void webhook_document_write(const struct webhook *hook, struct buf *out)
{
    char owner[65];
    struct json_writer w;

    jw_init(&w, out);
    jw_form(&w,
            "{url:%s, owner:%s, sees_all:%b, listed:%b, enabled:%b, shape:%s, filter:%s, "
            "created_ms:%i, begins:%i",
            hook->url, digest_hex(&hook->owner, owner), hook->sees_all, hook->is_listed,
            hook->enabled, webhook_shapes[hook->shape], hook->subject, hook->created_ms,
            hook->share.begins);
    write_secret(&w, "secret", &hook->key);
    write_secret(&w, "old_secret", &hook->old_key);
    jw_form(&w, "old_until_ms:%i, events:[", hook->old_until_ms);
    webhook_write_kinds(hook, &w);
    jw_shape(&w, "]}");
}

/* Types of a later version are left out. */
static uint32_t kinds_of(const struct json *events)
{
    const struct json *one;
    uint32_t kinds = 0;

    JSON_FOREACH (one, events) {
        for (unsigned i = 0; i < FACT_N; i++) {
            kinds |= str_is(json_str(one), fact_type((enum fact_kind)i)) ? 1U << i : 0;
        }
    }
    return kinds;
}

static int shape_of(struct str word)
{
    const char *const *shape = ROW_NAMED(word, webhook_shapes);

    return shape != NULL ? (int)(shape - webhook_shapes) : WEBHOOK_CLOUDEVENTS;
}

static bool take_secrets(struct webhook *hook, const struct json *root, struct error *err)
{
    struct str old = json_str(json_get(root, "old_secret"));

    secret_done(&hook->old_key);
    return hook_read_secret(json_str(json_get(root, "secret")), &hook->key, err) == ERR_OK &&
           (old.len == 0 || hook_read_secret(old, &hook->old_key, err) == ERR_OK);
}

static bool take_document(struct webhook *hook, const struct json *root)
{
    struct str url = json_str(json_get(root, "url"));
    struct str subject = json_str(json_get(root, "filter"));
    struct webhook_wish wish = {.kinds = kinds_of(json_get(root, "events")),
                                .shape = shape_of(json_str(json_get(root, "shape"))),
                                .enabled = json_true(json_get(root, "enabled"))};
    struct error err = {0};

    if (!take_secrets(hook, root, &err) || ((hook->url == NULL || !str_is(url, hook->url)) &&
                                            hook_set_url(hook, url, &err) != ERR_OK)) {
        return false;
    }
    hook_apply(hook, &wish);
    hook->kinds = wish.kinds;
    str_copy(hook->subject, sizeof(hook->subject), subject);
    hook->old_until_ms = json_get_int(root, "old_until_ms", 0);
    hook->created_ms = json_get_int(root, "created_ms", 0);
    hook->share.begins = (uint64_t)json_get_int(root, "begins", 0);
    return true;
}

bool webhook_document_read(struct webhooks *hooks, struct str id, struct str text,
                           struct webhook **out)
{
    struct webhook *hook = hook_by_id(hooks, id);
    struct arena arena;
    struct json *root = NULL;
    struct digest owner;
    bool is_new = hook == NULL;
    bool ok;

    arena_init(&arena);
    ok = id.len < WEBHOOK_ID_MAX &&
         json_parse(&arena, text, &json_of_ours, &root, NULL) == ERR_OK &&
         digest_from_hex(json_str(json_get(root, "owner")), &owner);
    if (ok && is_new) {
        const struct webhook_wish wish = {.owner = &owner,
                                          .sees_all = json_true(json_get(root, "sees_all")),
                                          .is_listed = json_true(json_get(root, "listed"))};

        hook = hook_make(hooks, &wish);
        str_copy(hook->id, sizeof(hook->id), id);
    }
    ok = ok && take_document(hook, root);
    if (!ok && is_new && hook != NULL) {
        webhook_remove(hook);
    }
    arena_wipe(&arena);
    *out = ok ? hook : NULL;
    return ok;
}

/* --- how far it came */
static void write_delivery(struct json_writer *w, const struct delivery *delivery)
{
    struct buf packed;
    struct buf text;

    buf_init(&packed, PACKED_MAX);
    buf_init(&text, PACKED_TEXT_MAX);
    pack_fact(&packed, &delivery->fact);
    base64_encode(&text, buf_view(&packed));
    jw_form(w,
            "{event:%s, position:%i, status:%s, tries:%i, http_status:%i, error:%s, "
            "last_ms:%i}",
            buf_view(&text), delivery->fact.position, delivery_status_name(delivery->status),
            delivery->n_tries, delivery->last_status, delivery->last_error, delivery->last_wall_ms);
    buf_done(&text);
    buf_done(&packed);
}

void webhook_state_write(const struct webhook *hook, struct buf *out)
{
    struct json_writer w;

    jw_init(&w, out);
    jw_form(&w, "{position:%i, lost:%i", hook->feed.position,
            hook->share.lost_before + hook->feed.n_lost);
    jw_key(&w, "deliveries"); /* the oldest first */
    jw_array(&w);
    for (size_t i = 0; i < WEBHOOK_DELIVERIES_KEPT; i++) {
        const struct delivery *delivery =
            &hook->deliveries[(hook->next_slot + i) % WEBHOOK_DELIVERIES_KEPT];

        if (delivery->id[0] != '\0') {
            write_delivery(&w, delivery);
        }
    }
    jw_shape(&w, "]}");
}

static bool read_delivery(const struct json *one, struct delivery *out)
{
    struct str status = json_str(json_get(one, "status"));
    struct packed packed;
    struct arena arena;
    struct str bytes;
    bool ok;

    arena_init(&arena);
    ok = base64_decode(&arena, json_str(json_get(one, "event")), &bytes) &&
         unpack(&bytes, &packed) && !packed.is_mark;
    arena_done(&arena);
    if (!ok) {
        return false;
    }
    *out = (struct delivery){.fact = packed.fact,
                             .n_tries = (unsigned)json_get_int(one, "tries", 0),
                             .last_status = (int)json_get_int(one, "http_status", 0),
                             .last_wall_ms = json_get_int(one, "last_ms", 0)};
    for (unsigned i = 0; i <= DELIVERY_DEAD; i++) {
        if (str_is(status, delivery_status_name((enum delivery_status)i))) {
            out->status = (enum delivery_status)i;
        }
    }
    out->fact.position = (uint64_t)json_get_int(one, "position", 0);
    str_copy(out->last_error, sizeof(out->last_error), json_str(json_get(one, "error")));
    cloud_event_id(&out->fact, out->id);
    return true;
}

bool webhook_state_read(struct webhook *hook, struct str text, uint64_t *out_position)
{
    const struct json *one;
    struct json *root = NULL;
    struct arena arena;
    bool ok;

    arena_init(&arena);
    ok = json_parse(&arena, text, &json_of_ours, &root, NULL) == ERR_OK;
    if (ok) {
        size_t n = 0;

        hook->current = NULL;
        hook->again = NULL;
        for (size_t i = 0; i < WEBHOOK_DELIVERIES_KEPT; i++) {
            hook->deliveries[i] = (struct delivery){.id = ""};
        }
        JSON_FOREACH (one, json_get(root, "deliveries")) {
            if (n < WEBHOOK_DELIVERIES_KEPT && read_delivery(one, &hook->deliveries[n])) {
                n++;
            }
        }
        hook->next_slot = n % WEBHOOK_DELIVERIES_KEPT;
        hook->share.lost_before = (uint64_t)json_get_int(root, "lost", 0);
        *out_position = (uint64_t)json_get_int(root, "position", 0);
    }
    arena_done(&arena);
    return ok;
}
