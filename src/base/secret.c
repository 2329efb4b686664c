#include "base/secret.h"

#include "base/mem.h"

enum { ESCAPES_DEEP = 8 };

void secret_done(struct secret *secret)
{
    if (secret->hidden != NULL) {
        mem_wipe(secret->hidden, secret->len);
    }
    mem_free(secret->hidden);
    *secret = (struct secret){0};
}

void secret_set(struct secret *secret, struct str value)
{
    char *copy = mem_dup(value.ptr, value.len);

    secret_done(secret);
    secret->hidden = copy;
    secret->len = value.len;
}

bool secret_is_set(const struct secret *secret)
{
    return secret->len > 0;
}

struct str secret_reveal(const struct secret *secret)
{
    return secret->hidden == NULL ? STR_EMPTY : (struct str){secret->hidden, secret->len};
}

/* --- a secret in the words of others --- */

/* How a character may be written. */
static const struct escape {
    struct str begin;
    size_t min_digits;
    size_t max_digits;
    int base;
    bool has_end; /* ";" */
} escapes[] = {
    {STR_INIT("\\u"), 4, 4, 16, false}, /* JSON */
    {STR_INIT("\\x"), 2, 2, 16, false}, /* scripts */
    {STR_INIT("%"), 2, 2, 16, false},   /* addresses */
    {STR_INIT("&#x"), 1, 6, 16, true},  /* HTML, XML */
    {STR_INIT("&#"), 1, 7, 10, true},
};

static bool may_escape(char c)
{
    return c == '\\' || c == '%' || c == '&';
}

/* False: the text does not begin with this escape. */
static bool read_escape(const struct escape *escape, struct str *text, char *out)
{
    struct str digits = str_sub(*text, escape->begin.len, text->len);
    int code = 0;
    size_t n = 0;

    if (!str_starts_nocase(*text, escape->begin)) {
        return false;
    }
    while (n < digits.len && n < escape->max_digits && str_hex_digit(digits.ptr[n]) >= 0 &&
           str_hex_digit(digits.ptr[n]) < escape->base) {
        code = code * escape->base + str_hex_digit(digits.ptr[n++]);
    }
    if (n < escape->min_digits ||
        (escape->has_end && !str_starts(str_sub(digits, n, 1), STR(";")))) {
        return false;
    }
    *text = str_sub(digits, n + (escape->has_end ? 1 : 0), digits.len);
    *out = '\0';
    if (code < 0x80) {
        *out = (char)code;
    }
    return true;
}

/* The next character, whichever way it is written; 0: the text has ended, or it is none of a secret. */
static char next_char(struct str *text)
{
    char c = '\0';

    if (text->len > 0 && !may_escape(text->ptr[0])) {
        c = text->ptr[0];
        *text = str_sub(*text, 1, text->len);
        return c;
    }
    for (size_t i = 0; i < ESCAPES_DEEP && str_starts(*text, STR("\\\\")); i++) {
        *text = str_sub(*text, 1, text->len); /* JSON in a text of JSON */
    }
    for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
        if (read_escape(&escapes[i], text, &c)) {
            return c;
        }
    }
    if (str_starts(*text, STR("\\"))) {
        *text = str_sub(*text, 1, text->len);
    }
    if (text->len > 0) {
        c = text->ptr[0];
    }
    *text = str_sub(*text, 1, text->len);
    return c;
}

static bool begins_with_secret(struct str text, struct str secret)
{
    for (size_t i = 0; i < secret.len; i++) {
        if (secret.ptr[i] != '\\' && char_lower(next_char(&text)) != char_lower(secret.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool secret_is_in(struct str text, struct str secret)
{
    if (secret.len == 0 || str_contains(text, secret)) {
        return secret.len > 0;
    }
    for (size_t i = 0; i < text.len; i++) {
        if ((may_escape(text.ptr[i]) || char_lower(text.ptr[i]) == char_lower(secret.ptr[0])) &&
            begins_with_secret(str_sub(text, i, text.len), secret)) {
            return true;
        }
    }
    return false;
}

bool bytes_equal_constant_time(const void *a, const void *b, size_t len)
{
    const volatile unsigned char *x = a;
    const volatile unsigned char *y = b;
    unsigned char difference = 0;

    for (size_t i = 0; i < len; i++) {
        difference = (unsigned char)(difference | (x[i] ^ y[i]));
    }
    return difference == 0;
}
