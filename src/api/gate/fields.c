/* The header fields of a request: which are sent twice, and which are one slip away from a field that is read. Three
 * small tables, by length, first letter and last letter, rule out most names at once. */
#include <string.h>

#include "api/gate/task.h"
#include "base/nearest.h"

enum {
    AUTHORIZATION = 1 << 0,
    API_KEY = 1 << 1,
    SESSION = 1 << 2,
    IDEMPOTENCY = 1 << 3,
    TYPE = 1 << 4,
    EVENT = 1 << 5,
    MATCH = 1 << 6,
    CACHE = 1 << 7,
    ACCEPT = 1 << 8
};

enum { NAME_MOST = 18, SHOWN_MAX = 40 };

struct field {
    const char *name;
    const char *bare; /* in lower case, without separators; our own fields also without X- */
    unsigned instead; /* while one of these is sent, a slip does no harm */
    bool matters_to_reads;
    bool stands_once; /* of two different values any choice would be wrong */
};

static const struct field fields[] = {
    {"Authorization", "authorization", AUTHORIZATION | API_KEY, true, true},
    {"X-API-Key", "apikey", AUTHORIZATION | API_KEY, true, true},
    {"X-Session-Id", "sessionid", SESSION, true, true},
    {"Idempotency-Key", "idempotencykey", IDEMPOTENCY, false, true},
    {"Content-Type", "contenttype", TYPE, false, true},
    {"Last-Event-ID", "lasteventid", EVENT, true, true},
    {"If-None-Match", "ifnonematch", MATCH, true, false},
    {"Cache-Control", "cachecontrol", CACHE, true, false},
    {"Accept", "accept", ACCEPT, true, false},
};

enum { OURS = API_KEY | SESSION | IDEMPOTENCY };

/* The fields that a name of this length may be meant as. */
static const uint16_t of_length[NAME_MOST + 1] = {
    [5] = API_KEY | ACCEPT,
    [6] = API_KEY | ACCEPT,
    [7] = API_KEY | ACCEPT,
    [8] = API_KEY | SESSION,
    [9] = API_KEY | SESSION,
    [10] = API_KEY | SESSION | TYPE | EVENT | MATCH,
    [11] = SESSION | TYPE | EVENT | MATCH | CACHE,
    [12] = AUTHORIZATION | SESSION | TYPE | EVENT | MATCH | CACHE,
    [13] = AUTHORIZATION | SESSION | IDEMPOTENCY | TYPE | EVENT | MATCH | CACHE,
    [14] = AUTHORIZATION | IDEMPOTENCY | EVENT | MATCH | CACHE,
    [15] = IDEMPOTENCY,
    [16] = IDEMPOTENCY,
    [17] = IDEMPOTENCY,
    [18] = IDEMPOTENCY,
};

/* One slip leaves the first letter or the last one as it was. The index is the letter's low five bits, so that case
 * does not matter; that other characters share them does no harm. */
#define LETTER(c) [(c)&31]

static const uint16_t begins[32] = {
    LETTER('a') = AUTHORIZATION | API_KEY | ACCEPT,
    LETTER('c') = TYPE | CACHE,
    LETTER('i') = IDEMPOTENCY | MATCH,
    LETTER('l') = EVENT,
    LETTER('s') = SESSION,
    LETTER('x') = OURS,
};
static const uint16_t ends[32] = {
    LETTER('n') = AUTHORIZATION,   LETTER('y') = API_KEY | IDEMPOTENCY,
    LETTER('d') = SESSION | EVENT, LETTER('e') = TYPE,
    LETTER('h') = MATCH,           LETTER('l') = CACHE,
    LETTER('t') = ACCEPT,
};

static unsigned may_mean(struct str name)
{
    if (name.len > NAME_MOST || of_length[name.len] == 0) {
        return 0;
    }
    return of_length[name.len] &
           (unsigned)(begins[name.ptr[0] & 31] | ends[name.ptr[name.len - 1] & 31]);
}

static struct str bare_of(struct str name, bool is_ours, char out[NAME_MOST])
{
    struct str bare = {.ptr = out, .len = 0};

    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] != '-' && name.ptr[i] != '_') {
            out[bare.len++] = char_lower(name.ptr[i]);
        }
    }
    return is_ours && bare.len > 1 && bare.ptr[0] == 'x' ? str_sub(bare, 1, bare.len) : bare;
}

/* True: the name begins or ends with the same two letters as the field. Most names do not. */
static bool is_alike(struct str name, const struct field *field)
{
    const char *end = field->bare + strlen(field->bare);
    const char *last = name.ptr + name.len;

    return (char_lower(last[-1]) == end[-1] && char_lower(last[-2]) == end[-2]) ||
           (char_lower(name.ptr[0]) == field->bare[0] &&
            char_lower(name.ptr[1]) == field->bare[1]) ||
           (char_lower(name.ptr[0]) == 'x' && field->name[0] == 'X');
}

/* The row of the field that the name is, or is a slip of; ARRAY_LEN(fields): of none. */
static size_t field_of(struct str name, unsigned candidates, bool *out_is_slip)
{
    char room[NAME_MOST];

    *out_is_slip = false;
    for (unsigned left = candidates; left != 0; left &= left - 1) {
        size_t i = (size_t)__builtin_ctz(left);

        if (str_is_nocase(name, fields[i].name)) {
            return i;
        }
    }
    for (unsigned left = candidates; left != 0; left &= left - 1) {
        size_t i = (size_t)__builtin_ctz(left);

        if (is_alike(name, &fields[i]) &&
            is_slip_of(bare_of(name, (OURS & 1U << i) != 0, room), str_from(fields[i].bare))) {
            *out_is_slip = true;
            return i;
        }
    }
    return ARRAY_LEN(fields);
}

enum error_code fields_check(const struct task *task, struct error *err)
{
    const struct http_request *request = &task->exchange->request;
    bool only_reads = task_only_reads(task);
    const struct field *meant = NULL;
    struct str slip = STR_EMPTY;
    UNINITIALISED char shown[SHOWN_MAX];
    unsigned seen = 0;

    for (size_t i = 0; i < request->n_headers; i++) {
        struct str name = request->headers[i].name;
        unsigned candidates = may_mean(name);
        bool is_slip = false;
        size_t at;

        if (candidates == 0) {
            continue;
        }
        at = field_of(name, candidates, &is_slip);
        if (at == ARRAY_LEN(fields) || (only_reads && !fields[at].matters_to_reads)) {
            continue;
        }
        if (is_slip) {
            meant = &fields[at];
            slip = name;
        } else if (fields[at].stands_once && (seen & 1U << at) != 0) {
            return error_at(err, ERR_BAD_REQUEST, fields[at].name,
                            "The header %s was sent more than once; send it once", fields[at].name);
        } else {
            seen |= 1U << at;
        }
    }
    if (meant == NULL || (seen & meant->instead) != 0) {
        return ERR_OK;
    }
    str_copy(shown, sizeof(shown), slip);
    return error_at(err, ERR_BAD_REQUEST, shown, "Nothing reads the header %s; did you mean %s?",
                    shown, meant->name);
}
