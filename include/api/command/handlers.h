/* Handlers of commands and sessions, for the route table. */
#ifndef API_COMMAND_HANDLERS_H
#define API_COMMAND_HANDLERS_H

#include "api/gate/members.h"
#include "api/gate/route.h"

handler handle_commands, handle_command_groups, handle_command_help;
handler handle_execute, handle_step_path, handle_batch, handle_validate;
handler handle_session_create, handle_session_get, handle_session_list, handle_session_patch;
handler handle_session_delete, handle_session_activate, handle_session_current;

/* The members that the bodies of these routes may have. */
extern const struct member execute_members[], path_members[], batch_members[],
    session_create_members[], session_patch_members[];

#endif
