/* Names and aliases of commands in one map; lookup takes the longest name that the words begin
 * with. */
#include "base/map.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "catalog_internal.h"

struct name {
    struct map_node node; /* key: the words */
    const struct command *command;
    bool is_alias;
};

static enum error_code add(struct catalog *catalog, const struct command *command,
                           const char *words, bool is_alias, struct error *err)
{
    struct name *name;

    if (map_find(&catalog->names, str_from(words)) != NULL) {
        return error_set(err, ERR_INTERNAL,
                         "command \"%s\": the name \"%s\" stands twice in the catalogue",
                         command->words, words);
    }
    name = arena_zalloc(&catalog->arena, sizeof(*name));
    name->command = command;
    name->is_alias = is_alias;
    map_insert(&catalog->names, &name->node, str_from(words));
    return ERR_OK;
}

enum error_code names_add(struct catalog *catalog, const struct command *command, struct error *err)
{
    enum error_code code = add(catalog, command, command->words, false, err);

    for (size_t i = 0; i < COMMAND_MAX_ALIASES && command->aliases[i] != NULL && code == ERR_OK;
         i++) {
        code = add(catalog, command, command->aliases[i], true, err);
    }
    return code;
}

/* "a b c" into `out`; empty when it would be longer than any name. */
static struct str join(const struct str *words, size_t n, char out[NAME_MAX_BYTES])
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        if (len + words[i].len + 1 >= NAME_MAX_BYTES) {
            return STR_EMPTY;
        }
        if (i > 0) {
            out[len++] = ' ';
        }
        for (size_t k = 0; k < words[i].len; k++) {
            out[len++] = words[i].ptr[k];
        }
    }
    return (struct str){out, len};
}

/* The part of `words` after "group "; empty: they are of another group. `group` empty: all of `words`. */
static struct str after_group(const char *words, struct str group)
{
    struct str head = STR_EMPTY;
    struct str tail = str_from(words);

    return group.len == 0 || (str_cut(tail, ' ', &head, &tail) && str_eq(head, group)) ? tail
                                                                                       : STR_EMPTY;
}

static void offer_all(const struct catalog *catalog, struct nearest *nearest, struct str group)
{
    for (size_t i = 0; i < catalog_size(catalog); i++) {
        const struct command *command = catalog_at(catalog, i);

        nearest_offer(nearest, after_group(command->words, group));
        for (size_t k = 0; k < COMMAND_MAX_ALIASES && command->aliases[k] != NULL; k++) {
            nearest_offer(nearest, after_group(command->aliases[k], group));
        }
    }
}

static struct str nearest_group(const struct catalog *catalog, struct str word)
{
    struct nearest nearest;

    nearest_init(&nearest, word);
    for (size_t i = 0; i < catalog_size(catalog); i++) {
        struct str head;
        struct str tail;

        if (str_cut(str_from(catalog_at(catalog, i)->words), ' ', &head, &tail)) {
            nearest_offer(&nearest, head);
        }
    }
    return nearest.best;
}

const struct command *catalog_by_verb(const struct catalog *catalog, struct str verb)
{
    for (size_t i = 0; i < catalog_size(catalog) && verb.len > 0; i++) {
        struct str words = str_from(catalog_at(catalog, i)->words);
        size_t at = words.len > verb.len ? words.len - verb.len : 0;

        if (at > 0 && words.ptr[at - 1] == ' ' &&
            str_eq_nocase(str_sub(words, at, verb.len), verb)) {
            return catalog_at(catalog, i);
        }
    }
    return NULL;
}

/* The name that is nearest to the first words, *out_n of them. With a group: the first word is the
 * group's, and the result is the rest of a name in it, compared with the words that follow. */
static struct str nearest_name(const struct catalog *catalog, const struct str *words, size_t n,
                               struct str group, size_t *out_n)
{
    size_t skip = group.len > 0 ? 1 : 0;
    char text[NAME_MAX_BYTES];
    struct nearest best = {0};

    for (size_t take = n < MAX_WORDS ? n : MAX_WORDS; take > skip; take--) {
        struct nearest nearest;

        nearest_init(&nearest, join(words + skip, take - skip, text));
        offer_all(catalog, &nearest, group);
        if (nearest.best.len > 0 &&
            (best.best.len == 0 || nearest.best_distance < best.best_distance)) {
            best = nearest;
            *out_n = take;
        }
    }
    return best.best;
}

/* What was probably meant by words that do not name a command. */
struct meant {
    struct str name;  /* of a command or an alias; empty: nothing is near */
    size_t n_words;   /* how many of the words the name replaces */
    struct str group; /* the group that the first word names, or nearly names; empty: none */
    bool group_is_right;
    char text[NAME_MAX_BYTES];
};

/* The word may be the end of a name without its group: "click", or nearly: "clik". */
static void look_among_verbs(const struct catalog *catalog, struct meant *meant, struct str word,
                             size_t n_words)
{
    const struct command *command;
    struct nearest nearest;
    struct str group;
    struct str verb;

    nearest_init(&nearest, word);
    for (size_t i = 0; i < catalog_size(catalog); i++) {
        (void)str_cut(str_from(catalog_at(catalog, i)->words), ' ', &group, &verb);
        nearest_offer(&nearest, verb);
    }
    command = catalog_by_verb(catalog, nearest.best.len > 0 ? nearest.best : word);
    if (command != NULL) {
        meant->name = str_from(command->words);
        meant->n_words = n_words;
    }
}

static void look_for_meant(const struct catalog *catalog, struct meant *meant,
                           const struct str *words, size_t n)
{
    const struct command *elsewhere;

    *meant = (struct meant){.group = n > 0 ? nearest_group(catalog, words[0]) : STR_EMPTY};
    meant->group_is_right = meant->group.len > 0 && str_eq(meant->group, words[0]);
    if (meant->group.len > 0 && n > 1) {
        /* The group's name is not compared: its letters would make any verb look near. */
        struct str parts[] = {meant->group,
                              nearest_name(catalog, words, n, meant->group, &meant->n_words)};

        meant->name = parts[1].len > 0 ? join(parts, 2, meant->text) : STR_EMPTY;
    }
    if (meant->group_is_right) {
        elsewhere = meant->name.len == 0 && n > 1 ? catalog_by_verb(catalog, words[1]) : NULL;
        if (elsewhere != NULL) {
            meant->name = str_from(elsewhere->words);
            meant->n_words = 2;
        }
        return;
    }
    if (meant->name.len == 0 && !(meant->group.len > 0 && n == 1)) {
        meant->name = nearest_name(catalog, words, n, STR_EMPTY, &meant->n_words);
    }
    if (meant->name.len == 0 && meant->group.len == 0 && n > 0) {
        look_among_verbs(catalog, meant, words[0], 1);
    }
}

bool catalog_is_unsupported(const struct str *words, size_t n, struct error *err)
{
    char text[NAME_MAX_BYTES];
    size_t n_rows;
    const struct unsupported_command *rows = catalog_unsupported(&n_rows);

    for (size_t take = n < MAX_WORDS ? n : MAX_WORDS; take > 0; take--) {
        struct str name = join(words, take, text);

        for (size_t i = 0; i < n_rows; i++) {
            struct str full = str_from(rows[i].words);

            /* "step-navigate back", "Step_Navigate BACK", "navigate back" */
            if (name.len > 0 &&
                (edit_distance(name, full, 0) == 0 ||
                 edit_distance(name, str_sub(full, sizeof("step-") - 1, full.len), 0) == 0)) {
                (void)error_at(err, ERR_UNSUPPORTED_COMMAND, "/command", "%s: %s", rows[i].words,
                               rows[i].reason);
                return true;
            }
        }
    }
    return false;
}

/* A slip of the fingers is one letter in a word, or a step's right verb in the wrong group. Another
 * verb, and above all the opposite one, is a question ("did you mean"), never a correction. */
static bool is_slip(const struct str *words, size_t n, struct str name)
{
    struct str known[MAX_WORDS];
    size_t n_known = str_split(name, ' ', known, MAX_WORDS);

    if (n > 1 && n_known > 1 && str_eq(words[n - 1], known[n_known - 1]) &&
        str_starts(words[0], STR("step-")) && str_starts(known[0], STR("step-"))) {
        return true;
    }
    for (size_t i = 1; i <= n && i <= n_known; i++) {
        if (edit_distance(words[n - i], known[n_known - i], 1) > 1) {
            return false;
        }
    }
    return n > 0 && n_known > 0;
}

const struct command *catalog_meant(const struct catalog *catalog, const struct str *words,
                                    size_t n, size_t *out_n_words)
{
    struct meant meant;
    const struct map_node *node;

    if (catalog_is_unsupported(words, n, NULL)) {
        return NULL;
    }
    look_for_meant(catalog, &meant, words, n);
    node = is_slip(words, meant.n_words, meant.name) ? map_find(&catalog->names, meant.name) : NULL;
    *out_n_words = meant.n_words;
    return node != NULL ? CONTAINER_OF(unconst(node), struct name, node)->command : NULL;
}

static void unknown(const struct catalog *catalog, const struct str *words, size_t n,
                    struct error *err)
{
    struct meant meant;
    char text[NAME_MAX_BYTES];

    look_for_meant(catalog, &meant, words, n);
    if (meant.name.len > 0) {
        (void)error_at(err, ERR_UNKNOWN_COMMAND, "/command",
                       "There is no command \"%.*s\"; did you mean \"%.*s\"?",
                       STR_ARG(utf8_clip(join(words, meant.n_words, text), 64)),
                       STR_ARG(meant.name));
    } else if (meant.group_is_right) {
        (void)error_at(err, ERR_UNKNOWN_COMMAND, "/command",
                       "%s the group \"%.*s\"; GET /api/v1/commands/%.*s/help lists its commands",
                       n == 1 ? "This is only" : "There is no such command in", STR_ARG(words[0]),
                       STR_ARG(words[0]));
    } else if (meant.group.len > 0) {
        (void)error_at(err, ERR_UNKNOWN_COMMAND, "/command",
                       "There is no command \"%.*s\"; did you mean one of the group \"%.*s\"? GET "
                       "/api/v1/commands/%.*s/help lists them",
                       STR_ARG(utf8_clip(words[0], 64)), STR_ARG(meant.group),
                       STR_ARG(meant.group));
    } else {
        (void)error_at(err, ERR_UNKNOWN_COMMAND, "/command",
                       "There is no command \"%.*s\"; GET /api/v1/commands lists all",
                       STR_ARG(utf8_clip(n > 0 ? words[0] : STR_EMPTY, 64)));
    }
}

const struct command *catalog_find(const struct catalog *catalog, const struct str *words,
                                   size_t n_words, size_t *out_n_words, bool *out_alias,
                                   struct error *err)
{
    char text[NAME_MAX_BYTES];

    for (size_t take = n_words < MAX_WORDS ? n_words : MAX_WORDS; take > 0; take--) {
        struct str name = join(words, take, text);
        struct map_node *node = name.len > 0 ? map_find(&catalog->names, name) : NULL;

        if (node != NULL) {
            const struct name *found = CONTAINER_OF(node, struct name, node);

            if (out_n_words != NULL) {
                *out_n_words = take;
            }
            if (out_alias != NULL) {
                *out_alias = found->is_alias;
            }
            return found->command;
        }
    }
    /* Without `err` nothing is proposed: the search for what was meant costs a thousand times the lookup. */
    if (err != NULL && !catalog_is_unsupported(words, n_words, err)) {
        unknown(catalog, words, n_words, err);
    }
    return NULL;
}
