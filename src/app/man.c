/* The manual page: man.roff, filled from the tables of subcommands, options of the configuration and commands. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "catalog/catalog.h"
#include "config/config.h"
#include "config/option.h"
#include "subcommands.h"
#include "testfile/guide.h"

enum { PAGE_MAX = 1024 * 1024 };

extern const char man_page_start[], man_page_end[];

/* Writes text so that roff shows it as it stands: no request, no hyphen where a minus is meant. */
static void put(struct buf *out, const char *text)
{
    bool begins_line = out->len == 0 || out->ptr[out->len - 1] == '\n';

    if (begins_line && (text[0] == '.' || text[0] == '\'')) {
        buf_text(out, "\\&");
    }
    for (; *text != '\0'; text++) {
        if (*text == '\\') {
            buf_text(out, "\\e");
        } else if (*text == '-') {
            buf_text(out, "\\-");
        } else if (*text == '\n') {
            buf_text(out, "\n.br\n");
        } else {
            buf_char(out, *text);
        }
    }
}

static void put_bold(struct buf *out, const char *text)
{
    buf_text(out, "\\fB");
    put(out, text);
    buf_text(out, "\\fR");
}

static void put_term(struct buf *out, const char *name, const char *text)
{
    buf_text(out, ".TP\n");
    put_bold(out, name);
    buf_char(out, '\n');
    put(out, text);
    buf_char(out, '\n');
}

static void put_argument(struct buf *out, const struct argument *row)
{
    char letter[] = {'-', row->letter, '\0'};

    buf_text(out, ".TP\n");
    if (row->letter != 0) {
        put_bold(out, letter);
        buf_text(out, ", ");
    }
    put_bold(out, "--");
    put_bold(out, row->name);
    if (row->value != NULL) {
        buf_text(out, " \\fI");
        put(out, row->value);
        buf_text(out, "\\fR");
    }
    buf_char(out, '\n');
    put(out, row->help);
    buf_char(out, '\n');
}

static void put_subcommands(struct buf *out, const struct catalog *catalog)
{
    (void)catalog;
    for (size_t i = 0; i < n_subcommands; i++) {
        buf_text(out, ".SS \"virtuoso\\-proxy ");
        put(out, subcommands[i].name);
        put(out, subcommands[i].arguments->name != NULL ? " [options]" : "");
        if (subcommands[i].operands[0] != '\0') {
            buf_char(out, ' ');
            put(out, subcommands[i].operands);
        }
        buf_text(out, "\"\n");
        put(out, subcommands[i].summary);
        buf_char(out, '\n');
        for (const struct argument *row = subcommands[i].arguments; row->name != NULL; row++) {
            put_argument(out, row);
        }
        if (subcommands[i].exit_codes != NULL) {
            put_term(out, "exit status", subcommands[i].exit_codes);
        }
        if (subcommands[i].example != NULL) {
            put_term(out, "example", subcommands[i].example);
        }
    }
}

static void put_options(struct buf *out, const struct catalog *catalog)
{
    size_t n;
    const struct option_row *rows = config_options(&n);

    (void)catalog;
    for (size_t i = 0; i < n; i++) {
        char name[128] = "VIRTUOSO_PROXY_";
        size_t at = sizeof("VIRTUOSO_PROXY_") - 1;

        for (const char *c = rows[i].key; *c != '\0' && at < sizeof(name) - 1; c++) {
            name[at++] = (char)(*c == '.' ? '_' : char_upper(*c));
        }
        put_term(out, name, rows[i].help);
        if (rows[i].def[0] != '\0') {
            put(out, " Default: ");
            put(out, rows[i].def);
            buf_text(out, ".\n");
        }
        if (rows[i].old_env != NULL) {
            put(out, " Also: ");
            put(out, rows[i].old_env);
            buf_text(out, ".\n");
        }
    }
}

static void put_catalogue(struct buf *out, const struct catalog *catalog)
{
    for (size_t i = 0; i < catalog_size(catalog); i++) {
        const struct command *command = catalog_at(catalog, i);

        buf_text(out, ".TP\n");
        put_bold(out, command->example);
        buf_char(out, '\n');
        put(out, command->summary);
        buf_char(out, '\n');
    }
}

static void put_version(struct buf *out, const struct catalog *catalog)
{
    (void)catalog;
    buf_text(out, VP_VERSION);
}

static bool print_out(struct buf *out)
{
    bool good = buf_ok(out) && fwrite(out->ptr, 1, out->len, stdout) == out->len;

    buf_done(out);
    return good;
}

/* Replaces names by their parts. A line that holds only a name goes whole, with its line feed. */
static void fill(struct buf *out, struct str text, const struct text_part *parts, size_t n,
                 const struct catalog *catalog)
{
    ptrdiff_t at;

    while ((at = str_find(text, STR("@{"))) >= 0) {
        bool begins_line = at == 0 || text.ptr[at - 1] == '\n';
        const struct text_part *part;
        struct str name;

        buf_str(out, str_sub(text, 0, (size_t)at));
        (void)str_cut(str_sub(text, (size_t)at + 2, text.len), '}', &name, &text);
        part = row_named(name, parts, n, sizeof(*parts));
        CHECK(part != NULL);
        part->put(out, catalog);
        if (begins_line && str_starts(text, STR("\n"))) {
            text = str_sub(text, 1, text.len);
        }
    }
    buf_str(out, text);
}

int print_filled(const char *command, struct str text, const struct text_part *parts, size_t n)
{
    struct catalog *catalog;
    struct error err = {0};
    struct buf out;

    if (catalog_new(&catalog, &err) != ERR_OK) {
        return fail(command, &err);
    }
    buf_init(&out, PAGE_MAX);
    fill(&out, text, parts, n, catalog);
    catalog_free(catalog);
    return print_out(&out) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_man(struct arguments *arguments)
{
    static const struct text_part parts[] = {{"version", put_version},
                                             {"commands", put_subcommands},
                                             {"options", put_options},
                                             {"catalogue", put_catalogue}};
    const char *page = arguments->n_operands > 0 ? arguments->operands[0] : "";
    struct buf out;

    if (arguments->n_operands > 1 || (page[0] != '\0' && !str_is(str_from(page), "testfile"))) {
        (void)fprintf(stderr,
                      "virtuoso-proxy man: there is one other page: virtuoso-proxy man testfile\n");
        return EXIT_FAILURE;
    }
    if (page[0] == '\0') {
        return print_filled("man", str_range(man_page_start, man_page_end), parts,
                            ARRAY_LEN(parts));
    }
    buf_init(&out, PAGE_MAX);
    testfile_guide(&out, GUIDE_MAN);
    return print_out(&out) ? EXIT_SUCCESS : EXIT_FAILURE;
}
