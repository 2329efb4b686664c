/* Handlers of commands and sessions, for the route table. */
#ifndef API_COMMAND_HANDLERS_H
#define API_COMMAND_HANDLERS_H

#include "api/gate/members.h"
#include "api/gate/route.h"

enum stage_verdict handle_commands(struct task *task);
enum stage_verdict handle_command_groups(struct task *task);
enum stage_verdict handle_command_help(struct task *task);
enum stage_verdict handle_execute(struct task *task);
enum stage_verdict handle_step_path(struct task *task);
enum stage_verdict handle_batch(struct task *task);
enum stage_verdict handle_validate(struct task *task);
enum stage_verdict handle_session_create(struct task *task);
enum stage_verdict handle_session_get(struct task *task);
enum stage_verdict handle_session_list(struct task *task);
enum stage_verdict handle_session_patch(struct task *task);
enum stage_verdict handle_session_delete(struct task *task);
enum stage_verdict handle_session_activate(struct task *task);
enum stage_verdict handle_session_current(struct task *task);

/* What the bodies of these routes may have. */
extern const struct member execute_members[], path_members[], batch_members[],
    session_create_members[], session_patch_members[];

#endif
