/* The table of types, and the functions that depend only on it. A new type is a value of enum param_type, its row
 * here and its `take` in params.c. */
#include "base/json_form.h"
#include "catalog_internal.h"

/* clang-format off */
static const struct param_row rows[] = {
    [PARAM_TEXT] = {"text", take_text, .schema = "string"},
    [PARAM_INTEGER] = {"integer", take_integer, mend_integer, "times are milliseconds",
                       .is_bare = true, .schema = "integer"},
    [PARAM_URL] = {"url", take_url, mend_url, "an address begins with its scheme",
                   .schema = "string"},
    [PARAM_HTTP_URL] = {"http-url", take_url, mend_url, "an address begins with its scheme",
                        .schema = "string"},
    [PARAM_POINT] = {"point", take_pair, NULL, "a point is written X,Y", .parts = {"x", "y"},
                     .separator = ',', .is_bare = true, .schema = "string"},
    [PARAM_SIZE] = {"size", take_pair, NULL, "a size is written WIDTHxHEIGHT",
                    .parts = {"width", "height"}, .separator = 'x', .is_bare = true,
                    .schema = "string"},
    [PARAM_VARIABLE] = {"variable", take_variable, mend_variable, "a variable is given by its name",
                        .is_bare = true, .schema = "string"},
    [PARAM_ENUM] = {"enum", take_enum, mend_enum, "the nearest word", .schema = "string"},
    [PARAM_UPPER] = {"upper", take_upper, .schema = "string"},
    [PARAM_LIST] = {"list", take_list, .schema = "array"},
    [PARAM_OBJECT] = {"object", take_object, .schema = "object"},
    [PARAM_ID] = {"id", take_id, .schema = "string"},
    [PARAM_KEY] = {"key", take_text, .schema = "string"},
    [PARAM_REGEX] = {"regex", take_text, .schema = "string"},
    [PARAM_TARGET] = {"target", take_target, .schema = "string"},
    [PARAM_CSV] = {"csv", take_csv, .parts = {"rows"}, .schema = "string"},
    [PARAM_FLAG] = {"flag", take_flag, mend_flag, "a flag is true or false", .schema = "boolean"},
    [PARAM_ARRAY] = {"array", take_array, .schema = "array"},
    [PARAM_ANY] = {"any", take_any},
};

/* clang-format on */

const struct param_row *param_row(enum param_type type)
{
    return &rows[type];
}

bool param_is_bare(enum param_type type)
{
    return rows[type].is_bare;
}

bool param_take(const struct param_place *place, const struct json *value)
{
    return rows[place->param->type].take(place, value);
}

bool param_default(const struct param_place *place)
{
    const struct param *param = place->param;
    struct str text = str_from(param->def);
    struct param lenient = *param;
    struct param_place again = *place;

    if (param->def == NULL) {
        return false;
    }
    if (str_is(text, "configured")) {
        text = place->defaults != NULL ? place->defaults->organization_id : STR_EMPTY;
        if (text.len == 0) {
            return false; /* a call then asks the platform for the token's own organization */
        }
    }
    if (param->type == PARAM_FLAG) { /* the short way: nearly all defaults are flags */
        return param_put(place, param->name, json_new_bool(place->arena, str_is(text, "true")));
    }
    lenient.flags |= PARAM_EMPTY;
    again.param = &lenient;
    (void)param_take(&again, json_new_string(place->arena, text));
    return true;
}

void param_names(const struct param *param, void (*fn)(void *context, struct str name),
                 void *context)
{
    const struct param_row *row = param_row(param->type);

    fn(context, str_from(param->name));
    for (size_t i = 0; i < ARRAY_LEN(row->parts) && row->parts[i] != NULL; i++) {
        fn(context, str_from(row->parts[i]));
    }
}

struct json *param_write(const struct param *param, const struct json *values, struct arena *arena)
{
    const struct json *value = json_get(values, param->name);
    const struct param_row *row = &rows[param->type];

    if (row->separator != '\0') {
        const struct json *first = json_get(values, row->parts[0]);
        const struct json *second = json_get(values, row->parts[1]);

        return json_new_string(
            arena, arena_printf(arena, "%.*s%c%.*s", STR_ARG(json_number_text(first, arena)),
                                row->separator, STR_ARG(json_number_text(second, arena))));
    }
    if (param->type == PARAM_TARGET && value != NULL) {
        struct json *clue = NULL;

        if (json_parse(arena, json_str(json_find(value, "/selectors/0/value")), NULL, &clue,
                       NULL) != ERR_OK) {
            return NULL;
        }
        return json_copy(arena, json_get(clue, "clue"));
    }
    return value != NULL ? json_copy(arena, value) : NULL;
}

/* ---- JSON Schema ---- */

void param_words(struct json_writer *w, const char *words)
{
    struct str rest = str_from(words);
    struct str word;

    while (str_next(&rest, ' ', &word)) {
        jw_str(w, word);
    }
}

static void write_type(struct json_writer *w, const struct param *param, bool or_null)
{
    const char *type = param_row(param->type)->schema;

    if (param->type == PARAM_ID) {
        jw_shape(w,
                 "description:'1 to 19 digits, as text or number; known prefixes (goal_, cp_, ...) "
                 "may stand before them', type:['string', 'integer'");
        jw_shape(w, or_null ? "'null']" : "]");
    } else if (type != NULL) {
        jw_form(w, or_null ? "type:[%s, 'null']" : "type:%s", type);
        /* Without additionalProperties code generators make a type that has no members. */
        jw_form(w, "additionalProperties?:%b", str_is(STR("object"), type));
    }
}

static void write_bounds(struct json_writer *w, const struct param *param)
{
    int64_t max = param->max > 0 ? param->max : 0;

    if (param->type == PARAM_INTEGER) {
        jw_form(w, "minimum:%i, maximum?:%i", param->min, max);
    } else if (param->type == PARAM_TEXT) {
        jw_form(w, "maxLength:%i", max > 0 ? max : PARAM_TEXT_MAX);
    } else if (param->type == PARAM_ARRAY) {
        jw_form(w, "items:{}, maxItems?:%i", max);
    } else if (param->type == PARAM_LIST) {
        jw_shape(w, "items:{type:'string'}");
    }
}

void param_schema(const struct param *param, bool or_null, struct json_writer *w)
{
    jw_object(w);
    write_type(w, param, or_null);
    write_bounds(w, param);
    if (param->type == PARAM_ENUM) {
        jw_shape(w, "enum:[");
        param_words(w, param->words);
        jw_shape(w, or_null ? "null]" : "]");
    }
    jw_end(w);
}
