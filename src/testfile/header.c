/* What stands above the steps: names, ids, addresses, configuration. One table of keys for all
 * dialects. */
#include <stddef.h>

#include "base/nearest.h"
#include "testfile_internal.h"

enum { SIZE_MAX_PX = 10000, RETRY_MAX = 10, TIMEOUT_MAX_MS = 24 * 3600 * 1000 };

struct str header_text(struct compile *c, const struct node *node, const char *what)
{
    if (node == NULL || (node->type == NODE_SCALAR && node->is_null)) {
        return STR_EMPTY;
    }
    if (node->type != NODE_SCALAR) {
        (void)problem_add(c, TESTFILE_ERROR, place_of(node), "%s must be text, not a %s", what,
                          node->type == NODE_LIST ? "list" : "map");
        return STR_EMPTY;
    }
    return substitute(c, node->text, place_of(node));
}

/* ---- readers of one member ---- */

static void read_id(struct compile *c, const struct node *node, const char *what, struct str *out)
{
    struct str text = header_text(c, node, what);
    ptrdiff_t underscore = str_find_char(text, '_');

    if (underscore >= 0) { /* cp_1680930 */
        text = str_sub(text, (size_t)underscore + 1, text.len);
    }
    if (text.len == 0 || (text.len <= 19 && str_is_only(text, "0-9"))) {
        *out = text;
        return;
    }
    (void)problem_add(c, TESTFILE_ERROR, place_of(node), "%s must be an id: 1 to 19 digits", what);
}

static void read_project(struct compile *c, const struct node *node)
{
    const struct node *id = node_get(node, "id");
    struct str text;

    if (node->type == NODE_MAP) {
        check_members(c, node, "project", "id name description");
        if (id != NULL) {
            read_id(c, id, "project", &c->test->project_id);
        }
        c->test->project = header_text(c, node_get(node, "name"), "project");
        return;
    }
    text = header_text(c, node, "project");
    if (str_is_only(text, "0-9")) {
        read_id(c, node, "project", &c->test->project_id);
    } else if (text.len > 1 && text.ptr[0] == '-' &&
               str_is_only(str_sub(text, 1, text.len), "0-9")) {
        (void)problem_add(c, TESTFILE_ERROR, place_of(node), "project must be an id or a name");
    } else {
        c->test->project = text;
    }
}

static struct str name_of(struct compile *c, const struct node *node, const char *what)
{
    if (node->type == NODE_MAP) {
        check_members(c, node, what, "name id description");
    }
    if (node->type == NODE_MAP && node_get(node, "name") != NULL) {
        return header_text(c, node_get(node, "name"), what);
    }
    return header_text(c, node, what);
}

static void read_url(struct compile *c, const struct node *node)
{
    struct str text = str_trim(header_text(c, node, "starting_url"));
    bool ok = str_starts_nocase(text, STR("http://")) || str_starts_nocase(text, STR("https://")) ||
              reference_length(text) > 0;

    if (text.len > 0 && !ok) {
        (void)problem_refuse(c, place_of(node), NULL, "starting_url: https://example.com",
                             "%.*s must begin with http:// or https://", CLIPPED(node->key));
        return;
    }
    c->test->starting_url = text;
    c->base_url = text;
}

static void add_tag(struct compile *c, struct str tag)
{
    struct testfile_test *test = c->test;

    test->tags = arena_room(c->arena, test->n_tags > 0 ? test->tags : NULL, test->n_tags,
                            sizeof(*test->tags));
    test->tags[test->n_tags++] = tag;
}

static void read_tags(struct compile *c, const struct node *node)
{
    struct str rest = node->type == NODE_SCALAR ? node->text : STR_EMPTY;
    struct str word;

    if (node->type == NODE_MAP) {
        (void)problem_refuse(c, place_of(node), NULL, "tags: [smoke, nightly]",
                             "tags must be a list of words");
        return;
    }
    c->test->n_tags = 0;
    NODE_FOREACH (tag, node) {
        add_tag(c, header_text(c, tag, "a tag"));
    }
    while (str_next(&rest, ',', &word)) {
        add_tag(c, str_trim(word));
    }
}

/* ---- config ---- */

static void read_viewport(struct compile *c, const struct node *node)
{
    struct str text = node->type == NODE_SCALAR ? node->text : STR_EMPTY;
    struct str width = STR_EMPTY;
    struct str height = STR_EMPTY;
    int64_t w = 0;
    int64_t h = 0;

    if (node->type == NODE_MAP) {
        check_members(c, node, "viewport", "width height");
        width = header_text(c, node_get(node, "width"), "width");
        height = header_text(c, node_get(node, "height"), "height");
    } else if (!str_cut(text, 'x', &width, &height)) {
        (void)str_cut(text, 'X', &width, &height);
    }
    if (!str_to_i64(str_trim(width), 1, SIZE_MAX_PX, &w) ||
        !str_to_i64(str_trim(height), 1, SIZE_MAX_PX, &h)) {
        (void)problem_refuse(c, place_of(node), NULL, "viewport: 1280x800",
                             "viewport must be WIDTHxHEIGHT");
        return;
    }
    c->test->config.viewport_width = (unsigned)w;
    c->test->config.viewport_height = (unsigned)h;
}

static void warn_no_effect(struct compile *c, const struct node *node)
{
    (void)problem_add(c, TESTFILE_WARNING, place_of_key(node), "\"%.*s\" in config has no effect",
                      CLIPPED(node->key));
}

/* The author of `dry_run` wants nothing to be created, but the key has no effect in a file: so the whole file
 * is refused. */
static bool refuse_dry_run(struct compile *c, const struct node *node)
{
    char buffer[64];

    if (!str_is(verb_fold(node->key, buffer), "dryrun")) {
        return false;
    }
    c->fatal = true;
    (void)problem_refuse(
        c, place_of_key(node),
        "take it out: it is the query parameter ?dry_run=true of the request, or -n of "
        "virtuoso-proxy run",
        NULL, "\"%.*s\" in a test file has no effect", CLIPPED(node->key));
    return true;
}

static const char config_names[] = "continue_on_error base_url timeout viewport retry retries";

static void read_config_member(struct compile *c, const struct node *node)
{
    struct place place = place_of(node);
    int64_t number;

    if (str_is(node->key, "continue_on_error")) {
        if (!node_is_bool(node, &c->test->config.continue_on_error)) {
            (void)problem_add(c, TESTFILE_ERROR, place, "continue_on_error must be true or false");
        }
    } else if (str_is(node->key, "base_url")) {
        read_url(c, node);
    } else if (str_is(node->key, "timeout")) {
        place.text = str_trim(header_text(c, node, "timeout"));
        if (place.text.len > 0 && time_read(c, place, 0, TIMEOUT_MAX_MS, &number)) {
            c->test->config.timeout_ms = (uint32_t)number;
        }
        warn_no_effect(c, node);
    } else if (str_is(node->key, "viewport")) {
        read_viewport(c, node);
    } else if (str_is(node->key, "retry") || str_is(node->key, "retries")) {
        if (node->type != NODE_SCALAR || !str_to_i64(node->text, 0, RETRY_MAX, &number)) {
            (void)problem_add(c, TESTFILE_ERROR, place, "retry must be a number from 0 to %d",
                              RETRY_MAX);
            return;
        }
        c->test->config.retry = (unsigned)number;
        warn_no_effect(c, node);
    } else if (!refuse_dry_run(c, node)) {
        unknown_member(c, node, "config", config_names);
    }
}

static void read_config(struct compile *c, const struct node *node)
{
    if (node->type != NODE_MAP) {
        if (!node->is_null) {
            (void)problem_add(c, TESTFILE_ERROR, place_of(node), "config must be a map");
        }
        return;
    }
    if (refuse_wide(c, node, "config")) {
        return;
    }
    NODE_FOREACH (child, node) {
        read_config_member(c, child);
    }
}

/* ---- the table of keys ---- */

#define MEMBER(name_) offsetof(struct testfile_test, name_)

/* Each key of the head of a file has a row here; HEADER_ELSEWHERE: other code reads the key. */
const struct header_row header_rows[] = {
    {"name test", HEADER_TEXT, MEMBER(name)},
    {"description desc", HEADER_TEXT, MEMBER(description)},
    {"project", HEADER_PROJECT, 0},
    {"project_id", HEADER_ID, MEMBER(project_id)},
    {"projectName project_name", HEADER_TEXT, MEMBER(project)},
    {"goal goal_name goalName", HEADER_NAME, MEMBER(goal)},
    {"journey journey_name journeyName", HEADER_NAME, MEMBER(journey)},
    {"checkpoint checkpoint_name checkpointName", HEADER_NAME, MEMBER(checkpoint)},
    {"checkpoint_id", HEADER_ID, MEMBER(checkpoint_id)},
    {"starting_url url base_url base", HEADER_URL, 0},
    {"expected", HEADER_NOTE, MEMBER(expected)},
    {"tags", HEADER_TAGS, 0},
    {"config", HEADER_CONFIG, 0},
    {"continue_on_error timeout viewport retry retries", HEADER_CONFIG_MEMBER, 0},
    {"infrastructure metadata", HEADER_NESTED, 0},
    {"steps do setup teardown cleanup tests blocks variables vars data nav include goals "
     "organization_id author version",
     HEADER_ELSEWHERE, 0},
};

const size_t n_header_rows = ARRAY_LEN(header_rows);

static struct str *member_at(struct testfile_test *test, size_t offset)
{
    return (struct str *)(void *)((char *)test + offset);
}

/* `base: &base {...}` is only there to be used elsewhere. */
static bool is_used_by_alias(const struct node *node)
{
    bool used = node->is_shared;

    for (const struct node *child = node->first; child != NULL && !used; child = child->next) {
        used = is_used_by_alias(child);
    }
    return used;
}

static void unknown_key(struct compile *c, const struct node *node)
{
    struct nearest nearest;
    struct testfile_problem *problem;

    if (is_used_by_alias(node)) {
        return;
    }
    problem = problem_add(c, TESTFILE_WARNING, place_of_key(node), "unused top-level key \"%.*s\"",
                          CLIPPED(node->key));

    nearest_init(&nearest, node->key);
    for (size_t i = 0; node->key.len > 2 && i < n_header_rows; i++) {
        nearest_offer_words(&nearest, str_from(header_rows[i].keys), ' ');
    }
    problem->nearest = nearest.best;
    if (yaml_begins_with_dash(node->key)) {
        problem->hint = STR("this is not a hyphen and a space: begin each step with \"- \"");
    } else if (str_starts(node->key, STR("-"))) {
        problem->hint = STR("a space is missing after the hyphen: begin each step with \"- \"");
    }
}

static void read_member(struct compile *c, const struct header_row *row, const struct node *node)
{
    const char *key = arena_cstr(c->arena, utf8_clip(node->key, SHOWN_MAX));

    switch (row->kind) {
    case HEADER_TEXT:
        *member_at(c->test, row->member) = header_text(c, node, key);
        break;
    case HEADER_NAME:
        *member_at(c->test, row->member) = name_of(c, node, key);
        break;
    case HEADER_NOTE: /* for people: any form will do */
        if (node->type == NODE_SCALAR) {
            *member_at(c->test, row->member) = header_text(c, node, key);
        }
        break;
    case HEADER_ID:
        read_id(c, node, key, member_at(c->test, row->member));
        break;
    case HEADER_PROJECT:
        read_project(c, node);
        break;
    case HEADER_URL:
        read_url(c, node);
        break;
    case HEADER_TAGS:
        read_tags(c, node);
        break;
    case HEADER_CONFIG:
        read_config(c, node);
        break;
    case HEADER_CONFIG_MEMBER:
        read_config_member(c, node);
        break;
    case HEADER_NESTED:
        read_header(c, node);
        break;
    case HEADER_ELSEWHERE:
        break;
    }
}

void check_manifest_head(struct compile *c, const struct node *map)
{
    NODE_FOREACH (child, map) {
        (void)refuse_dry_run(c, child);
    }
}

void read_header(struct compile *c, const struct node *map)
{
    size_t n_unknown = 0;

    if (refuse_wide(c, map, "the head")) {
        return;
    }
    for (const struct node *child = map->type == NODE_MAP ? map->first : NULL; child != NULL;
         child = child->next) {
        size_t i = 0;

        c->out->work++;
        while (i < n_header_rows && !str_has_word(header_rows[i].keys, child->key)) {
            i++;
        }
        if (i < n_header_rows) {
            read_member(c, &header_rows[i], child);
        } else if (!refuse_dry_run(c, child) && n_unknown++ < BAG_MAX_FIELDS) {
            unknown_key(c, child);
        }
    }
}
