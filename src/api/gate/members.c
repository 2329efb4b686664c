#include "api/gate/members.h"

#include "api/gate/task.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/utf8.h"

enum { NAME_SHOWN = 64 };

bool member_take(const struct member *member, const struct json *value, const char *pointer,
                 struct json *values, struct error_list *errors, struct arena *arena)
{
    unsigned flags = PARAM_JSON | (member->may_be_empty ? (unsigned)PARAM_EMPTY : 0);
    const struct param param = {.name = member->name,
                                .type = member->type,
                                .flags = flags,
                                .min = member->min,
                                .max = member->max,
                                .words = member->words};

    return param_take(&(struct param_place){.param = &param,
                                            .pointer = pointer,
                                            .arena = arena,
                                            .values = values,
                                            .errors = errors},
                      value);
}

static const struct member *member_find(const struct member *members, struct str name)
{
    for (; members->name != NULL; members++) {
        if (name.len > 0 && name.ptr[0] == members->name[0] && str_is(name, members->name)) {
            return members;
        }
    }
    return NULL;
}

void member_unknown(struct arena *arena, const struct member *members, enum error_code code,
                    struct str name, const char *pointer, struct error_list *errors)
{
    bool is_member = code == ERR_UNKNOWN_MEMBER;
    const char *what = is_member ? "member" : "query parameter";
    struct str shown = utf8_clip(name, NAME_SHOWN);
    struct str known = STR_EMPTY;
    struct nearest nearest;

    nearest_init(&nearest, name);
    for (const struct member *member = members; member->name != NULL; member++) {
        nearest_offer(&nearest, str_from(member->name));
        arena_join(arena, &known, ", ", str_from(member->name));
    }
    if (nearest.best.len > 0) {
        (void)error_at(error_list_add(errors), code, pointer,
                       "Unknown %s \"%.*s\"; did you mean \"%.*s\"?", what, STR_ARG(shown),
                       STR_ARG(nearest.best));
        return;
    }
    (void)error_at(error_list_add(errors), code, pointer, "Unknown %s \"%.*s\"; %s%.*s", what,
                   STR_ARG(shown),
                   known.len == 0 ? "this route takes none"
                   : is_member    ? "known are: "
                                  : "this route takes: ",
                   STR_ARG(known));
}

static const char *pointer_to(struct arena *arena, const char *prefix, struct str name)
{
    size_t n = strlen(prefix);
    char *pointer;

    name = utf8_clip(name, NAME_SHOWN);
    pointer = arena_alloc(arena, n + name.len + 2);
    mem_copy(pointer, prefix, n);
    pointer[n] = '/';
    mem_copy(pointer + n + 1, name.ptr, name.len);
    pointer[n + 1 + name.len] = '\0';
    return pointer;
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
            member_unknown(arena, members, ERR_UNKNOWN_MEMBER, name,
                           pointer_to(arena, prefix, name), errors);
        } else if (json_type(value) != JSON_NULL) {
            given |= UINT64_C(1) << (member - members);
            (void)member_take(member, value, pointer_to(arena, prefix, name), out, errors, arena);
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

const struct json *task_members(struct task *task, const struct member *members)
{
    return members_check(task->arena, task->body, members, "", task_errors(task));
}
