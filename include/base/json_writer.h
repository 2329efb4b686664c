/* Writes JSON text into a buf: keys, values and commas in the right places, strings escaped.
 * The caller opens and closes in order (CHECKed); depth at most 32. Invalid UTF-8 becomes
 * U+FFFD. */
#ifndef BASE_JSON_WRITER_H
#define BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct json_writer {
    struct buf *out;
    int depth;
    uint32_t has_member; /* bit per depth */
    uint32_t is_object;
    bool after_key;
};

void jw_init(struct json_writer *w, struct buf *out);
/* The same where `out` ends within an object that has at least one member: {"a":1 */
void jw_init_in_object(struct json_writer *w, struct buf *out);
void jw_object(struct json_writer *w);
void jw_array(struct json_writer *w);
void jw_end(struct json_writer *w); /* closes the innermost object or list */
/* A key that this program chose: ASCII without quotes and backslashes. */
void jw_name(struct json_writer *w, struct str name);
void jw_key_str(struct json_writer *w, struct str key);
void jw_str(struct json_writer *w, struct str value);
void jw_text(struct json_writer *w, const char *value); /* NULL writes null */
void jw_format(struct json_writer *w, const char *format, ...) PRINTF_LIKE(2, 3); /* a text */
void jw_int(struct json_writer *w, int64_t value);
void jw_double(struct json_writer *w, double value); /* NaN and infinities write null */
void jw_ms(struct json_writer *w, int64_t us);       /* as short as can be: 12, 12.5, 0.019 */
void jw_bool(struct json_writer *w, bool value);
void jw_null(struct json_writer *w);
void jw_raw(struct json_writer *w, struct str json); /* trusted JSON text */

/* Inline, so that the length of a literal key is known at compile time. */
static inline void jw_key(struct json_writer *w, const char *key)
{
    jw_name(w, str_from(key));
}

/* key + value in one */
static inline void jw_kv_str(struct json_writer *w, const char *key, struct str value)
{
    jw_key(w, key);
    jw_str(w, value);
}

static inline void jw_kv_text(struct json_writer *w, const char *key, const char *value)
{
    jw_key(w, key);
    jw_text(w, value);
}

static inline void jw_kv_int(struct json_writer *w, const char *key, int64_t value)
{
    jw_key(w, key);
    jw_int(w, value);
}

static inline void jw_kv_bool(struct json_writer *w, const char *key, bool value)
{
    jw_key(w, key);
    jw_bool(w, value);
}

static inline void jw_kv_raw(struct json_writer *w, const char *key, struct str json)
{
    jw_key(w, key);
    jw_raw(w, json);
}

/* As clock_format writes it; 0: null. */
void jw_kv_time(struct json_writer *w, const char *key, int64_t wall_ms);

void json_quote(struct buf *out, struct str s); /* the text in quotes, escaped */
/* The text between the quotes, escaped. */
void json_escape(struct buf *out, struct str s);

#endif
