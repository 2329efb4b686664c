/* Lists as people write them: API_KEYS and CORS_ORIGINS, the files of keys, --set. One reader for
 * all: a JSON array of texts, or items between commas, white space or line ends, in brackets (a YAML
 * list on one line) or not. Quotes may stand around the whole, or around an item, which
 * then holds everything between its quotes. A # where an item could begin starts a comment up to the end of the
 * line. */
#include "config/credential.h"
#include "config_internal.h"
#include "data/json.h"

#define BLANKS     " \t"
#define SEPARATORS "," BLANKS "\r\n"

struct cursor {
    struct str rest;
    bool is_quoted; /* quotes stand around the whole list: then no # begins a comment */
    bool has_words; /* items may begin with a word and a blank: "POST /teststeps:503" */
};

static void drop(struct str *text, size_t n)
{
    *text = str_sub(*text, n, text->len);
}

/* Drops separators and comments before the next item. */
static void skip(struct cursor *at)
{
    struct str comment;

    while (at->rest.len > 0) {
        size_t n = str_span(at->rest, SEPARATORS);

        drop(&at->rest, n);
        if (at->is_quoted || !str_starts(at->rest, STR("#"))) {
            return;
        }
        (void)str_cut(at->rest, '\n', &comment, &at->rest);
    }
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

/* Takes an item up to its closing quote, behind which only a separator may come. */
static bool take_quoted(struct loader *loader, const struct option_row *row, struct cursor *at,
                        struct str *out)
{
    char quote = at->rest.ptr[0];

    drop(&at->rest, 1);
    if (str_find_char(at->rest, quote) < 0) {
        return loader_fail(loader, "%s: a quote (%c) is opened and not closed", row->key, quote);
    }
    (void)str_cut(at->rest, quote, out, &at->rest);
    *out = str_trim(*out);
    if (at->rest.len > 0 && !str_is_of(str_sub(at->rest, 0, 1), SEPARATORS)) {
        return loader_fail(loader, "%s: behind a closing quote (%c) a comma is expected", row->key,
                           quote);
    }
    return true;
}

static struct str take_bare(struct cursor *at)
{
    size_t word = str_span(at->rest, "A-Z*");
    size_t n = at->has_words && word > 0
                   ? word + str_span(str_sub(at->rest, word, at->rest.len), BLANKS)
                   : 0;
    struct str item;

    while (n < at->rest.len && !str_is_of(str_sub(at->rest, n, 1), SEPARATORS)) {
        n++;
    }
    item = str_trim(str_sub(at->rest, 0, n));
    drop(&at->rest, n);
    return item;
}

static bool is_item(struct loader *loader, const struct option_row *row, struct str item, size_t n,
                    bool is_bare)
{
    if (is_bare && (str_find_char(item, ';') >= 0 || str_find_char(item, '|') >= 0)) {
        return loader_fail(
            loader,
            "%s: entry %zu holds \";\" or \"|\", which separates nothing here: write commas, or put "
            "the entry in quotes if it is one",
            row->key, n);
    }
    if (str_find_char(STR("[]{}"), item.ptr[0]) >= 0) {
        return loader_fail(loader,
                           "%s: entry %zu: a list of texts is expected, without lists or maps "
                           "inside",
                           row->key, n);
    }
    return true;
}

/* False: it is no JSON array of texts, or one that is too long. */
static bool read_json(struct arena *room, struct str text, size_t max, struct str *items,
                      size_t *out_n)
{
    const struct json *entry;
    struct json *array;
    struct error err = {0};
    size_t n = 0;

    if (!str_starts(text, STR("[")) || json_parse(room, text, NULL, &array, &err) != ERR_OK ||
        json_size(array) > max) {
        return false;
    }
    JSON_FOREACH (entry, array) {
        if (json_type(entry) != JSON_STRING) {
            return false;
        }
        items[n] = str_trim(json_str(entry));
        n += items[n].len > 0 ? 1 : 0;
    }
    *out_n = n;
    return true;
}

/* Drops the brackets or quotes around the whole list. */
static struct cursor begin(struct str text)
{
    struct str inner = str_trim(str_unquote(text));
    struct cursor at = {.rest = text};

    if (str_starts(inner, STR("[")) && str_ends(inner, STR("]")) && inner.len >= 2) {
        at.rest = str_sub(inner, 1, inner.len - 2);
    } else if (inner.len < text.len && is_quote(text.ptr[0]) &&
               str_find_char(inner, text.ptr[0]) < 0) {
        at.rest = inner;
        at.is_quoted = true;
    }
    return at;
}

bool list_read(struct loader *loader, const struct option_row *row, struct str text,
               struct arena *room, const struct str **out, size_t *out_n)
{
    size_t max = (size_t)row->max;
    struct str *items = arena_calloc(room, max, sizeof(*items));
    struct cursor at;
    size_t n = 0;

    *out = items;
    *out_n = 0;
    text = str_trim(credential_skip_mark(text));
    if (read_json(room, str_trim(str_unquote(text)), max, items, out_n)) {
        return true;
    }
    at = begin(text);
    at.has_words = row->type == OPTION_FAULTS;
    for (skip(&at); at.rest.len > 0; skip(&at)) {
        bool is_bare = !is_quote(at.rest.ptr[0]);

        if (n == max) {
            return loader_fail(loader, "%s: more than %zu entries", row->key, max);
        }
        if (is_bare) {
            items[n] = take_bare(&at);
        } else if (!take_quoted(loader, row, &at, &items[n])) {
            return false;
        }
        if (items[n].len == 0) {
            continue;
        }
        n++;
        if (!is_item(loader, row, items[n - 1], n, is_bare && !at.is_quoted)) {
            return false;
        }
    }
    *out_n = n;
    return true;
}
