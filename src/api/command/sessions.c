/* /api/v1/sessions: src/api/README.md, "Contract". Thin over room session: members in, a session
 * out. */
#include "api/command/handlers.h"
#include "api/gate/query.h"
#include "api/gate/session_seat.h"
#include "api/gate/task.h"
#include "base/json_form.h"

enum { LIMIT_DEFAULT = 50, METADATA_MAX = 32 * 1024, NAME_MAX_CHARS = 200 };

#define SESSION_MEMBERS                                                                            \
    {"name", PARAM_TEXT, .may_be_empty = true, .max = NAME_MAX_CHARS},                             \
        {"checkpoint_id", PARAM_ID}, {"journey_id", PARAM_ID},                                     \
        {"description", PARAM_TEXT, .may_be_empty = true},                                         \
        {"timeout", PARAM_INTEGER, .min = 1, .max = 2592000},                                      \
    {                                                                                              \
        "metadata", PARAM_OBJECT                                                                   \
    }

const struct member session_create_members[] = {
    SESSION_MEMBERS,
    {.name = NULL},
};

const struct member session_patch_members[] = {
    SESSION_MEMBERS,
    {"position", PARAM_INTEGER, .max = 1000000},
    {"status", PARAM_ENUM, .words = "active paused"},
    {.name = NULL},
};

/* Empty: none. */
static struct str id_text(struct task *task, int64_t id)
{
    return id == 0 ? STR_EMPTY : arena_printf(task->arena, "%lld", (long long)id);
}

static void write_session(struct task *task, const struct session *session, struct json_writer *w)
{
    const struct json_limits limits = {.max_depth = 64};
    struct json *metadata;
    char digits[DIGITS_MAX];
    bool has_metadata = session->metadata.len > 0 && json_parse(task->arena, session->metadata,
                                                                &limits, &metadata, NULL) == ERR_OK;

    jw_form(w,
            "{session_id:%s, name:%s, description:%s, checkpoint_id:%?s, journey_id:%?s, "
            "created_at:%s, last_activity:%s, expires_at:%s",
            session->id, session->name, session->description, id_text(task, session->checkpoint_id),
            id_text(task, session->journey_id), arena_time(task->arena, session->created_ms),
            arena_time(task->arena, session->last_activity_ms),
            arena_time(task->arena, session->expires_ms));
    jw_form(w, "position:%j, steps_added:%i, status:%s, current:%b, timeout:%i, metadata:%j}",
            session->position < 0 ? STR("null") : str_of_int(session->position, digits),
            session->steps_added, session->status == SESSION_PAUSED ? "paused" : "active",
            session->is_current, session->timeout_s, has_metadata ? session->metadata : STR("{}"));
}

/* Storage for what a patch points to. */
struct patch_values {
    struct session_patch patch;
    struct str name;
    struct str description;
    struct str metadata;
    int64_t checkpoint_id;
    int64_t journey_id;
    int64_t position;
    unsigned timeout_s;
    enum session_status status;
};

static enum session_status status_of(struct str word)
{
    return str_is(word, "paused") ? SESSION_PAUSED : SESSION_ACTIVE;
}

static bool is_null(const struct task *task, const char *member)
{
    const struct json *value = json_get(task->body, member);

    return value != NULL && json_type(value) == JSON_NULL;
}

/* A null removes the text. */
static void take_texts(const struct task *task, const struct json *body, struct patch_values *out)
{
    const struct {
        const char *member;
        struct str *value;
        const struct str **patch;
    } rows[] = {{"name", &out->name, &out->patch.name},
                {"description", &out->description, &out->patch.description},
                {"metadata", &out->metadata, &out->patch.metadata}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct json *node = json_get(body, rows[i].member);

        if (node != NULL || is_null(task, rows[i].member)) {
            *rows[i].value =
                json_type(node) == JSON_OBJECT ? json_text(task->arena, node) : json_str(node);
            *rows[i].patch = rows[i].value;
        }
    }
}

/* A null removes the checkpoint, the journey, or the position, which is then counted again. */
static void take_numbers(const struct task *task, const struct json *body, struct patch_values *out)
{
    const struct {
        const char *member;
        int64_t *value;
        const int64_t **patch;
        int64_t none;
    } rows[] = {{"checkpoint_id", &out->checkpoint_id, &out->patch.checkpoint_id, 0},
                {"journey_id", &out->journey_id, &out->patch.journey_id, 0},
                {"position", &out->position, &out->patch.position, -1}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct json *node = json_get(body, rows[i].member);
        bool removes = is_null(task, rows[i].member);

        if (removes || json_to_i64(node, rows[i].value) ||
            str_to_i64(json_str(node), 0, INT64_MAX, rows[i].value)) {
            *rows[i].value = removes ? rows[i].none : *rows[i].value;
            *rows[i].patch = rows[i].value;
        }
    }
}

/* False: task->errors says why. */
static bool read_patch(struct task *task, const struct member *members, struct patch_values *out)
{
    const struct json *body = task_members(task, members);
    int64_t timeout;

    *out = (struct patch_values){0};
    take_texts(task, body, out);
    if (out->metadata.len > METADATA_MAX) {
        (void)error_at(error_list_add(task_errors(task)), ERR_INVALID, "/metadata",
                       "metadata must not be longer than %d bytes", METADATA_MAX);
    }
    take_numbers(task, body, out);
    if (json_to_i64(json_get(body, "timeout"), &timeout)) {
        out->timeout_s = (unsigned)timeout;
        out->patch.timeout_s = &out->timeout_s;
    }
    if (json_get(body, "status") != NULL) {
        out->status = status_of(json_str(json_get(body, "status")));
        out->patch.status = &out->status;
    }
    return task->errors->n == 0;
}

static struct session_store *store_of(const struct task *task)
{
    return task->api->options.sessions;
}

static bool is_shared(const struct task *task)
{
    return session_is_shared(store_of(task));
}

static enum error_code load(struct task *task, struct str id, struct session *out)
{
    return session_load(store_of(task), &task->principal.owner, id, task->arena, out, &task->error);
}

/* `code`: what came of looking for the session. */
static enum stage_verdict reply_session(struct task *task, enum error_code code, int status,
                                        const struct session *session)
{
    if (code != ERR_OK) {
        return task_fail(task);
    }
    write_session(task, session, task_writer(task));
    return task_written(task, status);
}

/* Sessions live here: nothing goes to the platform for them. */
static enum stage_verdict dry_run_with(struct task *task)
{
    struct session session;

    return load(task, task_param(task, "id"), &session) == ERR_OK ? task_reply_nothing_sent(task)
                                                                  : task_fail(task);
}

/* Where sessions are shared: starts an operation of the use of this request; `then` goes on after it. */
static enum stage_verdict use_and(struct task *task,
                                  void (*operate)(struct session_use *use, session_use_fn on_done),
                                  stage_fn then)
{
    struct session_seat *seat = session_seat_of(task);

    operate(&seat->use, session_seat_on_done);
    return session_seat_wait(seat, then);
}

static enum stage_verdict reply_created(struct task *task)
{
    struct session session;
    enum error_code code = load(task, task->exchange->notes.session, &session);

    if (code == ERR_OK) {
        task_set_location(task,
                          arena_printf(task->arena, "/api/v1/sessions/%.*s", STR_ARG(session.id)));
    }
    return reply_session(task, code, 201, &session);
}

enum stage_verdict handle_session_create(struct task *task)
{
    struct patch_values values;
    struct session session;

    if (!read_patch(task, session_create_members, &values)) {
        return task_fail(task);
    }
    if (task->dry_run) {
        return task_reply_nothing_sent(task);
    }
    if (session_create(store_of(task), &task->principal.owner, &values.patch, task->arena, &session,
                       &task->error) != ERR_OK) {
        return task_fail(task);
    }
    task->exchange->notes.session = session.id;
    if (!is_shared(task)) {
        return reply_created(task);
    }
    session_use_create(store_of(task), &task->principal.owner, session.id,
                       &session_seat_of(task)->use, session_seat_on_done);
    return session_seat_wait(session_seat_of(task), reply_created);
}

enum stage_verdict handle_session_get(struct task *task)
{
    struct session session;

    return reply_session(task, load(task, task_param(task, "id"), &session), 200, &session);
}

enum stage_verdict handle_session_patch(struct task *task)
{
    struct patch_values values;

    if (!read_patch(task, session_patch_members, &values)) {
        return task_fail(task);
    }
    if (task->dry_run) {
        return dry_run_with(task);
    }
    if (session_change(store_of(task), &task->principal.owner, task_param(task, "id"),
                       &values.patch, &task->error) != ERR_OK) {
        return task_fail(task);
    }
    return is_shared(task) ? use_and(task, session_use_save, handle_session_get)
                           : handle_session_get(task);
}

static enum stage_verdict reply_deleted(struct task *task)
{
    return task_reply(task, 204, NULL, STR_EMPTY);
}

enum stage_verdict handle_session_delete(struct task *task)
{
    struct str id = task_param(task, "id");
    struct session session;

    if (task->dry_run) {
        return dry_run_with(task);
    }
    if (load(task, id, &session) != ERR_OK) {
        return task_fail(task);
    }
    if (is_shared(task)) {
        return use_and(task, session_use_remove, reply_deleted);
    }
    return session_delete(store_of(task), &task->principal.owner, id, &task->error) == ERR_OK
               ? reply_deleted(task)
               : task_fail(task);
}

static enum stage_verdict activate_here(struct task *task)
{
    struct session session;

    return reply_session(task,
                         session_activate(store_of(task), &task->principal.owner,
                                          task_param(task, "id"), task->arena, &session,
                                          &task->error),
                         200, &session);
}

enum stage_verdict handle_session_activate(struct task *task)
{
    struct session session;

    if (task->dry_run) {
        return dry_run_with(task);
    }
    if (!is_shared(task)) {
        return activate_here(task);
    }
    return load(task, task_param(task, "id"), &session) == ERR_OK
               ? use_and(task, session_use_activate, activate_here)
               : task_fail(task);
}

static enum stage_verdict reply_shared_current(struct task *task)
{
    struct str id = str_from(session_seat_of(task)->use.current);
    struct session session;
    enum error_code code = id.len > 0 ? load(task, id, &session) : ERR_SESSION_NOT_FOUND;

    return reply_session(task, code != ERR_OK ? session_has_no_current(&task->error) : code, 200,
                         &session);
}

enum stage_verdict handle_session_current(struct task *task)
{
    struct session session;
    struct session_seat *seat;

    if (!is_shared(task)) {
        return reply_session(task,
                             session_current(store_of(task), &task->principal.owner, task->arena,
                                             &session, &task->error),
                             200, &session);
    }
    seat = session_seat_of(task);
    session_use_current(store_of(task), &task->principal.owner, &seat->use, session_seat_on_done);
    return session_seat_wait(seat, reply_shared_current);
}

struct listing {
    struct session_filter filter;
    enum session_status status;
};

/* What was found stands in the seat, whether sessions are shared or not. */
static enum stage_verdict reply_listing(struct task *task)
{
    const struct session_use *use = &session_seat_of(task)->use;
    const struct listing *listing = task->state;
    struct json_writer *w = task_writer(task);

    jw_shape(w, "{sessions:[");
    for (size_t i = 0; i < use->n_sessions; i++) {
        write_session(task, &use->sessions[i], w);
    }
    jw_form(w, "], total:%i, limit:%i, offset:%i}", use->n_total, listing->filter.limit,
            listing->filter.offset);
    return task_written(task, 200);
}

enum stage_verdict handle_session_list(struct task *task)
{
    struct listing *listing = arena_zalloc(task->arena, sizeof(*listing));
    struct session_seat *seat = session_seat_of(task);

    listing->status = status_of(task_query_text(task, "status"));
    listing->filter.status = task_query(task, "status") != NULL ? &listing->status : NULL;
    listing->filter.limit = (size_t)task_query_number(task, "limit", LIMIT_DEFAULT);
    listing->filter.offset = (size_t)task_query_number(task, "offset", 0);
    task->state = listing;
    if (is_shared(task)) {
        session_use_list(store_of(task), &task->principal.owner, &listing->filter, task->arena,
                         &seat->use, session_seat_on_done);
        return session_seat_wait(seat, reply_listing);
    }
    seat->use.n_sessions = session_list(store_of(task), &task->principal.owner, &listing->filter,
                                        task->arena, &seat->use.sessions, &seat->use.n_total);
    return reply_listing(task);
}
