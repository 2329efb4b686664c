/* A copy is made: document, steps, rows. */
#include "share_internal.h"

#include "base/clock.h"

/* The lines and rows that one turn of the loop takes. */
enum { LINES = 200, ROWS = 300 };

static void not_readable(struct run_mirror *mirror, const char *what, const char *why)
{
    struct error err = {0};

    (void)error_set(&err, ERR_STORE_UNREADABLE,
                    "%s of run %s in the shared store cannot be used: %s", what, mirror->name, why);
    mirror_fail(mirror, &err);
}

static void later(struct run_mirror *mirror, later_fn fn)
{
    later_add(mirror->store->options.share->options.later, &mirror->piece, fn);
}

/* --- its rows */

static void on_build(struct later_item *item)
{
    struct run_mirror *mirror = CONTAINER_OF(item, struct run_mirror, piece);

    if (!run_build(mirror->run, ROWS)) {
        later(mirror, on_build);
        return;
    }
    mirror->run->status = RUN_RUNNING;
    mirror->state = MIRROR_IDLE;
    mirror_read(mirror);
}

static void prepare(struct run_mirror *mirror)
{
    struct run *run = mirror->run;
    const struct run_store_options *options = &mirror->store->options;
    struct plan_options plan = {0};
    struct error err = {0};

    options->plan_options(options->context, run, &plan);
    plan.request_id = mirror->document.request_id;
    if (run_prepare(run, mirror->file, NULL, &mirror->document.request, &plan, &err) != ERR_OK) {
        not_readable(mirror, "The document", err.text);
        return;
    }
    mirror->state = MIRROR_BUILDS;
    later(mirror, on_build);
}

/* --- its steps */

static void get_part(struct run_mirror *mirror);

static void on_lines(struct later_item *item)
{
    struct run_mirror *mirror = CONTAINER_OF(item, struct run_mirror, piece);

    switch (steps_read(mirror, LINES)) {
    case STEPS_MORE:
        later(mirror, on_lines);
        break;
    case STEPS_NEXT_PART:
        get_part(mirror);
        break;
    case STEPS_ALL:
        buf_done(&mirror->text);
        prepare(mirror);
        break;
    case STEPS_BROKEN:
        not_readable(mirror, "The steps", "they are not of this program");
        break;
    }
}

static void on_part(struct store_op *op, const struct store_result *result)
{
    struct run_mirror *mirror = CONTAINER_OF(op, struct run_mirror, op);

    if (result->error.code != ERR_OK) {
        mirror_fail(mirror, &result->error);
    } else if (!steps_take_part(mirror, result->bytes)) {
        not_readable(mirror, "The steps",
                     "they are sealed for a platform token that this process does not have");
    } else {
        later(mirror, on_lines);
    }
}

static void get_part(struct run_mirror *mirror)
{
    char room[RUN_KEY_MAX];
    struct store_request request = {.kind = STORE_GET};

    request.key = runs_part_key(str_from(mirror->name), mirror->part, room);
    mirror->state = MIRROR_STEPS;
    mirror_start(mirror, &request, on_part);
}

/* --- its document */

static void on_document(struct store_op *op, const struct store_result *result)
{
    struct run_mirror *mirror = CONTAINER_OF(op, struct run_mirror, op);
    struct str scope, owner, id;
    const char *why;
    int64_t age_ms;

    if (result->error.code != ERR_OK) {
        mirror_fail(mirror, &result->error);
        return;
    }
    why = run_document_read(mirror->store, &mirror->arena, arena_str(&mirror->arena, result->bytes),
                            &mirror->document);
    if (why == NULL && !runs_read_name(str_from(mirror->name), &scope, &owner, &id)) {
        why = "it is not of this program";
    }
    if (why != NULL) {
        not_readable(mirror, "The document", why);
        return;
    }
    if (mirror->run == NULL) {
        mirror->run = run_make(mirror->store, &mirror->document.owner, id);
    }
    mirror->run->created_ms = mirror->document.created_ms;
    age_ms = clock_wall_ms() - mirror->document.created_ms;
    mirror->run->begun_ms = clock_now_ms() - (uint64_t)(age_ms > 0 ? age_ms : 0);
    mirror->run->ground = (struct run_ground){
        .project = run_keep(mirror->run, mirror->document.ground.project),
        .organization_id = run_keep(mirror->run, mirror->document.ground.organization_id),
        .links = mirror->document.ground.links};
    mirror->file = arena_zalloc(&mirror->run->work, sizeof(*mirror->file));
    mirror->at = (struct run_steps_place){0};
    mirror->part = 0;
    mirror->n_taken = 0;
    buf_clear(&mirror->text);
    get_part(mirror);
}

void mirror_load(struct run_mirror *mirror)
{
    char room[RUN_KEY_MAX];
    struct store_request request = {.kind = STORE_GET};

    request.key = runs_document_key(str_from(mirror->name), room);
    mirror->state = MIRROR_DOCUMENT;
    mirror_start(mirror, &request, on_document);
}
