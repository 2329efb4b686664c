/* `audit verify`: the files of one chain, the oldest first. */
#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/mem.h"
#include "events/audit.h"
#include "subcommands.h"

enum { AUDIT_FILE_MAX = 2000 * 1024 * 1024 };

static bool verify_file(struct audit_check *check, const char *file)
{
    struct error err = {0};
    struct buf text;
    enum error_code code;

    buf_init(&text, AUDIT_FILE_MAX);
    code = fd_read_file(file, &text, &err);
    if (code == ERR_OK) {
        code = audit_check_text(check, buf_view(&text), &err);
    }
    buf_done(&text);
    if (code != ERR_OK) {
        (void)fprintf(stderr, "virtuoso-proxy audit: %s: %s\n", file, err.text);
    }
    return code == ERR_OK;
}

int run_audit(struct arguments *arguments)
{
    struct audit_check check = {0};

    if (arguments->n_operands < 2 || !str_is(str_from(arguments->operands[0]), "verify")) {
        (void)fprintf(stderr, "virtuoso-proxy audit: say what to do: virtuoso-proxy audit verify "
                              "FILE..., the oldest file first\n");
        return EXIT_FAILURE;
    }
    for (size_t i = 1; i < arguments->n_operands; i++) {
        if (!verify_file(&check, arguments->operands[i])) {
            return EXIT_FAILURE;
        }
    }
    (void)printf("%llu lines, numbers %llu to %llu, without a change; the hash of the last one is\n"
                 "%s\nA cut end shows only here: compare it with the newest audit.head event.\n",
                 (unsigned long long)check.n_lines, (unsigned long long)check.first,
                 (unsigned long long)check.last, check.hash);
    if (check.first > 1) {
        (void)printf("The chain begins with number %llu: older files were not given.\n",
                     (unsigned long long)check.first);
    }
    if (check.has_torn) {
        (void)printf("A line was torn when the machine went down; its writer has said so.\n");
    }
    return EXIT_SUCCESS;
}
