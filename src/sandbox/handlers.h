/* The handlers that routes.c names: they write the bare item and return its status, or refuse. */
#ifndef SANDBOX_HANDLERS_H
#define SANDBOX_HANDLERS_H

struct call;

typedef int handler(struct call *call);

/* environments.c */
handler handle_environment_create, handle_environment_list, handle_project_environments,
    handle_environment_get, handle_environment_delete, handle_variable_set, handle_variable_delete;
/* execution.c */
handler handle_goal_execute, handle_snapshot_execute, handle_journey_execute,
    handle_journeys_execute;
/* execution_json.c */
handler handle_execution_status, handle_execution_tree;
/* execution_report.c */
handler handle_execution_analysis, handle_execution_step, handle_execution_journey,
    handle_failures_explain;
/* history.c */
handler handle_members, handle_organization_get, handle_organization_roles, handle_nothing,
    handle_journey_history, handle_step_timeline, handle_goal_export;
/* journeys.c */
handler handle_journey_create, handle_journey_get, handle_journey_update, handle_journey_status,
    handle_journey_map, handle_journey_list;
/* library.c */
handler handle_library_add, handle_library_create, handle_library_list, handle_library_get,
    handle_library_update;
/* records.c */
handler handle_record_create, handle_record_get, handle_record_update, handle_record_delete,
    handle_project_records, handle_organization_records, handle_record_list, handle_plan_execute,
    handle_plan_status, handle_project_jobs;
/* remove.c */
handler handle_journey_delete, handle_goal_delete, handle_project_delete;
/* steps.c */
handler handle_checkpoint_create, handle_checkpoint_get, handle_checkpoint_steps,
    handle_checkpoint_attach, handle_step_create, handle_step_get, handle_step_properties,
    handle_step_delete, handle_library_step_move;
/* structure.c */
handler handle_user, handle_user_tokens, handle_limits, handle_project_list, handle_project_create,
    handle_project_get, handle_project_goals, handle_goal_list, handle_goal_create, handle_goal_get,
    handle_goal_versions, handle_goal_checkpoints;
/* table_import.c */
handler handle_table_import;
/* tables.c */
handler handle_table_create, handle_table_list, handle_table_get, handle_table_values,
    handle_table_values_update, handle_table_update, handle_table_clone, handle_table_delete;
/* usage.c */
handler handle_usage_sum, handle_usage, handle_usage_jobs, handle_goal_metrics,
    handle_project_metrics, handle_environment_metrics;

#endif
