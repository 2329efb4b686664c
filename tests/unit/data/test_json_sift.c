#include "harness/cmocka.h"

#include <string.h>

#include "base/mem.h"
#include "data/json_sift.h"
#include "harness/count.h"

int test_json_sift(void);

static const char *const lists[] = {"steps", "item"};

static void number_it(struct json_sift *sift, struct str element, size_t index, struct buf *kept)
{
    (void)sift;
    buf_printf(kept, "<%zu:%zu>", index, element.len);
}

/* In pieces of `step` bytes. */
static void expect_kept(const char *text, size_t step, const char *want)
{
    struct json_sift sift = {0};
    struct str rest = str_from(text);
    struct buf kept;

    buf_init(&kept, 4096);
    json_sift_begin(&sift, lists, ARRAY_LEN(lists), number_it);
    while (rest.len > 0) {
        json_sift_piece(&sift, str_sub(rest, 0, step), &kept);
        rest = str_sub(rest, step < rest.len ? step : rest.len, rest.len);
    }
    assert_string_equal(buf_cstr(&kept), want);
    json_sift_done(&sift);
    buf_done(&kept);
}

static void elements_give_way_wherever_the_text_is_cut(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"{\"a\":[{}],\"steps\":[{\"id\":1},{ },7,{}],\"b\":{}}",
         "{\"a\":[{}],\"steps\":[<0:8>,<1:3>,7,<3:2>],\"b\":{}}"},
        {"[{\"id\":1},\n {\"steps\":[{}]}]", "[<0:8>,\n <1:14>]"},
        {"{\"cases\":[{\"id\":1,\"steps\":[{}]},{\"id\":2,\"steps\":[{},{}]}]}",
         "{\"cases\":[{\"id\":1,\"steps\":[<0:2>]},{\"id\":2,\"steps\":[<0:2>,<1:2>]}]}"},
        /* what only looks like a bracket, a name or an end */
        {"{\"item\" : [{\"a\":\"}]\\\"}{\",\"b\":\"\\\\\"}]}", "{\"item\" : [<0:23>]}"},
        {"{\"x\":\"steps\",\"y\":[{}],\"steps\":{\"z\":[{}]}}",
         "{\"x\":\"steps\",\"y\":[{}],\"steps\":{\"z\":[{}]}}"},
        {"{\"st\\u0065ps\":[{}],\"a name that is longer than any of a list\":[{}]}",
         "{\"st\\u0065ps\":[{}],\"a name that is longer than any of a list\":[{}]}"},
        {"{\"item\":[[{}],{\"\xC3\xA9\":1}]}", "{\"item\":[[{}],<1:8>]}"},
        /* no JSON: whoever parses it finds the fault */
        {"<html>}]", "<html>}]"},
        {"{\"steps\":[{\"id\":1},{\"id\":", "{\"steps\":[<0:8>,"},
        {"{\"steps\":[{\"id\":1]}]", "{\"steps\":["},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t step = 1; step <= strlen(rows[i].text); step++) {
            expect_kept(rows[i].text, step, rows[i].want);
        }
    }
}

static void what_is_too_long_is_kept_as_it_came(void **state)
{
    size_t len = (size_t)JSON_SIFT_MAX + 100;
    char *text = mem_zalloc(len + 32);
    struct json_sift sift = {0};
    struct buf kept;
    ptrdiff_t told;

    (void)state;
    memset(text, 'a', len);
    mem_copy(text, "[{\"steps\":[{}],\"x\":\"", 20);
    mem_copy(text + len - 8, "\"},{}]", 7);
    buf_init(&kept, len * 2);
    json_sift_begin(&sift, lists, ARRAY_LEN(lists), number_it);
    for (size_t at = 0; at < len; at += 1000) {
        json_sift_piece(&sift, str_sub(str_from(text), at, 1000), &kept);
    }
    mem_copy(text + len - 5, "<1:2>]", 7);
    told = str_find(buf_view(&kept), STR("<0:0>"));
    assert_true(told >= JSON_SIFT_MAX - 1000); /* once, as soon as it is known */
    assert_int_equal(str_count(buf_view(&kept), "<"), 2);
    memmove(kept.ptr + told, kept.ptr + told + 5, kept.len - (size_t)told - 5);
    buf_truncate(&kept, kept.len - 5);
    assert_string_equal(buf_cstr(&kept), text);
    json_sift_done(&sift);
    buf_done(&kept);
    mem_free(text);
}

int test_json_sift(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_give_way_wherever_the_text_is_cut),
        cmocka_unit_test(what_is_too_long_is_kept_as_it_came),
    };

    return cmocka_run_group_tests_name("json_sift", tests, NULL, NULL);
}
