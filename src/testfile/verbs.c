/* The table of verbs as a dictionary: which words are verbs, which fields a verb takes, and what
 * someone probably meant. */
#include "base/nearest.h"
#include "map_internal.h"

static const char control_words[] = "use run include if loop";
/* Beside any verb. */
static const char common_fields[] = "description desc name optional meta continue_on_error";

struct str verb_fold(struct str word, char out[64])
{
    size_t n = 0;

    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];

        if (c == '-' || c == '_' || c == ' ') {
            continue;
        }
        if (n == 64) {
            return STR_EMPTY;
        }
        out[n++] = char_lower(c);
    }
    return (struct str){out, n};
}

bool words_have(const char *words, char separator, struct str word)
{
    struct str rest = str_from(words);
    struct str one;

    while (str_next(&rest, separator, &one)) {
        if (str_eq(one, word)) {
            return true;
        }
    }
    return false;
}

bool verb_known(struct str word)
{
    char buffer[64];
    struct str folded = verb_fold(word, buffer);

    if (folded.len == 0) {
        return false;
    }
    for (size_t i = 0; i < n_verb_rows; i++) {
        if (words_have(verb_rows[i].verbs, ' ', folded)) {
            return true;
        }
    }
    return words_have(control_words, ' ', folded);
}

struct str verb_nearest(struct str word)
{
    struct nearest nearest;
    struct str rest;
    struct str one;

    nearest_init(&nearest, word);
    for (size_t i = 0; i < n_verb_rows; i++) {
        rest = str_from(verb_rows[i].verbs);
        while (str_next(&rest, ' ', &one)) {
            if (one.len > 2) {
                nearest_offer(&nearest, one);
            }
        }
    }
    rest = str_from(control_words);
    while (str_next(&rest, ' ', &one)) {
        nearest_offer(&nearest, one);
    }
    return nearest.best;
}

const char *verb_example(struct str word)
{
    char buffer[64];
    struct str folded = verb_fold(word, buffer);
    const char *example = NULL;

    for (size_t i = 0; i < n_verb_rows; i++) {
        if (words_have(verb_rows[i].verbs, ' ', folded)) {
            example = verb_rows[i].example; /* the last row is the plainest */
        }
    }
    return example;
}

/* ---- fields ---- */

typedef bool (*name_fn)(void *pointer, struct str name);

/* Calls fn with each field name that an item of the table mentions; true ends. */
static bool each_name_of_item(struct str item, name_fn fn, void *pointer)
{
    struct str head;
    struct str tail;
    struct str name;

    while (item.len > 0 && str_find_char(STR("?!~"), item.ptr[0]) >= 0) {
        item = str_sub(item, 1, item.len);
    }
    if (str_cut(item, '<', &head, &tail)) {
        item = tail;
    }
    if (str_cut(item, ':', &head, &tail)) {
        item = tail;
    }
    if (item.len > 0 && item.ptr[0] == '=') {
        return false;
    }
    (void)str_cut(item, '=', &item, &tail);
    while (str_next(&item, '|', &name)) {
        if (name.ptr[0] == '@' || str_is(name, ".") || str_is(name, "pair") ||
            str_is(name, "time")) {
            continue;
        }
        (void)str_cut(name, '.', &name, &tail);
        if (fn(pointer, name)) {
            return true;
        }
    }
    return false;
}

static bool each_name_of_text(const char *text, name_fn fn, void *pointer)
{
    struct str rest = str_from(text);
    struct str items;
    struct str item;

    while (str_next(&rest, ';', &items)) {
        while (str_next(&items, ' ', &item)) {
            if (each_name_of_item(item, fn, pointer)) {
                return true;
            }
        }
    }
    return false;
}

static bool each_field(struct str verb, name_fn fn, void *pointer)
{
    char buffer[64];
    struct str folded = verb_fold(verb, buffer);

    for (size_t i = 0; i < n_verb_rows; i++) {
        const struct verb_row *row = &verb_rows[i];

        if (words_have(row->verbs, ' ', folded) &&
            (each_name_of_text(row->when, fn, pointer) ||
             (row->command != NULL && each_name_of_text(row->args, fn, pointer)) ||
             each_name_of_text(row->options, fn, pointer))) {
            return true;
        }
    }
    return false;
}

static bool is_name(void *pointer, struct str name)
{
    return str_eq(*(const struct str *)pointer, name);
}

bool verb_has_field(struct str verb, struct str field)
{
    return each_field(verb, is_name, &field);
}

bool verb_takes(struct str verb, struct str field)
{
    return words_have(common_fields, ' ', field) || each_field(verb, is_name, &field);
}

static bool offer(void *pointer, struct str name)
{
    nearest_offer(pointer, name);
    return false;
}

struct str field_nearest(struct str verb, struct str field)
{
    struct nearest nearest;

    nearest_init(&nearest, field);
    (void)each_field(verb, offer, &nearest);
    return nearest.best;
}

/* ---- words ---- */

struct words_of {
    struct arena *arena;
    struct str field;
    struct str out;
};

static void words_of_item(struct words_of *w, struct str item)
{
    struct str list;
    struct str words;
    struct str word;

    if (!str_cut(item, '=', &list, &words)) {
        return;
    }
    for (struct str rest = list; str_next(&rest, '|', &word);) {
        if (str_eq(word, w->field)) {
            (void)str_cut(words, '|', &word, &words); /* the first says it best */
            if (!words_have(arena_cstr(w->arena, w->out), ' ', word)) {
                w->out = arena_printf(w->arena, "%.*s%s%.*s", STR_ARG(w->out),
                                      w->out.len > 0 ? " " : "", STR_ARG(word));
            }
            return;
        }
    }
}

/* The words that some row of the verb wants in a field; empty: any text. */
struct str field_words(struct arena *arena, struct str verb, struct str field)
{
    struct words_of w = {arena, field, STR_EMPTY};
    char buffer[64];
    struct str folded = verb_fold(verb, buffer);

    for (size_t i = 0; i < n_verb_rows; i++) {
        struct str rest = str_from(verb_rows[i].when);
        struct str item;

        if (words_have(verb_rows[i].verbs, ' ', folded)) {
            while (str_next(&rest, ' ', &item)) {
                words_of_item(&w, item);
            }
        }
    }
    return w.out;
}
