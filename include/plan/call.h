/* call_spec: one call to the platform as a row. Rows are data; templates in them are parsed and
 * checked once at start-up (call_compile); a bad template stops the program with the name of its
 * row. */
#ifndef PLAN_CALL_H
#define PLAN_CALL_H

#include "base/arena.h"
#include "base/error.h"
#include "data/template.h"
#include "upstream/class.h"

/* Lets a row hold its JSON without backslashes: the preprocessor quotes it. */
#define JSON(...) #__VA_ARGS__

enum { CALL_MAX_CAPTURES = 6 };

/* What is kept of an answer: the value at the first of the pointers that exists becomes a variable of
 * the plan. */
struct capture {
    const char *variable; /* NULL ends the list */
    const char *pointers; /* "/item/id /goal/id /id" */
    bool required;        /* absent: ERR_UPSTREAM_SHAPE */
};

struct call_spec {
    const char *name; /* "create goal": metrics label, reports, errors */
    const char *method;
    const char *path;  /* path template */
    const char *query; /* query template; NULL none */
    const char *body;  /* JSON template; NULL none */
    enum call_class class;
    bool needs_json; /* the answer must be JSON (204 excepted) */
    struct capture captures[CALL_MAX_CAPTURES];
    const char *hint; /* what to do where the answer lacks what is required; NULL: nothing more */
    /* A route that only some sources know (PLATFORM.md, "Routes with one source"): the name of the
     * call that asks the same in another way; NULL: there is none. */
    const char *or_else;
    const char *needs; /* variable that this way needs; NULL none */
    const char
        *about; /* variable with an id: if the answer has an id, it must be this one; NULL none */
    /* A name of the request that the answer repeats: the variable, and where it may stand. If another one stands there, the
     * answer belongs to another request. {NULL}: none. */
    struct capture repeats;
    const char *tells; /* the answer has a text at one of these pointers; NULL: anything will do */
    const char *lists; /* the answer holds a list at one of these pointers, or is one; else the
                          platform does not offer the route; NULL: any answer will do */
};

/* A row after its check at start-up (call_compile). */
struct call {
    const struct call_spec *spec;
    struct template *body; /* NULL none */
    size_t label;          /* metrics index */
    /* Room catalog sets these two when it has compiled all calls. */
    const struct call *or_else; /* NULL none */
    size_t route;               /* the same number for calls with one method and path */
};

enum error_code call_compile(struct arena *arena, const struct call_spec *spec, size_t label,
                             struct call *out, struct error *err) MUST_CHECK;

/* The request that the call makes: {"method", "path", "query"?, "body"?}. `values`: what is known, a
 * chain that may be NULL; any other name stands for itself as the text "{name}". An error means that
 * a value is of the wrong kind. */
enum error_code call_show(const struct call *call, const struct scope *values, struct arena *arena,
                          struct json **out, struct error *err) MUST_CHECK;

#endif
