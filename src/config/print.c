/* The effective configuration as YAML that loads again; secrets as '***'. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "config_internal.h"
#include "crypto/digest.h"

static void print_list(struct buf *out, const struct config *config, const struct option_row *row)
{
    const struct config_texts *field = option_field(config, row);

    buf_char(out, '[');
    for (size_t i = 0; i < field->n; i++) {
        buf_text(out, i > 0 ? ", " : "");
        yaml_write_scalar(out, field->items[i]);
    }
    buf_char(out, ']');
}

static void print_date(struct buf *out, const char *name, int64_t wall_ms)
{
    if (wall_ms != 0) {
        buf_printf(out, "\n      %s: \"", name);
        clock_format(out, wall_ms);
        buf_char(out, '"');
    }
}

void print_rate(struct buf *out, const struct config_rate *rate, const char *indent)
{
    const struct {
        const char *name;
        unsigned value;
    } members[] = {
        {"rate", rate->per_second}, {"burst", rate->burst}, {"concurrency", rate->concurrency}};

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (members[i].value != 0) {
            buf_printf(out, "\n%s%s: %u", indent, members[i].name, members[i].value);
        }
    }
}

/* Digests are no secrets: they let the printed file be loaded again. */
static void print_keys(struct buf *out, const struct config_key *keys, size_t n)
{
    if (n == 0) {
        buf_text(out, "[]");
    }
    for (size_t i = 0; i < n; i++) {
        const struct config_key *key = &keys[i];
        struct digest digest;
        char hex[65];

        mem_copy(digest.bytes, key->sha256, DIGEST_BYTES);
        digest_hex(&digest, hex);
        buf_text(out, "\n    - name: ");
        yaml_write_scalar(out, key->name);
        if (key->subject.len > 0) {
            buf_printf(out, "\n      %s: ", certificate_member(key->subject_kind));
            yaml_write_scalar(out, key->subject);
        } else {
            buf_printf(out, "\n      sha256: \"%s\"", hex);
        }
        buf_text(out, "\n      permissions: ");
        permissions_print(key->permissions, out);
        if (key->tenant_name.len > 0) {
            buf_text(out, "\n      tenant: ");
            yaml_write_scalar(out, key->tenant_name);
        }
        print_rate(out, &key->rate, "      ");
        print_date(out, "not_before", key->not_before_ms);
        print_date(out, "expires", key->expires_ms);
    }
}

void option_print(struct buf *out, const struct config *config, const struct option_row *row)
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
    case OPTION_FILES:
    case OPTION_FAULTS:
    case OPTION_URLS:
        print_list(out, config, row);
        break;
    case OPTION_SPREAD:
        print_spread(out, field);
        break;
    case OPTION_KEYS:
        print_keys(out, config->auth.keys, config->auth.n_keys);
        break;
    case OPTION_CERTIFICATES:
        print_keys(out, config->auth.certificates, config->auth.n_certificates);
        break;
    case OPTION_LISTENERS:
        listeners_print(out, config);
        break;
    case OPTION_TENANTS:
        tenants_print(out, config);
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
        if (name.len == 0) { /* an option that stands for itself: tenants */
            buf_printf(out, "%.*s: ", STR_ARG(group));
        } else {
            if (!str_eq(group, last)) {
                buf_printf(out, "%.*s:\n", STR_ARG(group));
            }
            buf_printf(out, "  %.*s: ", STR_ARG(name));
        }
        last = group;
        option_print(out, config, &rows[i]);
        buf_char(out, '\n');
    }
}
