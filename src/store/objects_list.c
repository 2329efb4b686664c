/* Groups, and all documents: the names of a page, then each of its objects, several at a time. */
#include "objects.h"

#include "base/mem.h"

/* --- the objects of a page */
static void on_one(struct cell_call *call)
{
    struct work *work = call->owner;
    size_t at = (size_t)(call - work->calls);

    if (call->end != CELL_OK && call->end != CELL_NOTHING) {
        work_fail_call(work, call);
        return;
    }
    if (call->end == CELL_OK) {
        work->bodies[at] = arena_str(&work->op->arena, call->out_bytes);
        work->tags[at] = arena_str(&work->op->arena, call->out_tag);
    }
    if (--work->n_open == 0) {
        work->on_all(work);
    }
}

void work_read_all(struct cell_call *page, void (*on_all)(struct work *work),
                   void (*on_nothing)(struct work *work))
{
    struct work *work = page->owner;
    struct arena *arena = &work->op->arena;

    if (page->end != CELL_OK) {
        work_fail_call(work, page);
        return;
    }
    if (page->n_keys == 0) {
        on_nothing(work);
        return;
    }
    work->on_all = on_all;
    work->has_more = page->has_more;
    work->n_calls = page->n_keys;
    work->n_open = page->n_keys;
    work->calls = arena_calloc(arena, page->n_keys, sizeof(*work->calls));
    work->bodies = arena_calloc(arena, page->n_keys, sizeof(*work->bodies));
    work->keys = arena_calloc(arena, page->n_keys, sizeof(*work->keys));
    work->tags = arena_calloc(arena, page->n_keys, sizeof(*work->tags));
    for (size_t i = 0; i < work->n_calls; i++) {
        work->keys[i] = arena_str(arena, page->keys[i]);
    }
    for (size_t i = 0; i < work->n_calls; i++) {
        work->calls[i] = (struct cell_call){.kind = CELL_GET, .key = work->keys[i]};
        work_ask(work, &work->calls[i], on_one);
    }
}

/* --- a group */
static void ask_page(struct work *work);

/* Adds the documents of a page that are alive; false: the operation has failed. */
static bool add_alive(struct work *work, size_t cut)
{
    struct store_result *result = &work->op->result;

    for (size_t i = 0; i < work->n_calls && result->n_items < work->op->request.limit; i++) {
        struct blob blob;
        struct store_item *item = &result->items[result->n_items];

        work->after = work->keys[i];
        if (work->bodies[i].ptr == NULL) {
            continue;
        }
        if (!blob_read(work->bodies[i], &blob)) {
            work_fail(work, ERR_STORE_UNREADABLE, STORE_TEXT_NEWER);
            return false;
        }
        if (!blob_is_alive(work->objects, &blob)) {
            sweep_old(work->objects, &blob, work->keys[i], work->tags[i]);
            continue;
        }
        if (work->op->request.kind == STORE_LIST && blob.format > work->op->request.format) {
            work_fail(work, ERR_STORE_UNREADABLE, STORE_TEXT_NEWER);
            return false;
        }
        objects_tell_left(work, &blob, cells_now_ms(&work->objects->cells));
        *item = (struct store_item){.name = str_sub(work->keys[i], cut, work->keys[i].len),
                                    .sequence = blob.version,
                                    .left_ms = work->op->result.left_ms,
                                    .bytes = blob.bytes};
        if (work->op->request.kind == STORE_WALK) {
            item->format = blob.format;
            item->bytes = STR_EMPTY;
        }
        result->n_items++;
    }
    return true;
}

static void on_group_read(struct work *work)
{
    struct store_result *result = &work->op->result;

    if (!add_alive(work, work->prefix.len)) {
        return;
    }
    if (work->has_more && result->n_items < work->op->request.limit) {
        ask_page(work);
        return;
    }
    if (result->n_items > 0 &&
        (work->has_more || !str_eq(work->after, work->keys[work->n_calls - 1]))) {
        result->next = result->items[result->n_items - 1].name;
    }
    work_end(work);
}

static void on_group_page(struct cell_call *call)
{
    work_read_all(call, on_group_read, work_end);
}

static void ask_names(struct work *work, void (*on_page)(struct cell_call *call))
{
    work->call = (struct cell_call){.kind = CELL_LIST,
                                    .key = work->prefix,
                                    .after = work->after,
                                    .limit = work->op->request.limit};
    work_ask(work, &work->call, on_page);
}

static void ask_page(struct work *work)
{
    ask_names(work, on_group_page);
}

void objects_list(struct work *work)
{
    struct str name = work->op->request.name;

    work->op->result.items =
        arena_calloc(&work->op->arena, work->op->request.limit, sizeof(struct store_item));
    work->prefix = arena_printf(&work->arena, "%.*s/!", STR_ARG(work->key));
    if (name.len > 0) {
        work->after = arena_printf(&work->arena, "%.*s%.*s", STR_ARG(work->prefix), STR_ARG(name));
    }
    ask_page(work);
}

/* --- all documents */
/* Keeps the key behind which the next WALK goes on, and returns its number: keys hold characters that no name may
 * have. */
static struct str keep_cursor(struct work *work)
{
    struct objects *objects = work->objects;
    unsigned number = objects->n_cursors++;
    struct str *slot = &objects->cursors[number % OBJECTS_CURSORS];

    mem_free(unconst(slot->ptr));
    *slot = (struct str){str_dup(work->after), work->after.len};
    return arena_int(&work->op->arena, number);
}

/* False: the cursor is unknown or too old. */
static bool take_cursor(struct work *work)
{
    struct objects *objects = work->objects;
    int64_t number = 0;

    if (work->op->request.name.len == 0) {
        return true;
    }
    if (!str_to_i64(work->op->request.name, 0, INT32_MAX, &number) ||
        number + OBJECTS_CURSORS < (int64_t)objects->n_cursors ||
        number >= (int64_t)objects->n_cursors) {
        return false;
    }
    work->after = arena_str(&work->arena, objects->cursors[number % OBJECTS_CURSORS]);
    return true;
}

/* Turns the name of an object into the key of the port: takes out the '!'. */
static struct str plain_name(struct work *work, struct str name)
{
    ptrdiff_t at = str_find(name, STR("/!"));

    return at < 0 ? name
                  : arena_printf(&work->op->arena, "%.*s/%.*s", (int)at, name.ptr,
                                 STR_ARG(str_sub(name, (size_t)at + 2, name.len)));
}

static void on_walk_read(struct work *work)
{
    struct store_result *result = &work->op->result;

    if (!add_alive(work, work->prefix.len)) {
        return;
    }
    for (size_t i = 0; i < result->n_items; i++) {
        result->items[i].name = plain_name(work, result->items[i].name);
    }
    if (work->has_more) {
        result->next = keep_cursor(work);
    }
    work_end(work);
}

static void on_walk_page(struct cell_call *call)
{
    work_read_all(call, on_walk_read, work_end);
}

/* --- all streams */
static void ask_stream(struct work *work);

static void on_stream(struct cell_call *call)
{
    struct work *work = call->owner;
    struct store_result *result = &work->op->result;
    struct str key = call->n_keys > 0 ? call->keys[0] : STR_EMPTY;
    ptrdiff_t end = str_find(key, STR(OBJECTS_ENTRIES));

    if (call->end != CELL_OK) {
        work_fail_call(work, call);
        return;
    }
    if (key.len == 0) {
        work_end(work);
        return;
    }
    work->after = arena_str(&work->arena, key);
    if (end > 0) { /* the first entry of a stream; the next call lists behind all its entries */
        struct str name = arena_str(&work->op->arena, str_sub(key, 0, (size_t)end));

        result->items[result->n_items++] = (struct store_item){
            .name = plain_name(work, str_sub(name, work->prefix.len, name.len))};
        work->after = arena_printf(&work->arena, "%.*s" OBJECTS_ENTRIES ":", STR_ARG(name));
    }
    if (result->n_items < work->op->request.limit) {
        ask_stream(work);
    } else {
        result->next = keep_cursor(work);
        work_end(work);
    }
}

static void ask_stream(struct work *work)
{
    work->call = (struct cell_call){
        .kind = CELL_LIST, .key = work->prefix, .after = work->after, .limit = 1};
    work_ask(work, &work->call, on_stream);
}

void objects_walk(struct work *work)
{
    struct str prefix = work->op->store->prefix;
    bool streams = work->op->request.streams;

    work->op->result.items =
        arena_calloc(&work->op->arena, work->op->request.limit, sizeof(struct store_item));
    work->prefix = arena_printf(&work->arena, "%.*s%c/", STR_ARG(prefix), streams ? 's' : 'd');
    if (!take_cursor(work)) {
        work_fail(work, ERR_INVALID, "this is no place where a walk could go on");
        return;
    }
    if (streams) {
        ask_stream(work);
    } else {
        ask_names(work, on_walk_page);
    }
}
