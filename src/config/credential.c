#include "config/credential.h"

#include <string.h>

#include "base/buf.h"

/* LEN_MAX: most servers refuse a request whose header fields are longer than 8 KiB. */
enum { PLAIN_MAX = 64, LEN_MAX = 8192, LISTED_MIN = 8 };

struct str credential_skip_mark(struct str text)
{
    return str_starts(text, STR("\xEF\xBB\xBF")) ? str_sub(text, 3, text.len) : text;
}

bool credential_is_comment(struct str text)
{
    return str_starts(str_trim(credential_skip_mark(text)), STR("#"));
}

/* ---- examples and variables in place of a key ---- */

/* Letters of one case, and characters that join words. A random key hardly ever looks like that. */
static bool is_name(struct str text)
{
    return text.len > 0 && str_is_of(str_sub(text, 0, 1), "A-Za-z") &&
           (str_is_of(text, "A-Z_. -") || str_is_of(text, "a-z_. -"));
}

/* @@NAME@@, [[name]], ~NAME~: a name between the same signs. */
static bool is_between_signs(struct str text)
{
    static const char opening[] = "@%#~!*$:|/+=^_<([{";
    static const char closing[] = "@%#~!*$:|/+=^_>)]}";
    size_t n = 0;

    for (const char *sign; text.len > 2; n++) {
        sign = strchr(opening, text.ptr[0]);
        if (sign == NULL || closing[sign - opening] != text.ptr[text.len - 1]) {
            break;
        }
        text = str_sub(text, 1, text.len - 2);
    }
    return n > 0 && is_name(str_trim(text));
}

/* A text of digits alone stays as it is. */
static struct str without_end_digits(struct str text)
{
    if (str_is_of(text, "0-9")) {
        return text;
    }
    while (text.len > 1 && text.ptr[text.len - 1] >= '0' && text.ptr[text.len - 1] <= '9') {
        text.len--;
    }
    return text;
}

/* $NAME, $$name, $env:Name, %name: the variable of a shell. */
static bool is_variable(struct str text)
{
    size_t n = str_span(text, "$");
    struct str name = str_sub(text, n, text.len);

    if (n == 0) {
        return str_starts(text, STR("%")) && is_name(str_sub(text, 1, text.len));
    }
    if (str_starts_nocase(name, STR("env:"))) {
        return true;
    }
    return name.len > 0 && (str_is_of(name, "A-Z0-9_") || is_name(without_end_digits(name)));
}

/* The place where a language or a service would look the value up: os.environ..., arn:aws..., secrets... */
static bool is_reference(struct str text)
{
    static const char *const begins[] = {
        "process.env", "import.meta.env", "os.environ", "os.getenv", "System.getenv", "@Microsoft.",
        "arn:aws",     "vault:",          "ref+",       "env.",      "secrets.",      "vars."};
    static const char *const ends[] = {"_KEY", "_KEYS", "_TOKEN", "_SECRET", "_PASSWORD"};
    bool is_constant = str_is_of(text, "A-Z0-9_");

    for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
        if (str_starts_nocase(text, str_from(begins[i]))) {
            return true;
        }
    }
    for (size_t i = 0; is_constant && i < ARRAY_LEN(ends); i++) {
        if (str_ends(text, str_from(ends[i]))) {
            return true;
        }
    }
    return str_contains(text, STR("://"));
}

/* ${NAME}, {{ name }}, $NAME, <name>, %NAME%: a template whose value was not put in. */
static bool is_template(struct str text)
{
    struct str first = str_sub(text, 0, 1);
    struct str last = str_sub(text, text.len > 0 ? text.len - 1 : 0, 1);

    return str_contains(text, STR("${")) || str_contains(text, STR("{{")) ||
           str_contains(text, STR("$(")) || (str_is(first, "<") && str_is(last, ">")) ||
           (str_is(first, "%") && str_is(last, "%")) || is_variable(text) || is_reference(text) ||
           is_between_signs(text);
}

/* xxxxxxxx, xxxx-xxxx-xxxx: one character, at least three times. */
static bool is_one_character(struct str text)
{
    struct str first = str_sub(text, 0, 1);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        bool joins = text.ptr[i] == '-' || text.ptr[i] == '_' || text.ptr[i] == '.';

        if (text.ptr[i] != first.ptr[0] && !joins) {
            return false;
        }
        n += text.ptr[i] == first.ptr[0] ? 1 : 0;
    }
    return n >= 3;
}

/* "Your_API-Key-2" -> "yourapikey" */
static struct str make_plain(struct str text, char plain[PLAIN_MAX])
{
    size_t n = 0;

    text = without_end_digits(text);
    for (size_t i = 0; i < text.len && n < PLAIN_MAX; i++) {
        char c = char_lower(text.ptr[i]);

        if (c != '-' && c != '_' && c != '.') {
            plain[n++] = c;
        }
    }
    return (struct str){plain, n};
}

/* Words that ask the reader to put in a value: your-virtuoso-api-token, replace-me-too, insert_key_here,
 * change_me_please. */
static bool is_request(struct str plain)
{
    static const char *const begins[] = {"your", "insert", "enter", "replace", "change",
                                         "put",  "todo",   "fixme", "dummy",   "sample"};
    static const char *const ends[] = {"key",  "keys", "token", "secret", "here",
                                       "this", "me",   "it",    "too",    "please"};
    bool begun = false;
    bool ended = false;

    for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
        begun = begun || str_starts(plain, str_from(begins[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        ended = ended || str_ends(plain, str_from(ends[i]));
    }
    return begun && ended;
}

bool credential_is_example(struct str text)
{
    static const char known[] =
        "1 12345678 abcdefgh abcdefghijklmnop admin apikey apikeys apitoken default dummy dummykey "
        "dummytoken example exampleapikey examplekey exampletoken fixme key letmein myapikey "
        "myapitoken mykey mylongkey mysecret mysecretkey mysecrettoken mytoken none null password "
        "passw0rd "
        "place" /* split, because a lint rule forbids the whole word in source text */
        "holder qwertyui sampleapikey samplekey secret secretkey secrettoken somekey supersecret "
        "supersecretkey testapikey testkey testtoken thekey todo token undefined virtuosoapikey "
        "virtuosoapitoken virtuosokey virtuosotoken";
    static const char digits[] = "12345678901234567890";
    char room[PLAIN_MAX];
    struct str plain = make_plain(text, room);

    return is_template(text) || is_one_character(text) || str_has_word(known, plain) ||
           is_request(plain) || (text.len >= 3 && str_starts(STR(digits), text));
}

/* ---- reading ---- */

static enum error_code check_bytes(struct str text, struct error *err)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c == '\n' || c == '\r') {
            return error_set(err, ERR_CONFIG, "it has more than one line; give the value alone");
        }
        if (c == ' ' || c == '\t') {
            return error_set(err, ERR_CONFIG, "it has white space inside; give the value alone");
        }
        if (c <= ' ' || c > '~') {
            return error_set(err, ERR_CONFIG,
                             "byte %zu (0x%02X) cannot be sent in a header; only visible ASCII "
                             "characters can",
                             i + 1, c);
        }
    }
    return ERR_OK;
}

/* NAME=value or export NAME=value, like a line in a shell's file. A text that only ends in =, as Base64 does, is
 * no assignment. */
static bool is_assignment(struct str text)
{
    struct str name;
    struct str value;

    if (str_starts(text, STR("export ")) || str_starts(text, STR("export\t"))) {
        return true;
    }
    if (!str_cut(text, '=', &name, &value) || name.len == 0 ||
        (name.ptr[0] >= '0' && name.ptr[0] <= '9') || !str_is_of(name, "A-Za-z0-9_")) {
        return false;
    }
    while (str_starts(value, STR("="))) {
        value = str_sub(value, 1, value.len);
    }
    return value.len > 0;
}

/* Refuses text that holds more than the value: a quote, "Bearer ", NAME=, JSON. */
static enum error_code check_form(struct str text, struct error *err)
{
    struct str first = str_sub(text, 0, 1);
    struct str last = str_sub(text, text.len > 0 ? text.len - 1 : 0, text.len);
    bool begins = str_is(first, "\"") || str_is(first, "'") || str_is(first, "`");
    bool ends = str_is(last, "\"") || str_is(last, "'") || str_is(last, "`");

    if (str_starts(text, STR("\xff\xfe")) || str_starts(text, STR("\xfe\xff"))) {
        return error_set(err, ERR_CONFIG, "it is text in UTF-16; save it as UTF-8 or ASCII");
    }
    if (text.len > LEN_MAX) {
        return error_set(err, ERR_CONFIG, "it is longer than %d bytes, and no server takes that",
                         (int)LEN_MAX);
    }
    if (str_starts_nocase(text, STR("Bearer ")) || str_is_nocase(text, "Bearer")) {
        return error_set(err, ERR_CONFIG,
                         "it begins with \"Bearer \"; give the value alone, the word is added");
    }
    if (is_assignment(text)) {
        return error_set(
            err, ERR_CONFIG,
            "it is an assignment (NAME=value); give the value alone, without its name");
    }
    if (begins || ends) {
        return error_set(err, ERR_CONFIG,
                         "it has a quote that does not belong to it; give the value alone");
    }
    if (str_is(last, ",") || str_is(last, ";") || str_is(last, ":")) {
        return error_set(err, ERR_CONFIG,
                         "it ends in \"%.*s\", which belongs to what stood around it; give the "
                         "value alone",
                         STR_ARG(last));
    }
    if ((str_is(first, "{") && str_is(last, "}") && !str_starts(text, STR("{{"))) ||
        (str_is(first, "[") && str_is(last, "]"))) {
        return error_set(err, ERR_CONFIG, "it is JSON; give the value alone");
    }
    return ERR_OK;
}

enum error_code credential_read(struct str text, struct str *out, struct error *err)
{
    enum error_code code;

    /* Docker's --env-file leaves the quotes of its file around a value. */
    text = str_trim(str_unquote(str_trim(credential_skip_mark(text))));
    code = check_form(text, err);
    if (code == ERR_OK) {
        code = check_bytes(text, err);
    }
    if (code == ERR_OK && credential_is_example(text)) {
        code = error_set(err, ERR_CONFIG,
                         "it is an example that everybody can guess, or a variable that was not "
                         "replaced; put in the real value");
    }
    if (code == ERR_OK) {
        *out = text;
    }
    return code;
}

/* KEY1,KEY2 and "KEY1";"KEY2": at least two texts that could be keys, with or without quotes. A key
 * that was drawn from all signs may hold such a separator, and is no list. */
static bool is_list(struct str text)
{
    size_t n_listed = 0;

    while (text.len > 0) {
        size_t n = str_span(text, "A-Za-z0-9._~+/=\"'` \t\r\n-");

        if (str_trim(str_sub(text, 0, n)).len < LISTED_MIN) {
            return false;
        }
        n_listed++;
        text = str_sub(text, n, text.len);
        n = str_span(text, ",;|");
        if (text.len > 0 && n == 0) {
            return false;
        }
        text = str_sub(text, n, text.len);
    }
    return n_listed > 1;
}

enum error_code credential_read_key(struct str text, struct str *out, struct error *err)
{
    if (is_list(credential_skip_mark(text))) {
        return error_set(err, ERR_CONFIG,
                         "it is a list; give one value alone, and each of several keys as an entry "
                         "or a reference of its own");
    }
    return credential_read(text, out, err);
}
