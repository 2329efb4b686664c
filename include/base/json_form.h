/* Writes JSON by a form that looks like it: names without quotes, holes for values, constants as they are.
 *   jw_form(w, "{id:%i, name:%s, tags:[], plan?:%s, endDate:%?i}", id, name, plan, end_ms);
 * Holes: %s text (struct str, char *; NULL writes null), %i whole number, %b boolean, %d double, %j trusted JSON.
 *   name?:%s   the member is left out when the value is empty, 0, false or NULL
 *   name:%?s   null is written when the value is empty, 0, false or NULL
 * Constants: 'text', true, false, null, numbers. The writer sets the commas; those in the form only help its reader.
 * A form may leave containers open, or close containers that another form opened: jw_shape(w, "]}").
 * The values and the holes must agree in number and kind (CHECKed). 12 values at most. */
#ifndef BASE_JSON_FORM_H
#define BASE_JSON_FORM_H

#include "base/json_writer.h"

struct jw_value {
    enum { JW_NOTHING, JW_NUMBER, JW_TEXT, JW_REAL } kind;

    union {
        int64_t number;
        double real;
        struct str text;
    } as;
};

static inline struct jw_value jw_of_int(int64_t number)
{
    return (struct jw_value){.kind = JW_NUMBER, .as.number = number};
}

static inline struct jw_value jw_of_unsigned(uint64_t number)
{
    return jw_of_int((int64_t)number);
}

static inline struct jw_value jw_of_double(double real)
{
    return (struct jw_value){.kind = JW_REAL, .as.real = real};
}

static inline struct jw_value jw_of_str(struct str text)
{
    return (struct jw_value){.kind = JW_TEXT, .as.text = text};
}

static inline struct jw_value jw_of_text(const char *text)
{
    return text != NULL ? jw_of_str(str_from(text)) : (struct jw_value){.kind = JW_NOTHING};
}

/* clang-format off */
#define JW_OF(x)                                                                                   \
    _Generic((x), struct str: jw_of_str, char *: jw_of_text, const char *: jw_of_text,            \
             double: jw_of_double, unsigned: jw_of_unsigned, unsigned long: jw_of_unsigned,       \
             unsigned long long: jw_of_unsigned, default: jw_of_int)(x)
#define JW_1(x)        JW_OF(x)
#define JW_2(x, ...)   JW_OF(x), JW_1(__VA_ARGS__)
#define JW_3(x, ...)   JW_OF(x), JW_2(__VA_ARGS__)
#define JW_4(x, ...)   JW_OF(x), JW_3(__VA_ARGS__)
#define JW_5(x, ...)   JW_OF(x), JW_4(__VA_ARGS__)
#define JW_6(x, ...)   JW_OF(x), JW_5(__VA_ARGS__)
#define JW_7(x, ...)   JW_OF(x), JW_6(__VA_ARGS__)
#define JW_8(x, ...)   JW_OF(x), JW_7(__VA_ARGS__)
#define JW_9(x, ...)   JW_OF(x), JW_8(__VA_ARGS__)
#define JW_10(x, ...)  JW_OF(x), JW_9(__VA_ARGS__)
#define JW_11(x, ...)  JW_OF(x), JW_10(__VA_ARGS__)
#define JW_12(x, ...)  JW_OF(x), JW_11(__VA_ARGS__)
#define JW_PICK(a, b, c, d, e, f, g, h, i, j, k, l, name, ...) name
#define JW_EACH(...)                                                                               \
    JW_PICK(__VA_ARGS__, JW_12, JW_11, JW_10, JW_9, JW_8, JW_7, JW_6, JW_5, JW_4, JW_3, JW_2,     \
            JW_1, )(__VA_ARGS__)
#define JW_VALUES(...) ((const struct jw_value[]){JW_EACH(__VA_ARGS__)})
#define jw_form(w, form, ...)                                                                      \
    jw_form_with(w, form, JW_VALUES(__VA_ARGS__),                                                  \
                 sizeof(JW_VALUES(__VA_ARGS__)) / sizeof(struct jw_value))
/* clang-format on */

bool jw_is_empty(const struct jw_value *value); /* nothing, 0, false or an empty text */
void jw_form_with(struct json_writer *w, const char *form, const struct jw_value *values, size_t n);

/* "name": ["item", …] */
void jw_texts(struct json_writer *w, const char *name, const struct str *items, size_t n);

/* A form without holes. */
static inline void jw_shape(struct json_writer *w, const char *form)
{
    jw_form_with(w, form, NULL, 0);
}

#endif
