#include "secret_source.h"

#include "base/check.h"
#include "base/mem.h"
#include "net/loop.h"
#include "observe/metrics.h"

enum { ALIVE_MS = 1000, MS_PER_S = 1000 };

static const enum config_secret states[] = {
    [CLOUD_SECRET_KNOWN] = CONFIG_SECRET_KNOWN,   [CLOUD_SECRET_UNREAD] = CONFIG_SECRET_UNREAD,
    [CLOUD_SECRET_ABSENT] = CONFIG_SECRET_ABSENT, [CLOUD_SECRET_GONE] = CONFIG_SECRET_GONE,
    [CLOUD_SECRET_FAILED] = CONFIG_SECRET_FAILED,
};

static enum config_secret find(void *context, struct str reference, struct str *out,
                               const char **why)
{
    struct secret_source *source = context;
    enum config_secret state = states[cloud_secrets_find(source->secrets, reference, out, why)];

    source->n_unread += state == CONFIG_SECRET_UNREAD ? 1 : 0;
    return state;
}

static void replace(struct str *text, struct str with)
{
    mem_free(unconst(text->ptr));
    *text = (struct str){str_dup(with), with.len};
}

static void on_options(void *context, const struct config *config)
{
    struct secret_source *source = context;

    replace(&source->region, config->cloud.aws_region);
    replace(&source->ca_file, config->upstream.ca_file);
    source->refresh_s = config->secrets.refresh_s;
    source->timeout_ms = config->secrets.timeout_ms;
    cloud_secrets_keep(source->secrets, (uint64_t)config->secrets.deleted_s * MS_PER_S);
}

struct secret_source *secret_source_new(void)
{
    struct secret_source *source = mem_zalloc(sizeof(*source));

    source->secrets = cloud_secrets_new();
    source->offered = (struct config_secrets){.is_reference = cloud_secret_is_reference,
                                              .check = cloud_secret_check,
                                              .find = find,
                                              .on_options = on_options,
                                              .context = source};
    return source;
}

void secret_source_free(struct secret_source *source)
{
    if (source != NULL) {
        cloud_secrets_free(source->secrets);
        mem_free(unconst(source->region.ptr));
        mem_free(unconst(source->ca_file.ptr));
        mem_free(source);
    }
}

struct cloud_options secret_source_cloud(const struct secret_source *source)
{
    return (struct cloud_options){.aws_region = source->region, .ca_file = source->ca_file};
}

/* ---- reading, while there is no server ---- */

struct reading {
    struct loop loop;
    uv_timer_t alive;
    bool done;
};

static void on_alive(uv_timer_t *timer)
{
    (void)timer;
}

static void on_read(void *context, bool changed)
{
    struct reading *reading = context;

    (void)changed;
    reading->done = true;
}

static void on_closed(void *context)
{
    on_read(context, false);
}

static void run(struct reading *reading)
{
    while (!reading->done) {
        (void)loop_turn(&reading->loop, true);
    }
    reading->done = false;
}

static void read_now(struct secret_source *source)
{
    const struct cloud_options options = secret_source_cloud(source);
    struct reading reading = {.done = false};
    struct cloud *cloud;

    metrics_open();
    loop_init(&reading.loop);
    CHECK(uv_timer_init(&reading.loop.uv, &reading.alive) == 0);
    CHECK(uv_timer_start(&reading.alive, on_alive, ALIVE_MS, ALIVE_MS) == 0);
    cloud = cloud_open(&reading.loop, &options);
    cloud_secrets_read(source->secrets, cloud, source->timeout_ms, on_read, &reading);
    run(&reading);
    cloud_close(cloud, on_closed, &reading);
    run(&reading);
    uv_close((uv_handle_t *)&reading.alive, NULL);
    loop_done(&reading.loop);
    metrics_done();
}

/* ---- loading ---- */

static enum error_code load(struct secret_source *source, const struct config_sources *sources,
                            struct config **out, struct error_list *errors)
{
    source->n_unread = 0;
    cloud_secrets_begin(source->secrets);
    return config_load(sources, out, errors);
}

bool secret_source_look(struct secret_source *source, const struct config_sources *sources)
{
    struct config *config = NULL;
    struct error_list errors;

    error_list_init(&errors);
    (void)!load(source, sources, &config, &errors);
    config_release(config);
    error_list_done(&errors);
    return source->n_unread > 0;
}

enum error_code secret_source_load_known(struct secret_source *source,
                                         const struct config_sources *sources, struct config **out,
                                         struct error_list *errors)
{
    enum error_code code = load(source, sources, out, errors);

    if (code == ERR_OK && source->n_unread > 0) {
        config_release(*out);
        *out = NULL;
        code = error_set(error_list_add(errors), ERR_CONFIG,
                         "a reference to a secret was added while the others were read");
    }
    return code;
}

enum error_code secret_source_load(struct secret_source *source, struct config_sources sources,
                                   bool reads, struct config **out, struct error_list *errors)
{
    sources.secrets = &source->offered;
    if (!reads) {
        return load(source, &sources, out, errors);
    }
    if (secret_source_look(source, &sources)) {
        read_now(source);
    }
    return secret_source_load_known(source, &sources, out, errors);
}
