#include "base/span.h"

#include "base/nearest.h"

static const struct {
    const char *name;
    int64_t ms;
} units[] = {
    {"ms", 1},         {"millisecond", 1}, {"milliseconds", 1}, {"s", 1000},  {"sec", 1000},
    {"secs", 1000},    {"second", 1000},   {"seconds", 1000},   {"m", 60000}, {"min", 60000},
    {"minute", 60000}, {"minutes", 60000}, {"mins", 60000},     {"msec", 1},  {"msecs", 1},
    {"h", 3600000},    {"hour", 3600000},  {"hours", 3600000},
};

bool span_split(struct str text, int64_t *out_thousandths, struct str *out_unit)
{
    size_t at = 0;
    int64_t whole = 0;
    int64_t part = 0;
    int64_t scale = 1000;

    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9' && at < 10) {
        whole = whole * 10 + (text.ptr[at++] - '0');
    }
    if (at == 0) {
        return false;
    }
    if (at + 1 < text.len && text.ptr[at] == '.') {
        for (at++; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9' && scale > 1; at++) {
            scale /= 10;
            part += (text.ptr[at] - '0') * scale;
        }
    }
    *out_thousandths = whole * 1000 + part;
    *out_unit = str_trim(str_sub(text, at, text.len));
    return true;
}

bool span_unit(struct str name, int64_t *out_ms)
{
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (str_is_nocase(name, units[i].name)) {
            *out_ms = units[i].ms;
            return true;
        }
    }
    return false;
}

struct str span_unit_nearest(struct str name)
{
    struct nearest nearest;

    nearest_init(&nearest, name);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (units[i].name[1] != '\0') { /* one letter is near to anything short */
            nearest_offer(&nearest, str_from(units[i].name));
        }
    }
    return nearest.best;
}

bool span_ms(int64_t thousandths, int64_t unit_ms, int64_t *out_ms)
{
    int64_t product;

    if (__builtin_mul_overflow(thousandths, unit_ms, &product) || product % 1000 != 0) {
        return false;
    }
    *out_ms = product / 1000;
    return true;
}

bool span_read(struct str text, int64_t *out_ms)
{
    int64_t thousandths;
    int64_t unit_ms;
    struct str unit;

    return span_split(str_trim(text), &thousandths, &unit) && span_unit(unit, &unit_ms) &&
           span_ms(thousandths, unit_ms, out_ms);
}

bool span_or_ms(struct str text, int64_t max_ms, int64_t *out_ms)
{
    int64_t ms;

    if (str_to_i64(text, 0, max_ms, out_ms)) {
        return true;
    }
    if (!span_read(text, &ms) || ms > max_ms) {
        return false;
    }
    *out_ms = ms;
    return true;
}
