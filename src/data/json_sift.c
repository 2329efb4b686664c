#include "data/json_sift.h"

#include "base/json_plain.h"

void json_sift_begin(struct json_sift *sift, const char *const *lists, size_t n_lists,
                     json_sift_fn on_element)
{
    json_sift_done(sift);
    *sift = (struct json_sift){.lists = lists, .n_lists = n_lists, .on_element = on_element};
    buf_init(&sift->element, JSON_SIFT_MAX);
}

void json_sift_done(struct json_sift *sift)
{
    buf_done(&sift->element);
}

/* Adds a run of bytes to the open element; without one the run is kept. */
static void keep(struct json_sift *sift, struct str run, struct buf *kept)
{
    if (!sift->in_element) {
        buf_str(kept, run);
        return;
    }
    buf_str(&sift->element, run);
    if (!buf_ok(&sift->element)) {
        sift->in_element = false; /* it is too long: its rest is kept, too */
        buf_str(kept, buf_view(&sift->element));
        buf_str(kept, run);
        sift->on_element(sift, STR_EMPTY, sift->index, kept);
    }
}

static void add_to_name(struct json_sift *sift, struct str text)
{
    if (sift->list_depth > 0) {
        return; /* names within a sifted list do not matter */
    }
    if (text.len >= JSON_SIFT_NAME_MAX - sift->name_len) {
        sift->name_len = JSON_SIFT_NAME_MAX;
        return;
    }
    mem_copy(sift->name + sift->name_len, text.ptr, text.len);
    sift->name_len += text.len;
}

/* Passes bytes of a string: all plain ones at the front, or one that is not plain. Returns how many. */
static size_t pass_text(struct json_sift *sift, struct str rest)
{
    size_t n = sift->escaped ? 0 : json_plain_len(rest);

    if (n > 0) {
        add_to_name(sift, str_sub(rest, 0, n));
        return n;
    }
    if (sift->escaped) {
        sift->escaped = false;
    } else if (rest.ptr[0] == '"') {
        sift->in_text = false;
        return 1;
    } else {
        sift->escaped = rest.ptr[0] == '\\';
    }
    sift->name_len = JSON_SIFT_NAME_MAX;
    return 1;
}

static bool is_wanted(const struct json_sift *sift)
{
    struct str name = {sift->name, sift->name_len};

    return sift->depth == 1 || (sift->named && sift->name_len < JSON_SIFT_NAME_MAX &&
                                str_in(name, sift->lists, sift->n_lists));
}

static void open_list(struct json_sift *sift)
{
    sift->depth++;
    if (sift->list_depth == 0 && is_wanted(sift)) {
        sift->list_depth = sift->depth;
        sift->index = 0;
    }
    sift->named = false;
}

static void close_list(struct json_sift *sift)
{
    if (sift->depth == sift->list_depth) {
        sift->list_depth = 0;
    }
    sift->depth -= sift->depth > 0 ? 1 : 0;
}

/* True: an element begins here. */
static bool open_object(struct json_sift *sift)
{
    bool is_element = sift->list_depth > 0 && sift->depth == sift->list_depth;

    sift->depth++;
    sift->named = false;
    return is_element;
}

/* True: an element ends here. */
static bool close_object(struct json_sift *sift)
{
    sift->depth -= sift->depth > 0 ? 1 : 0;
    return sift->in_element && sift->depth == sift->list_depth;
}

static void tell_element(struct json_sift *sift, struct buf *kept)
{
    sift->in_element = false;
    sift->on_element(sift, buf_view(&sift->element), sift->index, kept);
    buf_clear(&sift->element);
}

/* Passes a character outside of strings. True: an element begins or ends with it. */
static bool pass_character(struct json_sift *sift, char c)
{
    switch (c) {
    case '"':
        sift->in_text = true;
        sift->named = false;
        sift->name_len = 0;
        return false;
    case ':':
        sift->named = true;
        return false;
    case ',':
        sift->index += sift->depth == sift->list_depth ? 1 : 0;
        return false;
    case '[':
        open_list(sift);
        return false;
    case ']':
        close_list(sift);
        return false;
    case '{':
        return open_object(sift);
    case '}':
        return close_object(sift);
    default:
        return false;
    }
}

void json_sift_piece(struct json_sift *sift, struct str piece, struct buf *kept)
{
    size_t from = 0;
    size_t at = 0;

    while (at < piece.len) {
        if (sift->in_text) {
            at += pass_text(sift, str_sub(piece, at, piece.len));
        } else if (!pass_character(sift, piece.ptr[at++])) {
            continue;
        } else if (sift->in_element) {
            keep(sift, str_sub(piece, from, at - from), kept);
            from = at;
            if (sift->in_element) { /* it was not too long */
                tell_element(sift, kept);
            }
        } else {
            keep(sift, str_sub(piece, from, at - 1 - from), kept);
            from = at - 1;
            buf_clear(&sift->element);
            sift->in_element = true;
        }
    }
    keep(sift, str_sub(piece, from, piece.len), kept);
}
