/* Handlers of documents and pages, for the route table. */
#ifndef API_DOCS_HANDLERS_H
#define API_DOCS_HANDLERS_H

#include "api/gate/route.h"

handler handle_root, handle_docs, handle_docs_file, handle_redoc, handle_favicon, handle_schema;
handler handle_openapi;
handler handle_problems, handle_problem;
handler handle_ui, handle_ui_runs,
    handle_ui_file; /* the last: scripts, style and icon of the two */

#endif
