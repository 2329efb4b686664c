/* Shell completion, made from the tables: subcommands, their options, and the words and options of
 * the commands of the catalogue. A script knows them all and asks the program nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "catalog/catalog.h"
#include "completion.h"
#include "config/config.h"

enum { SCRIPT_MAX = 1024 * 1024 };

/* ---- words of the catalogue ---- */

static struct prefix *prefix_of(struct prefixes *all, struct str words)
{
    struct prefix *prefix = MAP_FIND(&all->map, words, struct prefix, node);

    if (prefix != NULL) {
        return prefix;
    }
    prefix = arena_zalloc(all->arena, sizeof(*prefix));
    prefix->words = arena_str(all->arena, words);
    buf_init(&prefix->next, WORDS_MAX);
    map_insert(&all->map, &prefix->node, prefix->words);
    *all->end = prefix;
    all->end = &prefix->after;
    return prefix;
}

static void add_command(struct prefixes *all, const struct command *command)
{
    struct str rest = str_from(command->words);
    struct str word;

    while (str_next(&rest, ' ', &word)) {
        struct str before = str_trim(str_range(command->words, word.ptr));
        struct prefix *prefix = prefix_of(all, before);

        if (!str_has_word(buf_cstr(&prefix->next), word)) {
            buf_printf(&prefix->next, "%s%.*s", prefix->next.len > 0 ? " " : "", STR_ARG(word));
        }
    }
    prefix_of(all, str_from(command->words))->command = command;
}

static void prefixes_open(struct prefixes *all, const struct catalog *catalog, struct arena *arena)
{
    *all = (struct prefixes){.catalog = catalog, .arena = arena};
    all->end = &all->first;
    map_init(&all->map);
    for (size_t i = 0; i < catalog_size(catalog); i++) {
        add_command(all, catalog_at(catalog, i));
    }
}

static void prefixes_close(struct prefixes *all)
{
    for (struct prefix *prefix = all->first; prefix != NULL; prefix = prefix->after) {
        buf_done(&prefix->next);
    }
    map_done(&all->map);
}

/* ---- bash (and zsh by its bridge) ---- */

static void put_option_words(struct buf *out, const struct argument *row)
{
    for (; row->name != NULL; row++) {
        buf_printf(out, "--%s ", row->name);
    }
    buf_text(out, "--help");
}

void completion_put_command_options(struct buf *out, const struct command *command)
{
    for (const struct param *param = command->options; param->name != NULL; param++) {
        buf_text(out, " --");
        buf_dashed(out, str_from(param->name));
    }
}

static void put_bash_catalogue(struct buf *out, const struct prefixes *all)
{
    buf_text(out, "_virtuoso_proxy_catalogue() {\n    case $1 in\n");
    for (const struct prefix *prefix = all->first; prefix != NULL; prefix = prefix->after) {
        if (prefix->command != NULL) {
            buf_printf(out, "        \"%.*s\" | \"%.*s \"*) echo \"%.*s", STR_ARG(prefix->words),
                       STR_ARG(prefix->words), STR_ARG(buf_view(&prefix->next)));
            completion_put_command_options(out, prefix->command);
        } else {
            buf_printf(out, "        \"%.*s\") echo \"%.*s", STR_ARG(prefix->words),
                       STR_ARG(buf_view(&prefix->next)));
        }
        buf_text(out, "\" ;;\n");
    }
    buf_text(out, "    esac\n}\n\n");
}

/* ---- values of options ---- */

/* Which files an option or a subcommand means, as patterns; "*" any. */
static const struct file_kind {
    const char *name;
    const char *patterns;
} file_kinds[] = {
    {"junit", "*.xml"},
    {"html", "*.html"},
    {"config", "*.yaml *.yml"},
    {"ca-file", "*.pem *.crt"},
    {"body-file", "*.json"},
    {"run", "*.yaml *.yml *.json"},
    {"validate", "*.yaml *.yml *.json"},
    {"convert", "*.yaml *.yml *.json"},
};

const char *completion_file_kind(const char *name)
{
    const struct file_kind *kind = ROW_NAMED(str_from(name), file_kinds);

    return kind != NULL ? kind->patterns : "*";
}

bool completion_takes_files(const struct subcommand *sub)
{
    return str_contains(str_from(sub->operands), STR("FILE"));
}

bool completion_is_file_option(const struct argument *row)
{
    return row->value != NULL && str_is(str_from(row->value), "FILE");
}

bool completion_is_set(const struct argument *row)
{
    return row->key != NULL && str_is(str_from(row->key), "*");
}

/* "server.listen= auth.mode= ..." */
static void put_keys(struct buf *out)
{
    size_t n;
    const struct option_row *rows = config_options(&n);

    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%s%s=", i > 0 ? " " : "", rows[i].key);
    }
}

const char *completion_key_words(const struct option_row *row)
{
    if (row->type == OPTION_BOOL) {
        return "true false";
    }
    return row->type == OPTION_ENUM || row->type == OPTION_WORDS ? row->words : NULL;
}

static void put_bash_option(struct buf *out, const struct subcommand *sub,
                            const struct argument *row)
{
    buf_printf(out, "        \"%s --%s\"", sub->name, row->name);
    if (row->letter != 0) {
        buf_printf(out, " | \"%s -%c\"", sub->name, row->letter);
    }
    buf_text(out, ") ");
    if (completion_is_file_option(row)) {
        buf_printf(out, "files='%s'", completion_file_kind(row->name));
    } else {
        buf_text(out, "words='");
        buf_text(out, row->words != NULL ? row->words : "");
        if (completion_is_set(row)) {
            put_keys(out);
        }
        buf_char(out, '\'');
    }
    buf_text(out, " ;;\n");
}

/* Options of the commands of the catalogue that have a list of values, each once. */
static void put_bash_params(struct buf *out, const struct catalog *catalog, struct buf *seen)
{
    for (size_t i = 0; i < catalog_size(catalog); i++) {
        for (const struct param *param = catalog_at(catalog, i)->options; param->name != NULL;
             param++) {
            if (param->words == NULL || str_has_word(buf_cstr(seen), str_from(param->name))) {
                continue;
            }
            buf_printf(seen, "%s ", param->name);
            buf_text(out, "        \"command --");
            buf_dashed(out, str_from(param->name));
            buf_printf(out, "\") words='%s' ;;\n", param->words);
        }
    }
}

static void put_bash_keys(struct buf *out)
{
    size_t n;
    const struct option_row *rows = config_options(&n);

    for (size_t i = 0; i < n; i++) {
        if (completion_key_words(&rows[i]) != NULL) {
            buf_printf(out, "        *\" %s\") words='%s' ;;\n", rows[i].key,
                       completion_key_words(&rows[i]));
        }
    }
}

/* What may stand behind an option: sets words and files of its caller; false: it takes no value. */
static void put_bash_values(struct buf *out, const struct catalog *catalog)
{
    struct buf seen;

    buf_init(&seen, WORDS_MAX);
    buf_text(out, "_virtuoso_proxy_value() {\n    words='' files=''\n    case \"$1 $2\" in\n");
    for (size_t i = 0; i < n_subcommands; i++) {
        for (const struct argument *row = subcommands[i].arguments; row->name != NULL; row++) {
            if (row->value != NULL) {
                put_bash_option(out, &subcommands[i], row);
            }
        }
    }
    put_bash_params(out, catalog, &seen);
    put_bash_keys(out);
    buf_text(out, "        *) return 1 ;;\n    esac\n}\n\n");
    buf_done(&seen);
}

void completion_put_subcommand_names(struct buf *out)
{
    for (size_t i = 0; i < n_subcommands; i++) {
        buf_printf(out, "%s ", subcommands[i].name);
    }
}

static void put_bash_subcommands(struct buf *out)
{
    for (size_t i = 0; i < n_subcommands; i++) {
        const struct subcommand *sub = &subcommands[i];

        buf_printf(out, "            %s) words=\"", sub->name);
        put_option_words(out, sub->arguments);
        buf_text(out, str_is(str_from(sub->name), "completion") ? " bash zsh fish" : "");
        buf_text(out, str_is(str_from(sub->name), "man") ? " testfile\"" : "\"");
        if (completion_takes_files(sub)) {
            buf_printf(out, " files='%s'", completion_file_kind(sub->name));
        }
        buf_text(out, " ;;\n");
    }
    buf_text(out, "            help) words=\"");
    completion_put_subcommand_names(out);
    buf_text(out, "\" ;;\n");
}

static void put_bash(struct buf *out, const struct prefixes *all)
{
    put_bash_catalogue(out, all);
    put_bash_values(out, all->catalog);
    buf_text(
        out,
        "_virtuoso_proxy() {\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} sub=${COMP_WORDS[1]-} words='' files='' word line=''\n"
        "    local before='' kind skip=''\n"
        "    COMPREPLY=()\n"
        "    if [ \"$COMP_CWORD\" -le 1 ]; then\n        words=\"");
    completion_put_subcommand_names(out);
    buf_text(
        out,
        "help --help --version\"\n    else\n"
        "        before=${COMP_WORDS[COMP_CWORD - 1]}\n"
        "        # bash makes words of its own of KEY=VALUE\n"
        "        if [ \"$cur\" = = ]; then\n"
        "            cur=''\n"
        "        elif [ \"$before\" = = ]; then\n"
        "            before=${COMP_WORDS[COMP_CWORD - 2]}\n"
        "        fi\n"
        "        for word in \"${COMP_WORDS[@]:2:$((COMP_CWORD - 2))}\"; do\n"
        "            if [ -n \"$skip\" ]; then\n"
        "                skip=''\n"
        "                continue\n"
        "            fi\n"
        "            case $word in\n"
        "                -*) ! _virtuoso_proxy_value command \"$word\" || skip=1 ;;\n"
        "                *) line=\"$line${line:+ }$word\" ;;\n"
        "            esac\n"
        "        done\n"
        "        # KEY=VALUE as one word, as zsh has it\n"
        "        kind=${cur%%=*}\n"
        "        if [ \"$kind\" != \"$cur\" ] && _virtuoso_proxy_value \"$sub\" \"$kind\"; then\n"
        "            words=\"$kind=${words// / $kind=}\"\n"
        "        elif ! _virtuoso_proxy_value \"$sub\" \"$before\"; then\n"
        "            case $sub in\n");
    put_bash_subcommands(out);
    buf_text(out,
             "            esac\n"
             "            if [ \"$sub\" = command ]; then\n"
             "                words=\"$words $(_virtuoso_proxy_catalogue \"$line\")\"\n"
             "            fi\n"
             "        fi\n"
             "    fi\n"
             "    local IFS=$'\\n'\n"
             "    # shellcheck disable=SC2207 # a name a line\n"
             "    COMPREPLY=($(compgen -W \"${words// /$IFS}\" -- \"$cur\"))\n"
             "    case $words in *=) compopt -o nospace 2>/dev/null || true ;; esac\n"
             "    if [ -n \"$files\" ] && [ \"${cur#-}\" = \"$cur\" ]; then\n"
             "        while IFS= read -r kind; do\n"
             "            # shellcheck disable=SC2207\n"
             "            COMPREPLY=(\"${COMPREPLY[@]}\" $(compgen -f -X \"!$kind\" -- \"$cur\"))\n"
             "        done <<<\"${files// /$IFS}\"\n"
             "        # shellcheck disable=SC2207\n"
             "        COMPREPLY=(\"${COMPREPLY[@]}\" $(compgen -d -- \"$cur\"))\n"
             "    fi\n"
             "}\n"
             "complete -o filenames -F _virtuoso_proxy virtuoso-proxy\n");
}

static void put_zsh(struct buf *out, const struct prefixes *all)
{
    buf_text(out, "#compdef virtuoso-proxy\n"
                  "# By zsh's own bridge to bash completion.\n"
                  "autoload -U +X compinit && compinit -u\n"
                  "autoload -U +X bashcompinit && bashcompinit\n\n");
    put_bash(out, all);
}

/* ---- the subcommand ---- */

static const struct {
    const char *name;
    void (*put)(struct buf *out, const struct prefixes *all);
} shells[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", completion_put_fish}};

static int print_for(size_t shell)
{
    struct catalog *catalog;
    struct error err = {0};
    struct prefixes all;
    struct arena arena;
    struct buf out;
    int status = EXIT_SUCCESS;

    if (catalog_new(&catalog, &err) != ERR_OK) {
        (void)fprintf(stderr, "virtuoso-proxy completion: %s\n", err.text);
        return EXIT_FAILURE;
    }
    arena_init(&arena);
    buf_init(&out, SCRIPT_MAX);
    prefixes_open(&all, catalog, &arena);
    shells[shell].put(&out, &all);
    if (!buf_ok(&out) || fwrite(out.ptr, 1, out.len, stdout) != out.len) {
        status = EXIT_FAILURE;
    }
    prefixes_close(&all);
    buf_done(&out);
    arena_done(&arena);
    catalog_free(catalog);
    return status;
}

int run_completion(struct arguments *arguments)
{
    struct str wanted = str_from(arguments->n_operands == 1 ? arguments->operands[0] : "");

    for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
        if (str_is(wanted, shells[i].name)) {
            return print_for(i);
        }
    }
    (void)fprintf(stderr, "virtuoso-proxy completion: give one of bash, zsh, fish; for example\n"
                          "  source <(virtuoso-proxy completion bash)\n");
    return EXIT_FAILURE;
}
