/* The platform echoes variable values in clear, passwords among them. Seen in captured answers:
 * executions (initial data, used data, the e-mail address of the user who launched them) and journeys
 * (the row of their data table). Values of environment variables and cells of data tables are secrets
 * by their nature. Each is a row below; a name is a secret only in its place, since the same word is
 * harmless elsewhere (sideEffectsSummary.usedData is a count). */
#include "api/gate/redact.h"

#include "plan/answer.h"

/* JSON in a text of JSON in a text …: no platform nests deeper. Deeper texts that name a secret are taken out. */
enum { TEXTS_DEEP = 4 };

enum { ANYTHING, NOT_A_NUMBER, A_TEXT };

struct secret {
    const char *name;  /* of the member; "*": any */
    const char *above; /* name of what holds it; NULL: anything */
    const char *top;   /* name of the object that holds `above`; NULL: anything. For an element
                        * of a list, `above` is the name of the list, and the element has no name
                        * of its own */
    const char *path;  /* only in answers of platform paths that hold it; NULL: everywhere */
    int what;
    unsigned shown_by;  /* redact_shows bit; 0: never shown */
    const char *source; /* where it was seen */
};

#define SECRET_ROW(name, what, shown_by, source) {name, NULL, NULL, NULL, what, shown_by, source},

/* clang-format off */
static const struct secret secrets[] = {
    ANSWER_SECRETS(SECRET_ROW)
    {"email", "launchedByUser", NULL, NULL, ANYTHING, 0, "execution, captured: personal data"},
    {"value", NULL, "variables", NULL, ANYTHING, REDACT_SHOWS_ENVIRONMENTS, "variables of an environment: {name: {value}} or [{value}]"},
    {"*", "variables", NULL, NULL, A_TEXT, REDACT_SHOWS_ENVIRONMENTS, "variables of an environment: {name: value}"},
    {"value", NULL, NULL, "/environments", ANYTHING, REDACT_SHOWS_ENVIRONMENTS, "a variable of an environment by itself"},
    {"values", NULL, NULL, "/testdata", NOT_A_NUMBER, REDACT_SHOWS_TABLES, "values of a data table"},
    {"rows", NULL, NULL, "/testdata", NOT_A_NUMBER, REDACT_SHOWS_TABLES, "values of a data table, the other form"},
    {"csv", NULL, NULL, "/testdata", A_TEXT, REDACT_SHOWS_TABLES, "values of a data table, as created"},
};

/* Paths whose answers hold such members, as far as it is known, at their begin or behind a version or another thing
 * (/v2/executions). Their letters may be written in either case: a server may not care. */
static const char *const leaking_paths[] = {"/executions", "/jobs", "/goals", "/plans", "/testsuites", "/journeys",
                                            "/snapshots", "/projects", "/environments", "/testdata",
                                            "/timelines", "/organizations"};

/* clang-format on */

static bool fits(const char *wanted, struct str name)
{
    return wanted == NULL || str_is(name, wanted);
}

static bool is_of_kind(const struct secret *secret, const struct json *node)
{
    switch (secret->what) {
    case NOT_A_NUMBER:
        return json_type(node) != JSON_NUMBER;
    case A_TEXT:
        return json_type(node) == JSON_STRING;
    default:
        return json_type(node) != JSON_NULL;
    }
}

/* At its begin or below something else: /environments/5, /projects/1/environments/5. */
static bool leads_through(struct str path, const char *segments)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '/' &&
            str_starts_nocase(str_sub(path, i, path.len), str_from(segments))) {
            return true;
        }
    }
    return false;
}

static bool is_in_force(const struct secret *secret, struct str path, unsigned shows)
{
    return (secret->shown_by & shows) == 0 &&
           (secret->path == NULL || leads_through(path, secret->path));
}

struct place {
    struct arena *arena;
    struct str path;
    unsigned shows;
    unsigned texts_deep;
    struct str above; /* name of the object that is searched; empty for an element of a list */
    struct str top;   /* name of what holds that object */
};

static bool is_any_secret(const struct json *node, const struct place *place)
{
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        const struct secret *secret = &secrets[i];

        if ((secret->name[0] == '*' || str_is(json_name(node), secret->name)) &&
            fits(secret->above, place->above) && fits(secret->top, place->top) &&
            is_of_kind(secret, node) && is_in_force(secret, place->path, place->shows)) {
            return true;
        }
    }
    return false;
}

/* A word that every text with this secret holds. */
static struct str needle_of(const struct secret *secret)
{
    return str_from(secret->above != NULL ? secret->above
                    : secret->top != NULL ? secret->top
                                          : secret->name);
}

static bool names_plainly(struct str text, struct str path, unsigned shows)
{
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        if (is_in_force(&secrets[i], path, shows) && str_contains(text, needle_of(&secrets[i]))) {
            return true;
        }
    }
    return false;
}

/* True: the text names a secret, or has an escape of JSON, YAML, scripts, HTML or XML by which it may. */
static bool names_any(struct str text, struct str path, unsigned shows)
{
    static const char *const escapes[] = {"\\u", "\\x", "\\U", "&#"};

    if (names_plainly(text, path, shows)) {
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(escapes); i++) { /* a name may be written with them */
        if (str_contains(text, str_from(escapes[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_secret_anywhere(const struct secret *secret)
{
    return secret->above == NULL && secret->top == NULL && secret->path == NULL;
}

/* `usedData: x`, `usedData=x`. True: behind a name that is a secret wherever it stands comes its value. */
static bool gives_value(const struct secret *secret, struct str behind)
{
    while (behind.len > 0 && str_find_char(STR(" '\""), behind.ptr[0]) >= 0) {
        behind = str_sub(behind, 1, behind.len);
    }
    return is_secret_anywhere(secret) && behind.len > 0 &&
           (behind.ptr[0] == ':' || behind.ptr[0] == '=');
}

/* `"usedData` or `\"usedData`. True: the name of a secret begins a member, or has a value, in a text that is no JSON
 * as a whole. */
static bool quotes_any(struct str text, const struct place *place)
{
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        struct str needle = needle_of(&secrets[i]);
        struct str rest = text;
        ptrdiff_t at;

        if (!is_in_force(&secrets[i], place->path, place->shows)) {
            continue;
        }
        while ((at = str_find(rest, needle)) >= 0) {
            bool is_quoted = at > 0 && rest.ptr[at - 1] == '"';

            rest = str_sub(rest, (size_t)at + needle.len, rest.len);
            if (is_quoted || gives_value(&secrets[i], rest)) {
                return true;
            }
        }
    }
    return false;
}

/* True: the text stands below the name of a secret, so members of the JSON in it may be secrets by their place. */
static bool stands_below_any(const struct place *place)
{
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        if (is_in_force(&secrets[i], place->path, place->shows) &&
            (str_eq(needle_of(&secrets[i]), place->above) ||
             str_eq(needle_of(&secrets[i]), place->top))) {
            return true;
        }
    }
    return false;
}

static bool redact_below(struct json *node, const struct place *place);

/* Takes the secrets out of a text that may be JSON. False: it names a secret as JSON does, and cannot be read. */
static bool redact_text(struct json *string, const struct place *place, bool *changed)
{
    static const struct json_limits limits = {
        .max_depth = 200, .max_nodes = 2000000, .allow_duplicate_names = true};
    struct str text = json_str(string);
    struct place inner = *place;
    struct json *tree = NULL;
    bool takes = false;

    if (str_find_char(text, '"') < 0) {
        return !quotes_any(text, place);
    }
    if (!names_any(text, place->path, place->shows) && !stands_below_any(place)) {
        return true;
    }
    if (place->texts_deep >= TEXTS_DEEP ||
        json_parse(place->arena, text, &limits, &tree, NULL) != ERR_OK) {
        return !quotes_any(text, place);
    }
    inner.texts_deep++;
    if (json_type(tree) == JSON_STRING) {
        if (!redact_text(tree, &inner, &takes)) {
            return false;
        }
    } else {
        takes = redact_below(tree, &inner);
    }
    if (takes) {
        json_put_text(string, place->arena, json_text(place->arena, tree));
        *changed = true;
    }
    return true;
}

/* True: something was taken out. */
static bool redact_below(struct json *node, const struct place *place)
{
    bool is_object = json_type(node) == JSON_OBJECT;
    const struct json *child = json_first(node);
    bool changed = false;

    while (child != NULL) {
        const struct json *next = json_next(child);
        bool is_text = json_type(child) == JSON_STRING;
        struct place below = *place;

        below.top = place->above;
        below.above = json_name(child);
        if ((is_object && is_any_secret(child, place)) ||
            (is_text && !redact_text(unconst(child), &below, &changed))) {
            json_remove_child(node, child);
            changed = true;
        } else if (!is_text) {
            changed = redact_below(unconst(child), &below) || changed;
        }
        child = next;
    }
    return changed;
}

void redact(struct json *root, struct arena *arena, struct str path, unsigned shows)
{
    const struct place place = {.arena = arena, .path = path, .shows = shows};
    bool changed = false;

    if (json_type(root) != JSON_STRING) {
        (void)redact_below(root, &place);
    } else if (!redact_text(root, &place, &changed)) {
        json_put_text(root, arena, STR_EMPTY);
    }
}

bool redact_is_needed(struct str text, struct str path)
{
    return names_any(text, path, REDACT_SHOWS_NOTHING);
}

/* A name that is a secret only in its place is an ordinary word here (/environments/5/variables,
 * rows?page=2, table.csv), unless it stands in quotes as in JSON, perhaps percent-encoded. */
bool redact_names(struct str text, struct str path, unsigned shows)
{
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        struct str needle = needle_of(&secrets[i]);
        struct str rest = text;
        ptrdiff_t at;

        while (is_in_force(&secrets[i], path, shows) && (at = str_find(rest, needle)) >= 0) {
            struct str before = str_sub(rest, 0, (size_t)at);
            bool is_opened = str_ends(before, STR("\"")) || str_ends(before, STR("%22"));

            rest = str_sub(rest, (size_t)at + needle.len, rest.len);
            if (is_secret_anywhere(&secrets[i]) ||
                (is_opened && (str_starts(rest, STR("\"")) || str_starts(rest, STR("\\")) ||
                               str_starts(rest, STR("%22"))))) {
                return true;
            }
        }
    }
    return false;
}

unsigned redact_own_values(struct str path)
{
    if (leads_through(path, "/testdata/tables")) {
        return REDACT_SHOWS_TABLES;
    }
    return leads_through(path, "/environments") ? REDACT_SHOWS_ENVIRONMENTS : REDACT_SHOWS_NOTHING;
}

bool redact_path_leaks(struct str path)
{
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        if (secrets[i].path != NULL && leads_through(path, secrets[i].path)) {
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(leaking_paths); i++) {
        if (leads_through(path, leaking_paths[i])) {
            return true;
        }
    }
    return false;
}

bool redact_wants_names(struct str path, unsigned shows)
{
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        if (secrets[i].path != NULL && is_in_force(&secrets[i], path, shows)) {
            return true;
        }
    }
    return false;
}

bool redact_is_nameless(const struct json *root)
{
    if (json_type(root) != JSON_ARRAY) {
        return json_type(root) == JSON_STRING;
    }
    for (const struct json *child = json_first(root); child != NULL; child = json_next(child)) {
        if (json_type(child) == JSON_STRING || json_type(child) == JSON_ARRAY) {
            return true;
        }
    }
    return false;
}
