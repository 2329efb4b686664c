/* Handlers of test files and runs, for the route table. */
#ifndef API_TESTS_HANDLERS_H
#define API_TESTS_HANDLERS_H

#include "api/gate/route.h"

handler handle_test_validate, handle_test_compile, handle_test_run;
handler handle_run_list, handle_run_list_all; /* yours; everybody's */
handler handle_run_get, handle_run_events, handle_run_continue, handle_run_stop;

#endif
