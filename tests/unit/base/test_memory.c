/* mem, arena, buf, secret and random: where bytes live and what bounds them. */
#include "harness/cmocka.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/secret.h"

int test_memory(void);

static void sizes_from_outside_do_not_wrap(void **state)
{
    size_t out = 7;

    (void)state;
    assert_true(size_add(1, 2, &out) && out == 3);
    assert_true(size_mul(3, 4, &out) && out == 12);
    assert_false(size_add(SIZE_MAX, 1, &out));
    assert_false(size_mul(SIZE_MAX / 2, 3, &out));
    assert_int_equal(out, 12);
}

static void note(void *pointer)
{
    struct buf *order = *(struct buf **)pointer;

    buf_char(order, (char)('0' + order->len));
}

static void a_large_arena_is_given_back_a_mebibyte_a_turn(void **state)
{
    struct arena_bin bin;
    struct arena arena;
    struct later later;
    size_t n_turns = 0;
    struct buf order;
    struct buf *target = &order;

    (void)state;
    buf_init(&order, 16);
    later_init(&later);
    arena_bin_init(&bin, &later);
    arena_init(&arena);
    (void)arena_alloc(&arena, 100);
    arena_defer(&arena, note, &target);
    arena_done_into(&arena, &bin);
    assert_true(later_is_empty(&later)); /* small: at once */
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < (size_t)5 * 16; k++) {
            (void)arena_alloc(&arena, 65536);
        }
        arena_defer(&arena, note, &target);
        arena_done_into(&arena, &bin);
        assert_int_equal(arena.used_bytes, 0);
    }
    while (!later_is_empty(&later)) {
        (void)later_run(&later);
        n_turns++;
    }
    assert_int_equal(n_turns, 10);
    (void)arena_alloc(&arena, (size_t)2 * ARENA_LARGE);
    arena_done_into(&arena, &bin);
    arena_bin_done(&bin);
    assert_true(later_is_empty(&later));
    assert_true(str_is(buf_view(&order), "012"));
    buf_done(&order);
}

static void an_arena_gives_aligned_memory_and_runs_what_was_deferred(void **state)
{
    struct arena arena;
    struct buf order;
    struct buf *target = &order;
    const char *zeroed;

    (void)state;
    buf_init(&order, 10);
    arena_init(&arena);
    for (size_t size = 1; size < 5000; size = size * 2 + 1) {
        char *bytes = arena_alloc(&arena, size);

        assert_int_equal((uintptr_t)bytes % 16, 0);
        memset(bytes, 0xAA, size); /* a sanitizer sees an overlap */
    }
    zeroed = arena_calloc(&arena, 100, 3);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(zeroed[i], 0);
    }
    assert_string_equal(arena_cstr(&arena, STR("ab")), "ab");
    assert_true(str_is(arena_printf(&arena, "%d-%s", 7, "x"), "7-x"));
    arena_defer(&arena, note, &target);
    arena_defer(&arena, note, &target);
    assert_int_equal(order.len, 0);
    arena_reset(&arena);
    assert_true(str_is(buf_view(&order), "01"));
    assert_int_equal(arena.used_bytes, 0);
    arena_done(&arena);
    assert_true(str_is(buf_view(&order), "01")); /* once */
    buf_done(&order);
}

static char last_seen;

static void see(void *pointer)
{
    last_seen = *(const char *)pointer;
}

static void what_was_deferred_last_runs_first(void **state)
{
    struct arena arena;
    char first = '1';
    char second = '2';

    (void)state;
    arena_init(&arena);
    arena_defer(&arena, see, &first);
    arena_defer(&arena, see, &second);
    arena_done(&arena);
    assert_int_equal(last_seen, '1');
}

static void a_buf_keeps_its_ceiling_and_remembers_what_was_lost(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 5);
    buf_text(&buf, "abc");
    buf_text(&buf, "def"); /* too much: nothing of it */
    assert_true(str_is(buf_view(&buf), "abc"));
    assert_false(buf_ok(&buf));
    buf_text(&buf, "de"); /* still marked */
    assert_false(buf_ok(&buf));
    buf_clear(&buf);
    assert_true(buf_ok(&buf));
    buf_printf(&buf, "%d", 12345);
    assert_true(buf_ok(&buf));
    buf_printf(&buf, "%d", 1);
    assert_false(buf_ok(&buf));
    buf_done(&buf);
}

static void a_buf_takes_and_gives_at_its_ends(void **state)
{
    struct buf buf;
    char *room;

    (void)state;
    buf_init(&buf, 100);
    buf_int(&buf, INT64_MIN);
    assert_true(str_is(buf_view(&buf), "-9223372036854775808"));
    buf_consume(&buf, 1);
    buf_truncate(&buf, 3);
    assert_true(str_is(buf_view(&buf), "922"));
    room = buf_reserve(&buf, 97);
    assert_non_null(room);
    room[0] = 'x';
    room[1] = 'y';
    buf_grew(&buf, 2);
    assert_string_equal(buf_cstr(&buf), "922xy");
    assert_null(buf_reserve(&buf, 96));
    buf_consume(&buf, 5);
    assert_int_equal(buf.len, 0);
    buf_dashed(&buf, STR("new_tab-x"));
    assert_true(str_is(buf_view(&buf), "new-tab-x"));
    buf_done(&buf);
    buf_done(&buf); /* zeroed is fine */
}

static void a_secret_is_wiped_and_compared_in_constant_time(void **state)
{
    struct secret secret = {0};

    (void)state;
    assert_false(secret_is_set(&secret));
    secret_set(&secret, STR("first"));
    secret_set(&secret, STR("second"));
    assert_true(str_is(secret_reveal(&secret), "second"));
    assert_true(bytes_equal_constant_time("abc", "abc", 3));
    assert_false(bytes_equal_constant_time("abc", "abd", 3));
    assert_true(bytes_equal_constant_time("", "", 0));
    secret_done(&secret);
    assert_false(secret_is_set(&secret));
    secret_done(&secret);
}

static void a_secret_is_found_in_words_of_others(void **state)
{
    static const struct {
        const char *text;
        bool is_in;
    } rows[] = {
        {"bad token abc/def+g==", true},
        {"{\"message\":\"bad abc\\/def+g\\u003d\\u003d\"}", true},
        {"{\"message\":\"bad \\u0061bc/def+g==\"}", true},
        {"{\"body\":\"{\\\"message\\\":\\\"abc\\\\/def+g\\\\u003D=\\\"}\"}", true},
        {"/sign-in?token=abc%2Fdef%2bg%3D%3D&x=1", true},
        {"<a href='/x'>abc&#47;def&#x2B;g&#X3d;=</a>", true},
        {"ABC/DEF+G==", true},
        {"'abc\\x2fdef+g=='", true},
        {"ababc/def+g==", true},
        {"abc/def+g=", false},
        {"abc\\u002", false},
        {"abc&#47def+g==", false},
        {"abc&#9999999;def+g==", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (secret_is_in(str_from(rows[i].text), STR("abc/def+g==")) != rows[i].is_in) {
            fail_msg("%s", rows[i].text);
        }
    }
    assert_false(secret_is_in(STR("a"), STR_EMPTY));
    assert_true(secret_is_in(STR("x a\\b%25"), STR("a\\b%25")));
    assert_true(secret_is_in(STR("\"a\\\\b\""), STR("a\\b")));
}

static void random_numbers_stay_below_and_a_seed_repeats_them(void **state)
{
    bool seen[5] = {false};
    unsigned char first[40];
    unsigned char again[40];
    char uuid[37];
    char hex[9] = "";

    (void)state;
    random_seed(7);
    random_bytes(first, sizeof(first));
    for (int i = 0; i < 200; i++) {
        uint64_t n = random_below(5);

        assert_true(n < 5);
        seen[n] = true;
    }
    for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
        assert_true(seen[i]);
    }
    random_seed(7);
    random_bytes(again, sizeof(again));
    assert_memory_equal(first, again, sizeof(first));
    random_release();
    random_bytes(again, sizeof(again));
    assert_memory_not_equal(first, again, sizeof(first)); /* a chance of 1 in 2^320 */
    random_hex(hex, 8);
    assert_int_equal(strspn(hex, "0123456789abcdef"), 8);
    random_uuid(uuid);
    assert_int_equal(strlen(uuid), 36);
    assert_int_equal(uuid[14], '4');
    assert_non_null(strchr("89ab", uuid[19]));
}

static void an_array_in_an_arena_grows_to_twice_its_size(void **state)
{
    struct arena arena;
    size_t *numbers = NULL;
    size_t n_moves = 0;

    (void)state;
    arena_init(&arena);
    for (size_t n = 0; n < 100; n++) {
        size_t *before = numbers;

        numbers = arena_room(&arena, numbers, n, sizeof(*numbers));
        n_moves += numbers != before;
        assert_int_equal(numbers[n], 0);
        numbers[n] = n + 7;
    }
    assert_int_equal(n_moves, 8); /* to 1, 2, 4 ... 128 */
    for (size_t n = 0; n < 100; n++) {
        assert_int_equal(numbers[n], n + 7);
    }
    arena_done(&arena);
}

int test_memory(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_from_outside_do_not_wrap),
        cmocka_unit_test(an_arena_gives_aligned_memory_and_runs_what_was_deferred),
        cmocka_unit_test(a_large_arena_is_given_back_a_mebibyte_a_turn),
        cmocka_unit_test(what_was_deferred_last_runs_first),
        cmocka_unit_test(an_array_in_an_arena_grows_to_twice_its_size),
        cmocka_unit_test(a_buf_keeps_its_ceiling_and_remembers_what_was_lost),
        cmocka_unit_test(a_buf_takes_and_gives_at_its_ends),
        cmocka_unit_test(a_secret_is_wiped_and_compared_in_constant_time),
        cmocka_unit_test(a_secret_is_found_in_words_of_others),
        cmocka_unit_test(random_numbers_stay_below_and_a_seed_repeats_them),
    };

    return cmocka_run_group_tests_name("base: memory", tests, NULL, NULL);
}
