#include "base/base64.h"

static const char of_urls[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char usual[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* -1: not of the alphabet. */
static int value_of(char c, const char *alphabet)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == alphabet[62] ? 62 : c == alphabet[63] ? 63 : -1;
}

static bool decode(struct arena *arena, struct str text, const char *alphabet, struct str *out)
{
    char *bytes;
    size_t n = 0;
    unsigned bits = 0;
    unsigned n_bits = 0;

    if (text.len % 4 == 1) {
        return false;
    }
    bytes = arena_alloc(arena, text.len / 4 * 3 + 3);
    for (size_t i = 0; i < text.len; i++) {
        int value = value_of(text.ptr[i], alphabet);

        if (value < 0) {
            return false;
        }
        bits = (bits << 6U | (unsigned)value) & 0xFFFFU;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            bytes[n++] = (char)(bits >> n_bits & 0xFFU);
        }
    }
    if ((bits & ((1U << n_bits) - 1U)) != 0) {
        return false;
    }
    *out = (struct str){bytes, n};
    return true;
}

static void encode(struct buf *out, struct str bytes, const char *alphabet)
{
    unsigned bits = 0;
    unsigned n_bits = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        bits = (bits << 8U | (unsigned char)bytes.ptr[i]) & 0xFFFFU;
        for (n_bits += 8; n_bits >= 6; n_bits -= 6) {
            buf_char(out, alphabet[bits >> (n_bits - 6) & 0x3FU]);
        }
    }
    if (n_bits > 0) {
        buf_char(out, alphabet[bits << (6 - n_bits) & 0x3FU]);
    }
}

bool base64url_decode(struct arena *arena, struct str text, struct str *out)
{
    return decode(arena, text, of_urls, out);
}

void base64url_encode(struct buf *out, struct str bytes)
{
    encode(out, bytes, of_urls);
}

bool base64_decode(struct arena *arena, struct str text, struct str *out)
{
    size_t padding = 0;

    if (text.len % 4 != 0) {
        return false;
    }
    while (padding < 2 && text.len > 0 && text.ptr[text.len - 1] == '=') {
        text.len--;
        padding++;
    }
    return decode(arena, text, usual, out);
}

void base64_encode(struct buf *out, struct str bytes)
{
    encode(out, bytes, usual);
    for (size_t n = bytes.len % 3; n > 0 && n < 3; n++) {
        buf_char(out, '=');
    }
}
