/* The disturbances of the sandbox: latencies ("50ms+-10ms") and faults ("POST /teststeps:503@1%"). */
#include "base/buf.h"
#include "base/span.h"
#include "config_internal.h"

enum { MAX_WAIT_MS = 600000 };

static bool read_wait(struct str text, unsigned *out)
{
    int64_t value;

    if (!span_or_ms(text, MAX_WAIT_MS, &value)) {
        return false;
    }
    *out = (unsigned)value;
    return true;
}

bool set_spread(struct loader *loader, const struct option_row *row, struct str text)
{
    struct config_spread *field = option_field(&loader->box->config, row);
    struct config_spread read = {0};
    ptrdiff_t at = str_find(text, STR("+-"));
    struct str middle = str_trim(str_sub(text, 0, at < 0 ? text.len : (size_t)at));
    struct str spread = str_trim(str_sub(text, at < 0 ? text.len : (size_t)at + 2, text.len));

    if (!read_wait(middle, &read.ms) || (at >= 0 && !read_wait(spread, &read.spread_ms))) {
        return loader_fail(loader,
                           "%s: \"%.*s\" is no time; write 50ms, 2s or 50ms+-10ms, up to 600s",
                           row->key, SHOWN(text));
    }
    if (read.spread_ms > read.ms) {
        return loader_fail(
            loader,
            "%s: \"%.*s\" would begin below 0; what stands behind +- must not be longer "
            "than what stands before",
            row->key, SHOWN(text));
    }
    *field = read;
    return true;
}

void print_spread(struct buf *out, const struct config *config, const struct option_row *row)
{
    const struct config_spread *spread = option_field(config, row);

    buf_printf(out, "%ums", spread->ms);
    if (spread->spread_ms > 0) {
        buf_printf(out, "+-%ums", spread->spread_ms);
    }
}

/* ---- faults ---- */

/* "POST /teststeps", "POST/teststeps", "* /goals" or "/goals". The blank may be left out, so that a
 * fault can stand in a list whose items are separated by blanks. */
static enum error_code read_match(struct str text, struct config_fault *out, struct error *err)
{
    size_t n = str_span(text, "A-Z*");

    out->method = n == 0 ? STR("*") : str_sub(text, 0, n);
    out->path = str_trim(str_sub(text, n, text.len));
    if (!str_starts(out->path, STR("/")) ||
        (str_contains(out->method, STR("*")) && out->method.len != 1)) {
        return error_set(err, ERR_INVALID,
                         "\"%.*s\" is no method and path; write \"POST /teststeps\", or a path "
                         "alone for every method",
                         SHOWN(text));
    }
    return ERR_OK;
}

static enum error_code read_effect(struct str text, struct config_fault *out, struct error *err)
{
    static const struct {
        const char *word;
        enum config_fault_effect effect;
    } words[] = {{"close-before", CONFIG_FAULT_CLOSE_BEFORE},
                 {"close-mid", CONFIG_FAULT_CLOSE_MID},
                 {"close-after", CONFIG_FAULT_CLOSE_AFTER}};

    int64_t status;

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_is(text, words[i].word)) {
            out->effect = words[i].effect;
            return ERR_OK;
        }
    }
    if (str_to_i64(text, 200, 599, &status)) {
        out->effect = CONFIG_FAULT_STATUS;
        out->status = (int)status;
        return ERR_OK;
    }
    if (str_ends(text, STR("s")) && read_wait(text, &out->delay_ms)) {
        out->effect = CONFIG_FAULT_DELAY;
        return ERR_OK;
    }
    return error_set(err, ERR_INVALID,
                     "\"%.*s\" is no effect; write a status (503), a delay (250ms, 2s), "
                     "close-before, close-mid or close-after",
                     SHOWN(text));
}

static enum error_code read_percent(struct str text, double *out, struct error *err)
{
    double percent = 0;

    if (!str_ends(text, STR("%")) || !str_to_double(str_sub(text, 0, text.len - 1), &percent) ||
        percent <= 0 || percent > 100) {
        return error_set(err, ERR_INVALID,
                         "\"%.*s\" is no share of the requests; write 1%% or 0.5%%, up to 100%%",
                         SHOWN(text));
    }
    *out = percent / 100;
    return ERR_OK;
}

enum error_code config_fault_read(struct str text, struct config_fault *out, struct error *err)
{
    size_t effect_at = str_behind_last(text, ':');
    struct str effect = STR_EMPTY;
    struct str percent;
    enum error_code code;

    *out = (struct config_fault){.probability = 1};
    if (effect_at == 0) {
        return error_set(
            err, ERR_INVALID,
            "\"%.*s\" has no colon before the effect; write \"POST /teststeps:503@1%%\"",
            SHOWN(text));
    }
    code = read_match(str_trim(str_sub(text, 0, effect_at - 1)), out, err);
    if (code == ERR_OK && str_cut(str_sub(text, effect_at, text.len), '@', &effect, &percent)) {
        code = read_percent(str_trim(percent), &out->probability, err);
    }
    return code == ERR_OK ? read_effect(str_trim(effect), out, err) : code;
}
