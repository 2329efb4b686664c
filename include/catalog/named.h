/* Names of calls and of kinds of reply: the rows and other rooms use them. */
#ifndef CATALOG_NAMED_H
#define CATALOG_NAMED_H

/* The enum value, and the name of the call's row. catalog_new looks each name up once. */
/* clang-format off */
#define NAMED_CALLS(X) \
    X(CALL_LIBRARY_ATTACH, "library attach") \
    X(CALL_LIBRARY_UPDATE, "library update") \
    X(CALL_CREATE_PROJECT, "create project") \
    X(CALL_CREATE_GOAL, "create goal") \
    X(CALL_CREATE_JOURNEY, "create journey") \
    X(CALL_CREATE_CHECKPOINT, "create checkpoint") \
    X(CALL_LIST_PROJECTS, "list projects") \
    X(CALL_LIST_GOALS, "list goals") \
    X(CALL_LIST_JOURNEYS, "list journeys") \
    X(CALL_LIST_CHECKPOINT_STEPS, "list checkpoint steps") \
    X(CALL_GET_EXECUTION_ANALYSIS, "get execution analysis") \
    X(CALL_CREATE_TEST_DATA_TABLE, "create test data table") \
    X(CALL_IMPORT_TEST_DATA, "import test data") \
    X(CALL_CREATE_ENVIRONMENT, "create environment") \
    X(CALL_COUNT_STEPS, "count steps") \
    X(CALL_NEWEST_SNAPSHOT, "newest snapshot") \
    X(CALL_ATTACH_CHECKPOINT, "attach checkpoint") \
    X(CALL_CREATE_GOAL_OF_A_TEST, "create goal of a test") \
    X(CALL_CREATE_JOURNEY_OF_A_TEST, "create journey of a test") \
    X(CALL_CHECKPOINTS_OF_GOAL, "checkpoints of goal") \
    X(CALL_GOAL_VERSIONS, "goal versions") \
    X(CALL_ORGANIZATION_OF_THE_TOKEN, "organization of the token") \
    X(CALL_USER, "user") \
    X(CALL_ADD_TO_LIBRARY, "add to library") \
    X(CALL_LIST_LIBRARY, "list library") \
    X(CALL_JOURNEY_OF, "journey of") \
    X(CALL_JOURNEY_TO_COPY, "journey to copy") \
    X(CALL_COPY_STEP, "copy step") \
    X(CALL_START_EXECUTION, "start execution") \
    X(CALL_PROJECT_OF_GOAL, "project of goal") \
    X(CALL_EXECUTION_STATE, "execution state") \
    X(CALL_EXECUTION, "execution") \
    X(CALL_LIST_CHECKPOINTS, "list checkpoints") \
    X(CALL_EXECUTIONS_OF_PROJECT, "executions of project")

/* clang-format on */

enum named_call {
    CALL_NONE,

#define AS_VALUE(value, name) value,
    NAMED_CALLS(AS_VALUE)
#undef AS_VALUE
        CALL_N_NAMED
};

/* Kinds of reply. Each is the index of its row in src/api/gate/reply_map.c. */
enum named_reply {
    REPLY_NONE,
    REPLY_USER,
    REPLY_PROJECT,
    REPLY_PROJECTS,
    REPLY_GOAL,
    REPLY_GOALS,
    REPLY_VERSIONS,
    REPLY_JOURNEY,
    REPLY_JOURNEYS,
    REPLY_CHECKPOINT,
    REPLY_CHECKPOINTS,
    REPLY_STEP,
    REPLY_STEPS,
    REPLY_SIMPLE_STEPS,
    REPLY_EXECUTION,
    REPLY_ANALYSIS,
    REPLY_LIBRARY,
    REPLY_LIBRARIES,
    REPLY_TABLE,
    REPLY_ENVIRONMENT,
    REPLY_DONE,
    REPLY_N_NAMED
};

#endif
