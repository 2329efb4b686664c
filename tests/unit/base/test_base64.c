#include "harness/cmocka.h"

#include "base/base64.h"

int test_base64(void);

static void texts_are_encoded_and_decoded(void **state)
{
    static const struct {
        const char *bytes;
        const char *text;
    } rows[] = {
        /* RFC 4648 section 10, without padding */
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"}};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        struct str bytes;

        buf_init(&out, 64);
        base64url_encode(&out, str_from(rows[i].bytes));
        assert_true(str_is(buf_view(&out), rows[i].text));
        assert_true(base64url_decode(&arena, str_from(rows[i].text), &bytes));
        assert_true(str_is(bytes, rows[i].bytes));
        buf_done(&out);
    }
    arena_done(&arena);
}

static void other_texts_are_refused(void **state)
{
    static const char *const texts[] = {"Z",    "Zg==", "Zh",   "Zm9",  "Zm8=",  "Zm9v\n",
                                        "Zm9+", "Zm9/", " Zm9", "Zm.v", "Zm9vY", "\xc3\xa4g"};
    struct arena arena;
    struct str bytes;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (base64url_decode(&arena, str_from(texts[i]), &bytes)) {
            fail_msg("taken: %s", texts[i]);
        }
    }
    assert_false(base64url_decode(&arena, (struct str){"Zg\0v", 4}, &bytes));
    arena_done(&arena);
}

static void the_usual_alphabet_has_padding(void **state)
{
    static const struct {
        const char *bytes;
        const char *text;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"},
                {"\xfb\xff\xfe", "+//+"}};

    static const char *const wrong[] = {"Zg",   "Zg=",  "Zm8==", "Zm9v=", "Zm9v====", "=",
                                        "====", "Z===", "-__-",  "Zh==",  "Zg==Zg=="};
    struct arena arena;
    struct str bytes;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;

        buf_init(&out, 64);
        base64_encode(&out, str_from(rows[i].bytes));
        assert_true(str_is(buf_view(&out), rows[i].text));
        assert_true(base64_decode(&arena, str_from(rows[i].text), &bytes));
        assert_true(str_is(bytes, rows[i].bytes));
        buf_done(&out);
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        if (base64_decode(&arena, str_from(wrong[i]), &bytes)) {
            fail_msg("taken: %s", wrong[i]);
        }
    }
    arena_done(&arena);
}

int test_base64(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_encoded_and_decoded),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(the_usual_alphabet_has_padding),
    };

    return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
