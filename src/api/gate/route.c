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

static bool is_many(struct str pattern)
{
    return str_ends(pattern, STR("*}"));
}

static void take_apart(const char *pattern, struct route_shape *out)
{
    struct str rest = str_from(pattern);
    struct str part;

    out->pattern = rest;
    while (str_next(&rest, '/', &part)) {
        CHECK(out->n_parts < ROUTE_MAX_PARTS);
        out->parts[out->n_parts++] = part;
        out->n_params += part.ptr[0] == '{' ? 1 : 0;
        out->has_many = out->has_many || is_many(part);
    }
}

static enum route_class class_for(const struct route *route)
{
    static const struct {
        unsigned access;
        enum route_class class;
    } classes[] = {
        {PERMISSION_READ, ROUTE_CLASS_READ},           {PERMISSION_WRITE_TESTS, ROUTE_CLASS_WRITE},
        {PERMISSION_WRITE_LIBRARY, ROUTE_CLASS_WRITE}, {PERMISSION_EXECUTE, ROUTE_CLASS_EXECUTE},
        {PERMISSION_ADMIN, ROUTE_CLASS_ADMIN},
    };

    for (size_t i = 0; i < ARRAY_LEN(classes) && route->class == ROUTE_CLASS_ANY; i++) {
        if (classes[i].access == route->access) {
            return classes[i].class;
        }
    }
    return route->class;
}

size_t route_label(const struct route_table *table, const struct route *route)
{
    return table->label_of[route - table->rows];
}

enum route_class route_class_of(const struct route_table *table, const struct route *route)
{
    return table->class_of[route - table->rows];
}

struct segments {
    struct str items[MAX_SEGMENTS];
    bool is_joined[MAX_SEGMENTS]; /* by an encoded slash to the one before */
    bool any_joined;
    size_t n;
};

/* A NUL or a dot segment means different things to different programs. Clients that are made from
 * the document write the slashes in a parameter of several segments as %2F: only there one may
 * stand (shape_matches). */
static enum error_code add_decoded(struct segments *out, struct str decoded, struct error *err)
{
    struct str rest = decoded;
    struct str piece;
    bool is_joined = false;
    bool more;

    do {
        more = str_cut(rest, '/', &piece, &rest);
        if (str_is(piece, "..") || str_is(piece, ".") || str_find_char(piece, '\0') >= 0) {
            return error_set(err, ERR_BAD_REQUEST, "The path has a dot segment or a NUL");
        }
        if (piece.len == 0 || out->n == MAX_SEGMENTS) {
            return error_set(err, ERR_NOT_FOUND,
                             "No route here. GET /api/v1/routes lists all routes");
        }
        out->is_joined[out->n] = is_joined;
        out->any_joined = out->any_joined || is_joined;
        out->items[out->n++] = piece;
        is_joined = true;
    } while (more);
    return ERR_OK;
}

/* Splits and decodes. A broken escape is refused. A trailing slash means nothing. */
static enum error_code split_path(struct arena *arena, struct str path, struct segments *out,
                                  struct error *err)
{
    struct str rest = str_sub(path, 1, path.len);
    struct str raw;

    bool has_escapes = str_find_char(path, '%') >= 0;

    out->n = 0;
    out->any_joined = false;
    while (rest.len > 0) {
        struct str decoded;
        enum error_code code;

        (void)str_cut(rest, '/', &raw, &rest);
        if (!has_escapes && raw.len > 0 && raw.ptr[0] != '.' && out->n < MAX_SEGMENTS) {
            out->is_joined[out->n] = false;
            out->items[out->n++] = raw; /* as add_decoded does */
            continue;
        }
        if (!percent_decode(arena, raw, false, &decoded)) {
            return error_set(err, ERR_BAD_REQUEST, "The path has a broken percent escape");
        }
        code = add_decoded(out, decoded, err);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

/* Most rows fall out by the number of their parts or by the last one. */
static bool may_match(const struct route_shape *want, const struct segments *path)
{
    const struct str *last;

    if (want->has_many) {
        return path->n >= want->n_parts;
    }
    if (path->n != want->n_parts || path->n == 0) {
        return path->n == want->n_parts;
    }
    last = &want->parts[want->n_parts - 1];
    return last->ptr[0] == '{' || str_eq(*last, path->items[path->n - 1]);
}

/* `{name*}` takes all segments that the rest of the pattern does not need: at most one per
 * pattern. */
static bool shape_matches(struct arena *arena, const struct route_shape *want,
                          const struct segments *path, struct str params[ROUTE_MAX_PARAMS])
{
    size_t at = 0;
    size_t n_params = 0;

    if (!may_match(want, path)) {
        return false;
    }
    for (size_t i = 0; i < want->n_parts; i++) {
        size_t take = 1;

        if (is_many(want->parts[i])) {
            size_t after = want->n_parts - i - 1;

            if (path->n < at + after + 1) {
                return false;
            }
            take = path->n - at - after;
        }
        if (at + take > path->n || path->is_joined[at]) {
            return false;
        }
        if (want->parts[i].ptr[0] == '{') {
            params[n_params] = path->items[at];
            for (size_t k = 1; k < take; k++) {
                arena_join(arena, &params[n_params], " ", path->items[at + k]);
            }
            n_params++;
        } else if (!str_eq(want->parts[i], path->items[at])) {
            return false;
        }
        at += take;
    }
    return at == path->n;
}

/* ---- what is made at the start ---- */

/* A hash of the length and the last eight bytes, in which paths differ most. */
static size_t slot_of(struct str path)
{
    uint64_t end = 0;

    if (path.len >= sizeof(end)) {
        mem_copy(&end, path.ptr + path.len - sizeof(end), sizeof(end));
    } else {
        mem_copy(&end, path.ptr, path.len);
    }
    return (size_t)(((end ^ path.len) * UINT64_C(0x9e3779b97f4a7c15)) >> 56);
}

static size_t next_slot(size_t slot)
{
    return (slot + 1) % ROUTE_SLOTS;
}

/* True: an earlier row with parameters matches the same path. Then the path is not found by hash, but row by row. */
static bool is_behind_another(const struct route_table *table, struct arena *arena, size_t row)
{
    const struct route_shape *own = &table->shapes[row];
    struct segments path = {.n = own->n_parts};
    struct str params[ROUTE_MAX_PARAMS];
    size_t i = 0;

    mem_copy(path.items, own->parts, sizeof(own->parts));
    while (i < row && (table->shapes[i].n_params == 0 ||
                       !shape_matches(arena, &table->shapes[i], &path, params))) {
        i++;
    }
    return i < row;
}

static void index_row(struct route_table *table, struct arena *arena, size_t row)
{
    const struct route_shape *shape = &table->shapes[row];
    size_t last = shape->has_many ? ROUTE_MAX_PARTS + 1 : shape->n_parts;

    for (size_t n = shape->n_parts; n <= last; n++) {
        table->by_parts[n].words[row / 64] |= UINT64_C(1) << row % 64;
    }
    if (shape->n_params == 0 && !is_behind_another(table, arena, row)) {
        size_t slot = slot_of(shape->pattern);

        while (table->literals[slot] != 0) {
            slot = next_slot(slot);
        }
        table->literals[slot] = (uint8_t)(row + 1);
    }
}

void route_table_open(struct route_table *table)
{
    struct arena arena;

    CHECK(table->n <= ROUTE_MAX_ROWS);
    arena_init(&arena);
    table->labels[0] = "unmatched";
    table->n_labels = 1;
    for (size_t i = 0; i < table->n; i++) {
        table->label_of[i] = label_for(table, table->rows[i].pattern);
        table->class_of[i] = class_for(&table->rows[i]);
        take_apart(table->rows[i].pattern, &table->shapes[i]);
        index_row(table, &arena, i);
    }
    arena_done(&arena);
}

/* ---- lookup ---- */

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

static bool is_offered(const struct route *row, const struct route_wanted *wanted)
{
    return (wanted->places & (1U << row->place)) != 0;
}

static const struct route *find_literal(const struct route_table *table,
                                        const struct route_wanted *wanted)
{
    for (size_t slot = slot_of(wanted->path); table->literals[slot] != 0; slot = next_slot(slot)) {
        size_t at = table->literals[slot] - 1U;
        const struct route *row = &table->rows[at];

        if (str_eq(table->shapes[at].pattern, wanted->path) && is_offered(row, wanted) &&
            method_serves(row->method, wanted->method)) {
            return row;
        }
    }
    return NULL;
}

/* The rows that match, in their order, until one of them serves the method. */
static void find_among(const struct route_table *table, struct arena *arena,
                       const struct route_wanted *wanted, const struct segments *segments,
                       struct route_match *out)
{
    size_t n = segments->n <= ROUTE_MAX_PARTS ? segments->n : ROUTE_MAX_PARTS + 1;

    for (size_t word = 0; word < ARRAY_LEN(table->by_parts[n].words); word++) {
        for (uint64_t left = table->by_parts[n].words[word]; left != 0; left &= left - 1) {
            size_t i = word * 64 + (size_t)__builtin_ctzll(left);
            const struct route *row = &table->rows[i];

            if (!is_offered(row, wanted) ||
                !shape_matches(arena, &table->shapes[i], segments, out->params)) {
                continue;
            }
            if (method_serves(row->method, wanted->method)) {
                out->route = row;
                return;
            }
            allow_add(arena, &out->allow, row->method);
        }
    }
}

enum error_code route_find(const struct route_table *table, struct arena *arena,
                           const struct route_wanted *wanted, struct route_match *out,
                           struct error *err)
{
    UNINITIALISED struct segments segments;
    enum error_code code;

    *out = (struct route_match){.route = find_literal(table, wanted), .allow = STR_EMPTY};
    if (out->route != NULL) {
        return ERR_OK;
    }
    code = split_path(arena, wanted->path, &segments, err);
    if (code != ERR_OK) {
        return code;
    }
    find_among(table, arena, wanted, &segments, out);
    if (out->route != NULL) {
        return ERR_OK;
    }
    if (out->allow.len == 0 && segments.any_joined) {
        return error_set(err, ERR_BAD_REQUEST,
                         "The path has an encoded slash where no parameter takes several segments");
    }
    if (out->allow.len == 0) {
        return error_set(err, ERR_NOT_FOUND, "No route here. GET /api/v1/routes lists all routes");
    }
    allow_add(arena, &out->allow, "OPTIONS");
    return error_set(err, ERR_METHOD_NOT_ALLOWED, "This path answers to %.*s, not to %.*s",
                     STR_ARG(out->allow), STR_ARG(wanted->method));
}

const void *row_of_route(const struct route *route, const void *rows, size_t n_rows,
                         size_t row_bytes)
{
    const char *row = rows;

    for (size_t i = 0; i < n_rows; i++, row += row_bytes) {
        const char *own[2]; /* method, pattern */

        memcpy(own, row, sizeof(own));
        if (str_is(str_from(route->method), own[0]) && str_is(str_from(route->pattern), own[1])) {
            return row;
        }
    }
    return NULL;
}

struct str route_param_name(struct str part)
{
    part = str_sub(part, 1, part.len - 2);
    return str_ends(part, STR("*")) ? str_sub(part, 0, part.len - 1) : part;
}

int route_param(const struct route *route, const char *name)
{
    struct str rest = str_from(route->pattern);
    struct str part;
    int at = 0;

    while (str_next(&rest, '/', &part)) {
        if (part.ptr[0] == '{' && str_is(route_param_name(part), name)) {
            return at;
        }
        at += part.ptr[0] == '{' ? 1 : 0;
    }
    return -1;
}

struct str task_param(const struct task *task, const char *name)
{
    int at = route_param(task->route, name);

    if (at < 0) {
        check_failed("route has that parameter", name, 0);
    }
    return task->match.params[at];
}
