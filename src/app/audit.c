/* `audit verify`: the files of one chain, the oldest first. `audit export`: the lines of a chain in the store. */
#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/mem.h"
#include "events/audit.h"
#include "store_client.h"
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

static int verify(const struct arguments *arguments)
{
    struct audit_check check = {0};

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

/* --- export */
static bool print_stream(struct store_client *client, const char *chain)
{
    char room[AUDIT_KEY_MAX];
    struct store_request request = {
        .kind = STORE_READ, .key = audit_stream(str_from(chain), room), .format = 1, .limit = 4};

    do {
        if (store_client_run(client, &request) != ERR_OK) {
            (void)fprintf(stderr, "virtuoso-proxy audit: %s\n", client->result.error.text);
            return false;
        }
        for (size_t i = 0; i < client->result.n_items; i++) {
            struct str lines = client->result.items[i].bytes;

            (void)fwrite(lines.ptr, 1, lines.len, stdout);
            request.after = client->result.items[i].sequence;
        }
    } while (client->result.n_items > 0);
    if (request.after == 0) {
        (void)fprintf(stderr, "virtuoso-proxy audit: the store has no lines of the chain \"%s\"\n",
                      chain);
        return false;
    }
    return fflush(stdout) == 0;
}

static int export_chain(struct arguments *arguments)
{
    struct config *config = load_config(arguments_get(arguments, "config"), arguments);
    struct store_client client;
    struct error error = {0};
    bool good = false;

    if (config == NULL) {
        return EXIT_FAILURE;
    }
    if (store_client_open(&client, config, &error) != ERR_OK) {
        (void)fprintf(stderr, "virtuoso-proxy audit: %s\n", error.text);
    } else if (client.store == NULL) {
        (void)fprintf(stderr, "virtuoso-proxy audit: store.url names no shared store\n");
    } else {
        good = print_stream(&client, arguments->operands[1]);
    }
    store_client_close(&client);
    config_release(config);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_audit(struct arguments *arguments)
{
    struct str what = str_from(arguments->n_operands > 1 ? arguments->operands[0] : NULL);

    if (str_is(what, "verify")) {
        return verify(arguments);
    }
    if (str_is(what, "export") && arguments->n_operands == 2) {
        return export_chain(arguments);
    }
    (void)fprintf(stderr, "virtuoso-proxy audit: say verify FILE..., the oldest file first, or "
                          "export CHAIN\n");
    return EXIT_FAILURE;
}
