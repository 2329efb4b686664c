/* What the JSON Schema says of the forms of a verb. A step follows one form, so the schema refuses fields of two forms
 * that exclude each other. And a word in one field asks for others: {mouse: {action: enter}} needs an element. To find
 * them, the rows of the verb are walked in their order, as the compiler does: rows that the word rules out are skipped,
 * and the walk ends at the first row that holds by the word alone. The step must have the arguments of one of the rows
 * that are left. Words are compared as the table spells them; the schema lets other spellings through. */
#include "schema_internal.h"

enum { FORMS_MAX = 64, ROWS_MAX = 32, WORDS_MAX = 96 };

/* ---- fields that exclude each other ---- */

static bool set_within(const struct name_set *inner, const struct name_set *outer)
{
    uint64_t outside = 0;

    for (size_t i = 0; i < NAME_SET_WORDS; i++) {
        outside |= inner->bits[i] & ~outer->bits[i];
    }
    return outside == 0;
}

/* False: an item reads the whole step (@), so the step may have any fields. */
static bool join_items(struct name_set *set, const struct item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (items[i].list.is_of_step) {
            return false;
        }
        name_set_join(set, &items[i].list.fields);
    }
    return true;
}

/* All fields that a step of the form may have; false: any. */
static bool form_fields(const struct form *form, struct name_set *out)
{
    *out = (struct name_set){{0}};
    for (size_t i = 0; i < form->n_conditions; i++) {
        if (form->conditions[i].kind != HAS_NO_FIELD) {
            name_set_join(out, &form->conditions[i].list.fields);
        }
    }
    for (size_t i = 0; i < form->n_commands; i++) {
        if (!join_items(out, form->commands[i].args, form->commands[i].n_args)) {
            return false;
        }
    }
    return join_items(out, form->options, form->n_options);
}

/* Adds the set, unless another one holds all of it already; drops the sets that the new one holds. */
static void keep_largest(struct name_set *sets, size_t *n, const struct name_set *set)
{
    size_t kept = 0;

    for (size_t i = 0; i < *n; i++) {
        if (set_within(set, &sets[i])) {
            return;
        }
    }
    for (size_t i = 0; i < *n; i++) {
        if (!set_within(&sets[i], set)) {
            sets[kept++] = sets[i];
        }
    }
    sets[kept++] = *set;
    *n = kept;
}

/* True if the form excludes field `id` of the verb. Keys that may stand beside any verb are never excluded. */
static bool excludes(const struct schema *s, const struct verb *verb, const struct name_set *form,
                     unsigned id)
{
    const struct key *key;

    if (!name_set_has(&verb->fields, id) || name_set_has(form, id)) {
        return false;
    }
    key = key_find(s->dictionary, s->dictionary->names[id]);
    return key == NULL || !key->is_beside;
}

static bool excludes_none(const struct schema *s, const struct verb *verb,
                          const struct name_set *form)
{
    for (unsigned id = 1; id < NAME_IDS_MAX; id++) {
        if (excludes(s, verb, form, id)) {
            return false;
        }
    }
    return true;
}

/* The largest sets of fields that may stand together. Returns how many; 0: any two fields of the verb may. */
static size_t largest_sets(const struct schema *s, const struct verb *verb, struct name_set *sets)
{
    size_t n = 0;

    for (size_t i = 0; i < verb->n_forms; i++) {
        struct name_set set;

        if (verb->forms[i]->refusal != NULL) {
            continue;
        }
        if (!form_fields(verb->forms[i], &set) || excludes_none(s, verb, &set)) {
            return 0;
        }
        keep_largest(sets, &n, &set);
    }
    return n;
}

void put_form_fields(const struct schema *s, const struct verb *verb, bool any_map)
{
    struct name_set sets[FORMS_MAX];
    size_t n = verb->n_forms <= FORMS_MAX ? largest_sets(s, verb, sets) : 0;

    if (n == 0) {
        return;
    }
    jw_shape(s->w, "allOf:[{");
    if (any_map) { /* a pair has one member, and an action means the fields of another verb */
        jw_shape(s->w,
                 "if:{minProperties:2, propertyNames:{not:{enum:['action', 'command', 'type', "
                 "'operation', 'subAction']}}}, then:{");
    }
    jw_shape(s->w, "anyOf:[");
    for (size_t i = 0; i < n; i++) {
        jw_shape(s->w, "{propertyNames:{not:{enum:[");
        for (unsigned id = 1; id < NAME_IDS_MAX; id++) {
            if (excludes(s, verb, &sets[i], id)) {
                jw_str(s->w, s->dictionary->names[id]);
            }
        }
        jw_shape(s->w, "]}}}");
    }
    jw_end(s->w);
    if (any_map) {
        jw_end(s->w);
    }
    jw_shape(s->w, "}]");
}

/* ---- words that ask for fields ---- */

/* Does a row hold, if field `id` says `word`? */
enum fit { FITS_NOT, FITS_PERHAPS, FITS_SURELY };

static bool begins_with(const struct alias_list *list, unsigned id)
{
    return list->n > 0 && list->items[0].kind == ALIAS_FIELD && list->items[0].id == id;
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
        for (size_t i = 0; i < condition->n_words; i++) {
            if (condition->words[i] == word) {
                return FITS_SURELY;
            }
        }
        return FITS_NOT;
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
            jw_form(s->w, "{required:[%s]}", s->dictionary->names[list->items[i].id]);
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

/* Finds the rows that are left. False: one of them asks for no field, or no row ends the walk. */
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

    /* Words that field `id` may say, each once. */
    all.n = 0;
    for (size_t i = 0; i < verb->n_sayings; i++) {
        struct str rest = verb->sayings[i]->text;
        struct str word;

        while (begins_with(&verb->sayings[i]->list, id) && str_next(&rest, '|', &word)) {
            words_add(&all, word);
        }
    }
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
            put_rule(s, s->dictionary->names[id], &alike, &rows);
        }
    }
}

/* Fields may stand beside the verb as well, so the rules are for a step that is the verb alone. */
void put_words(const struct schema *s)
{
    for (size_t i = 0; i < s->dictionary->n_verbs; i++) {
        const struct verb *verb = s->dictionary->verb_list[i];

        if (verb->group != NULL && verb->group->field != NULL && verb->n_forms > 0) {
            jw_key_str(s->w, verb->node.key);
            jw_shape(s->w, "{allOf:[true"); /* allOf may not be empty */
            put_rules(s, verb, name_id(s->dictionary, str_from(verb->group->field)));
            jw_shape(s->w, "]}");
        }
    }
}
