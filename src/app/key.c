/* `key new`: an API key is made here and shown once; what the configuration needs is its hash. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/mem.h"
#include "base/random.h"
#include "config/config.h"
#include "config/permission.h"
#include "crypto/digest.h"
#include "data/node.h"
#include "subcommands.h"

enum { KEY_DIGITS = 48, LINE_MAX_BYTES = 4096, NAME_LEN_MAX = 64 };

#define PREFIX "vp_" /* scanners of source text find keys by it */

static bool complain(const char *text, const char *value)
{
    (void)fprintf(stderr, "virtuoso-proxy key: %s%s%s\n", text, value != NULL ? ": " : "",
                  value != NULL ? value : "");
    return false;
}

static bool put_name(struct buf *line, const char *name)
{
    if (name == NULL || name[0] == '\0') {
        return complain("give the key a name, --name NAME: logs show it", NULL);
    }
    if (str_from(name).len > NAME_LEN_MAX) {
        return complain("the name has more than 64 bytes", NULL);
    }
    yaml_write_scalar(line, str_from(name));
    return true;
}

static bool put_permissions(struct buf *line, const char *list)
{
    struct str rest = str_from(list);
    struct str word;
    unsigned bits = 0;

    while (str_next(&rest, ',', &word)) {
        unsigned more = permission_bits(str_trim(word));

        if (more == 0) {
            return complain("--permissions: known are " PERMISSIONS_KNOWN
                            ", with commas between them; this is none",
                            list);
        }
        bits |= more;
    }
    buf_text(line, ", permissions: ");
    permissions_print(list == NULL ? PERMISSION_ALL : bits, line);
    return list == NULL || bits != 0 || complain("--permissions: is empty", NULL);
}

static bool put_expires(struct buf *line, const char *date)
{
    int64_t wall_ms;

    if (date == NULL) {
        return true;
    }
    if (!date_read(str_from(date), &wall_ms)) {
        return complain("--expires: not a date (2027-01-31 or 2027-01-31T12:00:00Z)", date);
    }
    if (wall_ms <= clock_wall_ms()) {
        return complain("--expires: this date is over", date);
    }
    buf_printf(line, ", expires: \"%s\"", date);
    return true;
}

static void print_key(struct buf *line, const char *key)
{
    (void)printf("%s\n%.*s\n", key, STR_ARG(buf_view(line)));
    (void)fflush(stdout); /* the key comes before what is said of it */
    (void)fprintf(stderr, "The first line is the key. It is shown this once: give it to the caller."
                          " Put the second line into auth.keys.\n");
}

/* {name: ci, sha256: ..., permissions: [...], expires: ...} */
static int make_key(const struct arguments *arguments)
{
    char key[sizeof(PREFIX) + KEY_DIGITS] = PREFIX;
    char hex[65];
    struct digest digest;
    struct buf line;
    bool ok;

    random_hex(key + sizeof(PREFIX) - 1, KEY_DIGITS);
    digest_of(str_from(key), &digest);
    digest_hex(&digest, hex);
    buf_init(&line, LINE_MAX_BYTES);
    buf_text(&line, "- {name: ");
    ok = put_name(&line, arguments_get(arguments, "name"));
    if (ok) {
        buf_printf(&line, ", sha256: %s", hex);
        ok = put_permissions(&line, arguments_get(arguments, "permissions")) &&
             put_expires(&line, arguments_get(arguments, "expires"));
    }
    if (ok) {
        buf_char(&line, '}');
        print_key(&line, key);
    }
    mem_wipe(key, sizeof(key));
    buf_done(&line);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_key(struct arguments *arguments)
{
    if (arguments->n_operands != 1 || !str_is(str_from(arguments->operands[0]), "new")) {
        (void)complain("say what to do: virtuoso-proxy key new --name NAME", NULL);
        return EXIT_FAILURE;
    }
    return make_key(arguments);
}
