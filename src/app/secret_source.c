#include "secret_source.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/loop.h"
#include "store_client.h"

enum { MS_PER_S = 1000 };

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

static struct cloud_options cloud_of(const struct secret_source *source)
{
    return (struct cloud_options){.aws_region = source->region, .ca_file = source->ca_file};
}

/* ---- reading, while there is no server ---- */

static void on_read_now(void *context, bool changed)
{
    (void)changed;
    waiting_end(context);
}

static void read_now(struct secret_source *source)
{
    const struct cloud_options options = cloud_of(source);
    struct waiting waiting;
    struct cloud *cloud;

    waiting_open(&waiting);
    cloud = cloud_open(&waiting.loop, &options);
    cloud_secrets_read(source->secrets, cloud, source->timeout_ms, on_read_now, &waiting);
    waiting_run(&waiting);
    cloud_close(cloud, waiting_end, &waiting);
    waiting_run(&waiting);
    waiting_close(&waiting);
}

/* ---- loading ---- */

static enum error_code load(struct secret_source *source, const struct config_sources *sources,
                            struct config **out, struct error_list *errors)
{
    source->n_unread = 0;
    cloud_secrets_begin(source->secrets);
    return config_load(sources, out, errors);
}

/* Loads the sources to find their references, and counts those that were not read yet. True: there is one. */
static bool look_for_new(struct secret_source *source, const struct config_sources *sources)
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
    if (look_for_new(source, &sources)) {
        read_now(source);
    }
    return secret_source_load_known(source, &sources, out, errors);
}

/* ---- while there is a server ---- */

struct secret_refresh {
    struct loop *loop;
    struct secret_source *source;
    secret_refresh_fn on_read;
    void *context;
    struct cloud *cloud; /* NULL: not needed yet */
    struct deadline next;
    int64_t read_wall_ms; /* when they were read last, or were to be */
    bool by_itself;
    bool asked;
    bool closing;
};

static void on_due(struct deadline *deadline);

static void wait_next(struct secret_refresh *refresh)
{
    refresh->read_wall_ms = clock_wall_ms();
    if (refresh->by_itself) {
        deadline_set(&refresh->loop->deadlines, &refresh->next,
                     (uint64_t)refresh->source->refresh_s * MS_PER_S, on_due);
    }
}

static void on_read(void *context, bool changed)
{
    struct secret_refresh *refresh = context;
    bool asked = refresh->asked;

    refresh->asked = false;
    wait_next(refresh);
    if (asked || changed) {
        refresh->on_read(refresh->context, asked);
    }
}

/* The region and the authorities are those of the first reading. */
static void start(struct secret_refresh *refresh)
{
    const struct cloud_options options = cloud_of(refresh->source);

    if (cloud_secrets_is_reading(refresh->source->secrets)) {
        return;
    }
    if (refresh->cloud == NULL) {
        refresh->cloud = cloud_open(refresh->loop, &options);
    }
    deadline_clear(&refresh->next);
    cloud_secrets_read(refresh->source->secrets, refresh->cloud, refresh->source->timeout_ms,
                       on_read, refresh);
}

static void on_due(struct deadline *deadline)
{
    struct secret_refresh *refresh = CONTAINER_OF(deadline, struct secret_refresh, next);

    if (cloud_secrets_count(refresh->source->secrets) > 0) {
        start(refresh);
    } else {
        wait_next(refresh);
    }
}

struct secret_refresh *secret_refresh_open(struct loop *loop, struct secret_source *source,
                                           bool by_itself, secret_refresh_fn on_read_,
                                           void *context)
{
    struct secret_refresh *refresh = mem_zalloc(sizeof(*refresh));

    *refresh = (struct secret_refresh){.loop = loop,
                                       .source = source,
                                       .by_itself = by_itself,
                                       .on_read = on_read_,
                                       .context = context};
    wait_next(refresh);
    return refresh;
}

void secret_refresh_if_due(struct secret_refresh *refresh)
{
    int64_t age_ms = clock_wall_ms() - refresh->read_wall_ms;

    if (cloud_secrets_count(refresh->source->secrets) > 0 &&
        age_ms >= (int64_t)refresh->source->refresh_s * MS_PER_S) {
        start(refresh);
    }
}

bool secret_refresh_read(struct secret_refresh *refresh, const struct config_sources *sources,
                         bool all)
{
    bool is_reading = cloud_secrets_is_reading(refresh->source->secrets);

    if (!is_reading && !look_for_new(refresh->source, sources) &&
        !(all && cloud_secrets_count(refresh->source->secrets) > 0)) {
        return false;
    }
    refresh->asked = true;
    start(refresh);
    return true;
}

static void on_closed(void *context)
{
    struct secret_refresh *refresh = context;

    refresh->cloud = NULL;
}

void secret_refresh_close(struct secret_refresh *refresh)
{
    deadline_clear(&refresh->next);
    cloud_secrets_stop(refresh->source->secrets);
    if (refresh->cloud != NULL && !refresh->closing) {
        cloud_close(refresh->cloud, on_closed, refresh);
    }
    refresh->closing = true;
}

bool secret_refresh_is_closed(const struct secret_refresh *refresh)
{
    return refresh->cloud == NULL;
}

void secret_refresh_free(struct secret_refresh *refresh)
{
    mem_free(refresh);
}
