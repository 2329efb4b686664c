/* What the files of the conformance tests share: the stage of the backend that is tried just now, requests to it, and the way
 * through all backends. */
#ifndef UNIT_STORE_CONFORMANCE_H
#define UNIT_STORE_CONFORMANCE_H

#include <stdio.h>
#include <stdlib.h>

#include "harness/wait.h"
#include "stage.h"

static struct stage stage;

static inline struct store_result run(const struct store_request *request)
{
    return stage_run(&stage, request);
}

static inline struct store_request put_of(const char *key, const char *bytes)
{
    return (struct store_request){
        .kind = STORE_PUT, .key = str_from(key), .bytes = str_from(bytes), .format = 1};
}

static inline uint64_t put(const char *key, const char *bytes)
{
    struct store_request request = put_of(key, bytes);
    struct store_result result = run(&request);

    assert_int_equal(result.error.code, ERR_OK);
    return result.version;
}

static inline struct store_result get(const char *key)
{
    const struct store_request request = {.kind = STORE_GET, .key = str_from(key), .format = 1};

    return run(&request);
}

static inline struct store_result append(const char *key, const char *bytes, unsigned limit)
{
    const struct store_request request = {.kind = STORE_APPEND,
                                          .key = str_from(key),
                                          .bytes = str_from(bytes),
                                          .format = 1,
                                          .limit = limit};

    return run(&request);
}

static inline struct store_request read_of(const char *key, uint64_t after, unsigned wait_ms)
{
    return (struct store_request){.kind = STORE_READ,
                                  .key = str_from(key),
                                  .format = 1,
                                  .after = after,
                                  .limit = 10,
                                  .wait_ms = wait_ms};
}

/* Its Unix socket may be there before its port. */
static inline bool is_there(void)
{
    (void)loop_turn(&stage.loop, false);
    return get("doc/none").error.code == ERR_NOT_FOUND;
}

/* What conf/README.md says that a user needs, and no more. */
static inline void make_user(void)
{
    char line[400];

    (void)snprintf(line, sizeof(line),
                   "redis-cli -s %s acl setuser few on '>right' '~vp:*' +@read +@write +evalsha "
                   "'+script|load' '+client|id' '+client|unblock' +select +time +info >/dev/null",
                   stage.server.path);
    wait_until(system(line) == 0);
    stage.user = "few";
    stage.password = "right";
}

static inline int set_up(void **state)
{
    int failed;

    (void)state;
    if (stage.backend->is_redis) {
        stage.server = redis_server_make();
        stage.server.tls = stage.backend->tls;
        redis_server_start(&stage.server, NULL, NULL);
        if (stage.backend->open == stage_open_unix) {
            make_user();
        }
    }
    if (stage.backend->is_cloud) {
        stage_start_cloud(&stage);
    }
    failed = stage_open(&stage);
    if (failed == 0) {
        wait_until(is_there());
    }
    return failed;
}

static inline int tear_down(void **state)
{
    (void)state;
    stage_close(&stage);
    redis_server_stop(&stage.server);
    if (stage.backend->is_cloud) {
        assert_int_equal(stage.cloud.seen->n_refused, 0);
        assert_int_equal(stage.cloud.seen->n_too_fast, 0);
        cloud_server_done(&stage.cloud);
    }
    return 0;
}

/* Each test against each backend. */
static inline int run_on_all(const struct CMUnitTest *tests, size_t n)
{
    int failed = 0;

    for (size_t i = 0; i < n_stage_backends; i++) {
        if (stage_backends[i].is_redis && !redis_server_is_there()) {
            print_message("skipped: no redis-server for %s\n", stage_backends[i].name);
            continue;
        }
        stage = (struct stage){.backend = &stage_backends[i]};
        failed += _cmocka_run_group_tests(stage.backend->name, tests, n, set_up, tear_down);
    }
    return failed;
}

#endif
