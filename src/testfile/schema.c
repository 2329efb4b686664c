/* The JSON Schema of a test file, made of schema.json and the tables (keys of the head, verbs, their fields). A
 * schema cannot check all that the compiler checks, but whatever it refuses the compiler refuses too. A pattern
 * lets folded spellings of verbs (Double_Click) through, since a schema cannot fold. */
#include "base/check.h"
#include "schema_internal.h"
#include "testfile/guide.h"

static void ref(const struct schema *s, const char *name)
{
    struct buf text;

    buf_init(&text, 128);
    buf_printf(&text, "#/definitions/%s", name);
    jw_form(s->w, "{$ref:%s}", buf_view(&text));
    buf_done(&text);
}

/* ---- verbs ---- */

static bool form_takes_value(const struct form *form)
{
    for (size_t i = 0; i < form->n_conditions; i++) {
        if (form->conditions[i].kind == IS_TIME || form->conditions[i].list.has_plain) {
            return true;
        }
    }
    for (size_t i = 0; i < form->commands[0].n_args; i++) {
        if (form->commands[0].args[i].list.has_plain) {
            return true;
        }
    }
    return false;
}

struct takes {
    bool value;   /* click: "Sign in" */
    bool nothing; /* maximize: */
    bool any_map; /* {"ELEMENT": "TEXT"}, or a group with an action */
};

static struct takes what_it_takes(const struct verb *verb)
{
    struct takes takes = {.any_map = verb->group != NULL};

    for (size_t i = 0; i < verb->n_forms; i++) {
        const struct form *form = verb->forms[i];

        takes.value = takes.value || form_takes_value(form);
        takes.nothing = takes.nothing || (form->refusal == NULL && form->n_conditions == 0 &&
                                          form->commands[0].n_args == 0);
        for (size_t k = 0; k < form->n_conditions; k++) {
            takes.any_map = takes.any_map || form->conditions[k].kind == IS_PAIR;
        }
    }
    return takes;
}

/* ---- kinds of values ---- */

/* The name of the schema's definition for values of this kind; NULL: any value is taken. */
static const char *schema_of_value(enum value_kind kind)
{
    return kind == VALUE_URL ? "url" : kind == VALUE_FILE_URL ? "fileUrl" : NULL;
}

/* The schema of field `id` of a verb (0: of its plain value); NULL: any value, or the verb's forms differ. */
static const char *schema_of_field(const struct verb *verb, unsigned id)
{
    const char *schema = NULL;
    size_t n = 0;

    for (size_t i = 0; i < verb->n_forms; i++) {
        const struct form_command *command = &verb->forms[i]->commands[0];

        for (size_t k = 0; verb->forms[i]->n_commands > 0 && k < command->n_args; k++) {
            const struct alias_list *list = &command->args[k].list;
            bool reads = id == 0 ? list->has_plain : name_set_has(&list->fields, id);

            if (reads && n++ > 0 && schema != schema_of_value(command->args[k].kind)) {
                return NULL;
            }
            schema = reads ? schema_of_value(command->args[k].kind) : schema;
        }
    }
    return schema;
}

/* ---- one verb ---- */

/* Fields that any verb may have, and those in which a group has its action. */
static const char *const beside[] = {
    "description", "desc", "name",   "optional", "meta", "continue_on_error",
    "skip",        "id",   "action", "command",  "type"};

/* A map of one member may be {"ELEMENT": "TEXT"}, with any name; with more members all are fields of the verb. */
static void put_pair_or_known(const struct schema *s, const struct verb *verb)
{
    jw_shape(s->w, "if:{minProperties:2}, then:{propertyNames:{enum:[");
    for (unsigned id = 1; id < NAME_IDS_MAX; id++) {
        if (name_set_has(&verb->fields, id)) {
            jw_str(s->w, s->dictionary->names[id]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(beside); i++) {
        if (!name_set_has(&verb->fields, name_id(s->dictionary, str_from(beside[i])))) {
            jw_text(s->w, beside[i]);
        }
    }
    jw_shape(s->w, "]}}");
    put_form_fields(s, verb, true);
}

/* Fields are listed, so that editors complete them. Verbs that take any map let other fields
 * through. */
static void put_fields(const struct schema *s, const struct verb *verb, bool any_map)
{
    jw_shape(s->w, "{type:'object', properties:{");
    for (unsigned id = 1; id < NAME_IDS_MAX; id++) {
        if (name_set_has(&verb->fields, id)) {
            const char *schema = any_map ? NULL : schema_of_field(verb, id);

            jw_key_str(s->w, s->dictionary->names[id]);
            if (schema != NULL) {
                ref(s, schema);
            } else {
                jw_bool(s->w, true);
            }
        }
    }
    jw_end(s->w);
    if (!any_map) {
        jw_form(
            s->w, "patternProperties:%j, additionalProperties:false",
            STR("{\"^(description|desc|name|optional|meta|continue_on_error|skip|id)$\":true}"));
        put_form_fields(s, verb, false);
    } else if (verb->group == NULL || verb->group->field != NULL) {
        put_pair_or_known(s, verb);
    }
    jw_end(s->w);
}

static void put_verb(const struct schema *s, const struct verb *verb)
{
    struct takes takes = what_it_takes(verb);

    jw_form(s->w, "{description?:%s, anyOf:[", verb->example);
    if (takes.value ||
        name_id(s->dictionary, verb->node.key) > 0) { /* or it is a field of another verb */
        const char *schema = schema_of_field(verb, 0);

        ref(s, schema != NULL ? schema : "text");
    } else if (takes.nothing) {
        jw_raw(s->w, STR("{\"type\":\"null\"}"));
    }
    put_fields(s, verb, takes.any_map);
    jw_shape(s->w, "]}");
}

/* The spelling of a verb as in its example, if both fold to the same: double-click for
 * doubleclick. */
static struct str spelled(const struct verb *verb, char folded[64])
{
    struct str head;
    struct str rest;

    (void)str_cut(str_from(verb->example), ':', &head, &rest);
    return str_eq(verb_fold(head, folded), verb->node.key) ? head : verb->node.key;
}

static void put_verbs(const struct schema *s)
{
    for (size_t i = 0; i < s->dictionary->n_verbs; i++) {
        const struct verb *verb = s->dictionary->verb_list[i];
        char folded[64];

        /* The schema lets `type` through: it is a verb, or a field of other dialects. */
        if (verb->n_forms > 0 && !str_is(verb->node.key, "type")) {
            jw_key_str(s->w, spelled(verb, folded));
            put_verb(s, verb);
        }
    }
}

/* The keys that a step may have. The schema refuses others, but lets names through that folding changes. */
static void put_keys(const struct schema *s)
{
    for (size_t i = 0; i < s->dictionary->n_keys; i++) {
        jw_str(s->w, s->dictionary->key_list[i]->node.key);
    }
}

/* In {type: navigate, target: X} the fields must have values that `navigate` takes, unless another key
 * makes it another verb. The schema knows the type only as it is usually written. */
static void put_fields_of_navigate(const struct schema *s)
{
    char folded[64];
    const struct verb *verb = verb_find(s->dictionary, verb_fold(STR("navigate"), folded));

    for (unsigned id = 1; id < NAME_IDS_MAX; id++) {
        const char *schema = name_set_has(&verb->fields, id) ? schema_of_field(verb, id) : NULL;

        if (schema != NULL) {
            jw_key_str(s->w, s->dictionary->names[id]);
            ref(s, schema);
        }
    }
}

/* Keys that are only fields: a step with no other keys does not say what to do. */
static void put_mere_fields(const struct schema *s)
{
    static const unsigned says_what = 1U << ROLE_STEP_TYPE | 1U << ROLE_TYPE | 1U << ROLE_ACTION |
                                      1U << ROLE_COMMAND | 1U << ROLE_CONTROL;

    for (size_t i = 0; i < s->dictionary->n_keys; i++) {
        const struct key *key = s->dictionary->key_list[i];

        if (key->verb == NULL && (says_what >> key->role & 1) == 0) {
            jw_str(s->w, key->node.key);
        }
    }
}

static void put_most_fields(const struct schema *s)
{
    jw_int(s->w, BAG_MAX_FIELDS);
}

static void put_other_files(const struct schema *s)
{
    for (size_t i = 0; other_file_key(i) != NULL; i++) {
        jw_form(s->w, "{required:[%s]}", other_file_key(i));
    }
}

/* ---- the head ---- */

/* Keys that differ from others of their kind have a schema of their own; what has none takes any value. */
static void put_head(const struct schema *s)
{
    static const char *const kinds[] = {
        [HEADER_TEXT] = "text",     [HEADER_NAME] = "name",       [HEADER_ID] = "id",
        [HEADER_URL] = "url",       [HEADER_PROJECT] = "project", [HEADER_TAGS] = "tags",
        [HEADER_CONFIG] = "config", [HEADER_NESTED] = "nested",   [HEADER_ELSEWHERE] = NULL};

    for (size_t i = 0; i < n_header_rows; i++) {
        const struct header_row *row = &header_rows[i];
        struct str rest = str_from(row->keys);
        struct str key;

        while (str_next(&rest, ' ', &key)) {
            const struct json *own = json_get_str(json_get(s->texts, "keys"), key);
            const struct json *schema =
                own != NULL ? own
                            : json_get_str(json_get(s->texts, "kinds"), str_from(kinds[row->kind]));

            jw_key_str(s->w, key);
            if (schema != NULL) {
                json_write(s->w, schema);
            } else {
                jw_bool(s->w, true);
            }
        }
    }
}

/* ---- the frame: schema.json, with holes for what the tables say ---- */

static const struct hole {
    const char *name;
    void (*put)(const struct schema *s);
} holes[] = {
    {"@other files", put_other_files},
    {"@most fields", put_most_fields},
    {"@keys", put_keys},
    {"@verbs", put_verbs},
    {"@fields", put_mere_fields},
    {"@fields of navigate", put_fields_of_navigate},
    {"@words", put_words},
    {"@head", put_head},
};

static bool put_hole(const struct schema *s, struct str name)
{
    const struct hole *hole = ROW_NAMED(name, holes);

    if (hole != NULL) {
        hole->put(s);
    }
    return hole != NULL;
}

/* Writes a part of schema.json and fills its holes. A hole is a text, or a member with the hole's name; several
 * elements or members may take its place. */
static void put_frame(const struct schema *s, const struct json *node)
{
    bool is_object = json_type(node) == JSON_OBJECT;
    const struct json *child;

    if (!is_object && json_type(node) != JSON_ARRAY) {
        if (!put_hole(s, json_str(node))) {
            json_write(s->w, node);
        }
        return;
    }
    jw_shape(s->w, is_object ? "{" : "[");
    JSON_FOREACH (child, node) {
        if (put_hole(s, json_name(child))) {
            continue;
        }
        if (is_object) {
            jw_key_str(s->w, json_name(child));
        }
        put_frame(s, child);
    }
    jw_end(s->w);
}

extern const char testfile_schema_start[], testfile_schema_end[];

void testfile_schema(struct dictionary *dictionary, struct buf *out)
{
    struct json *texts = NULL;
    struct json_writer w;
    struct arena arena;

    arena_init(&arena);
    CHECK(json_parse(&arena, str_range(testfile_schema_start, testfile_schema_end), &json_of_ours,
                     &texts, NULL) == ERR_OK);
    jw_init(&w, out);
    put_frame(&(struct schema){dictionary_opened(dictionary), &w, texts},
              json_get(texts, "schema"));
    buf_char(out, '\n');
    arena_done(&arena);
}
