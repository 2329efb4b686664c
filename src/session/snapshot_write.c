/* Writing the snapshot file (see snapshot.c for what it holds): to a temporary file, synced and
 * renamed, so that a crash leaves the old one or the new one.
 *
 * To write 100,000 sessions (24 MB) took 400 ms in which nobody was answered. So the loop only
 * copies what is kept of each (10 ms, 12 MB), and a thread that owns the copy and nothing else does
 * the rest; it is the only thread that we make ourselves (libuv's pool does other work on files). It
 * says that it has ended through one atomic flag, which the loop looks at now and then, and is always joined. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/json_form.h"
#include "base/mem.h"
#include "observe/log.h"
#include "session_internal.h"

enum { BLOCK_ROWS = 500, CHUNK_BYTES = 64 * 1024, BUFFER_MAX = 1024 * 1024, NAME_MAX_BYTES = 4096 };

/* What is kept of a session. */
struct row {
    struct digest owner;
    char id[SESSION_ID_LEN];
    bool is_current;
    uint8_t status;
    unsigned timeout_s;
    int64_t checkpoint_id;
    int64_t journey_id;
    int64_t position;
    int64_t steps_added;
    int64_t created_ms;
    int64_t last_activity_ms;
    char *name;                  /* a copy, as the texts; NULL: it has none */
    struct session_texts *texts; /* NULL: none of them set */
};

/* Rows in blocks: the memory of a freed block of this size goes back to the system. */
struct block {
    struct block *next;
    size_t n;
    struct row rows[BLOCK_ROWS];
};

struct snapshot_job {
    struct block *first;
    int64_t wall_ms; /* when it was copied, by both clocks */
    int64_t age_ms;
    size_t text_bytes; /* past SNAPSHOT_MAX nothing more is copied, and nothing is written */
    char *file;
    pthread_t thread;
    atomic_bool ended;
    struct error error; /* code ERR_OK: it is written */
};

/* ---- the copy ---- */

static char *text_copy(struct snapshot_job *job, const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    job->text_bytes += str_from(text).len;
    return job->text_bytes <= SNAPSHOT_MAX ? mem_strdup(text) : NULL;
}

/* Each time is written as the wall clock of now minus the age, so a jump of the wall clock since the
 * session was made has no effect. Only a jump between this snapshot and the next start counts as time. */
static struct row row_of(struct snapshot_job *job, const struct session_record *record)
{
    struct row row = {.owner = record->owner,
                      .is_current = record->is_current,
                      .status = record->status,
                      .timeout_s = record->timeout_s,
                      .checkpoint_id = record->checkpoint_id,
                      .journey_id = record->journey_id,
                      .position = record->position,
                      .steps_added = record->steps_added,
                      .created_ms = job->wall_ms - (job->age_ms - record->born_ms),
                      .last_activity_ms = job->wall_ms - (job->age_ms - record->used_ms)};

    mem_copy(row.id, record->id, SESSION_ID_LEN);
    row.name = text_copy(job, record->name);
    if (record->texts != NULL) {
        row.texts = mem_zalloc(sizeof(*row.texts));
        row.texts->description = text_copy(job, record->texts->description);
        row.texts->metadata = text_copy(job, record->texts->metadata);
    }
    return row;
}

static struct snapshot_job *job_new(const struct session_store *store)
{
    struct snapshot_job *job = mem_zalloc(sizeof(*job));
    struct block **last = &job->first;
    struct block *block = NULL;
    struct session_record *record;

    job->file = mem_strdup(store->snapshot_file);
    job->wall_ms = clock_wall_ms();
    job->age_ms = (int64_t)clock_age_ms();
    LIST_EACH (record, &store->records.order, lru.link) {
        if (job->text_bytes > SNAPSHOT_MAX) {
            break;
        }
        if (block == NULL || block->n == BLOCK_ROWS) {
            block = mem_zalloc(sizeof(*block));
            *last = block;
            last = &block->next;
        }
        block->rows[block->n++] = row_of(job, record);
    }
    return job;
}

static void texts_free(struct session_texts *texts)
{
    if (texts != NULL) {
        mem_free(texts->description);
        mem_free(texts->metadata);
        mem_free(texts);
    }
}

static void job_free(struct snapshot_job *job)
{
    while (job->first != NULL) {
        struct block *block = job->first;

        job->first = block->next;
        for (size_t i = 0; i < block->n; i++) {
            mem_free(block->rows[i].name);
            texts_free(block->rows[i].texts);
        }
        mem_free(block);
    }
    mem_free(job->file);
    mem_free(job);
}

/* ---- the file: on the thread, touches nothing but the job ---- */

struct output {
    int fd;
    struct buf text;
    struct digest_state *digest;
    size_t total;
};

static void write_row(struct buf *out, const struct row *row)
{
    const struct str id = {row->id, SESSION_ID_LEN};
    struct json_writer w;
    char owner[65];

    jw_init(&w, out);
    jw_form(&w,
            "{id:%s, owner:%s, checkpoint:%i, journey:%i, position:%i, steps:%i, "
            "created:%i, active:%i, timeout:%i, status:%i",
            id, digest_hex(&row->owner, owner), row->checkpoint_id, row->journey_id, row->position,
            row->steps_added, row->created_ms, row->last_activity_ms, row->timeout_s, row->status);
    jw_form(&w, "current:%b, name?:%s", row->is_current, row->name);
    if (row->texts != NULL) {
        jw_form(&w, "description:%s, metadata:%s", row->texts->description, row->texts->metadata);
    }
    jw_end(&w);
    buf_char(out, '\n');
}

static bool flush(struct output *out)
{
    bool ok;

    out->total += out->text.len;
    if (!buf_ok(&out->text) || out->total > SNAPSHOT_MAX) {
        errno = EFBIG;
        return false;
    }
    digest_add(out->digest, buf_view(&out->text));
    ok = fd_write_all(out->fd, buf_view(&out->text));
    buf_clear(&out->text);
    return ok;
}

static bool write_rows(struct output *out, const struct block *block)
{
    for (; block != NULL; block = block->next) {
        for (size_t i = 0; i < block->n; i++) {
            write_row(&out->text, &block->rows[i]);
            if (out->text.len >= CHUNK_BYTES && !flush(out)) {
                return false;
            }
        }
    }
    return flush(out);
}

static bool write_check(struct output *out, const struct digest *digest)
{
    char hex[65];

    buf_printf(&out->text, "%s%s\n", SNAPSHOT_CHECK, digest_hex(digest, hex));
    return fd_write_all(out->fd, buf_view(&out->text));
}

static bool write_file(const struct snapshot_job *job, const char *temporary)
{
    struct output out = {.fd = -1};
    struct digest digest;
    bool ok;
    int why;

    /* Made anew: what lies there from a crash, be it a pipe or a link, is never opened. */
    (void)unlink(temporary);
    out.fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out.fd < 0) {
        return false;
    }
    out.digest = digest_begin();
    buf_init(&out.text, BUFFER_MAX);
    ok = write_rows(&out, job->first);
    why = errno;
    digest_end(out.digest, &digest);
    if (ok) {
        ok = write_check(&out, &digest) && fsync(out.fd) == 0;
        why = errno;
    }
    buf_done(&out.text);
    if (close(out.fd) != 0 && ok) {
        ok = false;
        why = errno;
    }
    errno = why;
    return ok;
}

static void *job_run(void *context)
{
    struct snapshot_job *job = context;
    struct buf temporary;

    buf_init(&temporary, NAME_MAX_BYTES);
    buf_printf(&temporary, "%s.new", job->file);
    if (job->text_bytes > SNAPSHOT_MAX) {
        (void)error_set(&job->error, ERR_TOO_BIG,
                        "the sessions' names, descriptions and metadata are longer than the %d "
                        "bytes that %s may have",
                        SNAPSHOT_MAX, job->file);
    } else if (!write_file(job, buf_cstr(&temporary)) ||
               rename(buf_cstr(&temporary), job->file) != 0) {
        (void)error_set(&job->error, ERR_IO, "cannot write %s: %s", job->file, strerror(errno));
        (void)unlink(buf_cstr(&temporary));
    }
    buf_done(&temporary);
    atomic_store(&job->ended, true);
    return NULL;
}

/* ---- on the loop ---- */

/* Signals stay with the loop. */
static bool job_start(struct snapshot_job *job)
{
    sigset_t all;
    sigset_t before;
    bool ok;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    ok = pthread_create(&job->thread, NULL, job_run, job) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

static enum error_code job_end(struct session_store *store, struct snapshot_job *job,
                               struct error *err)
{
    enum error_code code = job->error.code;
    struct session_trouble *trouble = &store->trouble;

    if (code != ERR_OK) {
        *err = job->error;
        store->changed = true;
        trouble->since_wall_ms =
            trouble->since_wall_ms != 0 ? trouble->since_wall_ms : clock_wall_ms();
        str_copy(trouble->last_error, sizeof(trouble->last_error), str_from(job->error.text));
    } else {
        *trouble = (struct session_trouble){0};
    }
    job_free(job);
    return code;
}

static void log_failure(const struct error *err)
{
    log_event(LOG_ERROR, "sessions.snapshot_failed", F_TEXT("error", err->text));
}

bool snapshot_is_running(struct session_store *store)
{
    struct snapshot_job *job = store->job;
    struct error err = {0};

    if (job == NULL) {
        return false;
    }
    if (!atomic_load(&job->ended)) {
        return true;
    }
    store->job = NULL;
    (void)pthread_join(job->thread, NULL);
    if (job_end(store, job, &err) != ERR_OK) {
        log_failure(&err);
    }
    return false;
}

void snapshot_begin(struct session_store *store)
{
    struct error err = {0};

    CHECK(store->job == NULL);
    store->changed = false;
    store->job = job_new(store);
    if (!job_start(store->job)) { /* no thread to be had: on the loop, then */
        job_free(store->job);
        store->job = NULL;
        if (session_store_save(store, &err) != ERR_OK) {
            log_failure(&err);
        }
    }
}

enum error_code session_store_save(struct session_store *store, struct error *err)
{
    struct snapshot_job *job = store->job;

    if (store->snapshot_file == NULL) {
        return ERR_OK;
    }
    if (job != NULL) { /* else its older copy might be written over this one */
        store->job = NULL;
        (void)pthread_join(job->thread, NULL);
        (void)job_end(store, job, err);
    }
    store->changed = false;
    job = job_new(store);
    (void)job_run(job);
    return job_end(store, job, err);
}
