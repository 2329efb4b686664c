/* The manual page, made from the tables: subcommands, options of the configuration, commands. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "catalog/catalog.h"
#include "config/config.h"
#include "config/option.h"
#include "subcommands.h"
#include "testfile/guide.h"

enum { PAGE_MAX = 1024 * 1024 };

/* Text as it stands: no roff request, no hyphen where a minus is meant. */
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

static void put_italic(struct buf *out, const char *text)
{
    buf_text(out, "\\fI");
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
        buf_char(out, ' ');
        put_italic(out, row->value);
    }
    buf_char(out, '\n');
    put(out, row->help);
    buf_char(out, '\n');
}

static void put_subcommands(struct buf *out)
{
    buf_text(out, ".SH COMMANDS\n");
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

static void put_fixed(struct buf *out)
{
    static const struct {
        const char *section; /* NULL: another row of the one before */
        const char *name;
        const char *text;
    } rows[] = {
        {"EXIT STATUS", "0", "Fine; run: every test passed."},
        {NULL, "1", "Wrong usage, it could not start, or a test file has errors."},
        {NULL, "2", "command: refused; run: a test is red."},
        {NULL, "3", "run: cancelled, or aborted by the platform."},
        {NULL, "4", "run: out of time."},
        {"FILES", "conf/virtuoso-proxy.yaml", "Every option with its default and what it does."},
        {"SIGNALS", "SIGTERM, SIGQUIT, SIGINT",
         "Drain: readiness fails at once, what is in flight is finished, the rest is cancelled at "
         "drain.limit_ms. A second SIGINT stops at once."},
        {NULL, "SIGHUP", "serve reads its configuration again; sandbox and demo ignore it."},
        {NULL, "SIGUSR1, SIGUSR2", "Logged and ignored by serve, sandbox and demo."},
        {"EXAMPLES", "virtuoso-proxy demo",
         "Proxy and sandbox with a sample test; no account is needed."},
        {NULL, "virtuoso-proxy serve -c /etc/virtuoso-proxy.yaml", "The proxy in production."},
        {NULL, "virtuoso-proxy run tests/ --wait --junit report.xml",
         "Create the tests of a folder on the platform, run them, and write a report."},
        {NULL, "source <(virtuoso-proxy completion bash)", "Completion in this shell."},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].section != NULL) {
            buf_printf(out, ".SH %s\n", rows[i].section);
        }
        put_term(out, rows[i].name, rows[i].text);
    }
}

/* Those of the client subcommands, which are not options of the configuration. */
static void put_client_environment(struct buf *out)
{
    static const char *const rows[][2] = {
        {"VIRTUOSO_PROXY_API_KEY", "command, run: the API key for --url."},
        {"VIRTUOSO_PROXY_LAST_RUN",
         "run: the file that remembers what was not green, for --rerun-failed; else "
         "virtuoso-proxy/last-run in XDG_STATE_HOME or ~/.local/state."},
        {"VIRTUOSO_SESSION_ID",
         "command: the checkpoint (digits, or cp_ and digits), or a session of the proxy at --url."},
        {"GITHUB_ACTIONS, GITHUB_STEP_SUMMARY",
         "run: annotations when the first is true; the file of --github-summary."},
        {"NO_COLOR", "No colours at a terminal."},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        put_term(out, rows[i][0], rows[i][1]);
    }
}

static void put_environment(struct buf *out)
{
    size_t n;
    const struct option_row *rows = config_options(&n);

    buf_text(
        out,
        ".SH ENVIRONMENT\nEach option of the configuration has a variable: VIRTUOSO_PROXY_ and its key in "
        "capitals, with _ for the dot; secrets may be files, with _FILE behind the name.\n");
    put_client_environment(out);
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
    buf_text(
        out,
        ".SH \"THE COMMANDS OF THE CATALOGUE\"\nAs they are sent to POST /api/v1/commands/execute, or "
        "written as steps of a test file.\n");
    for (size_t i = 0; i < catalog_size(catalog); i++) {
        const struct command *command = catalog_at(catalog, i);

        buf_text(out, ".TP\n");
        put_bold(out, command->example);
        buf_char(out, '\n');
        put(out, command->summary);
        buf_char(out, '\n');
    }
}

static void put_program(struct buf *out, const struct catalog *catalog)
{
    buf_text(
        out,
        ".TH VIRTUOSO\\-PROXY 1 \"2026-11-23\" \"virtuoso\\-proxy " VP_VERSION
        "\" \"User Commands\"\n"
        ".SH NAME\nvirtuoso\\-proxy \\- a simple HTTP API in front of the Virtuoso QA platform\n"
        ".SH SYNOPSIS\n.B virtuoso\\-proxy\n.I COMMAND\n[options]\n"
        ".SH DESCRIPTION\nA caller sends one of 87 commands and a test step exists on the platform; sends a "
        "test file and a whole test exists. The same program is the server, the command line client and a "
        "sandbox of the platform. Test files are described in\n.BR virtuoso\\-proxy\\-testfile (5).\n");
    put_subcommands(out);
    put_fixed(out);
    put_environment(out);
    put_catalogue(out, catalog);
}

int run_man(struct arguments *arguments)
{
    const char *page = arguments->n_operands > 0 ? arguments->operands[0] : "";
    struct catalog *catalog;
    struct error err = {0};
    struct buf out;
    int status = EXIT_SUCCESS;

    if (arguments->n_operands > 1 || (page[0] != '\0' && !str_is(str_from(page), "testfile"))) {
        (void)fprintf(stderr,
                      "virtuoso-proxy man: there is one other page: virtuoso-proxy man testfile\n");
        return EXIT_FAILURE;
    }
    if (catalog_new(&catalog, &err) != ERR_OK) {
        (void)fprintf(stderr, "virtuoso-proxy man: %s\n", err.text);
        return EXIT_FAILURE;
    }
    buf_init(&out, PAGE_MAX);
    if (page[0] != '\0') {
        testfile_guide(&out, GUIDE_MAN);
    } else {
        put_program(&out, catalog);
    }
    if (!buf_ok(&out) || fwrite(out.ptr, 1, out.len, stdout) != out.len) {
        status = EXIT_FAILURE;
    }
    buf_done(&out);
    catalog_free(catalog);
    return status;
}
