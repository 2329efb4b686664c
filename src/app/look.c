#include "look.h"

#include "base/check.h"
#include "base/mem.h"

struct look {
    struct loop *loop;
    look_fn on_seen;
    void *context;
    uv_work_t work;
    const struct config *config; /* of the look that runs, held; NULL: none does */
    const struct config *next;   /* of the one that follows, held; NULL: none */
    struct digest now;
    bool closing;
};

struct look *look_open(struct loop *loop, look_fn on_seen, void *context)
{
    struct look *look = mem_zalloc(sizeof(*look));

    *look = (struct look){.loop = loop, .on_seen = on_seen, .context = context};
    return look;
}

/* In a thread: touches nothing but the list of files, which does not change, and `now`. */
static void read_files(uv_work_t *work)
{
    struct look *look = CONTAINER_OF(work, struct look, work);

    config_files_now(look->config, &look->now);
}

static void on_read(uv_work_t *work, int status);

static void begin(struct look *look, const struct config *config)
{
    look->config = config;
    CHECK(uv_queue_work(&look->loop->uv, &look->work, read_files, on_read) == 0);
}

static void on_read(uv_work_t *work, int status)
{
    struct look *look = CONTAINER_OF(work, struct look, work);
    const struct config *next = look->next;

    config_release(unconst(look->config));
    look->config = NULL;
    look->next = NULL;
    if (look->closing) {
        config_release(unconst(next));
    } else if (next != NULL) {
        begin(look, next);
    } else if (status == 0) {
        look->on_seen(look->context, &look->now);
    }
}

void look_start(struct look *look, const struct config *config)
{
    if (look->closing) {
        return;
    }
    if (look->config == NULL) {
        begin(look, config_hold(config));
        return;
    }
    config_release(unconst(look->next));
    look->next = config_hold(config);
}

void look_close(struct look *look)
{
    look->closing = true;
    if (look->config != NULL) {
        (void)uv_cancel((uv_req_t *)&look->work); /* or it ends by itself */
    }
}

bool look_is_closed(const struct look *look)
{
    return look->config == NULL;
}

void look_free(struct look *look)
{
    CHECK(look->config == NULL);
    mem_free(look);
}
