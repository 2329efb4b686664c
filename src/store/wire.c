#include "wire.h"

#include <string.h>

static void wire_bytes(struct wire *wire, void *bytes, size_t len)
{
    if (wire->out != NULL) {
        buf_append(wire->out, bytes, len);
    } else if (wire->in.len < len) {
        wire->is_bad = true;
        memset(bytes, 0, len);
    } else {
        memcpy(bytes, wire->in.ptr, len);
        wire->in = str_sub(wire->in, len, wire->in.len);
    }
}

void wire_number(struct wire *wire, uint64_t *value)
{
    wire_bytes(wire, value, sizeof(*value));
}

static void wire_unsigned(struct wire *wire, unsigned *value)
{
    wire_bytes(wire, value, sizeof(*value));
}

static void wire_bool(struct wire *wire, bool *value)
{
    char byte = *value ? 1 : 0;

    wire_bytes(wire, &byte, 1);
    *value = byte != 0;
}

static void wire_text(struct wire *wire, struct str *text)
{
    uint64_t len = text->len;

    wire_number(wire, &len);
    if (wire->out != NULL) {
        buf_str(wire->out, *text);
        return;
    }
    if (len > wire->in.len) {
        wire->is_bad = true;
        len = 0;
    }
    *text = str_sub(wire->in, 0, len);
    wire->in = str_sub(wire->in, len, wire->in.len);
}

void wire_request(struct wire *wire, struct store_request *request)
{
    unsigned kind = request->kind;
    unsigned expect = request->expect;

    wire_unsigned(wire, &kind);
    wire_unsigned(wire, &expect);
    request->kind = (enum store_kind)kind;
    request->expect = (enum store_expect)expect;
    wire_text(wire, &request->key);
    wire_unsigned(wire, &request->format);
    wire_text(wire, &request->bytes);
    wire_number(wire, &request->version);
    wire_number(wire, &request->ttl_ms);
    wire_number(wire, &request->max_age_ms);
    wire_bool(wire, &request->touches);
    wire_bool(wire, &request->streams);
    wire_number(wire, &request->sequence);
    wire_text(wire, &request->name);
    wire_number(wire, &request->after);
    wire_unsigned(wire, &request->limit);
    wire_unsigned(wire, &request->wait_ms);
    wire_unsigned(wire, &request->rate);
    wire_unsigned(wire, &request->burst);
    wire_unsigned(wire, &request->cost);
    wire_text(wire, &request->holder);
    wire_number(wire, &request->fence);
    wire->is_bad = wire->is_bad || kind >= STORE_KIND_N || expect > STORE_VERSION;
}

static void wire_error(struct wire *wire, struct error *error)
{
    unsigned code = error->code;
    struct str text = str_from(error->text);

    wire_unsigned(wire, &code);
    wire_text(wire, &text);
    wire_bool(wire, &error->late);
    if (wire->out == NULL) {
        error->code = code < ERR_N_CODES ? (enum error_code)code : ERR_STORE_AWAY;
        str_copy(error->text, sizeof(error->text), text);
    }
}

static void wire_items(struct wire *wire, struct store_result *result, struct arena *arena)
{
    uint64_t n = result->n_items;

    wire_number(wire, &n);
    if (wire->out == NULL) {
        if (n > wire->in.len) { /* each item takes more than a byte */
            wire->is_bad = true;
            n = 0;
        }
        result->n_items = n;
        result->items = arena_calloc(arena, n, sizeof(*result->items));
    }
    for (size_t i = 0; i < n; i++) {
        wire_text(wire, &result->items[i].name);
        wire_number(wire, &result->items[i].sequence);
        wire_number(wire, &result->items[i].left_ms);
        wire_unsigned(wire, &result->items[i].format);
        wire_text(wire, &result->items[i].bytes);
    }
}

void wire_result(struct wire *wire, struct store_result *result, struct arena *arena)
{
    wire_error(wire, &result->error);
    wire_bool(wire, &result->in_doubt);
    wire_number(wire, &result->version);
    wire_number(wire, &result->left_ms);
    wire_number(wire, &result->age_ms);
    wire_text(wire, &result->bytes);
    wire_text(wire, &result->next);
    wire_bool(wire, &result->allowed);
    wire_unsigned(wire, &result->remaining);
    wire_number(wire, &result->retry_after_ms);
    wire_number(wire, &result->fence);
    wire_bool(wire, &result->orderly);
    wire_bool(wire, &result->wanted);
    wire_bool(wire, &result->rewound);
    wire_number(wire, &result->sequence);
    wire_items(wire, result, arena);
}
