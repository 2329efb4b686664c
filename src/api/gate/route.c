/* The lookup of a path among the rows of the route table. */
#include "api/gate/route.h"

#include "api/gate/task.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/percent.h"

enum { MAX_SEGMENTS = 24 };

static size_t label_for(struct route_table *table, const char *pattern)
{
    size_t at = 1;

    while (at < table->n_labels && !str_is(str_from(table->labels[at]), pattern)) {
        at++;
    }
    CHECK(at < ROUTE_MAX_LABELS);
    table->labels[at] = pattern;
    table->n_labels = at == table->n_labels ? at + 1 : table->n_labels;
    return at;
}

void route_table_open(struct route_table *table)
{
    if (table->n_labels != 0) {
        return;
    }
    CHECK(table->n <= ROUTE_MAX_ROWS);
    table->labels[0] = "unmatched";
    table->n_labels = 1;
    for (size_t i = 0; i < table->n; i++) {
        table->label_of[i] = label_for(table, table->rows[i].pattern);
    }
}

size_t route_label(const struct route_table *table, const struct route *route)
{
    return table->label_of[route - table->rows];
}

struct segments {
    struct str items[MAX_SEGMENTS];
    size_t n;
};

/* Splits and decodes. An encoded slash or NUL, a dot segment or a broken escape is refused: such
 * paths mean different things to different programs. A trailing slash means nothing. */
static enum error_code split_path(struct arena *arena, struct str path, struct segments *out,
                                  struct error *err)
{
    struct str rest = str_sub(path, 1, path.len);
    struct str raw;

    out->n = 0;
    while (rest.len > 0) {
        struct str decoded;

        (void)str_cut(rest, '/', &raw, &rest);
        if (raw.len == 0 || out->n == MAX_SEGMENTS) {
            return error_set(err, ERR_NOT_FOUND,
                             "No route here. GET /api/v1/routes lists all routes");
        }
        if (!percent_decode(arena, raw, false, &decoded)) {
            return error_set(err, ERR_BAD_REQUEST, "The path has a broken percent escape");
        }
        if (str_is(decoded, "..") || str_is(decoded, ".") || str_find_char(decoded, '\0') >= 0 ||
            str_find_char(decoded, '/') >= 0) {
            return error_set(err, ERR_BAD_REQUEST,
                             "The path has a dot segment, an encoded slash or a NUL");
        }
        out->items[out->n++] = decoded;
    }
    return ERR_OK;
}

static bool is_many(struct str pattern)
{
    return str_ends(pattern, STR("*}"));
}

/* `{name*}` takes all segments that the rest of the pattern does not need: at most one per
 * pattern. */
static bool pattern_matches(struct arena *arena, const char *pattern, const struct segments *path,
                            struct str params[ROUTE_MAX_PARAMS])
{
    struct segments want = {.n = 0};
    struct str rest = str_from(pattern);
    struct str part;
    size_t at = 0;
    size_t n_params = 0;

    while (str_next(&rest, '/', &part)) {
        want.items[want.n++] = part;
    }
    for (size_t i = 0; i < want.n; i++) {
        size_t take = 1;

        if (is_many(want.items[i])) {
            size_t after = want.n - i - 1;

            if (path->n < at + after + 1) {
                return false;
            }
            take = path->n - at - after;
        }
        if (at + take > path->n) {
            return false;
        }
        if (want.items[i].ptr[0] == '{') {
            params[n_params] = path->items[at];
            for (size_t k = 1; k < take; k++) {
                arena_join(arena, &params[n_params], " ", path->items[at + k]);
            }
            n_params++;
        } else if (!str_eq(want.items[i], path->items[at])) {
            return false;
        }
        at += take;
    }
    return at == path->n;
}

static bool method_serves(const char *offered, struct str asked)
{
    return str_is(asked, offered) || (str_is(asked, "HEAD") && str_is(STR("GET"), offered));
}

static void allow_add(struct arena *arena, struct str *allow, const char *method)
{
    const char *more = str_is(STR("GET"), method) ? "GET, HEAD" : method;

    if (str_contains(*allow, str_from(method))) {
        return;
    }
    arena_join(arena, allow, ", ", str_from(more));
}

enum error_code route_find(const struct route_table *table, struct arena *arena, struct str method,
                           struct str path, struct route_match *out, struct error *err)
{
    struct segments segments;
    enum error_code code = split_path(arena, path, &segments, err);

    *out = (struct route_match){.allow = STR_EMPTY};
    if (code != ERR_OK) {
        return code;
    }
    for (size_t i = 0; i < table->n; i++) {
        if (!pattern_matches(arena, table->rows[i].pattern, &segments, out->params)) {
            continue;
        }
        if (method_serves(table->rows[i].method, method)) {
            out->route = &table->rows[i];
            return ERR_OK;
        }
        allow_add(arena, &out->allow, table->rows[i].method);
    }
    if (out->allow.len == 0) {
        return error_set(err, ERR_NOT_FOUND, "No route here. GET /api/v1/routes lists all routes");
    }
    allow_add(arena, &out->allow, "OPTIONS");
    return error_set(err, ERR_METHOD_NOT_ALLOWED, "This path answers to %.*s, not to %.*s",
                     STR_ARG(out->allow), STR_ARG(method));
}

struct str task_param(const struct task *task, const char *name)
{
    struct str rest = str_from(task->route->pattern);
    struct str part;
    size_t at = 0;

    while (str_next(&rest, '/', &part)) {
        if (part.ptr[0] != '{') {
            continue;
        }
        part = str_sub(part, 1, part.len - 2);
        if (str_ends(part, STR("*"))) {
            part.len--;
        }
        if (str_is(part, name)) {
            return task->match.params[at];
        }
        at++;
    }
    check_failed("route has that parameter", name, 0);
}
