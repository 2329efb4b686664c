/* The types of values that callers write: arguments and options of commands, members of request
 * bodies, parameters of queries. Each has a row (src/catalog/types.c): how a value is taken, what a
 * refused value was probably meant to be, its JSON Schema. Pure. */
#ifndef CATALOG_TYPES_H
#define CATALOG_TYPES_H

#include "base/error.h"
#include "data/json.h"

enum param_type {
    PARAM_TEXT,    /* 1..2,000 characters (max); empty only with PARAM_EMPTY */
    PARAM_INTEGER, /* min..max */
    PARAM_URL,     /* http, https, or text that begins with a $variable */
    PARAM_HTTP_URL,
    PARAM_POINT,    /* "x,y" -> x, y */
    PARAM_SIZE,     /* "WIDTHxHEIGHT" -> width, height */
    PARAM_VARIABLE, /* a name; a leading $ is dropped */
    PARAM_ENUM,     /* one of words */
    PARAM_UPPER,    /* a word, upper-cased */
    PARAM_LIST,     /* of 1 to 100 texts */
    PARAM_OBJECT,
    PARAM_ID, /* 1..19 digits, known prefixes dropped */
    PARAM_KEY,
    PARAM_REGEX,
    PARAM_TARGET, /* an element; the text becomes a whole target: {"selectors":[GUESS]} */
    PARAM_CSV,    /* text -> rows */
    PARAM_FLAG,
    PARAM_ARRAY, /* min..max elements of any type */
    PARAM_ANY
};

/* PARAM_JSON: a member of a body or query. JSON's own types only, words as they are spelled, whole
 * numbers stay numbers, and no error quotes the value: it may be a secret. Without it, values may
 * come from a command line: as texts, words in any case. */
enum { PARAM_TEXT_MAX = 2000 };

enum { PARAM_OPTIONAL = 1, PARAM_EMPTY = 2, PARAM_INERT = 4, PARAM_JSON = 8 };

struct param {
    const char *name; /* NULL ends a list */
    enum param_type type;
    unsigned flags;
    int64_t min, max;  /* 0,0: the type's own */
    const char *words; /* PARAM_ENUM, PARAM_LIST: allowed words, space separated */
    const char *def;   /* default as text; NULL none; "configured": from the configuration */
    const char *unit;  /* "ms", "s"; NULL none */
    const char *flag;  /* "--position": old command line name where it differs */
};

struct catalog_defaults;

/* Where a value comes from and goes to. */
struct param_place {
    const struct param *param;
    const char *pointer; /* to the value, for errors */
    struct arena *arena;
    struct json *values; /* an object: the value goes there by its name, a point also as x and y,
                            a size as width and height, CSV as rows */
    struct error_list *errors;
    const struct catalog_defaults *defaults; /* may be NULL */
    size_t *csv_left; /* bytes of CSV left for this and all later values; NULL: no limit */
};

/* False: the error was added. */
bool param_take(const struct param_place *place, const struct json *value);
/* The value that param_take put into `values`, as a caller would write it; NULL: none is there. */
struct json *param_write(const struct param *param, const struct json *values, struct arena *arena);
bool param_is_bare(enum param_type type); /* sentences have its values without quotes */
/* The JSON Schema of a value: type, words, bounds. `or_null`: null is a value, too. */
void param_schema(const struct param *param, bool or_null, struct json_writer *w);
/* Writes each word of "a b" as an item of the list that the caller has begun. */
void param_words(struct json_writer *w, const char *words);

/* The digits of an id, which may have a known prefix (cp_, goal_, ...). False: the text is not an
 * id. */
bool id_normalise(struct str text, struct str *out_digits);

#endif
