/* Shell completion, made from the tables: subcommands, their options, and the words and options of
 * the commands of the catalogue. A script knows them all and asks the program nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "catalog/catalog.h"
#include "config/config.h"
#include "config/option.h"
#include "subcommands.h"

enum { WORDS_MAX = 4096 };

extern const char completion_bash_start[], completion_bash_end[], completion_fish_start[],
    completion_fish_end[];

/* ---- words of the catalogue ---- */

/* What may follow the words so far: "step-interact" is followed by "click double-click ...". */
struct prefix {
    struct map_node node;
    struct str words;
    struct buf next;
    const struct command *command; /* the words are a whole command; NULL: not yet */
    struct prefix *after;          /* in the order in which they were met */
};

struct prefixes {
    struct map map;
    struct prefix *first;
    struct prefix **end;
    struct arena arena;
};

static struct prefix *prefix_of(struct prefixes *all, struct str words)
{
    struct prefix *prefix = MAP_FIND(&all->map, words, struct prefix, node);

    if (prefix != NULL) {
        return prefix;
    }
    prefix = arena_zalloc(&all->arena, sizeof(*prefix));
    prefix->words = arena_str(&all->arena, words);
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

static void prefixes_open(struct prefixes *all, const struct catalog *catalog)
{
    *all = (struct prefixes){.end = &all->first};
    arena_init(&all->arena);
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
    arena_done(&all->arena);
}

static void put_command_options(struct buf *out, const struct command *command)
{
    for (const struct param *param = command->options; param->name != NULL; param++) {
        buf_text(out, " --");
        buf_dashed(out, str_from(param->name));
    }
}

/* Options of the commands of the catalogue that have a list of values, each once: `before`, its name, `between`, the
 * values, and `behind`. */
static void put_params(struct buf *out, const struct catalog *catalog, const char *before,
                       const char *between, const char *behind)
{
    struct buf seen;

    buf_init(&seen, WORDS_MAX);
    for (size_t i = 0; i < catalog_size(catalog); i++) {
        for (const struct param *param = catalog_at(catalog, i)->options; param->name != NULL;
             param++) {
            if (param->words != NULL && !str_has_word(buf_cstr(&seen), str_from(param->name))) {
                buf_printf(&seen, "%s ", param->name);
                buf_text(out, before);
                buf_dashed(out, str_from(param->name));
                buf_printf(out, "%s%s%s\n", between, param->words, behind);
            }
        }
    }
    buf_done(&seen);
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

static const char *file_patterns(const char *name)
{
    const struct file_kind *kind = ROW_NAMED(str_from(name), file_kinds);

    return kind != NULL ? kind->patterns : "*";
}

static bool takes_files(const struct subcommand *sub)
{
    return str_contains(str_from(sub->operands), STR("FILE"));
}

static bool is_file_option(const struct argument *row)
{
    return row->value != NULL && str_is(str_from(row->value), "FILE");
}

static bool is_set(const struct argument *row)
{
    return row->key != NULL && str_is(str_from(row->key), "*");
}

static const char *key_words(const struct option_row *row)
{
    if (row->type == OPTION_BOOL) {
        return "true false";
    }
    return row->type == OPTION_ENUM || row->type == OPTION_WORDS ? row->words : NULL;
}

static void put_names(struct buf *out, const struct catalog *catalog)
{
    (void)catalog;
    for (size_t i = 0; i < n_subcommands; i++) {
        buf_printf(out, "%s ", subcommands[i].name);
    }
}

/* ---- bash ---- */

static void put_bash_catalogue(struct buf *out, const struct catalog *catalog)
{
    struct prefixes all;

    prefixes_open(&all, catalog);
    for (const struct prefix *prefix = all.first; prefix != NULL; prefix = prefix->after) {
        buf_printf(out, "        \"%.*s\"", STR_ARG(prefix->words));
        if (prefix->command != NULL) {
            buf_printf(out, " | \"%.*s \"*", STR_ARG(prefix->words));
        }
        buf_printf(out, ") echo \"%.*s", STR_ARG(buf_view(&prefix->next)));
        if (prefix->command != NULL) {
            put_command_options(out, prefix->command);
        }
        buf_text(out, "\" ;;\n");
    }
    prefixes_close(&all);
}

static void put_bash_option(struct buf *out, const struct subcommand *sub,
                            const struct argument *row)
{
    size_t n;
    const struct option_row *options = config_options(&n);

    buf_printf(out, "        \"%s --%s\"", sub->name, row->name);
    if (row->letter != 0) {
        buf_printf(out, " | \"%s -%c\"", sub->name, row->letter);
    }
    buf_text(out, ") ");
    if (is_file_option(row)) {
        buf_printf(out, "files='%s'", file_patterns(row->name));
    } else {
        buf_text(out, "words='");
        buf_text(out, row->words != NULL ? row->words : "");
        for (size_t i = 0; is_set(row) && i < n; i++) { /* "server.listen= auth.mode= ..." */
            buf_printf(out, "%s%s=", i > 0 ? " " : "", options[i].key);
        }
        buf_char(out, '\'');
    }
    buf_text(out, " ;;\n");
}

static void put_bash_values(struct buf *out, const struct catalog *catalog)
{
    size_t n;
    const struct option_row *rows = config_options(&n);

    for (size_t i = 0; i < n_subcommands; i++) {
        for (const struct argument *row = subcommands[i].arguments; row->name != NULL; row++) {
            if (row->value != NULL) {
                put_bash_option(out, &subcommands[i], row);
            }
        }
    }
    put_params(out, catalog, "        \"command --", "\") words='", "' ;;");
    for (size_t i = 0; i < n; i++) {
        if (key_words(&rows[i]) != NULL) {
            buf_printf(out, "        *\" %s\") words='%s' ;;\n", rows[i].key, key_words(&rows[i]));
        }
    }
}

static void put_bash_subcommands(struct buf *out, const struct catalog *catalog)
{
    for (size_t i = 0; i < n_subcommands; i++) {
        const struct subcommand *sub = &subcommands[i];

        buf_printf(out, "            %s) words=\"", sub->name);
        for (const struct argument *row = sub->arguments; row->name != NULL; row++) {
            buf_printf(out, "--%s ", row->name);
        }
        buf_text(out, "--help");
        buf_text(out, str_is(str_from(sub->name), "completion") ? " bash zsh fish" : "");
        buf_text(out, str_is(str_from(sub->name), "man") ? " testfile\"" : "\"");
        if (takes_files(sub)) {
            buf_printf(out, " files='%s'", file_patterns(sub->name));
        }
        buf_text(out, " ;;\n");
    }
    buf_text(out, "            help) words=\"");
    put_names(out, catalog);
    buf_text(out, "\" ;;\n");
}

/* ---- fish ---- */

/* Inside single quotes. */
static void put_fish_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'' || text.ptr[i] == '\\') {
            buf_char(out, '\\');
        }
        buf_char(out, text.ptr[i]);
    }
}

/* Files of the kinds given as patterns ("*.yaml *.yml"), and folders. */
static void put_fish_files(struct buf *out, const char *patterns)
{
    struct str rest = str_from(patterns);
    struct str pattern;

    if (str_is(rest, "*")) {
        buf_text(out, " -F");
        return;
    }
    buf_text(out, " -f -a '(__virtuoso_proxy_files");
    while (str_next(&rest, ' ', &pattern)) {
        buf_char(out, ' ');
        buf_str(out, str_sub(pattern, 1, pattern.len)); /* "*.yaml" -> ".yaml" */
    }
    buf_text(out, ")'");
}

/* "server.listen= auth.mode=none auth.mode=keys ..." */
static void put_fish_keys(struct buf *out)
{
    size_t n;
    const struct option_row *rows = config_options(&n);

    for (size_t i = 0; i < n; i++) {
        struct str words = str_from(key_words(&rows[i]) != NULL ? key_words(&rows[i]) : "");
        struct str word;

        if (words.len == 0) {
            buf_printf(out, "%s= ", rows[i].key);
        }
        while (str_next(&words, ' ', &word)) {
            buf_printf(out, "%s=%.*s ", rows[i].key, STR_ARG(word));
        }
    }
}

static void put_fish_options(struct buf *out, const struct subcommand *sub)
{
    for (const struct argument *row = sub->arguments; row->name != NULL; row++) {
        buf_printf(out, "complete -c virtuoso-proxy -n '__fish_seen_subcommand_from %s' -l %s",
                   sub->name, row->name);
        if (row->letter != 0) {
            buf_printf(out, " -s %c", row->letter);
        }
        if (row->value != NULL) {
            buf_text(out, " -r");
        }
        if (is_file_option(row)) {
            put_fish_files(out, file_patterns(row->name));
        } else if (row->value != NULL) {
            buf_text(out, " -f -a '");
            buf_text(out, row->words != NULL ? row->words : "");
            if (is_set(row)) {
                put_fish_keys(out);
            }
            buf_char(out, '\'');
        }
        buf_text(out, " -d '");
        put_fish_text(out, str_from(row->help));
        buf_text(out, "'\n");
    }
}

/* "--url -u --checkpoint ...": options of `command` that take a value. */
static void put_fish_valued(struct buf *out, const struct catalog *catalog)
{
    (void)catalog;
    for (size_t i = 0; i < n_subcommands; i++) {
        const struct argument *row = subcommands[i].arguments;

        for (; str_is(str_from(subcommands[i].name), "command") && row->name != NULL; row++) {
            if (row->value != NULL) {
                buf_printf(out, " --%s", row->name);
            }
            if (row->value != NULL && row->letter != 0) {
                buf_printf(out, " -%c", row->letter);
            }
        }
    }
}

static void put_fish_subcommands(struct buf *out, const struct catalog *catalog)
{
    (void)catalog;
    for (size_t i = 0; i < n_subcommands; i++) {
        const char *name = subcommands[i].name;

        buf_printf(out, "complete -c virtuoso-proxy -n __fish_use_subcommand -a %s -d '", name);
        put_fish_text(out, str_from(subcommands[i].summary));
        buf_text(out, "'\n");
        put_fish_options(out, &subcommands[i]);
        if (takes_files(&subcommands[i])) {
            buf_printf(out, "complete -c virtuoso-proxy -n '__fish_seen_subcommand_from %s'", name);
            put_fish_files(out, file_patterns(name));
            buf_char(out, '\n');
        }
    }
}

static void put_fish_values(struct buf *out, const struct catalog *catalog)
{
    put_params(out, catalog, "complete -c virtuoso-proxy -n '__virtuoso_proxy_behind --", "' -a '",
               "'");
}

static void put_fish_catalogue(struct buf *out, const struct catalog *catalog)
{
    struct prefixes all;

    prefixes_open(&all, catalog);
    for (const struct prefix *prefix = all.first; prefix != NULL; prefix = prefix->after) {
        buf_printf(
            out,
            "complete -c virtuoso-proxy -n '__virtuoso_proxy_line_is \"%.*s\" \"%.*s%s\"' -a '%.*s",
            STR_ARG(prefix->words), STR_ARG(prefix->words), prefix->command != NULL ? " *" : "",
            STR_ARG(buf_view(&prefix->next)));
        if (prefix->command != NULL) {
            put_command_options(out, prefix->command);
        }
        buf_text(out, "'\n");
    }
    prefixes_close(&all);
}

/* ---- the subcommand ---- */

static const struct text_part bash_parts[] = {{"catalogue", put_bash_catalogue},
                                              {"values", put_bash_values},
                                              {"names", put_names},
                                              {"subcommands", put_bash_subcommands}};

static const struct text_part fish_parts[] = {{"valued", put_fish_valued},
                                              {"subcommands", put_fish_subcommands},
                                              {"names", put_names},
                                              {"values", put_fish_values},
                                              {"catalogue", put_fish_catalogue}};

int run_completion(struct arguments *arguments)
{
    struct str shell = str_from(arguments->n_operands == 1 ? arguments->operands[0] : "");

    if (str_is(shell, "fish")) {
        return print_filled("completion", str_range(completion_fish_start, completion_fish_end),
                            fish_parts, ARRAY_LEN(fish_parts));
    }
    if (str_is(shell, "zsh")) {
        (void)printf("#compdef virtuoso-proxy\n"
                     "# By zsh's own bridge to bash completion.\n"
                     "autoload -U +X compinit && compinit -u\n"
                     "autoload -U +X bashcompinit && bashcompinit\n\n");
    }
    if (str_is(shell, "bash") || str_is(shell, "zsh")) {
        return print_filled("completion", str_range(completion_bash_start, completion_bash_end),
                            bash_parts, ARRAY_LEN(bash_parts));
    }
    (void)fprintf(stderr, "virtuoso-proxy completion: give one of bash, zsh, fish; for example\n"
                          "  source <(virtuoso-proxy completion bash)\n");
    return EXIT_FAILURE;
}
