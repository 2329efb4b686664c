/* JUnit XML as Jenkins, GitLab and GitHub's readers take it: a suite for each file, a case for each
 * of its tests. What those readers do with it decides its form:
 *   - GitLab keeps only one of the cases with the same classname and name. So no two cases share both:
 *     the classname is the file's path without its ending, '/' as '.', and equal names get a number.
 *   - Jenkins makes a package of each part of a classname before a '.': other dots become '_'.
 *   - `file` (GitLab, mikepenz) and `line` lead to the source. For other readers the text has FILE:LINE.
 *   - <skipped> marks a test that was not executed: created only, not begun, or a dry run.
 * A failed case holds one <failure>, and its steps are in <system-out>. A case that could not be judged
 * holds an <error>. `time` is report_case.ms. The counts are those of the elements written. */
#include "base/clock.h"
#include "base/map.h"
#include "escape.h"
#include "report.h"

enum { BODY_MAX = 64 * 1024 * 1024, TEXT_MAX = 1024 * 1024, REASON_MAX = 8192 };

enum mark { MARK_NONE, MARK_FAILURE, MARK_ERROR, MARK_SKIPPED };

static const char *const mark_elements[] = {[MARK_FAILURE] = "failure", [MARK_ERROR] = "error"};

static const enum mark marks[N_VERDICTS] = {
    [VERDICT_PASSED] = MARK_NONE,     [VERDICT_CREATED] = MARK_SKIPPED,
    [VERDICT_PLANNED] = MARK_SKIPPED, [VERDICT_ERROR] = MARK_ERROR,
    [VERDICT_FAILED] = MARK_FAILURE,  [VERDICT_CANCELLED] = MARK_ERROR,
    [VERDICT_TIMED_OUT] = MARK_ERROR, [VERDICT_SKIPPED] = MARK_SKIPPED,
};

struct tally {
    size_t tests;
    size_t marks[MARK_SKIPPED + 1];
};

/* A classname and name that were used already. */
struct used_name {
    struct map_node node;
    size_t n;
};

struct junit {
    struct arena arena;
    struct map used;
    struct buf *out;
    struct tally all;
};

static void seconds(struct buf *out, int64_t ms)
{
    ms = ms > 0 ? ms : 0;
    buf_printf(out, " time=\"%lld.%03lld\"", (long long)(ms / 1000), (long long)(ms % 1000));
}

static void property(struct buf *out, const char *name, struct str value)
{
    if (value.len > 0) {
        escape_form(out, escape_xml, "      <property name=\"%s\" value=\"%e\"/>\n", name, value);
    }
}

/* ---- names ---- */

/* tests/shop/login.v2.yaml: tests.shop.login_v2 */
static struct str classname_of(struct arena *arena, struct str file)
{
    static const char *const endings[] = {".yaml", ".yml", ".json"};
    char *made;
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (str_ends(file, str_from(endings[i]))) {
            file = str_sub(file, 0, file.len - str_from(endings[i]).len);
            break;
        }
    }
    while (str_starts(file, STR("./")) || str_starts(file, STR("../")) ||
           str_starts(file, STR("/"))) {
        file = str_sub(file, (size_t)str_find_char(file, '/') + 1, file.len);
    }
    made = arena_alloc(arena, file.len + 1);
    for (size_t i = 0; i < file.len; i++) {
        made[n++] = (char)(file.ptr[i] == '/' ? '.' : file.ptr[i] == '.' ? '_' : file.ptr[i]);
    }
    return n > 0 ? (struct str){made, n} : STR("test");
}

/* The name with a number behind it when the class has that name already. */
static struct str unique_name(struct junit *junit, struct str classname, struct str name)
{
    struct str wanted = name.len > 0 ? name : STR("(no name)");
    struct str made = wanted;

    for (size_t number = 2;; number++) {
        struct str key =
            arena_printf(&junit->arena, "%.*s\n%.*s", STR_ARG(classname), STR_ARG(made));
        struct map_node *node = map_find(&junit->used, key);
        struct used_name *used;

        if (node == NULL) {
            used = arena_zalloc(&junit->arena, sizeof(*used));
            map_insert(&junit->used, &used->node, key);
            return made;
        }
        used = CONTAINER_OF(node, struct used_name, node);
        used->n++; /* so the search goes on where it ended: many equal names stay cheap */
        number = used->n + 1 > number ? used->n + 1 : number;
        made = arena_printf(&junit->arena, "%.*s (%zu)", STR_ARG(wanted), number);
    }
}

/* ---- cases ---- */

static void system_out_step(struct buf *out, const struct json *step)
{
    struct buf reason;

    buf_init(&reason, REASON_MAX);
    if (report_step_is_red(step)) {
        report_step_reason(&reason, step);
    }
    escape_form(out, escape_xml, "%e{/%e}  %e{  (line %i)}{: %e}\n",
                json_str(json_get(step, "status")), json_str(json_get(step, "outcome")),
                report_step_text(step), report_line(step), buf_view(&reason));
    buf_done(&reason);
}

static void system_out(struct buf *out, const struct json *test)
{
    static const char *const lists[] = {"setup", "steps"};
    const struct json *step;

    if (json_size(json_get(test, "setup")) + json_size(json_get(test, "steps")) == 0) {
        return;
    }
    buf_text(out, "      <system-out>");
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        JSON_FOREACH (step, json_get(test, lists[i])) {
            if (i > 0 || !str_is(json_str(json_get(step, "status")), "skipped")) {
                system_out_step(out, step); /* a call that was not needed tells nothing */
            }
        }
    }
    buf_text(out, "</system-out>\n");
}

/* FILE:LINE:COLUMN: message, and what to do, of each error. */
static void put_errors(struct buf *out, const struct report_entry *entry)
{
    static const struct {
        const char *member;
        const char *label;
    } notes[] = {{"nearest", "did you mean"}, {"hint", "hint"}, {"example", "example"}};
    const struct json *error;

    JSON_FOREACH (error, json_get(entry->problem, "errors")) {
        buf_str(out, entry->file);
        if (report_line(error) > 0) {
            buf_printf(out, ":%lld:%lld", (long long)report_line(error),
                       (long long)report_int(json_get(error, "column")));
        }
        buf_printf(out, ": %.*s\n", STR_ARG(json_str(json_get(error, "detail"))));
        for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
            struct str text = json_str(json_get(error, notes[i].member));

            if (text.len > 0) {
                buf_printf(out, "  %s: %.*s\n", notes[i].label, STR_ARG(text));
            }
        }
    }
}

static struct str type_of(const struct report_case *one)
{
    struct str code = json_str(json_find(report_first_failure(one->test), "/error/code"));

    if (code.len > 0 && one->verdict == VERDICT_FAILED) {
        return code;
    }
    if (one->verdict == VERDICT_ERROR && one->entry->broken) {
        return STR("does_not_compile");
    }
    return str_from(verdicts[one->verdict].word);
}

static void put_mark(struct buf *out, const struct report_case *one)
{
    enum mark mark = marks[one->verdict];
    struct buf text;

    if (mark == MARK_NONE) {
        return;
    }
    if (mark == MARK_SKIPPED) {
        escape_form(out, escape_xml, "      <skipped message=\"%e\"/>\n", one->why);
        return;
    }
    buf_init(&text, TEXT_MAX);
    put_errors(&text, one->entry);
    escape_form(out, escape_xml, "      <%s type=\"%e\" message=\"%e\">%e</%s>\n",
                mark_elements[mark], type_of(one), one->why,
                text.len > 0 && buf_ok(&text) ? buf_view(&text) : one->why, mark_elements[mark]);
    buf_done(&text);
}

static void write_case(struct junit *junit, struct buf *out, const struct report_case *one,
                       struct tally *tally)
{
    struct str classname = classname_of(&junit->arena, one->entry->file);

    escape_form(out, escape_xml,
                "    <testcase classname=\"%e\" name=\"%e\" file=\"%e\"{ line=\"%i\"}", classname,
                unique_name(junit, classname, one->name), one->entry->file, one->line);
    seconds(out, one->ms);
    buf_text(out, ">\n");
    put_mark(out, one);
    system_out(out, one->test);
    buf_text(out, "    </testcase>\n");
    tally->tests++;
    tally->marks[marks[one->verdict]]++;
}

/* ---- suites ---- */

static void write_properties(struct buf *out, const struct report_entry *entry, struct str url)
{
    buf_text(out, "    <properties>\n");
    property(out, "file", entry->file);
    property(out, "verdict", str_from(verdicts[entry->verdict].word));
    property(out, "proxy", url);
    property(out, "run", json_str(json_get(entry->run, "id")));
    property(out, "format", json_str(json_get(entry->run, "format")));
    property(out, "goal", entry->goal);
    property(out, "journey", entry->journey);
    property(out, "resume", json_str(json_find(entry->run, "/resume/query")));
    buf_text(out, "    </properties>\n");
}

/* xs:dateTime without a zone, as other dialects of the JUnit schema want it: 2026-01-31T12:00:00 */
static void timestamp(struct buf *out, int64_t wall_ms)
{
    struct buf text;

    buf_init(&text, 64);
    clock_format(&text, wall_ms);
    escape_form(out, escape_xml, " timestamp=\"%e\"",
                str_sub(buf_view(&text), 0, sizeof("2026-01-31T12:00:00") - 1));
    buf_done(&text);
}

static void counts(struct buf *out, const struct tally *tally)
{
    buf_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\"", tally->tests,
               tally->marks[MARK_FAILURE], tally->marks[MARK_ERROR]);
}

static void write_suite(struct junit *junit, const struct report *report, size_t at)
{
    const struct report_entry *entry = &report->entries[at];
    struct report_case *cases;
    size_t n = report_cases(entry, &junit->arena, &cases);
    struct buf *out = junit->out;
    struct tally tally = {0};
    struct buf body;

    buf_init(&body, BODY_MAX);
    for (size_t i = 0; i < n; i++) {
        write_case(junit, &body, &cases[i], &tally);
    }
    escape_form(out, escape_xml, "  <testsuite name=\"%e\" id=\"%i\"", entry->file, at);
    counts(out, &tally);
    buf_printf(out, " skipped=\"%zu\"", tally.marks[MARK_SKIPPED]);
    seconds(out, (int64_t)entry->ms);
    timestamp(out, report->began_wall_ms);
    buf_text(out, " hostname=\"localhost\">\n");
    write_properties(out, entry, report->url);
    buf_str(out, buf_view(&body));
    out->overflowed = out->overflowed || !buf_ok(&body);
    buf_text(out, "  </testsuite>\n");
    buf_done(&body);
    junit->all.tests += tally.tests;
    for (size_t m = 0; m < ARRAY_LEN(tally.marks); m++) {
        junit->all.marks[m] += tally.marks[m];
    }
}

void report_junit(const struct report *report, struct buf *out)
{
    struct junit junit = {0};
    struct buf suites;

    arena_init(&junit.arena);
    map_init(&junit.used);
    buf_init(&suites, out->max);
    junit.out = &suites;
    for (size_t i = 0; i < report->n; i++) {
        write_suite(&junit, report, i);
    }
    buf_text(out,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"virtuoso-proxy\"");
    counts(out, &junit.all);
    seconds(out, (int64_t)report->ms);
    buf_text(out, ">\n");
    buf_str(out, buf_view(&suites));
    buf_text(out, "</testsuites>\n");
    out->overflowed = out->overflowed || !buf_ok(&suites);
    buf_done(&suites);
    map_done(&junit.used);
    arena_done(&junit.arena);
}
