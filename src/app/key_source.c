#include "key_source.h"

#include <uv.h>

#include "base/check.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/url.h"
#include "net/loop.h"
#include "upstream/upstream.h"

enum { KEY_SET_MAX = 256 * 1024, FETCH_MS = 5000, CONNECT_MS = 3000, TRIES = 2, RETRY_MS = 200 };

/* Where the key set is read from; a reload may put another place here. */
struct key_place {
    struct key_source *source;
    struct arena arena;
    const char *file; /* NULL: a URL */
    struct upstream *upstream;
    struct str path;
    struct str query;
};

struct key_source {
    struct auth_source source;
    struct loop *loop;
    struct key_place *place;  /* NULL: auth.jwt.jwks is empty, and no key set is asked for */
    struct auth_fetch *fetch; /* NULL: nothing is being read */
    struct file_job *job;     /* NULL: none */
    struct upstream_call call;
    struct later_item soon;
    struct error error;
    unsigned n_closing; /* places */
    void (*on_closed)(void *context);
    void *closed_context;
};

/* Outlives its source when that is closed while the thread reads. */
struct file_job {
    uv_work_t work;
    struct key_source *source; /* NULL: the reading was cancelled */
    char *file;
    struct buf text;
    struct error error;
};

static void finish(struct key_source *source, enum error_code code, struct str text,
                   const struct error *err)
{
    struct auth_fetch *fetch = source->fetch;

    source->fetch = NULL;
    if (fetch != NULL) {
        fetch->on_done(fetch, code, text, err);
    }
}

/* ---- a file ---- */

/* In a thread: touches nothing but the job. */
static void read_file(uv_work_t *work)
{
    struct file_job *job = CONTAINER_OF(work, struct file_job, work);

    (void)!fd_read_file(job->file, &job->text, &job->error);
}

static void on_read(uv_work_t *work, int status)
{
    struct file_job *job = CONTAINER_OF(work, struct file_job, work);
    struct key_source *source = job->source;

    if (source != NULL) {
        source->job = NULL;
        if (status != 0) {
            (void)error_set(&job->error, ERR_IO, "%s", uv_strerror(status));
        }
        finish(source, job->error.code, buf_view(&job->text), &job->error);
    }
    buf_done(&job->text);
    mem_free(job->file);
    mem_free(job);
}

static void start_file(struct key_source *source)
{
    struct file_job *job = mem_zalloc(sizeof(*job));

    job->source = source;
    job->file = mem_strdup(source->place->file);
    buf_init(&job->text, KEY_SET_MAX);
    source->job = job;
    CHECK(uv_queue_work(&source->loop->uv, &job->work, read_file, on_read) == 0);
}

/* ---- a URL ---- */

static void on_answer(struct upstream_call *call, enum error_code code)
{
    struct key_source *source = CONTAINER_OF(call, struct key_source, call);
    struct error err = call->error;

    if (code == ERR_OK && call->reply.status != 200) {
        code =
            error_set(&err, ERR_UPSTREAM_ERROR, "the answer has the status %d", call->reply.status);
    }
    finish(source, code, call->reply.body, &err);
}

static void on_no_start(struct later_item *item)
{
    struct key_source *source = CONTAINER_OF(item, struct key_source, soon);

    finish(source, source->error.code, STR_EMPTY, &source->error);
}

static void start_url(struct key_source *source)
{
    source->call = (struct upstream_call){
        .request = {.method = STR("GET"),
                    .path = source->place->path,
                    .query = source->place->query,
                    .class = CALL_READ,
                    .deadline_ms = FETCH_MS},
        .on_done = on_answer,
    };
    source->error = (struct error){0};
    if (upstream_start(source->place->upstream, &source->call, &source->error) != ERR_OK) {
        later_add(&source->loop->later, &source->soon, on_no_start);
    }
}

/* ---- both ---- */

static void start(void *context, struct auth_fetch *fetch)
{
    struct key_source *source = context;

    CHECK(source->fetch == NULL && source->place != NULL);
    source->fetch = fetch;
    if (source->place->file != NULL) {
        start_file(source);
    } else {
        start_url(source);
    }
}

static void cancel(void *context)
{
    struct key_source *source = context;

    source->fetch = NULL;
    later_remove(&source->soon);
    upstream_cancel(&source->call);
    if (source->job != NULL) {
        source->job->source = NULL;
        (void)uv_cancel((uv_req_t *)&source->job->work); /* or it ends by itself */
        source->job = NULL;
    }
}

static bool is_url(struct str place)
{
    return str_contains(place, STR("://"));
}

/* ---- places ---- */

static enum error_code open_url(struct key_place *place, const struct config *config,
                                struct error *err)
{
    struct upstream_options options = upstream_options_of_other(STR_EMPTY, config->upstream.ca_file,
                                                                CONNECT_MS, FETCH_MS, KEY_SET_MAX);

    options.max_tries = TRIES;
    options.retry_base_ms = RETRY_MS;
    url_split(arena_str(&place->arena, config->auth.jwt.jwks), &options.base_url, &place->path,
              &place->query);
    return upstream_open(place->source->loop, &options, &place->upstream, err);
}

static void place_free(struct key_place *place)
{
    arena_done(&place->arena);
    mem_free(place);
}

enum error_code key_place_open(struct key_source *source, const struct config *config,
                               struct key_place **out, struct error *err)
{
    struct key_place *place;
    enum error_code code = ERR_OK;

    if (config->auth.jwt.jwks.len == 0) {
        return ERR_OK;
    }
    place = mem_zalloc(sizeof(*place));
    place->source = source;
    arena_init(&place->arena);
    if (is_url(config->auth.jwt.jwks)) {
        code = open_url(place, config, err);
    } else {
        place->file = arena_cstr(&place->arena, config->auth.jwt.jwks);
    }
    if (code != ERR_OK) {
        place_free(place);
        return code;
    }
    *out = place;
    return ERR_OK;
}

static void tell_closed(struct key_source *source)
{
    void (*tell)(void *) = source->on_closed;
    void *told = source->closed_context;

    if (source->n_closing == 0 && tell != NULL) {
        mem_free(source);
        tell(told);
    }
}

static void on_closed(void *context)
{
    struct key_place *place = context;
    struct key_source *source = place->source;

    place_free(place);
    source->n_closing--;
    tell_closed(source);
}

void key_place_close(struct key_place *place)
{
    if (place == NULL) {
        return;
    }
    place->source->n_closing++;
    if (place->upstream != NULL) {
        upstream_close(place->upstream, on_closed, place);
    } else {
        on_closed(place);
    }
}

/* ---- from start to end ---- */

enum error_code key_source_open(struct loop *loop, const struct config *config,
                                struct key_source **out, struct error *err)
{
    struct key_source *source = mem_zalloc(sizeof(*source));
    enum error_code code;

    source->loop = loop;
    source->source = (struct auth_source){.start = start, .cancel = cancel, .context = source};
    code = key_place_open(source, config, &source->place, err);
    if (code != ERR_OK) {
        mem_free(source);
        return code;
    }
    *out = source;
    return ERR_OK;
}

const struct auth_source *key_source_of(const struct key_source *source)
{
    return source != NULL ? &source->source : NULL;
}

void key_source_move(struct key_source *source, struct key_place *place)
{
    cancel(source);
    key_place_close(source->place);
    source->place = place;
}

void key_source_close(struct key_source *source, void (*tell)(void *context), void *context)
{
    cancel(source);
    source->n_closing++; /* nothing is told before the place is closed */
    key_place_close(source->place);
    source->on_closed = tell;
    source->closed_context = context;
    source->n_closing--;
    tell_closed(source);
}

enum error_code key_source_check(const struct config *config, struct error *err)
{
    struct str place = config->auth.jwt.jwks;
    struct error cause = {0};
    struct buf text;
    enum error_code code;

    if ((config->auth.modes & AUTH_JWT) == 0 || is_url(place)) {
        return ERR_OK;
    }
    buf_init(&text, KEY_SET_MAX);
    code = fd_read_file(place.ptr, &text, &cause);
    if (code == ERR_OK) {
        code = auth_judge_key_set(buf_view(&text), &cause);
    }
    buf_done(&text);
    if (code != ERR_OK) {
        return error_set(err, ERR_CONFIG, "auth.jwt.jwks: the key set in %.*s cannot be used: %s",
                         STR_ARG(place), cause.text);
    }
    return ERR_OK;
}
