/* The report of a test run that has ended, as GET /api/v1/tests/runs/{id} tells it, for use in this process: of a run
 * of any account, and where processes share runs, of any process. It is written some steps a turn.
 *
 * Owner: the caller of run_text_start, until on_done (once, from a later turn) or run_text_cancel. One of them must
 * come before the api is stopped, where runs are shared; else before the api is closed. */
#ifndef API_TESTS_RUN_TEXT_H
#define API_TESTS_RUN_TEXT_H

#include "base/error.h"
#include "base/str.h"
#include "crypto/digest.h"

struct api;
struct run_text;

enum { RUN_TEXT_MAX = 64 * 1024 * 1024 };

/* `text` lives until on_done returns. `error`: NULL; or ERR_NOT_FOUND: the run is not kept any more; ERR_STORE_AWAY;
 * ERR_TOO_BIG: it is longer than RUN_TEXT_MAX. */
typedef void (*run_text_fn)(void *context, struct str text, const struct error *error);

struct run_text *run_text_start(struct api *api, const struct digest *owner, struct str id,
                                run_text_fn on_done, void *context);
void run_text_cancel(struct run_text *text); /* NULL is fine */

#endif
