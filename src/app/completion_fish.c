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

static void put_fish_options(struct buf *out, const struct subcommand *sub)
{
    for (const struct argument *row = sub->arguments; row->name != NULL; row++) {
        buf_printf(out, "complete -c virtuoso-proxy -n '__fish_seen_subcommand_from %s' -l %s",
                   sub->name, row->name);
        if (row->letter != 0) {
            buf_printf(out, " -s %c", row->letter);
        }
        if (row->value != NULL) {
            buf_text(out, completion_is_file_option(row) ? " -r -F" : " -x");
        }
        if (row->words != NULL) {
            buf_printf(out, " -a '%s'", row->words);
        } else if (completion_is_set(row)) {
            buf_text(out, " -a '");
            completion_put_keys(out);
            buf_char(out, '\'');
        }
        buf_text(out, " -d '");
        put_fish_text(out, str_from(row->help));
        buf_text(out, "'\n");
    }
}

void completion_put_fish(struct buf *out, const struct prefixes *all)
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
            completion_put_command_options(out, prefix->command);
        }
        buf_text(out, "'\n");
    }
}
