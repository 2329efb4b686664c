/* The query of a route, as a table: which parameters it takes, of what type. Routing, checking and
 * the documents read the same rows. Add a parameter by adding a row in query.c. */
#ifndef API_QUERY_H
#define API_QUERY_H

#include "api/gate/members.h"

enum query_rule {
    QUERY_TABLE,   /* only the parameters of the table */
    QUERY_IGNORED, /* pages and probes: all are ignored, as links carry foreign ones */
    QUERY_KNOWN,   /* only the table's are read, the others are ignored */
    QUERY_RELAYED  /* go to the platform; dry_run is ours if the method changes something */
};

struct query {
    enum query_rule rule;
    const struct member *members; /* `NAME` at the end of a name stands for any text */
};

extern const struct query query_none, query_change, query_simple, query_simple_change,
    query_project_list, query_analysis, query_command, query_compile, query_validate, query_run,
    query_run_list, query_run_continue, query_run_events, query_events, query_cache_events,
    query_audit, query_analytics, query_session_list, query_ignored, query_ready, query_relayed;

struct task;
/* Fills task->query: an object with the parameters given, each in its normal form; "tag", which may
 * repeat, is a list. False: task_errors() says what is wrong. */
bool query_read(struct task *task);
struct route;
/* The parameters of ours that the route takes; ended by a row without a name. */
const struct member *route_query_rows(const struct route *route);
/* Null when absent. */
const struct json *task_query(const struct task *task, const char *name);
struct str task_query_text(const struct task *task, const char *name); /* empty when absent */
int64_t task_query_number(const struct task *task, const char *name, int64_t otherwise);

#endif
