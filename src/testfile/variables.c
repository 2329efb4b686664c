/* $name, ${name}, {{name}}: variables that the file knows are replaced when it is compiled, others are
 * left to the platform. $$ is a dollar, $ before anything but a name is text. Values may refer to other
 * variables; circles and values that grow without end are errors. */
#include "base/nearest.h"
#include "testfile_internal.h"

enum {
    INDEX_FROM = 16,
    MAX_OFFERED = 200,
    MAX_NESTING = 8,
    NAME_MAX = 128,
    EXPANDED_MAX = 1024 * 1024
};

/* One run of replacing. */
struct replacing {
    struct compile *c;
    struct place place;
    struct buf out;
    unsigned nesting;
    bool failed;
};

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* A dotted name at the front of `text`; its length. A dot counts only before a further name. */
static size_t name_length(struct str text, bool dashes)
{
    size_t at = 0;

    if (text.len == 0 || !is_name_start(text.ptr[0])) {
        return 0;
    }
    while (at < text.len && at < NAME_MAX) {
        char c = text.ptr[at];
        bool dot = c == '.' && at + 1 < text.len && is_name_start(text.ptr[at + 1]);

        if (!is_name_start(c) && (c < '0' || c > '9') && !dot && !(dashes && c == '-')) {
            break;
        }
        at++;
    }
    return at;
}

/* ---- looking up ---- */

struct var_entry {
    struct map_node node;
    const struct node *value;
};

static void index_free(void *pointer)
{
    map_done(pointer);
}

void var_index(struct arena *arena, struct var_scope *scope)
{
    struct map *index;

    if (scope->map == NULL || scope->map->n_children < INDEX_FROM) {
        return;
    }
    index = arena_alloc(arena, sizeof(*index));
    map_init(index);
    arena_defer(arena, index_free, index);
    NODE_FOREACH (child, scope->map) {
        struct var_entry *entry = arena_zalloc(arena, sizeof(*entry));

        entry->value = child;
        if (map_find(index, child->key) == NULL) {
            map_insert(index, &entry->node, child->key);
        }
    }
    scope->index = index;
}

static const struct node *member_of(const struct var_scope *scope, struct str name)
{
    struct map_node *found;

    if (scope->index == NULL) {
        return node_get_str(scope->map, name);
    }
    found = map_find(scope->index, name);
    return found != NULL ? CONTAINER_OF(found, struct var_entry, node)->value : NULL;
}

static const struct node *dotted(const struct node *node, struct str rest)
{
    struct str head;

    while (node != NULL && rest.len > 0) {
        (void)str_cut(rest, '.', &head, &rest);
        node = node_get_str(node, head);
    }
    return node;
}

static bool find_here(const struct var_scope *scope, struct str name, const struct node **out_node,
                      struct str *out_text)
{
    struct str head;
    struct str rest;

    for (size_t i = 0; i < scope->n_list; i++) {
        if (str_eq(scope->list[i].name, name)) {
            *out_text = scope->list[i].value;
            return true;
        }
    }
    *out_node = member_of(scope, name);
    if (*out_node == NULL) {
        (void)str_cut(name, '.', &head, &rest);
        if (scope->single != NULL && str_eq(scope->name, head)) {
            *out_node = dotted(scope->single, rest);
        } else if (rest.len > 0) {
            *out_node = dotted(member_of(scope, head), rest);
        }
    }
    return *out_node != NULL;
}

bool var_find(const struct var_scope *scope, struct str name, const struct node **out_node,
              struct str *out_text)
{
    *out_node = NULL;
    *out_text = STR_EMPTY;
    for (; scope != NULL; scope = scope->outer) {
        if (find_here(scope, name, out_node, out_text)) {
            return true;
        }
    }
    return false;
}

/* Values that are new in each run; empty: the platform replaces the variable. */
static bool find_seed(const struct compile *c, struct str name, struct str *out)
{
    *out = str_is(name, "TIMESTAMP") ? c->options->timestamp
           : str_is(name, "RANDOM")  ? c->options->random
           : str_is(name, "UUID")    ? c->options->uuid
                                     : STR_EMPTY;
    if (str_is(name, "base_url") || str_is(name, "starting_url")) { /* known from the head */
        *out = c->base_url;
    }
    return out->len > 0;
}

/* ---- misspelled ---- */

static void offer(struct str *best, struct str name, struct str candidate)
{
    if (edit_distance(name, candidate, 1) == 1) {
        *best = candidate;
    }
}

/* At most MAX_OFFERED names of a scope are compared, so that the cost stays linear. */
static struct str one_edit_away(const struct var_scope *scope, struct str name)
{
    struct str best = STR_EMPTY;

    offer(&best, name, STR("TIMESTAMP"));
    offer(&best, name, STR("RANDOM"));
    offer(&best, name, STR("UUID"));
    for (; scope != NULL; scope = scope->outer) {
        const struct node *child = scope->map != NULL ? scope->map->first : NULL;

        for (size_t i = 0; i < scope->n_list && i < MAX_OFFERED; i++) {
            offer(&best, name, scope->list[i].name);
        }
        for (size_t n = 0; child != NULL && n < MAX_OFFERED; child = child->next, n++) {
            offer(&best, name, child->key);
        }
    }
    return best;
}

/* Warns of a name that is one edit away from a known one: on the platform the variable would be empty. */
static void warn_if_misspelled(const struct replacing *r, struct str name, struct str written)
{
    bool full = r->c->problems->n_warnings >= TESTFILE_MAX_PROBLEMS;
    struct str best = name.len < 3 || full ? STR_EMPTY : one_edit_away(r->c->scope, name);
    struct place place = {r->place.line, r->place.column, written};
    struct testfile_problem *problem;

    if (best.len == 0) {
        return;
    }
    problem = problem_add(r->c, TESTFILE_WARNING, place, "this file sets no variable \"%.*s\"",
                          STR_ARG(name));
    problem->nearest = problem_clean(r->c->arena, best, NAME_MAX);
    problem->hint = STR("it goes to the platform as it is; check the spelling");
}

/* ---- replacing ---- */

static void replace_text(struct replacing *r, struct str text);

static void fail(struct replacing *r, const char *what, struct str name)
{
    if (!r->failed) {
        struct place place = {r->place.line, r->place.column, name};

        (void)problem_add(r->c, TESTFILE_ERROR, place, "variable \"%.*s\": %s", STR_ARG(name),
                          what);
    }
    r->failed = true;
}

static void replace_name(struct replacing *r, struct str name, struct str written)
{
    const struct node *node;
    struct str text;

    if (!var_find(r->c->scope, name, &node, &text)) {
        if (find_seed(r->c, name, &text)) {
            buf_str(&r->out, text);
        } else {
            warn_if_misspelled(r, name, written);
            buf_str(&r->out, written);
        }
        return;
    }
    if (node != NULL && node->type != NODE_SCALAR) {
        fail(r, "is a list or a map, but text is expected here", name);
        return;
    }
    if (node == NULL) { /* of a list, like the caller's: taken as it is */
        buf_str(&r->out, text);
        return;
    }
    if (r->nesting >= MAX_NESTING) {
        fail(r, "refers to itself, or to others more than 8 deep", name);
        return;
    }
    r->nesting++;
    replace_text(r, node->text);
    r->nesting--;
}

/* The reference at the front of `rest`, which begins with $ or {{; its length, 0: none. */
static size_t reference(struct str rest, struct str *out_name)
{
    bool is_double = str_starts(rest, STR("{{"));
    struct str close = is_double ? STR("}}") : STR("}");
    ptrdiff_t end;
    size_t n;

    if (is_double || str_starts(rest, STR("${"))) {
        end = str_find(str_sub(rest, 0, NAME_MAX), close);
        *out_name = end > 0 ? str_trim(str_sub(rest, 2, (size_t)end - 2)) : STR_EMPTY;
        n = name_length(*out_name, true);
        return n > 0 && n == out_name->len ? (size_t)end + close.len : 0;
    }
    n = name_length(str_sub(rest, 1, rest.len), false);
    *out_name = str_sub(rest, 1, n);
    return n > 0 ? n + 1 : 0;
}

/* `$user.email` where only `user` is known and is no map: the dot ends a sentence. */
static size_t shorten(const struct replacing *r, struct str rest, size_t n, struct str *name)
{
    const struct node *node;
    struct str text;
    size_t keep = name->len;

    if (rest.ptr[1] == '{' || rest.ptr[0] == '{') {
        return n;
    }
    while (keep > 0 && !var_find(r->c->scope, str_sub(*name, 0, keep), &node, &text)) {
        keep = str_behind_last(str_sub(*name, 0, keep), '.');
        keep = keep > 0 ? keep - 1 : 0;
    }
    if (keep == 0) {
        return n;
    }
    *name = str_sub(*name, 0, keep);
    return keep + 1;
}

static void replace_text(struct replacing *r, struct str text)
{
    while (text.len > 0 && !r->failed) {
        struct str name;
        size_t plain = 0;
        size_t n;

        while (plain < text.len && text.ptr[plain] != '$' &&
               !(text.ptr[plain] == '{' && plain + 1 < text.len && text.ptr[plain + 1] == '{')) {
            plain++;
        }
        buf_append(&r->out, text.ptr, plain);
        text = str_sub(text, plain, text.len);
        if (text.len == 0) {
            break;
        }
        if (str_starts(text, STR("$$"))) {
            buf_char(&r->out, '$');
            text = str_sub(text, 2, text.len);
            continue;
        }
        n = reference(text, &name);
        if (n == 0) {
            buf_char(&r->out, text.ptr[0]);
            text = str_sub(text, 1, text.len);
            continue;
        }
        n = shorten(r, text, n, &name);
        replace_name(r, name, str_sub(text, 0, n));
        text = str_sub(text, n, text.len);
    }
}

struct str substitute(struct compile *c, struct str text, struct place place)
{
    struct replacing r = {.c = c, .place = place};
    struct str out = text;

    if (str_find_char(text, '$') < 0 && str_find(text, STR("{{")) < 0) {
        return text;
    }
    buf_init(&r.out, VALUE_MAX_BYTES);
    replace_text(&r, text);
    if (!buf_ok(&r.out)) {
        fail(&r, "the text grows past 64 KiB with it", utf8_clip(text, NAME_MAX));
    } else if (!r.failed && c->n_expanded_bytes + r.out.len > EXPANDED_MAX) {
        fail(&r, "the file grows past 1 MiB with its variables", utf8_clip(text, NAME_MAX));
    } else if (!r.failed) {
        out = arena_str(c->arena, buf_view(&r.out));
        c->n_expanded_bytes += out.len;
    }
    buf_done(&r.out);
    return out;
}

/* The same for a text that may begin with anything; 0: it begins with no reference. */
static size_t reference_at(struct str text, struct str *out_name)
{
    bool begins = text.len >= 2 && (text.ptr[0] == '$' || str_starts(text, STR("{{")));

    return begins ? reference(text, out_name) : 0;
}

struct str whole_reference(struct str text)
{
    struct str name;

    return text.len > 0 && reference_at(text, &name) == text.len ? name : STR_EMPTY;
}

/* The name of a variable as commands take it: $total and ${total} are total. */
struct str bare_name(struct str text)
{
    struct str name = whole_reference(str_trim(text));

    return name.len > 0 ? name : text;
}

size_t reference_length(struct str text)
{
    struct str name;

    return reference_at(text, &name);
}
