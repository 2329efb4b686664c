#include "harness/cmocka.h"

#include "base/mem.h"
#include "crypto/siphash.h"

int test_siphash(void);

/* The key 00 01 02 … 0f, and texts 00 01 02 … of growing length: the published vectors. */
static void tags_are_those_of_the_paper(void **state)
{
    static const struct {
        size_t len;
        uint8_t tag[SIPHASH_BYTES];
    } rows[] = {
        {0,
         {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02,
          0x93}},
        {1,
         {0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc,
          0x45}},
    };
    const struct siphash_key key = {{UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};
    char text[64];
    uint8_t tag[SIPHASH_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)i;
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        siphash(&key, (struct str){text, rows[i].len}, tag);
        assert_memory_equal(tag, rows[i].tag, SIPHASH_BYTES);
    }
}

/* Each byte of the text, its length and each word of the key count. */
static void every_byte_counts(void **state)
{
    struct siphash_key key;
    struct siphash_key other;
    char text[40] = {0};
    uint8_t first[SIPHASH_BYTES];
    uint8_t tag[SIPHASH_BYTES];

    (void)state;
    siphash_key_make(&key);
    for (size_t len = 0; len < sizeof(text); len++) {
        siphash(&key, (struct str){text, len}, first);
        siphash(&key, (struct str){text, len + 1}, tag);
        assert_memory_not_equal(first, tag, SIPHASH_BYTES);
        for (size_t i = 0; i < len; i++) {
            text[i] = 1;
            siphash(&key, (struct str){text, len}, tag);
            text[i] = 0;
            assert_memory_not_equal(first, tag, SIPHASH_BYTES);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(key.words); i++) {
        other = key;
        other.words[i] ^= 1;
        siphash(&other, (struct str){text, sizeof(text) - 1}, tag);
        assert_memory_not_equal(first, tag, SIPHASH_BYTES);
    }
}

int test_siphash(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_are_those_of_the_paper),
        cmocka_unit_test(every_byte_counts),
    };

    return cmocka_run_group_tests_name("siphash", tests, NULL, NULL);
}
