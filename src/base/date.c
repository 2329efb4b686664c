/* Each part has a fixed number of digits, and each number its range: nothing is carried over into
 * the next part, so that 30 February is an error and not 2 March. */
#include "base/date.h"

#include <stdio.h>
#include <string.h>

#define LAST_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

enum { FIRST_YEAR = 1970, DAY_S = 86400, FRACTION_DIGITS = 3 };

/* `rest` is the cursor of all readers: the part of the text that is left. */
static bool take_char(struct str *rest, const char *one_of)
{
    if (rest->len == 0 || str_find_char(str_from(one_of), rest->ptr[0]) < 0) {
        return false;
    }
    *rest = str_sub(*rest, 1, rest->len);
    return true;
}

static bool is_digit(struct str rest)
{
    return rest.len > 0 && rest.ptr[0] >= '0' && rest.ptr[0] <= '9';
}

static bool take_number(struct str *rest, size_t n_digits, int64_t min, int64_t max, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < n_digits; i++) {
        if (!is_digit(*rest)) {
            return false;
        }
        *out = *out * 10 + (rest->ptr[0] - '0');
        *rest = str_sub(*rest, 1, rest->len);
    }
    return *out >= min && *out <= max;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_of_month(int64_t year, int64_t month)
{
    static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Days since 1 January 1970. */
static bool take_day(struct str *rest, int64_t *out_days)
{
    int64_t year;
    int64_t month;
    int64_t day;
    int64_t days = 0;

    if (!take_number(rest, 4, FIRST_YEAR, 9999, &year) || !take_char(rest, "-") ||
        !take_number(rest, 2, 1, 12, &month) || !take_char(rest, "-") ||
        !take_number(rest, 2, 1, days_of_month(year, month), &day)) {
        return false;
    }
    for (int64_t before = FIRST_YEAR; before < year; before++) {
        days += is_leap(before) ? 366 : 365;
    }
    for (int64_t before = 1; before < month; before++) {
        days += days_of_month(year, before);
    }
    *out_days = days + day - 1;
    return true;
}

/* More digits than milliseconds have are read and dropped. */
static bool take_fraction(struct str *rest, int64_t *out_ms)
{
    int64_t ms = 0;
    int n = 0;

    *out_ms = 0;
    if (!take_char(rest, ".")) {
        return true;
    }
    for (; is_digit(*rest); n++) {
        ms = n < FRACTION_DIGITS ? ms * 10 + (rest->ptr[0] - '0') : ms;
        *rest = str_sub(*rest, 1, rest->len);
    }
    for (int i = n; i < FRACTION_DIGITS; i++) {
        ms *= 10;
    }
    *out_ms = ms;
    return n > 0;
}

static bool take_time(struct str *rest, int64_t *out_ms, bool *out_is_leap)
{
    int64_t hour;
    int64_t minute;
    int64_t second; /* 60: a leap second, which Unix time counts as the next one */
    int64_t ms;

    if (!take_number(rest, 2, 0, 23, &hour) || !take_char(rest, ":") ||
        !take_number(rest, 2, 0, 59, &minute) || !take_char(rest, ":") ||
        !take_number(rest, 2, 0, 60, &second) || !take_fraction(rest, &ms)) {
        return false;
    }
    *out_ms = ((hour * 60 + minute) * 60 + second) * 1000 + ms;
    *out_is_leap = second == 60;
    return true;
}

static bool take_offset(struct str *rest, int64_t *out_ms)
{
    int64_t hour;
    int64_t minute;
    bool behind = rest->len > 0 && rest->ptr[0] == '-';

    *out_ms = 0;
    if (take_char(rest, "Zz")) {
        return true;
    }
    if (!take_char(rest, "+-") || !take_number(rest, 2, 0, 23, &hour) || !take_char(rest, ":") ||
        !take_number(rest, 2, 0, 59, &minute)) {
        return false;
    }
    *out_ms = (hour * 60 + minute) * 60000 * (behind ? -1 : 1);
    return true;
}

/* Leap seconds stand at the end of June or December (RFC 3339, section 5.7), in UTC. `ms`: of the second behind it. */
static bool may_be_leap(int64_t ms)
{
    int64_t day = ms / 1000 / DAY_S;
    int64_t first = 0; /* of January */

    if (ms < 0 || ms / 1000 % DAY_S != 0) {
        return false;
    }
    for (int64_t year = FIRST_YEAR; first < day; year++) {
        int64_t length = is_leap(year) ? 366 : 365;

        if (day == first + length - 184) { /* the first of July */
            return true;
        }
        first += length;
    }
    return day == first;
}

/* An offset, or the end of the last day of 9999, may lead out of the years that can be written: clamps. */
static int64_t clamp(int64_t ms)
{
    return ms < 0 ? 0 : ms > LAST_MS ? LAST_MS : ms;
}

bool date_read(struct str text, int64_t *out_ms)
{
    int64_t days;
    int64_t time_ms = INT64_C(1000) * DAY_S; /* of a bare day: its end */
    int64_t offset_ms = 0;
    bool is_leap_second = false;

    if (!take_day(&text, &days)) {
        return false;
    }
    if (text.len > 0 && (!take_char(&text, "Tt") || !take_time(&text, &time_ms, &is_leap_second) ||
                         !take_offset(&text, &offset_ms))) {
        return false;
    }
    if (text.len > 0) {
        return false;
    }
    time_ms += days * DAY_S * 1000 - offset_ms;
    if (is_leap_second && !may_be_leap(time_ms)) {
        return false;
    }
    *out_ms = clamp(time_ms);
    return true;
}

/* Rewrites the date as RFC 3339, and lets the reader for that check the numbers. */
bool date_read_imf(struct str text, int64_t *out_ms)
{
    static const char form[] = "___, __ ___ ____ __:__:__ GMT";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char date[sizeof("2026-12-31T23:59:59Z")];
    unsigned month = 0;

    if (text.len != sizeof(form) - 1) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (form[i] != '_' && form[i] != text.ptr[i]) {
            return false;
        }
    }
    while (month < 12 && memcmp(months + (size_t)3 * month, text.ptr + 8, 3) != 0) {
        month++;
    }
    (void)snprintf(date, sizeof(date), "%.4s-%02u-%.2sT%.8sZ", text.ptr + 12, month + 1,
                   text.ptr + 5, text.ptr + 17);
    return date_read(str_from(date), out_ms);
}
