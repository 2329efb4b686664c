#include "harness/runs.h"

#include "harness/cmocka.h"

enum { WAIT_MS = 20000 };

const struct json *runs_start(struct proxy *proxy, const char *query, const char *text)
{
    struct str target =
        arena_printf(&proxy->arena, "/api/v1/tests/run%s%s", query[0] != '\0' ? "?" : "", query);

    return proxy_ask(proxy, "POST", target.ptr, "Content-Type: application/yaml\r\n", text);
}

struct str runs_text(const struct json *object, const char *pointer)
{
    return json_str(json_find(object, pointer));
}

int64_t runs_number(const struct json *object, const char *pointer)
{
    int64_t number = -1;

    return json_to_i64(json_find(object, pointer), &number) ? number : -1;
}

const struct json *runs_get(struct proxy *proxy, struct str id)
{
    return proxy_ask(proxy, "GET",
                     arena_printf(&proxy->arena, "/api/v1/tests/runs/%.*s", STR_ARG(id)).ptr, NULL,
                     "");
}

const struct json *runs_wait(struct proxy *proxy, struct str id)
{
    uint64_t limit_ms = client_now_ms() + (uint64_t)WAIT_MS * client_slowness();

    while (client_now_ms() < limit_ms) {
        const struct json *run = runs_get(proxy, id);

        if (!str_is(runs_text(run, "/status"), "running")) {
            return run;
        }
        client_pause_ms(20);
    }
    fail_msg("the run does not end");
    return NULL;
}
