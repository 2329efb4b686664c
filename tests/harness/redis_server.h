/* A real redis-server for a test: on a free port of loopback and on a Unix socket; nothing is written
 * to disk unless `keeps` is set. It ends with the test process at the latest. */
#ifndef HARNESS_REDIS_SERVER_H
#define HARNESS_REDIS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#define REDIS_TLS_DIR VP_SOURCE_DIR "/tests/harness/tls" /* cert.pem is its own authority */

enum { REDIS_PATH_MAX = 100 };

struct redis_server {
    pid_t pid;  /* 0: it does not run */
    bool tls;   /* its port speaks TLS, with the certificate of tests/harness/tls */
    bool keeps; /* it writes all to disk before it answers, and reads it when it starts */
    char path[REDIS_PATH_MAX];
    char port[8];
};

bool redis_server_is_there(void); /* the program; where it is not, tests say so and skip */
struct redis_server redis_server_make(void);
/* Returns when it answers. `option` and its value are further arguments; NULL: none. */
void redis_server_start(struct redis_server *server, const char *option, const char *value);
void redis_server_stop(struct redis_server *server); /* kill -9; it may be started again */
/* Of one that keeps what it has: go_back ends it, and starts one that has what there was when it was remembered. */
void redis_server_remember(const struct redis_server *server);
void redis_server_go_back(struct redis_server *server);
void redis_server_done(struct redis_server *server); /* the same for good: its files are removed */

#endif
