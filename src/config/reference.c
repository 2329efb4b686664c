/* Secrets by reference. Wherever a secret is taken, "file:PATH" means the content of the file, and "env:NAME" that of
 * the variable. Secrets of a cloud service (aws-sm:, aws-ssm:, gcp-sm:) come from config_sources.secrets. */
#include <unistd.h>

#include "base/buf.h"
#include "config_internal.h"

enum { SHOWN_REFERENCE_MAX = 160 };

/* Appends the secret's value; in every other state, the reference itself. False: an error was added. */
static bool look_up(struct loader *loader, const char *what, struct str reference,
                    enum config_secret *out_state, struct buf *out)
{
    const struct config_secrets *secrets = loader->secrets;
    const char *why = "";
    struct error err = {0};
    struct str value;

    if (secrets->check(reference, &err) != ERR_OK) {
        return loader_fail(loader, "%s: %s", what, err.text);
    }
    *out_state = secrets->find(secrets->context, reference, &value, &why);
    if (*out_state == CONFIG_SECRET_FAILED) {
        return loader_fail(loader, "%s: %.*s cannot be read: %s", what,
                           STR_ARG(str_sub(reference, 0, SHOWN_REFERENCE_MAX)), why);
    }
    buf_str(out, *out_state == CONFIG_SECRET_KNOWN ? value : reference);
    return true;
}

static bool is_of_service(const struct loader *loader, struct str text)
{
    return loader->secrets != NULL && loader->secrets->is_reference(text);
}

static bool read_variable(struct loader *loader, const char *what, struct str name, struct buf *out)
{
    struct str value = environment_get(loader, name);

    if (value.len == 0) {
        return loader_fail(loader, "%s: the variable %.*s is not set", what, SHOWN(name));
    }
    buf_str(out, value);
    return true;
}

static struct str plain_of(struct str text)
{
    return str_trim(str_unquote(str_trim(text)));
}

const char *name_secret(struct loader *loader, const char *what, struct str text)
{
    struct str plain = plain_of(text);

    if (!str_starts(plain, STR("file:")) && !str_starts(plain, STR("env:")) &&
        !is_of_service(loader, plain)) {
        return what;
    }
    return arena_cstr(&loader->box->arena,
                      arena_printf(&loader->box->arena, "%s: %.*s", what, SHOWN(plain)));
}

bool read_secret(struct loader *loader, const char *what, struct str text, struct buf *out)
{
    struct str plain = plain_of(text);
    enum config_secret state;

    if (str_starts(plain, STR("file:"))) {
        return read_secret_file(loader, what, str_sub(plain, 5, plain.len), out);
    }
    buf_init(out, SECRET_TEXT_MAX);
    if (str_starts(plain, STR("env:"))) {
        return read_variable(loader, what, str_sub(plain, 4, plain.len), out);
    }
    if (!is_of_service(loader, plain)) {
        buf_str(out, text);
        return true;
    }
    if (!look_up(loader, what, plain, &state, out)) {
        return false;
    }
    if (state == CONFIG_SECRET_GONE && what == loader->list) {
        return false; /* an API key whose secret was deleted is taken back: no error */
    }
    if (state == CONFIG_SECRET_ABSENT || state == CONFIG_SECRET_GONE) {
        loader_fail(loader, "%s: there is no secret %.*s", what,
                    STR_ARG(str_sub(plain, 0, SHOWN_REFERENCE_MAX)));
    }
    return state == CONFIG_SECRET_KNOWN || state == CONFIG_SECRET_UNREAD;
}

/* ---- secrets.tree ---- */

static const struct {
    const char *leaf;
    const char *option; /* NULL: one of auth.keys */
} leaves[] = {
    {"api/keys/primary", "upstream.token"},
    {"api/keys/secondary", "upstream.secondary_token"},
    {"api/config/org_id", "upstream.organization_id"},
    {"api/config/base_url", "upstream.base_url"},
    {"auth/tokens/service", NULL},
};

/* The tree's name and the leaf as one reference. Names of Google's service hold no slash: a dash replaces it. */
static struct str reference_of(struct loader *loader, struct str tree, const char *leaf)
{
    struct arena *arena = &loader->box->arena;
    bool has_dashes = str_starts(tree, STR("gcp-sm:"));
    char *text = unconst(arena_cstr(arena, str_from(leaf)));

    tree = str_without_end(tree, '/');
    for (size_t i = 0; has_dashes && text[i] != '\0'; i++) {
        text[i] = (char)(text[i] == '/' ? '-' : text[i]);
    }
    return arena_printf(arena, "%.*s%s%s", STR_ARG(tree), has_dashes ? "-" : "/", text);
}

/* ABSENT also if a file of the tree does not exist. False: an error was added. */
static bool read_leaf(struct loader *loader, struct str reference, enum config_secret *out_state,
                      struct buf *out)
{
    struct str path = str_sub(reference, 5, reference.len);

    *out_state = CONFIG_SECRET_KNOWN;
    if (!str_starts(reference, STR("file:"))) {
        buf_init(out, SECRET_TEXT_MAX);
        return look_up(loader, "secrets.tree", reference, out_state, out);
    }
    if (access(arena_cstr(&loader->box->arena, path), F_OK) != 0) {
        buf_init(out, SECRET_TEXT_MAX);
        *out_state = CONFIG_SECRET_ABSENT;
        return true;
    }
    return read_secret_file(loader, NULL, path, out);
}

static void take_leaf(struct loader *loader, size_t index, enum config_secret state,
                      struct str text)
{
    const struct option_row *row =
        leaves[index].option != NULL ? option_find(str_from(leaves[index].option)) : NULL;

    if (row == NULL) {
        (void)keys_add(loader, "service", text);
    } else if (row->type == OPTION_SECRET || state == CONFIG_SECRET_KNOWN) {
        (void)option_set(loader, row, str_trim(text)); /* an unread text stays unset */
    }
}

void load_tree(struct loader *loader)
{
    struct str tree = loader->box->config.secrets.tree;

    if (tree.len == 0) {
        return;
    }
    loader->place = "secrets.tree";
    if (!str_starts(tree, STR("file:")) && !is_of_service(loader, tree)) {
        loader_fail(loader,
                    "\"%.*s\" is no tree of secrets; write aws-ssm:/PATH, aws-sm:NAME, "
                    "gcp-sm:projects/PROJECT/secrets/NAME or file:FOLDER",
                    SHOWN(tree));
    } else {
        for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
            const char *option = leaves[i].option;
            enum config_secret state;
            struct buf text = {0};

            if ((option == NULL || !option_is_given(loader, option)) &&
                read_leaf(loader, reference_of(loader, tree, leaves[i].leaf), &state, &text) &&
                state != CONFIG_SECRET_ABSENT && state != CONFIG_SECRET_GONE) {
                take_leaf(loader, i, state, buf_view(&text));
            }
            wipe_secret_file(&text);
        }
    }
    loader->place = NULL;
}
