/* Values as a kind of the table of verbs wants them: text, a time, a point... Everything that is
 * wrong with a value is said at the place of the value. */
#include "base/nearest.h"
#include "base/span.h"
#include "testfile_internal.h"

/* Digits: as many as base/span reads. */
enum { SECONDS_BELOW = 100, WAIT_MAX_MS = 600000, SPAN_DIGITS = 10 };

#define TIME_HINT "write milliseconds (2000) or a unit (2s, 500ms)"

static bool refuse_value(struct compile *c, struct place place, const char *what, const char *hint)
{
    return problem_refuse(c, place, hint, NULL, "\"%.*s\" %s", CLIPPED(place.text), what);
}

/* ---- text ---- */

static const char locator_keys[] = "selector|target|element|css|xpath|id|text|label|placeholder|"
                                   "hint|name|value";

/* Of a map that says how to find an element, the key that stands first in locator_keys counts. */
static bool locator_text(struct compile *c, const struct node *map, const struct node **out)
{
    struct str rest = str_from(locator_keys);
    struct str key;

    *out = NULL;
    while (*out == NULL && str_next(&rest, '|', &key)) {
        *out = node_get_str(map, key);
    }
    if (*out == NULL || (*out)->type != NODE_SCALAR) {
        return problem_refuse(c, place_of(map), NULL, NULL, "expected text, not a map");
    }
    NODE_FOREACH (child, map) {
        if (!str_among(child->key, STR(locator_keys), '|')) {
            problem_add(c, TESTFILE_WARNING, place_of_key(child),
                        "\"%.*s\" has no effect: the platform finds elements by one text",
                        CLIPPED(child->key))
                ->hint = STR("name the element so that it is the only one");
        }
    }
    return true;
}

static bool raw_text(struct compile *c, const struct found *found, struct str *out,
                     struct place *out_place)
{
    const struct node *node = found->node;

    *out_place = found->place;
    if (node == NULL) {
        *out = found->text;
        return true;
    }
    if (node->type == NODE_MAP && !locator_text(c, node, &node)) {
        return false;
    }
    if (node->type == NODE_LIST) {
        return problem_refuse(c, place_of(node), "put text that begins with [ in quotes", NULL,
                              "expected text, not a list");
    }
    *out_place = place_of(node);
    *out = node->text;
    return true;
}

/* ---- times ---- */

static bool looks_numeric(struct str text)
{
    return str_is_only(text, "0-9.eE+-") && char_lower(text.ptr[0]) != 'e';
}

/* "1_000", "1,000", "1'000", "1 000", "0x10" */
static bool is_number_of_people(struct str text)
{
    struct str digits = str_sub(text, str_starts(text, STR("0x")) ? 2 : 0, text.len);

    return (digits.len < text.len && str_is_only(digits, "0-9A-Fa-f")) ||
           (str_is_only(text, "0-9_,.' ") && str_span(text, "0-9") > 0 &&
            str_span(str_sub(text, text.len - 1, text.len), "0-9") > 0);
}

/* "5 parsecs": one word behind a number is taken as a unit, even an unknown one; "3 items found" and
 * "2nd" are texts. */
static bool is_unit_like(struct str unit)
{
    if (str_starts(unit, STR("\xC2\xB5")) || str_starts(unit, STR("\xCE\xBC"))) { /* 5 µs */
        unit = str_sub(unit, 2, unit.len);
    }
    return str_span(unit, "A-Za-z") == unit.len && !str_has_word("st nd rd th x px", unit);
}

/* "2,5s", "5s.", "1m30s", "1h30", "~5s": a number and a unit, with what people write around them. */
static bool is_time_word(struct str word)
{
    int64_t ms;
    size_t n;

    word = str_sub(word, str_span(word, "~<>=+"), word.len);
    while (word.len > 0 && str_find_char(STR(".,!;"), word.ptr[word.len - 1]) >= 0) {
        word.len--;
    }
    n = str_span(word, "0-9_'.,:-");
    if (n == 0 || n == word.len) {
        return false;
    }
    word = str_sub(word, n, word.len);
    for (n = 0; n < word.len && !(word.ptr[n] >= '0' && word.ptr[n] <= '9'); n++) {
    }
    return span_unit(str_sub(word, 0, n), &ms) &&
           (n + str_span(str_sub(word, n, word.len), "0-9") == word.len ||
            is_time_word(str_sub(word, n, word.len)));
}

/* 00:05, PT5S */
static bool is_clock(struct str text)
{
    return (str_is_only(text, "0-9:") && str_find_char(text, ':') > 0) ||
           (str_starts_nocase(text, STR("PT")) && is_time_word(str_sub(text, 2, text.len)));
}

/* "five seconds", "about 5 s.", "1 minute 30 seconds", "half a second": nearly times, and no element is called so. */
static bool is_nearly_time(struct str text)
{
    static const char amounts[] = "a an half some few several couple about";
    struct str rest = text;
    struct str before = STR_EMPTY;
    struct str word;
    struct str first;
    bool is_unit = false;
    size_t n = 0;
    int64_t ms;

    (void)str_cut(text, ' ', &first, &word);
    while (str_next(&rest, ' ', &word)) {
        while (str_ends(word, STR("."))) {
            word.len--;
        }
        is_unit = n > 0 && span_unit(word, &ms);
        if (is_time_word(word) || (is_unit && str_span(before, "0-9") > 0)) {
            return true;
        }
        before = word.len > 0 ? word : before;
        n++;
    }
    return is_clock(text) || is_number_of_people(text) ||
           (is_unit && (n == 2 || str_has_word(amounts, first)));
}

/* For "5 s" with a space that YAML does not take for one: that slip has a warning of its own. */
static struct str without_odd_spaces(struct str text)
{
    while (odd_space_length(text) > 0) {
        text = str_sub(text, odd_space_length(text), text.len);
    }
    return str_trim(text);
}

/* `plain`: the text is not in quotes, so text that looks like a number is a number. */
bool text_is_time(struct str text, bool plain)
{
    int64_t number;
    struct str unit;

    text = str_trim(text);
    if (span_split(text, &number, &unit) && is_unit_like(without_odd_spaces(unit))) {
        return true;
    }
    return plain && (looks_numeric(text) || is_nearly_time(text));
}

static bool refuse_time(struct compile *c, struct place place, struct str unit)
{
    struct testfile_problem *problem;

    if (unit.len == 0) {
        return refuse_value(c, place, "is not a time", TIME_HINT);
    }
    if (str_span(str_trim(place.text), "0-9") > SPAN_DIGITS) {
        return refuse_value(c, place, "is too long for a time", TIME_HINT);
    }
    if (unit.ptr[0] == ',' && str_span(str_sub(unit, 1, unit.len), "0-9") > 0) {
        return refuse_value(c, place, "is not a time", "write decimals with a point: 1.5s");
    }
    if (unit.ptr[0] != '.' && is_number_of_people(str_trim(place.text))) {
        return refuse_value(c, place, "is not a time", "write digits only: 1000");
    }
    problem = problem_add(c, TESTFILE_ERROR, place, "unknown unit of time \"%.*s\"", CLIPPED(unit));
    problem->nearest = span_unit_nearest(unit);
    problem->hint =
        STR("units are ms, s and min; to wait for an element: wait: {element: \"5 items\"}");
    return false;
}

/* The one reader of times: "2s", "500 ms", 2000, and 2 for two seconds. */
bool time_read(struct compile *c, struct place place, int64_t unit_ms, int64_t max_ms, int64_t *out)
{
    struct str name = STR_EMPTY;
    int64_t thousandths = 0;
    int64_t ms;
    bool is_number = span_split(str_trim(place.text), &thousandths, &name);

    name = without_odd_spaces(name);
    if (!is_number || (name.len > 0 && !span_unit(name, &unit_ms))) {
        return refuse_time(c, place, is_number ? name : STR_EMPTY);
    }
    if (name.len == 0 && unit_ms < 1000) {
        bool seconds = thousandths < (int64_t)SECONDS_BELOW * 1000;

        if (seconds && unit_ms == 1) {
            problem_add(c, TESTFILE_WARNING, place, "a time below %d is taken as seconds",
                        SECONDS_BELOW)
                ->hint = STR("write the unit to be clear: 2s or 50ms");
        }
        unit_ms = seconds ? 1000 : 1;
    }
    if (!span_ms(thousandths, unit_ms, &ms) || ms < 1 || ms > max_ms) {
        return problem_refuse(c, place, TIME_HINT, NULL,
                              "\"%.*s\" must be whole milliseconds, from 1 ms to %lld minutes",
                              CLIPPED(place.text), (long long)(max_ms / 60000));
    }
    *out = ms;
    return true;
}

bool ms_read(struct compile *c, struct place place, struct str text, int64_t unit_ms,
             struct str *out)
{
    int64_t ms;

    place.text = text;
    if (!time_read(c, place, unit_ms, WAIT_MAX_MS, &ms)) {
        return false;
    }
    *out = arena_printf(c->arena, "%lld", (long long)ms);
    return true;
}

/* ---- points and sizes ---- */

static struct str member_text(struct compile *c, struct bag *bag, const struct found *found,
                              const char *name)
{
    const struct node *node = found->node != NULL ? node_get(found->node, name) : NULL;

    if (found->node == NULL) { /* the whole step: width and height beside the action */
        struct field *field = bag_find(bag, name_id(c->dictionary, str_from(name)));

        if (field != NULL) {
            field->used = true;
            node = field->node;
        }
    }
    if (node == NULL || node->type != NODE_SCALAR) {
        return STR_EMPTY;
    }
    return str_trim(substitute(c, node->text, place_of(node)));
}

static bool read_pair(struct compile *c, struct bag *bag, const struct found *found, bool size,
                      struct str *out)
{
    struct str a;
    struct str b;

    if (found->node != NULL) {
        check_members(c, found->node, size ? "a size" : "a point", size ? "width height" : "x y");
    }
    a = member_text(c, bag, found, size ? "width" : "x");
    b = member_text(c, bag, found, size ? "height" : "y");
    if (a.len == 0 || b.len == 0) {
        return problem_refuse(c, found->place,
                              size ? "width and height, or size: 1280x800"
                                   : "x and y, or text like \"100,200\"",
                              NULL, "expected two numbers");
    }
    *out = arena_printf(c->arena, "%.*s%s%.*s", STR_ARG(a), size ? "x" : ",", STR_ARG(b));
    return true;
}

static struct str without_spaces(struct arena *arena, struct str text)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != ' ') {
            out[n++] = text.ptr[i];
        }
    }
    return (struct str){out, n};
}

/* ---- the kinds ---- */

struct str quote_regex(struct arena *arena, struct str text)
{
    static const char special[] = "\\^$.|?*+()[]{}/";
    struct buf buf;

    buf_init(&buf, text.len * 2 + 1);
    while (text.len > 0) {
        size_t n = reference_length(text);

        if (n > 0) {
            buf_append(&buf, text.ptr, n);
        } else {
            n = 1;
            if (str_find_char(str_from(special), text.ptr[0]) >= 0) {
                buf_char(&buf, '\\');
            }
            buf_char(&buf, text.ptr[0]);
        }
        text = str_sub(text, n, text.len);
    }
    return arena_take(arena, &buf);
}

static bool read_tab(struct compile *c, struct place place, struct str text, struct str *out)
{
    struct str digits = str_trim(text);
    int64_t number;

    if (str_starts_nocase(digits, STR("tab"))) {
        digits = str_sub(digits, 3, digits.len);
        digits = digits.len > 0 && (digits.ptr[0] == '-' || digits.ptr[0] == ' ')
                     ? str_sub(digits, 1, digits.len)
                     : digits;
    }
    if (!str_to_i64(digits, 0, INT32_MAX, &number)) {
        struct testfile_problem *problem =
            problem_add(c, TESTFILE_ERROR, place, "\"%.*s\" is not a tab", CLIPPED(place.text));

        problem->hint = STR("next, previous or a number from 0");
        problem->nearest = nearest_among(place.text, "next previous");
        return false;
    }
    *out = digits;
    return true;
}

static bool read_pixels(struct compile *c, struct place place, struct str text, bool up,
                        struct str *out)
{
    int64_t pixels;

    if (str_ends(text, STR("px"))) {
        text = str_sub(text, 0, text.len - 2);
    }
    if (!str_to_i64(str_trim(text), 1, INT32_MAX, &pixels)) {
        return refuse_value(c, place, "is not a number of pixels", "a whole number like 300");
    }
    *out = arena_printf(c->arena, "0,%s%lld", up ? "-" : "", (long long)pixels);
    return true;
}

bool value_url(struct compile *c, struct place place, struct str text, struct str *out)
{
    struct str base = c->base_url;
    size_t n = reference_length(str_trim(text));

    *out = str_trim(text);
    if (str_starts(*out, STR("{{")) && n > 0) { /* left to the platform, in its spelling */
        struct str name = str_trim(str_sub(*out, 2, n - 4));

        *out = arena_printf(c->arena, "${%.*s}%.*s", STR_ARG(name),
                            STR_ARG(str_sub(*out, n, out->len)));
    }
    if (base.len > 0 && out->len > 0 && out->ptr[0] == '/') {
        base = base.ptr[base.len - 1] == '/' ? str_sub(base, 0, base.len - 1) : base;
        *out = arena_printf(c->arena, "%.*s%.*s", STR_ARG(base), STR_ARG(*out));
    }
    if (out->len > 0 && out->ptr[0] == '/') {
        return refuse_value(c, place, "is relative, and the file says no address to begin with",
                            "set starting_url (base in compact files)");
    }
    if (out->len > 0 && out->ptr[0] != '$' && !str_contains(*out, STR("://"))) {
        return refuse_value(
            c, place, "is not a URL",
            "navigate opens a URL like https://example.com; to follow a menu, click it");
    }
    return true;
}

static bool read_file_url(struct compile *c, struct place place, struct str text, struct str *out)
{
    *out = str_trim(text);
    return str_contains(text, STR("://")) ||
           refuse_value(
               c, place, "is not a URL, and the platform takes files by URL only",
               "put the file where the platform can fetch it: url: https://example.com/cv.pdf");
}

/* Refuses true and false where the name of an element or option is wanted. In quotes they are names. */
static bool is_refused_truth(struct compile *c, enum value_kind kind, const struct node *node,
                             struct place place)
{
    bool truth;

    if ((kind != VALUE_NAMED && kind != VALUE_OPTION) || !node_is_bool(node, &truth)) {
        return false;
    }
    return kind == VALUE_OPTION
               ? !refuse_value(c, place,
                               "is no option, and that nothing is selected cannot be asserted",
                               "name the option; one that is called so stands in quotes")
               : !refuse_value(
                     c, place, "names no element",
                     "say which element is meant; one that is called so stands in quotes");
}

/* VALUE_SPLIT, VALUE_LAST and VALUE_POSITION have a meaning only in map_verb.c; here they are text. */
bool value_read(struct compile *c, struct bag *bag, enum value_kind kind, const struct found *found,
                struct str *out)
{
    bool is_pair = kind == VALUE_XY || kind == VALUE_SIZE;
    struct place place;
    struct str text;

    if (is_pair && (found->node == NULL || found->node->type == NODE_MAP)) {
        return read_pair(c, bag, found, kind == VALUE_SIZE, out);
    }
    if (!raw_text(c, found, &text, &place) || is_refused_truth(c, kind, found->node, place)) {
        return false;
    }
    if (kind == VALUE_VARIABLE) {
        *out = bare_name(text);
        return true;
    }
    text = substitute(c, text, place);
    if (kind == VALUE_MS || kind == VALUE_SECONDS) {
        return ms_read(c, place, text, kind == VALUE_SECONDS ? 1000 : 1, out);
    }
    if (kind == VALUE_UP || kind == VALUE_DOWN) {
        return read_pixels(c, place, text, kind == VALUE_UP, out);
    }
    if (kind == VALUE_TAB) {
        return read_tab(c, place, text, out);
    }
    if (kind == VALUE_URL) {
        return value_url(c, place, text, out);
    }
    if (kind == VALUE_FILE_URL) {
        return read_file_url(c, place, text, out);
    }
    if (kind == VALUE_UNQUOTED) {
        text = str_unquote(str_trim(text)); /* key: '"TAB"' */
    }
    *out = is_pair ? without_spaces(c->arena, text) : text;
    if (kind == VALUE_REGEX) {
        *out = quote_regex(c->arena, text);
    }
    return true;
}
