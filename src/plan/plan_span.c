/* Spans of what takes time in a plan beside its calls: the wait for a turn, and rows of test runs. */
#include "observe/span.h"

#include "base/clock.h"
#include "base/random.h"
#include "plan_internal.h"

enum { SPAN_DIGITS = 16 };

static bool is_wanted(const struct plan *plan)
{
    return plan->options.trace != NULL && spans_wanted(plan->options.trace);
}

void plan_span_begin_row(struct plan *plan)
{
    if (plan->options.row_spans && is_wanted(plan)) {
        random_hex(plan->row_span, SPAN_DIGITS);
    }
}

void plan_span_wait(const struct plan *plan)
{
    if (is_wanted(plan)) {
        const struct span span = {
            .trace = plan->options.trace,
            .parent = plan->row_span[0] != '\0' ? str_from(plan->row_span)
                                                : str_from(plan->options.trace->span_id),
            .kind = SPAN_INTERNAL,
            .name = STR("lane wait"),
            .begin_us = plan->row_begin_us,
            .end_us = clock_now_us(),
        };

        span_write(&span);
    }
}

static const char *slug_of(const struct error *error)
{
    return error->code != ERR_OK ? error_slug(error->code) : "unknown";
}

void plan_span_end_row(struct plan *plan, const struct plan_row *row)
{
    bool failed = row->status == ROW_FAILED || row->status == ROW_UNKNOWN;

    if (plan->row_span[0] != '\0') {
        const struct span span = {
            .trace = plan->options.trace,
            .id = str_from(plan->row_span),
            .parent = str_from(plan->options.trace->span_id),
            .kind = SPAN_INTERNAL,
            .name = str_from(row_name(row)),
            .begin_us = plan->row_begin_us,
            .end_us = plan->row_begin_us + row->us,
            .failure = failed ? slug_of(row->error) : NULL,
        };

        span_write(&span);
        plan->row_span[0] = '\0';
    }
}
