/* The JSON Schema of a test file, made from the tables: keys of the head, verbs, their fields. A
 * schema cannot say all that the compiler checks; what it refuses the compiler refuses too. Folded
 * spellings of verbs (Double_Click) are let through by a pattern, since a schema cannot fold. */
#include "schema_internal.h"
#include "testfile/guide.h"

static void ref(struct json_writer *w, const char *name)
{
    struct buf text;

    buf_init(&text, 128);
    buf_printf(&text, "#/definitions/%s", name);
    jw_form(w, "{$ref:%s}", buf_view(&text));
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

/* What a schema can tell of the value of an argument; what is not listed takes any value. A variable
 * may be set when the file is run, so text that begins with one is let through. */
static const struct {
    enum value_kind kind;
    const char *name; /* of its definition */
    const char *schema;
} value_schemas[] = {
    {VALUE_URL, "url",
     "{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\",\"pattern\":\"^[ \\t]*([$]|[{][{]|/|$)|://"
     "\",\"description\":\"https://example.com, or /path behind starting_url\"}]}"},
    {VALUE_FILE_URL, "fileUrl",
     "{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\",\"pattern\":\"://|[$]|[{][{]\","
     "\"description\":\"the platform takes files by URL only\"}]}"},
};

static const char *schema_of_value(enum value_kind kind)
{
    for (size_t i = 0; i < ARRAY_LEN(value_schemas); i++) {
        if (value_schemas[i].kind == kind) {
            return value_schemas[i].name;
        }
    }
    return NULL;
}

/* The schema of field `id` of a verb (0: of its plain value); NULL: any, or its forms differ. */
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

/* What any verb may have, and a group its action. */
static const char *const beside[] = {
    "description", "desc", "name",   "optional", "meta", "continue_on_error",
    "skip",        "id",   "action", "command",  "type"};

/* A map of one member may be {"ELEMENT": "TEXT"}, with any name; with more members all are fields of the verb. */
static void put_pair_or_known(const struct dictionary *dictionary, struct json_writer *w,
                              const struct verb *verb)
{
    jw_shape(w, "if:{minProperties:2}, then:{propertyNames:{enum:[");
    for (unsigned id = 1; id < NAME_IDS_MAX; id++) {
        if (name_set_has(&verb->fields, id)) {
            jw_str(w, name_of_id(dictionary, id));
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(beside); i++) {
        if (!name_set_has(&verb->fields, name_id(dictionary, str_from(beside[i])))) {
            jw_text(w, beside[i]);
        }
    }
    jw_shape(w, "]}}");
    put_form_fields(dictionary, w, verb, true);
}

/* Fields are listed, so that editors complete them. Verbs that take any map let other fields
 * through. */
static void put_fields(const struct dictionary *dictionary, struct json_writer *w,
                       const struct verb *verb, bool any_map)
{
    jw_shape(w, "{type:'object', properties:{");
    for (unsigned id = 1; id < NAME_IDS_MAX; id++) {
        if (name_set_has(&verb->fields, id)) {
            const char *schema = any_map ? NULL : schema_of_field(verb, id);

            jw_key_str(w, name_of_id(dictionary, id));
            if (schema != NULL) {
                ref(w, schema);
            } else {
                jw_bool(w, true);
            }
        }
    }
    jw_end(w);
    if (!any_map) {
        jw_form(
            w, "patternProperties:%j, additionalProperties:false",
            STR("{\"^(description|desc|name|optional|meta|continue_on_error|skip|id)$\":true}"));
        put_form_fields(dictionary, w, verb, false);
    } else if (verb->group == NULL || verb->group->field != NULL) {
        put_pair_or_known(dictionary, w, verb);
    }
    jw_end(w);
}

static void put_verb(const struct dictionary *dictionary, struct json_writer *w,
                     const struct verb *verb)
{
    struct takes takes = what_it_takes(verb);

    jw_form(w, "{description?:%s, anyOf:[", verb->example);
    if (takes.value ||
        name_id(dictionary, verb->node.key) > 0) { /* or it is a field of another verb */
        const char *schema = schema_of_field(verb, 0);

        ref(w, schema != NULL ? schema : "text");
    } else if (takes.nothing) {
        jw_raw(w, STR("{\"type\":\"null\"}"));
    }
    put_fields(dictionary, w, verb, takes.any_map);
    jw_shape(w, "]}");
}

static const struct {
    const char *verb;
    const char *schema;
} control[] = {
    {"use", "{\"description\":\"use: login\",\"type\":[\"string\",\"object\"]}"},
    {"run", "{\"description\":\"run: login\",\"type\":[\"string\",\"object\"]}"},
    {"include", "{\"description\":\"include: login\",\"type\":[\"string\",\"object\"]}"},
    {"if",
     "{\"description\":\"if: {cond: \\\"$loggedIn\\\", then: [], else: []}\",\"type\":\"object\","
     "\"required\":[\"then\"],\"properties\":{\"cond\":true,\"condition\":true,\"then\":{\"$ref\":"
     "\"#/definitions/steps\"},\"else\":{\"$ref\":\"#/definitions/steps\"}},"
     "\"additionalProperties\":false}"},
    {"loop",
     "{\"description\":\"loop: {over: [a, b], as: item, do: [{click: \\\"$item\\\"}]}\",\"type\":"
     "\"object\",\"required\":[\"over\"],\"properties\":{\"over\":true,\"as\":true,\"max\":true,"
     "\"do\":{\"$ref\":\"#/definitions/steps\"},\"steps\":{\"$ref\":\"#/definitions/steps\"}},"
     "\"additionalProperties\":false}"},
};

/* The spelling of a verb as in its example, if both fold to the same: double-click for
 * doubleclick. */
static struct str spelled(const struct verb *verb, char folded[64])
{
    struct str head;
    struct str rest;

    (void)str_cut(str_from(verb->example), ':', &head, &rest);
    return str_eq(verb_fold(head, folded), verb->node.key) ? head : verb->node.key;
}

static void put_verbs(const struct dictionary *dictionary, struct json_writer *w)
{
    for (size_t i = 0; i < ARRAY_LEN(control); i++) {
        jw_kv_raw(w, control[i].verb, str_from(control[i].schema));
    }
    for (size_t i = 0; i < verb_count(dictionary); i++) {
        const struct verb *verb = verb_at(dictionary, i);
        char folded[64];

        /* `type` and `value` of other dialects are verbs or fields as the step goes: let through. */
        if (verb->n_forms > 0 && !str_is(verb->node.key, "type")) {
            jw_key_str(w, spelled(verb, folded));
            put_verb(dictionary, w, verb);
        }
    }
}

/* Names that no step has are refused; those with a sign that folding takes out are let through. */
static void put_step_names(const struct dictionary *dictionary, struct json_writer *w)
{
    jw_shape(w, "propertyNames:{anyOf:[{enum:[");
    for (size_t i = 0; i < key_count(dictionary); i++) {
        jw_str(w, key_at(dictionary, i));
    }
    jw_shape(w, "'with']}, {pattern:'[A-Z_ -]'}]}");
}

/* {type: navigate, target: X}, with nothing that makes another verb of it, is held to the fields of
 * `navigate`. The type is compared as it is usually written. */
static void put_typed_step(const struct dictionary *dictionary, struct json_writer *w)
{
    char folded[64];
    const struct verb *verb = verb_find(dictionary, verb_fold(STR("navigate"), folded));

    jw_shape(w, "{if:{required:['type'], properties:{type:{enum:['navigate', 'goto', 'open']}, "
                "command:false, action:false}}, then:{properties:{");
    for (unsigned id = 1; id < NAME_IDS_MAX; id++) {
        const char *schema = name_set_has(&verb->fields, id) ? schema_of_field(verb, id) : NULL;

        if (schema != NULL) {
            jw_key_str(w, name_of_id(dictionary, id));
            ref(w, schema);
        }
    }
    jw_shape(w, "}}}");
}

/* Can the key say what the step does? */
static bool begins_step(enum key_role role)
{
    return role == ROLE_STEP_TYPE || role == ROLE_TYPE || role == ROLE_ACTION ||
           role == ROLE_COMMAND || role == ROLE_CONTROL;
}

/* A step of fields alone says nothing to do. */
static void put_needs_verb(const struct dictionary *dictionary, struct json_writer *w)
{
    jw_shape(w, "not:{propertyNames:{enum:[");
    for (size_t i = 0; i < key_count(dictionary); i++) {
        const struct key *key = key_find(dictionary, key_at(dictionary, i));

        if (key->verb == NULL && !begins_step(key->role)) {
            jw_str(w, key_at(dictionary, i));
        }
    }
    jw_shape(w, "]}}");
}

static void put_step(const struct dictionary *dictionary, struct json_writer *w)
{
    jw_form(w, "{type:'object', minProperties:1, maxProperties:%i", BAG_MAX_FIELDS);
    put_step_names(dictionary, w);
    jw_shape(w, "properties:{description:{description:'what the step is for'}, "
                "optional:{type:'boolean', "
                "description:'go on when the platform refuses the step'}");
    put_verbs(dictionary, w);
    jw_end(w);
    put_needs_verb(dictionary, w);
    jw_shape(w, "allOf:[");
    put_typed_step(dictionary, w);
    put_words(dictionary, w);
    jw_shape(w, "]}");
}

/* ---- the head ---- */

/* A schema for each kind of key; HEADER_CONFIG_MEMBER and HEADER_ELSEWHERE differ by key. */
static const char *const of_kind[] = {
    [HEADER_TEXT] = "{\"$ref\":\"#/definitions/text\"}",
    [HEADER_NAME] =
        "{\"anyOf\":[{\"$ref\":\"#/definitions/text\"},{\"type\":\"object\",\"required\":["
        "\"name\"]}]}",
    [HEADER_NOTE] = "true",
    [HEADER_ID] =
        "{\"anyOf\":[{\"type\":[\"integer\",\"null\"]},{\"type\":\"string\",\"pattern\":\"^("
        "([A-Za-z0-9]*_)?[0-9]{1,19}|.*[$].*|.*[{][{].*|)$\"}]}",
    [HEADER_PROJECT] = "{\"anyOf\":[{\"$ref\":\"#/definitions/text\"},{\"type\":\"object\","
                       "\"properties\":{\"id\":true,\"name\":true,\"description\":true}}]}",
    [HEADER_URL] = "{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\",\"pattern\":\"^[ \\\\t]*("
                   "[hH][tT][tT][pP][sS]?://|[$]|[{][{]|$)\"}]}",
    [HEADER_TAGS] = "{\"anyOf\":[{\"$ref\":\"#/definitions/text\"},{\"type\":\"array\",\"items\":{"
                    "\"$ref\":\"#/definitions/text\"}}]}",
    [HEADER_CONFIG] =
        "{\"type\":[\"object\",\"null\"],\"properties\":{\"continue_on_error\":{\"type\":"
        "\"boolean\"},\"viewport\":{\"type\":[\"string\",\"object\"],\"description\":"
        "\"1280x800\"},\"timeout\":true,\"retry\":true,\"retries\":true,\"base_url\":true}}",
    [HEADER_CONFIG_MEMBER] = "true",
    [HEADER_NESTED] = "{\"anyOf\":[{\"type\":\"null\"},{\"$ref\":\"#/definitions/test\"}]}",
    [HEADER_ELSEWHERE] = "true",
};

static const struct {
    const char *keys;
    const char *schema;
} elsewhere[] = {
    {"steps do teardown cleanup", "{\"$ref\":\"#/definitions/steps\"}"},
    {"setup", "{\"anyOf\":[{\"$ref\":\"#/definitions/steps\"},{\"$ref\":\"#/definitions/test\"}]}"},
    {"tests", "{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#/definitions/test\"}}"},
    {"variables vars data",
     "{\"type\":[\"object\",\"array\",\"null\"],\"description\":\"names and values "
     "for $name in the steps\"}"},
    {"blocks",
     "{\"type\":[\"object\",\"null\"],\"description\":\"lists of steps with names, for use\"}"},
    {"continue_on_error", "{\"type\":\"boolean\"}"},
    {"include", "false"},
};

static struct str schema_of(struct str key, enum header_kind kind)
{
    for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
        if (words_have(elsewhere[i].keys, ' ', key)) {
            return str_from(elsewhere[i].schema);
        }
    }
    return str_from(of_kind[kind]);
}

static void put_test(struct json_writer *w)
{
    const struct header_row *row;

    jw_shape(w, "{type:'object', properties:{");
    for (size_t i = 0; (row = header_row_at(i)) != NULL; i++) {
        struct str rest = str_from(row->keys);
        struct str key;

        while (str_next(&rest, ' ', &key)) {
            jw_key_str(w, key);
            jw_raw(w, schema_of(key, row->kind));
        }
    }
    jw_shape(w, "}}");
}

static void put_definitions(const struct dictionary *dictionary, struct json_writer *w)
{
    jw_shape(w, "{text:{type:['string', 'number', 'boolean', 'null']}, "
                "steps:{anyOf:[{type:'null'}, {type:'array', "
                "items:{$ref:'#/definitions/step'}}]}, step:{anyOf:[{type:'string', "
                "minLength:1, description:'a sentence or a command line'}, "
                "{$ref:'#/definitions/stepMap'}]}");
    for (size_t i = 0; i < ARRAY_LEN(value_schemas); i++) {
        jw_kv_raw(w, value_schemas[i].name, str_from(value_schemas[i].schema));
    }
    jw_key(w, "stepMap");
    put_step(dictionary, w);
    jw_key(w, "test");
    put_test(w);
    jw_end(w);
}

/* A file has steps of some kind, and nothing that marks it as something else. */
static const char has_steps[] =
    "[{\"required\":[\"steps\"],\"properties\":{\"steps\":{\"type\":\"array\",\"minItems\":1}}},{\"required\":[\"do\"]},{\"required\":[\"tests\"]},{\"required\":[\"nav\"]},"
    "{\"required\":[\"setup\"]},{\"required\":[\"teardown\"]},{\"required\":[\"cleanup\"]},{\"required\":["
    "\"goals\"]}]";

void testfile_schema(struct dictionary *dictionary, struct buf *out)
{
    struct json_writer w;

    (void)dictionary_opened(dictionary);
    jw_init(&w, out);
    jw_shape(&w,
             "{$schema:'http://json-schema.org/draft-07/schema#', "
             "title:'Test file of virtuoso-proxy', "
             "description:'Generated by virtuoso-proxy. The guide is served at /docs/testfile.', "
             "allOf:[");
    ref(&w, "test");
    jw_form(&w, "], anyOf:%j, not:{anyOf:[", str_from(has_steps));
    for (size_t i = 0; other_file_key(i) != NULL; i++) {
        jw_form(&w, "{required:[%s]}", other_file_key(i));
    }
    jw_shape(&w, "]}, definitions:");
    put_definitions(dictionary, &w);
    jw_end(&w);
    buf_char(out, '\n');
}
