#include "api/command/execution_link.h"

#include "api/command/goal_memo.h"
#include "run/ui_link.h"

static const char goal_places[] = "/goalId /item/goalId /goal/id /item/goal/id";
static const char project_places[] =
    "/projectId /item/projectId /goal/projectId /item/goal/projectId /project/id /item/project/id";

struct str execution_goal(const struct task *task, const struct json *answer)
{
    return json_plain(json_find(answer, goal_places), task->arena);
}

static struct str project_of(const struct task *task, const struct json *answer, struct str goal_id)
{
    struct str project = json_plain(json_find(answer, project_places), task->arena);

    if (project.len > 0) {
        return project;
    }
    return goal_memo_find(task, GOAL_PROJECT,
                          goal_id.len > 0 ? goal_id : execution_goal(task, answer));
}

void execution_link_set(const struct task *task, struct json *object, const struct json *answer,
                        struct str goal_id)
{
    struct str id = json_str(json_find(object, "/id /jobId"));
    struct ui_place place = {0};
    struct buf url;

    if (!str_to_i64(id, 1, INT64_MAX, &place.execution_id) ||
        !str_to_i64(project_of(task, answer, goal_id), 1, INT64_MAX, &place.project_id)) {
        return;
    }
    buf_init(&url, 4096);
    if (ui_link(task->config->upstream.ui_url, &place, &url)) {
        json_set(object, STR("url"), json_new_string(task->arena, buf_view(&url)));
    }
    buf_done(&url);
}

bool execution_link_asks(const struct task *task, const struct json *answer, struct str goal_id)
{
    bool has_goal = goal_id.len > 0 || execution_goal(task, answer).len > 0;

    return task->config->upstream.ui_url.len > 0 && (has_goal || task->dry_run) &&
           project_of(task, answer, goal_id).len == 0;
}

void execution_link_take(const struct task *task, const struct plan *plan,
                         const struct json *answer)
{
    const struct json *goal = plan_get(plan, "goal_id");

    goal_memo_keep(task, GOAL_PROJECT, json_plain(goal, task->arena),
                   json_plain(json_find(answer, project_places), task->arena));
}
