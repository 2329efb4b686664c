/* auth.keys: what callers show is hashed at once and wiped; only the digest stays. */
#include "base/buf.h"
#include "base/credential.h"
#include "base/date.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "config_internal.h"
#include "crypto/digest.h"

#define DAY_MS INT64_C(86400000)

enum { KEYS_MAX = 1000, KEY_LEN_MIN = 8, NAME_MAX_LEN = 64, KNOWN_MAX = 512 };

bool read_secret_file(struct loader *loader, struct str name, struct buf *out)
{
    const char *path = arena_cstr(&loader->box->arena, name);
    struct error err = {0};

    buf_init(out, CONFIG_FILE_MAX);
    if (fd_read_file(path, out, &err) != ERR_OK) {
        loader_fail(loader, "cannot read the file %s: %s", path, err.text);
        return false;
    }
    loader_note_file(loader, path, buf_view(out));
    return true;
}

void wipe_secret_file(struct buf *text)
{
    if (text->ptr != NULL) {
        mem_wipe(text->ptr, text->cap);
    }
    buf_done(text);
}

static struct config_key *add(struct loader *loader)
{
    struct config *config = &loader->box->config;
    struct config_key *grown;

    if (config->auth.n_keys >= KEYS_MAX) {
        loader_fail(loader, "auth.keys: more than %d keys", KEYS_MAX);
        return NULL;
    }
    grown = arena_calloc(&loader->box->arena, config->auth.n_keys + 1, sizeof(*grown));
    mem_copy(grown, config->auth.keys, config->auth.n_keys * sizeof(*grown));
    config->auth.keys = grown;
    return &grown[config->auth.n_keys++];
}

static bool hash_key(struct loader *loader, struct str key, struct config_key *out)
{
    struct digest digest;
    struct error err = {0};

    if (credential_read(key, &key, &err) != ERR_OK) {
        loader_fail(loader, "auth.keys: a key cannot be used: %s", err.text);
        return false;
    }
    if (key.len < KEY_LEN_MIN) {
        loader_fail(loader, "auth.keys: a key must have at least %d characters", KEY_LEN_MIN);
        return false;
    }
    digest_of(key, &digest);
    mem_copy(out->sha256, digest.bytes, DIGEST_BYTES);
    return true;
}

/* Also by reference. */
static bool hash_text(struct loader *loader, struct str text, struct config_key *out)
{
    struct buf value;
    bool ok =
        read_secret(loader, "auth.keys", text, &value) && hash_key(loader, buf_view(&value), out);

    wipe_secret_file(&value);
    return ok;
}

static bool add_plain(struct loader *loader, struct str key)
{
    struct config_key made = {.permissions = PERMISSION_ALL};
    struct config_key *slot;

    if (!hash_text(loader, key, &made)) {
        return false;
    }
    slot = add(loader);
    if (slot == NULL) {
        return false;
    }
    made.name = arena_printf(&loader->box->arena, "key-%zu", loader->box->config.auth.n_keys);
    *slot = made;
    return true;
}

bool keys_from_text(struct loader *loader, struct str text)
{
    const struct str *items;
    size_t n;
    bool ok = list_read(loader, option_find(STR("auth.keys")), text, &items, &n);

    if (!ok) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        ok = add_plain(loader, items[i]) && ok;
    }
    return ok;
}

/* ---- a key as a map ---- */

static bool take_name(struct loader *loader, const struct node *member, struct config_key *out)
{
    out->name = arena_str(&loader->box->arena, str_sub(member->text, 0, NAME_MAX_LEN));
    return true;
}

static bool take_permissions(struct loader *loader, const struct node *list, struct config_key *out)
{
    out->permissions = 0;
    if (list->type != NODE_LIST) {
        loader_fail(loader, "auth.keys: permissions must be a list");
        return false;
    }
    for (const struct node *item = list->first; item != NULL; item = item->next) {
        unsigned bits = permission_bits(item->text);

        if (bits == 0) {
            loader_fail(
                loader,
                "auth.keys: \"%.*s\" is not a permission; known are read, write:tests, write:library, execute, admin",
                STR_ARG(str_sub(item->text, 0, NAME_MAX_LEN)));
            return false;
        }
        out->permissions |= bits;
    }
    return true;
}

static bool take_date(struct loader *loader, const struct node *member, int64_t *out)
{
    if (date_read(member->text, out)) {
        *out = *out == 0 ? 1 : *out; /* 0 is none */
        return true;
    }
    loader_fail(loader,
                "auth.keys: %.*s: \"%.*s\" is not a date; write 2027-01-31 (a day in UTC) or "
                "2027-01-31T12:00:00Z",
                STR_ARG(member->key), STR_ARG(str_sub(member->text, 0, NAME_MAX_LEN)));
    return false;
}

/* A bare day: to its end. */
static bool take_expires(struct loader *loader, const struct node *member, struct config_key *out)
{
    return take_date(loader, member, &out->expires_ms);
}

/* A bare day: from its beginning. */
static bool take_not_before(struct loader *loader, const struct node *member,
                            struct config_key *out)
{
    if (!take_date(loader, member, &out->not_before_ms)) {
        return false;
    }
    if (str_find_char(member->text, 'T') < 0 && out->not_before_ms >= DAY_MS) {
        out->not_before_ms -= DAY_MS;
    }
    return true;
}

/* As wide as the option of `limits` that it stands for. */
static bool take_number(struct loader *loader, const struct node *member, const char *option,
                        unsigned *out)
{
    const struct option_row *row = option_find(str_from(option));
    int64_t value;

    if (!str_to_i64(member->text, row->min, row->max, &value)) {
        loader_fail(loader, "auth.keys: %.*s: \"%.*s\" is not a whole number from %lld to %lld",
                    STR_ARG(member->key), STR_ARG(str_sub(member->text, 0, NAME_MAX_LEN)),
                    (long long)row->min, (long long)row->max);
        return false;
    }
    *out = (unsigned)value;
    return true;
}

static bool take_rate(struct loader *loader, const struct node *member, struct config_key *out)
{
    return take_number(loader, member, "limits.per_key", &out->rate.per_second);
}

static bool take_burst(struct loader *loader, const struct node *member, struct config_key *out)
{
    return take_number(loader, member, "limits.burst", &out->rate.burst);
}

static bool take_concurrency(struct loader *loader, const struct node *member,
                             struct config_key *out)
{
    return take_number(loader, member, "limits.concurrency", &out->rate.concurrency);
}

/* Whether there is such a tenant is judged when all of the file is read. */
static bool take_tenant(struct loader *loader, const struct node *member, struct config_key *out)
{
    out->tenant_name = arena_str(&loader->box->arena, member->text);
    return true;
}

static bool take_key(struct loader *loader, const struct node *member, struct config_key *out)
{
    return hash_text(loader, member->text, out);
}

static bool take_key_file(struct loader *loader, const struct node *member, struct config_key *out)
{
    struct buf text;
    bool ok =
        read_secret_file(loader, member->text, &text) && hash_key(loader, buf_view(&text), out);

    wipe_secret_file(&text);
    return ok;
}

static bool take_digest(struct loader *loader, const struct node *member, struct config_key *out)
{
    struct digest digest;

    if (!digest_from_hex(member->text, &digest)) {
        loader_fail(loader, "auth.keys: sha256 must be 64 hexadecimal digits");
        return false;
    }
    mem_copy(out->sha256, digest.bytes, DIGEST_BYTES);
    return true;
}

static const struct key_member {
    const char *name;
    bool (*take)(struct loader *loader, const struct node *member, struct config_key *out);
    bool is_key; /* of these an entry has exactly one */
} members[] = {
    {"name", take_name, false},
    {"key", take_key, true},
    {"key_file", take_key_file, true},
    {"sha256", take_digest, true},
    {"permissions", take_permissions, false},
    {"tenant", take_tenant, false},
    {"rate", take_rate, false},
    {"burst", take_burst, false},
    {"concurrency", take_concurrency, false},
    {"not_before", take_not_before, false},
    {"expires", take_expires, false},
};

static void unknown_member(struct loader *loader, struct str name)
{
    struct nearest nearest;
    struct buf known;

    nearest_init(&nearest, name);
    buf_init(&known, KNOWN_MAX);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        nearest_offer(&nearest, str_from(members[i].name));
        buf_printf(&known, "%s%s", i > 0 ? ", " : "", members[i].name);
    }
    if (nearest.best.len > 0) {
        buf_printf(&known, "; did you mean \"%.*s\"?", STR_ARG(nearest.best));
    }
    loader_fail(loader, "auth.keys: unknown member \"%.*s\"; known are %s",
                STR_ARG(str_sub(name, 0, NAME_MAX_LEN)), buf_cstr(&known));
    buf_done(&known);
}

static bool take_member(struct loader *loader, const struct node *node, struct config_key *out,
                        unsigned *n_keys)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (str_is(node->key, members[i].name)) {
            *n_keys += members[i].is_key ? 1 : 0;
            return members[i].take(loader, node, out);
        }
    }
    unknown_member(loader, node->key);
    return false;
}

static bool add_map(struct loader *loader, const struct node *map)
{
    struct config_key made = {.permissions = PERMISSION_ALL};
    struct config_key *slot;
    unsigned n_keys = 0;
    bool ok = true;

    for (const struct node *member = map->first; member != NULL; member = member->next) {
        loader->line = member->key_line;
        loader->column = member->key_column;
        ok = take_member(loader, member, &made, &n_keys) && ok;
    }
    loader->line = map->line;
    loader->column = map->column;
    if (ok && made.expires_ms != 0 && made.expires_ms <= made.not_before_ms) {
        loader_fail(loader, "auth.keys: an entry ends (expires) before it begins (not_before)");
        ok = false;
    }
    if (ok && n_keys != 1) {
        loader_fail(loader, "auth.keys: an entry needs exactly one of key, key_file and sha256");
        ok = false;
    }
    slot = ok ? add(loader) : NULL;
    if (slot == NULL) {
        return false;
    }
    if (made.name.len == 0) {
        made.name = arena_printf(&loader->box->arena, "key-%zu", loader->box->config.auth.n_keys);
    }
    *slot = made;
    return true;
}

bool keys_from_node(struct loader *loader, const struct node *node)
{
    bool ok = true;

    if (node->type == NODE_MAP) {
        loader_fail(loader, "auth.keys: must be a list");
        return false;
    }
    if (node->type == NODE_SCALAR) {
        return node->is_null || keys_from_text(loader, node->text);
    }
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        loader->line = item->line;
        loader->column = item->column;
        ok = (item->type == NODE_MAP ? add_map(loader, item) : add_plain(loader, item->text)) && ok;
    }
    return ok;
}
