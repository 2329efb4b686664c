/* Shell completion, made from the tables: subcommands, their options, and the words and options of
 * the commands of the catalogue. A script knows them all and asks the program nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "catalog/catalog.h"
#include "subcommands.h"

enum { SCRIPT_MAX = 1024 * 1024, WORDS_MAX = 4096 };

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
    struct arena *arena;
};

static struct prefix *prefix_of(struct prefixes *all, struct str words)
{
    struct map_node *node = map_find(&all->map, words);
    struct prefix *prefix;

    if (node != NULL) {
        return CONTAINER_OF(node, struct prefix, node);
    }
    prefix = arena_zalloc(all->arena, sizeof(*prefix));
    prefix->words = arena_str(all->arena, words);
    buf_init(&prefix->next, WORDS_MAX);
    map_insert(&all->map, &prefix->node, prefix->words);
    *all->end = prefix;
    all->end = &prefix->after;
    return prefix;
}

static bool has_word(struct str words, struct str word)
{
    struct str one;

    while (str_next(&words, ' ', &one)) {
        if (str_eq(one, word)) {
            return true;
        }
    }
    return false;
}

static void add_command(struct prefixes *all, const struct command *command)
{
    struct str rest = str_from(command->words);
    struct str word;

    while (str_next(&rest, ' ', &word)) {
        struct str before = str_trim(str_range(command->words, word.ptr));
        struct prefix *prefix = prefix_of(all, before);

        if (!has_word(buf_view(&prefix->next), word)) {
            buf_printf(&prefix->next, "%s%.*s", prefix->next.len > 0 ? " " : "", STR_ARG(word));
        }
    }
    prefix_of(all, str_from(command->words))->command = command;
}

static void prefixes_open(struct prefixes *all, struct arena *arena)
{
    *all = (struct prefixes){.arena = arena};
    all->end = &all->first;
    map_init(&all->map);
    for (size_t i = 0; i < catalog_size(); i++) {
        add_command(all, catalog_at(i));
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

static void put_command_options(struct buf *out, const struct command *command)
{
    for (const struct param *param = command->options; param->name != NULL; param++) {
        buf_text(out, " --");
        for (const char *c = param->name; *c != '\0'; c++) {
            buf_char(out, (char)(*c == '_' ? '-' : *c));
        }
    }
}

static void put_bash_catalogue(struct buf *out, const struct prefixes *all)
{
    buf_text(out, "_virtuoso_proxy_catalogue() {\n    case $1 in\n");
    for (const struct prefix *prefix = all->first; prefix != NULL; prefix = prefix->after) {
        if (prefix->command != NULL) {
            buf_printf(out, "        \"%.*s\" | \"%.*s \"*) echo \"%.*s", STR_ARG(prefix->words),
                       STR_ARG(prefix->words), STR_ARG(buf_view(&prefix->next)));
            put_command_options(out, prefix->command);
        } else {
            buf_printf(out, "        \"%.*s\") echo \"%.*s", STR_ARG(prefix->words),
                       STR_ARG(buf_view(&prefix->next)));
        }
        buf_text(out, "\" ;;\n");
    }
    buf_text(out, "    esac\n}\n\n");
}

static void put_file_option(struct buf *out, struct buf *seen, const struct argument *row)
{
    bool is_file = row->value != NULL && str_is(str_from(row->value), "FILE");

    if (!is_file || has_word(buf_view(seen), str_from(row->name))) {
        return;
    }
    buf_printf(seen, "%s ", row->name);
    buf_printf(out, "%s--%s", out->len > 0 ? " | " : "", row->name);
    if (row->letter != 0) {
        buf_printf(out, " | -%c", row->letter);
    }
}

/* Options whose value is a file, for the word after them. */
static void put_file_options(struct buf *out)
{
    struct buf seen;

    buf_init(&seen, WORDS_MAX);
    for (size_t i = 0; i < n_subcommands; i++) {
        for (const struct argument *row = subcommands[i].arguments; row->name != NULL; row++) {
            put_file_option(out, &seen, row);
        }
    }
    buf_done(&seen);
}

static void put_bash(struct buf *out, const struct prefixes *all)
{
    struct buf files;

    put_bash_catalogue(out, all);
    buf_text(
        out,
        "_virtuoso_proxy() {\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} sub=${COMP_WORDS[1]-} words='' files='' word line=''\n"
        "    COMPREPLY=()\n"
        "    if [ \"$COMP_CWORD\" -le 1 ]; then\n        words=\"");
    for (size_t i = 0; i < n_subcommands; i++) {
        buf_printf(out, "%s ", subcommands[i].name);
    }
    buf_text(out, "--help --version\"\n    else\n        case $sub in\n");
    for (size_t i = 0; i < n_subcommands; i++) {
        buf_printf(out, "            %s) words=\"", subcommands[i].name);
        put_option_words(out, subcommands[i].arguments);
        buf_printf(out, "%s\"%s ;;\n",
                   str_is(str_from(subcommands[i].name), "completion") ? " bash zsh fish" : "",
                   str_starts(str_from(subcommands[i].operands), STR("FILE")) ||
                           str_contains(str_from(subcommands[i].operands), STR(" FILE"))
                       ? " files=1"
                       : "");
    }
    buf_init(&files, WORDS_MAX);
    put_file_options(&files);
    buf_printf(out,
               "        esac\n"
               "        case ${COMP_WORDS[COMP_CWORD - 1]} in\n"
               "            %.*s) words='' files=1 ;;\n"
               "            --to) words='commands upstream simplified sentences' ;;\n"
               "        esac\n"
               "        if [ \"$sub\" = command ]; then\n"
               "            for word in \"${COMP_WORDS[@]:2:$((COMP_CWORD - 2))}\"; do\n"
               "                case $word in -*) ;; *) line=\"$line${line:+ }$word\" ;; esac\n"
               "            done\n"
               "            words=\"$words $(_virtuoso_proxy_catalogue \"$line\")\"\n"
               "        fi\n"
               "    fi\n"
               "    local IFS=$'\\n'\n"
               "    # shellcheck disable=SC2207 # a name a line\n"
               "    COMPREPLY=($(compgen -W \"${words// /$IFS}\" -- \"$cur\"))\n"
               "    if [ -n \"$files\" ] && [ \"${cur#-}\" = \"$cur\" ]; then\n"
               "        # shellcheck disable=SC2207\n"
               "        COMPREPLY=(\"${COMPREPLY[@]}\" $(compgen -f -- \"$cur\"))\n"
               "    fi\n"
               "}\n"
               "complete -o filenames -F _virtuoso_proxy virtuoso-proxy\n",
               STR_ARG(buf_view(&files)));
    buf_done(&files);
}

static void put_zsh(struct buf *out, const struct prefixes *all)
{
    buf_text(out, "#compdef virtuoso-proxy\n"
                  "# By zsh's own bridge to bash completion.\n"
                  "autoload -U +X compinit && compinit -u\n"
                  "autoload -U +X bashcompinit && bashcompinit\n\n");
    put_bash(out, all);
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

static void put_fish_options(struct buf *out, const struct subcommand *sub)
{
    for (const struct argument *row = sub->arguments; row->name != NULL; row++) {
        buf_printf(out, "complete -c virtuoso-proxy -n '__fish_seen_subcommand_from %s' -l %s",
                   sub->name, row->name);
        if (row->letter != 0) {
            buf_printf(out, " -s %c", row->letter);
        }
        if (row->value != NULL) {
            buf_text(out, str_is(str_from(row->value), "FILE") ? " -r -F" : " -r");
        }
        buf_text(out, " -d '");
        put_fish_text(out, str_from(row->help));
        buf_text(out, "'\n");
    }
}

static void put_fish(struct buf *out, const struct prefixes *all)
{
    buf_text(out,
             "function __virtuoso_proxy_line_is\n"
             "    set -l words (commandline -opc | string match -v -- '-*')\n"
             "    test (count $words) -ge 2; or return 1\n"
             "    test $words[2] = command; or return 1\n"
             "    set -l line (string join ' ' -- $words[3..-1])\n"
             "    test \"$line\" = \"$argv[1]\"; or string match -q -- \"$argv[2]\" \"$line\"\n"
             "end\n\ncomplete -c virtuoso-proxy -f\n");
    for (size_t i = 0; i < n_subcommands; i++) {
        buf_printf(out, "complete -c virtuoso-proxy -n __fish_use_subcommand -a %s -d '",
                   subcommands[i].name);
        put_fish_text(out, str_from(subcommands[i].summary));
        buf_text(out, "'\n");
        put_fish_options(out, &subcommands[i]);
        if (str_contains(str_from(subcommands[i].operands), STR("FILE"))) {
            buf_printf(out, "complete -c virtuoso-proxy -n '__fish_seen_subcommand_from %s' -F\n",
                       subcommands[i].name);
        }
    }
    buf_text(
        out,
        "complete -c virtuoso-proxy -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n");
    for (const struct prefix *prefix = all->first; prefix != NULL; prefix = prefix->after) {
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
}

/* ---- the subcommand ---- */

static const struct {
    const char *name;
    void (*put)(struct buf *out, const struct prefixes *all);
} shells[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};

static int print_for(size_t shell)
{
    struct error err = {0};
    struct prefixes all;
    struct arena arena;
    struct buf out;
    int status = EXIT_SUCCESS;

    if (catalog_open(&err) != ERR_OK) {
        (void)fprintf(stderr, "virtuoso-proxy completion: %s\n", err.text);
        return EXIT_FAILURE;
    }
    arena_init(&arena);
    buf_init(&out, SCRIPT_MAX);
    prefixes_open(&all, &arena);
    shells[shell].put(&out, &all);
    if (!buf_ok(&out) || fwrite(out.ptr, 1, out.len, stdout) != out.len) {
        status = EXIT_FAILURE;
    }
    prefixes_close(&all);
    buf_done(&out);
    arena_done(&arena);
    catalog_close();
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
