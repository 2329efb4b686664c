/* auth.keys: what callers show is hashed at once and wiped; only the digest stays. And
 * auth.certificates: the same, with a name in a certificate instead of the key. */
#include "base/buf.h"
#include "base/date.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "config/credential.h"
#include "config_internal.h"
#include "crypto/digest.h"

#define DAY_MS INT64_C(86400000)

enum {
    KEYS_MAX = 1000,
    KEY_LEN_MIN = 8,
    NAME_MAX_LEN = 64,
    KNOWN_MAX = 512,
    SUBJECT_MAX_LEN = 1024
};

static const char list_keys[] = "auth.keys";
static const char list_certificates[] = "auth.certificates";

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

/* Where the entries of the list stand that is being read. */
static void list_of(struct loader *loader, const struct config_key ***out_keys, size_t **out_n)
{
    struct config *config = &loader->box->config;
    bool is_keys = loader->list == list_keys;

    *out_keys = is_keys ? &config->auth.keys : &config->auth.certificates;
    *out_n = is_keys ? &config->auth.n_keys : &config->auth.n_certificates;
}

static struct config_key *add(struct loader *loader)
{
    const struct config_key **keys;
    struct config_key *grown;
    size_t *n;

    list_of(loader, &keys, &n);
    if (*n >= KEYS_MAX) {
        loader_fail(loader, "%s: more than %d entries", loader->list, KEYS_MAX);
        return NULL;
    }
    grown = arena_room(&loader->box->arena, *keys, *n, sizeof(*grown));
    *keys = grown;
    return &grown[(*n)++];
}

static bool hash_key(struct loader *loader, struct str key, struct config_key *out)
{
    struct digest digest;
    struct error err = {0};

    if (credential_read(key, &key, &err) != ERR_OK) {
        loader_fail(loader, "%s: a key cannot be used: %s", loader->list, err.text);
        return false;
    }
    if (key.len < KEY_LEN_MIN) {
        loader_fail(loader, "%s: a key must have at least %d characters", loader->list,
                    KEY_LEN_MIN);
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
        read_secret(loader, loader->list, text, &value) && hash_key(loader, buf_view(&value), out);

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

bool keys_add(struct loader *loader, const char *name, struct str text)
{
    const struct config *config = &loader->box->config;
    struct config_key made = {.permissions = PERMISSION_ALL, .name = str_from(name)};
    struct config_key *slot;

    loader->list = list_keys;
    for (size_t i = 0; i < config->auth.n_keys; i++) {
        if (str_is(config->auth.keys[i].name, name)) {
            return true;
        }
    }
    slot = hash_key(loader, text, &made) ? add(loader) : NULL;
    if (slot != NULL) {
        *slot = made;
    }
    return slot != NULL;
}

bool keys_from_text(struct loader *loader, struct str text)
{
    const struct str *items;
    size_t n;
    bool ok = list_read(loader, option_find(STR("auth.keys")), text, &items, &n);

    loader->list = list_keys;
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
        loader_fail(loader, "%s: permissions must be a list", loader->list);
        return false;
    }
    for (const struct node *item = list->first; item != NULL; item = item->next) {
        unsigned bits = permission_bits(item->text);

        if (bits == 0) {
            loader_fail(
                loader,
                "%s: \"%.*s\" is not a permission; known are read, write:tests, write:library, execute, admin",
                loader->list, STR_ARG(str_sub(item->text, 0, NAME_MAX_LEN)));
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
                "%s: %.*s: \"%.*s\" is not a date; write 2027-01-31 (a day in UTC) or "
                "2027-01-31T12:00:00Z",
                loader->list, STR_ARG(member->key),
                STR_ARG(str_sub(member->text, 0, NAME_MAX_LEN)));
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
        loader_fail(loader, "%s: %.*s: \"%.*s\" is not a whole number from %lld to %lld",
                    loader->list, STR_ARG(member->key),
                    STR_ARG(str_sub(member->text, 0, NAME_MAX_LEN)), (long long)row->min,
                    (long long)row->max);
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
        loader_fail(loader, "%s: sha256 must be 64 hexadecimal digits", loader->list);
        return false;
    }
    mem_copy(out->sha256, digest.bytes, DIGEST_BYTES);
    return true;
}

/* Names are told apart by bytes that are printed: a certificate's others are never seen. */
static bool take_subject(struct loader *loader, const struct node *member, enum tls_name_kind kind,
                         struct config_key *out)
{
    if (member->type != NODE_SCALAR || member->text.len == 0 ||
        member->text.len > SUBJECT_MAX_LEN) {
        loader_fail(loader, "%s: %.*s must be a text of 1 to %d bytes", loader->list,
                    STR_ARG(member->key), SUBJECT_MAX_LEN);
        return false;
    }
    out->subject_kind = kind;
    out->subject = arena_str(&loader->box->arena, member->text);
    return true;
}

static bool take_cn(struct loader *loader, const struct node *member, struct config_key *out)
{
    return take_subject(loader, member, TLS_NAME_CN, out);
}

static bool take_dns(struct loader *loader, const struct node *member, struct config_key *out)
{
    return take_subject(loader, member, TLS_NAME_DNS, out);
}

static bool take_uri(struct loader *loader, const struct node *member, struct config_key *out)
{
    return take_subject(loader, member, TLS_NAME_URI, out);
}

const char *certificate_member(enum tls_name_kind kind)
{
    switch (kind) {
    case TLS_NAME_CN:
        return "cn";
    case TLS_NAME_DNS:
        return "dns";
    case TLS_NAME_URI:
        break;
    }
    return "uri";
}

static const struct key_member {
    const char *name;
    bool (*take)(struct loader *loader, const struct node *member, struct config_key *out);
    bool is_key;      /* of these an entry has exactly one */
    const char *list; /* NULL: of both */
} members[] = {
    {"name", take_name, false, NULL},
    {"key", take_key, true, list_keys},
    {"key_file", take_key_file, true, list_keys},
    {"sha256", take_digest, true, list_keys},
    {"cn", take_cn, true, list_certificates},
    {"dns", take_dns, true, list_certificates},
    {"uri", take_uri, true, list_certificates},
    {"permissions", take_permissions, false, NULL},
    {"tenant", take_tenant, false, NULL},
    {"rate", take_rate, false, NULL},
    {"burst", take_burst, false, NULL},
    {"concurrency", take_concurrency, false, NULL},
    {"not_before", take_not_before, false, NULL},
    {"expires", take_expires, false, NULL},
};

static bool is_of_list(const struct key_member *member, const struct loader *loader)
{
    return member->list == NULL || member->list == loader->list;
}

static void unknown_member(struct loader *loader, struct str name)
{
    struct nearest nearest;
    struct buf known;

    nearest_init(&nearest, name);
    buf_init(&known, KNOWN_MAX);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (is_of_list(&members[i], loader)) {
            nearest_offer(&nearest, str_from(members[i].name));
            buf_printf(&known, "%s%s", known.len > 0 ? ", " : "", members[i].name);
        }
    }
    if (nearest.best.len > 0) {
        buf_printf(&known, "; did you mean \"%.*s\"?", STR_ARG(nearest.best));
    }
    loader_fail(loader, "%s: unknown member \"%.*s\"; known are %s", loader->list,
                STR_ARG(str_sub(name, 0, NAME_MAX_LEN)), buf_cstr(&known));
    buf_done(&known);
}

static bool take_member(struct loader *loader, const struct node *node, struct config_key *out,
                        unsigned *n_keys)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (is_of_list(&members[i], loader) && str_is(node->key, members[i].name)) {
            *n_keys += members[i].is_key ? 1 : 0;
            return members[i].take(loader, node, out);
        }
    }
    unknown_member(loader, node->key);
    return false;
}

/* What stands for nobody in particular would stand for whoever comes first. */
static bool is_complete(struct loader *loader, const struct config_key *made, unsigned n_keys)
{
    const struct config *config = &loader->box->config;

    if (made->expires_ms != 0 && made->expires_ms <= made->not_before_ms) {
        loader_fail(loader, "%s: an entry ends (expires) before it begins (not_before)",
                    loader->list);
        return false;
    }
    if (n_keys != 1) {
        loader_fail(loader, "%s: an entry needs exactly one of %s", loader->list,
                    loader->list == list_keys ? "key, key_file and sha256" : "cn, dns and uri");
        return false;
    }
    if (loader->list == list_keys) {
        return true;
    }
    for (size_t i = 0; i < config->auth.n_certificates; i++) {
        const struct config_key *other = &config->auth.certificates[i];

        if (other->subject_kind == made->subject_kind && str_eq(other->subject, made->subject)) {
            loader_fail(loader, "%s: another entry has the same %s", loader->list,
                        certificate_member(made->subject_kind));
            return false;
        }
    }
    return true;
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
    slot = ok && is_complete(loader, &made, n_keys) ? add(loader) : NULL;
    if (slot == NULL) {
        return false;
    }
    if (made.name.len == 0) {
        made.name =
            loader->list == list_certificates
                ? made.subject
                : arena_printf(&loader->box->arena, "key-%zu", loader->box->config.auth.n_keys);
    }
    *slot = made;
    return true;
}

bool certificates_from_node(struct loader *loader, const struct node *node)
{
    bool ok = true;

    loader->list = list_certificates;
    if (node->type == NODE_SCALAR && (node->is_null || node->text.len == 0)) {
        return true;
    }
    if (node->type != NODE_LIST) {
        loader_fail(loader, "%s: must be a list of maps", loader->list);
        return false;
    }
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        loader->line = item->line;
        loader->column = item->column;
        if (item->type != NODE_MAP) {
            loader_fail(loader, "%s: each entry is a map: {name: ..., uri: ...}", loader->list);
            ok = false;
        } else {
            ok = add_map(loader, item) && ok;
        }
    }
    return ok;
}

bool keys_from_node(struct loader *loader, const struct node *node)
{
    bool ok = true;

    loader->list = list_keys;
    if (node->type == NODE_MAP) {
        loader_fail(loader, "%s: must be a list", loader->list);
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
