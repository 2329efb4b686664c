/* Slips that are valid YAML but do not mean what they seem to mean. They are looked for in the text of
 * the file, which is as it was typed. */
#include "base/nearest.h"
#include "testfile_internal.h"

enum { NO_BREAK_SPACE = 0xA0, IDEOGRAPHIC_SPACE = 0x3000 };

/* Spaces that YAML does not take for spaces: no-break, typographic and ideographic ones. */
static bool is_odd_space(uint32_t point)
{
    return point == NO_BREAK_SPACE || point == 0x1680 || (point >= 0x2000 && point <= 0x200A) ||
           point == 0x202F || point == 0x205F || point == IDEOGRAPHIC_SPACE;
}

/* Finds where each line begins, once and only for a file that needs it. */
static void lines_find(struct compile *c)
{
    size_t n = 1;
    size_t *starts;

    for (size_t i = 0; i < c->source.len; i++) {
        n += c->source.ptr[i] == '\n' ? 1 : 0;
    }
    starts = arena_calloc(c->arena, n, sizeof(*starts));
    n = 1;
    for (size_t i = 0; i < c->source.len; i++) {
        if (c->source.ptr[i] == '\n') {
            starts[n++] = i + 1;
        }
    }
    c->line_starts = starts;
    c->n_lines = n;
}

/* The rest of the line of the file from a place on; empty: not known. Places are mostly asked for in the order
 * of the text, so it goes on from the last one. */
static struct str rest_of_line(struct compile *c, unsigned line, unsigned column)
{
    struct str rest;

    if (c->source.len == 0 || line == 0 || column == 0) {
        return STR_EMPTY;
    }
    if (c->line_starts == NULL) {
        lines_find(c);
    }
    if (line > c->n_lines) {
        return STR_EMPTY;
    }
    if (c->last_line != line || c->last_column > column) {
        size_t begin = c->line_starts[line - 1];
        size_t end = line < c->n_lines ? c->line_starts[line] - 1 : c->source.len;

        c->last_line = line;
        c->last_column = 1;
        c->last_rest = str_sub(c->source, begin, end - begin);
    }
    rest = c->last_rest;
    for (unsigned i = c->last_column; i < column && rest.len > 0; i++) {
        (void)utf8_next(&rest);
    }
    c->last_column = column;
    c->last_rest = rest;
    return rest;
}

bool is_cut_by_comment(struct compile *c, const struct node *value)
{
    struct str rest;
    struct str head;

    if (value->type != NODE_SCALAR || value->quoted || value->text.len > 0) {
        return false;
    }
    if (value->key_line == 0) { /* an element of a list */
        return str_starts(str_trim(rest_of_line(c, value->line, value->column)), STR("#"));
    }
    rest = rest_of_line(c, value->key_line, value->key_column);
    return str_cut(rest, ':', &head, &rest) && str_starts(str_trim(rest), STR("#"));
}

/* `click: &submit` and `click: ! x`: what begins with & or ! is no part of the text. */
static void check_property(struct compile *c, const struct node *node)
{
    struct str rest = rest_of_line(c, node->line, node->column);
    bool is_anchor = str_starts(rest, STR("&")) && !node->is_shared;
    size_t n = 0;

    if (!is_anchor && (!str_starts(rest, STR("!")) || str_starts(rest, STR("!!")))) {
        return;
    }
    while (n < rest.len && str_find_char(STR(" \t\r,]}"), rest.ptr[n]) < 0) {
        n++;
    }
    problem_add(c, TESTFILE_WARNING, place_of(node),
                is_anchor ? "\"%.*s\" names the value for aliases, and none refers to it"
                          : "\"%.*s\" is a tag of YAML and no part of the text",
                STR_ARG(utf8_clip(str_sub(rest, 0, n), SHOWN_MAX)))
        ->hint = arena_printf(c->arena, "a value that begins with %c needs quotes", rest.ptr[0]);
}

/* Text behind a # is nearly always a remark for readers: it has several words, or a space follows the #. One
 * word without that space, a number alone, and text that begins with a digit right behind the # probably
 * belong to the value. */
static bool looks_meant(struct str comment)
{
    struct str word = str_trim(str_sub(comment, 1, comment.len));

    if (str_span(str_sub(comment, 1, comment.len), "0-9") > 0) {
        return true; /* Order #12 of 3 */
    }
    return word.len > 0 && str_find_char(word, ' ') < 0 && str_find_char(word, '#') < 0 &&
           (str_is_only(word, "0-9") || comment.ptr[1] != ' ');
}

static void check_comment(struct compile *c, const struct node *node)
{
    struct str rest = rest_of_line(c, node->line, node->column);
    struct str behind = str_sub(rest, node->text.len, rest.len);

    if (!str_starts(rest, node->text) || !str_starts(str_trim(behind), STR("#")) ||
        text_is_time(node->text, true) || !looks_meant(str_trim(behind))) {
        return;
    }
    problem_add(c, TESTFILE_WARNING, place_of(node),
                "the text ends before \"%.*s\": a # behind a space begins a comment",
                CLIPPED(str_trim(behind)))
        ->hint = STR("put the whole text in quotes if the # belongs to it");
}

/* The text as a whole stands in quotes that YAML does not take for quotes. */
static void check_quotes(struct compile *c, const struct node *node)
{
    struct str inner;
    size_t n = typographic_length(node->text, &inner);
    bool is_guillemet = str_starts(node->text, STR("\xC2\xAB"));

    if (node->quoted || node->text.len < 4 ||
        (n < node->text.len && !is_guillemet && !typographic_opens(node->text)) ||
        str_contains(node->text, STR(" \xE2\x80\x9C"))) {
        return;
    }
    problem_add(c, TESTFILE_WARNING, place_of(node),
                "typographic quotes belong to the text; YAML does not take them for quotes")
        ->hint = STR("use \" or ', unless these quotes stand on the page itself");
}

/* True: the " that ends the text is no end of a piece in quotes, as sentences read them (sentence_words.c). */
static bool begins_quote_at_end(struct str text)
{
    char open = '\0';
    size_t from = 0; /* where the last piece in quotes began */

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (open != '\0' && c == '\\' && i + 2 < text.len) {
            i++;
        } else if (open != '\0') {
            if (c == open) {
                open = '\0';
            }
        } else if (c == '"' || (c == '\'' && (i == 0 || text.ptr[i - 1] == ' '))) {
            open = c;
            from = i;
        }
    }
    return open == '"' && text.len >= 2 && from + 1 == text.len;
}

/* `click: Sign in"`: YAML keeps a quote that stands at the end only. 24" is a size. */
static void check_last_quote(struct compile *c, const struct node *node)
{
    struct str text = node->text;

    if (!begins_quote_at_end(text) || str_span(str_sub(text, text.len - 2, text.len), "0-9") > 0) {
        return;
    }
    problem_add(c, TESTFILE_WARNING, place_of(node),
                "the quote at the end belongs to the text, since none stands before it")
        ->hint = STR("take it out, or put one before the text as well");
}

void check_slips(struct compile *c, const struct node *node)
{
    if (!node->quoted && str_ends(node->text, STR("\""))) {
        check_last_quote(c, node);
    }
    if (node->text.len > 0 && (unsigned char)node->text.ptr[0] >= 0x80) {
        check_quotes(c, node);
    }
    if (c->has_hash && !node->quoted && node->text.len > 0) {
        check_comment(c, node);
    }
    if (c->has_property) {
        check_property(c, node);
    }
}

size_t odd_space_length(struct str text)
{
    struct str rest = text;

    return text.len > 0 && is_odd_space(utf8_next(&rest)) ? text.len - rest.len : 0;
}

bool warn_no_break_space(struct compile *c, uint32_t point, struct place place)
{
    if (!is_odd_space(point) || point == IDEOGRAPHIC_SPACE) { /* which is usual in Japanese texts */
        return false;
    }
    problem_add(c, TESTFILE_WARNING, place, "the text holds %s space (U+%04X)",
                point == NO_BREAK_SPACE ? "a no-break" : "an odd", point)
        ->hint = STR("write an ordinary space: the two look the same and are not");
    return true;
}

/* `click:Sign in` is one text for YAML, and `click: Sign in` with a no-break space as well. */
const struct verb *verb_before_colon(const struct compile *c, struct str text, struct str *out_word)
{
    struct str rest;

    if (!str_cut(text, ':', out_word, &rest) || rest.len == 0) {
        return NULL;
    }
    return verb_find(c->dictionary, *out_word);
}

bool lacks_space(const struct compile *c, struct str key)
{
    struct str head;
    struct str rest;

    return str_cut(key, ':', &head, &rest) && rest.len > 0 && key_find(c->dictionary, head) != NULL;
}

/* Odd are the dashes from the typographic hyphen to the long bar (U+2010 to U+2015), and the minus. */
bool has_odd_dash(struct str text)
{
    while (text.len > 0) {
        uint32_t point = utf8_next(&text);

        if ((point >= 0x2010 && point <= 0x2015) || point == 0x2212) {
            return true;
        }
    }
    return false;
}

/* ---- members of maps ---- */

bool refuse_wide(struct compile *c, const struct node *map, const char *of)
{
    if (map->type != NODE_MAP || map->n_children <= MEMBERS_MAX) {
        return false;
    }
    return !problem_refuse(c, place_of_key(map), NULL, NULL, "%s has more than %d members", of,
                           MEMBERS_MAX);
}

void check_members(struct compile *c, const struct node *map, const char *of, const char *names)
{
    if (refuse_wide(c, map, of)) {
        return;
    }
    for (const struct node *child = map->type == NODE_MAP ? map->first : NULL; child != NULL;
         child = child->next) {
        if (!str_has_word(names, child->key)) {
            unknown_member(c, child, of, names);
        }
    }
}

void unknown_member(struct compile *c, const struct node *member, const char *of, const char *names)
{
    struct str near = nearest_among(member->key, names);
    struct testfile_problem *problem =
        problem_add(c, near.len > 0 ? TESTFILE_ERROR : TESTFILE_WARNING, place_of_key(member),
                    "%s has no \"%.*s\"", of, CLIPPED(member->key));

    problem->nearest = near;
    if (near.len == 0) {
        problem->hint = arena_printf(c->arena, "it has no effect; %s takes: %s", of, names);
    }
}

/* Checks the members of a field that is a map, like `set: {name, value}` of a cookie, against those that the
 * form reads. */
void check_member_field(struct compile *c, const struct form *form, const struct field *field)
{
    struct str names = STR_EMPTY;

    for (size_t i = 0; i < form->n_options + form->commands[0].n_args; i++) {
        const struct item *item =
            i < form->n_options ? &form->options[i] : &form->commands[0].args[i - form->n_options];

        for (size_t k = 0; k < item->list.n; k++) {
            const struct alias *alias = &item->list.items[k];

            if (alias->kind == ALIAS_MEMBER && alias->id == field->id) {
                arena_join(c->arena, &names, " ", alias->text);
            }
        }
    }
    if (names.len > 0) {
        check_members(c, field->node, arena_cstr(c->arena, field->name),
                      arena_cstr(c->arena, names));
    }
}
