/* Test data tables and environments. */
#include "fixture.h"

static void a_table_is_made_of_columns_and_filled_by_rows(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    const char *path;
    int64_t id;
    int64_t column;

    json = call_ok(f, "POST", "/testdata/tables/create",
                   "{\"name\":\"users\",\"description\":\"d\",\"columns\":[\"name\",\"age\"]}");
    id = int_at(json, "/id");
    assert_text(json, "/attributes/1/name", "age");
    column = int_at(json, "/attributes/1/id");
    path = TEXT(f, "/testdata/tables/%lld/import", (long long)id);
    json = call_ok(f, "POST", path,
                   TEXT(f,
                        "{\"data\":[[\"name\",\"age\"],[\"Ann\",\"30\"],[\"Bob\"],{\"age\":41}],"
                        "\"format\":\"csv\",\"tableId\":\"%lld\"}",
                        (long long)id));
    assert_int_equal(int_at(json, "/importedRows"), 3);
    json = call_ok(f, "GET", TEXT(f, "/testdata/tables/%lld/values", (long long)id), NULL);
    assert_text(json, TEXT(f, "/values/0/%lld", (long long)column), "30");
    assert_text(json, TEXT(f, "/values/1/%lld", (long long)column), "");
    assert_text(json, TEXT(f, "/values/2/%lld", (long long)column), "41");
    path = TEXT(f, "/api%s", path);
    assert_int_equal(ask(f, "POST", path, "{\"data\":[[\"x\",\"y\",\"z\"]]}"), 400);
    assert_int_equal(ask(f, "POST", path, "{\"data\":[{\"size\":\"y\"}]}"), 400);
    assert_int_equal(ask(f, "POST", path, "{\"data\":5}"), 400);
    json = call_ok(f, "GET", TEXT(f, "/testdata/tables/%lld", (long long)id), NULL);
    assert_int_equal(int_at(json, "/rowCount"), 3);
}

static void a_table_is_made_of_csv(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    int64_t id;
    int64_t a;

    make_structure(f);
    json = call_ok(f, "POST", "/testdata/tables/create",
                   TEXT(f,
                        "{\"projectId\":%lld,\"name\":\"t\",\"csv\":\"a,\\\"b, c\\\"\\r\\n"
                        "\\\"1 \\\"\\\"x\\\"\\\"\\n2\\\",3\\n4\",\"csvHasHeaders\":true}",
                        (long long)f->project));
    id = int_at(json, "/id");
    assert_text(json, "/attributes/1/name", "b, c");
    a = int_at(json, "/attributes/0/id");
    assert_int_equal(int_at(json, "/rowCount"), 2);
    json = call_ok(f, "GET", TEXT(f, "/testdata/tables/%lld/values", (long long)id), NULL);
    assert_text(json, TEXT(f, "/values/0/%lld", (long long)a), "1 \"x\"\n2");
    assert_text(json, TEXT(f, "/values/1/%lld", (long long)a), "4");
    json = call_ok(f, "POST", TEXT(f, "/testdata/tables/%lld/import", (long long)id),
                   "{\"data\":\"a,\\\"b, c\\\"\\n5,6\\n\",\"format\":\"csv\"}");
    assert_int_equal(int_at(json, "/importedRows"), 1);
    json = call_ok(f, "POST", "/testdata/tables/create",
                   "{\"name\":\"bare\",\"csv\":\"1,2\\n3,4\",\"csvHasHeaders\":false}");
    assert_text(json, "/attributes/0/name", "column1");
    assert_int_equal(int_at(json, "/rowCount"), 2);
}

static void wrong_tables_are_refused_and_leave_nothing(void **state)
{
    static const char *const bodies[] = {"{\"columns\":[\"a\"]}",
                                         "{\"name\":\"t\"}",
                                         "{\"name\":\"t\",\"columns\":[]}",
                                         "{\"name\":\"t\",\"columns\":[\"a\",\"a\"]}",
                                         "{\"name\":\"t\",\"columns\":[1]}",
                                         "{\"name\":\"t\",\"csv\":\"a,a\"}",
                                         "{\"name\":\"t\",\"csv\":\"a\\n1,2\"}"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        assert_int_equal(ask(f, "POST", "/api/testdata/tables/create", bodies[i]), 400);
    }
    assert_int_equal(ask(f, "POST", "/api/testdata/tables/create",
                         "{\"projectId\":4,\"name\":\"t\",\"columns\":[\"a\"]}"),
                     404);
    assert_int_equal(json_size(call_ok(f, "GET", "/testdata/tables", NULL)), 0);
}

static void values_are_locked_by_their_modified_date(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    const char *path;
    int64_t id;
    int64_t column;
    int64_t modified;

    json = call_ok(f, "POST", "/testdata/tables/create", "{\"name\":\"t\",\"csv\":\"a\\n1\"}");
    id = int_at(json, "/id");
    column = int_at(json, "/attributes/0/id");
    modified = int_at(json, "/modifiedDate");
    path = TEXT(f, "/testdata/tables/%lld/values", (long long)id);
    json = call_ok(f, "PUT", path,
                   TEXT(f,
                        "{\"newTestDataValues\":{\"0\":{\"%lld\":\"x\"},\"1\":{\"%lld\":\"y\"}},"
                        "\"modifiedDate\":%lld}",
                        (long long)column, (long long)column, (long long)modified));
    assert_true(int_at(json, "/modifiedDate") > modified);
    assert_text(json, TEXT(f, "/values/1/%lld", (long long)column), "y");
    path = TEXT(f, "/api%s", path);
    assert_int_equal(
        ask(f, "PUT", path,
            TEXT(f, "{\"newTestDataValues\":{},\"modifiedDate\":%lld}", (long long)modified)),
        409);
    modified = int_at(json, "/modifiedDate");
    assert_int_equal(ask(f, "PUT", path,
                         TEXT(f, "{\"newTestDataValues\":{\"7\":{}},\"modifiedDate\":%lld}",
                              (long long)modified)),
                     400);
    assert_int_equal(ask(f, "DELETE", TEXT(f, "/api/testdata/tables/%lld", (long long)id), NULL),
                     204);
    assert_int_equal(ask(f, "GET", path, NULL), 404);
}

static void an_environment_keeps_variables_and_hides_the_hidden_ones(void **state)
{
    struct fixture *f = *state;
    const struct json *json;
    const char *path;
    int64_t id;

    json = call_ok(f, "POST", "/environments",
                   "{\"name\":\"staging\",\"description\":\"\",\"variables\":{\"url\":\"u\"}}");
    id = int_at(json, "/id");
    assert_text(json, "/variables/url/value", "u");
    path = TEXT(f, "/environments/%lld/variables", (long long)id);
    json =
        call_ok(f, "POST", path, "{\"name\":\"pass.word\",\"value\":\"s3cret\",\"hidden\":true}");
    assert_int_equal(json_type(json_find(json, "/variables/pass.word/value")), JSON_NULL);
    json = call_ok(f, "PUT", TEXT(f, "%s/pass%%2Eword", path), "{\"value\":\"other\"}");
    assert_true(json_true(json_find(json, "/variables/pass.word/hidden")));
    assert_false(str_contains(f->reply.body, STR("other")));
    assert_int_equal(ask(f, "POST", TEXT(f, "/api%s", path), "{\"name\":\"url\",\"value\":\"x\"}"),
                     409);
    assert_int_equal(ask(f, "PUT", TEXT(f, "/api%s/none", path), "{\"value\":\"x\"}"), 404);
    assert_int_equal(ask(f, "DELETE", TEXT(f, "/api%s/url", path), NULL), 204);
    assert_int_equal(ask(f, "DELETE", TEXT(f, "/api%s/url", path), NULL), 404);
    json = call_ok(f, "GET", "/environments?projectId=5", NULL);
    assert_int_equal(json_size(json), 1);
    assert_int_equal(json_size(json_find(json, "/0/variables")), 1);
    path = TEXT(f, "/api/environments/%lld", (long long)id);
    assert_int_equal(ask(f, "DELETE", path, NULL), 204);
    assert_int_equal(ask(f, "GET", path, NULL), 404);
}

int test_tables(void);

int test_tables(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_table_is_made_of_columns_and_filled_by_rows,
                                        fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_table_is_made_of_csv, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(wrong_tables_are_refused_and_leave_nothing, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(values_are_locked_by_their_modified_date, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(an_environment_keeps_variables_and_hides_the_hidden_ones,
                                        fixture_set_up, fixture_tear_down),
    };

    return cmocka_run_group_tests_name("sandbox/tables", tests, NULL, NULL);
}
