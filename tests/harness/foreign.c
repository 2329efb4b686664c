#include "harness/foreign.h"

#include "base/buf.h"

/* clang-format off */
const struct foreign foreign_rows[] = {
    {"GET", "/projects/{P}/environments", NULL, 200, "/item/environments/0/variables/a/value", "/environments/0/name"},
    {"GET", "/projects", NULL, 400, "/error/code", "/error/code"},
    {"GET", "/projects?organizationId=7", NULL, 200, "/map/{P}/name", "/{P}/name"},
    {"GET", "/projects?organizationId=7", NULL, 200, "/total", "/{P}/capabilities/EXECUTION"},
    {"GET", "/projects?organizationIds%5B%5D=7", NULL, 200, "/map/{P}/name", "/{P}/name"},
    {"GET", "/projects?organizationId=", NULL, 400, "/error/code", "/error/code"},
    {"GET", "/projects/{P}/goals", NULL, 200, "/map/{G}/id", "/{G}/name"},
    {"GET", "/goals/?projectId={P}&archived=false", NULL, 200, "/map/{G}/id", "/{G}/name"},
    {"POST", "/teststeps", "{\"checkpointId\":\"{C}\",\"stepIndex\":0,\"parsedStep\":{\"action\":\"CLICK\"}}", 200,
     "/item/testStep/id", "/testStep/id"},
    {"POST", "/teststeps", "{\"checkpointId\":\"{C}\",\"stepIndex\":\"0\",\"parsedStep\":{\"action\":\"CLICK\"}}", 200,
     "/item/testStep/stepIndex", "/testStep/id"},
    {"POST", "/teststeps", "{\"checkpointId\":{C},\"stepIndex\":0,\"parsedStep\":{\"action\":\"CLICK\"}}", 200,
     "/item/checkpoint/steps/0/id", "/checkpoint/steps/0/id"},
    {"GET", "/testsuites/latest_status?jobId={E}&includeSequencesDetails=true", NULL, 200,
     "/map/{J}/lastExecution/statistics/outcome", "/{J}/journey/cases/0/id"},
    {"GET", "/testsuites/latest_status?goalId={G}", NULL, 200, "/map/{J}/journey/title", "/{J}/journey/id"},
    {"GET", "/testsuites/latest_status?versionId={S}", NULL, 200, "/map/{J}/journey/title", "/{J}/journey/id"},
    {"GET", "/testsuites/latest_status?jobId=9", NULL, 404, "/error/message", NULL},
    {"GET", "/testsuites/latest_status?goalId=9", NULL, 404, "/error/message", NULL},
    {"GET", "/testsuites/execution?snapshotId={S}&goalId={G}&suiteId[]={J}", NULL, 200, "/item/{J}/outcome", "/{J}/outcome"},
    {"GET", "/testsuites/execution?versionId={S}&suiteId%5B%5D={J}", NULL, 200, "/item/{J}/outcome", "/{J}/outcome"},
    {"GET", "/testsuites/execution?suiteId={J}&jobId={E}&includeJourneyDetails=true", NULL, 200, "/item/outcome", "/testSuiteId"},
    {"GET", "/testsuites/execution?suiteId={J}", NULL, 200, "/item/outcome", "/testSuiteId"},
    {"GET", "/testsuites/execution?suiteIds[]={J}&suiteIds[]={J}", NULL, 200, "/item/{J}/outcome", "/{J}/outcome"},
    {"GET", "/testsuites/execution", NULL, 400, "/error/message", NULL},
    {"PUT", "/plans/executions/5001/execute", "{}", 200, "/item/jobs", "/jobs"},
    {"POST", "/plans/executions/5001/execute", NULL, 200, "/item/id", "/id"},
    {"GET", "/plans/executions/5001", NULL, 200, "/item/name", "/projectId"},
    {"GET", "/plans/executions/5003", NULL, 404, "/error/message", NULL},
    {"GET", "/projects/{P}/jobs?dateBegin=0&dateEnd=99999999999999", NULL, 200, "/map/{E}/submitDate", "/{E}/totalTestExecutions"},
    {"GET", "/projects/{P}/jobs?planIds%5B%5D=5001", NULL, 200, "/total", NULL},
    {"GET", "/goals/{G}/checkpoints", NULL, 200, "/item/checkpoints/{C}/title", "/checkpoints/{C}/id"},
    {"POST", "/scripts", "{\"name\":\"x\",\"projectId\":{P},\"script\":\"return 1\",\"inputs\":[]}", 200, "/item/id", "/name"},
    {"GET", "/projects/{P}/scripts?includeBody=true", NULL, 200, "/items/0/script", "/0/script"},
    {"GET", "/organizations/7/scripts", NULL, 200, "/items", NULL},
    {"GET", "/testsuites/{J}/history", NULL, 200, "/items/0/statistics/outcome", "/0/id"},
    {"GET", "/testsuites/{J}/contributors", NULL, 200, "/items/0/userId", "/0/id"},
    {"GET", "/testsuites/{J}/users", NULL, 200, "/items/0/userId", "/0/id"},
    {"GET", "/api-tests?projectId={P}&detailed=true", NULL, 200, "/items", NULL},
    {"GET", "/api-tests/5002", NULL, 200, "/item/name", "/id"},
    {"GET", "/organizations/7", NULL, 200, "/item/id", "/id"},
    {"GET", "/organizations/7/users", NULL, 200, "/items/0/userId", "/0/id"},
    {"GET", "/tags/projects/{P}", NULL, 200, "/items", NULL},
    {"GET", "/goals/{G}/contributors", NULL, 200, "/items/0/userId", "/0/id"},
    {"GET", "/goals/{G}/export/{S}", NULL, 200, "/item/suites/0/title", "/suites/0/id"},
    {"GET", "/tickets?projectId={P}&jobId={E}&status%5B%5D=ACTIVE", NULL, 200, "/items", NULL},
    {"GET", "/bridges?organizationId=7&connected=false", NULL, 200, "/items", NULL},
    {"GET", "/integrations?organizationId=7", NULL, 200, "/items", NULL},
    {"GET", "/integrations/installations?organizationId=7", NULL, 200, "/items", NULL},
    {"GET", "/elements/healing?jobId={E}&journeyId={J}&detailed=true", NULL, 200, "/items", NULL},
    {"GET", "/limits?organizationIds%5B%5D=7", NULL, 200, "/items/0/limit", "/0/organizationId"},
    {"GET", "/organizations/7/?includeBody=false", NULL, 200, "/item/name", "/name"},
    {"GET", "/organizations/7/project-roles", NULL, 200, "/items/0/name", "/0/id"},
    {"GET", "/organizations/7/invoices", NULL, 404, NULL, NULL},
    {"GET", "/goals/metrics/invoices?projectId={P}", NULL, 404, NULL, NULL},
    {"GET", "/organizations/7/usage?dateBegin=0&dateEnd=99999999999999", NULL, 200, "/items/0/executions", "/0/date"},
    {"GET", "/organizations/7/usage/aggregated", NULL, 200, "/item/executions", "/passed"},
    {"GET", "/organizations/7/usage?dateBegin=yesterday", NULL, 400, "/error/message", NULL},
    {"GET", "/organizations/7/jobs/usage?pageSize=50", NULL, 200, "/items/0/submitDate", "/0/goalId"},
    {"GET", "/organizations/7/jobs/usage?pageSize=50", NULL, 200, "/items/0/meta/initialDataPerJourneySequence", NULL, true},
    {"GET", "/goals/metrics/executions?projectId={P}&cursor=0&orderBy=NAME&orderDirection=ASC", NULL, 200, "/map/{G}/executions", "/{G}/name"},
    {"GET", "/goals/metrics/executions/history?projectId={P}&cursor=0", NULL, 200, "/map/{G}/executions/0/id", "/{G}/executions"},
    {"GET", "/goals/metrics/statistics?projectId={P}", NULL, 200, "/map/{G}/journeys", "/{G}/steps"},
    {"GET", "/goals/metrics/statistics", NULL, 400, "/error/message", NULL},
    {"GET", "/projects/metrics/executions?projectIds[]={P}&projectIds[]=9&dateBegin=0", NULL, 200, "/map/{P}/executions", "/{P}/passed"},
    {"GET", "/projects/metrics/journeys?projectIds%5B%5D={P}", NULL, 200, "/map/{P}/total", "/{P}/projectId"},
    {"GET", "/projects/metrics/extensions?projectIds%5B%5D={P}", NULL, 200, "/map/{P}/total", "/{P}/projectId"},
    {"GET", "/projects/metrics/execution_plans?projectIds%5B%5D={P}", NULL, 200, "/map/{P}/total", "/{P}/projectId"},
    {"GET", "/projects/metrics/journeys", NULL, 400, "/error/message", NULL},
    {"GET", "/environments/{V}/metrics", NULL, 200, "/item/executions", "/environmentId"},
    {"POST", "/executions/{E}/failures/explain", "{\"testSuiteId\":{J},\"sequence\":1,\"humanReadableCheckpointList\":[]}", 200,
     "/item/explanation", "/explanation"},
    {"POST", "/executions/{E}/failures/explain", NULL, 400, "/error/message", NULL},
    {"GET", "/testsuites?goalId={G}", NULL, 200, "/map/{J}/title", "/{J}/id"},
    {"GET", "/testsuites", NULL, 400, "/error/message", NULL},
    {"POST", "/testsuites/execution?snapshotId={S}&goalId={G}&suiteId%5B%5D={J}&includeJourneyDetails=true", NULL, 200, "/item/id", "/status"},
    {"POST", "/testsuites/execution", "{\"goalId\":\"{G}\",\"suiteIds\":[\"{J}\"]}", 200, "/item/id", "/status"},
    {"POST", "/testsuites/execution", NULL, 400, "/error/message", NULL},
    {"POST", "/testsuites/execution?goalId={G}&suiteId[]=9", NULL, 400, "/error/message", NULL},
    {"DELETE", "/testsuites/9", NULL, 404, "/error/message", NULL},
    {"DELETE", "/goals/9", NULL, 404, "/error/message", NULL},
    {"DELETE", "/projects/9", NULL, 404, "/error/message", NULL},
    {"PUT", "/teststeps/9", "{}", 404, "/error/message", NULL},
    {"POST", "/library/checkpoints/create", "{\"name\":\"Lib\",\"goalId\":{G}}", 201, "/item/id", "/name"},
    {"POST", "/library/checkpoints/create", "{\"name\":\"Lib\",\"projectId\":\"{P}\"}", 201, "/item/id", "/name"},
    {"POST", "/library/checkpoints/create", "{\"name\":\"Lib\"}", 400, "/error/message", NULL},
    {"POST", "/projects", "{\"name\":\"p\",\"organizationId\":\"7\"}", 201, "/item/id", "/id"},
    {"POST", "/goals", "{\"name\":\"g\",\"projectId\":\"{P}\",\"url\":\"https://x.example\"}", 201, "/item/id", "/id"},
    {"POST", "/testcases", "{\"goalId\":\"{G}\",\"snapshotId\":\"{S}\",\"title\":\"t{N}\"}", 201, "/item/id", NULL},
    {"POST", "/environments/create", "{\"name\":\"e\",\"projectId\":\"{P}\"}", 201, "/item/id", "/id"},
    {"GET", "/executions/{E}/status", NULL, 200, "/item/meta/executionRequest/suiteIds", "/meta/testSuiteIds/0"},
    {"GET", "/executions/{E}", NULL, 200, "/item/testSuites/{J}/journeyStatistics/progress",
     "/testSuites/{J}/testCases/{C}/testCaseCanonicalId"},
    {"GET", "/projects/{P}", NULL, 200, "/item/capabilities/LOOPS", "/modifiedDate"},
    {"GET", "/testsuites/{J}", NULL, 200, "/item/dataAttributeValues", "/cases/0/kind", true},
};

/* clang-format on */

const size_t n_foreign_rows = ARRAY_LEN(foreign_rows);

static int64_t id_of(struct foreign_ids *ids, char letter)
{
    switch (letter) {
    case 'P':
        return ids->project;
    case 'G':
        return ids->goal;
    case 'S':
        return ids->snapshot;
    case 'J':
        return ids->journey;
    case 'C':
        return ids->checkpoint;
    case 'E':
        return ids->execution;
    case 'V':
        return ids->environment;
    default:
        return ++ids->n;
    }
}

const char *foreign_text(struct arena *arena, struct foreign_ids *ids, const char *text)
{
    struct str rest = str_from(text);
    struct buf out;
    const char *result;

    buf_init(&out, 65536);
    while (rest.len > 0) {
        bool is_id = rest.len > 2 && rest.ptr[0] == '{' && rest.ptr[1] >= 'A' &&
                     rest.ptr[1] <= 'Z' && rest.ptr[2] == '}';

        if (is_id) {
            buf_int(&out, id_of(ids, rest.ptr[1]));
        } else {
            buf_char(&out, rest.ptr[0]);
        }
        rest = str_sub(rest, is_id ? 3 : 1, rest.len);
    }
    result = arena_cstr(arena, buf_view(&out));
    buf_done(&out);
    return result;
}
