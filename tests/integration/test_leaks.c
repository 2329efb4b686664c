/* Every media type in every content coding, on a path whose answers hold secrets: the planted secret comes
 * out nowhere, and what can be read comes out without it. Two codings are made here byte by byte, so that
 * the secret stands in clear in them: whoever passes them on tells it. */
#include "harness/cmocka.h"

#include <string.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/secret.h"
#include "harness/direct.h"

#define CANARY "canary-5d1e"
#define TREE                                                                                       \
    "{\"item\":{\"id\":1,\"sideEffects\":{\"usedData\":{\"p\":\"" CANARY "\"}},\"kept\":\"yes\"}}"

enum { PACKED_MAX = 1024, STORED_GZIP = 31, STORED_ZLIB = 15, STORED_RAW = -15 };

/* ---- what the platform sends ---- */

static const struct typed {
    const char *type;
    const char *body;
    bool is_readable; /* else 502 */
    size_t len;       /* 0: that of the text */
} typed[] = {
    /* JSON in all spellings */
    {"application/json", TREE, true, 0},
    {"APPLICATION/JSON ; Charset=UTF-8", TREE, true, 0},
    {"application/json;charset=latin-1", TREE, true, 0},
    {"application/json; charset='windows-1252'", TREE, false, 0},
    {"application/problem+json", TREE, true, 0},
    {"application/hal+JSON;profile=x", TREE, true, 0},
    {"application/vnd.api+json;version=1;charset=\"utf8\"", TREE, true, 0},
    {"text/x-json", TREE, true, 0},
    {"application/json5", TREE, true, 0},
    {"application/javascript", TREE, true, 0},
    {"application/json, application/json", TREE, true, 0},
    {"text/plain, application/json", TREE, true, 0},
    {"application/json", "\xef\xbb\xbf" TREE, true, 0},
    {"application/json", " \r\n\t" TREE "\n", true, 0},
    {"application/json", "\xef\xbb\xbf\xef\xbb\xbf" TREE, true, 0},
    {"application/json", "{\"us\\u0065dData\":{\"p\":\"" CANARY "\"},\"kept\":\"yes\"}", true, 0},
    {"application/json", "[" TREE ",{\"usedData\":\"" CANARY "\"}]", true, 0},
    {"application/json", TREE TREE, false, 0},
    {"application/json", "/* x */" TREE, false, 0},
    {"application/json", ")]}',\n" TREE, false, 0},
    {"application/json", "{'usedData':'" CANARY "'}", false, 0},
    {"application/json", "callback(" TREE ")", false, 0},
    {"application/json", "{\"kept\":\"\xe9\",\"usedData\":\"" CANARY "\"}", false, 0},
    {"application/json; charset=iso-8859-1", "{\"k\":\"\xe9\",\"usedData\":\"" CANARY "\"}", false,
     0},
    {"application/json; charset=utf-16", TREE, false, 0},
    {"application/json; charset=UTF-16LE", TREE, false, 0},
    {"application/json; charset=utf-32", TREE, false, 0},
    {"application/json; charset=ibm037", TREE, false, 0},
    {"application/json; charset=utf-7", "+AHs-usedData:" CANARY, false, 0},
    {"application/json",
     "{\0\"\0u\0s\0e\0d\0\"\0:\0\"\0c\0a\0n\0a\0r\0y\0-\0005\0d\0001\0e\0\"\0}\0", false, 42},
    {"application/json", "\xff\xfe{\0\"\0c\0a\0n\0a\0r\0y\0-\0005\0d\0001\0e\0", false, 28},
    {"application/json", "\xfe\xff\0{\0\"\0c\0a\0n\0a\0r\0y\0-\0005\0d\0001\0e", false, 28},
    /* none, or none that can be read */
    {"", TREE, true, 0},
    {"json", TREE, true, 0},
    {"*/*", TREE, true, 0},
    {"/json", TREE, true, 0},
    {"application/", TREE, true, 0},
    {";charset=utf-8", TREE, true, 0},
    {"", "usedData=" CANARY, false, 0},
    /* text */
    {"text/plain", TREE, true, 0},
    {"Text/Plain; charset=us-ascii", TREE, true, 0},
    {"text/plain", "usedData: " CANARY, false, 0},
    {"text/plain; charset=utf-16", TREE, false, 0},
    {"text/html", "<td>usedData</td><td>" CANARY "</td>", false, 0},
    {"text/html", "<pre>{&quot;usedData&quot;:&quot;" CANARY "&quot;}</pre>", false, 0},
    {"text/html", "<td>&#117;sedData</td><td>" CANARY "</td>", false, 0},
    {"application/xhtml+xml", "<p title='usedData'>" CANARY "</p>", false, 0},
    {"application/xml", "<r><usedData><p>" CANARY "</p></usedData></r>", false, 0},
    {"text/xml; charset=utf-8", "<r><m n='used&#x44;ata'>" CANARY "</m></r>", false, 0},
    {"image/svg+xml", "<svg><desc>usedData " CANARY "</desc></svg>", false, 0},
    {"text/csv", "id,usedData\r\n1," CANARY "\r\n", false, 0},
    {"application/yaml", "usedData: {p: " CANARY "}\n", false, 0},
    {"application/yaml", "\"used\\x44ata\": {p: " CANARY "}\n", false, 0},
    {"application/toml", "usedData = \"" CANARY "\"\n", false, 0},
    {"text/javascript", "var x = {\"used\\x44ata\": \"" CANARY "\"}", false, 0},
    {"text/event-stream", "event: x\ndata: " TREE "\n\n", false, 0},
    {"application/x-www-form-urlencoded", "id=1&usedData=" CANARY, false, 0},
    /* several documents, several parts */
    {"application/x-ndjson", TREE "\n" TREE "\n", false, 0},
    {"application/jsonl", "{\"id\":1}\n{\"usedData\":\"" CANARY "\"}\n", false, 0},
    {"application/json-seq", "\x1e" TREE "\n\x1e" TREE "\n", false, 0},
    {"application/json-seq", "\x1e" TREE "\n", false, 0},
    {"multipart/mixed; boundary=b",
     "--b\r\nContent-Type: application/json\r\n\r\n" TREE "\r\n--b--\r\n", false, 0},
    {"Multipart/Form-Data; boundary=b",
     "--b\r\nContent-Disposition: form-data; name=\"usedData\"\r\n\r\n" CANARY "\r\n--b--\r\n",
     false, 0},
    {"multipart/related; boundary=b",
     "--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nused=44ata " CANARY "\r\n--b--\r\n",
     false, 0},
    /* bytes */
    {"application/octet-stream", TREE, true, 0},
    {"application/octet-stream", "\x01\x02usedD\x01\x02 " CANARY, false, 0},
    {"application/msgpack", "\x81\xa8usedData\xab" CANARY, false, 0},
    {"application/cbor", "\xa1\x68usedData\x6b" CANARY, false, 0},
    {"application/protobuf", "\x0a\x0b" CANARY, false, 0},
    {"image/png", TREE, true, 0},
    {"image/png", "usedData " CANARY, false, 0},
    {"video/mp4; codecs=x", "[" TREE "]", true, 0},
};

/* How a body is packed; what a coding means is told by `fields`. */
enum pack { PLAIN, GZIP, ZLIB, DEFLATE, GZIP_TWICE, BROTLI, ZSTD };

static const struct coded {
    const char *fields;
    enum pack pack;
    size_t cut;       /* bytes that are missing at the end */
    bool is_readable; /* else 502 */
} coded[] = {
    {"", PLAIN, 0, true},
    {"X-Debug: {\"usedData\":\"" CANARY "\"}\r\nServer-Timing: usedData;desc=\"" CANARY
     "\"\r\nLink: </x?usedData=" CANARY ">; rel=next\r\nContent-Encoding: identity\r\n",
     PLAIN, 0, true},
    {"Content-Encoding: Identity\r\nContent-Encoding: identity\r\n", PLAIN, 0, true},
    {"Content-Encoding:\r\n", PLAIN, 0, true},
    {"Content-Encoding: gzip\r\n", GZIP, 0, true},
    {"CONTENT-ENCODING: GZip\r\n", GZIP, 0, true},
    {"Content-Encoding: x-gzip\r\n", GZIP, 0, true},
    {"Content-Encoding: deflate\r\n", ZLIB, 0, true},
    {"Content-Encoding: deflate\r\n", DEFLATE, 0, true},
    {"Content-Encoding: gzip\r\nContent-Encoding: identity\r\n", GZIP, 0, true},
    {"Content-Encoding: gzip\r\n", GZIP, 1, false},
    {"Content-Encoding: gzip\r\n", GZIP, 8, false},
    {"Content-Encoding: deflate\r\n", ZLIB, 4, false},
    {"Content-Encoding: deflate\r\n", DEFLATE, 2, false},
    {"Content-Encoding: gzip, gzip\r\n", GZIP_TWICE, 0, false},
    {"Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", GZIP_TWICE, 0, false},
    {"Content-Encoding: gzip\r\n", GZIP_TWICE, 0, false},
    {"Content-Encoding: br\r\n", BROTLI, 0, false},
    {"Content-Encoding: zstd\r\n", ZSTD, 0, false},
    {"Content-Encoding: compress\r\n", PLAIN, 0, false},
    {"Content-Encoding: aes128gcm\r\n", PLAIN, 0, false},
    {"Content-Encoding: gzip;q=1\r\n", GZIP, 0, false},
    {"Content-Encoding: gzip\r\n", PLAIN, 0, false}, /* the coding is a lie, also in what follows */
    {"Content-Encoding: br\r\n", PLAIN, 0, false},
    {"Content-Encoding: deflate\r\n", GZIP, 0, false},
    {"", GZIP, 0, false},
    {"", ZLIB, 0, false},
    {"", DEFLATE, 0, false},
    {"", BROTLI, 0, false},
    {"", ZSTD, 0, false},
};

struct bytes {
    char at[PACKED_MAX];
    size_t n;
};

/* Stored blocks: the text stands in clear between the marks of the format. */
static void store(int window, struct str text, struct bytes *out)
{
    z_stream stream = {0};
    Bytef plain[PACKED_MAX];

    assert_true(text.len <= sizeof(plain));
    assert_int_equal(
        deflateInit2(&stream, Z_NO_COMPRESSION, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    (void)memcpy(plain, text.ptr, text.len);
    stream.next_in = plain;
    stream.avail_in = (uInt)text.len;
    stream.next_out = (Bytef *)out->at;
    stream.avail_out = PACKED_MAX;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(deflateEnd(&stream), Z_OK);
    out->n = stream.total_out;
}

static void put(struct bytes *out, const char *bytes, size_t n)
{
    assert_true(out->n + n <= PACKED_MAX);
    (void)memcpy(out->at + out->n, bytes, n);
    out->n += n;
}

/* RFC 7932: a window of 64 KiB, one meta-block that is not compressed, an empty last one. */
static void store_brotli(struct str text, struct bytes *out)
{
    unsigned bits = (unsigned)(text.len - 1) << 4 | 1U << 20;
    const char head[] = {(char)bits, (char)(bits >> 8), (char)(bits >> 16)};

    out->n = 0;
    put(out, head, sizeof(head));
    put(out, text.ptr, text.len);
    put(out, "\x03", 1);
}

/* RFC 8878: a frame of one segment, its size in a byte, one raw block, which is the last. */
static void store_zstd(struct str text, struct bytes *out)
{
    unsigned block = (unsigned)text.len << 3 | 1;
    const char head[] = {'\x28',
                         '\xb5',
                         '\x2f',
                         '\xfd',
                         '\x20',
                         (char)text.len,
                         (char)block,
                         (char)(block >> 8),
                         (char)(block >> 16)};

    assert_true(text.len < 256);
    out->n = 0;
    put(out, head, sizeof(head));
    put(out, text.ptr, text.len);
}

static void pack(enum pack how, struct str text, struct bytes *out)
{
    struct bytes once;

    out->n = 0;
    switch (how) {
    case PLAIN:
        put(out, text.ptr, text.len);
        break;
    case GZIP:
        store(STORED_GZIP, text, out);
        break;
    case ZLIB:
        store(STORED_ZLIB, text, out);
        break;
    case DEFLATE:
        store(STORED_RAW, text, out);
        break;
    case GZIP_TWICE:
        store(STORED_GZIP, text, &once);
        store(STORED_GZIP, (struct str){once.at, once.n}, out);
        break;
    case BROTLI:
        store_brotli(text, out);
        break;
    case ZSTD:
        store_zstd(text, out);
        break;
    }
}

/* ---- what comes out ---- */

/* In any charset that has its letters in bytes of their own. */
static bool holds_canary(struct arena *arena, struct str text)
{
    char *letters = arena_alloc(arena, text.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\0') {
            letters[n++] = text.ptr[i];
        }
    }
    return str_contains((struct str){letters, n}, STR(CANARY));
}

static struct str body_of(const struct typed *row)
{
    return row->len > 0 ? (struct str){row->body, row->len} : str_from(row->body);
}

/* Of one coding, all types: an answer each, told apart by the path. */
static void check_coding(const struct coded *coding, struct arena *arena)
{
    struct scripted_answer *answers = arena_calloc(arena, ARRAY_LEN(typed), sizeof(*answers));
    struct direct direct;

    for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
        struct bytes *packed = arena_zalloc(arena, sizeof(*packed));

        pack(coding->pack, body_of(&typed[i]), packed);
        answers[i] = (struct scripted_answer){
            .method = "GET",
            .status = 200,
            .path = arena_printf(arena, "/api/executions/%zu", i).ptr,
            .type = typed[i].type,
            .fields = coding->fields,
            .body = packed->at,
            .body_len = packed->n > coding->cut ? packed->n - coding->cut : 0,
        };
    }
    direct_start(&direct, answers, ARRAY_LEN(typed));
    for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
        struct str target = arena_printf(arena, "/virtuoso/executions/%zu", i);
        int status = direct_ask(&direct, "GET", target.ptr, NULL);
        bool wants = coding->is_readable && typed[i].is_readable;

        if (holds_canary(arena, reply_text(&direct.reply)) ||
            holds_canary(arena, buf_view(&direct.reply.head)) || status != (wants ? 200 : 502) ||
            (wants && !str_contains(reply_text(&direct.reply), STR("\"kept\":\"yes\"")))) {
            fail_msg("type \"%s\" coding \"%s\" packed %d cut %zu: %d: %.*s", typed[i].type,
                     coding->fields, (int)coding->pack, coding->cut, status,
                     STR_ARG(reply_text(&direct.reply)));
        }
    }
    direct_stop(&direct);
}

static void a_secret_comes_out_under_no_type_and_coding(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(coded); i++) {
        struct arena arena;

        arena_init(&arena);
        check_coding(&coded[i], &arena);
        arena_done(&arena);
    }
}

/* ---- our own token ---- */

static const char clean[] = "{\"message\":\"bad token\"}";

static const struct {
    int status;
    const char *type;
    const char *fields;
    const char *body;
    int told; /* the status that the caller gets */
    bool is_kept;
} refusals[] = {
    {400, NULL, NULL, "{\"message\":\"bad token+of/direct==\"}", 400, false},
    {404, NULL, NULL, "{\"message\":\"bad token+of\\/direct\\u003d\\u003d\"}", 404, false},
    {409, "text/plain", NULL, "bad TOKEN+OF/DIRECT==", 409, false},
    {422, "text/html", NULL, "<a href='/in?token=token%2Bof%2Fdirect%3D%3D'>", 422, false},
    {500, "text/html", NULL, "<p>token+of/direct&#61;=</p>", 502, false},
    {503, "image/png", NULL, "token+of/direct==", 502, false},
    {302, "text/html", NULL, "<p>token+of/direct==</p>", 502, false},
    {400, NULL,
     "X-Was: token+of/direct==\r\nLink: </x?token=token%2Bof%2Fdirect%3D%3D>; rel=next\r\nX-Is: kept\r\n",
     clean, 400, true},
    {302, NULL, "Location: /x?token=token+of/direct==\r\nX-Is: kept\r\n", clean, 302, true},
    {400, "image/png", "X-Is: kept\r\n", "\x89PNG\r\n\x1a\n", 400, true},
};

static void check_refusal(struct direct *direct, size_t i, const char *method, const char *target,
                          const char *fields)
{
    int status = direct_ask(direct, method, target, fields);
    struct str body = reply_text(&direct->reply);

    if (status != refusals[i].told || secret_is_in(body, STR(DIRECT_TOKEN)) ||
        secret_is_in(buf_view(&direct->reply.head), STR(DIRECT_TOKEN)) ||
        str_is(reply_field(&direct->reply, "X-Is"), "kept") != refusals[i].is_kept ||
        (refusals[i].is_kept && !str_is(body, refusals[i].body))) {
        fail_msg("%s %zu: %d: %.*s\n%.*s", method, i, status,
                 STR_ARG(buf_view(&direct->reply.head)), STR_ARG(body));
    }
}

/* Below /virtuoso the refusals of the platform pass, but not with our token in them: a caller with a key of this proxy
 * does not know it. */
static void a_refusal_does_not_pass_with_our_token(void **state)
{
    static const char *const methods[] = {"GET", "POST", "POST"}; /* the last one is not streamed */
    struct scripted_answer answers[ARRAY_LEN(refusals)] = {{0}};
    struct arena arena;
    struct direct direct;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        answers[i] = (struct scripted_answer){.method = "",
                                              .status = refusals[i].status,
                                              .path = arena_printf(&arena, "/api/x/%zu", i).ptr,
                                              .type = refusals[i].type,
                                              .fields = refusals[i].fields,
                                              .body = refusals[i].body};
    }
    for (size_t k = 0; k < ARRAY_LEN(methods); k++) {
        for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
            answers[i].method = methods[k];
        }
        direct_start(&direct, answers, ARRAY_LEN(refusals));
        for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
            check_refusal(&direct, i, methods[k], arena_printf(&arena, "/virtuoso/x/%zu", i).ptr,
                          k < 2 ? NULL : arena_printf(&arena, "Idempotency-Key: k%zu\r\n", i).ptr);
        }
        direct_stop(&direct);
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_comes_out_under_no_type_and_coding),
        cmocka_unit_test(a_refusal_does_not_pass_with_our_token),
    };

    return cmocka_run_group_tests_name("leaks", tests, NULL, NULL);
}
