/* Answers in XML: elements, texts, and what is none. */
#include "harness/cmocka.h"

#include "cloud/xml.h"

int test_xml(void);

static void elements_are_found_in_order(void **state)
{
    struct str rest = STR("<?xml version=\"1.0\"?><L><Contents><Key>a</Key></Contents>"
                          "<Contents><Key>b</Key></Contents><Contents><Key>c");
    struct arena arena;
    struct str one;

    (void)state;
    arena_init(&arena);
    assert_true(xml_next(&rest, "Contents", &one));
    assert_true(str_is(xml_text(&arena, one, "Key"), "a"));
    assert_true(xml_next(&rest, "Contents", &one));
    assert_true(str_is(xml_text(&arena, one, "Key"), "b"));
    assert_false(xml_next(&rest, "Contents", &one)); /* cut short */
    assert_int_equal(xml_text(&arena, STR("<a/>"), "b").len, 0);
    arena_done(&arena);
}

static void references_are_resolved(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_true(
        str_is(xml_text(&arena, STR("<m>&lt;a&gt; &amp;&amp; &quot;b&apos; &#33;&bad;&</m>"), "m"),
               "<a> && \"b' !&bad;&"));
    assert_true(str_is(xml_text(&arena, STR("<m>&#0;&#x41;&amp"), "m"), ""));
    assert_true(str_is(xml_text(&arena, STR("<m>&#0;&#x41;</m>"), "m"), "&#0;&#x41;"));
    arena_done(&arena);
}

int test_xml(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_found_in_order),
        cmocka_unit_test(references_are_resolved),
    };

    return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
