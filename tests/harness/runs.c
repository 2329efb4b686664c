#include "harness/runs.h"

#include "harness/cmocka.h"
#include "harness/wait.h"

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

const struct json *runs_get(struct proxy *proxy, struct str id)
{
    return proxy_ask(proxy, "GET",
                     arena_printf(&proxy->arena, "/api/v1/tests/runs/%.*s", STR_ARG(id)).ptr, NULL,
                     "");
}

const struct json *runs_wait(struct proxy *proxy, struct str id)
{
    const struct json *run = NULL;

    wait_until(!str_is(runs_text(run = runs_get(proxy, id), "/status"), "running"));
    return run;
}
