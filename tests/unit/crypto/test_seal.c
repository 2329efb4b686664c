/* A sealed text opens with its key at its place, and nowhere else; the cipher against the vector of NIST is mbedTLS's own
 * test. */
#include "harness/cmocka.h"

#include "crypto/seal.h"

int test_seal(void);

static void a_seal_opens_with_its_key_at_its_place(void **state)
{
    struct arena arena;
    struct digest key;
    struct digest other;
    struct buf sealed;
    struct buf again;
    struct str text;
    char *changed;

    (void)state;
    arena_init(&arena);
    buf_init(&sealed, 1000);
    buf_init(&again, 1000);
    digest_of(STR("a"), &key);
    digest_of(STR("b"), &other);
    seal_write(&key, STR("here"), STR("a secret"), &sealed);
    seal_write(&key, STR("here"), STR("a secret"), &again);
    assert_false(str_eq(buf_view(&sealed), buf_view(&again))); /* a nonce of its own */
    assert_true(seal_read(&arena, &key, STR("here"), buf_view(&sealed), &text));
    assert_true(str_is(text, "a secret"));
    assert_false(seal_read(&arena, &other, STR("here"), buf_view(&sealed), &text));
    assert_false(seal_read(&arena, &key, STR("there"), buf_view(&sealed), &text));
    assert_false(seal_read(&arena, &key, STR("here"), str_sub(buf_view(&sealed), 0, 8), &text));
    assert_false(seal_read(&arena, &key, STR("here"), STR("no base64 at all"), &text));
    changed = unconst(buf_cstr(&sealed));
    for (size_t i = 0; i < sealed.len - 2; i++) {
        char before = changed[i];

        changed[i] = before == 'A' ? 'B' : 'A';
        assert_false(seal_read(&arena, &key, STR("here"), buf_view(&sealed), &text));
        changed[i] = before;
    }
    buf_clear(&sealed);
    seal_write(&key, STR("here"), STR_EMPTY, &sealed);
    assert_true(seal_read(&arena, &key, STR("here"), buf_view(&sealed), &text));
    assert_int_equal(text.len, 0);
    buf_done(&sealed);
    buf_done(&again);
    arena_done(&arena);
}

int test_seal(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seal_opens_with_its_key_at_its_place),
    };

    return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
