/* Media types and lists in headers, as odd as peers write them. */
#include "harness/cmocka.h"

#include "api/gate/cache.h"
#include "api/gate/cache_entry.h"
#include "api/gate/media.h"
#include "base/clock.h"

static void media_types_are_told_in_any_spelling(void **state)
{
    static const struct {
        const char *type;
        enum media_kind kind;
    } rows[] = {
        {"application/json", MEDIA_JSON},
        {"Application/JSON; charset=UTF-8", MEDIA_JSON},
        {"text/JSON", MEDIA_JSON},
        {" application/vnd.api+Json ;q=1", MEDIA_JSON},
        {"application/problem+json", MEDIA_JSON},
        {"", MEDIA_NONE},
        {"json", MEDIA_NONE},
        {"/json", MEDIA_NONE},
        {"application/", MEDIA_NONE},
        {";application/json", MEDIA_NONE},
        {"text/plain", MEDIA_TEXT},
        {"text/html", MEDIA_TEXT},
        {"application/octet-stream", MEDIA_TEXT},
        {"application/jsonx", MEDIA_TEXT},
        {"image/svg+xml", MEDIA_TEXT},
        {"IMAGE/png", MEDIA_OPAQUE},
        {"application/PDF", MEDIA_OPAQUE},
        {"video/mp4", MEDIA_OPAQUE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (media_kind(str_from(rows[i].type)) != rows[i].kind) {
            fail_msg("\"%s\" is taken for kind %d", rows[i].type,
                     (int)media_kind(str_from(rows[i].type)));
        }
    }
}

static void the_first_bytes_tell_json(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        bool want;
    } rows[] = {
        {"{\"a\":1}", 7, true},
        {" \r\n\t[1]", 7, true},
        {"\"a\"", 3, true},
        {"\xef\xbb\xbf{}", 5, true},
        {"\xff\xfe{\0", 4, true},
        {"\xfe\xff\0{", 4, true},
        {"{\0}\0", 4, true},
        {"\0{\0}", 4, true},
        {"", 0, true},
        {" ", 1, true},
        {"\x89PNG\r\n", 6, false},
        {"\xff\xd8\xff\xe0", 4, false},
        {"GIF89a", 6, false},
        {"%PDF-1.7", 8, false},
        {"PK\3\4", 4, false},
        {"\0\0\0\x18"
         "ftyp",
         8, false},
        {"\0\1\0\0", 4, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (media_begins_as_json((struct str){rows[i].bytes, rows[i].n}) != rows[i].want) {
            fail_msg("row %zu is taken for the other", i);
        }
        if (media_begins_as_opaque((struct str){rows[i].bytes, rows[i].n}) !=
            (!rows[i].want && rows[i].bytes[0] != 'P')) { /* an archive is nothing to look at */
            fail_msg("row %zu is taken for the other", i);
        }
    }
}

static void charsets_that_hide_ascii_are_told(void **state)
{
    (void)state;
    assert_true(media_is_ascii_based(STR("application/json")));
    assert_true(media_is_ascii_based(STR("application/json; Charset=\"UTF-8\"")));
    assert_true(media_is_ascii_based(STR("text/plain;charset=iso-8859-1;x=y")));
    assert_true(media_is_ascii_based(STR("text/plain; x=charset")));
    assert_false(media_is_ascii_based(STR("application/json;charset=utf-16")));
    assert_false(media_is_ascii_based(STR("application/json; CHARSET = \"UTF-16LE\"")));
    assert_false(media_is_ascii_based(STR("text/plain; charset=")));
    assert_false(media_is_ascii_based(STR("text/plain; charset=utf-7")));
}

static void lists_are_split_at_commas_outside_quotes(void **state)
{
    struct str rest = STR(" a , \"b,\\\"c\" ,,d");
    struct str element;
    static const char *const want[] = {"a", "\"b,\\\"c\"", "", "d"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_true(header_list_next(&rest, &element));
        assert_true(str_is(element, want[i]));
    }
    assert_false(header_list_next(&rest, &element));
    rest = STR("\"never closed, \\");
    assert_true(header_list_next(&rest, &element));
    assert_false(header_list_next(&rest, &element));
    assert_true(header_list_has(STR("close, X-Trace"), STR("x-trace")));
    assert_false(header_list_has(STR("close, X-Trace-Id"), STR("x-trace")));
}

static struct cache_wish wish_of(const char *control, const char *pragma)
{
    struct http_request request = {0};
    struct cache_wish wish;

    if (control != NULL) {
        request.headers[request.n_headers++] =
            (struct http_header){STR("cache-control"), str_from(control)};
    }
    if (pragma != NULL) {
        request.headers[request.n_headers++] =
            (struct http_header){STR("Pragma"), str_from(pragma)};
    }
    cache_wish_read(&request, &wish);
    return wish;
}

static void a_request_says_what_it_wants_of_a_cache(void **state)
{
    (void)state;
    assert_true(wish_of(NULL, NULL).max_age_ms == UINT64_MAX);
    assert_true(wish_of("No-Store", NULL).no_store);
    assert_int_equal(wish_of("no-cache", NULL).max_age_ms, 0);
    assert_int_equal(wish_of("max-age=0", NULL).max_age_ms, 0);
    assert_int_equal(wish_of("max-age=\"5\"", NULL).max_age_ms, 5000);
    assert_int_equal(wish_of("max-age=soon", NULL).max_age_ms, 0);
    assert_int_equal(wish_of("no-cache, max-age=60", NULL).max_age_ms, 0);
    assert_int_equal(wish_of("max-age=5, max-age=60", NULL).max_age_ms, 5000);
    assert_int_equal(wish_of("min-fresh=3, only-if-cached", NULL).min_fresh_ms, 3000);
    assert_true(wish_of("min-fresh=3, only-if-cached", NULL).only_if_cached);
    assert_true(wish_of("max-stale", NULL).max_stale_ms == UINT64_MAX);
    assert_int_equal(wish_of("max-stale=7", NULL).max_stale_ms, 7000);
    assert_true(wish_of("max-stale", NULL).error_ms == UINT64_MAX);
    assert_int_equal(wish_of("max-stale=0", NULL).meanwhile_ms, 0);
    assert_int_equal(wish_of("max-stale=0", NULL).error_ms, 0);
    assert_int_equal(wish_of("stale-while-revalidate=2, max-stale=9", NULL).meanwhile_ms, 2000);
    assert_int_equal(wish_of("stale-if-error=0", NULL).error_ms, 0);
    assert_true(wish_of("stale-if-error=0", NULL).meanwhile_ms == UINT64_MAX);
    assert_int_equal(wish_of(NULL, "no-cache").max_age_ms, 0);
    assert_true(wish_of("max-stale", "no-cache").max_age_ms == UINT64_MAX);
    assert_true(wish_of("private, unknown=1,,", NULL).max_age_ms == UINT64_MAX);
    assert_int_equal(wish_of("max-age=99999999999999999999", NULL).max_age_ms,
                     (uint64_t)INT32_MAX * 1000);
}

static void the_platform_says_when_an_old_answer_may_be_given(void **state)
{
    static const struct {
        const char *control;
        uint64_t meanwhile_ms;
        uint64_t error_ms;
        bool never;
    } rows[] = {
        {"max-age=60", UINT64_MAX, UINT64_MAX, false},
        {"max-age=60, Must-Revalidate", 0, 0, true},
        {"proxy-revalidate", 0, 0, true},
        {"s-maxage=60", 0, 0, true},
        {"max-age=60, stale-if-error=0", UINT64_MAX, 0, false},
        {"stale-while-revalidate=5, stale-if-error=\"7\"", 5000, 7000, false},
        {"stale-if-error=5, must-revalidate, stale-if-error=9", 0, 0, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct http_header header = {STR("cache-control"), str_from(rows[i].control)};
        struct cache_stale stale;

        cache_stale_read(&(struct cache_answer){.headers = &header, .n_headers = 1}, &stale);
        assert_true(stale.meanwhile_ms == rows[i].meanwhile_ms);
        assert_true(stale.error_ms == rows[i].error_ms);
        assert_int_equal(stale.never, rows[i].never);
    }
}

static void what_has_expired_is_given_as_the_request_allows(void **state)
{
    static const struct {
        const char *control; /* NULL: none */
        bool meanwhile;      /* 5 s after its end */
    } rows[] = {
        {NULL, true},
        {"max-stale=0", false},
        {"max-stale=6", true},
        {"max-stale", true},
        {"stale-while-revalidate=0", false},
        {"stale-if-error=0", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cache_wish wish = wish_of(rows[i].control, NULL);
        char body[] = "{}";
        struct task leader = {0};
        struct cache_entry entry = {.body = body,
                                    .leader = &leader,
                                    .fresh_ms = 10000,
                                    .revalidate_ms = 40000,
                                    .stale_ms = 40000};

        clock_set(15000, 0);
        if (cache_entry_serves_meanwhile(&entry, &wish) != rows[i].meanwhile) {
            fail_msg("%s", rows[i].control);
        }
        clock_release();
    }
}

static void preconditions_and_parts_are_for_the_platform(void **state)
{
    static const struct {
        const char *name;
        bool passes;
    } rows[] = {{"if-match", true},       {"If-Unmodified-Since", true},
                {"Range", true},          {"If-Range", true},
                {"If-None-Match", false}, {"If-Modified-Since", false},
                {"Accept-Range", false},  {"Cache-Control", false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_request *request = mem_zalloc(sizeof(*request));
        struct cache_wish wish;

        request->headers[0] = (struct http_header){str_from(rows[i].name), STR("\"x\"")};
        request->n_headers = 1;
        cache_wish_read(request, &wish);
        assert_int_equal(wish.passes, rows[i].passes);
        mem_free(request);
    }
}

static void an_answer_says_how_long_it_may_be_kept(void **state)
{
    static const struct {
        const char *control;
        const char *age;
        unsigned kept_s; /* of 300 */
        const char *expires;
    } rows[] = {
        {"", "", 0, "0"},
        {"", "", 0, "-1"},
        {"public", "", 0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"", "", 0, "Thu, 01 Foo 2037 00:00:00 GMT"},
        {"", "", 300, "Fri, 01 Jan 2100 00:00:00 GMT"},
        {"max-age=60", "", 60, "0"}, /* it goes before */
        {"max-age=99999999999999999999", "", 300, ""},
        {"max-age=1e9", "", 0, ""},
        {"", "", 300},
        {"no-store", "", 0},
        {"max-age=60, No-Store", "", 0},
        {"private", "", 0},
        {"private=\"X-Own\"", "", 0},
        {"no-cache=\"Set-Cookie\"", "", 0},
        {"max-age=60", "", 60},
        {"max-age=6000", "", 300},
        {"max-age=\"60\"", "20", 40},
        {"max-age=60", "61", 0},
        {"max-age=60", "old", 60},
        {"max-age=60, max-age=5", "", 5},
        {"max-age=0, s-maxage=60", "", 60},
        {"max-age=60, s-maxage=0", "", 0},
        {"max-age=-1", "", 0},
        {"max-age", "", 0},
        {"public, must-revalidate, immutable", "100", 300},
    };

    static const struct cache_said proxied[] = {
        {.control = STR_INIT("private, max-age=60"), .age = STR_INIT("50"), .from_proxy = true},
        {.control = STR_INIT("private, no-cache"), .age = STR_INIT("0"), .from_proxy = true},
        {.control = STR_INIT("no-store"), .from_proxy = true}};

    (void)state;
    assert_int_equal(cache_keep_s(&proxied[0], 300), 60); /* of our kind: it is what is left */
    assert_int_equal(cache_keep_s(&proxied[1], 300), 0);
    assert_int_equal(cache_keep_s(&proxied[2], 300), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct cache_said said = {str_from(rows[i].control), str_from(rows[i].age),
                                        str_from(rows[i].expires)};

        assert_int_equal(cache_keep_s(&said, 300), rows[i].kept_s);
    }
}

int test_media(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(media_types_are_told_in_any_spelling),
        cmocka_unit_test(the_first_bytes_tell_json),
        cmocka_unit_test(charsets_that_hide_ascii_are_told),
        cmocka_unit_test(lists_are_split_at_commas_outside_quotes),
        cmocka_unit_test(a_request_says_what_it_wants_of_a_cache),
        cmocka_unit_test(the_platform_says_when_an_old_answer_may_be_given),
        cmocka_unit_test(what_has_expired_is_given_as_the_request_allows),
        cmocka_unit_test(preconditions_and_parts_are_for_the_platform),
        cmocka_unit_test(an_answer_says_how_long_it_may_be_kept),
    };

    return cmocka_run_group_tests_name("api/media", tests, NULL, NULL);
}
