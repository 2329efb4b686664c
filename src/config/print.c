/* The effective configuration as YAML that loads again; secrets as '***'. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "config_internal.h"
#include "crypto/digest.h"

static void print_list(struct buf *out, const struct config *config, const struct option_row *row)
{
    const struct {
        const struct str *items;
        size_t n;
    } *field = option_field(config, row);

    buf_char(out, '[');
    for (size_t i = 0; i < field->n; i++) {
        buf_text(out, i > 0 ? ", " : "");
        yaml_write_scalar(out, field->items[i]);
    }
    buf_char(out, ']');
}

static void print_permissions(struct buf *out, unsigned permissions)
{
    static const char *const names[] = {"read", "write:tests", "write:library", "execute", "admin"};
    const char *separator = "";

    buf_char(out, '[');
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if ((permissions & (1U << i)) != 0) {
            buf_printf(out, "%s\"%s\"", separator, names[i]);
            separator = ", ";
        }
    }
    buf_char(out, ']');
}

/* Digests are no secrets: they let the printed file be loaded again. */
static void print_keys(struct buf *out, const struct config *config)
{
    if (config->auth.n_keys == 0) {
        buf_text(out, "[]");
    }
    for (size_t i = 0; i < config->auth.n_keys; i++) {
        const struct config_key *key = &config->auth.keys[i];
        struct digest digest;
        char hex[65];

        mem_copy(digest.bytes, key->sha256, DIGEST_BYTES);
        digest_hex(&digest, hex);
        buf_text(out, "\n    - name: ");
        yaml_write_scalar(out, key->name);
        buf_printf(out, "\n      sha256: \"%s\"\n      permissions: ", hex);
        print_permissions(out, key->permissions);
        if (key->expires_ms != 0) {
            struct buf when;

            buf_init(&when, 64);
            clock_format(&when, key->expires_ms);
            buf_printf(out, "\n      expires: \"%.*s\"", STR_ARG(buf_view(&when)));
            buf_done(&when);
        }
    }
}

static void print_value(struct buf *out, const struct config *config, const struct option_row *row)
{
    const void *field = option_field(config, row);

    switch (row->type) {
    case OPTION_BOOL:
        buf_text(out, *(const bool *)field ? "true" : "false");
        break;
    case OPTION_UINT:
    case OPTION_MS:
    case OPTION_SECONDS:
        buf_int(out, *(const unsigned *)field);
        break;
    case OPTION_SIZE:
        buf_int(out, (int64_t) * (const size_t *)field);
        break;
    case OPTION_STR:
    case OPTION_URL:
    case OPTION_FILE:
    case OPTION_ADDRESS:
        yaml_write_scalar(out, *(const struct str *)field);
        break;
    case OPTION_ENUM:
        buf_str(out, *(const struct str *)field);
        break;
    case OPTION_WORDS:
        option_print_words(row, *(const unsigned *)field, out);
        break;
    case OPTION_SECRET:
        buf_text(out, secret_is_set(field) ? "'***'" : "\"\"");
        break;
    case OPTION_LIST:
    case OPTION_ORIGINS:
    case OPTION_RANGES:
        print_list(out, config, row);
        break;
    case OPTION_KEYS:
        print_keys(out, config);
        break;
    }
}

void config_print(const struct config *config, struct buf *out)
{
    size_t n;
    const struct option_row *rows = config_options(&n);
    struct str last = STR_EMPTY;

    for (size_t i = 0; i < n; i++) {
        struct str group;
        struct str name;

        (void)str_cut(str_from(rows[i].key), '.', &group, &name);
        if (!str_eq(group, last)) {
            buf_printf(out, "%.*s:\n", STR_ARG(group));
            last = group;
        }
        buf_printf(out, "  %.*s: ", STR_ARG(name));
        print_value(out, config, &rows[i]);
        buf_char(out, '\n');
    }
}
