/* JSON text: commas and quotes in their places, whatever the strings hold. */
#include "harness/cmocka.h"

#include <math.h>

#include "base/json_form.h"
#include "base/json_pen.h"
#include "base/json_plain.h"
#include "base/json_writer.h"

int test_json_writer(void);

static void members_and_items_are_separated_and_nested(void **state)
{
    struct json_writer w;
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    jw_init(&w, &out);
    jw_object(&w);
    jw_kv_int(&w, "i", INT64_MIN);
    jw_kv_text(&w, "t", "x");
    jw_kv_text(&w, "n", NULL);
    jw_kv_bool(&w, "b", true);
    jw_kv_raw(&w, "r", STR("[1]"));
    jw_key(&w, "a");
    jw_array(&w);
    jw_int(&w, 1);
    jw_array(&w);
    jw_end(&w);
    jw_object(&w);
    jw_key_str(&w, STR("k\"y"));
    jw_null(&w);
    jw_end(&w);
    jw_bool(&w, false);
    jw_str(&w, STR(""));
    jw_text(&w, "z");
    jw_end(&w);
    jw_kv_str(&w, "last", STR("!"));
    jw_kv_time(&w, "at", 1);
    jw_kv_time(&w, "never", 0);
    jw_end(&w);
    assert_string_equal(buf_cstr(&out),
                        "{\"i\":-9223372036854775808,\"t\":\"x\",\"n\":null,\"b\":true,\"r\":[1],"
                        "\"a\":[1,[],{\"k\\\"y\":null},false,\"\",\"z\"],\"last\":\"!\","
                        "\"at\":\"1970-01-01T00:00:00.001Z\",\"never\":null}");
    buf_done(&out);
}

static void a_form_is_written_as_its_shape_says(void **state)
{
    static const char *const nobody = NULL;
    const char text[] = "x\"y";
    struct json_writer w;
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    jw_init(&w, &out);
    jw_form(&w, "{i:%i, s:%s, t:%s, none:%s, yes:%b, no:%b, real:%d, raw:%j, const:'a, b', list:[",
            INT64_MIN, STR("a"), text, nobody, 1 == 1, false, 0.5, STR("[1]"));
    for (unsigned i = 0; i < 2; i++) {
        jw_form(&w, "%i, {n:%i}", i, SIZE_MAX / 2);
    }
    jw_form(&w,
            "true, -1, null], left?:%s, out?:%i, off?:%b, kept?:%i, null:%?i, gone:%?s, here:%?i",
            STR_EMPTY, 0, false, 7, (int64_t)0, nobody, 8);
    jw_shape(&w, ", $ref:'#', e:{}}");
    assert_string_equal(
        buf_cstr(&out),
        "{\"i\":-9223372036854775808,\"s\":\"a\",\"t\":\"x\\\"y\",\"none\":null,\"yes\":true,"
        "\"no\":false,\"real\":0.5,\"raw\":[1],\"const\":\"a, b\",\"list\":[0,"
        "{\"n\":9223372036854775807},1,{\"n\":9223372036854775807},true,-1,null],\"kept\":7,"
        "\"null\":null,\"gone\":null,\"here\":8,\"$ref\":\"#\",\"e\":{}}");
    buf_done(&out);
}

static void strings_are_escaped_and_mended(void **state)
{
    static const struct {
        struct str text;
        const char *escaped;
    } rows[] = {
        {STR_INIT("plain"), "plain"},
        {STR_INIT("\"\\"), "\\\"\\\\"},
        {STR_INIT("\n\r\t\b\f"), "\\n\\r\\t\\b\\f"},
        {STR_INIT("\x01\x1f\x7f"), "\\u0001\\u001f\\u007f"},
        {STR_INIT("a\0b"), "a\\u0000b"},
        {STR_INIT("\xC3\xA4\xF0\x9F\x98\x80"), "\xC3\xA4\xF0\x9F\x98\x80"},
        {STR_INIT("a\xFFz"), "a\xEF\xBF\xBDz"},
        {STR_INIT("\"\xFF\n\xC3\xA4\""), "\\\"\xEF\xBF\xBD\\n\xC3\xA4\\\""},
        {STR_INIT("\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n"), /* more than go at once */
         "\\\\n\\\\n\\\\n\\\\n\\\\n\\\\n\\\\n\\\\n\\\\n\\\\n"},
        {STR_INIT("\x01\x02\x03\x04\x05\x06\x07\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18"),
         "\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\u000e\\u000f\\u0010\\u0011"
         "\\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018"},
        {STR_INIT("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, /* half a surrogate */
    };
    struct buf out;

    (void)state;
    buf_init(&out, 200);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_clear(&out);
        json_escape(&out, rows[i].text);
        if (!str_is(buf_view(&out), rows[i].escaped)) {
            fail_msg("row %zu: %s", i, buf_cstr(&out));
        }
    }
    buf_done(&out);
}

static void numbers_that_json_does_not_know_are_null(void **state)
{
    static const double odd[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    struct json_writer w;
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    jw_init(&w, &out);
    jw_array(&w);
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        jw_double(&w, odd[i]);
    }
    jw_double(&w, 0.5);
    jw_end(&w);
    assert_string_equal(buf_cstr(&out), "[null,null,null,0.5]");
    buf_done(&out);
}

static void milliseconds_are_as_short_as_can_be(void **state)
{
    static const int64_t us[] = {0, 12000, 12500, 19, 100, 1234567890};
    struct json_writer w;
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    jw_init(&w, &out);
    jw_array(&w);
    for (size_t i = 0; i < ARRAY_LEN(us); i++) {
        jw_ms(&w, us[i]);
    }
    jw_end(&w);
    assert_string_equal(buf_cstr(&out), "[0,12,12.5,0.019,0.1,1234567.89]");
    buf_done(&out);
}

/* The same as by the writer, whatever the text is, and nothing beyond what was asked for. */
static void a_pen_writes_what_the_writer_writes(void **state)
{
    static const struct str texts[] = {
        STR_INIT(""),
        STR_INIT("a"),
        STR_INIT("sixteen bytes ..."),
        STR_INIT("quote \" and \\ and \n, behind each other"),
        STR_INIT("\x01\x7F"),
        STR_INIT("Gr\xC3\xBC\xC3\x9F"
                 "e \xFF"),
        STR_INIT("a text that is plain and longer than two blocks are")};
    struct json_writer w;
    struct json_pen pen;
    struct buf by_writer;
    struct buf by_pen;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_init(&by_writer, 1000);
        jw_init(&w, &by_writer);
        jw_array(&w);
        jw_str(&w, texts[i]);
        jw_int(&w, -170);
        jw_ms(&w, 12500);
        jw_end(&w);
        buf_init(&by_pen, 1000);
        assert_true(pen_begin(&pen, &by_pen, 100 + texts[i].len * PEN_ESCAPED));
        PEN(&pen, "[\"");
        pen_text(&pen, texts[i]);
        PEN(&pen, "\",");
        pen_int(&pen, -170);
        PEN(&pen, ",");
        pen_ms(&pen, 12500);
        PEN(&pen, "]");
        pen_end(&pen);
        assert_string_equal(buf_cstr(&by_pen), buf_cstr(&by_writer));
        assert_false(pen_begin(&pen, &by_pen, 1000));
        assert_false(buf_ok(&by_pen));
        buf_done(&by_writer);
        buf_done(&by_pen);
    }
}

/* Every byte at every place of a text, so that looking at eight at once finds what looking at each does. */
static void plain_bytes_are_told_from_the_others_at_any_place(void **state)
{
    char text[20];
    char copy[sizeof(text) + JSON_COPY_SLACK];

    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        bool is_plain = byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';

        for (size_t at = 0; at < sizeof(text); at++) {
            for (size_t i = 0; i < sizeof(text); i++) {
                text[i] = (char)(i % 2 == 0 ? 0x20 : 0x7E);
            }
            text[at] = (char)byte;
            assert_int_equal(json_plain_len((struct str){text, sizeof(text)}),
                             is_plain ? sizeof(text) : at);
            assert_int_equal(json_copy_plain(copy, (struct str){text, sizeof(text)}),
                             is_plain ? sizeof(text) : at);
            assert_memory_equal(copy, text, at);
        }
    }
}

int test_json_writer(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_bytes_are_told_from_the_others_at_any_place),
        cmocka_unit_test(members_and_items_are_separated_and_nested),
        cmocka_unit_test(a_form_is_written_as_its_shape_says),
        cmocka_unit_test(strings_are_escaped_and_mended),
        cmocka_unit_test(a_pen_writes_what_the_writer_writes),
        cmocka_unit_test(milliseconds_are_as_short_as_can_be),
        cmocka_unit_test(numbers_that_json_does_not_know_are_null),
    };

    return cmocka_run_group_tests_name("base: JSON writer", tests, NULL, NULL);
}
