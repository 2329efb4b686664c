/* What the tests of the audit share: a loop, a folder for its file, and one audit. */
#ifndef UNIT_EVENTS_AUDIT_STAGE_H
#define UNIT_EVENTS_AUDIT_STAGE_H

#include <stdio.h>
#include <stdlib.h>

#include "events/audit_internal.h"
#include "harness/cmocka.h"
#include "net/loop.h"
#include "observe/fact.h"

enum { TEXT_MAX = 8 << 20 };

struct fixture {
    struct loop loop;
    struct audit *audit;
    char folder[64];
    char file[96];
    struct buf text;
    bool closed;
};

static struct fixture fixture;

static inline void on_closed(void *context)
{
    ((struct fixture *)context)->closed = true;
}

static inline void note(const char *action)
{
    struct fact fact = {.kind = FACT_REQUEST, .outcome = "ok", .action = action, .status = 200};

    str_copy(fact.principal, sizeof(fact.principal), STR("ci"));
    fact_note(&fact);
}

static inline int set_up(void **state)
{
    (void)state;
    fixture = (struct fixture){.closed = false};
    loop_init(&fixture.loop);
    buf_init(&fixture.text, TEXT_MAX);
    str_copy(fixture.folder, sizeof(fixture.folder), STR("/tmp/vp-audit-XXXXXX"));
    assert_non_null(mkdtemp(fixture.folder));
    (void)snprintf(fixture.file, sizeof(fixture.file), "%s/a.jsonl", fixture.folder);
    return 0;
}

static inline int tear_down(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", fixture.folder);
    assert_int_equal(system(command), 0);
    buf_done(&fixture.text);
    loop_done(&fixture.loop);
    return 0;
}

#endif
