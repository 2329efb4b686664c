/* OTLP's JSON as protobuf, byte by byte; whole batches are read by another library in contract.otlp. */
#include "harness/cmocka.h"

#include "telemetry/wire.h"

enum { OUT_MAX = 4096 };

static void assert_wire(const char *json, const char *hex)
{
    static const char digits[] = "0123456789abcdef";
    struct buf out;
    struct buf text;

    buf_init(&out, OUT_MAX);
    buf_init(&text, OUT_MAX);
    assert_true(wire_of_traces(str_from(json), &out));
    for (size_t i = 0; i < out.len; i++) {
        buf_char(&text, digits[(unsigned char)out.ptr[i] >> 4]);
        buf_char(&text, digits[(unsigned char)out.ptr[i] & 15]);
    }
    assert_string_equal(buf_cstr(&text), hex);
    buf_done(&out);
    buf_done(&text);
}

/* Lengths of messages are varints of four bytes. */
static void each_kind_of_field_is_written(void **state)
{
    (void)state;
    assert_wire("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"spanId\":\"00ff10a0b0c0d0e1\","
                "\"kind\":2,\"endTimeUnixNano\":\"258\",\"flags\":257}]}]}]}",
                "0aa5808000"
                "12a0808000"
                "129b808000"
                "120800ff10a0b0c0d0e1"
                "3002"
                "410201000000000000"
                "850101010000");
    assert_wire("{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"a\\\"\\n\\u0001\","
                "\"value\":{\"intValue\":\"-1\"}}]}}]}",
                "0aa0808000"
                "0a9b808000"
                "0a96808000"
                "0a0461220a01"
                "128b808000"
                "18ffffffffffffffffff01");
}

static void what_is_no_batch_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{\"resourceSpans\":[{\"other\":1}]}",
        "{\"resourceSpans\":[",
        "{\"resourceSpans\":[]} ",
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"kind\":\"x\"}]}]}]}",
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"\\q\"}]}]}]}",
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"spanId\":\"0\"}]}]}]}",
    };
    struct buf out;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_init(&out, OUT_MAX);
        assert_false(wire_of_traces(str_from(texts[i]), &out));
        buf_done(&out);
    }
}

int test_wire(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_field_is_written),
        cmocka_unit_test(what_is_no_batch_is_refused),
    };

    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
