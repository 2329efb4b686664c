#include "base/mem.h"
#include "base/url.h"
#include "observe/log.h"
#include "sink_internal.h"

enum {
    CONNECT_MS = 5000,
    SEND_MS = 15000,
    REPLY_MAX = 256 * 1024,
    LAST_WORDS_MS = 1000,
    BATCH_MAX = SINK_BATCH_BYTES + SINK_ROW_MAX
};

static struct sink *sink_at(struct sinks *sinks, size_t i)
{
    return &sinks->sinks[i];
}

/* --- on and off duty */
static void begin_one(struct sink *sink)
{
    if (sink->sinks->journal == NULL) {
        feed_open(&sink->feed, sink->sinks->loop, NULL, sink_on_news);
    } else {
        place_open_feed(&sink->place, &sink->feed, sink->sinks->journal, sink_on_news);
    }
    sink_go_on(sink);
}

static void on_place(struct place *place, const struct error *error)
{
    struct sink *sink = CONTAINER_OF(place, struct sink, place);

    if (error != NULL) {
        duty_yield(&sink->sinks->duty);
    } else {
        begin_one(sink);
    }
}

/* With a journal the file is open only on duty: processes of one machine may have the same file. */
static bool open_file_on_duty(struct sinks *sinks)
{
    struct sink *sink = sink_at(sinks, SINK_FILE);
    struct error err = {0};
    const char *why;

    if (!sink_is_on(sink)) {
        return true;
    }
    sink->n_rows = 0;
    if (!sink->sends && append_file_open(&sink->file, sinks->loop, sinks->path, sinks->max_bytes,
                                         "analytics.file", &err) == ERR_OK) {
        append_file_end_line(&sink->file);
        return true;
    }
    why = sink->sends ? "it is still being written" : err.text;
    log_event(LOG_ERROR, "analytics.sink_away", F_TEXT("sink", sink->kind->name),
              F_TEXT("error", why));
    trouble_tell(TROUBLE_SINK_FILE, why);
    if (!sink->sends) {
        append_file_close(&sink->file);
    }
    return false;
}

static void on_begin(struct duty *duty)
{
    struct sinks *sinks = CONTAINER_OF(duty, struct sinks, duty);

    if (!open_file_on_duty(sinks)) {
        duty_yield(duty);
        return;
    }
    for (size_t i = 0; i < SINK_N; i++) {
        if (sink_is_on(sink_at(sinks, i))) {
            place_read(&sinks->sinks[i].place, sinks->journal, sink_kinds[i].place, on_place);
        }
    }
}

/* A thread that is writing finishes; the process that takes over hands the batch over again. */
static void on_end(struct duty *duty)
{
    struct sinks *sinks = CONTAINER_OF(duty, struct sinks, duty);

    for (size_t i = 0; i < SINK_N; i++) {
        struct sink *sink = sink_at(sinks, i);

        if (sink_is_on(sink)) {
            if (feed_is_open(
                    &sink->feed)) { /* else its file could not be opened: that stays told */
                trouble_tell(sink->kind->trouble, NULL);
            }
            sink_stop(sink);
            sink->n_rows = 0;
            if (!sink->sends) {
                append_file_close(&sink->file);
            }
        }
    }
}

/* --- opening */
static enum error_code open_http(struct sinks *sinks, const struct sinks_options *options,
                                 struct error *err)
{
    struct sink *sink = sink_at(sinks, SINK_HTTP);
    struct upstream_options client =
        upstream_options_of_other(STR_EMPTY, options->ca_file, CONNECT_MS, SEND_MS, REPLY_MAX);

    url_split(arena_str(&sinks->arena, options->url), &client.base_url, &sink->path, &sink->query);
    for (size_t i = 0; i < options->n_headers && i < SINK_HEADERS_MAX; i++) {
        secret_set(&sink->values[i], options->headers[i].value);
        sink->headers[sink->n_headers++] = (struct upstream_header){
            arena_str(&sinks->arena, options->headers[i].name), secret_reveal(&sink->values[i])};
    }
    return upstream_open(sinks->loop, &client, &sink->upstream, err);
}

/* "my-project.dataset.table": names of projects may hold dots before the last two. */
static void open_table(struct sinks *sinks, struct str name)
{
    struct str table = str_sub(name, str_behind_last(name, '.'), name.len);
    struct str dataset;

    name.len -= table.len + 1;
    dataset = str_sub(name, str_behind_last(name, '.'), name.len);
    name.len -= dataset.len + 1;
    sinks->sinks[SINK_BIGQUERY].path = arena_printf(
        &sinks->arena, "/bigquery/v2/projects/%.*s/datasets/%.*s/tables/%.*s/insertAll",
        STR_ARG(name), STR_ARG(dataset), STR_ARG(table));
}

static struct sink *turn_on(struct sinks *sinks, size_t i)
{
    struct sink *sink = sink_at(sinks, i);

    sink->kind = &sink_kinds[i];
    return sink;
}

static enum error_code open_targets(struct sinks *sinks, const struct sinks_options *options,
                                    struct error *err)
{
    enum error_code code = ERR_OK;

    if (options->file != NULL) {
        struct sink *sink = turn_on(sinks, SINK_FILE);

        sinks->path = arena_cstr(&sinks->arena, str_from(options->file));
        sinks->max_bytes = options->max_bytes;
        code = sinks->journal != NULL ? append_file_try(sinks->path, "analytics.file", err)
                                      : append_file_open(&sink->file, sinks->loop, sinks->path,
                                                         sinks->max_bytes, "analytics.file", err);
        if (code == ERR_OK && sinks->journal == NULL) {
            append_file_end_line(&sink->file);
        }
    }
    if (code == ERR_OK && options->url.len > 0) {
        (void)turn_on(sinks, SINK_HTTP);
        code = open_http(sinks, options, err);
    }
    if (code == ERR_OK && options->bigquery.len > 0) {
        (void)turn_on(sinks, SINK_BIGQUERY);
        open_table(sinks, options->bigquery);
    }
    return code;
}

enum error_code sinks_open(struct loop *loop, const struct sinks_options *options,
                           struct sinks **out, struct error *err)
{
    struct sinks *sinks = mem_zalloc(sizeof(*sinks));
    enum error_code code;

    *out = sinks;
    sinks->loop = loop;
    sinks->journal = options->journal;
    sinks->interval_ms = options->interval_ms;
    sinks->google = options->google;
    arena_init(&sinks->arena);
    for (size_t i = 0; i < SINK_N; i++) {
        sinks->sinks[i].sinks = sinks;
        sinks->sinks[i].file.fd = -1;
        buf_init(&sinks->sinks[i].batch, BATCH_MAX);
    }
    code = open_targets(sinks, options, err);
    if (code != ERR_OK) {
        return code;
    }
    if (sinks->journal != NULL) {
        sinks->duty =
            (struct duty){.name = "consumer:analytics", .on_begin = on_begin, .on_end = on_end};
        duty_open(&sinks->duty, loop, options->keeps);
        return ERR_OK;
    }
    for (size_t i = 0; i < SINK_N; i++) {
        if (sink_is_on(sink_at(sinks, i))) {
            begin_one(sink_at(sinks, i));
        }
    }
    return ERR_OK;
}

/* --- closing */
static void free_all(struct sinks *sinks)
{
    struct callback on_closed = sinks->on_closed;

    for (size_t i = 0; i < SINK_N; i++) {
        struct sink *sink = sink_at(sinks, i);

        trouble_tell(sink_kinds[i].trouble, NULL);
        append_file_close(&sink->file);
        buf_done(&sink->batch);
        for (size_t k = 0; k < SINK_HEADERS_MAX; k++) {
            secret_done(&sink->values[k]);
        }
    }
    arena_done(&sinks->arena);
    mem_free(sinks);
    callback_run(on_closed);
}

static void on_client_closed(void *context)
{
    free_all(context);
}

static void close_targets(struct sinks *sinks)
{
    deadline_clear(&sinks->last_words);
    for (size_t i = 0; i < SINK_N; i++) {
        if (sink_is_on(sink_at(sinks, i))) {
            sink_stop(sink_at(sinks, i));
        }
    }
    if (sinks->journal != NULL) {
        duty_close(&sinks->duty);
    }
    if (sinks->sinks[SINK_HTTP].upstream != NULL) {
        upstream_close(sinks->sinks[SINK_HTTP].upstream, on_client_closed, sinks);
    } else {
        free_all(sinks);
    }
}

static bool is_idle(const struct sinks *sinks)
{
    for (size_t i = 0; i < SINK_N; i++) {
        const struct sink *sink = &sinks->sinks[i];

        if (sink_is_on(sink) && !sink_is_idle(sink)) {
            return false;
        }
    }
    return true;
}

/* A thread that writes is waited for, however long the disk takes. */
static void on_last_words(struct deadline *deadline)
{
    struct sinks *sinks = CONTAINER_OF(deadline, struct sinks, last_words);

    if (sinks->sinks[SINK_FILE].sends) {
        deadline_set(&sinks->loop->deadlines, deadline, LAST_WORDS_MS, on_last_words);
    } else {
        close_targets(sinks);
    }
}

void sinks_maybe_idle(struct sinks *sinks)
{
    if (sinks->closing && is_idle(sinks)) {
        deadline_set(&sinks->loop->deadlines, &sinks->last_words, 0, on_last_words);
    }
}

void sinks_close(struct sinks *sinks, void (*on_closed)(void *context), void *context)
{
    sinks->closing = true;
    sinks->on_closed = (struct callback){on_closed, context};
    deadline_set(&sinks->loop->deadlines, &sinks->last_words, LAST_WORDS_MS, on_last_words);
    for (size_t i = 0; i < SINK_N; i++) {
        if (sink_is_on(sink_at(sinks, i))) {
            sink_go_on(sink_at(sinks, i));
        }
    }
    sinks_maybe_idle(sinks);
}
