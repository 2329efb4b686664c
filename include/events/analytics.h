/* Analytics: how often, how long and with what outcome, from facts (observe/fact.h): per command,
 * route, principal, project and test, in slots of a minute for an hour, of an hour for a day, and of a day (UTC)
 * for thirty. In memory, of this process, since it began. A series is one name of one owner.
 *
 * Owner: the app opens it and closes it after everything that notes facts. Limits: ANALYTICS_MAX_SERIES
 * series (4 MiB); where there is no room, the one that was not used for the longest time goes. */
#ifndef EVENTS_ANALYTICS_H
#define EVENTS_ANALYTICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json_writer.h"
#include "base/later.h"
#include "base/str.h"

enum { ANALYTICS_MAX_SERIES = 512 };

/* How far back: of the words "1h 24h 7d 30d". */
enum analytics_range {
    ANALYTICS_1H,
    ANALYTICS_24H,
    ANALYTICS_7D,
    ANALYTICS_30D,
    ANALYTICS_N_RANGES
};

struct analytics;

struct analytics *analytics_open(struct later *later);
void analytics_close(struct analytics *analytics); /* NULL is fine */

bool analytics_range_parse(struct str word, enum analytics_range *out);

struct analytics_wish {
    enum analytics_range range;
    const uint8_t *owner; /* FACT_OWNER_BYTES: only series of this owner; NULL: all */
    int64_t now_ms;       /* Unix */
};

/* Each writes one JSON object: totals, and how they went over time; then commands, routes,
 * principals and projects, the most frequent first; then tests, those that are flaky first. */
void analytics_write_dashboard(struct analytics *analytics, const struct analytics_wish *wish,
                               struct json_writer *w);
void analytics_write_commands(struct analytics *analytics, const struct analytics_wish *wish,
                              struct json_writer *w);
void analytics_write_tests(struct analytics *analytics, const struct analytics_wish *wish,
                           struct json_writer *w);

#endif
