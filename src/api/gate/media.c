#include "api/gate/media.h"

#include <string.h>

#include "base/attr.h"
#include "base/utf8.h"

/* The type before the first ';', trimmed. */
static struct str essence(struct str content_type)
{
    struct str plain;
    struct str parameters;

    (void)str_cut(content_type, ';', &plain, &parameters);
    return str_trim(plain);
}

/* The kind of a single type. */
static enum media_kind kind_of(struct str plain)
{
    static const char *const opaque[] = {"image/", "audio/", "video/", "font/", "application/pdf"};
    struct str type;
    struct str subtype;

    if (!str_cut(plain, '/', &type, &subtype) || type.len == 0 || subtype.len == 0) {
        return MEDIA_NONE;
    }
    if (str_is_nocase(subtype, "json") || str_ends_nocase(subtype, STR("+json"))) {
        return MEDIA_JSON;
    }
    if (str_is_nocase(subtype, "svg+xml")) {
        return MEDIA_TEXT; /* an image that is text */
    }
    if (str_starts_any_nocase(plain, opaque, ARRAY_LEN(opaque))) {
        return MEDIA_OPAQUE;
    }
    return str_is_nocase(type, "multipart") ? MEDIA_PARTS : MEDIA_TEXT;
}

/* A proxy on the way may have joined two fields. JSON among the types counts, so that the body is searched. */
enum media_kind media_kind(struct str content_type)
{
    struct str one;
    enum media_kind kind = MEDIA_NONE;

    if (str_find_char(content_type, ',') < 0) {
        return kind_of(essence(content_type));
    }
    while (kind != MEDIA_JSON && header_list_next(&content_type, &one)) {
        kind = kind_of(essence(one));
    }
    return kind;
}

bool media_begins_as_json(struct str bytes)
{
    static const char *const marks[] = {"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"};

    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        if (str_starts(bytes, str_from(marks[i]))) {
            return true;
        }
    }
    if (bytes.len > 0 && bytes.ptr[0] == '\0') {
        bytes = str_sub(bytes, 1, bytes.len); /* UTF-16, the high byte first */
    }
    bytes = str_trim(bytes);
    return bytes.len == 0 || bytes.ptr[0] == '{' || bytes.ptr[0] == '[' || bytes.ptr[0] == '"';
}

bool media_begins_as_json_value(struct str bytes)
{
    bytes = str_trim(bytes);
    return media_begins_as_json(bytes) ||
           (bytes.len > 0 && strchr("-0123456789tfn", bytes.ptr[0]) != NULL);
}

bool media_begins_as_opaque(struct str bytes)
{
    static const struct {
        size_t at;
        struct str mark;
    } rows[] = {
        {0, STR_INIT("\x89PNG")},
        {0, STR_INIT("\xff\xd8\xff")}, /* JPEG */
        {0, STR_INIT("GIF8")},
        {0, STR_INIT("RIFF")}, /* WebP, WAV, AVI */
        {0, STR_INIT("BM")},
        {0, STR_INIT("\0\0\1\0")}, /* ICO, TrueType */
        {0, STR_INIT("II*\0")},
        {0, STR_INIT("MM\0*")},            /* TIFF */
        {4, STR_INIT("ftyp")},             /* MP4, AVIF, HEIC, M4A */
        {0, STR_INIT("\x1a\x45\xdf\xa3")}, /* WebM */
        {0, STR_INIT("OggS")},
        {0, STR_INIT("fLaC")},
        {0, STR_INIT("ID3")},
        {0, STR_INIT("\xff\xfb")}, /* MP3 */
        {0, STR_INIT("%PDF-")},
        {0, STR_INIT("wOF")},
        {0, STR_INIT("OTTO")},
        {0, STR_INIT("\0\1\0\0")}, /* TrueType */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_starts(str_sub(bytes, rows[i].at, bytes.len), rows[i].mark)) {
            return true;
        }
    }
    return false;
}

static struct str unquoted(struct str value)
{
    return value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"'
               ? str_sub(value, 1, value.len - 2)
               : value;
}

/* The value of the parameter `charset`. False: there is none. */
static bool charset_of(struct str content_type, struct str *out)
{
    struct str rest;
    struct str parameter;

    (void)str_cut(content_type, ';', &parameter, &rest);
    while (str_next(&rest, ';', &parameter)) {
        struct str name;
        struct str value;

        (void)str_cut(parameter, '=', &name, &value);
        if (str_is_nocase(str_trim(name), "charset")) {
            *out = unquoted(str_trim(value));
            return true;
        }
    }
    return false;
}

bool media_is_ascii_based(struct str content_type)
{
    static const char *const families[] = {"utf-8",     "utf8",  "us-ascii",   "ascii",
                                           "iso-8859-", "latin", "windows-125"};
    struct str charset;

    return !charset_of(content_type, &charset) ||
           str_starts_any_nocase(charset, families, ARRAY_LEN(families));
}

bool media_is_its_text(struct str content_type, struct str bytes)
{
    static const char *const utf8[] = {"utf", "us-ascii", "ascii"};
    struct str charset;

    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];

        if (c == '\0' || (c < ' ' && strchr("\t\n\r\x1e", c) == NULL)) {
            return false;
        }
    }
    return (charset_of(content_type, &charset) &&
            !str_starts_any_nocase(charset, utf8, ARRAY_LEN(utf8))) ||
           utf8_valid(bytes);
}

bool header_list_next(struct str *rest, struct str *out)
{
    size_t at = 0;
    bool quoted = false;

    if (rest->len == 0) {
        return false;
    }
    for (; at < rest->len && (quoted || rest->ptr[at] != ','); at++) {
        if (rest->ptr[at] == '"') {
            quoted = !quoted;
        } else if (quoted && rest->ptr[at] == '\\' && at + 1 < rest->len) {
            at++;
        }
    }
    at = at > rest->len ? rest->len : at;
    *out = str_trim(str_sub(*rest, 0, at));
    *rest = str_sub(*rest, at < rest->len ? at + 1 : at, rest->len);
    return true;
}

bool header_list_has(struct str value, struct str token)
{
    struct str element;

    while (header_list_next(&value, &element)) {
        if (str_eq_nocase(element, token)) {
            return true;
        }
    }
    return false;
}
