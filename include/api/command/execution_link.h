/* The link to the page where people look at an execution. It needs the project of the goal, which the platform's
 * answers about executions do not tell: it is asked for once a goal, as a last row of the plan
 * whose failure does no harm. */
#ifndef API_EXECUTION_LINK_H
#define API_EXECUTION_LINK_H

#include "api/gate/task.h"

/* Sets "url" of the object, where the address of the user interface and the project are known. `goal_id`: empty where
 * the answer names the goal. */
void execution_link_set(const struct task *task, struct json *object, const struct json *answer,
                        struct str goal_id);
/* Before a row "project of goal". False: nothing needs to be asked. Else the plan's goal_id is set. */
bool execution_link_asks(const struct task *task, const struct json *answer, struct str goal_id);
/* Remembers what a row "project of goal" answered; *answer may be NULL. */
void execution_link_take(const struct task *task, const struct json *answer);

#endif
