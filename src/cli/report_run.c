#include "cli/run_report.h"

#include "report.h"

static void write(const struct run_report *of, void (*writer)(const struct report *, struct buf *),
                  struct buf *out)
{
    const struct report_entry entry = {
        .file = json_str(json_get(of->run, "id")),
        .verdict = verdict_of_status(json_str(json_get(of->run, "status"))),
        .executes = json_true(json_get(of->run, "execute")),
        .detail = json_str(json_find(of->run, "/error/detail")),
        .run = of->run,
        .ms = (uint64_t)report_int(json_get(of->run, "duration_ms")),
    };
    const struct report report = {
        .entries = &entry,
        .n = 1,
        .began_wall_ms = of->began_wall_ms,
        .ms = entry.ms,
        .own_pictures = of->shows_pictures,
    };

    writer(&report, out);
}

void run_report_junit(const struct run_report *report, struct buf *out)
{
    write(report, report_junit, out);
}

void run_report_html(const struct run_report *report, struct buf *out)
{
    write(report, report_html, out);
}
