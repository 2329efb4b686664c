/* `audit verify`: the files of one chain, the oldest first. `audit export`: the lines of a chain in a bucket, or in the store. */
#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "events/audit.h"
#include "room_options.h"
#include "store/bucket.h"
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

/* The objects of a chain in a bucket, one after another. */
struct exporter {
    struct waiting waiting;
    struct store_bucket *bucket;
    struct arena arena; /* of the list in hand */
    struct str prefix;
    struct str *keys;
    size_t n_keys;
    bool has_more;
    struct error error; /* why it ended, if not well */
};

static void on_listed(void *context, const struct store_bucket_told *told)
{
    struct exporter *exporter = context;

    waiting_end(&exporter->waiting);
    exporter->error = told->end == BUCKET_DONE ? (struct error){0} : *told->error;
    exporter->n_keys = told->n_keys;
    exporter->has_more = told->has_more;
    exporter->keys = arena_calloc(&exporter->arena, told->n_keys + 1, sizeof(struct str));
    for (size_t i = 0; i < told->n_keys; i++) {
        exporter->keys[i] = arena_str(&exporter->arena, told->keys[i]);
    }
}

static void on_read(void *context, const struct store_bucket_told *told)
{
    struct exporter *exporter = context;

    waiting_end(&exporter->waiting);
    exporter->error = told->end == BUCKET_AWAY ? *told->error : (struct error){0};
    (void)fwrite(told->bytes.ptr, 1, told->bytes.len, stdout);
}

static bool ends_well(struct exporter *exporter)
{
    waiting_run(&exporter->waiting);
    if (exporter->error.code != ERR_OK) {
        (void)fprintf(stderr, "virtuoso-proxy audit: %s\n", exporter->error.text);
    }
    return exporter->error.code == ERR_OK;
}

static bool print_objects(struct exporter *exporter)
{
    struct str after = STR_EMPTY;
    size_t n = 0;

    do {
        store_bucket_list(exporter->bucket, exporter->prefix, after, on_listed);
        if (!ends_well(exporter)) {
            return false;
        }
        for (size_t i = 0; i < exporter->n_keys; i++, n++) {
            after = exporter->keys[i];
            store_bucket_read(exporter->bucket, after, on_read);
            if (!ends_well(exporter)) {
                return false;
            }
        }
    } while (exporter->has_more);
    if (n == 0) {
        (void)fprintf(stderr, "virtuoso-proxy audit: audit.url has no objects below %.*s\n",
                      STR_ARG(exporter->prefix));
    }
    return n > 0 && fflush(stdout) == 0;
}

static void on_bucket_closed(void *context)
{
    waiting_end(&((struct exporter *)context)->waiting);
}

static bool export_bucket(const struct config *config, const char *chain)
{
    const struct store_cloud where = config_cloud(config, &config->audit.bucket);
    struct exporter exporter = {.n_keys = 0};
    struct error error = {0};
    bool good = false;

    waiting_open(&exporter.waiting);
    arena_init(&exporter.arena);
    exporter.prefix = arena_printf(&exporter.arena, "%s/", chain);
    if (store_bucket_open(&exporter.waiting.loop, &where, &exporter, &exporter.bucket, &error) !=
        ERR_OK) {
        (void)fprintf(stderr, "virtuoso-proxy audit: %s\n", error.text);
    } else {
        good = print_objects(&exporter);
    }
    store_bucket_close(exporter.bucket, on_bucket_closed);
    waiting_run(&exporter.waiting);
    waiting_close(&exporter.waiting);
    arena_done(&exporter.arena);
    return good;
}

static bool export_stream(const struct config *config, const char *chain)
{
    struct store_client client;
    struct error error = {0};
    bool good = false;

    if (store_client_open(&client, config, &error) != ERR_OK) {
        (void)fprintf(stderr, "virtuoso-proxy audit: %s\n", error.text);
    } else if (client.store == NULL) {
        (void)fprintf(stderr, "virtuoso-proxy audit: neither audit.url nor store.url names where "
                              "the chain is\n");
    } else {
        good = print_stream(&client, chain);
    }
    store_client_close(&client);
    return good;
}

static int export_chain(struct arguments *arguments)
{
    struct config *config = load_config(arguments_get(arguments, "config"), arguments);
    const char *chain = arguments->operands[1];
    bool good;

    if (config == NULL) {
        return EXIT_FAILURE;
    }
    good = config->audit.bucket.kind != CONFIG_NO_BUCKET ? export_bucket(config, chain)
                                                         : export_stream(config, chain);
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
