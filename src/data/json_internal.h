/* The strict scanner in front of cJSON: what it saw of each value, in document order (parents
 * first). */
#ifndef DATA_JSON_INTERNAL_H
#define DATA_JSON_INTERNAL_H

#include "data/json.h"

struct json_seen {
    uint32_t line;
    uint32_t column;
    uint32_t offset; /* of a number's text */
    uint32_t len;    /* 0: not a number */
};

struct json_scan {
    struct str text;
    size_t at;
    uint32_t line;
    size_t line_start;
    size_t continuations; /* UTF-8 continuation bytes since line_start: columns count characters */
    unsigned depth;
    unsigned max_depth;
    unsigned max_nodes;
    struct json_seen *seen;
    size_t n_seen;
    size_t cap_seen;
    struct error *err;
};

/* Checks the whole text; on ERR_OK scan->seen (heap, the caller frees) has one entry a value. */
enum error_code json_scan(struct json_scan *scan);

#endif
