/* Handlers of test files and runs, for the route table. */
#ifndef API_TESTS_HANDLERS_H
#define API_TESTS_HANDLERS_H

#include "api/gate/route.h"

enum stage_verdict handle_test_validate(struct task *task);
enum stage_verdict handle_test_compile(struct task *task);
enum stage_verdict handle_test_run(struct task *task);
enum stage_verdict handle_run_list(struct task *task);
enum stage_verdict handle_run_list_all(struct task *task); /* of everybody */
enum stage_verdict handle_run_get(struct task *task);
enum stage_verdict handle_run_events(struct task *task);
enum stage_verdict handle_run_continue(struct task *task);
enum stage_verdict handle_run_stop(struct task *task);

#endif
