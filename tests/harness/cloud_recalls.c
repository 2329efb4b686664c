/* Cloud Tasks, as far as a task is made: each name once (409), only with what a task to an HTTP target must have; and invocations of
 * functions of Lambda that nobody waits for. */
#include <string.h>

#include "data/json.h"
#include "harness/blocking.h"
#include "harness/cloud_child.h"

static bool refuse(struct cloud_request *request, int status, const char *word, const char *why)
{
    request->type = STR("application/json");
    cloud_answer(request, status,
                 arena_printf(request->arena, "{\"error\":{\"status\":\"%s\",\"message\":\"%s\"}}",
                              word, why));
    return true;
}

static void note(struct cloud_request *request, struct str text)
{
    struct cloud_seen *seen = request->child->seen;

    str_copy(seen->recall, sizeof(seen->recall), text);
    str_copy(seen->recalls[seen->n_recalls % CLOUD_RECALLS_KEPT], CLOUD_RECALL_MAX, text);
    seen->n_recalls++;
}

static bool is_whole(const struct json *task)
{
    return json_str(json_find(task, "/httpRequest/url")).len > 0 &&
           json_str(json_find(task, "/httpRequest/oidcToken/serviceAccountEmail")).len > 0 &&
           str_is(json_str(json_find(task, "/httpRequest/httpMethod")), "POST");
}

static bool take_task(struct cloud_request *request)
{
    struct str queue = str_sub(request->path, strlen("/v2/"),
                               request->path.len - strlen("/v2/") - strlen("/tasks"));
    struct json *root = NULL;
    const struct json *task;
    struct str name;

    if (!str_is(request->service, "google")) {
        return refuse(request, 401, "UNAUTHENTICATED", "no token");
    }
    if (json_parse(request->arena, request->body, NULL, &root, NULL) != ERR_OK) {
        return refuse(request, 400, "INVALID_ARGUMENT", "no JSON");
    }
    task = json_get(root, "task");
    name = json_str(json_get(task, "name"));
    if (!is_whole(task) ||
        !str_starts(name, arena_printf(request->arena, "%.*s/tasks/", STR_ARG(queue)))) {
        return refuse(request, 400, "INVALID_ARGUMENT", "no task that could be delivered");
    }
    if (str_contains(queue, STR("/queues/none"))) {
        return refuse(request, 404, "NOT_FOUND", "Queue does not exist.");
    }
    if (cloud_find(request->child->items, name) != NULL) {
        request->child->seen->n_duplicates++;
        return refuse(request, 409, "ALREADY_EXISTS", "Requested entity already exists");
    }
    (void)cloud_put(request->child->items, name, request->body);
    note(request, request->body);
    if (request->child->seen->lost > 0) {
        request->child->seen->lost--;
        request->is_lost = true;
    }
    cloud_answer(request, 200, request->body);
    return true;
}

bool cloud_take_recall(struct cloud_request *request)
{
    if (!str_is(request->method, "POST")) {
        return false;
    }
    if (str_starts(request->path, STR("/v2/projects/")) && str_ends(request->path, STR("/tasks"))) {
        return take_task(request);
    }
    if (!str_is(request->service, "lambda")) {
        return false;
    }
    if (!str_is(head_field(request->head, STR("X-Amz-Invocation-Type")), "Event")) {
        return refuse(request, 400, "InvalidParameterValueException", "somebody would wait");
    }
    note(request, request->body);
    cloud_answer(request, 202, STR_EMPTY);
    return true;
}
