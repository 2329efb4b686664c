/* The completion script of fish. */
#include "completion.h"

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
        struct str words =
            str_from(completion_key_words(&rows[i]) != NULL ? completion_key_words(&rows[i]) : "");
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
        if (completion_is_file_option(row)) {
            put_fish_files(out, completion_file_kind(row->name));
        } else if (row->value != NULL) {
            buf_text(out, " -f -a '");
            buf_text(out, row->words != NULL ? row->words : "");
            if (completion_is_set(row)) {
                put_fish_keys(out);
            }
            buf_char(out, '\'');
        }
        buf_text(out, " -d '");
        put_fish_text(out, str_from(row->help));
        buf_text(out, "'\n");
    }
}

/* Options of the commands of the catalogue that have a list of values. */
static void put_fish_params(struct buf *out, const struct catalog *catalog)
{
    struct buf seen;

    buf_init(&seen, WORDS_MAX);
    for (size_t i = 0; i < catalog_size(catalog); i++) {
        for (const struct param *param = catalog_at(catalog, i)->options; param->name != NULL;
             param++) {
            if (param->words == NULL || str_has_word(buf_cstr(&seen), str_from(param->name))) {
                continue;
            }
            buf_printf(&seen, "%s ", param->name);
            buf_text(out, "complete -c virtuoso-proxy -n '__virtuoso_proxy_behind --");
            buf_dashed(out, str_from(param->name));
            buf_printf(out, "' -a '%s'\n", param->words);
        }
    }
    buf_done(&seen);
}

/* "--url -u --checkpoint ...": options of `command` that take a value. */
static void put_fish_valued(struct buf *out)
{
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

static void put_fish_functions(struct buf *out)
{
    buf_text(out, "function __virtuoso_proxy_files\n"
                  "    set -l typed (string replace -r '^--[a-z-]+=' '' -- (commandline -ct))\n"
                  "    for file in $typed*\n"
                  "        if test -d $file\n"
                  "            echo $file/\n"
                  "        else if contains -- (string match -r '[.][^./]*$' -- $file) $argv\n"
                  "            echo $file\n"
                  "        end\n"
                  "    end\n"
                  "end\n\n"
                  "function __virtuoso_proxy_behind\n"
                  "    set -l words (commandline -opc)\n"
                  "    test \"$words[2]\" = command; and test \"$words[-1]\" = \"$argv[1]\"\n"
                  "end\n\n"
                  "function __virtuoso_proxy_line_is\n"
                  "    set -l words (commandline -opc)\n"
                  "    test (count $words) -ge 2; or return 1\n"
                  "    test $words[2] = command; or return 1\n"
                  "    set -l line\n"
                  "    set -l skip no\n"
                  "    for word in $words[3..-1]\n"
                  "        if test $skip = yes\n"
                  "            set skip no\n"
                  "        else if contains -- $word");
    put_fish_valued(out);
    buf_text(out,
             "\n"
             "            set skip yes\n"
             "        else if not string match -q -- '-*' $word\n"
             "            set -a line $word\n"
             "        end\n"
             "    end\n"
             "    test $skip = no; or return 1\n"
             "    test \"$line\" = \"$argv[1]\"; or string match -q -- \"$argv[2]\" \"$line\"\n"
             "end\n\ncomplete -c virtuoso-proxy -f\n");
}

void completion_put_fish(struct buf *out, const struct prefixes *all)
{
    put_fish_functions(out);
    for (size_t i = 0; i < n_subcommands; i++) {
        buf_printf(out, "complete -c virtuoso-proxy -n __fish_use_subcommand -a %s -d '",
                   subcommands[i].name);
        put_fish_text(out, str_from(subcommands[i].summary));
        buf_text(out, "'\n");
        put_fish_options(out, &subcommands[i]);
        if (completion_takes_files(&subcommands[i])) {
            buf_printf(out, "complete -c virtuoso-proxy -n '__fish_seen_subcommand_from %s'",
                       subcommands[i].name);
            put_fish_files(out, completion_file_kind(subcommands[i].name));
            buf_char(out, '\n');
        }
    }
    buf_text(out, "complete -c virtuoso-proxy -n __fish_use_subcommand -a help -d 'Print help.'\n"
                  "complete -c virtuoso-proxy -n '__fish_seen_subcommand_from help' -a '");
    completion_put_subcommand_names(out);
    buf_text(out, "'\n"
                  "complete -c virtuoso-proxy -n '__fish_seen_subcommand_from man' -a testfile\n"
                  "complete -c virtuoso-proxy -n '__fish_seen_subcommand_from completion' "
                  "-a 'bash zsh fish'\n");
    put_fish_params(out, all->catalog);
    for (const struct prefix *prefix = all->first; prefix != NULL; prefix = prefix->after) {
        buf_printf(
            out,
            "complete -c virtuoso-proxy -n '__virtuoso_proxy_line_is \"%.*s\" \"%.*s%s\"' -a '%.*s",
            STR_ARG(prefix->words), STR_ARG(prefix->words), prefix->command != NULL ? " *" : "",
            STR_ARG(buf_view(&prefix->next)));
        if (prefix->command != NULL) {
            completion_put_command_options(out, prefix->command);
        }
        buf_text(out, "'\n");
    }
}
