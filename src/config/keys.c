/* auth.keys: API keys are hashed as soon as they are read, and wiped; only the digest stays. And
 * auth.certificates: the same entries, with a name in a certificate instead of the key. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/fd.h"
#include "base/mem.h"
#include "config/credential.h"
#include "config_internal.h"
#include "crypto/digest.h"

#define DAY_MS INT64_C(86400000)

enum { KEY_LEN_MIN = 8, SUBJECT_MAX_LEN = 1024 };

static const char list_keys[] = "auth.keys";
static const char list_certificates[] = "auth.certificates";
static const struct config_key blank = {.permissions = PERMISSION_ALL};

bool read_secret_file(struct loader *loader, const char *what, struct str name, struct buf *out)
{
    const char *path = arena_cstr(&loader->box->arena, name);
    struct error err = {0};

    buf_init(out, CONFIG_FILE_MAX);
    if (fd_read_file(path, out, &err) != ERR_OK) {
        return loader_fail(loader, "%s%scannot read the file %.*s: %s", what != NULL ? what : "",
                           what != NULL ? ": " : "", SHOWN_FILE(name), err.text);
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

/* What is listed was taken apart before (lists.c), and may hold a comma in its quotes; what is read from elsewhere is
 * one key. `what` names it in messages. */
static bool hash_key(struct loader *loader, const char *what, struct str key, bool is_listed,
                     struct config_key *out)
{
    struct digest digest;
    struct error err = {0};
    enum error_code code =
        is_listed ? credential_read(key, &key, &err) : credential_read_key(key, &key, &err);

    if (code != ERR_OK) {
        return loader_fail(loader, "%s: a key cannot be used: %s", what, err.text);
    }
    if (key.len < KEY_LEN_MIN) {
        return loader_fail(loader, "%s: a key must have at least %d characters", what, KEY_LEN_MIN);
    }
    digest_of(key, &digest);
    mem_copy(out->sha256, digest.bytes, DIGEST_BYTES);
    return true;
}

/* `text` is the key or a reference to it (read_secret). */
static bool hash_text(struct loader *loader, struct str text, bool is_listed,
                      struct config_key *out)
{
    struct buf value;
    bool ok = read_secret(loader, loader->list, text, &value) &&
              hash_key(loader, name_secret(loader, loader->list, text), buf_view(&value),
                       is_listed && str_eq(buf_view(&value), text), out);

    wipe_secret_file(&value);
    return ok;
}

static struct str numbered(struct loader *loader)
{
    return arena_printf(&loader->box->arena, "key-%zu", loader->box->config.auth.n_keys);
}

static bool add(struct loader *loader, const char *name, const struct config_key *made)
{
    struct config_key *key = map_add(loader, option_find(STR("auth.keys")));

    if (key != NULL) {
        *key = *made;
        key->name = name != NULL ? str_from(name) : numbered(loader);
    }
    return key != NULL;
}

static bool add_plain(struct loader *loader, struct str key)
{
    struct config_key made = blank;

    return hash_text(loader, key, true, &made) && add(loader, NULL, &made);
}

bool keys_add(struct loader *loader, const char *name, struct str text)
{
    const struct config *config = &loader->box->config;
    struct config_key made = blank;

    loader->list = list_keys;
    for (size_t i = 0; i < config->auth.n_keys; i++) {
        if (str_is(config->auth.keys[i].name, name)) {
            return true;
        }
    }
    return hash_key(loader, loader->list, text, false, &made) && add(loader, name, &made);
}

bool keys_from_text(struct loader *loader, const struct option_row *row, struct str text)
{
    const struct str *items;
    struct arena room;
    size_t n;
    bool ok;

    arena_init(&room);
    ok = list_read(loader, row, text, &room, &items, &n);
    loader->list = list_keys;
    loader->names_no_key =
        n == 0 && (loader->place == NULL || strcmp(loader->place, PLACE_DEFAULT) != 0);
    for (size_t i = 0; i < n; i++) {
        ok = add_plain(loader, items[i]) && ok;
    }
    arena_wipe(&room);
    return ok;
}

/* ---- a key as a map ---- */

static bool take_name(struct map_reading *reading, void *field)
{
    *(struct str *)field =
        arena_str(&reading->loader->box->arena, str_sub(reading->node->text, 0, MAP_NAME_MAX));
    return true;
}

static bool take_permissions(struct map_reading *reading, void *field)
{
    const struct node *texts = reading->node;
    struct loader *loader = reading->loader;
    unsigned *out = field;

    *out = 0;
    if (texts->type != NODE_LIST) {
        return loader_fail(loader, "%s: permissions must be a list", loader->list);
    }
    for (const struct node *item = texts->first; item != NULL; item = item->next) {
        unsigned bits = permission_bits(item->text);

        if (bits == 0) {
            return loader_fail(loader,
                               "%s: \"%.*s\" is not a permission; known are " PERMISSIONS_KNOWN,
                               loader->list, SHOWN(item->text));
        }
        *out |= bits;
    }
    return true;
}

/* A date without a time means the end of that day. */
static bool take_date(struct map_reading *reading, void *field)
{
    const struct node *node = reading->node;
    int64_t *out = field;

    if (date_read(node->text, out)) {
        *out = *out == 0 ? 1 : *out; /* 0 would mean no date */
        return true;
    }
    return loader_fail(reading->loader,
                       "%s: %.*s: \"%.*s\" is not a date; write 2027-01-31 (a day in UTC) or "
                       "2027-01-31T12:00:00Z",
                       reading->loader->list, STR_ARG(node->key), SHOWN(node->text));
}

/* A date without a time means the beginning of that day. */
static bool take_not_before(struct map_reading *reading, void *field)
{
    int64_t *out = field;

    if (!take_date(reading, field)) {
        return false;
    }
    if (str_find_char(reading->node->text, 'T') < 0 && *out >= DAY_MS) {
        *out -= DAY_MS;
    }
    return true;
}

static bool take_key(struct map_reading *reading, void *field)
{
    (void)field;
    return hash_text(reading->loader, reading->node->text, false, reading->entry);
}

static bool take_key_file(struct map_reading *reading, void *field)
{
    struct loader *loader = reading->loader;
    struct buf text;
    bool ok = read_secret_file(loader, loader->list, reading->node->text, &text);

    (void)field;
    if (ok && credential_is_comment(buf_view(&text))) {
        ok = loader_fail(loader,
                         "%s: the file of a key begins with a comment; it holds the key alone",
                         loader->list);
    }
    ok = ok && hash_key(loader, loader->list, buf_view(&text), false, reading->entry);
    wipe_secret_file(&text);
    return ok;
}

static bool take_digest(struct map_reading *reading, void *field)
{
    struct digest digest;

    if (!digest_from_hex(reading->node->text, &digest)) {
        return loader_fail(reading->loader, "%s: sha256 must be 64 hexadecimal digits",
                           reading->loader->list);
    }
    mem_copy(field, digest.bytes, DIGEST_BYTES);
    return true;
}

static const char *const subject_names[] = {
    [TLS_NAME_CN] = "cn", [TLS_NAME_DNS] = "dns", [TLS_NAME_URI] = "uri"};

/* A subject with unprintable bytes matches no client: such names of a certificate are left out (tls_peer.h). */
static bool take_subject(struct map_reading *reading, void *field)
{
    const struct node *node = reading->node;
    struct config_key *out = reading->entry;

    if (node->type != NODE_SCALAR || node->text.len == 0 || node->text.len > SUBJECT_MAX_LEN) {
        return loader_fail(reading->loader, "%s: %.*s must be a text of 1 to %d bytes",
                           reading->loader->list, STR_ARG(node->key), SUBJECT_MAX_LEN);
    }
    out->subject_kind = TLS_NAME_CN;
    while (!str_is(node->key, subject_names[out->subject_kind])) {
        out->subject_kind++;
    }
    *(struct str *)field = arena_str(&reading->loader->box->arena, node->text);
    return true;
}

static void put_permissions(struct buf *out, const struct map_member *member, const void *entry)
{
    permissions_print(*(const unsigned *)map_field(member, entry), out);
}

static void put_date(struct buf *out, const struct map_member *member, const void *entry)
{
    const int64_t *wall_ms = map_field(member, entry);

    if (*wall_ms != 0) {
        buf_char(out, '"');
        clock_format(out, *wall_ms);
        buf_char(out, '"');
    }
}

/* A digest is no secret, so it is printed: then the printed file can be loaded again. */
static void put_digest(struct buf *out, const struct map_member *member, const void *entry)
{
    const struct config_key *key = entry;
    struct digest digest;
    char hex[65];

    if (key->subject.len == 0) {
        mem_copy(digest.bytes, map_field(member, entry), DIGEST_BYTES);
        digest_hex(&digest, hex);
        buf_printf(out, "\"%s\"", hex);
    }
}

static void put_subject(struct buf *out, const struct map_member *member, const void *entry)
{
    const struct config_key *key = entry;

    if (str_is(str_from(member->name), subject_names[key->subject_kind])) {
        put_text(out, member, entry);
    }
}

#define AT(member) offsetof(struct config_key, member)

static const struct map_member members[] = {
    {"name", take_name, put_text, AT(name)},
    {"key", take_key, NULL, 0, NULL, true, list_keys},
    {"key_file", take_key_file, NULL, 0, NULL, true, list_keys},
    {"sha256", take_digest, put_digest, AT(sha256), NULL, true, list_keys},
    {"cn", take_subject, put_subject, AT(subject), NULL, true, list_certificates},
    {"dns", take_subject, put_subject, AT(subject), NULL, true, list_certificates},
    {"uri", take_subject, put_subject, AT(subject), NULL, true, list_certificates},
    {"permissions", take_permissions, put_permissions, AT(permissions)},
    {"tenant", map_text, put_text, AT(tenant_name)}, /* looked up later, in judge_auth.c */
    {"rate", map_number, put_number, AT(rate.per_second), "limits.per_key"},
    {"burst", map_number, put_number, AT(rate.burst), "limits.burst"},
    {"concurrency", map_number, put_number, AT(rate.concurrency), "limits.concurrency"},
    {"not_before", take_not_before, put_date, AT(not_before_ms)},
    {"expires", take_date, put_date, AT(expires_ms)},
};

static bool has_sole_subject(struct loader *loader, const struct config_key *made)
{
    const struct config *config = &loader->box->config;

    for (size_t i = 0; i < config->auth.n_certificates; i++) {
        const struct config_key *other = &config->auth.certificates[i];

        if (other != made && other->subject_kind == made->subject_kind &&
            str_eq(other->subject, made->subject)) {
            return loader_fail(loader, "%s: another entry has the same %s", loader->list,
                               subject_names[made->subject_kind]);
        }
    }
    return true;
}

/* An entry without a key or subject names no caller, and one with two of them is ambiguous: both are refused. */
static bool judge(struct loader *loader, void *entry, unsigned n_keys)
{
    bool is_key = str_is(str_from(loader->list), list_keys);
    struct config_key *made = entry;

    if (made->expires_ms != 0 && made->expires_ms <= made->not_before_ms) {
        return loader_fail(loader, "%s: an entry ends (expires) before it begins (not_before)",
                           loader->list);
    }
    if (n_keys != 1) {
        return loader_fail(loader, "%s: an entry needs exactly one of %s", loader->list,
                           is_key ? "key, key_file and sha256" : "cn, dns and uri");
    }
    if (made->name.len == 0) {
        made->name = is_key ? numbered(loader) : made->subject;
    }
    return is_key || has_sole_subject(loader, made);
}

#define LIST                                                                                       \
    .members = members, .n_members = ARRAY_LEN(members), .entry_bytes = sizeof(blank),             \
    .blank = &blank, .example = "{name: ..., uri: ...}", .judge = judge

const struct map_list keys_list = {LIST, .take_text = add_plain};
const struct map_list certificates_list = {LIST};
