/* JSON templates: parsed once, expanded for each call. Each value is written as a JSON value, never as raw text,
 * so no value can break out of its place. Forms (all as JSON string values, except $guess):
 *   "$name"          the value of `name` with its type (text, number, boolean, object, list)
 *   "$#name"         the value as an integer number (decimal text of 1..19 digits becomes a number)
 *   "$?name"         as "$name", but the member is left out when the value is absent or false
 *   {"$guess": {…}}  the inner object, expanded, as compact JSON *text*
 *   "$$x"            the literal text "$x"
 * Path templates: "/goals/{goal_id}/versions", each value percent-encoded as one segment.
 * Query templates: "a={x}&b={?y}", "{?y}" drops the pair when absent.
 * Owner: templates live in the arena given at parse (the process's table arena). */
#ifndef DATA_TEMPLATE_H
#define DATA_TEMPLATE_H

#include "base/arena.h"
#include "base/error.h"
#include "data/json.h"

struct template;

/* The source of values. `get` returns NULL if a value is absent. The template only reads the node. */
struct scope {
    const struct json *(*get)(const struct scope *scope, struct str name);
    const void *context;
    const struct scope *outer; /* asked next when get answers NULL; may be NULL */
};

/* A scope over the members of one JSON object. */
struct scope scope_of_object(const struct json *object, const struct scope *outer);

enum error_code template_parse(struct arena *arena, const char *json_text, struct template **out,
                               struct error *err) MUST_CHECK;
/* Calls `fn` with the name of each variable in the template; a variable that stands twice comes twice. */
void template_names(const struct template *template, void (*fn)(void *context, struct str name),
                    void *context);
/* Expands to a text in the arena. ERR_INTERNAL: a required value is absent or of the wrong kind; `err` names its
 * variable. */
enum error_code template_text(const struct template *template, const struct scope *scope,
                              struct arena *arena, struct str *out, struct error *err) MUST_CHECK;
/* Expands to a tree. */
enum error_code template_expand(const struct template *template, const struct scope *scope,
                                struct arena *arena, struct json **out,
                                struct error *err) MUST_CHECK;

enum error_code path_expand(const char *path, const struct scope *scope, struct arena *arena,
                            struct str *out, struct error *err) MUST_CHECK;
enum error_code query_expand(const char *query, const struct scope *scope, struct arena *arena,
                             struct str *out, struct error *err) MUST_CHECK;
void path_names(const char *path_or_query, void (*fn)(void *context, struct str name),
                void *context);

#endif
