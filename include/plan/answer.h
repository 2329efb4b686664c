/* Reading what the platform answers: its envelopes and its refusals. Pure.
 * PLATFORM.md, "Envelopes". */
#ifndef PLAN_ANSWER_H
#define PLAN_ANSWER_H

#include "base/error.h"
#include "data/json.h"
#include "plan/call.h"

/* Members of the platform's answers whose values are secrets wherever they stand, passwords among them. Columns: name, kind of
 * the value, who may see it, where it was seen. Kinds and rights are those of the table that takes secrets out (room api). */
#define ANSWER_SECRETS(X)                                                                          \
    X("initialDataPerJourneySequence", ANYTHING, 0, "execution status, captured")                  \
    X("usedData", NOT_A_NUMBER, 0, "sideEffects of a step in an execution, captured")              \
    X("testDataValue", ANYTHING, 0, "step in an execution, captured")                              \
    X("dataAttributeValues", ANYTHING, 0, "journey, captured twice: user names and passwords")     \
    X("newTestDataValues", ANYTHING, REDACT_SHOWS_TABLES, "values of a data table, as changed")

/* Where answers list the steps of a checkpoint, and the checkpoints of a journey. */
#define STEPS_PLACES "/item/steps /steps /testCase/steps /item/testSteps /testSteps /items /item"
#define CASES_PLACES "/item/cases /cases /item/testCases /testCases"

/* The list of an answer: the whole answer if it is a list, else what stands at the first of the
 * pointers that exists. NULL: that is no list. */
const struct json *answer_list(const struct json *answer, const char *pointers);

/* An id as the platform writes it: a whole number from 1, or the digits of one; 0: it is none. */
int64_t id_number(const struct json *id);

struct answer {
    int status;
    struct str content_type;
    struct str body;
    unsigned retry_after_s;
    const struct json *json; /* NULL: the body is no JSON */
    struct str token;        /* the token of the request: an answer that repeats it is not quoted */
    bool token_is_gone;      /* upstream_call_token_is_gone: no answer is quoted */
};

/* Does the body claim to be JSON? */
bool answer_is_json(struct str content_type);
/* ERR_OK, or what is wrong with the answer, with the platform's status in err->upstream_status:
 * ERR_UPSTREAM_REFUSED (4xx), ERR_UPSTREAM_AUTH (401/403 for a stored token), ERR_RATE_LIMITED (429),
 * ERR_UPSTREAM_ERROR (5xx), ERR_OUTCOME_UNKNOWN (status_leaves_open on a create or change),
 * ERR_UPSTREAM_SHAPE (anything that is not a readable success). */
enum error_code answer_judge(const struct answer *answer, const struct call_spec *spec,
                             bool stored_token, struct error *err) MUST_CHECK;

/* For an answer that was judged ERR_OK. ERR_UPSTREAM_SHAPE: its id is not `asked`, so it answers another request. */
enum error_code answer_judge_subject(const struct answer *answer, const struct call_spec *spec,
                                     const struct json *asked, struct error *err) MUST_CHECK;

/* True: after this status (5xx) the request may still be carried out: a gateway gave up waiting (502, 504, 520, ...), or
 * the meaning of the status is not known. After a 500 the platform is done. */
bool status_leaves_open(int status);

/* For an answer that was judged ERR_UPSTREAM_SHAPE. True: it is a success in JSON, so it may be the answer to another
 * request, and its connection is not used again. HTML pages and refusals belong to their own request, and a new
 * connection after each of them would be dear. */
bool answer_may_be_anothers(const struct answer *answer);

#endif
