#include "archive_internal.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/url.h"
#include "config/config.h"
#include "observe/log.h"

enum { MISSES_MAX = 3, GOOD = 200, NOT_GOOD = 300, TOO_LARGE = 413, TIMEOUT_MS = 30000 };

struct archive {
    struct server *server;
    struct cloud *cloud; /* NULL: files, without screenshots */
    struct arena arena;
    struct cloud_bucket bucket;
    struct str folder; /* of the bucket, or of the file system; without a slash at its end */
    bool is_file;
    bool pictures;
    struct str link;
    struct str platform; /* its origin: screenshots may come from there even if it is not public */
    struct archive_job *job;
    struct arena_bin bin;             /* for the trees of jobs */
    unsigned n_in_threads;            /* jobs, the cancelled ones included */
    void (*on_closed)(void *context); /* it is being closed */
    void *context;
};

static void maybe_closed(struct archive *archive);

/* --- a job's life */
/* The memory of a large tree (a run of thousands of steps) is given back in parts, one a turn. */
static void free_job(struct archive_job *job)
{
    for (size_t i = 0; i < job->n_items; i++) {
        buf_done(&job->items[i].bytes);
    }
    buf_done(&job->shot.bytes);
    arena_done(&job->requests);
    arena_done_into(&job->arena, &job->archive->bin);
    mem_free(job);
}

static void cancel(void *context)
{
    struct archive *archive = context;
    struct archive_job *job = archive->job;

    archive->job = NULL;
    if (job == NULL) {
        return;
    }
    run_text_cancel(job->text);
    cloud_cancel(&job->call);
    job->is_cancelled = true;
    if (!job->in_thread) {
        free_job(job);
    }
}

static void finish(struct archive_job *job, enum artifacts_end end)
{
    struct archive *archive = job->archive;
    struct error error = job->error;

    archive->job = NULL;
    free_job(job);
    artifacts_put_done(archive->server->artifacts, end, error.text);
}

static void fail(struct archive_job *job)
{
    finish(job, job->is_refused ? ARTIFACTS_REFUSED : ARTIFACTS_AWAY);
}

/* --- threads */
struct thread {
    uv_work_t work;
    struct archive *archive;
    struct archive_job *job;
    void (*run)(struct archive_job *job);
};

static void on_thread(uv_work_t *work)
{
    struct thread *thread = CONTAINER_OF(work, struct thread, work);

    thread->run(thread->job);
}

static void after_thread(uv_work_t *work, int status)
{
    struct thread *thread = CONTAINER_OF(work, struct thread, work);
    struct archive *archive = thread->archive;
    struct archive_job *job = thread->job;

    (void)status; /* it is never cancelled */
    mem_free(thread);
    job->in_thread = false;
    archive->n_in_threads--;
    if (job->is_cancelled) {
        free_job(job);
        maybe_closed(archive);
    } else if (job->error.code != ERR_OK) {
        fail(job);
    } else {
        job->then(job);
    }
}

static void in_thread(struct archive_job *job, void (*run)(struct archive_job *job),
                      void (*then)(struct archive_job *job))
{
    struct thread *thread = mem_zalloc(sizeof(*thread));

    *thread = (struct thread){.archive = job->archive, .job = job, .run = run};
    job->in_thread = true;
    job->then = then;
    job->archive->n_in_threads++;
    CHECK(uv_queue_work(&job->archive->server->loop.uv, &thread->work, on_thread, after_thread) ==
          0);
}

/* --- something is put there */
static void say(struct archive_job *job, const char *what, struct str why)
{
    (void)error_set(&job->error, ERR_IO, "%s: %.*s", what, STR_ARG(why));
}

static void on_put(struct cloud_call *call, enum error_code code)
{
    struct archive_job *job = CONTAINER_OF(call, struct archive_job, call);
    int status = code == ERR_OK ? call->reply.status : 0;

    if (status >= GOOD && status < NOT_GOOD) {
        job->stored(job);
        return;
    }
    if (code == ERR_OK) {
        struct str reason = cloud_reason(&job->requests, &call->reply);

        say(job, "the bucket",
            arena_printf(&job->requests, "answered %d %.*s", status, STR_ARG(reason)));
        job->is_refused = status == TOO_LARGE;
    } else {
        say(job, "the bucket", str_from(call->error.text));
    }
    fail(job);
}

static void put_object(struct archive_job *job)
{
    struct archive *archive = job->archive;
    struct cloud_object object = {.bytes = buf_view(&job->at->bytes),
                                  .type = job->at->type,
                                  .sha256 = str_from(job->at->sha256)};

    arena_reset(&job->requests);
    object.key = arena_printf(&job->requests, "%.*s%s%s/%.*s", STR_ARG(archive->folder),
                              archive->folder.len > 0 ? "/" : "", job->id, STR_ARG(job->at->name));
    job->call = (struct cloud_call){.on_done = on_put};
    job->call.request = cloud_bucket_put(&archive->bucket, &job->requests, &object);
    cloud_start(archive->cloud, &job->call);
}

static void after_store(struct archive_job *job)
{
    if (job->archive->is_file) {
        job->stored(job);
    } else {
        put_object(job);
    }
}

static void store(struct archive_job *job, struct archive_item *item,
                  void (*stored)(struct archive_job *job))
{
    arena_reset(&job->requests);
    job->at = item;
    job->stored = stored;
    in_thread(job, archive_store, after_store);
}

/* --- reports */
static void store_next(struct archive_job *job)
{
    if (job->item > 0) {
        buf_done(&job->items[job->item - 1].bytes); /* that report is stored */
    }
    if (job->item == job->n_items) {
        finish(job, ARTIFACTS_STORED);
    } else {
        store(job, &job->items[job->item++], store_next);
    }
}

/* --- screenshots */
static void next_picture(struct archive_job *job);

static void on_picture_there(struct archive_job *job)
{
    job->pictures[job->picture++].is_there = true;
    next_picture(job);
}

static void miss_picture(struct archive_job *job, struct str why)
{
    job->n_misses++;
    log_event(LOG_WARN, "artifacts.screenshot", F_TEXT("run_id", job->id),
              F_STR("url", job->pictures[job->picture].url), F_STR("error", why),
              F_TEXT("effect", "the report shows the platform's address of it"));
    job->picture++;
    next_picture(job);
}

static void on_picture(struct cloud_call *call, enum error_code code)
{
    struct archive_job *job = CONTAINER_OF(call, struct archive_job, call);
    const struct upstream_reply *reply = &call->reply;
    bool is_picture =
        code == ERR_OK && reply->status == GOOD && str_starts(reply->content_type, STR("image/"));

    if (!is_picture) {
        miss_picture(job, code != ERR_OK ? str_from(call->error.text)
                                         : arena_printf(&job->requests, "no picture, status %d",
                                                        reply->status));
        return;
    }
    job->n_misses = 0;
    buf_done(&job->shot.bytes);
    job->shot = (struct archive_item){.name = job->pictures[job->picture].name,
                                      .type = arena_str(&job->arena, reply->content_type)};
    buf_init(&job->shot.bytes, ARCHIVE_PICTURE_BYTES + 1);
    buf_str(&job->shot.bytes, reply->body);
    store(job, &job->shot, on_picture_there);
}

/* After MISSES_MAX misses in a row no more screenshots are got: a storage that is away is not asked a thousand
 * times. */
static void next_picture(struct archive_job *job)
{
    struct cloud_request *request = &job->call.request;

    if (job->picture == job->n_pictures || job->n_misses == MISSES_MAX) {
        in_thread(job, archive_write, store_next);
        return;
    }
    arena_reset(&job->requests);
    job->call = (struct cloud_call){.on_done = on_picture};
    *request =
        (struct cloud_request){.vendor = CLOUD_NOBODY, .method = STR("GET"), .class = CALL_READ};
    url_split(job->pictures[job->picture].url, &request->origin, &request->path, &request->query);
    request->public_only = !str_eq(request->origin, job->archive->platform);
    cloud_start(job->archive->cloud, &job->call);
}

/* --- the run */
static void on_text(void *context, struct str text, const struct error *error)
{
    struct archive_job *job = context;

    job->text = NULL;
    if (error != NULL) {
        say(job, "the run", str_from(error->text));
        job->is_refused = error->code == ERR_NOT_FOUND || error->code == ERR_TOO_BIG;
        fail(job);
        return;
    }
    job->json = arena_str(&job->arena, text);
    in_thread(job, archive_read, next_picture);
}

static void put(void *context, const struct digest *owner, const char *run_id)
{
    struct archive *archive = context;
    struct archive_job *job = mem_zalloc(sizeof(*job));

    CHECK(archive->job == NULL);
    archive->job = job;
    job->archive = archive;
    arena_init(&job->arena);
    arena_init(&job->requests);
    str_copy(job->id, sizeof(job->id), str_from(run_id));
    job->wants_pictures = archive->pictures;
    job->folder = archive->is_file ? archive->folder : STR_EMPTY;
    job->link = arena_printf(&job->arena, "%.*s/%s", STR_ARG(archive->link), run_id);
    job->text = run_text_start(archive->server->api, owner, str_from(run_id), on_text, job);
}

struct artifacts_port archive_port(struct archive *archive)
{
    return (struct artifacts_port){put, cancel, archive};
}

/* --- open and close */
enum error_code archive_open(struct server *server, struct archive **out, struct error *err)
{
    const struct config *config = server->config;
    const struct config_bucket *bucket = &config->artifacts.bucket;
    struct archive *archive = mem_zalloc(sizeof(*archive));
    struct str path;
    struct str query;

    *out = archive;
    archive->server = server;
    arena_bin_init(&archive->bin, &server->loop.later);
    arena_init(&archive->arena);
    archive->is_file = config->artifacts.folder.len > 0;
    archive->pictures = config->artifacts.screenshots;
    archive->link = arena_str(&archive->arena, config->artifacts.link);
    url_split(arena_str(&archive->arena, config->upstream.base_url), &archive->platform, &path,
              &query);
    archive->folder =
        arena_str(&archive->arena, archive->is_file ? config->artifacts.folder : bucket->folder);
    if (archive->is_file && !archive->pictures) {
        return ERR_OK;
    }
    archive->cloud =
        cloud_open(&server->loop, &(struct cloud_options){.aws_region = config->cloud.aws_region,
                                                          .ca_file = config->upstream.ca_file,
                                                          .timeout_ms = TIMEOUT_MS});
    archive->bucket = (struct cloud_bucket){
        .vendor = bucket->kind == CONFIG_S3 ? CLOUD_AWS : CLOUD_GOOGLE,
        .name = arena_str(&archive->arena, bucket->bucket),
        .region = arena_str(&archive->arena, config->cloud.aws_region),
    };
    return archive->is_file
               ? ERR_OK
               : cloud_bucket_find(archive->cloud, &archive->arena, &archive->bucket, err);
}

static void on_cloud_closed(void *context)
{
    struct archive *archive = context;
    void (*tell)(void *) = archive->on_closed;
    void *told = archive->context;

    arena_bin_done(&archive->bin);
    arena_done(&archive->arena);
    mem_free(archive);
    tell(told);
}

static void maybe_closed(struct archive *archive)
{
    struct cloud *cloud = archive->cloud;

    if (archive->on_closed == NULL || archive->n_in_threads > 0) {
        return;
    }
    if (cloud != NULL) {
        cloud_close(cloud, on_cloud_closed, archive);
    } else {
        on_cloud_closed(archive);
    }
}

void archive_close(struct archive *archive, void (*on_closed)(void *context), void *context)
{
    cancel(archive);
    archive->on_closed = on_closed;
    archive->context = context;
    maybe_closed(archive);
}
