/* What the tests of reports share: fixed run objects, a report of one file of each kind, and what no text may hold. */
#ifndef TESTS_UNIT_CLI_REPORTS_H
#define TESTS_UNIT_CLI_REPORTS_H

#include "harness/cmocka.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "cli/report.h"
#include "data/node.h"
#include "harness/count.h"

enum { TEXT_MAX = 4 * 1024 * 1024, ENTRIES_MAX = 12 };

/* Everything that could end a text early or act on a terminal, in a browser or in a shell. */
#define HOSTILE                                                                                    \
    "</testcase>]]>\\\"'><script>alert(1)</script>&amp;|`*_[x](javascript:1)\\n# h\\u001b[31m"     \
    "\\u009b2J\\u202e\\uFFFE@everyone"

static const char *const passed_run =
    "{\"id\":\"run_1\",\"status\":\"passed\",\"format\":\"simplified\",\"name\":\"Login\","
    "\"duration_ms\":1234,\"progress\":100,"
    "\"steps\":{\"total\":2,\"done\":2,\"failed\":0,\"skipped\":0,\"unknown\":0},\"error\":null,"
    "\"tests\":[{\"name\":\"Login\",\"status\":\"passed\",\"line\":1,\"duration_ms\":900,"
    "\"outcome\":\"PASS\",\"execution_ms\":777,"
    "\"links\":{\"goal\":\"https://app.example/#/goal/2\",\"journey\":\"javascript:alert(1)\"},"
    "\"setup\":[{\"call\":\"create goal\",\"status\":\"done\",\"ms\":3,\"id\":\"2\"}],"
    "\"steps\":[{\"index\":1,\"command\":\"step-navigate to\",\"text\":\"navigate to \\\"x\\\"\","
    "\"status\":\"done\",\"line\":3,\"column\":5,\"step_id\":\"11\",\"ms\":4},"
    "{\"index\":2,\"command\":\"step-interact click\",\"text\":\"click on \\\"y\\\"\","
    "\"status\":\"failed\",\"optional\":true,\"line\":4,\"column\":5,\"ms\":4,"
    "\"error\":{\"code\":\"upstream_refused\",\"detail\":\"may fail\"}}]}],"
    "\"executions\":[{\"goal_id\":\"2\",\"job_id\":\"3\",\"status\":\"FINISHED\",\"outcome\":"
    "\"PASS\",\"progress\":100,\"url\":\"https://app.example/#/execution/3\",\"duration_ms\":5}],"
    "\"resume\":null,\"warnings\":[]}";

static const char *const failed_run =
    "{\"id\":\"run_2\",\"status\":\"failed\",\"name\":\"" HOSTILE "\",\"progress\":100,"
    "\"steps\":{\"total\":3,\"done\":1,\"failed\":1,\"skipped\":1,\"unknown\":0},"
    "\"tests\":[{\"name\":\"" HOSTILE "\",\"status\":\"failed\",\"line\":1,\"duration_ms\":9,"
    "\"description\":\"" HOSTILE "\",\"links\":{\"" HOSTILE "\":\"https://x/\\\"><script>\"},"
    "\"setup\":[],\"steps\":["
    "{\"index\":1,\"text\":\"first\",\"status\":\"done\",\"line\":3,\"column\":5,\"ms\":1},"
    "{\"index\":2,\"text\":\"" HOSTILE "\",\"status\":\"failed\",\"line\":4,\"column\":7,\"ms\":1,"
    "\"error\":{\"code\":\"upstream_refused\",\"detail\":\"" HOSTILE "\"}},"
    "{\"index\":3,\"text\":\"third\",\"status\":\"skipped\",\"line\":5,\"column\":5,\"ms\":0}]},"
    "{\"name\":\"Second\",\"status\":\"skipped\",\"steps\":[]}],\"executions\":[],"
    "\"resume\":{\"query\":\"checkpoint_id=5&from=2\",\"command\":\"x\",\"detail\":\"y\"},"
    "\"warnings\":[{\"line\":2,\"column\":1,\"detail\":\"" HOSTILE "\"}]}";

static const char *const red_execution =
    "{\"id\":\"run_3\",\"status\":\"failed\",\"name\":\"Red\",\"steps\":{\"total\":1,\"done\":1},"
    "\"tests\":[{\"name\":\"Red\",\"status\":\"passed\",\"steps\":[{\"index\":1,\"text\":\"look\","
    "\"status\":\"done\",\"outcome\":\"FAIL\",\"reason\":\"not on the page\",\"line\":2,"
    "\"execution_ms\":12,\"screenshot\":\"https://pictures.example/1.png\"}]}],"
    "\"executions\":[{\"goal_id\":\"9\",\"status\":\"FINISHED\",\"outcome\":\"FAIL\"}]}";

static const char *const created_run =
    "{\"id\":\"run_4\",\"status\":\"created\",\"name\":\"Made\",\"steps\":{\"total\":2,\"done\":2},"
    "\"tests\":[{\"name\":\"Made\",\"status\":\"created\",\"duration_ms\":7,\"steps\":["
    "{\"index\":1,\"text\":\"a\",\"status\":\"done\",\"line\":2}]}],\"executions\":[]}";

/* Shapes that no proxy sends. */
static const char *const odd_runs[] = {
    "{}",
    "{\"id\":5,\"status\":[],\"name\":{},\"tests\":7,\"steps\":\"x\",\"executions\":null}",
    "{\"tests\":[1,null,\"x\",[],{\"steps\":5,\"setup\":\"y\",\"links\":3}],\"warnings\":{}}",
    "{\"tests\":[{\"steps\":[1,null,{\"status\":9,\"error\":[],\"index\":-4,\"line\":1e99}]}]}",
    "{\"executions\":[1,{\"progress\":\"x\",\"url\":4,\"error\":\"z\"}],\"resume\":4}",
    "{\"steps\":{\"total\":-5,\"done\":99999999999999999999,\"failed\":1.5}}",
};

struct fixture {
    struct arena arena;
    struct report_entry entries[ENTRIES_MAX];
    struct report report;
    struct buf text;
};

static inline void fixture_init(struct fixture *f)
{
    *f = (struct fixture){0};
    arena_init(&f->arena);
    buf_init(&f->text, TEXT_MAX);
    f->report = (struct report){.entries = f->entries,
                                .began_wall_ms = 1767225600000,
                                .ms = 61234,
                                .url = STR("http://127.0.0.1:8000")};
}

static inline void fixture_done(struct fixture *f)
{
    buf_done(&f->text);
    arena_done(&f->arena);
}

static const struct json *json(struct fixture *f, const char *text)
{
    struct json *root = NULL;
    struct error err = {0};

    if (text == NULL) {
        return NULL;
    }
    assert_int_equal(json_parse(&f->arena, str_from(text), NULL, &root, &err), ERR_OK);
    return root;
}

static inline struct report_entry *add(struct fixture *f, const char *file, enum verdict verdict,
                                       const char *run)
{
    struct report_entry *entry = &f->entries[f->report.n++];

    *entry = (struct report_entry){.file = str_from(file),
                                   .source = STR("name: x\nsteps:\n  - a\n  - b\n"),
                                   .verdict = verdict,
                                   .run = json(f, run),
                                   .ms = 1234};
    return entry;
}

/* One of each kind. */
static inline void add_all(struct fixture *f)
{
    (void)add(f, "login.yaml", VERDICT_PASSED, passed_run);
    (void)add(f, "a/<\"&'>.yaml", VERDICT_FAILED, failed_run);
    (void)add(f, "red.yaml", VERDICT_FAILED, red_execution);
    add(f, "broken.yaml", VERDICT_ERROR, NULL)->detail = STR("does not compile: 1 error");
    f->entries[3].broken = true;
    f->entries[3].problem =
        json(f, "{\"errors\":[{\"line\":3,\"column\":5,\"detail\":\"" HOSTILE "\",\"text\":\"a\","
                "\"hint\":\"" HOSTILE "\"}]}");
    add(f, "stopped.yaml", VERDICT_CANCELLED, NULL)->detail = STR("stopped");
    add(f, "slow.yaml", VERDICT_TIMED_OUT, NULL)->detail = STR("gave up after 5 s (--timeout)");
    add(f, "later.yaml", VERDICT_SKIPPED, NULL)->detail = STR("no test tagged smoke");
    (void)add(f, "made.yaml", VERDICT_CREATED, created_run);
    add(f, "plan.yaml", VERDICT_PLANNED, NULL)->dry_run =
        json(f, "{\"requests\":[{\"method\":\"POST\",\"path\":\"/goals\"}]}");
}

/* As they are printed: a file when it has ended, the total at the end. */
static inline void print_human(struct fixture *f, bool color)
{
    for (size_t i = 0; i < f->report.n; i++) {
        report_human_entry(&f->report, &f->entries[i], color, &f->text);
    }
    report_human_total(&f->report, color, &f->text);
}

static inline bool says(const struct fixture *f, const char *what)
{
    return str_contains(buf_view(&f->text), str_from(what));
}

/* No control character but line ends, nothing that reorders text. */
static inline void assert_inert(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        assert_true(c == '\n' || (c >= 0x20 && c != 0x7F));
    }
    assert_false(str_contains(text, STR("\xC2\x9B")));
    assert_false(str_contains(text, STR("\xE2\x80\xAE")));
    assert_false(str_contains(text, STR("\xEF\xBF\xBE")));
}

/* ---- markup ---- */

enum { STACK_MAX = 64 };

struct markup {
    struct str stack[STACK_MAX];
    size_t depth;
};

static const char *const void_elements[] = {"meta", "br", "img"};

static inline bool is_void(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(void_elements); i++) {
        if (str_is(name, void_elements[i])) {
            return true;
        }
    }
    return false;
}

/* The end of a tag: quotes are respected, '<' never stands inside. */
static inline size_t tag_end(struct str text)
{
    bool quoted = false;

    for (size_t i = 1; i < text.len; i++) {
        assert_true(text.ptr[i] != '<');
        quoted = text.ptr[i] == '"' ? !quoted : quoted;
        if (text.ptr[i] == '>' && !quoted) {
            return i;
        }
    }
    fail_msg("a tag without an end");
    return 0;
}

static inline void take_tag(struct markup *markup, struct str tag)
{
    struct str name;
    struct str rest;

    if (tag.ptr[0] == '!' || tag.ptr[0] == '?') {
        return;
    }
    (void)str_cut(tag, ' ', &name, &rest);
    if (name.ptr[0] == '/') {
        assert_true(markup->depth > 0);
        assert_true(str_eq(markup->stack[--markup->depth], str_sub(name, 1, name.len)));
        return;
    }
    if (!str_ends(tag, STR("/")) && !is_void(name)) {
        assert_true(markup->depth < STACK_MAX);
        markup->stack[markup->depth++] = name;
    }
}

static inline void check_reference(struct str text)
{
    static const char *const known[] = {"&amp;", "&lt;",  "&gt;", "&quot;",
                                        "&#39;", "&#10;", "&#9;", "&#13;"};

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_starts(text, str_from(known[i]))) {
            return;
        }
    }
    fail_msg("a bare & before \"%.*s\"", STR_ARG(str_sub(text, 0, 20)));
}

/* Every tag is closed in order, every & begins a reference that is known. */
static inline void assert_well_formed(struct str text)
{
    struct markup markup = {0};

    while (text.len > 0) {
        size_t end = 0;

        if (text.ptr[0] == '&') {
            check_reference(text);
        } else if (text.ptr[0] == '<') {
            end = tag_end(text);
            take_tag(&markup, str_sub(text, 1, end - 1));
        }
        text = str_sub(text, end + 1, text.len);
    }
    assert_int_equal(markup.depth, 0);
}

#endif
