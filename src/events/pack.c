#include "pack.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"

enum {
    VARINT_BITS = 7,
    VARINT_MORE = 0x80,
    VARINT_MAX = 10,
    WORDS_MAX = 2048, /* commands, routes, outcomes: the tables of a program have some hundred */
    WORDS_BYTES = 64 * 1024
};

uint64_t pack_origin(void)
{
    static uint64_t origin;

    while (origin == 0) {
        random_bytes(&origin, sizeof(origin));
    }
    return origin;
}

/* --- words that live for ever */
/* A `const char *` of a fact points into a table of the process that noted it. For facts of other processes
 * each word is kept here, once, as long as this process lives. */
static const char *keep_word(struct str word)
{
    static char room[WORDS_BYTES];
    static const char *words[2 * WORDS_MAX];
    static size_t n_bytes;
    static size_t n_words;
    size_t at = str_hash(word, 0) % ARRAY_LEN(words);

    while (words[at] != NULL && !str_is(word, words[at])) {
        at = (at + 1) % ARRAY_LEN(words);
    }
    if (words[at] == NULL) {
        if (n_words == WORDS_MAX || n_bytes + word.len + 1 > sizeof(room)) {
            return "other";
        }
        words[at] = room + n_bytes;
        mem_copy(room + n_bytes, word.ptr, word.len);
        n_bytes += word.len + 1; /* the room is zeroed */
        n_words++;
    }
    return words[at];
}

/* --- writing */
static void put_number(struct buf *out, uint64_t value)
{
    char bytes[VARINT_MAX];
    size_t n = 0;

    do {
        bytes[n] = (char)(value | VARINT_MORE);
        value >>= VARINT_BITS;
        n++;
    } while (value > 0);
    bytes[n - 1] = (char)(bytes[n - 1] & ~VARINT_MORE);
    buf_append(out, bytes, n);
}

static void put_text(struct buf *out, struct str text)
{
    put_number(out, text.len);
    buf_str(out, text);
}

static void put_optional(struct buf *out, const char *text)
{
    put_text(out, str_from(text));
}

static void put_ids(struct buf *out, const struct fact *fact)
{
    uint64_t n = 0;

    while (n < FACT_IDS && fact->ids[n].name != NULL) {
        n++;
    }
    put_number(out, n);
    for (uint64_t i = 0; i < n; i++) {
        put_optional(out, fact->ids[i].name);
        put_number(out, (uint64_t)fact->ids[i].value);
    }
}

static void put(struct buf *out, const char *type, const struct fact *fact)
{
    char room[PACKED_MAX];
    struct buf one;
    bool is_owned = false;

    for (size_t i = 0; i < FACT_OWNER_BYTES; i++) {
        is_owned = is_owned || fact->owner[i] != 0;
    }
    buf_init_on(&one, room, sizeof(room), sizeof(room) - 1);
    put_optional(&one, type);
    put_number(&one, fact->origin != 0 ? fact->origin : pack_origin());
    put_number(&one, fact->origin != 0 ? fact->origin_number : fact->number);
    put_number(&one, (uint64_t)fact->wall_ms);
    put_number(&one, (uint64_t)fact->status);
    put_number(&one, fact->us);
    put_optional(&one, fact->outcome);
    put_optional(&one, fact->action);
    put_optional(&one, fact->method);
    put_ids(&one, fact);
    put_text(&one, (struct str){(const char *)fact->owner, is_owned ? FACT_OWNER_BYTES : 0});
    put_optional(&one, fact->subject);
    put_optional(&one, fact->principal);
    put_optional(&one, fact->peer);
    put_optional(&one, fact->request_id);
    put_optional(&one, fact->name);
    put_number(&one, fact->is_told);
    put_text(out, buf_view(&one));
    buf_done(&one);
}

void pack_fact(struct buf *out, const struct fact *fact)
{
    put(out, fact_type(fact->kind), fact);
}

void pack_mark(struct buf *out, const char *mark, struct str subject, struct str name)
{
    struct fact fact = {.outcome = "ok"};

    str_copy(fact.subject, sizeof(fact.subject), subject);
    str_copy(fact.name, sizeof(fact.name), name);
    put(out, mark, &fact);
}

/* --- reading */
static bool get_number(struct str *rest, uint64_t *out)
{
    uint64_t value = 0;

    for (size_t i = 0; i < rest->len && i < VARINT_MAX; i++) {
        uint64_t byte = (unsigned char)rest->ptr[i];

        value |= (byte & (VARINT_MORE - 1)) << (VARINT_BITS * i);
        if ((byte & VARINT_MORE) == 0) {
            *rest = str_sub(*rest, i + 1, rest->len);
            *out = value;
            return true;
        }
    }
    return false;
}

static bool get_text(struct str *rest, struct str *out)
{
    uint64_t len;

    if (!get_number(rest, &len) || len > rest->len) {
        return false;
    }
    *out = str_sub(*rest, 0, (size_t)len);
    *rest = str_sub(*rest, (size_t)len, rest->len);
    return true;
}

static bool get_word(struct str *rest, const char **out)
{
    struct str text;

    if (!get_text(rest, &text)) {
        return false;
    }
    *out = text.len > 0 ? keep_word(text) : NULL;
    return true;
}

static bool get_field(struct str *rest, char out[FACT_TEXT_MAX])
{
    struct str text;

    if (!get_text(rest, &text)) {
        return false;
    }
    str_copy(out, FACT_TEXT_MAX, text);
    return true;
}

static bool get_ids(struct str *rest, struct fact *fact)
{
    uint64_t n;

    if (!get_number(rest, &n) || n > FACT_IDS) {
        return false;
    }
    for (uint64_t i = 0; i < n; i++) {
        uint64_t value;

        if (!get_word(rest, &fact->ids[i].name) || !get_number(rest, &value)) {
            return false;
        }
        fact->ids[i].value = (int64_t)value;
    }
    return true;
}

static bool get_numbers(struct str *rest, struct fact *fact)
{
    uint64_t wall_ms;
    uint64_t status;

    if (!get_number(rest, &fact->origin) || !get_number(rest, &fact->origin_number) ||
        !get_number(rest, &wall_ms) || !get_number(rest, &status) || !get_number(rest, &fact->us)) {
        return false;
    }
    fact->wall_ms = (int64_t)wall_ms;
    fact->status = (int)status;
    return true;
}

static bool get_owner(struct str *rest, struct fact *fact)
{
    struct str owner;

    if (!get_text(rest, &owner) || (owner.len != 0 && owner.len != FACT_OWNER_BYTES)) {
        return false;
    }
    mem_copy(fact->owner, owner.ptr, owner.len);
    return true;
}

static void set_kind(struct packed *out, struct str type)
{
    unsigned kind = 0;

    while (kind < FACT_N && !str_is(type, fact_type((enum fact_kind)kind))) {
        kind++;
    }
    out->is_mark = kind == FACT_N;
    out->fact.kind = out->is_mark ? FACT_COMMAND : (enum fact_kind)kind;
    str_copy(out->mark, sizeof(out->mark), type);
}

bool unpack(struct str *rest, struct packed *out)
{
    struct fact *fact = &out->fact;
    struct str one;
    struct str type;
    uint64_t is_told;

    *out = (struct packed){.is_mark = false};
    if (!get_text(rest, &one) || !get_text(&one, &type) || !get_numbers(&one, fact) ||
        !get_word(&one, &fact->outcome) || !get_word(&one, &fact->action) ||
        !get_word(&one, &fact->method) || !get_ids(&one, fact) || !get_owner(&one, fact) ||
        !get_field(&one, fact->subject) || !get_field(&one, fact->principal) ||
        !get_field(&one, fact->peer) || !get_field(&one, fact->request_id) ||
        !get_field(&one, fact->name)) {
        return false;
    }
    fact->is_told =
        get_number(&one, &is_told) && is_told != 0; /* what a later version adds is ignored */
    fact->outcome = fact->outcome != NULL ? fact->outcome : "ok";
    set_kind(out, type);
    return true;
}

size_t packed_len(struct str text, size_t max_bytes, size_t max_n, size_t *out_n)
{
    struct str rest = text;
    struct str one;
    size_t len = 0;

    *out_n = 0;
    while (*out_n < max_n && get_text(&rest, &one) && text.len - rest.len <= max_bytes) {
        len = text.len - rest.len;
        ++*out_n;
    }
    return len;
}
