/* Checks a row of the calls once, so that at run time only its values can be wrong. */
#include "plan/call.h"

static enum error_code bad_row(struct error *err, const struct call_spec *spec, const char *what,
                               const char *text)
{
    return error_set(err, ERR_INTERNAL, "call \"%s\": %s: \"%s\"", spec->name, what, text);
}

static bool is_method(const char *method)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

    return str_in(str_from(method), methods, ARRAY_LEN(methods));
}

/* Braces must pair and hold a name, else a literal brace would travel to the platform. */
static bool braces_pair(const char *text)
{
    struct str rest = str_from(text);
    struct str before;
    struct str name;

    while (str_cut(rest, '{', &before, &rest)) {
        if (str_find_char(before, '}') >= 0 || !str_cut(rest, '}', &name, &rest) ||
            str_find_char(name, '{') >= 0 || str_is(name, "") || str_is(name, "?")) {
            return false;
        }
    }
    return str_find_char(before, '}') < 0;
}

static bool pointers_ok(const char *pointers)
{
    struct str rest = str_from(pointers);
    struct str pointer;
    size_t n = 0;

    while (str_next(&rest, ' ', &pointer)) {
        if (pointer.ptr[0] != '/') {
            return false;
        }
        n++;
    }
    return n > 0;
}

/* NULL: all of them are good. */
static const char *bad_places(const struct call_spec *spec, const char **out_which)
{
    for (size_t i = 0; i < CALL_MAX_CAPTURES && spec->captures[i].variable != NULL; i++) {
        if (!pointers_ok(spec->captures[i].pointers)) {
            *out_which = spec->captures[i].variable;
            return "captures without a pointer";
        }
    }
    if (spec->tells != NULL && !pointers_ok(spec->tells)) {
        *out_which = spec->tells;
        return "a text without a pointer";
    }
    if (spec->repeats.variable != NULL && !pointers_ok(spec->repeats.pointers)) {
        *out_which = spec->repeats.pointers;
        return "a name without a pointer";
    }
    if (spec->lists != NULL && !pointers_ok(spec->lists)) {
        *out_which = spec->lists;
        return "a list without a pointer";
    }
    return NULL;
}

enum error_code call_compile(struct arena *arena, const struct call_spec *spec, size_t label,
                             struct call *out, struct error *err)
{
    struct template *body = NULL;
    const char *which = NULL;
    const char *wrong;

    if (!is_method(spec->method)) {
        return bad_row(err, spec, "not a method", spec->method != NULL ? spec->method : "");
    }
    if (spec->path == NULL || spec->path[0] != '/' || !braces_pair(spec->path)) {
        return bad_row(err, spec, "not a path template", spec->path != NULL ? spec->path : "");
    }
    if (spec->query != NULL && !braces_pair(spec->query)) {
        return bad_row(err, spec, "not a query template", spec->query);
    }
    wrong = bad_places(spec, &which);
    if (wrong != NULL) {
        return bad_row(err, spec, wrong, which);
    }
    if (spec->body != NULL) {
        struct error cause = {0};

        if (template_parse(arena, spec->body, &body, &cause) != ERR_OK) {
            return bad_row(err, spec, "bad body template", cause.text);
        }
    }
    *out = (struct call){.spec = spec, .body = body, .label = label, .route = label};
    return ERR_OK;
}
