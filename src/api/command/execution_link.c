#include "api/command/execution_link.h"

#include "api/command/goal_memo.h"
#include "run/ui_link.h"

static const char goal_places[] = "/goalId /item/goalId /goal/id /item/goal/id";
static const char project_places[] =
    "/projectId /item/projectId /goal/projectId /item/goal/projectId /project/id /item/project/id";

static struct str goal_of(const struct task *task, const struct json *answer, struct str given)
{
    return given.len > 0 ? given : json_plain(json_find(answer, goal_places), task->arena);
}

static struct str project_of(const struct task *task, const struct json *answer, struct str goal_id)
{
    struct str project = json_plain(json_find(answer, project_places), task->arena);

    return project.len > 0 ? project
                           : goal_memo_find(task, GOAL_PROJECT, goal_of(task, answer, goal_id));
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
    struct str goal = goal_of(task, answer, goal_id);

    if (task->config->upstream.ui_url.len == 0 || (goal.len == 0 && !task->dry_run) ||
        project_of(task, answer, goal).len > 0) {
        return false;
    }
    if (goal.len > 0) {
        plan_set_str(task->plan, "goal_id", goal);
    }
    return true;
}

void execution_link_take(const struct task *task, const struct json *answer)
{
    goal_memo_keep(task, GOAL_PROJECT, json_plain(plan_get(task->plan, "goal_id"), task->arena),
                   json_plain(json_find(answer, project_places), task->arena));
}
