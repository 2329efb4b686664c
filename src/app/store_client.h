/* A store that a subcommand asks: one operation after another, each waited for. Owner: who opens it. */
#ifndef APP_STORE_CLIENT_H
#define APP_STORE_CLIENT_H

#include "config/config.h"
#include "net/loop.h"
#include "store/store.h"

struct store_client {
    struct loop loop;
    uv_timer_t alive;    /* deadlines alone do not keep a loop running */
    struct store *store; /* NULL: the configuration names none */
    struct store_op op;
    struct arena arena;         /* of the last result */
    struct store_result result; /* the last one */
    bool done;
};

/* Without a store: for whoever asks something else in its loop. */
void store_client_open_loop(struct store_client *client);
/* ERR_CONFIG: it cannot be opened. To be closed in either case. */
enum error_code store_client_open(struct store_client *client, const struct config *config,
                                  struct error *err) MUST_CHECK;
void store_client_close(struct store_client *client);
/* Returns the code of the result; its texts live until the next one. */
enum error_code store_client_run(struct store_client *client, const struct store_request *request);

#endif
