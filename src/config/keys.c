/* auth.keys: what callers show is hashed at once and wiped; only the digest stays. */
#include "base/buf.h"
#include "base/credential.h"
#include "base/date.h"
#include "base/fd.h"
#include "base/mem.h"
#include "config_internal.h"
#include "crypto/digest.h"

enum { SECRET_FILE_MAX = 1024 * 1024, KEYS_MAX = 1000, KEY_LEN_MIN = 8, NAME_MAX_LEN = 64 };

bool read_secret_file(struct loader *loader, struct str name, struct buf *out)
{
    const char *path = arena_cstr(&loader->box->arena, name);
    struct error err = {0};

    buf_init(out, SECRET_FILE_MAX);
    if (fd_read_file(path, out, &err) != ERR_OK) {
        loader_fail(loader, "cannot read the file %s: %s", path, err.text);
        return false;
    }
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

static bool add_plain(struct loader *loader, struct str key)
{
    struct config_key made = {.permissions = PERMISSION_ALL};
    struct config_key *slot;

    if (!hash_key(loader, key, &made)) {
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

static bool take_permissions(struct loader *loader, const struct node *list, unsigned *out)
{
    static const struct {
        const char *name;
        unsigned bits;
    } known[] = {{"read", PERMISSION_READ},
                 {"write:tests", PERMISSION_WRITE_TESTS},
                 {"write:library", PERMISSION_WRITE_LIBRARY},
                 {"execute", PERMISSION_EXECUTE},
                 {"admin", PERMISSION_ADMIN},
                 {"all", PERMISSION_ALL}};

    *out = 0;
    if (list->type != NODE_LIST) {
        loader_fail(loader, "auth.keys: permissions must be a list");
        return false;
    }
    for (const struct node *item = list->first; item != NULL; item = item->next) {
        unsigned bits = 0;

        for (size_t i = 0; i < ARRAY_LEN(known); i++) {
            bits |= str_is(item->text, known[i].name) ? known[i].bits : 0;
        }
        if (bits == 0) {
            loader_fail(
                loader,
                "auth.keys: \"%.*s\" is not a permission; known are read, write:tests, write:library, execute, admin",
                STR_ARG(str_sub(item->text, 0, NAME_MAX_LEN)));
            return false;
        }
        *out |= bits;
    }
    return true;
}

static bool take_expiry(struct loader *loader, struct str text, int64_t *out)
{
    if (date_read(text, out)) {
        *out = *out == 0 ? 1 : *out; /* 0 is a key that does not expire */
        return true;
    }
    loader_fail(loader,
                "auth.keys: expires: \"%.*s\" is not a date; write 2027-01-31 (to the end of that "
                "day, UTC) or 2027-01-31T12:00:00Z",
                STR_ARG(str_sub(text, 0, NAME_MAX_LEN)));
    return false;
}

static bool take_key_file(struct loader *loader, struct str name, struct config_key *out)
{
    struct buf text;
    bool ok = read_secret_file(loader, name, &text) && hash_key(loader, buf_view(&text), out);

    wipe_secret_file(&text);
    return ok;
}

static bool take_digest(struct loader *loader, struct str hex, struct config_key *out)
{
    struct digest digest;

    if (!digest_from_hex(hex, &digest)) {
        loader_fail(loader, "auth.keys: sha256 must be 64 hexadecimal digits");
        return false;
    }
    mem_copy(out->sha256, digest.bytes, DIGEST_BYTES);
    return true;
}

static bool take_member(struct loader *loader, const struct node *member, struct config_key *out,
                        unsigned *n_keys)
{
    if (str_is(member->key, "name")) {
        out->name = arena_str(&loader->box->arena, str_sub(member->text, 0, NAME_MAX_LEN));
        return true;
    }
    if (str_is(member->key, "permissions")) {
        return take_permissions(loader, member, &out->permissions);
    }
    if (str_is(member->key, "expires")) {
        return take_expiry(loader, member->text, &out->expires_ms);
    }
    (*n_keys)++;
    if (str_is(member->key, "key")) {
        return hash_key(loader, member->text, out);
    }
    if (str_is(member->key, "key_file")) {
        return take_key_file(loader, member->text, out);
    }
    if (str_is(member->key, "sha256")) {
        return take_digest(loader, member->text, out);
    }
    loader_fail(
        loader,
        "auth.keys: unknown member \"%.*s\"; known are name, key, key_file, sha256, permissions, expires",
        STR_ARG(str_sub(member->key, 0, NAME_MAX_LEN)));
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
