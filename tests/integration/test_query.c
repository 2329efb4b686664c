/* The query of every route is a table: what is not in it, what is given twice and what has a wrong
 * value is refused before anything is done. The routes and their parameters are taken from the
 * documents, so a new route is tested as it comes. */
#include "harness/cmocka.h"

#include "harness/proxy.h"

struct here {
    struct proxy proxy;
    const struct json *routes;
    const struct json *paths; /* of /openapi.json */
};

static void start(struct here *here)
{
    static const char *const sets[] = {"sandbox.examples=true", "log.level=warn", NULL};

    proxy_start(&here->proxy, sets);
    here->routes = json_get(proxy_ask(&here->proxy, "GET", "/api/v1/routes", NULL, ""), "routes");
    here->paths = json_get(proxy_ask(&here->proxy, "GET", "/openapi.json", NULL, ""), "paths");
    assert_true(json_size(here->routes) >= 60);
}

/* "/api/goals/{id}/execute" -> "/api/goals/13776/execute" */
static struct str target_of(struct here *here, struct str pattern)
{
    struct str target = STR_EMPTY;
    struct str rest = pattern;
    struct str part;

    while (str_next(&rest, '/', &part)) {
        target = arena_printf(&here->proxy.arena, "%.*s/%.*s", STR_ARG(target),
                              STR_ARG(part.ptr[0] == '{' ? STR("13776") : part));
    }
    return target.len > 0 ? target : STR("/");
}

static bool reads(struct str method)
{
    return str_is(method, "GET");
}

/* Pages and probes take whatever stands in a link; below /virtuoso the query is the platform's. */
static bool is_open(struct str pattern)
{
    return !str_starts(pattern, STR("/api/")) && !str_starts(pattern, STR("/admin/"));
}

static void ask(struct here *here, const struct json *route, const char *query)
{
    struct str method = json_str(json_get(route, "method"));
    struct str target = target_of(here, json_str(json_get(route, "path")));
    bool has_body = !reads(method) && !str_is(method, "DELETE");

    client_ask(here->proxy.program.port, arena_cstr(&here->proxy.arena, method),
               arena_printf(&here->proxy.arena, "%.*s?%s", STR_ARG(target), query).ptr,
               has_body ? "Content-Type: application/json\r\n" : NULL,
               has_body ? STR("{}") : STR_EMPTY, &here->proxy.reply);
}

static void expect_refused(struct here *here, const struct json *route, const char *query,
                           const char *says)
{
    ask(here, route, query);
    if (here->proxy.reply.status != 400 ||
        !str_contains(reply_text(&here->proxy.reply), str_from(says))) {
        fail_msg("%.*s %.*s?%s: %d %.*s", STR_ARG(json_str(json_get(route, "method"))),
                 STR_ARG(json_str(json_get(route, "path"))), query, here->proxy.reply.status,
                 STR_ARG(reply_text(&here->proxy.reply)));
    }
}

static void expect_not_refused(struct here *here, const struct json *route, const char *query)
{
    ask(here, route, query);
    if (here->proxy.reply.status == 400 &&
        str_contains(reply_text(&here->proxy.reply), STR("parameter"))) {
        fail_msg("%.*s?%s: %.*s", STR_ARG(json_str(json_get(route, "path"))), query,
                 STR_ARG(reply_text(&here->proxy.reply)));
    }
}

static void unknown_parameters_are_refused_on_every_route(void **state)
{
    struct here here;
    const struct json *route;

    (void)state;
    start(&here);
    JSON_FOREACH (route, here.routes) {
        if (str_contains(json_str(json_get(route, "path")), STR("/events")) &&
            !str_is(json_str(json_get(route, "path")),
                    "/api/v1/cache/events")) { /* it numbers none */
            expect_refused(&here, route, "last_event=1", "did you mean \\\"last_event_id\\\"?");
        }
        if (is_open(json_str(json_get(route, "path")))) {
            expect_not_refused(&here, route, "utm_source=x");
        } else {
            expect_refused(&here, route, "zzz=1", "Unknown query parameter \\\"zzz\\\"");
            expect_refused(&here, route, "=1", "Unknown query parameter \\\"\\\"");
            expect_refused(&here, route, "%zz=1", "percent escape");
            expect_refused(&here, route, "a%00=1", "NUL");
        }
    }
    proxy_stop(&here.proxy);
}

static void a_mistyped_dry_run_is_never_carried_out(void **state)
{
    static const char *const typed[] = {"dryrun=true",   "dryRun=true",  "Dry_Run=true",
                                        "DRY-RUN=true",  "dry__run",     "%20dry_run=true",
                                        "dry_run+=true", "dry.run=true", "dry_run[]=true",
                                        "?dry_run=true", "dry_rnu=true", "dry_runn"};
    struct here here;
    const struct json *route;
    size_t n = 0;

    (void)state;
    start(&here);
    sandbox_forget_requests(here.proxy.program.sandbox_port);
    JSON_FOREACH (route, here.routes) {
        if (reads(json_str(json_get(route, "method")))) {
            continue;
        }
        for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
            expect_refused(&here, route, typed[i], "did you mean \\\"dry_run\\\"?");
        }
        expect_refused(&here, route, "dry_run=false&dry_run=true", "given twice");
        expect_refused(&here, route, "dry_run=true&dry-run=false", "given twice");
        expect_refused(&here, route, "dry_run=maybe", "must be true or false");
        expect_refused(&here, route, "isDryRun=1", "Unknown query parameter");
        expect_refused(&here, route, "dry_run=%zz", "percent escape");
        expect_refused(&here, route, "dry_run=true%00", "NUL");
        n++;
    }
    assert_true(n >= 25);
    assert_int_equal(sandbox_count(here.proxy.program.sandbox_port, "", ""), 0);
    proxy_stop(&here.proxy);
}

/* Nor one that stands in the file. */
static void a_dry_run_in_a_test_file_is_never_carried_out(void **state)
{
    static const char *const texts[] = {
        "{\"name\":\"x\",\"dry_run\":true,\"steps\":[\"Click on \\\"a\\\"\"]}",
        "{\"name\":\"x\",\"dryRun\":true,\"steps\":[{\"click\":\"a\"}]}",
        "{\"name\":\"x\",\"config\":{\"dry-run\":true},\"steps\":[{\"click\":\"a\"}]}",
    };
    struct here here;

    (void)state;
    start(&here);
    sandbox_forget_requests(here.proxy.program.sandbox_port);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        (void)proxy_ask(&here.proxy, "POST", "/api/v1/tests/run", NULL, texts[i]);
        assert_int_equal(here.proxy.reply.status, 422);
        assert_true(
            str_contains(reply_text(&here.proxy.reply), STR("?dry_run=true of the request")));
        (void)proxy_ask(&here.proxy, "POST", "/api/v1/tests/run?lenient=true", NULL, texts[i]);
        assert_int_equal(here.proxy.reply.status, 422);
    }
    assert_int_equal(sandbox_count(here.proxy.program.sandbox_port, "", ""), 0);
    proxy_stop(&here.proxy);
}

static const struct json *operation_of(const struct here *here, const struct json *route)
{
    struct str path = STR_EMPTY;
    struct str rest = json_str(json_get(route, "path"));
    struct str method = json_str(json_get(route, "method"));
    const struct json *operation;
    struct str part;

    while (str_next(&rest, '*', &part)) { /* {path*} is {path} there */
        path = arena_printf(unconst(&here->proxy.arena), "%.*s%.*s", STR_ARG(path), STR_ARG(part));
    }
    JSON_FOREACH (operation, json_get_str(here->paths, path)) {
        if (str_eq_nocase(json_name(operation), method)) {
            return operation;
        }
    }
    fail_msg("%.*s is not in the document", STR_ARG(path));
    return NULL;
}

static void parameters_given_twice_are_refused_on_every_route(void **state)
{
    struct here here;
    const struct json *route;
    const struct json *parameter;
    size_t n = 0;

    (void)state;
    start(&here);
    JSON_FOREACH (route, here.routes) {
        JSON_FOREACH (parameter, json_get(operation_of(&here, route), "parameters")) {
            struct str name = json_str(json_get(parameter, "name"));
            struct arena *arena = &here.proxy.arena;

            if (!str_is(json_str(json_get(parameter, "in")), "query") ||
                str_is(json_str(json_find(parameter, "/schema/type")), "array") ||
                str_ends(json_str(json_get(route, "path")), STR("v1/events")) ||
                str_ends(json_str(json_get(route, "path")), STR("cache/events"))) { /* no end */
                continue;
            }
            expect_refused(&here, route,
                           arena_printf(arena, "%.*s=1&%.*s=2", STR_ARG(name), STR_ARG(name)).ptr,
                           "given twice with different values");
            expect_not_refused(
                &here, route,
                arena_printf(arena, "%.*s=1&%.*s=1%s", STR_ARG(name), STR_ARG(name),
                             reads(json_str(json_get(route, "method"))) || str_is(name, "dry_run")
                                 ? ""
                                 : "&dry_run=true")
                    .ptr);
            n++;
        }
    }
    assert_true(n >= 60);
    proxy_stop(&here.proxy);
}

struct refusal {
    const char *method;
    const char *target;
    const char *says;
};

static void bad_values_and_near_names_are_told(void **state)
{
    static const struct refusal rows[] = {
        {"GET", "/api/projects?limt=3", "did you mean \\\"limit\\\"?"},
        {"GET", "/api/projects?limit=x", "limit: must be a whole number"},
        {"GET", "/api/projects?organizationId=x", "must be an id"},
        {"GET", "/api/projects?dry_run=true", "this route takes: organizationId, limit, offset"},
        {"GET", "/api/executions/88715/analysis?ai=perhaps", "must be true or false"},
        {"GET", "/api/v1/sessions?status=idle", "status: must be one of: active paused"},
        {"GET", "/api/v1/sessions?limit=0", "limit: must be a whole number from 1 to 500"},
        {"GET", "/api/v1/tests/runs?offset=-1", "offset: must be a whole number"},
        {"GET", "/api/v1/commands?x=1", "this route takes none"},
        {"POST", "/api/v1/tests/compile?to=yaml", "to: must be one of: commands"},
        {"POST", "/api/v1/tests/run?asinc=true", "did you mean \\\"async\\\"?"},
        {"POST", "/api/v1/tests/run?var.=1", "Unknown query parameter \\\"var.\\\""},
        {"POST", "/api/v1/tests/run?var.a=1&var.a=2", "var.a: is given twice"},
    };
    struct here here;

    (void)state;
    start(&here);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        (void)proxy_ask(&here.proxy, rows[i].method, rows[i].target, NULL,
                        str_is(STR("POST"), rows[i].method)
                            ? "{\"name\":\"t\",\"steps\":[{\"click\":\"a\"}]}"
                            : "");
        if (here.proxy.reply.status != 400 ||
            !str_contains(reply_text(&here.proxy.reply), str_from(rows[i].says))) {
            fail_msg("%s: %d %.*s", rows[i].target, here.proxy.reply.status,
                     STR_ARG(reply_text(&here.proxy.reply)));
        }
    }
    proxy_stop(&here.proxy);
}

/* What is known and sound works: the platform's own query passes, and a run that would be stopped
 * is not. */
static void what_is_in_the_table_works(void **state)
{
    struct here here;
    const struct json *answer;
    struct str run;

    (void)state;
    start(&here);
    answer = proxy_ask(&here.proxy, "GET", "/api/projects?limit=1&limit=1&offset=0&raw", NULL, "");
    assert_int_equal(here.proxy.reply.status, 200);
    assert_non_null(answer);
    (void)proxy_ask(&here.proxy, "GET", "/virtuoso/user?dryRun=true&foo=%zz", NULL, "");
    assert_int_equal(here.proxy.reply.status, 200);
    answer =
        proxy_ask(&here.proxy, "POST", "/api/v1/tests/run?async=true&execute=true&tag=a&tag=b",
                  NULL, "{\"name\":\"t\",\"tags\":[\"b\"],\"steps\":[{\"click\":\"Sign in\"}]}");
    assert_int_equal(here.proxy.reply.status, 202);
    run = json_str(json_get(answer, "id"));
    answer = proxy_ask(
        &here.proxy, "DELETE",
        arena_printf(&here.proxy.arena, "/api/v1/tests/runs/%.*s?dry_run=true", STR_ARG(run)).ptr,
        NULL, "");
    assert_true(json_true(json_get(answer, "dry_run")) ||
                json_get(answer, "id") != NULL); /* it may be over by now */
    answer = proxy_ask(&here.proxy, "GET",
                       arena_printf(&here.proxy.arena, "/api/v1/tests/runs/%.*s", STR_ARG(run)).ptr,
                       NULL, "");
    assert_false(str_is(json_str(json_get(answer, "status")), "canceled"));
    proxy_stop(&here.proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_parameters_are_refused_on_every_route),
        cmocka_unit_test(a_mistyped_dry_run_is_never_carried_out),
        cmocka_unit_test(a_dry_run_in_a_test_file_is_never_carried_out),
        cmocka_unit_test(parameters_given_twice_are_refused_on_every_route),
        cmocka_unit_test(bad_values_and_near_names_are_told),
        cmocka_unit_test(what_is_in_the_table_works),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
