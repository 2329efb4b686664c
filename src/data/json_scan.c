/* Reads RFC 8259 to the letter, and makes the tree in the same walk. cJSON's own reader accepts raw control
 * characters and invalid UTF-8, ends a text at "\u0000", and loses digits of long numbers. */

#include "base/json_plain.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "json_internal.h"

enum {
    NAMES_LOOKED_AT = 32, /* larger objects are checked for repeated names at the end */
    NAME_BITS = 63
};

static enum error_code scan_value(struct json_scan *scan, struct json **out);

static uint32_t column_of(const struct json_scan *scan)
{
    return (uint32_t)(scan->at - scan->line_start - scan->continuations + 1);
}

enum error_code json_scan_refuse(struct json_scan *scan, const char *what)
{
    return error_in(scan->err, ERR_BAD_JSON, scan->line, column_of(scan), "line %u, column %u: %s",
                    scan->line, column_of(scan), what);
}

static void skip_spaces(struct json_scan *scan)
{
    for (; !json_at_end(scan); scan->at++) {
        char c = json_peek(scan);

        if (c == '\n') {
            scan->line++;
            scan->line_start = scan->at + 1;
            scan->continuations = 0;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            return;
        }
    }
}

/* Inline: at most places there is no space. */
static inline void skip_space(struct json_scan *scan)
{
    if ((unsigned char)json_peek(scan) <= ' ') {
        skip_spaces(scan);
    }
}

/* Makes a node that begins at `column` of this line. */
static enum error_code see(struct json_scan *scan, int type, uint32_t column, struct json **out)
{
    if (scan->n_nodes >= scan->max_nodes) {
        return json_scan_refuse(scan, "more values than this place takes");
    }
    scan->n_nodes++;
    *out = json_node_new(scan->arena, type);
    (*out)->node.valueint = (int)scan->line;
    (*out)->node.valuedouble = (double)column;
    return ERR_OK;
}

/* Reads a string; the scan stands at the opening quote. */
static inline enum error_code scan_text(struct json_scan *scan, struct str *out)
{
    char *from = scan->copy + ++scan->at;
    size_t n = json_plain_len(str_sub(scan->text, scan->at, scan->text.len));

    if (scan->at + n >= scan->text.len || scan->text.ptr[scan->at + n] != '"') {
        return json_scan_long_text(scan, out);
    }
    from[n] = '\0'; /* in the place of the closing quote */
    scan->at += n + 1;
    *out = (struct str){from, n};
    return ERR_OK;
}

static bool skip_digits(struct json_scan *scan)
{
    size_t from = scan->at;

    while (json_peek(scan) >= '0' && json_peek(scan) <= '9') {
        scan->at++;
    }
    return scan->at > from;
}

/* Sets a text in the copy, where a NUL stands behind it. */
static void set_text(struct json *node, struct str text)
{
    node->node.valuestring = unconst(text.ptr);
    node->text_len = (uint32_t)text.len;
}

static enum error_code scan_number(struct json_scan *scan, struct json **out)
{
    size_t from = scan->at;
    uint32_t column = column_of(scan);
    enum error_code code;

    if (json_peek(scan) == '-') {
        scan->at++;
    }
    if (json_peek(scan) == '0') {
        scan->at++;
        if (json_peek(scan) >= '0' && json_peek(scan) <= '9') {
            return json_scan_refuse(
                scan, "a number must not begin with a zero; put it in quotes to keep the zero");
        }
    } else if (!skip_digits(scan)) {
        return json_scan_refuse(scan, "a number needs digits here");
    }
    if (json_peek(scan) == '.') {
        scan->at++;
        if (!skip_digits(scan)) {
            return json_scan_refuse(scan, "a number needs digits after its point");
        }
    }
    if ((json_peek(scan) | 0x20) == 'e') {
        scan->at++;
        if (json_peek(scan) == '+' || json_peek(scan) == '-') {
            scan->at++;
        }
        if (!skip_digits(scan)) {
            return json_scan_refuse(scan, "a number needs digits in its exponent");
        }
    }
    code = see(scan, cJSON_Raw, column, out);
    if (code == ERR_OK) {
        scan->copy[scan->at] = '\0'; /* only in the copy: the scan still reads the text */
        set_text(*out, (struct str){scan->copy + from, scan->at - from});
    }
    return code;
}

static enum error_code scan_word(struct json_scan *scan, struct json **out)
{
    static const struct {
        struct str word;
        int type;
    } words[] = {{STR_INIT("true"), cJSON_True},
                 {STR_INIT("false"), cJSON_False},
                 {STR_INIT("null"), cJSON_NULL}};

    uint32_t column = column_of(scan);

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_starts(str_sub(scan->text, scan->at, scan->text.len), words[i].word)) {
            scan->at += words[i].word.len;
            return see(scan, words[i].type, column, out);
        }
    }
    return json_scan_refuse(
        scan, json_at_end(scan) ? "the text ends where a value should be"
                                : "no value begins like this; texts and names need double quotes");
}

static enum error_code scan_name(struct json_scan *scan, struct str *out)
{
    enum error_code code;

    if (json_peek(scan) != '"') {
        return json_scan_refuse(scan, "a member name in double quotes should be here");
    }
    code = scan_text(scan, out);
    skip_space(scan);
    if (code == ERR_OK && json_peek(scan) != ':') {
        return json_scan_refuse(scan, "a colon should be here");
    }
    scan->at++;
    skip_space(scan);
    return code;
}

/* The names of an object so far, as hash bits: a name with a new bit needs no comparison. */
struct names {
    uint64_t bits;
    unsigned n;
};

static void note_name(struct json_scan *scan, struct names *names, const struct json *object,
                      struct str name)
{
    size_t sum = name.len == 0 ? 0
                               : name.len * 7 + (size_t)(unsigned char)name.ptr[0] * 5 +
                                     (unsigned char)name.ptr[name.len - 1];
    uint64_t bit = UINT64_C(1) << (sum & NAME_BITS);

    if (++names->n > NAMES_LOOKED_AT ||
        ((names->bits & bit) != 0 && json_get_str(object, name) != NULL)) {
        scan->may_repeat = true;
    }
    names->bits |= bit;
}

/* Reads a member or an element, and attaches it to `container`. */
static enum error_code scan_member(struct json_scan *scan, struct json *container,
                                   struct names *names)
{
    bool is_object = container->node.type == cJSON_Object;
    struct str name = STR_EMPTY;
    enum error_code code = is_object ? scan_name(scan, &name) : ERR_OK;
    struct json *value = NULL;

    if (code == ERR_OK) {
        code = scan_value(scan, &value);
    }
    if (code != ERR_OK) {
        return code;
    }
    if (is_object) {
        note_name(scan, names, container, name);
        value->node.string = unconst(name.ptr);
        value->name_len = (uint32_t)name.len;
    }
    json_attach(container, value);
    return ERR_OK;
}

static enum error_code scan_members(struct json_scan *scan, struct json *container)
{
    char close = '}';
    struct names names = {0};

    if (container->node.type == cJSON_Array) {
        close = ']';
    }
    scan->at++;
    skip_space(scan);
    if (json_peek(scan) == close) {
        scan->at++;
        return ERR_OK;
    }
    for (;;) {
        enum error_code code = scan_member(scan, container, &names);

        if (code != ERR_OK) {
            return code;
        }
        skip_space(scan);
        if (json_peek(scan) == close) {
            scan->at++;
            return ERR_OK;
        }
        if (json_peek(scan) != ',') {
            return json_scan_refuse(scan, close == '}' ? "a comma or } should be here"
                                                       : "a comma or ] should be here");
        }
        scan->at++;
        skip_space(scan);
        if (json_peek(scan) == close) {
            return json_scan_refuse(scan, "a comma must be followed by a value");
        }
    }
}

static enum error_code scan_container(struct json_scan *scan, int type, struct json **out)
{
    enum error_code code = see(scan, type, column_of(scan), out);

    if (code != ERR_OK) {
        return code;
    }
    if (++scan->depth > scan->max_depth) {
        return json_scan_refuse(scan, "nested deeper than this place takes");
    }
    code = scan_members(scan, *out);
    scan->depth--;
    return code;
}

static enum error_code scan_string(struct json_scan *scan, struct json **out)
{
    struct str text;
    enum error_code code = see(scan, cJSON_String, column_of(scan), out);

    if (code == ERR_OK) {
        code = scan_text(scan, &text);
    }
    if (code == ERR_OK) {
        set_text(*out, text);
    }
    return code;
}

static enum error_code scan_value(struct json_scan *scan, struct json **out)
{
    switch (json_peek(scan)) {
    case '{':
        return scan_container(scan, cJSON_Object, out);
    case '[':
        return scan_container(scan, cJSON_Array, out);
    case '"':
        return scan_string(scan, out);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return scan_number(scan, out);
    default:
        return scan_word(scan, out);
    }
}

/* Finds the line and the column of the invalid byte at `bad`, and refuses the text. */
static enum error_code refuse_encoding(struct json_scan *scan, size_t bad)
{
    scan->at = 0;
    for (size_t i = 0; i < bad; i++) {
        unsigned char c = (unsigned char)scan->text.ptr[i];

        if (c == '\n') {
            scan->line++;
            scan->line_start = i + 1;
            scan->continuations = 0;
        } else {
            scan->continuations += (c & 0xC0) == 0x80 ? 1 : 0;
        }
    }
    scan->at = bad;
    return json_scan_refuse(scan, "not UTF-8; JSON must be sent in UTF-8 (RFC 8259 section 8.1)");
}

enum error_code json_scan(struct json_scan *scan, struct json **out)
{
    size_t valid = utf8_valid_prefix(scan->text);
    enum error_code code;

    scan->line = 1;
    if (scan->text.len >= UINT32_MAX) {
        return json_scan_refuse(scan, "too long");
    }
    if (valid < scan->text.len) {
        return refuse_encoding(scan, valid);
    }
    scan->copy = arena_alloc(scan->arena, scan->text.len + 1);
    mem_copy(scan->copy, scan->text.ptr, scan->text.len);
    if (str_starts(scan->text,
                   STR("\xEF\xBB\xBF"))) { /* a byte order mark: tolerated, as RFC 8259 allows */
        scan->at = 3;
        scan->line_start = 3;
    }
    skip_space(scan);
    code = scan_value(scan, out);
    skip_space(scan);
    if (code == ERR_OK && !json_at_end(scan)) {
        return json_scan_refuse(scan, "something follows the end of the JSON value");
    }
    return code;
}
