/* Macros that keep the rows of the catalogue short. */
#ifndef CATALOG_ROWS_H
#define CATALOG_ROWS_H

#include "catalog_internal.h"
#include "plan/answer.h"

/* Where the platform puts the id of what was made, in its several envelopes (PLATFORM.md,
 * "Envelopes"). */
#define ID_PLACES "/testStep/id /item/testStep/id /id /item/id /data/id /execution/id /result/id"

/* Where an answer repeats the name, or the title, that its request gave. A journey has both, and both are sent. */
#define NAME_PLACES  "/name /item/name /data/name /result/name"
#define TITLE_PLACES "/title /item/title /data/title /result/title"

#define PLACES                                                                                     \
    "TOP_LEFT TOP_CENTER TOP_RIGHT CENTER_LEFT CENTER CENTER_RIGHT BOTTOM_LEFT BOTTOM_CENTER BOTTOM_RIGHT"

/* Accepted from old clients; the platform has no such setting, and a warning says so. */
#define INERT(name_)                                                                               \
    {                                                                                              \
        (name_), PARAM_ANY, .flags = PARAM_OPTIONAL | PARAM_INERT                                  \
    }

/* The platform finds elements by a clue: JSON *text* inside JSON. Further members may follow the
 * clue. */
#define GUESS(...)                                                                                 \
    {                                                                                              \
        "selectors" : [ {"type" : "GUESS", "value" : {"$guess" : {"clue" : __VA_ARGS__}}} ]        \
    }

#define STEP_CALL(json)                                                                                    \
    .kind = COMMAND_STEP, .permission = PERMISSION_WRITE_TESTS,                                            \
    .call = {                                                                                              \
        .name = "create step",                                                                             \
        .method = "POST",                                                                                  \
        .path = "/teststeps",                                                                              \
        .query = "envelope=false",                                                                         \
        .body =                                                                                            \
            "{\"checkpointId\": \"$#checkpoint_id\", \"stepIndex\": \"$#position\", \"parsedStep\": " json \
            "}",                                                                                           \
        .class = CALL_CREATE,                                                                              \
        .needs_json = true,                                                                                \
        .captures = {{"step_id", ID_PLACES, true}},                                                        \
    }

/* A step: steps differ only in parsedStep. STEP expands macros in it: GUESS, but also C's `true`. So a
 * step with `true` needs the second form, which expands nothing. */
#define STEP(...)           STEP_CALL(JSON(__VA_ARGS__))
#define STEP_WITH_TRUE(...) STEP_CALL(#__VA_ARGS__)

#endif
