/* Loads defaults, then the file, then the environment, then --set. It collects all errors, instead of
 * ending at the first one. */
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "config_internal.h"

static void load_defaults(struct loader *loader)
{
    size_t n;
    const struct option_row *rows = config_options(&n);

    loader->place = PLACE_DEFAULT;
    for (size_t i = 0; i < n; i++) {
        bool ok =
            rows[i].type == OPTION_SECRET || option_set(loader, &rows[i], str_from(rows[i].def));

        CHECK(ok);
    }
    loader->place = NULL;
}

/* ---- the file ---- */

static void take_list(struct loader *loader, const struct option_row *row, const struct node *node)
{
    struct str *items = arena_calloc(&loader->box->arena, node->n_children + 1, sizeof(*items));
    size_t n = 0;

    for (const struct node *item = node->first; item != NULL; item = item->next) {
        if (item->type != NODE_SCALAR) {
            loader_fail(loader, "%s: must be a list of texts", row->key);
            return;
        }
        items[n++] = item->text;
    }
    (void)option_set_list(loader, row, items, n);
    option_note_given(loader, row);
}

static void take_value(struct loader *loader, const struct option_row *row, const struct node *node)
{
    bool is_text = row->type == OPTION_KEYS && node->type == NODE_SCALAR;

    loader->line = node->line;
    loader->column = node->column;
    if (map_list_of(row) != NULL && !is_text) {
        if (!maps_from_node(loader, row, node)) {
            loader_mark_failed(loader, row);
        }
    } else if (option_is_list(row) && node->type == NODE_LIST) {
        take_list(loader, row, node);
    } else if (node->type != NODE_SCALAR) {
        loader_fail(loader, "%s: must be one value", row->key);
    } else {
        (void)option_set(loader, row, node->is_null ? STR_EMPTY : node->text);
    }
}

/* "token_file" beside a secret "token". */
static bool take_secret_file(struct loader *loader, struct str key, const struct node *node)
{
    const struct option_row *row;

    if (!str_ends(key, STR("_file"))) {
        return false;
    }
    row = option_find(str_sub(key, 0, key.len - 5));
    if (row == NULL || row->type != OPTION_SECRET) {
        return false;
    }
    loader->line = node->line;
    loader->column = node->column;
    option_set_from_file(loader, row, node->text);
    return true;
}

/* "auth", "auth.jwt": the beginning of a key. */
static bool is_group(struct str name)
{
    size_t n;
    const struct option_row *rows = config_options(&n);

    for (size_t i = 0; i < n; i++) {
        struct str key = str_from(rows[i].key);

        if (str_starts(key, name) && key.len > name.len && key.ptr[name.len] == '.') {
            return true;
        }
    }
    return false;
}

/* `name` is that of the group: "auth". Members of a group inside ("jwt:") are taken as if they stood
 * in the outer one by their whole names ("jwt.issuer:"). */
static void take_group(struct loader *loader, struct str name, const struct node *group)
{
    for (const struct node *member = group->first; member != NULL; member = member->next) {
        struct str key =
            arena_printf(&loader->box->arena, "%.*s.%.*s", STR_ARG(name), STR_ARG(member->key));
        const struct option_row *row = option_find(key);

        loader->line = member->key_line;
        loader->column = member->key_column;
        if (row != NULL) {
            take_value(loader, row, member);
        } else if (is_group(key) && member->type == NODE_MAP) {
            take_group(loader, key, member); /* as deep as a key has dots, no deeper */
        } else if (!take_secret_file(loader, key, member)) {
            option_unknown(loader, key);
        }
    }
}

static void unknown_group(struct loader *loader, struct str name)
{
    struct nearest nearest;
    size_t n;
    const struct option_row *rows = config_options(&n);

    nearest_init(&nearest, name);
    for (size_t i = 0; i < n; i++) {
        struct str group;
        struct str rest;

        (void)str_cut(str_from(rows[i].key), '.', &group, &rest);
        nearest_offer(&nearest, group);
    }
    loader_fail(loader, "unknown group \"%.*s\"%s%.*s%s", SHOWN(name),
                nearest.best.len > 0 ? "; did you mean \"" : "", STR_ARG(nearest.best),
                nearest.best.len > 0 ? "\"?" : "");
}

static void take_document(struct loader *loader, const struct node *root)
{
    if (root->is_null) {
        return;
    }
    loader->line = root->line;
    loader->column = root->column;
    if (root->type != NODE_MAP) {
        loader_fail(loader,
                    "the file must be a map of groups: \"server:\", \"upstream:\" and so on");
        return;
    }
    for (const struct node *group = root->first; group != NULL; group = group->next) {
        const struct option_row *dotted = option_find(group->key);

        loader->line = group->key_line;
        loader->column = group->key_column;
        if (dotted != NULL) {
            take_value(loader, dotted, group);
        } else if (!is_group(group->key)) {
            unknown_group(loader, group->key);
        } else if (group->type == NODE_MAP) {
            take_group(loader, group->key, group);
        } else if (!group->is_null) {
            loader_fail(loader, "%.*s: must be a map of options", STR_ARG(group->key));
        }
    }
}

/* A program that writes a file in place empties it first, so the file may be read half written. */
static bool is_whole(struct loader *loader, struct str text)
{
    if (!loader->must_be_whole) {
        return true;
    }
    if (str_trim(text).len == 0) {
        return loader_fail(loader, "%s: is empty; it may not be written yet", loader->file);
    }
    if (!str_ends(text, STR("\n"))) {
        return loader_fail(
            loader, "%s: does not end with a line break; it may not be written to its end yet",
            loader->file);
    }
    return true;
}

/* False: the file is not whole, and no option of it was taken. */
static bool load_file(struct loader *loader)
{
    bool is_there = true;
    struct node_stream stream;
    struct error_list errors;
    struct error err = {0};
    struct arena document; /* wiped: it holds keys and tokens in clear text */
    struct buf text;

    arena_init(&document);
    buf_init(&text, CONFIG_FILE_MAX);
    error_list_init(&errors);
    if (fd_read_file(loader->file, &text, &err) != ERR_OK) {
        loader->unread = true;
        loader_fail(loader, "%s: cannot be read: %s", loader->file, err.text);
    } else if (!is_whole(loader, buf_view(&text))) {
        is_there = false;
    } else {
        loader_note_file(loader, loader->file, buf_view(&text));
        if (yaml_parse(&document, buf_view(&text), NULL, &stream, &errors) == ERR_OK) {
            if (stream.n_documents > 1) {
                loader->line = stream.documents->next->line;
                loader->column = 1;
                loader->unread = true;
                loader_fail(loader, "the file must be one document; a second one begins here");
            } else if (stream.n_documents == 1) {
                take_document(loader, stream.documents);
            }
        }
        loader->unread = loader->unread || errors.n > 0;
        for (size_t i = 0; i < errors.n; i++) {
            loader->line = errors.items[i].line;
            loader->column = errors.items[i].column;
            loader_fail(loader, "%.*s", STR_ARG(error_without_place(&errors.items[i])));
        }
    }
    error_list_done(&errors);
    wipe_secret_file(&text);
    arena_wipe(&document);
    return is_there;
}

/* ---- --set ---- */

static void load_sets(struct loader *loader, const struct config_sources *sources)
{
    for (size_t i = 0; i < sources->n_sets; i++) {
        struct str key;
        struct str value;
        const struct option_row *row;

        loader->place = sources->set_names != NULL && sources->set_names[i] != NULL
                            ? sources->set_names[i]
                            : "--set";
        if (!str_cut(str_from(sources->sets[i]), '=', &key, &value)) {
            loader_fail(loader, "\"%.*s\" is not KEY=VALUE", SHOWN(key));
            continue;
        }
        row = option_find(str_trim(key));
        if (row == NULL) {
            option_unknown(loader, str_trim(key));
        } else {
            (void)option_set(loader, row, value);
        }
    }
    loader->place = NULL;
}

enum error_code config_load(const struct config_sources *sources, struct config **out,
                            struct error_list *errors)
{
    struct config_box *box = mem_zalloc(sizeof(*box));
    struct loader loader = {.box = box,
                            .errors = errors,
                            .file = sources->file,
                            .secrets = sources->secrets,
                            .sends_nothing = sources->sends_nothing,
                            .must_be_whole = sources->must_be_whole};

    loader.environment =
        sources->environment != NULL ? sources->environment : (const char *const *)environ;
    box->n_holders = 1;
    arena_init(&box->arena);
    load_defaults(&loader);
    load_lambda_log(&loader);
    load_place(&loader);
    if (sources->file == NULL || load_file(&loader)) {
        load_environment(&loader);
        load_sets(&loader, sources);
        load_unread(&loader);
        if (loader.secrets != NULL) {
            loader.secrets->on_options(loader.secrets->context, &box->config);
        }
        load_tree(&loader);
        config_judge(&loader);
    }
    if (errors->n > 0) {
        config_release(&box->config);
        return errors->items[0].code;
    }
    *out = &box->config;
    return ERR_OK;
}

static void free_secrets(struct config *config)
{
    size_t n;
    const struct option_row *rows = config_options(&n);

    for (size_t i = 0; i < n; i++) {
        if (rows[i].type == OPTION_SECRET) {
            secret_done(option_field(config, &rows[i]));
        } else if (map_list_of(&rows[i]) != NULL) {
            maps_clear(config, &rows[i]);
        }
    }
}

const struct config *config_hold(const struct config *config)
{
    struct config_box *box = unconst(config);

    box->n_holders++;
    return config;
}

void config_release(void *config)
{
    struct config_box *box = config;

    if (box != NULL && --box->n_holders == 0) {
        free_secrets(&box->config);
        arena_done(&box->arena);
        mem_free(box);
    }
}
