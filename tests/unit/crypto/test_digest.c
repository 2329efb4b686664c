/* SHA-256 against the vectors of FIPS 180-4. */
#include "harness/cmocka.h"

#include <string.h>

#include "base/buf.h"
#include "crypto/digest.h"

int test_digest(void);

static const struct {
    struct str bytes;
    const char *hex;
} vectors[] = {
    {STR_INIT(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {STR_INIT("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {STR_INIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {STR_INIT("The quick brown fox jumps over the lazy dog"),
     "d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592"},
};

static void vectors_have_their_digest_whole_and_in_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        struct digest_state *running = digest_begin();
        struct digest whole;
        struct digest pieces;
        struct digest read;
        char hex[65];

        digest_of(vectors[i].bytes, &whole);
        digest_hex(&whole, hex);
        assert_string_equal(hex, vectors[i].hex);
        for (size_t at = 0; at < vectors[i].bytes.len; at += 7) {
            digest_add(running, str_sub(vectors[i].bytes, at, 7));
        }
        digest_end(running, &pieces);
        assert_true(digest_equal(&whole, &pieces));
        assert_true(digest_from_hex(str_from(hex), &read));
        assert_true(digest_equal(&whole, &read));
    }
}

static void a_million_letters_have_theirs(void **state)
{
    struct digest digest;
    struct buf text;
    char hex[65];

    (void)state;
    buf_init(&text, 1000000);
    memset(buf_reserve(&text, 1000000), 'a', 1000000);
    buf_grew(&text, 1000000);
    digest_of(buf_view(&text), &digest);
    digest_hex(&digest, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    buf_done(&text);
}

/* ("ab", "c") is not ("a", "bc"): each part counts with its length. */
static void parts_do_not_run_together(void **state)
{
    const struct str first[] = {STR("ab"), STR("c")};
    const struct str second[] = {STR("a"), STR("bc")};
    struct digest a;
    struct digest b;

    (void)state;
    digest_of_parts(first, 2, &a);
    digest_of_parts(second, 2, &b);
    assert_false(digest_equal(&a, &b));
    digest_of_parts(first, 2, &b);
    assert_true(digest_equal(&a, &b));
}

static void hexadecimal_is_64_digits(void **state)
{
    static const char *const bad[] = {
        "", "ba78", "zz7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad0"};
    struct digest digest;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(digest_from_hex(str_from(bad[i]), &digest));
    }
}

int test_digest(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_have_their_digest_whole_and_in_pieces),
        cmocka_unit_test(a_million_letters_have_theirs),
        cmocka_unit_test(parts_do_not_run_together),
        cmocka_unit_test(hexadecimal_is_64_digits),
    };

    return cmocka_run_group_tests_name("crypto: digest", tests, NULL, NULL);
}
