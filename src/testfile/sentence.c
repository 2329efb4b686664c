/* Sentences to commands and back. What is written is read back at once: a command whose sentence
 * would not say all of it is written as a command line instead. */
#include "base/nearest.h"
#include "base/utf8.h"
#include "map_internal.h"
#include "sentence_internal.h"

enum { SENTENCE_MAX_BYTES = 256 * 1024, SHOWN_MAX = 64 };

/* --- reading
 * ----------------------------------------------------------------------------------------- */

static const struct sentence_value *find_value(const struct sentence_value *values, size_t n,
                                               struct str name)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(values[i].name, name)) {
            return &values[i];
        }
    }
    return NULL;
}

static void set_options(struct arena *arena, const struct sentence_row *row,
                        const struct sentence_value *values, size_t n, struct json *options)
{
    struct str rest = str_from(row->options);
    struct str item;

    while (str_next(&rest, ' ', &item)) {
        struct str name;
        struct str from;
        const struct sentence_value *value;

        (void)str_cut(item, '<', &name, &from);
        value = find_value(values, n, from);
        if (value != NULL) {
            json_set(options, name, json_new_string(arena, value->text));
        } else if (str_is(from, "=true")) {
            json_set(options, name, json_new_bool(arena, true));
        } else {
            json_set(options, name, json_new_string(arena, str_sub(from, 1, from.len)));
        }
    }
}

/* Where on the element, and what it is: only some commands can say so. */
static enum error_code set_qualifiers(struct arena *arena, struct str words,
                                      const struct sentence_value *value, struct json *options,
                                      struct error *err)
{
    bool is_click = str_is(words, "step-interact click");
    bool has_place = is_click || str_is(words, "step-interact double-click") ||
                     str_is(words, "step-interact right-click") ||
                     str_is(words, "step-interact hover");

    if ((value->position.len > 0 && !has_place) || (value->type.len > 0 && !is_click)) {
        return error_set(err, ERR_INVALID,
                         "%.*s cannot say where the element is or of which type; give its text only",
                         STR_ARG(words));
    }
    if (value->position.len > 0) {
        json_set(options, STR("position_on_element"), json_new_string(arena, value->position));
    }
    if (value->type.len > 0) {
        json_set(options, STR("element_type"), json_new_string(arena, value->type));
    }
    return ERR_OK;
}

static enum error_code one_command(struct arena *arena, const struct sentence_row *row,
                                   struct str words, struct str args,
                                   const struct sentence_value *values, size_t n,
                                   struct json *out, struct error *err);

static enum error_code one_command(struct arena *arena, const struct sentence_row *row,
                                   struct str words, struct str args,
                                   const struct sentence_value *values, size_t n,
                                   struct json *out, struct error *err)
{
    struct json *command = json_new_object(arena);
    struct json *list = json_new_array(arena);
    struct json *options = json_new_object(arena);
    struct str name;

    (void)n;
    while (str_next(&args, ' ', &name)) {
        const struct sentence_value *value = find_value(values, n, name);

        json_append(list, json_new_string(arena, value->text));
    }
    for (size_t i = 0; i < n; i++) {
        enum error_code code = set_qualifiers(arena, words, &values[i], options, err);

        if (code != ERR_OK) {
            return code;
        }
    }
    set_options(arena, row, values, n, options);
    json_set(command, STR("command"), json_new_string(arena, words));
    json_set(command, STR("args"), list);
    json_set(command, STR("options"), options);
    json_append(out, command);
    return ERR_OK;
}
