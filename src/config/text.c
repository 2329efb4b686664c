/* Options whose value is one line of text, with further rules for each type. */
#include "base/address.h"
#include "base/fd.h"
#include "base/percent.h"
#include "base/url.h"
#include "config/credential.h"
#include "config_internal.h"

/* Texts go into headers and logs unchanged, so a line break or control character is refused. */
static bool is_one_line(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c < ' ' || c == 0x7F) {
            return false;
        }
    }
    return true;
}

bool url_path_is_sound(struct loader *loader, struct str path)
{
    struct str segment;
    struct str decoded;

    while (str_next(&path, '/', &segment)) {
        if (!percent_decode(&loader->box->arena, segment, false, &decoded) ||
            str_is(decoded, ".") || str_is(decoded, "..") || str_find_char(decoded, '\0') >= 0) {
            return false;
        }
    }
    return true;
}

/* Errors do not quote a text with an @, which may hold a password. */
bool url_is_sound(struct loader *loader, const struct option_row *row, struct str text)
{
    struct url url = {0};
    struct error err = {0};

    if (url_read(text, &url, &err) != ERR_OK) {
        bool hide = str_find_char(text, '@') >= 0;

        return loader_fail(loader, "%s: \"%.*s\" is not a URL: %s", row->key,
                           STR_ARG(hide ? STR("***") : str_sub(text, 0, SHOWN_MAX)), err.text);
    }
    if (url.has_user) {
        loader_fail(
            loader,
            "%s: the URL must not hold a user name or password; leave out what stands before "
            "the @",
            row->key);
    }
    if (url.has_query || url.has_fragment) {
        loader_fail(
            loader,
            "%s: the URL must not hold a query (?) or fragment (#); paths are appended to it",
            row->key);
    }
    if (!url_path_is_sound(loader, url.path)) {
        return loader_fail(loader,
                           "%s: the path of the URL has a dot segment or a broken percent escape",
                           row->key);
    }
    return !url.has_user && !url.has_query && !url.has_fragment;
}

static bool check_address(struct loader *loader, const struct option_row *row, struct str text)
{
    struct address address;
    struct error err = {0};

    if (row->words != NULL && str_is(text, "none")) {
        return true;
    }
    if ((row->words != NULL ? address_check(text, &err) : address_read(text, &address, &err)) !=
        ERR_OK) {
        return loader_fail(loader, "%s: %s", row->key, err.text);
    }
    return true;
}

bool file_is_readable(struct loader *loader, const struct option_row *row, const char *path)
{
    struct error err = {0};
    struct buf text;
    bool ok = true;

    if (path[0] == '\0') {
        return true;
    }
    buf_init(&text, CONFIG_FILE_MAX);
    if (fd_read_file(path, &text, &err) != ERR_OK) {
        loader_fail(loader, "%s: cannot read the file %.*s: %s", row->key,
                    SHOWN_FILE(str_from(path)), err.text);
        ok = false;
    } else {
        loader_note_file(loader, path, buf_view(&text));
    }
    wipe_secret_file(&text); /* it may be a private key */
    return ok;
}

bool set_text(struct loader *loader, const struct option_row *row, struct str text)
{
    struct str *field = option_field(&loader->box->config, row);
    bool is_left_empty = text.len == 0 && (row->may_be_empty || row->def[0] == '\0');

    if (!is_one_line(text)) {
        return loader_fail(loader, "%s: must be one line of text without control characters",
                           row->key);
    }
    if (row->type == OPTION_URL && !is_left_empty && !url_is_sound(loader, row, text)) {
        return false;
    }
    if (row->type == OPTION_ADDRESS && !check_address(loader, row, text)) {
        return false;
    }
    *field =
        arena_str(&loader->box->arena, row->type == OPTION_URL ? str_without_end(text, '/') : text);
    return row->type != OPTION_FILE || file_is_readable(loader, row, field->ptr);
}

bool id_from_text(struct loader *loader, const char *what, struct str text, struct str *out)
{
    int64_t number;

    text = str_trim(str_unquote(str_trim(credential_skip_mark(text))));
    if (text.len > 0 && !str_to_i64(text, 1, INT64_MAX, &number)) {
        return loader_fail(loader,
                           "%s: the value is not an id of the platform, which has digits only (up "
                           "to 19), such as 1234",
                           what);
    }
    *out = arena_str(&loader->box->arena, text);
    return true;
}

bool set_id(struct loader *loader, const struct option_row *row, struct str text)
{
    return id_from_text(loader, row->key, text, option_field(&loader->box->config, row));
}

/* Headers are not read as a credential: credential_read refuses NAME=VALUE. */
static bool take_secret(struct loader *loader, const char *what, const char *name, struct str text,
                        bool is_headers, struct secret *out)
{
    bool is_token = str_ends(str_from(what), STR("token"));
    struct error err = {0};
    enum error_code code;

    if (is_headers && is_one_line(str_trim(text))) {
        secret_set(out, str_trim(text));
        return true;
    }
    if (is_token && credential_is_comment(text)) {
        return loader_fail(loader,
                           "%s: the value cannot be used: it begins with #, as a comment does; "
                           "give the value alone",
                           name);
    }
    code = is_token ? credential_read_key(text, &text, &err) : credential_read(text, &text, &err);
    if (code != ERR_OK) {
        return loader_fail(loader, "%s: the value cannot be used: %s", name, err.text);
    }
    secret_set(out, text);
    return true;
}

static bool read_into(struct loader *loader, const char *what, struct str text, bool is_headers,
                      struct secret *out)
{
    struct buf value;
    bool ok;

    if (str_is(text, "***")) { /* what check --print writes for a secret: it stays unset */
        return true;
    }
    ok = read_secret(loader, what, text, &value) &&
         take_secret(loader, what, name_secret(loader, what, text), buf_view(&value), is_headers,
                     out);
    wipe_secret_file(&value);
    return ok;
}

bool secret_from_text(struct loader *loader, const char *what, struct str text, struct secret *out)
{
    return read_into(loader, what, text, false, out);
}

bool set_secret(struct loader *loader, const struct option_row *row, struct str text)
{
    return read_into(loader, row->key, text, row->words != NULL,
                     option_field(&loader->box->config, row));
}
