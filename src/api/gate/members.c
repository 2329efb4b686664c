#include "api/gate/members.h"

#include "base/nearest.h"
#include "base/utf8.h"

enum { TEXT_MAX = 2000, ID_DIGITS = 19 };

bool id_normalise(struct str text, struct str *out_digits)
{
    static const char *const prefixes[] = {"cp_", "lib_", "journey_", "goal_", "step_", "project_"};

    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        struct str prefix = str_from(prefixes[i]);

        if (str_starts(text, prefix)) {
            text = str_sub(text, prefix.len, text.len);
            break;
        }
    }
    if (text.len == 0 || text.len > ID_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    *out_digits = text;
    return true;
}

struct check {
    struct arena *arena;
    const struct member *member;
    const struct json *value;
    const char *pointer;
    struct error_list *errors;
};

static struct json *refuse(const struct check *check, const char *what)
{
    (void)error_at(error_list_add(check->errors), ERR_INVALID, check->pointer, "%s: %s",
                   check->member->name, what);
    return NULL;
}

static struct json *check_text(const struct check *check)
{
    struct str text = json_str(check->value);
    int64_t max = check->member->max > 0 ? check->member->max : TEXT_MAX;

    if (json_type(check->value) != JSON_STRING) {
        return refuse(check, "must be text");
    }
    if (text.len == 0 && check->member->type == MEMBER_TEXT) {
        return refuse(check, "must not be empty");
    }
    if (utf8_count(text) > (size_t)max) {
        return refuse(check, arena_cstr(check->arena,
                                        arena_printf(check->arena, "is longer than %lld characters",
                                                     (long long)max)));
    }
    return json_copy(check->arena, check->value);
}

static struct json *check_id(const struct check *check)
{
    struct str text = json_type(check->value) == JSON_NUMBER
                          ? json_number_text(check->value, check->arena)
                          : json_str(check->value);
    struct str digits;

    if (!id_normalise(text, &digits)) {
        return refuse(
            check,
            "must be an id: 1 to 19 digits, as a number or text (cp_, lib_, journey_, goal_, "
            "step_ and project_ may stand before them)");
    }
    return json_new_string(check->arena, digits);
}

static struct json *check_integer(const struct check *check)
{
    struct str text = json_type(check->value) == JSON_NUMBER
                          ? json_number_text(check->value, check->arena)
                          : json_str(check->value);
    int64_t max = check->member->max > 0 ? check->member->max : INT64_MAX;
    int64_t number;

    if (!str_to_i64(text, check->member->min, max, &number)) {
        return refuse(
            check, arena_cstr(check->arena,
                              arena_printf(check->arena, "must be a whole number from %lld%s",
                                           (long long)check->member->min,
                                           max == INT64_MAX
                                               ? " on"
                                               : arena_cstr(check->arena,
                                                            arena_printf(check->arena, " to %lld",
                                                                         (long long)max)))));
    }
    return json_new_int(check->arena, number);
}

static struct json *check_url(const struct check *check)
{
    struct str text = json_str(check->value);

    if (str_starts_nocase(text, STR("http://")) || str_starts_nocase(text, STR("https://")) ||
        (text.len > 1 && text.ptr[0] == '$')) {
        return check_text(check);
    }
    return refuse(check, "must be a URL that begins with http://, https:// or a $variable");
}

static struct json *check_container(const struct check *check)
{
    enum json_type want = check->member->type == MEMBER_ARRAY ? JSON_ARRAY : JSON_OBJECT;
    int64_t max = check->member->max;

    if (json_type(check->value) != want) {
        return refuse(check, want == JSON_ARRAY ? "must be a list" : "must be an object");
    }
    if (json_size(check->value) < (size_t)check->member->min) {
        return refuse(check, "must not be empty");
    }
    if (max > 0 && json_size(check->value) > (size_t)max) {
        return refuse(
            check, arena_cstr(check->arena,
                              arena_printf(check->arena, "has %zu elements; at most %lld are taken",
                                           json_size(check->value), (long long)max)));
    }
    return json_copy(check->arena, check->value);
}

static struct json *check_bool(const struct check *check)
{
    return json_type(check->value) == JSON_BOOL ? json_copy(check->arena, check->value)
                                                : refuse(check, "must be true or false");
}

static struct json *check_word(const struct check *check)
{
    struct str text = json_str(check->value);
    struct str rest = str_from(check->member->words);
    struct str word;

    while (str_next(&rest, ' ', &word)) {
        if (str_eq(word, text)) {
            return check_text(check);
        }
    }
    return refuse(check, arena_cstr(check->arena, arena_printf(check->arena, "must be one of: %s",
                                                               check->member->words)));
}

static struct json *check_value(const struct check *check)
{
    switch (check->member->type) {
    case MEMBER_TEXT:
    case MEMBER_TEXT0:
        return check_text(check);
    case MEMBER_ID:
        return check_id(check);
    case MEMBER_INTEGER:
        return check_integer(check);
    case MEMBER_BOOL:
        return check_bool(check);
    case MEMBER_URL:
        return check_url(check);
    case MEMBER_ARRAY:
    case MEMBER_OBJECT:
        return check_container(check);
    case MEMBER_WORD:
        return check_word(check);
    case MEMBER_ANY:
        return json_copy(check->arena, check->value);
    }
    return NULL;
}

struct json *member_check(struct arena *arena, const struct member *member,
                          const struct json *value, const char *pointer, struct error_list *errors)
{
    return check_value(&(struct check){arena, member, value, pointer, errors});
}

static const struct member *member_find(const struct member *members, struct str name)
{
    for (; members->name != NULL; members++) {
        if (str_is(name, members->name)) {
            return members;
        }
    }
    return NULL;
}

static void unknown_member(struct arena *arena, const struct member *members, struct str name,
                           const char *pointer, struct error_list *errors)
{
    struct nearest nearest;
    struct str known = STR_EMPTY;

    nearest_init(&nearest, name);
    for (const struct member *member = members; member->name != NULL; member++) {
        nearest_offer(&nearest, str_from(member->name));
        arena_join(arena, &known, ", ", str_from(member->name));
    }
    if (nearest.best.len > 0) {
        (void)error_at(error_list_add(errors), ERR_UNKNOWN_MEMBER, pointer,
                       "Unknown member \"%.*s\"; did you mean \"%.*s\"?",
                       STR_ARG(utf8_clip(name, 64)), STR_ARG(nearest.best));
        return;
    }
    (void)error_at(error_list_add(errors), ERR_UNKNOWN_MEMBER, pointer,
                   "Unknown member \"%.*s\"; known are: %.*s", STR_ARG(utf8_clip(name, 64)),
                   STR_ARG(known));
}

static const char *pointer_to(struct arena *arena, const char *prefix, struct str name)
{
    return arena_cstr(arena, arena_printf(arena, "%s/%.*s", prefix, STR_ARG(utf8_clip(name, 64))));
}

const struct json *members_check(struct arena *arena, const struct json *body,
                                 const struct member *members, const char *prefix,
                                 struct error_list *errors)
{
    struct json *out = json_new_object(arena);
    uint64_t given = 0; /* a bit a row: a body may have thousands of members, a table has few */
    const struct json *value;

    JSON_FOREACH (value, body) {
        struct str name = json_name(value);
        const struct member *member = member_find(members, name);

        if (member == NULL && error_list_is_full(errors)) {
            error_list_drop(errors);
        } else if (member == NULL) {
            unknown_member(arena, members, name, pointer_to(arena, prefix, name), errors);
        } else if (json_type(value) != JSON_NULL) {
            given |= UINT64_C(1) << (member - members);
            json_set(out, name,
                     member_check(arena, member, value, pointer_to(arena, prefix, name), errors));
        }
    }
    for (const struct member *member = members; member->name != NULL; member++) {
        if (member->required && (given & (UINT64_C(1) << (member - members))) == 0) {
            (void)error_at(error_list_add(errors), ERR_INVALID,
                           pointer_to(arena, prefix, str_from(member->name)), "%s is required",
                           member->name);
        }
    }
    return out;
}
