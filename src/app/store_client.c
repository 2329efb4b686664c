#include "store_client.h"

#include "base/check.h"
#include "observe/metrics.h"
#include "room_options.h"

enum { ALIVE_MS = 1000 };

static void on_alive(uv_timer_t *timer)
{
    (void)timer;
}

void waiting_open(struct waiting *waiting)
{
    waiting->done = false;
    metrics_open();
    loop_init(&waiting->loop);
    CHECK(uv_timer_init(&waiting->loop.uv, &waiting->alive) == 0);
    CHECK(uv_timer_start(&waiting->alive, on_alive, ALIVE_MS, ALIVE_MS) == 0);
}

void waiting_run(struct waiting *waiting)
{
    while (!waiting->done) {
        (void)loop_turn(&waiting->loop, true);
    }
    waiting->done = false;
}

void waiting_end(void *waiting)
{
    ((struct waiting *)waiting)->done = true;
}

void waiting_close(struct waiting *waiting)
{
    uv_close((uv_handle_t *)&waiting->alive, NULL);
    loop_done(&waiting->loop);
    metrics_done();
}

enum error_code store_client_open(struct store_client *client, const struct config *config,
                                  struct error *err)
{
    client->store = NULL;
    waiting_open(&client->waiting);
    arena_init(&client->arena);
    return open_config_store(&client->waiting.loop, config, 0, &client->store, err);
}

void store_client_close(struct store_client *client)
{
    if (client->store != NULL) {
        store_close(client->store, waiting_end, &client->waiting);
        waiting_run(&client->waiting);
    }
    waiting_close(&client->waiting);
    arena_done(&client->arena);
}

static struct str keep(struct store_client *client, struct str text)
{
    return arena_str(&client->arena, text);
}

static void on_done(struct store_op *op, const struct store_result *result)
{
    struct store_client *client = CONTAINER_OF(op, struct store_client, op);

    waiting_end(&client->waiting);
    client->result = *result;
    client->result.bytes = keep(client, result->bytes);
    client->result.next = keep(client, result->next);
    client->result.items =
        arena_calloc(&client->arena, result->n_items + 1, sizeof(struct store_item));
    for (size_t i = 0; i < result->n_items; i++) {
        client->result.items[i] = result->items[i];
        client->result.items[i].name = keep(client, result->items[i].name);
        client->result.items[i].bytes = keep(client, result->items[i].bytes);
    }
}

enum error_code store_client_run(struct store_client *client, const struct store_request *request)
{
    struct store_request copy =
        *request; /* a copy, since its texts may lie in the last result, which is replaced */

    store_start(client->store, &copy, &client->op, on_done);
    arena_reset(&client->arena);
    waiting_run(&client->waiting);
    return client->result.error.code;
}
