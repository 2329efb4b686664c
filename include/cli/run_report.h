/* The reports of one test run that has ended, made from its run object. They are the same that
 * `virtuoso-proxy run` writes. Pure; may be called in any thread. */
#ifndef CLI_RUN_REPORT_H
#define CLI_RUN_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "data/json.h"

struct run_report {
    const struct json *run; /* as GET /api/v1/tests/runs/{id} tells it */
    int64_t began_wall_ms;
    bool shows_pictures; /* screenshots are files beside the report: shows names without a host */
};

void run_report_junit(const struct run_report *report, struct buf *out);
void run_report_html(const struct run_report *report, struct buf *out);

#endif
