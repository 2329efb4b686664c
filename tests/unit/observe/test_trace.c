/* Request identity: what is adopted from the caller and what is not. */
#include "harness/cmocka.h"

#include <string.h>

#include "base/random.h"
#include "observe/trace.h"

int test_trace(void);

#define TRACE_ID "0af7651916cd43dd8448eb211c80319c"
#define SPAN_ID  "b7ad6b7169203331"

static void only_a_valid_traceparent_is_continued(void **state)
{
    static const struct {
        const char *header;
        bool continued;
        bool sampled;
    } rows[] = {
        {"00-" TRACE_ID "-" SPAN_ID "-01", true, true},
        {"00-" TRACE_ID "-" SPAN_ID "-00", true, false},
        {"01-" TRACE_ID "-" SPAN_ID "-01-more", true, true}, /* a version to come */
        {"00-" TRACE_ID "-" SPAN_ID "-01-more", false, false},
        {"ff-" TRACE_ID "-" SPAN_ID "-01", false, false},
        {"00-00000000000000000000000000000000-" SPAN_ID "-01", false, false},
        {"00-" TRACE_ID "-0000000000000000-01", false, false},
        {"00-0AF7651916CD43DD8448EB211C80319C-" SPAN_ID "-01", false, false},
        {"00-" TRACE_ID "-" SPAN_ID, false, false},
        {"", false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct trace trace;

        trace_begin(&trace, 0);
        trace_adopt(&trace, str_from(rows[i].header), STR_EMPTY);
        if (str_is(STR(TRACE_ID), trace.trace_id) != rows[i].continued) {
            fail_msg("%s: %s", rows[i].header, trace.trace_id);
        }
        if (rows[i].continued) {
            assert_string_equal(trace.parent_span_id, SPAN_ID);
            assert_int_equal(trace.sampled, rows[i].sampled);
        }
        assert_int_equal(strlen(trace.trace_id), 32);
        assert_int_equal(strlen(trace.span_id), 16);
        assert_string_not_equal(trace.span_id, SPAN_ID);
    }
}

static void traces_of_clouds_are_continued(void **state)
{
    static const struct {
        const char *amazon;
        const char *google;
        const char *trace_id; /* NULL: a new one */
        const char *parent;
        bool sampled;
    } rows[] = {
        {"Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=1", "",
         "67891233abcdef012345678912345678", "463ac35c9f6413ad", true},
        {"Root=1-67891233-abcdef012345678912345678", "", "67891233abcdef012345678912345678", "",
         true},
        {"Self=1-67891234-12456789abcdef012345678; Root=1-67891233-abcdef012345678912345678; "
         "Sampled=0",
         "", "67891233abcdef012345678912345678", "", false},
        {"Root=1-6789123-abcdef0123456789123456789", "", NULL, "", true},
        {"Root=1-67891233-ABCDEF012345678912345678", "", NULL, "", true},
        {"Root=1-00000000-000000000000000000000000", "", NULL, "", true},
        {"Parent=463ac35c9f6413ad", "", NULL, "", true},
        {"", TRACE_ID "/1;o=1", TRACE_ID, "0000000000000001", true},
        {"", TRACE_ID "/18446744073709551615;o=0", TRACE_ID, "ffffffffffffffff", false},
        {"", TRACE_ID "/18446744073709551616", TRACE_ID, "", true}, /* too large for a span */
        {"", TRACE_ID, TRACE_ID, "", true},
        {"", TRACE_ID "/0", TRACE_ID, "", true},
        {"", "00000000000000000000000000000000/1;o=1", NULL, "", true},
        {"", "105445aa7843bc8bf206b12000100000f/1;o=1", NULL, "", true},
        {"Root=nonsense", TRACE_ID "/1", TRACE_ID, "0000000000000001", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct trace trace;
        char own[33];

        trace_begin(&trace, 0);
        str_copy(own, sizeof(own), str_from(trace.trace_id));
        trace_adopt_cloud(&trace, str_from(rows[i].amazon), str_from(rows[i].google));
        assert_string_equal(trace.trace_id, rows[i].trace_id != NULL ? rows[i].trace_id : own);
        assert_string_equal(trace.request_id, trace.trace_id);
        assert_string_equal(trace.parent_span_id, rows[i].parent);
        assert_int_equal(trace.sampled, rows[i].sampled);
        assert_int_equal(trace.is_amazon, rows[i].google[0] == '\0' && rows[i].trace_id != NULL);
    }
}

/* What a load balancer adds does not replace what the caller said. */
static void a_traceparent_is_stronger_than_what_a_cloud_says(void **state)
{
    struct trace trace;

    (void)state;
    trace_begin(&trace, 0);
    trace_adopt(&trace, STR("00-" TRACE_ID "-" SPAN_ID "-01"), STR("mine"));
    trace_adopt_cloud(&trace, STR("Root=1-67891233-abcdef012345678912345678;Sampled=0"), STR_EMPTY);
    assert_string_equal(trace.trace_id, TRACE_ID);
    assert_string_equal(trace.request_id, "mine");
    assert_true(trace.sampled);
    trace_begin(&trace, 0);
    trace_adopt(&trace, STR_EMPTY, STR("mine"));
    trace_adopt_cloud(&trace, STR_EMPTY, STR(TRACE_ID "/1"));
    trace_adopt_state(&trace, STR("vendor=value")); /* belongs to a traceparent */
    assert_string_equal(trace.request_id, "mine");
    assert_int_equal(trace.state.len, 0);
}

static void a_request_id_is_the_callers_where_it_is_harmless(void **state)
{
    static const struct {
        const char *header;
        bool taken;
    } rows[] = {
        {"my-id.7_A", true}, {"", false},         {"with blank", false},
        {"a\r\nb", false},   {"\xC3\xA4", false},
    };

    char longest[130];

    (void)state;
    memset(longest, 'a', sizeof(longest));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct trace trace;

        trace_begin(&trace, 0);
        trace_adopt(&trace, STR_EMPTY, str_from(rows[i].header));
        assert_string_equal(trace.request_id, rows[i].taken ? rows[i].header : trace.trace_id);
    }
    for (size_t len = 128; len <= 129; len++) {
        struct trace trace;

        trace_begin(&trace, 0);
        trace_adopt(&trace, STR_EMPTY, (struct str){longest, len});
        assert_int_equal(strlen(trace.request_id), len == 128 ? 128 : 32);
    }
}

static void a_call_to_the_platform_is_a_child_of_its_own(void **state)
{
    struct trace trace;
    char first[56];
    char second[56];

    (void)state;
    random_seed(3);
    trace_begin(&trace, 0);
    trace_adopt(&trace, STR("00-" TRACE_ID "-" SPAN_ID "-01"), STR_EMPTY);
    trace_child(&trace, first);
    trace_child(&trace, second);
    random_release();
    assert_true(str_starts(str_from(first), STR("00-" TRACE_ID "-")));
    assert_true(str_ends(str_from(first), STR("-01")));
    assert_string_not_equal(first, second);
    assert_int_equal(strlen(first), 55);
}

static void stages_add_up(void **state)
{
    struct trace trace;

    (void)state;
    trace_begin(&trace, 0);
    trace_add(&trace, TRACE_UPSTREAM, 5);
    trace_add(&trace, TRACE_UPSTREAM, 7);
    assert_int_equal(trace.stage_us[TRACE_UPSTREAM], 12);
    assert_int_equal(trace.stage_us[TRACE_WORK], 0);
    for (int i = 0; i < TRACE_N_STAGES; i++) {
        assert_true(strlen(trace_stage_name((enum trace_stage)i)) > 0);
    }
}

int test_trace(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_valid_traceparent_is_continued),
        cmocka_unit_test(traces_of_clouds_are_continued),
        cmocka_unit_test(a_traceparent_is_stronger_than_what_a_cloud_says),
        cmocka_unit_test(a_request_id_is_the_callers_where_it_is_harmless),
        cmocka_unit_test(a_call_to_the_platform_is_a_child_of_its_own),
        cmocka_unit_test(stages_add_up),
    };

    return cmocka_run_group_tests_name("observe: trace", tests, NULL, NULL);
}
