/* How each type of option is set and printed. Prints the effective configuration as YAML that loads again; secrets
 * as '***'. */
#include "base/buf.h"
#include "config_internal.h"

void print_texts(struct buf *out, const struct str *items, size_t n)
{
    buf_char(out, '[');
    for (size_t i = 0; i < n; i++) {
        buf_text(out, i > 0 ? ", " : "");
        yaml_write_scalar(out, items[i]);
    }
    buf_char(out, ']');
}

static void print_bool(struct buf *out, const struct config *config, const struct option_row *row)
{
    buf_text(out, *(const bool *)option_field(config, row) ? "true" : "false");
}

static void print_unsigned(struct buf *out, const struct config *config,
                           const struct option_row *row)
{
    buf_int(out, *(const unsigned *)option_field(config, row));
}

static void print_size(struct buf *out, const struct config *config, const struct option_row *row)
{
    buf_int(out, (int64_t) * (const size_t *)option_field(config, row));
}

static void print_text(struct buf *out, const struct config *config, const struct option_row *row)
{
    yaml_write_scalar(out, *(const struct str *)option_field(config, row));
}

static void print_word(struct buf *out, const struct config *config, const struct option_row *row)
{
    buf_str(out, *(const struct str *)option_field(config, row));
}

static void print_words(struct buf *out, const struct config *config, const struct option_row *row)
{
    option_print_words(row, *(const unsigned *)option_field(config, row), out);
}

static void print_secret(struct buf *out, const struct config *config, const struct option_row *row)
{
    buf_text(out, secret_is_set(option_field(config, row)) ? "'***'" : "\"\"");
}

static void print_list(struct buf *out, const struct config *config, const struct option_row *row)
{
    const struct config_texts *texts = option_field(config, row);

    print_texts(out, texts->items, texts->n);
}

static const struct option_kind kinds[] = {
    [OPTION_BOOL] = {set_bool, print_bool, sizeof(bool)},
    [OPTION_UINT] = {set_number, print_unsigned, sizeof(unsigned)},
    [OPTION_SIZE] = {set_number, print_size, sizeof(size_t)},
    [OPTION_MS] = {set_number, print_unsigned, sizeof(unsigned)},
    [OPTION_SECONDS] = {set_number, print_unsigned, sizeof(unsigned)},
    [OPTION_STR] = {set_text, print_text},
    [OPTION_ID] = {set_id, print_text},
    [OPTION_URL] = {set_text, print_text},
    [OPTION_FILE] = {set_text, print_text},
    [OPTION_ADDRESS] = {set_text, print_text},
    [OPTION_SECRET] = {set_secret, print_secret},
    [OPTION_ENUM] = {set_word, print_word},
    [OPTION_WORDS] = {set_list, print_words, sizeof(unsigned)},
    [OPTION_LIST] = {set_list, print_list},
    [OPTION_ORIGINS] = {set_list, print_list},
    [OPTION_RANGES] = {set_list, print_list},
    [OPTION_FILES] = {set_list, print_list},
    [OPTION_URLS] = {set_list, print_list},
    [OPTION_FAULTS] = {set_list, print_list},
    [OPTION_SPREAD] = {set_spread, print_spread, sizeof(struct config_spread)},
    [OPTION_KEYS] = {keys_from_text, maps_print},
    [OPTION_CERTIFICATES] = {maps_from_text, maps_print},
    [OPTION_LISTENERS] = {maps_from_text, maps_print},
    [OPTION_TENANTS] = {maps_from_text, maps_print},
};

const struct option_kind *option_kind_of(const struct option_row *row)
{
    return &kinds[row->type];
}

bool option_is_list(const struct option_row *row)
{
    return kinds[row->type].set == set_list;
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
        if (name.len == 0) { /* an option without a group: tenants */
            buf_printf(out, "%.*s: ", STR_ARG(group));
        } else {
            if (!str_eq(group, last)) {
                buf_printf(out, "%.*s:\n", STR_ARG(group));
            }
            buf_printf(out, "  %.*s: ", STR_ARG(name));
        }
        last = group;
        kinds[rows[i].type].print(out, config, &rows[i]);
        buf_char(out, '\n');
    }
}
