/* Changes of one cell wait in line while another change of this process is in flight, and until the service takes
 * the next one. Then the cell is read, each change is decided on the result of the change before it, and all are
 * written as one. An answer that depends on a change which is not written yet waits for that. */
#include "objects.h"

#include "base/mem.h"
#include "base/random.h"

enum { TRIES = 16, PAUSE_MS = 20, PAUSE_MAX_MS = 500, BODY_EXTRA = 1024 };

/* The line of a cell. It exists while the cell is read or written, or while the next change must wait. */
struct line {
    struct map_node node; /* its key is on the heap */
    struct objects *objects;
    struct list waiting; /* works that are decided when the cell is read next */
    struct list
        batch; /* works whose changes are being written, and those that hold their ends for it */
    struct cell_call call;
    struct deadline due;
    struct arena arena; /* of what is written */
    struct str tag;     /* of what was read */
    char mark[BLOB_MARK + 1];
    uint64_t version; /* of what is written */
    bool in_doubt;    /* its answer was lost */
};

#define WORK_OF(link_) CONTAINER_OF(link_, struct work, link)

/* --- from one round to the next */
static void ask_cell(struct line *line);

static void line_free(struct line *line)
{
    char *key = unconst(line->node.key.ptr);

    map_remove(&line->objects->lines, &line->node);
    deadline_clear(&line->due);
    cells_cancel(&line->call);
    arena_done(&line->arena);
    mem_free(key);
    mem_free(line);
}

static void on_due(struct deadline *deadline)
{
    struct line *line = CONTAINER_OF(deadline, struct line, due);

    if (list_is_empty(&line->waiting) && list_is_empty(&line->batch)) {
        line_free(line);
    } else {
        ask_cell(line);
    }
}

static void go_on(struct line *line, uint64_t wait_ms)
{
    deadline_set(&line->objects->store.loop->deadlines, &line->due, wait_ms, on_due);
}

/* After a change the service takes no other change of the cell for gap_ms. */
static void rest(struct line *line)
{
    line->in_doubt = false;
    go_on(line, line->objects->cells.dialect->gap_ms);
}

/* --- ends */
static void end_all(struct line *line)
{
    struct list *link;

    while ((link = list_first(&line->batch)) != NULL) {
        struct work *work = WORK_OF(link);

        if (work->writes && work->change->done != NULL) {
            work->change->done(work, &work->next);
        } else if (work->writes) {
            work_end(work);
        } else {
            work->holds = false;
            if (work->held == ERR_OK) {
                work_end(work);
            } else {
                char text[ERROR_TEXT_MAX]; /* the work is freed before its text is used */

                str_copy(text, sizeof(text), str_from(work->held_text));
                work_fail(work, work->held, text);
            }
        }
    }
    rest(line);
}

/* The works of a batch that was not written are decided anew, behind those that wait already. */
static void take_back(struct line *line)
{
    struct list *link;

    while ((link = list_first(&line->batch)) != NULL) {
        list_remove(link);
        list_append(&line->waiting, link);
    }
}

static void fail_one(struct line *line, struct work *work)
{
    work->holds = false;
    work->in_doubt = work->writes && line->in_doubt;
    work_fail_call(work, &line->call);
}

static void fail_batch(struct line *line)
{
    struct list *link;

    while ((link = list_first(&line->batch)) != NULL) {
        fail_one(line, WORK_OF(link));
    }
}

/* The cell could not be written, or the answer was lost: after a pause the cell is read again. */
static void try_again(struct line *line)
{
    struct list *link;
    struct list *after;
    unsigned tries = 0;
    unsigned limit_ms;
    unsigned gap_ms = line->in_doubt ? line->objects->cells.dialect->gap_ms : 0;

    LIST_FOREACH_SAFE (link, after, &line->batch) {
        struct work *work = WORK_OF(link);

        tries = work->tries > tries ? work->tries : tries;
        if (++work->tries >= TRIES) {
            fail_one(line, work);
        }
    }
    limit_ms = (unsigned)PAUSE_MS << (tries < 5 ? tries : 5);
    go_on(line, gap_ms + random_below(limit_ms < PAUSE_MAX_MS ? limit_ms : PAUSE_MAX_MS) + 1);
}

/* --- writing */
static void on_written(struct cell_call *call)
{
    struct line *line = call->owner;

    objects_note(line->objects, call);
    switch (call->end) {
    case CELL_OK:
        end_all(line);
        break;
    case CELL_DOUBT:
        line->in_doubt = true;
        try_again(line);
        break;
    case CELL_NOTHING:
    case CELL_CONFLICT:
        try_again(line);
        break;
    case CELL_AWAY:
        fail_batch(line);
        rest(line);
        break;
    }
}

static void start_call(struct line *line, void (*on_done)(struct cell_call *call))
{
    line->call.key = line->node.key;
    line->call.owner = line;
    line->call.on_done = on_done;
    cells_start(&line->objects->cells, &line->call);
}

/* Writes the blob of the last work: it contains the changes of the works before it. */
static void write_cell(struct line *line, struct blob *next)
{
    struct buf body;

    buf_init(&body, next->bytes.len + BODY_EXTRA);
    blob_write(next, &body);
    line->version = next->version;
    line->call = (struct cell_call){.kind = CELL_PUT,
                                    .bytes = arena_take(&line->arena, &body),
                                    .expect = line->tag.len > 0 ? CELL_TAG : CELL_ABSENT,
                                    .tag = line->tag};
    start_call(line, on_written);
}

/* Makes work->next ready to be written: sets the mark, unless an old one is kept. False: too large, the work has
 * failed. */
static bool is_sound(struct line *line, struct work *work)
{
    work->holds = false; /* `writes` makes its end wait */
    if (work->next.bytes.len + BODY_EXTRA > line->objects->cells.dialect->max_bytes) {
        work_fail(work, ERR_TOO_BIG, "the document is larger than this store takes");
        return false;
    }
    if (work->next.mark.len == 0) {
        work->next.mark = str_from(line->mark);
    }
    work->writes = true;
    return true;
}

/* --- deciding */
/* A copy with texts in `arena`: the work that made the blob may be freed earlier. */
static struct blob copied(struct arena *arena, const struct blob *blob)
{
    struct blob copy = *blob;

    copy.mark = arena_str(arena, blob->mark);
    copy.holder = arena_str(arena, blob->holder);
    copy.bytes = arena_str(arena, blob->bytes);
    return copy;
}

static void decide_all(struct line *line, const struct blob *now)
{
    struct blob *last = NULL;
    struct list *link;

    while ((link = list_first(&line->waiting)) != NULL) {
        struct work *work = WORK_OF(link);
        struct blob copy;

        list_remove(link);
        list_append(&line->batch, link);
        work->next = (struct blob){0};
        work->writes = false;
        work->holds = last != NULL;
        if (now != NULL) {
            copy = copied(&work->arena, now);
        }
        if (work->change->decide(work, now != NULL ? &copy : NULL, &work->next) &&
            is_sound(line, work)) {
            last = &work->next;
            now = last;
        }
    }
    if (last != NULL) {
        write_cell(line, last);
    } else {
        go_on(line, 0);
    }
}

/* --- reading */
/* Finds out what became of a batch whose writing is not settled. If the cell has our mark, the batch was written. If it
 * has the old tag, or another process has taken our version, the batch was not written. With a later version that
 * cannot be known. False: the batch has ended. */
static bool is_settled(struct line *line, const struct blob *now)
{
    if (list_is_empty(&line->batch)) {
        return true;
    }
    if (now != NULL && str_is(now->mark, line->mark)) {
        end_all(line);
        return false;
    }
    if (line->in_doubt && now != NULL && !str_eq(line->call.out_tag, line->tag) &&
        now->version > line->version) {
        (void)error_set(&line->call.error, ERR_STORE_AWAY,
                        "the answer to a change was lost, and others have changed the document "
                        "since");
        fail_batch(line);
        rest(line);
        return false;
    }
    take_back(line);
    return true;
}

static void fail_all(struct line *line, enum error_code code, const char *text)
{
    struct list *link;

    take_back(line);
    while ((link = list_first(&line->waiting)) != NULL) {
        struct work *work = WORK_OF(link);

        work->holds = false;
        work->op->result.in_doubt = work->writes && line->in_doubt;
        work->op->result.error.late = line->call.error.late;
        work_fail(work, code, text);
    }
    rest(line);
}

static void on_read(struct cell_call *call)
{
    struct line *line = call->owner;
    struct blob blob;
    const struct blob *now = call->end == CELL_OK ? &blob : NULL;

    objects_note(line->objects, call);
    if (call->end != CELL_OK && call->end != CELL_NOTHING) {
        fail_all(line, ERR_STORE_AWAY, call->error.text);
    } else if (now != NULL && !blob_read(call->out_bytes, &blob)) {
        fail_all(line, ERR_STORE_UNREADABLE, STORE_TEXT_NEWER);
    } else if (is_settled(line, now)) {
        arena_done(&line->arena);
        arena_init(&line->arena);
        line->tag = arena_str(&line->arena, call->out_tag);
        line->in_doubt = false;
        random_hex(line->mark, BLOB_MARK);
        decide_all(line, now);
    }
}

static void ask_cell(struct line *line)
{
    line->call = (struct cell_call){.kind = CELL_GET};
    start_call(line, on_read);
}

/* --- joining it */
static struct line *line_new(struct objects *objects, struct str key)
{
    struct line *line = mem_zalloc(sizeof(*line));

    line->objects = objects;
    list_init(&line->waiting);
    list_init(&line->batch);
    arena_init(&line->arena);
    random_hex(line->mark, BLOB_MARK);
    map_insert(&objects->lines, &line->node, (struct str){str_dup(key), key.len});
    return line;
}

void line_join(struct work *work)
{
    struct line *line = MAP_FIND(&work->objects->lines, work->key, struct line, node);

    if (line != NULL) { /* what was read may not be true any more */
        list_append(&line->waiting, &work->link);
        return;
    }
    line = line_new(work->objects, work->key);
    line->tag = arena_str(&line->arena, work->tag);
    list_append(&line->batch, &work->link);
    if (is_sound(line, work)) {
        write_cell(line, &work->next);
    } else {
        line_free(line);
    }
}

void lines_stop(struct objects *objects)
{
    struct map_node *node;
    struct map_node *after;

    MAP_FOREACH_SAFE (node, after, &objects->lines) {
        line_free(CONTAINER_OF(node, struct line, node));
    }
}
