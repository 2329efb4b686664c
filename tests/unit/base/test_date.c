/* Dates: only those that exist, and a day ends at its end. */
#include "harness/cmocka.h"

#include "base/attr.h"
#include "base/date.h"

static void a_date_is_read_to_the_millisecond(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2027-01-31T12:00:00Z", INT64_C(1801396800000)},
        {"2027-01-31t12:00:00.25z", INT64_C(1801396800250)},
        {"2027-01-31T12:00:00.123456Z", INT64_C(1801396800123)},
        {"2027-01-31T13:30:00+01:30", INT64_C(1801396800000)},
        {"2027-01-31T10:00:00-02:00", INT64_C(1801396800000)},
        {"2028-02-29T00:00:00Z", INT64_C(1835395200000)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000)},
        {"2015-06-30T23:59:60.5Z", INT64_C(1435708800500)},
        {"2017-01-01T05:29:60+05:30", INT64_C(1483228800000)},
        /* a bare day ends where the next one begins */
        {"2027-01-31", INT64_C(1801440000000)},
        {"1970-01-01", INT64_C(86400000)},
        /* what cannot be written any more is cut */
        {"9999-12-31", INT64_C(253402300799999)},
        {"9999-12-31T23:59:60Z", INT64_C(253402300799999)},
        {"9999-12-31T23:59:59-02:00", INT64_C(253402300799999)},
        {"1970-01-01T00:00:00+01:00", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = -1;

        if (!date_read(str_from(rows[i].text), &ms)) {
            fail_msg("\"%s\" was refused", rows[i].text);
        }
        assert_int_equal(ms, rows[i].ms);
    }
}

static void what_does_not_exist_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "2027",
        "2027-02",
        "2027-02-30",
        "2027-02-29",
        "2100-02-29",
        "2027-04-31",
        "2027-13-01",
        "2027-00-10",
        "2027-01-00",
        "27-01-31",
        "02027-01-31",
        "1969-12-31",
        "2027-1-31",
        "2027-01-3",
        "2027-01-31 ",
        " 2027-01-31",
        "2027-01-31T",
        "2027-01-31T12:00Z",
        "2027-01-31T12:00:00",
        "2027-01-31 12:00:00Z",
        "2027-01-31T24:00:00Z",
        "2027-01-31T12:60:00Z",
        "2027-01-31T12:00:60Z",
        "2027-01-31T23:59:60Z", /* no leap second ends January */
        "2016-12-31T12:59:60Z",
        "2016-12-31T23:59:60+01:00",
        "2027-01-31T12:00:61Z",
        "2027-01-31T12:00:00.Z",
        "2027-01-31T12:00:00+1:00",
        "2027-01-31T12:00:00+0100",
        "2027-01-31T12:00:00+24:00",
        "2027-01-31T12:00:00Zx",
        "31.01.2027",
        "2027/01/31",
        "+027-01-31",
        "never",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        int64_t ms = 7;

        if (date_read(str_from(texts[i]), &ms)) {
            fail_msg("\"%s\" was taken", texts[i]);
        }
        assert_int_equal(ms, 7);
    }
}

static void dates_of_http_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Sun, 06 Nov 1994 08:49:37 GMT", INT64_C(784111777000)},
        {"Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799000)},
        {"Sunday, 06-Nov-94 08:49:37 GMT", -1},
        {"Sun Nov  6 08:49:37 1994", -1},
        {"Sun, 31 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 Foo 1994 08:49:37 GMT", -1},
        {"Sun, 06 Nov 1994 24:49:37 GMT", -1},
        {"Sun, 06 Nov 1994 08:49:37 UTC", -1},
        {"Sun, 06 Nov 1994 08:49:37 GMT ", -1},
        {"0", -1},
        {"", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = -1;

        assert_int_equal(date_read_imf(str_from(rows[i].text), &ms), rows[i].ms >= 0);
        assert_true(rows[i].ms < 0 || ms == rows[i].ms);
    }
}

int test_date(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_date_is_read_to_the_millisecond),
        cmocka_unit_test(what_does_not_exist_is_refused),
        cmocka_unit_test(dates_of_http_are_read),
    };

    return cmocka_run_group_tests_name("dates", tests, NULL, NULL);
}
