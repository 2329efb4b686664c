/* Lets a subcommand wait for what it asks: above all a store, one operation after another. Owner: the subcommand. */
#ifndef APP_STORE_CLIENT_H
#define APP_STORE_CLIENT_H

#include "config/config.h"
#include "net/loop.h"
#include "store/store.h"

/* A loop that is run until what was asked for has come: one question at a time, each with a deadline. With it the metrics
 * are open. */
struct waiting {
    struct loop loop;
    uv_timer_t alive; /* deadlines alone do not keep a loop running */
    bool done;
};

void waiting_open(struct waiting *waiting);
void waiting_run(struct waiting *waiting); /* until waiting_end */
void waiting_end(void *waiting);
void waiting_close(struct waiting *waiting);

struct store_client {
    struct waiting waiting;
    struct store *store; /* NULL: the configuration names none */
    struct store_op op;
    struct arena arena;         /* of the last result */
    struct store_result result; /* the last one */
};

/* ERR_CONFIG: the store cannot be opened. The client must be closed also then. */
enum error_code store_client_open(struct store_client *client, const struct config *config,
                                  struct error *err) MUST_CHECK;
void store_client_close(struct store_client *client);
/* Returns the code of the result; its texts live until the next one. */
enum error_code store_client_run(struct store_client *client, const struct store_request *request);

#endif
