/* The same report for programs: one JSON document, or that document as YAML. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/json_form.h"
#include "data/node.h"
#include "escape.h"
#include "report.h"

enum { DEPTH_MAX = 32, MAX_NODES = 20 * 1000 * 1000 };

static void put_tests(struct json_writer *w, const struct report_entry *entry, struct arena *arena)
{
    struct report_case *cases;
    size_t n = report_cases(entry, arena, &cases);

    jw_shape(w, "tests:[");
    for (size_t i = 0; i < n; i++) {
        jw_form(w, "{name:%s, status:%s, detail?:%s, line:%i, duration_ms:%i}", cases[i].name,
                verdicts[cases[i].verdict].word, cases[i].why, cases[i].line, cases[i].ms);
    }
    jw_end(w);
}

static void put_entry(struct json_writer *w, const struct report_entry *entry)
{
    const struct verdict_row *verdict = &verdicts[entry->verdict];
    struct arena arena;

    arena_init(&arena);
    jw_form(w,
            "{file:%s, status:%s, exit_code:%i, detail?:%s, goal?:%s, journey?:%s, duration_ms:%i",
            entry->file, verdict->word, verdict->exit_code,
            entry->verdict == VERDICT_PASSED ? STR_EMPTY : report_outcome(entry, &arena),
            entry->goal, entry->journey, entry->ms);
    put_tests(w, entry, &arena);
    jw_key(w, "run");
    json_write(w, entry->run);
    if (entry->problem != NULL) {
        jw_key(w, "problem");
        json_write(w, entry->problem);
    }
    if (entry->dry_run != NULL) {
        jw_key(w, "dry_run");
        json_write(w, entry->dry_run);
    }
    jw_end(w);
    arena_done(&arena);
}

static void put_counts(struct json_writer *w, const struct report *report)
{
    const struct report_counts counts = report_count(report);

    jw_shape(w, "files_by_status:{");
    for (size_t v = 0; v < ARRAY_LEN(counts.files); v++) {
        jw_kv_int(w, verdicts[v].word, (int64_t)counts.files[v]);
    }
    jw_form(w, "}, steps:{total:%i, done:%i, failed:%i}", counts.steps, counts.steps_done,
            counts.steps_failed);
}

static void write_json(const struct report *report, struct buf *out)
{
    struct json_writer w;
    struct buf began;

    buf_init(&began, 64);
    clock_format(&began, report->began_wall_ms);
    jw_init(&w, out);
    /* passed: executed and green, not only created */
    jw_form(&w, "{passed:%b, exit_code:%i, dry_run:%b, proxy?:%s, began_at:%s, duration_ms:%i",
            report_passed(report), report_exit_code(report),
            report_count(report).files[VERDICT_PLANNED] > 0, report->url, buf_view(&began),
            report->ms);
    put_counts(&w, report);
    jw_shape(&w, "files:[");
    for (size_t i = 0; i < report->n; i++) {
        put_entry(&w, &report->entries[i]);
    }
    jw_shape(&w, "]}");
    buf_done(&began);
}

void report_json(const struct report *report, struct buf *out)
{
    struct buf text;

    buf_init(&text, out->max);
    write_json(report, &text);
    escape_json(out, buf_view(&text));
    buf_char(out, '\n');
    out->overflowed = out->overflowed || !buf_ok(&text);
    buf_done(&text);
}

void report_yaml(const struct report *report, struct buf *out)
{
    static const struct json_limits limits = {
        .max_depth = DEPTH_MAX, .max_nodes = MAX_NODES, .allow_duplicate_names = true};
    struct error err = {0};
    struct arena arena;
    struct json *root;
    struct buf text;

    arena_init(&arena);
    buf_init(&text, out->max);
    write_json(report, &text);
    if (buf_ok(&text) && json_parse(&arena, buf_view(&text), &limits, &root, &err) == ERR_OK) {
        yaml_write_json(out, root, 0);
    } else {
        out->overflowed = true;
    }
    buf_done(&text);
    arena_done(&arena);
}
