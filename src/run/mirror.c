/* A copy of a run of another process: its document and its steps are read and built as the run was,
 * then the lines of its stream are applied. It is followed while somebody watches it, and read on when
 * somebody asks for it. mirror_load.c makes it; here it is read. */
#include "share_internal.h"

#include "base/check.h"
#include "base/mem.h"
#include "observe/log.h"

/* Entries that are applied in a turn: half a megabyte at most, a few milliseconds. */
enum { IDLE_MAX = 32, READ_MAX = 16 };

static void read_on(struct run_mirror *mirror, unsigned wait_ms);

void mirror_start(struct run_mirror *mirror, struct store_request *request, store_done_fn on_done)
{
    deadline_clear(&mirror->again); /* else it would start a second operation */
    request->format = RUN_FORMAT;
    store_start(mirror->store->options.share->options.store, request, &mirror->op, on_done);
}

struct run_mirror *mirror_find(struct run_store *store, struct str name)
{
    struct run_mirror *mirror;

    LIST_EACH (mirror, &store->mirrors, link) {
        if (str_is(name, mirror->name)) {
            return mirror;
        }
    }
    return NULL;
}

/* Frees the oldest copies that nobody needs, until there is room for one more. */
static void trim(struct run_store *store)
{
    struct list *link;
    struct list *after;
    size_t n = 0;

    LIST_FOREACH (link, &store->mirrors) {
        n++;
    }
    LIST_FOREACH_SAFE (link, after, &store->mirrors) {
        struct run_mirror *mirror = CONTAINER_OF(link, struct run_mirror, link);

        if (n >= IDLE_MAX && mirror->state == MIRROR_IDLE && mirror->run->n_watchers == 0 &&
            !store_is_running(&mirror->stopping)) {
            mirror_free(mirror);
            n--;
        }
    }
}

struct run_mirror *mirror_new(struct run_store *store, struct str name)
{
    struct run_mirror *mirror = mem_zalloc(sizeof(*mirror));

    trim(store);
    mirror->store = store;
    str_copy(mirror->name, sizeof(mirror->name), name);
    list_init(&mirror->seekers);
    arena_init(&mirror->arena);
    buf_init(&mirror->text, RUN_STEPS_MAX);
    list_append(&store->mirrors, &mirror->link);
    mirror_load(mirror);
    return mirror;
}

/* Frees the mirror, not its run. */
static void drop(struct run_mirror *mirror)
{
    CHECK(list_is_empty(&mirror->seekers));
    store_cancel(&mirror->op);
    store_cancel(&mirror->stopping);
    deadline_clear(&mirror->again);
    later_remove(&mirror->piece);
    if (mirror->run != NULL) {
        mirror->run->mirror = NULL;
    }
    arena_done(&mirror->arena);
    buf_done(&mirror->text);
    list_remove(&mirror->link);
    mem_free(mirror);
}

void mirror_free(struct run_mirror *mirror)
{
    struct run *run = mirror->run;
    bool whole = mirror->whole;

    drop(mirror);
    if (run == NULL) {
        return;
    }
    if (whole) {
        run_forget_copy(run);
    } else {
        run_free(run);
    }
}

/* --- who asks for it */

static void tell(struct run_mirror *mirror, struct run *run, const struct error *error)
{
    struct list seekers;
    struct list *link;

    list_init(&seekers);
    list_append_all(&seekers, &mirror->seekers);
    while ((link = list_take_first(&seekers)) != NULL) {
        struct run_seek *seek = CONTAINER_OF(link, struct run_seek, link);

        seek->on_done(seek, run, error);
    }
}

static void on_again(struct deadline *deadline)
{
    struct run_mirror *mirror = CONTAINER_OF(deadline, struct run_mirror, again);

    if (mirror->whole || mirror->state == MIRROR_READS) {
        read_on(mirror, 0);
    } else {
        mirror_load(mirror);
    }
}

/* The document, the steps or the stream could not be read. */
void mirror_fail(struct run_mirror *mirror, const struct error *error)
{
    const struct error err = *error;
    bool wanted =
        mirror->adopts || mirror->before != NULL || (mirror->whole && mirror->run->n_watchers > 0);
    struct run_share *share;
    struct run *watched;

    tell(mirror, NULL, &err);
    if (err.code == ERR_STORE_AWAY && wanted) {
        deadline_set(mirror->store->options.share->options.deadlines, &mirror->again, RUN_AGAIN_MS,
                     on_again);
        return;
    }
    if (err.code != ERR_STORE_AWAY && mirror->adopts) {
        adopter_cannot(mirror->store->options.share->adopter, mirror, &err);
    }
    share = mirror->store->options.share;
    watched = mirror->before;
    if (watched != NULL) {
        watched->mirror = NULL;
    }
    if (watched == NULL && mirror->whole && mirror->run->n_watchers > 0) {
        watched = mirror->run;
        mirror->run = NULL;
        watched->mirror = NULL;
    }
    mirror_free(mirror);
    if (watched != NULL) {
        run_lose(watched, &err); /* its watchers keep what they have seen, and ask again */
    }
    runs_leave_if_idle(share);
}

void mirror_adopts_not(struct run_mirror *mirror)
{
    mirror->adopts = false;
    mirror->mark = 0;
    runs_leave_if_idle(mirror->store->options.share);
}

/* --- the stream */

static bool read_head(struct run_mirror *mirror, struct str head, bool *out_counts)
{
    struct str fence_text, number_text;
    int64_t fence, number;

    if (!str_next(&head, ' ', &fence_text) || !str_next(&head, ' ', &number_text) ||
        !str_to_i64(fence_text, 0, INT64_MAX, &fence) ||
        !str_to_i64(number_text, 0, INT64_MAX, &number)) {
        return false;
    }
    *out_counts = (uint64_t)fence >= mirror->fence &&
                  !(str_is(head, mirror->holder) && (uint64_t)number <= mirror->number);
    if (*out_counts) {
        mirror->fence = (uint64_t)fence;
        mirror->number = (uint64_t)number;
        str_copy(mirror->holder, sizeof(mirror->holder), head);
    }
    return true;
}

/* An entry of a process that has lost the run, or one that was sent twice, does not count. */
static bool apply(struct run_mirror *mirror, struct str entry)
{
    struct str head, rest, line;
    struct arena scratch;
    bool counts = false;
    bool ok;

    if (!str_cut(entry, '\n', &head, &rest) || !read_head(mirror, head, &counts)) {
        return false;
    }
    arena_init(&scratch);
    ok = true;
    while (counts && ok && str_next(&rest, '\n', &line)) {
        if (mirror->run->status > RUN_RUNNING) {
            break; /* nothing comes behind the end */
        }
        ok = record_apply(mirror->run, &scratch, line) && mirror->run->n_events > 0;
        arena_reset(&scratch);
    }
    arena_done(&scratch);
    return ok;
}

/* The copy has ended: it is kept here like any run that has ended. */
static void end(struct run_mirror *mirror)
{
    struct run *run = mirror->run;
    struct run_share *share = mirror->store->options.share;

    if (mirror->adopts) {
        adopter_remove(share->adopter, str_from(mirror->name), mirror->claim_version);
    }
    tell(mirror, run, NULL);
    drop(mirror);
    run_copy_is_over(run);
}

static void become_whole(struct run_mirror *mirror)
{
    struct run *run = mirror->run;

    mirror->whole = true;
    run->mirror = mirror;
    if (mirror->before != NULL) {
        run_replace(mirror->before, run);
        mirror->before = NULL;
    } else {
        run_remember(run);
    }
}

static void caught_up(struct run_mirror *mirror)
{
    struct run *run = mirror->run;

    if (run->n_events == 0) {
        struct error err = {0};

        /* Its document was written, and nothing more: for those who ask, the run does not exist. */
        (void)error_set(&err, ERR_NOT_FOUND, "run %s was never begun", mirror->run->id);
        mirror_fail(mirror, &err);
        return;
    }
    if (!mirror->whole) {
        become_whole(mirror);
    }
    if (run->status > RUN_RUNNING) {
        end(mirror);
        return;
    }
    if (mirror->mark != 0 && mirror->after >= mirror->mark) {
        if (mirror->fence == mirror->claim_version) {
            mirror_own(mirror);
            return;
        }
        mirror_adopts_not(
            mirror); /* another process took the claim after us, and has written already */
    }
    tell(mirror, run, NULL); /* the state is still READS: a watcher that comes now is seen below */
    mirror->state = MIRROR_IDLE;
    if (mirror->adopts) {
        mirror_claim(mirror);
    } else if (run->n_watchers > 0) {
        read_on(mirror, STORE_WAIT_MAX_MS);
    } else if (!list_is_empty(&mirror->seekers)) {
        read_on(mirror, 0);
    }
}

static void on_read(struct store_op *op, const struct store_result *result)
{
    struct run_mirror *mirror = CONTAINER_OF(op, struct run_mirror, op);
    struct error err = {0};

    if (result->error.code != ERR_OK) {
        mirror_fail(mirror, &result->error);
        return;
    }
    if (result->rewound) { /* the next reader or adopter begins at the start of the stream */
        (void)error_set(&err, ERR_STORE_UNREADABLE,
                        "The shared store has lost events of run %s that it had taken; ask again",
                        mirror->run->id);
        mirror_adopts_not(mirror);
        mirror_fail(mirror, &err);
        return;
    }
    for (size_t i = 0; i < result->n_items; i++) {
        if (!apply(mirror, result->items[i].bytes)) {
            (void)error_set(&err, ERR_STORE_UNREADABLE,
                            "The stream of run %s in the shared store is not of this program, or "
                            "was written by a newer version",
                            mirror->run->id);
            mirror_fail(mirror, &err);
            return;
        }
        mirror->after = result->items[i].sequence;
    }
    if (result->n_items == READ_MAX) {
        read_on(mirror, 0);
    } else {
        caught_up(mirror);
    }
}

static void read_on(struct run_mirror *mirror, unsigned wait_ms)
{
    char room[RUN_KEY_MAX];
    struct store_request request = {.kind = STORE_READ,
                                    .after = mirror->after,
                                    .limit = READ_MAX,
                                    .wait_ms = wait_ms,
                                    .key = runs_key("runlog", str_from(mirror->name), room)};

    mirror->state = wait_ms > 0 ? MIRROR_WAITS : MIRROR_READS;
    mirror_start(mirror, &request, on_read);
}

void mirror_hand_over(struct run_mirror *mirror, struct run *run)
{
    tell(mirror, run, NULL);
    drop(mirror);
}

void mirror_read(struct run_mirror *mirror)
{
    if (mirror->state == MIRROR_WAITS) {
        store_cancel(&mirror->op);
        read_on(mirror, 0);
    } else if (mirror->state == MIRROR_IDLE) {
        deadline_clear(&mirror->again);
        read_on(mirror, 0);
    }
}

void mirror_unwatched(struct run_mirror *mirror)
{
    if (mirror->state == MIRROR_WAITS) {
        store_cancel(&mirror->op);
        mirror->state = MIRROR_IDLE;
    }
}
