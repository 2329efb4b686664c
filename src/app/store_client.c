#include "store_client.h"

#include "base/check.h"
#include "observe/metrics.h"
#include "room_options.h"

enum { ALIVE_MS = 1000 };

static void on_alive(uv_timer_t *timer)
{
    (void)timer;
}

void store_client_open_loop(struct store_client *client)
{
    *client = (struct store_client){0};
    metrics_open();
    loop_init(&client->loop);
    arena_init(&client->arena);
    CHECK(uv_timer_init(&client->loop.uv, &client->alive) == 0);
    CHECK(uv_timer_start(&client->alive, on_alive, ALIVE_MS, ALIVE_MS) == 0);
}

enum error_code store_client_open(struct store_client *client, const struct config *config,
                                  struct error *err)
{
    store_client_open_loop(client);
    return open_config_store(&client->loop, config, 0, &client->store, err);
}

static void on_closed(void *context)
{
    struct store_client *client = context;

    client->done = true;
}

void store_client_close(struct store_client *client)
{
    client->done = client->store == NULL;
    if (client->store != NULL) {
        store_close(client->store, on_closed, client);
    }
    while (!client->done) {
        (void)loop_turn(&client->loop, true);
    }
    uv_close((uv_handle_t *)&client->alive, NULL);
    loop_done(&client->loop);
    arena_done(&client->arena);
    metrics_done();
}

static struct str keep(struct store_client *client, struct str text)
{
    return arena_str(&client->arena, text);
}

static void on_done(struct store_op *op, const struct store_result *result)
{
    struct store_client *client = CONTAINER_OF(op, struct store_client, op);

    client->done = true;
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

    client->done = false;
    store_start(client->store, &copy, &client->op, on_done);
    arena_reset(&client->arena);
    while (!client->done) { /* each operation has a deadline */
        (void)loop_turn(&client->loop, true);
    }
    return client->result.error.code;
}
