/* Sets one option: converts the value and checks its range, by the option's type. */
#include <stdarg.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/nearest.h"
#include "base/span.h"
#include "config_internal.h"

enum { MESSAGE_MAX = 1024 };

bool loader_fail(struct loader *loader, const char *format, ...)
{
    struct buf text;
    va_list args;

    buf_init(&text, MESSAGE_MAX);
    if (loader->place != NULL) {
        buf_printf(&text, "%s: ", loader->place);
    } else if (loader->line > 0) {
        buf_printf(&text, "%s:%u:%u: ", loader->file, loader->line, loader->column);
    }
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    (void)error_in(error_list_add(loader->errors), ERR_CONFIG,
                   loader->place == NULL ? loader->line : 0, loader->column, "%s", buf_cstr(&text));
    buf_done(&text);
    return false;
}

void option_unknown(struct loader *loader, struct str key)
{
    struct nearest nearest;
    size_t n;
    const struct option_row *rows = config_options(&n);

    nearest_init(&nearest, key);
    for (size_t i = 0; i < n; i++) {
        nearest_offer(&nearest, str_from(rows[i].key));
    }
    if (nearest.best.len > 0) {
        loader_mark_failed(loader,
                           option_find(nearest.best)); /* it was meant, so it is not missing */
        loader_fail(loader, "unknown option \"%.*s\"; did you mean \"%.*s\"?", SHOWN(key),
                    STR_ARG(nearest.best));
    } else {
        loader_fail(loader, "unknown option \"%.*s\"; virtuoso-proxy man lists all options",
                    SHOWN(key));
    }
}

/* "64KiB" -> bytes; also KB, MiB, GiB, or a plain number. */
static bool parse_size(struct str text, int64_t *out)
{
    static const struct {
        const char *unit;
        int64_t factor;
    } units[] = {{"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824},
                 {"KB", 1000},  {"MB", 1000000},  {"B", 1},
                 {"", 1}};

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        struct str unit = str_from(units[i].unit);

        if (str_ends(text, unit)) {
            struct str digits = str_trim(str_sub(text, 0, text.len - unit.len));

            return str_to_i64(digits, 0, INT64_MAX / units[i].factor, out) &&
                   !__builtin_mul_overflow(*out, units[i].factor, out);
        }
    }
    return false;
}

static bool parse_number(const struct option_row *row, struct str text, int64_t *out)
{
    if (row->type == OPTION_SIZE) {
        return parse_size(text, out);
    }
    if (row->type == OPTION_MS) {
        return span_or_ms(text, INT64_MAX, out);
    }
    return str_to_i64(text, INT64_MIN, INT64_MAX, out);
}

static const char *unit_of(enum option_type type)
{
    return type == OPTION_SIZE      ? " bytes (64KiB, 1MiB and so on work too)"
           : type == OPTION_MS      ? " milliseconds (5s works too)"
           : type == OPTION_SECONDS ? " seconds"
                                    : "";
}

bool set_number(struct loader *loader, const struct option_row *row, struct str text)
{
    void *field = option_field(&loader->box->config, row);
    int64_t value;

    if (!parse_number(row, text, &value) || value < row->min || value > row->max) {
        return loader_fail(loader, "%s: \"%.*s\" is not a whole number from %lld to %lld%s",
                           row->key, SHOWN(text), (long long)row->min, (long long)row->max,
                           unit_of(row->type));
    }
    if (row->type == OPTION_SIZE) {
        *(size_t *)field = (size_t)value;
    } else {
        *(unsigned *)field = (unsigned)value;
    }
    return true;
}

bool set_bool(struct loader *loader, const struct option_row *row, struct str text)
{
    if (str_to_bool(text, option_field(&loader->box->config, row))) {
        return true;
    }
    return loader_fail(loader, "%s: \"%.*s\" is neither true nor false", row->key, SHOWN(text));
}

/* "loud" is not one of debug, info, warn, error, off; did you mean ...? */
static void fail_word(struct loader *loader, const struct option_row *row, struct str text,
                      struct str nearest)
{
    struct str rest = str_from(row->words);
    struct str word;
    struct buf words;

    buf_init(&words, MESSAGE_MAX);
    buf_text(&words, row->type == OPTION_WORDS ? "none" : "");
    while (str_next(&rest, ' ', &word)) {
        buf_printf(&words, "%s%.*s", words.len > 0 ? ", " : "", STR_ARG(word));
    }
    if (nearest.len > 0) {
        buf_printf(&words, "; did you mean \"%.*s\"?", STR_ARG(nearest));
    }
    loader_fail(loader, "%s: \"%.*s\" is not one of %s", row->key, SHOWN(text), buf_cstr(&words));
    buf_done(&words);
}

bool set_word(struct loader *loader, const struct option_row *row, struct str text)
{
    struct str rest = str_from(row->words);
    struct str word;
    struct nearest nearest;

    if (str_is(str_from(row->key), "log.level") && str_is_nocase(text, "warning")) {
        text = STR("warn"); /* the old service's word */
    }
    nearest_init(&nearest, text);
    while (str_next(&rest, ' ', &word)) {
        if (str_eq_nocase(word, text)) {
            *(struct str *)option_field(&loader->box->config, row) = word;
            return true;
        }
        nearest_offer(&nearest, word);
    }
    fail_word(loader, row, text, nearest.best);
    return false;
}

/* The bit of one word; 0: there is no such word. */
static unsigned bit_of_word(const struct option_row *row, struct str text, struct nearest *nearest)
{
    struct str rest = str_from(row->words);
    struct str word;
    unsigned bit = 1;

    nearest_init(nearest, text);
    for (; str_next(&rest, ' ', &word); bit <<= 1U) {
        if (str_eq_nocase(word, text)) {
            return bit;
        }
        nearest_offer(nearest, word);
    }
    return 0;
}

static bool set_words(struct loader *loader, const struct option_row *row, const struct str *items,
                      size_t n)
{
    unsigned *field = option_field(&loader->box->config, row);
    unsigned bits = 0;
    struct nearest nearest;

    if (n == 1 && str_is_nocase(items[0], "none")) {
        *field = 0;
        return true;
    }
    if (n == 0) {
        return loader_fail(loader, "%s: is empty; write none when that is meant", row->key);
    }
    for (size_t i = 0; i < n; i++) {
        unsigned bit = bit_of_word(row, items[i], &nearest);

        if (str_is_nocase(items[i], "none")) {
            return loader_fail(loader, "%s: \"none\" does not go with other words", row->key);
        }
        if (bit == 0) {
            fail_word(loader, row, items[i], nearest.best);
            return false;
        }
        bits |= bit;
    }
    *field = bits;
    return true;
}

bool option_set_list(struct loader *loader, const struct option_row *row, const struct str *items,
                     size_t n)
{
    /* In struct config a list is a pointer followed by its count. */
    struct config_texts *field = option_field(&loader->box->config, row);
    bool is_sound = true;
    struct str *copy;

    if ((int64_t)n > row->max) {
        return loader_fail(loader, "%s: more than %lld entries", row->key, (long long)row->max);
    }
    if (row->type == OPTION_WORDS) {
        return set_words(loader, row, items, n);
    }
    copy = arena_calloc(&loader->box->arena, n > 0 ? n : 1, sizeof(*copy));
    for (size_t i = 0; i < n; i++) {
        is_sound = item_is_sound(loader, row, items[i]) && is_sound;
        copy[i] = arena_str(&loader->box->arena, items[i]);
    }
    field->items = copy;
    field->n = n;
    return is_sound;
}

bool set_list(struct loader *loader, const struct option_row *row, struct str text)
{
    const struct str *items;
    struct arena room;
    size_t n;
    bool ok;

    arena_init(&room);
    ok = list_read(loader, row, text, &room, &items, &n) && option_set_list(loader, row, items, n);
    arena_done(&room);
    return ok;
}

/* A default does not count as given. */
void option_note_given(struct loader *loader, const struct option_row *row)
{
    size_t n;

    loader->is_given[row - config_options(&n)] =
        loader->place == NULL || strcmp(loader->place, PLACE_DEFAULT) != 0;
}

bool option_is_given(const struct loader *loader, const char *key)
{
    size_t n;

    return loader->is_given[option_find(str_from(key)) - config_options(&n)];
}

bool option_set(struct loader *loader, const struct option_row *row, struct str text)
{
    bool ok = option_kind_of(row)->set(loader, row, text);

    option_note_given(loader, row);
    if (!ok) {
        loader_mark_failed(loader, row);
    }
    return ok;
}

void option_set_from_file(struct loader *loader, const struct option_row *row, struct str name)
{
    struct buf text;

    if (!read_secret_file(loader, row->key, name, &text)) {
        loader_mark_failed(loader, row);
    } else {
        (void)option_set(loader, row, buf_view(&text));
    }
    wipe_secret_file(&text);
}

void loader_mark_failed(struct loader *loader, const struct option_row *row)
{
    size_t n;
    const struct option_row *rows = config_options(&n);

    CHECK(n <= OPTIONS_MAX);
    loader->failed[row - rows] = true;
}

bool loader_has_failed(const struct loader *loader, const char *key)
{
    size_t n;
    const struct option_row *rows = config_options(&n);

    return loader->failed[option_find(str_from(key)) - rows];
}
