/* Values of callers by type (types.c has the table). Each check says what is wrong and what would be right; nothing is
 * guessed. */
#include <string.h>

#include "base/nearest.h"
#include "base/utf8.h"
#include "catalog_internal.h"

enum { ID_DIGITS = 19, SIZE_MAX_PX = 10000, LIST_MAX = 100, SHOWN = 60 };

static bool is_json(const struct param_place *place)
{
    return (place->param->flags & PARAM_JSON) != 0;
}

bool param_refuse(const struct param_place *place, const char *what, struct str shown)
{
    shown = is_json(place) ? STR_EMPTY : shown;
    (void)error_at(error_list_add(place->errors), ERR_INVALID, place->pointer, "%s: %s%s%.*s%s",
                   place->param->name, what, shown.len > 0 ? ", not \"" : "",
                   STR_ARG(utf8_clip(shown, SHOWN)), shown.len > 0 ? "\"" : "");
    return false;
}

bool param_put(const struct param_place *place, const char *name, struct json *value)
{
    json_set(place->values, str_from(name), value);
    return true;
}

bool param_put_text(const struct param_place *place, struct str text)
{
    return param_put(place, place->param->name, json_new_string(place->arena, text));
}

/* The value as text. From a command line a number counts as text, too, as it was written. */
static bool as_text(const struct param_place *place, const struct json *value, struct str *out)
{
    if (json_type(value) == JSON_NUMBER && !is_json(place)) {
        *out = json_number_text(value, place->arena);
        return true;
    }
    *out = json_str(value);
    if (json_type(value) != JSON_STRING) {
        return param_refuse(place, "must be text", STR_EMPTY);
    }
    return str_find_char(*out, '\0') < 0 || param_refuse(place, "holds a NUL character", STR_EMPTY);
}

static bool refuse_size(const struct param_place *place, size_t n, const char *of, int64_t max)
{
    return param_refuse(
        place,
        arena_printf(place->arena, "has %zu %s; at most %lld are taken", n, of, (long long)max).ptr,
        STR_EMPTY);
}

bool take_text(const struct param_place *place, const struct json *value)
{
    int64_t max = place->param->max > 0 ? place->param->max : PARAM_TEXT_MAX;
    struct str text;
    size_t n;

    if (!as_text(place, value, &text)) {
        return false;
    }
    if (text.len == 0 && (place->param->flags & PARAM_EMPTY) == 0) {
        return param_refuse(place, "must not be empty", STR_EMPTY);
    }
    n = utf8_count(text);
    if (n > (size_t)max) {
        return refuse_size(place, n, "characters", max);
    }
    return json_type(value) == JSON_STRING
               ? param_put(place, place->param->name, json_new_same_string(place->arena, value))
               : param_put_text(place, text);
}

static bool refuse_integer(const struct param_place *place, int64_t min, int64_t max,
                           struct str text)
{
    const char *unit = place->param->unit;
    struct str what =
        arena_printf(place->arena, "must be a whole number from %lld", (long long)min);

    what = max == INT64_MAX
               ? arena_printf(place->arena, "%.*s on", STR_ARG(what))
               : arena_printf(place->arena, "%.*s to %lld%s%s", STR_ARG(what), (long long)max,
                              unit != NULL ? " " : "", unit != NULL ? unit : "");
    return param_refuse(place, what.ptr, text);
}

bool take_integer(const struct param_place *place, const struct json *value)
{
    const struct param *param = place->param;
    bool bounded = param->min != 0 || param->max != 0 || is_json(place);
    int64_t min = bounded ? param->min : INT32_MIN;
    int64_t max = bounded ? param->max : INT32_MAX;
    struct str text =
        json_type(value) == JSON_NUMBER ? json_number_text(value, place->arena) : json_str(value);
    int64_t number;

    max = is_json(place) && max == 0 ? INT64_MAX : max;
    if (!str_to_i64(text, min, max, &number)) {
        return refuse_integer(place, min, max, text);
    }
    return param_put(place, param->name,
                     is_json(place)
                         ? json_new_int(place->arena, number)
                         : json_new_string(place->arena, arena_int(place->arena, number)));
}

bool take_url(const struct param_place *place, const struct json *value)
{
    struct str text = json_str(value);
    bool is_http =
        str_starts_nocase(text, STR("http://")) || str_starts_nocase(text, STR("https://"));
    bool is_variable = text.len > 1 && text.ptr[0] == '$' && place->param->type == PARAM_URL;
    size_t at = (size_t)(str_find_char(text, '/') + 2);
    bool has_host = is_http && text.len > at && str_find_char(STR(" \t/?#:"), text.ptr[at]) < 0;

    if (!is_variable && !has_host) {
        return param_refuse(place,
                            place->param->type == PARAM_URL
                                ? "must be a URL that begins with http://, https:// or a $variable"
                                : "must be a URL that begins with http:// or https://",
                            text);
    }
    return take_text(place, value);
}

/* "100,200" -> 100 and 200; "1280x800" likewise. */
bool take_pair(const struct param_place *place, const struct json *value)
{
    const struct param_row *row = param_row(place->param->type);
    bool is_size = place->param->type == PARAM_SIZE;
    struct str text = json_str(value);
    struct str first;
    struct str second;
    int64_t a;
    int64_t b;
    int64_t min = is_size ? 1 : INT32_MIN;
    int64_t max = is_size ? SIZE_MAX_PX : INT32_MAX;

    if (!str_cut(text, row->separator, &first, &second) || !str_to_i64(first, min, max, &a) ||
        !str_to_i64(second, min, max, &b)) {
        return param_refuse(place,
                            is_size ? "must be WIDTHxHEIGHT, each from 1 to 10000, like 1280x800"
                                    : "must be two whole numbers like 100,200",
                            text);
    }
    (void)param_put(place, row->parts[0], json_new_int(place->arena, a));
    return param_put(place, row->parts[1], json_new_int(place->arena, b));
}

bool take_variable(const struct param_place *place, const struct json *value)
{
    struct str text = json_str(value);

    if (text.len > 0 && text.ptr[0] == '$') {
        text = str_sub(text, 1, text.len);
    }
    if (text.len == 0 || utf8_count(text) > PARAM_TEXT_MAX) {
        return param_refuse(place, "must be the name of a variable", json_str(value));
    }
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] <= ' ' || strchr("${}\"'", text.ptr[i]) != NULL) {
            return param_refuse(
                place, "must be the name of a variable, without spaces, quotes, $ or braces", text);
        }
    }
    return param_put_text(place, text);
}

static bool word_matches(struct str word, struct str text)
{
    if (word.len != text.len) {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        char c = (char)(text.ptr[i] == '-' ? '_' : text.ptr[i]);

        if ((c | 0x20) != (word.ptr[i] | 0x20) || ((c == '_') != (word.ptr[i] == '_'))) {
            return false;
        }
    }
    return true;
}

bool word_is_one_of(const char *words, struct str text)
{
    struct str rest = str_from(words);
    struct str word;

    while (str_next(&rest, ' ', &word)) {
        if (word_matches(word, text)) {
            return true;
        }
    }
    return false;
}

static bool find_word(const struct param_place *place, struct str text, struct str *out)
{
    struct str rest = str_from(place->param->words);
    struct str word;
    struct nearest nearest;

    nearest_init(&nearest, text);
    while (str_next(&rest, ' ', &word)) {
        if (is_json(place) ? str_eq(word, text) : word_matches(word, text)) {
            *out = word;
            return true;
        }
        nearest_offer(&nearest, word);
    }
    return param_refuse(place,
                        arena_printf(place->arena, "must be one of: %s%s%.*s%s",
                                     place->param->words,
                                     nearest.best.len > 0 ? " (did you mean " : "",
                                     STR_ARG(nearest.best), nearest.best.len > 0 ? "?)" : "")
                            .ptr,
                        text);
}

bool take_enum(const struct param_place *place, const struct json *value)
{
    struct str text;
    struct str word;

    return as_text(place, value, &text) && find_word(place, text, &word) &&
           param_put_text(place, word);
}

bool take_upper(const struct param_place *place, const struct json *value)
{
    struct str text = json_str(value);
    char *upper = arena_alloc(place->arena, text.len + 1);
    bool is_word = text.len <= SHOWN && str_is_only(text, "A-Za-z0-9_-");

    for (size_t i = 0; i < text.len; i++) {
        upper[i] = char_upper(text.ptr[i]);
    }
    return is_word ? param_put_text(place, (struct str){upper, text.len})
                   : param_refuse(place, "must be one word", text);
}

/* A list, the JSON text of one, or a text with commas. */
static bool list_items(const struct param_place *place, const struct json *value, struct json *out)
{
    const struct json *item;
    struct json *parsed = NULL;
    struct str rest = json_str(value);
    struct str word;

    if (json_type(value) == JSON_STRING && str_starts(rest, STR("[")) &&
        json_parse(place->arena, rest, NULL, &parsed, NULL) == ERR_OK) { /* from a command line */
        value = parsed;
    }
    if (json_type(value) == JSON_STRING) {
        for (int n = 0; n <= LIST_MAX && str_next(&rest, ',', &word); n++) { /* 1 more: refused */
            json_append(out, json_new_string(place->arena, str_trim(word)));
        }
        return true;
    }
    if (json_type(value) != JSON_ARRAY) {
        return param_refuse(place, "must be a list, or text with commas", STR_EMPTY);
    }
    JSON_FOREACH (item, value) {
        if (json_type(item) != JSON_STRING) {
            return param_refuse(place, "must be a list of texts", STR_EMPTY);
        }
        json_append(out, json_copy(place->arena, item));
    }
    return true;
}

bool take_list(const struct param_place *place, const struct json *value)
{
    struct json *raw = json_new_array(place->arena);
    struct json *out = json_new_array(place->arena);
    const struct json *item;

    if (!list_items(place, value, raw)) {
        return false;
    }
    if (json_size(raw) == 0 || json_size(raw) > LIST_MAX) {
        return param_refuse(place, "must have 1 to 100 entries", STR_EMPTY);
    }
    JSON_FOREACH (item, raw) {
        struct str word = json_str(item);

        if (word.len == 0) {
            return param_refuse(place, "an entry of the list is empty", STR_EMPTY);
        }
        if (place->param->words != NULL && !find_word(place, word, &word)) {
            return false;
        }
        json_append(out, json_new_string(place->arena, word));
    }
    return param_put(place, place->param->name, out);
}

bool take_any(const struct param_place *place, const struct json *value)
{
    return param_put(place, place->param->name, json_copy(place->arena, value));
}

/* Checks the number of members or elements against the row's min and max, where it has them. */
static bool are_as_many(const struct param_place *place, const struct json *value)
{
    size_t n = json_size(value);
    int64_t max = place->param->max;

    if (n < (size_t)place->param->min) {
        return param_refuse(place, "must not be empty", STR_EMPTY);
    }
    if (max > 0 && n > (size_t)max) {
        return refuse_size(place, n, "elements", max);
    }
    return true;
}

bool take_object(const struct param_place *place, const struct json *value)
{
    struct json *parsed = NULL;

    if (json_type(value) == JSON_STRING && !is_json(place) &&
        json_parse(place->arena, json_str(value), NULL, &parsed, NULL) == ERR_OK) {
        value = parsed;
    }
    if (json_type(value) != JSON_OBJECT) {
        return param_refuse(place, "must be an object: {\"name\": value}", STR_EMPTY);
    }
    return are_as_many(place, value) && take_any(place, value);
}

bool take_array(const struct param_place *place, const struct json *value)
{
    if (json_type(value) != JSON_ARRAY) {
        return param_refuse(place, "must be a list", STR_EMPTY);
    }
    return are_as_many(place, value) && take_any(place, value);
}

bool id_normalise(struct str text, struct str *out_digits)
{
    static const char *const prefixes[] = {"cp_", "lib_", "journey_", "goal_", "step_", "project_"};

    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        struct str prefix = str_from(prefixes[i]);

        if (str_starts(text, prefix)) {
            text = str_sub(text, prefix.len, text.len);
            break;
        }
    }
    if (text.len == 0 || text.len > ID_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    *out_digits = text;
    return true;
}

bool take_id(const struct param_place *place, const struct json *value)
{
    struct str text =
        json_type(value) == JSON_NUMBER ? json_number_text(value, place->arena) : json_str(value);
    struct str digits;

    return id_normalise(text, &digits)
               ? param_put_text(place, digits)
               : param_refuse(
                     place,
                     "must be an id: 1 to 19 digits, as a number or text (cp_, lib_, journey_, "
                     "goal_, step_ and project_ may stand before them)",
                     text);
}

bool take_target(const struct param_place *place, const struct json *value)
{
    struct json *clue = json_new_object(place->arena);
    struct json *selector = json_new_object(place->arena);
    struct json *selectors = json_new_array(place->arena);
    struct json *target = json_new_object(place->arena);

    if (!take_text(place, value)) {
        return false;
    }
    json_set(clue, STR("clue"),
             json_copy(place->arena, json_get(place->values, place->param->name)));
    json_set(selector, STR("type"), json_new_string(place->arena, STR("GUESS")));
    json_set(selector, STR("value"), json_new_string(place->arena, json_text(place->arena, clue)));
    json_append(selectors, selector);
    json_set(target, STR("selectors"), selectors);
    return param_put(place, place->param->name, target);
}

bool take_flag(const struct param_place *place, const struct json *value)
{
    struct str text = is_json(place) ? STR_EMPTY : json_str(value);
    bool yes = json_true(value) || str_is_nocase(text, "true");
    bool no = (json_type(value) == JSON_BOOL && !json_true(value)) || str_is_nocase(text, "false");

    return yes || no ? param_put(place, place->param->name, json_new_bool(place->arena, yes))
                     : param_refuse(place, "must be true or false", text);
}
