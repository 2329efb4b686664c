/* The part of the JSON Schema that says what a word in one field asks of the others:
 * {mouse: {action: enter}} needs an element. For a field and a word, the rows of the verb are
 * walked in their order, as the compiler does: those that the word rules out are left out, and the
 * walk ends at the first row that holds by the word alone. The arguments of one of the rows that
 * are left must be there. Words are compared as the table has them; other spellings are let
 * through. */
#include "schema_internal.h"

enum { ROWS_MAX = 32, WORDS_MAX = 96 };

/* Does a row hold, if field `id` says `word`? */
enum fit { FITS_NOT, FITS_PERHAPS, FITS_SURELY };

static bool begins_with(const struct alias_list *list, unsigned id)
{
    return list->n > 0 && list->items[0].kind == ALIAS_FIELD && list->items[0].id == id;
}

static bool has_word(const struct condition *condition, unsigned word)
{
    for (size_t i = 0; i < condition->n_words; i++) {
        if (condition->words[i] == word) {
            return true;
        }
    }
    return false;
}

static enum fit condition_fits(const struct condition *condition, unsigned id, unsigned word)
{
    if (condition->is_optional) {
        return FITS_SURELY;
    }
    switch (condition->kind) {
    case SAYS_WORD:
        if (!begins_with(&condition->list, id)) {
            return FITS_PERHAPS;
        }
        return has_word(condition, word) ? FITS_SURELY : FITS_NOT;
    case HAS_FIELD:
        return name_set_has(&condition->list.fields, id) ? FITS_SURELY : FITS_PERHAPS;
    case HAS_NO_FIELD:
        return name_set_has(&condition->list.fields, id) ? FITS_NOT : FITS_PERHAPS;
    case IS_PAIR:
        return FITS_NOT; /* a pair has no field that the verb knows */
    case IS_TIME:
        break;
    }
    return FITS_PERHAPS;
}

static enum fit form_fits(const struct form *form, unsigned id, unsigned word)
{
    enum fit fit = FITS_SURELY;

    for (size_t i = 0; i < form->n_conditions; i++) {
        enum fit one = condition_fits(&form->conditions[i], id, word);

        fit = one < fit ? one : fit;
    }
    return fit;
}

/* ---- what a row asks for ---- */

/* Can only fields of the map fill this argument? */
static bool is_of_fields(const struct item *item)
{
    if (item->is_optional || item->kind == VALUE_LAST || item->kind == VALUE_POSITION) {
        return false;
    }
    for (size_t i = 0; i < item->list.n; i++) {
        enum alias_kind kind = item->list.items[i].kind;

        if (kind != ALIAS_FIELD && kind != ALIAS_MEMBER && kind != ALIAS_VALUE) {
            return false;
        }
    }
    return true;
}

static void put_one_of_fields(const struct schema *s, const struct alias_list *list)
{
    jw_shape(s->w, "{anyOf:[");
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].kind != ALIAS_VALUE) { /* the plain value: here it is a map */
            jw_form(s->w, "{required:[%s]}", name_of_id(s->dictionary, list->items[i].id));
        }
    }
    jw_shape(s->w, "]}");
}

static bool asks_for_nothing(const struct form *form)
{
    for (size_t i = 0; i < form->commands[0].n_args; i++) {
        if (is_of_fields(&form->commands[0].args[i])) {
            return false;
        }
    }
    return true;
}

static void put_arguments(const struct schema *s, const struct form *form)
{
    jw_shape(s->w, "{allOf:[");
    for (size_t i = 0; i < form->commands[0].n_args; i++) {
        if (is_of_fields(&form->commands[0].args[i])) {
            put_one_of_fields(s, &form->commands[0].args[i].list);
        }
    }
    jw_shape(s->w, "]}");
}

/* ---- rules ---- */

struct rows {
    const struct form *forms[ROWS_MAX];
    size_t n;
};

/* The rows that are left. False: one of them asks for nothing, or the walk does not end. */
static bool rows_left(const struct verb *verb, unsigned id, unsigned word, struct rows *out)
{
    out->n = 0;
    for (size_t i = 0; i < verb->n_forms; i++) {
        const struct form *form = verb->forms[i];
        enum fit fit = form_fits(form, id, word);

        if (fit == FITS_NOT) {
            continue;
        }
        if (form->refusal == NULL) {
            if (asks_for_nothing(form) || out->n == ROWS_MAX) {
                return false;
            }
            out->forms[out->n++] = form;
        }
        if (fit == FITS_SURELY) {
            return out->n > 0;
        }
    }
    return false;
}

static bool same_rows(const struct rows *a, const struct rows *b)
{
    bool same = a->n == b->n;

    for (size_t i = 0; same && i < a->n; i++) {
        same = a->forms[i] == b->forms[i];
    }
    return same;
}

struct words {
    struct str items[WORDS_MAX];
    size_t n;
};

static void words_add(struct words *words, struct str word)
{
    for (size_t i = 0; i < words->n; i++) {
        if (str_eq(words->items[i], word)) {
            return;
        }
    }
    if (words->n < WORDS_MAX) {
        words->items[words->n++] = word;
    }
}

/* Words that field `id` may say, each once. */
static void words_of(const struct verb *verb, unsigned id, struct words *out)
{
    out->n = 0;
    for (size_t i = 0; i < verb->n_forms; i++) {
        for (size_t k = 0; k < verb->forms[i]->n_conditions; k++) {
            const struct condition *condition = &verb->forms[i]->conditions[k];
            struct str rest = condition->text;
            struct str word;

            while (condition->kind == SAYS_WORD && begins_with(&condition->list, id) &&
                   str_next(&rest, '|', &word)) {
                words_add(out, word);
            }
        }
    }
}

static void put_rule(const struct schema *s, struct str field, const struct words *words,
                     const struct rows *rows)
{
    jw_form(s->w, "{if:{required:[%s], properties:{", field);
    jw_key_str(s->w, field);
    jw_shape(s->w, "{enum:[");
    for (size_t i = 0; i < words->n; i++) {
        jw_str(s->w, words->items[i]);
    }
    jw_shape(s->w, "]}}}, then:{anyOf:[");
    for (size_t i = 0; i < rows->n; i++) {
        put_arguments(s, rows->forms[i]);
    }
    jw_shape(s->w, "]}}");
}

/* One rule for all words that leave the same rows. */
static void put_rules(const struct schema *s, const struct verb *verb, unsigned id)
{
    struct words all;

    words_of(verb, id, &all);
    for (size_t i = 0; i < all.n; i++) {
        struct words alike = {.n = 0};
        struct rows rows;
        bool is_first = rows_left(verb, id, word_id(s->dictionary, all.items[i]), &rows);

        for (size_t k = 0; k < all.n && is_first; k++) {
            struct rows others;

            if (rows_left(verb, id, word_id(s->dictionary, all.items[k]), &others) &&
                same_rows(&rows, &others)) {
                is_first = k >= i;
                words_add(&alike, all.items[k]);
            }
        }
        if (is_first) {
            put_rule(s, name_of_id(s->dictionary, id), &alike, &rows);
        }
    }
}

static void put_words_of_verb(const struct schema *s, const struct verb *verb)
{
    jw_shape(s->w, "{allOf:[");
    jw_bool(s->w, true); /* allOf may not be empty */
    put_rules(s, verb, name_id(s->dictionary, str_from(verb->group->field)));
    jw_shape(s->w, "]}");
}

static bool has_words(const struct verb *verb)
{
    return verb->group != NULL && verb->group->field != NULL && verb->n_forms > 0;
}

/* Fields may stand beside the verb as well, so the rules are for a step that is the verb alone. */
void put_words(const struct schema *s)
{
    for (size_t i = 0; i < verb_count(s->dictionary); i++) {
        const struct verb *verb = verb_at(s->dictionary, i);

        if (has_words(verb)) {
            jw_key_str(s->w, verb->node.key);
            put_words_of_verb(s, verb);
        }
    }
}
