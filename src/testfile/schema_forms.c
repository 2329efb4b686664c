/* Which fields of a verb exclude each other: a step follows one form, and fields that only other
 * forms take are refused beside those of the one. */
#include "schema_internal.h"

enum { FORMS_MAX = 64 };

static bool set_within(const struct name_set *inner, const struct name_set *outer)
{
    uint64_t outside = 0;

    for (size_t i = 0; i < NAME_SET_WORDS; i++) {
        outside |= inner->bits[i] & ~outer->bits[i];
    }
    return outside == 0;
}

/* False: the fields of the whole step may be read, and the form says nothing of them. */
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

/* Adds the set, unless another holds it already; those that it holds go. */
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

/* A key that may stand beside any verb excludes nothing. */
static bool excludes(const struct schema *s, const struct verb *verb, const struct name_set *form,
                     unsigned id)
{
    const struct key *key;

    if (!name_set_has(&verb->fields, id) || name_set_has(form, id)) {
        return false;
    }
    key = key_find(s->dictionary, name_of_id(s->dictionary, id));
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

static void put_excluded(const struct schema *s, const struct verb *verb,
                         const struct name_set *form)
{
    jw_shape(s->w, "{propertyNames:{not:{enum:[");
    for (unsigned id = 1; id < NAME_IDS_MAX; id++) {
        if (excludes(s, verb, form, id)) {
            jw_str(s->w, name_of_id(s->dictionary, id));
        }
    }
    jw_shape(s->w, "]}}}");
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
        put_excluded(s, verb, &sets[i]);
    }
    jw_end(s->w);
    if (any_map) {
        jw_end(s->w);
    }
    jw_shape(s->w, "}]");
}
