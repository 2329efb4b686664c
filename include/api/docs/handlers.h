/* Handlers of documents and pages, for the route table. */
#ifndef API_DOCS_HANDLERS_H
#define API_DOCS_HANDLERS_H

#include "api/gate/route.h"

enum stage_verdict handle_root(struct task *task);
enum stage_verdict handle_problems(struct task *task);
enum stage_verdict handle_openapi(struct task *task);
enum stage_verdict handle_docs(struct task *task);
enum stage_verdict handle_docs_file(struct task *task);
enum stage_verdict handle_ui(struct task *task);
enum stage_verdict handle_ui_runs(struct task *task);
enum stage_verdict handle_ui_file(struct task *task); /* scripts and style of the two, icon */
enum stage_verdict handle_redoc(struct task *task);
enum stage_verdict handle_favicon(struct task *task);
enum stage_verdict handle_schema(struct task *task);
enum stage_verdict handle_problem(struct task *task);

#endif
