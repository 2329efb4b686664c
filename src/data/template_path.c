/* Paths and queries: each value is percent-encoded in its place. */
#include "base/percent.h"
#include "template_internal.h"

static struct str value_text(const struct json *value, struct arena *arena)
{
    switch (json_type(value)) {
    case JSON_NUMBER:
        return json_number_text(value, arena);
    case JSON_BOOL:
        return json_true(value) ? STR("true") : STR("false");
    case JSON_NULL:
    case JSON_STRING:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return json_str(value);
}

static void put_value(struct buf *out, struct str value)
{
    /* The open place of a dry run ("{goal_id}") is written as it is; no real value in a path looks like
     * that. */
    if (value.len > 2 && value.ptr[0] == '{' && value.ptr[value.len - 1] == '}' &&
        is_variable_name(str_sub(value, 1, value.len - 2))) {
        buf_str(out, value);
    } else {
        percent_encode(out, value);
    }
}

/* Expands the {name} and {?name} places of one piece. *out_kept is false if a {?name} was absent or false. */
static enum error_code expand_piece(const struct expansion *x, struct str piece, bool *out_kept)
{
    *out_kept = true;
    while (piece.len > 0) {
        struct str before;
        struct str name;
        const struct json *value;
        bool optional;

        if (!str_cut(piece, '{', &before, &piece)) {
            buf_str(x->out, before);
            return ERR_OK;
        }
        buf_str(x->out, before);
        (void)str_cut(piece, '}', &name, &piece);
        optional = name.len > 0 && name.ptr[0] == '?';
        name = optional ? str_sub(name, 1, name.len) : name;
        value = scope_get(x->scope, name);
        if (value == NULL || (optional && json_type(value) == JSON_BOOL && !json_true(value))) {
            *out_kept = false;
            return optional ? ERR_OK : value_missing(x, name);
        }
        put_value(x->out, value_text(value, x->arena));
    }
    return ERR_OK;
}

enum error_code path_expand(const char *path, const struct scope *scope, struct arena *arena,
                            struct str *out, struct error *err)
{
    UNINITIALISED char room[SHORT_TEXT];
    struct buf text;
    const struct expansion x = {scope, arena, &text, err};
    bool kept;
    enum error_code code;

    buf_init_on(&text, room, sizeof(room), TEMPLATE_TEXT_MAX);
    code = expand_piece(&x, str_from(path), &kept);
    if (code != ERR_OK) {
        buf_done(&text);
        return code;
    }
    *out = arena_take(arena, &text);
    return ERR_OK;
}

enum error_code query_expand(const char *query, const struct scope *scope, struct arena *arena,
                             struct str *out, struct error *err)
{
    UNINITIALISED char room[SHORT_TEXT];
    struct buf text;
    const struct expansion x = {scope, arena, &text, err};
    struct str rest = str_from(query);
    struct str pair;

    buf_init_on(&text, room, sizeof(room), TEMPLATE_TEXT_MAX);
    while (str_next(&rest, '&', &pair)) {
        size_t before = text.len;
        bool kept;
        enum error_code code;

        if (before > 0) {
            buf_char(&text, '&');
        }
        code = expand_piece(&x, pair, &kept);
        if (code != ERR_OK) {
            buf_done(&text);
            return code;
        }
        if (!kept) {
            buf_truncate(&text, before);
        }
    }
    *out = arena_take(arena, &text);
    return ERR_OK;
}

void path_names(const char *path_or_query, void (*fn)(void *context, struct str name),
                void *context)
{
    struct str rest = str_from(path_or_query);
    struct str before;
    struct str name;

    while (str_cut(rest, '{', &before, &rest)) {
        (void)str_cut(rest, '}', &name, &rest);
        fn(context, name.len > 0 && name.ptr[0] == '?' ? str_sub(name, 1, name.len) : name);
    }
}
