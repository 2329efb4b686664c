#include "base/json_form.h"

#include "base/check.h"

struct form {
    struct json_writer *w;
    const char *at;
    const struct jw_value *value; /* of the next hole */
    size_t n_left;
};

bool jw_is_empty(const struct jw_value *value)
{
    return value->kind == JW_NOTHING || (value->kind == JW_NUMBER && value->as.number == 0) ||
           (value->kind == JW_TEXT && value->as.text.len == 0);
}

/* A character of a name (application/json, $ref) or of a constant. */
static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '$' || c == '/' || c == '+';
}

static void put(struct json_writer *w, char hole, const struct jw_value *value)
{
    static const char *const holes[] = {
        [JW_NOTHING] = "", [JW_NUMBER] = "ib", [JW_TEXT] = "sj", [JW_REAL] = "d"};

    CHECK(strchr(holes[value->kind], hole) != NULL);
    switch (hole) {
    case 's':
        jw_str(w, value->as.text);
        break;
    case 'j':
        jw_raw(w, value->as.text);
        break;
    case 'i':
        jw_int(w, value->as.number);
        break;
    case 'b':
        jw_bool(w, value->as.number != 0);
        break;
    default:
        jw_double(w, value->as.real);
    }
}

static void next_value(struct form *form)
{
    form->n_left--;
    form->value++;
}

/* Writes the value of a hole; form->at stands behind the %. */
static void put_hole(struct form *form)
{
    bool may_be_null = *form->at == '?';

    form->at += may_be_null ? 1 : 0;
    CHECK(form->n_left > 0);
    if (form->value->kind == JW_NOTHING || (may_be_null && jw_is_empty(form->value))) {
        jw_null(form->w);
    } else {
        put(form->w, *form->at, form->value);
    }
    form->at++;
    next_value(form);
}

static void put_text(struct form *form)
{
    size_t len = strcspn(form->at, "'");

    jw_str(form->w, (struct str){form->at, len});
    form->at += len + 1;
}

/* Reads a name ("id:"), a name whose member may be left out with its value ("id?:%s"), or a constant. */
static void put_word(struct form *form)
{
    struct str word = {.ptr = form->at};

    while (is_word_char(*form->at)) {
        form->at++;
        word.len++;
    }
    CHECK(word.len > 0);
    if (form->at[0] == ':') {
        form->at++;
        jw_name(form->w, word);
    } else if (form->at[0] != '?') {
        jw_raw(form->w, word);
    } else if (form->n_left > 0 && jw_is_empty(form->value)) {
        form->at += sizeof("?:%s") - 1;
        next_value(form);
    } else {
        form->at += sizeof("?:") - 1;
        jw_name(form->w, word);
    }
}

static void put_next(struct form *form)
{
    switch (*form->at++) {
    case ' ':
    case ',':
        break;
    case '{':
        jw_object(form->w);
        break;
    case '[':
        jw_array(form->w);
        break;
    case '}':
    case ']':
        jw_end(form->w);
        break;
    case '%':
        put_hole(form);
        break;
    case '\'':
        put_text(form);
        break;
    default:
        form->at--;
        put_word(form);
    }
}

void jw_form_with(struct json_writer *w, const char *form, const struct jw_value *values, size_t n)
{
    struct form f = {.w = w, .at = form, .value = values, .n_left = n};

    while (*f.at != '\0') {
        put_next(&f);
    }
    CHECK(f.n_left == 0);
}

void jw_texts(struct json_writer *w, const char *name, const struct str *items, size_t n)
{
    jw_key(w, name);
    jw_array(w);
    for (size_t i = 0; i < n; i++) {
        jw_str(w, items[i]);
    }
    jw_end(w);
}
