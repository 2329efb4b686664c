/* Lists as people write them: API_KEYS and CORS_ORIGINS, the files of keys, --set. One reader for
 * all: items between commas, white space or line ends, with or without quotes around each or around
 * the whole, in brackets (a JSON array, a YAML list on one line) or not. A # where an item could
 * begin starts a comment up to the end of the line. */
#include "config/credential.h"
#include "config_internal.h"

#define SEPARATORS ", \t\r\n"

struct cursor {
    struct str rest;
    char quote; /* the one that is open; 0 none */
};

static void drop(struct str *text, size_t n)
{
    *text = str_sub(*text, n, text->len);
}

/* Everything before the next item. */
static void skip(struct cursor *at)
{
    struct str comment;

    while (at->rest.len > 0) {
        char c = at->rest.ptr[0];

        if (at->quote != 0 && c == at->quote) {
            at->quote = 0;
            drop(&at->rest, 1);
        } else if (str_is_of(str_sub(at->rest, 0, 1), SEPARATORS)) {
            drop(&at->rest, str_span(at->rest, SEPARATORS));
        } else if (at->quote == 0 && c == '#') {
            (void)str_cut(at->rest, '\n', &comment, &at->rest);
        } else if (at->quote == 0 && (c == '"' || c == '\'')) {
            at->quote = c;
            drop(&at->rest, 1);
        } else {
            return;
        }
    }
}

static struct str take_item(struct cursor *at)
{
    size_t n = 0;
    struct str item;

    while (n < at->rest.len && !str_is_of(str_sub(at->rest, n, 1), SEPARATORS) &&
           (at->quote == 0 || at->rest.ptr[n] != at->quote)) {
        n++;
    }
    item = str_sub(at->rest, 0, n);
    drop(&at->rest, n);
    return item;
}

static struct str without_brackets(struct str text)
{
    struct str inner;

    text = str_trim(credential_skip_mark(text));
    inner = str_trim(str_unquote(text));
    return str_starts(inner, STR("[")) && str_ends(inner, STR("]")) && inner.len >= 2
               ? str_sub(inner, 1, inner.len - 2)
               : text;
}

bool list_read(struct loader *loader, const struct option_row *row, struct str text,
               const struct str **out, size_t *out_n)
{
    struct cursor at = {.rest = without_brackets(text)};
    size_t max = (size_t)row->max;
    struct str *items = arena_calloc(&loader->box->arena, max, sizeof(*items));
    size_t n = 0;
    bool bare;

    for (skip(&at); at.rest.len > 0; skip(&at)) {
        if (n == max) {
            return loader_fail(loader, "%s: more than %zu entries", row->key, max);
        }
        bare = at.quote == 0;
        items[n++] = take_item(&at);
        if (bare &&
            (str_find_char(items[n - 1], ';') >= 0 || str_find_char(items[n - 1], '|') >= 0)) {
            return loader_fail(
                loader,
                "%s: entry %zu holds \";\" or \"|\", which separates nothing here: write commas, or put "
                "the entry in quotes if it is one",
                row->key, n);
        }
        if (str_find_char(STR("[]{}"), items[n - 1].ptr[0]) >= 0) {
            return loader_fail(loader,
                               "%s: entry %zu: a list of texts is expected, without lists or maps "
                               "inside",
                               row->key, n);
        }
    }
    if (at.quote != 0) {
        return loader_fail(loader, "%s: a quote (%c) is opened and not closed", row->key, at.quote);
    }
    *out = items;
    *out_n = n;
    return true;
}
