/* /api/v1/sessions: src/api/README.md, "Contract". Thin over room session: members in, a session
 * out. */
#include "api/command/handlers.h"
#include "api/gate/query.h"
#include "api/gate/session_seat.h"
#include "api/gate/task.h"
#include "base/clock.h"

enum { LIMIT_DEFAULT = 50, METADATA_MAX = 32 * 1024, NAME_MAX_CHARS = 200 };

const struct member session_create_members[] = {
    {.name = "name", .type = PARAM_TEXT, .may_be_empty = true, .max = NAME_MAX_CHARS},
    {.name = "checkpoint_id", .type = PARAM_ID},
    {.name = "journey_id", .type = PARAM_ID},
    {.name = "description", .type = PARAM_TEXT, .may_be_empty = true},
    {.name = "timeout", .type = PARAM_INTEGER, .min = 1, .max = 2592000},
    {.name = "metadata", .type = PARAM_OBJECT},
    {.name = NULL},
};

const struct member session_patch_members[] = {
    {.name = "name", .type = PARAM_TEXT, .may_be_empty = true, .max = NAME_MAX_CHARS},
    {.name = "checkpoint_id", .type = PARAM_ID},
    {.name = "journey_id", .type = PARAM_ID},
    {.name = "description", .type = PARAM_TEXT, .may_be_empty = true},
    {.name = "timeout", .type = PARAM_INTEGER, .min = 1, .max = 2592000},
    {.name = "metadata", .type = PARAM_OBJECT},
    {.name = "position", .type = PARAM_INTEGER, .max = 1000000},
    {.name = "status", .type = PARAM_ENUM, .words = "active paused"},
    {.name = NULL},
};

static struct json *time_node(struct task *task, int64_t ms)
{
    struct buf text;
    struct json *node;

    buf_init(&text, 64);
    clock_format(&text, ms);
    node = json_new_string(task->arena, buf_view(&text));
    buf_done(&text);
    return node;
}

static struct json *int_or_null(struct task *task, int64_t value, int64_t none)
{
    return value == none ? json_new_null(task->arena) : json_new_int(task->arena, value);
}

static struct json *id_or_null(struct task *task, int64_t id)
{
    return id == 0 ? json_new_null(task->arena)
                   : json_new_string(task->arena, arena_printf(task->arena, "%lld", (long long)id));
}

static const char *status_name(enum session_status status)
{
    return status == SESSION_PAUSED ? "paused" : "active";
}

static struct json *session_json(struct task *task, const struct session *session)
{
    struct json *out = json_new_object(task->arena);
    struct json *metadata = NULL;
    const struct json_limits limits = {.max_depth = 64};

    json_set(out, STR("session_id"), json_new_string(task->arena, session->id));
    json_set(out, STR("name"), json_new_string(task->arena, session->name));
    json_set(out, STR("description"), json_new_string(task->arena, session->description));
    json_set(out, STR("checkpoint_id"), id_or_null(task, session->checkpoint_id));
    json_set(out, STR("journey_id"), id_or_null(task, session->journey_id));
    json_set(out, STR("created_at"), time_node(task, session->created_ms));
    json_set(out, STR("last_activity"), time_node(task, session->last_activity_ms));
    json_set(out, STR("expires_at"), time_node(task, session->expires_ms));
    json_set(out, STR("position"), int_or_null(task, session->position, -1));
    json_set(out, STR("steps_added"), json_new_int(task->arena, session->steps_added));
    json_set(out, STR("status"),
             json_new_string(task->arena, str_from(status_name(session->status))));
    json_set(out, STR("current"), json_new_bool(task->arena, session->is_current));
    json_set(out, STR("timeout"), json_new_int(task->arena, session->timeout_s));
    if (session->metadata.len == 0 ||
        json_parse(task->arena, session->metadata, &limits, &metadata, NULL) != ERR_OK) {
        metadata = json_new_object(task->arena);
    }
    json_set(out, STR("metadata"), metadata);
    return out;
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

static void take_text(const struct json *body, const char *member, struct str *value,
                      const struct str **out)
{
    if (json_get(body, member) != NULL) {
        *value = json_str(json_get(body, member));
        *out = value;
    }
}

static enum session_status status_of(struct str word)
{
    return str_is(word, "paused") ? SESSION_PAUSED : SESSION_ACTIVE;
}

static void take_status(const struct json *body, struct patch_values *values)
{
    if (json_get(body, "status") != NULL) {
        values->status = status_of(json_str(json_get(body, "status")));
        values->patch.status = &values->status;
    }
}

static void take_numbers(const struct json *body, struct patch_values *values)
{
    int64_t timeout;

    if (str_to_i64(json_str(json_get(body, "checkpoint_id")), 0, INT64_MAX,
                   &values->checkpoint_id)) {
        values->patch.checkpoint_id = &values->checkpoint_id;
    }
    if (str_to_i64(json_str(json_get(body, "journey_id")), 0, INT64_MAX, &values->journey_id)) {
        values->patch.journey_id = &values->journey_id;
    }
    if (json_to_i64(json_get(body, "position"), &values->position)) {
        values->patch.position = &values->position;
    }
    if (json_to_i64(json_get(body, "timeout"), &timeout)) {
        values->timeout_s = (unsigned)timeout;
        values->patch.timeout_s = &values->timeout_s;
    }
}

static bool is_null(const struct task *task, const char *member)
{
    const struct json *value = json_get(task->body, member);

    return value != NULL && json_type(value) == JSON_NULL;
}

/* A null removes the value: the checkpoint, the journey, a text, or the position, which is then counted
 * again. */
static void take_nulls(const struct task *task, struct patch_values *values)
{
    const struct {
        const char *member;
        struct str *value;
        const struct str **patch;
    } texts[] = {{"name", &values->name, &values->patch.name},
                 {"description", &values->description, &values->patch.description},
                 {"metadata", &values->metadata, &values->patch.metadata}};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (is_null(task, texts[i].member)) {
            *texts[i].value = STR_EMPTY;
            *texts[i].patch = texts[i].value;
        }
    }
    if (is_null(task, "position")) {
        values->position = -1;
        values->patch.position = &values->position;
    }
    if (is_null(task, "journey_id")) {
        values->journey_id = 0;
        values->patch.journey_id = &values->journey_id;
    }
    if (is_null(task, "checkpoint_id")) {
        values->checkpoint_id = 0;
        values->patch.checkpoint_id = &values->checkpoint_id;
    }
}

/* False: task->errors says why. */
static bool read_patch(struct task *task, const struct member *members, struct patch_values *out)
{
    const struct json *body =
        members_check(task->arena, task->body, members, "", task_errors(task));

    *out = (struct patch_values){0};
    take_text(body, "name", &out->name, &out->patch.name);
    take_text(body, "description", &out->description, &out->patch.description);
    if (json_get(body, "metadata") != NULL) {
        out->metadata = json_text(task->arena, json_get(body, "metadata"));
        out->patch.metadata = &out->metadata;
    }
    if (out->metadata.len > METADATA_MAX) {
        (void)error_at(error_list_add(task_errors(task)), ERR_INVALID, "/metadata",
                       "metadata must not be longer than %d bytes", METADATA_MAX);
    }
    take_numbers(body, out);
    take_nulls(task, out);
    take_status(body, out);
    return task->errors->n == 0;
}

static struct session_store *store_of(const struct task *task)
{
    return task->api->options.sessions;
}

static enum stage_verdict reply_session(struct task *task, int status,
                                        const struct session *session)
{
    return task_reply_json(task, status, session_json(task, session));
}

/* Sessions live here: nothing goes to the platform for them. */
static enum stage_verdict dry_run_with(struct task *task)
{
    struct session session;

    return session_load(store_of(task), &task->principal.owner, task_param(task, "id"), task->arena,
                        &session, &task->error) == ERR_OK
               ? task_reply_nothing_sent(task)
               : task_fail(task);
}

static bool is_shared(const struct task *task)
{
    return session_is_shared(store_of(task));
}

static enum stage_verdict reply_created(struct task *task)
{
    struct session session;

    if (session_load(store_of(task), &task->principal.owner, task->exchange->notes.session,
                     task->arena, &session, &task->error) != ERR_OK) {
        return task_fail(task);
    }
    task_set_location(task,
                      arena_printf(task->arena, "/api/v1/sessions/%.*s", STR_ARG(session.id)));
    return reply_session(task, 201, &session);
}

static enum stage_verdict share_created(struct task *task)
{
    struct session_seat *seat = session_seat_of(task);

    session_use_create(store_of(task), &task->principal.owner, task->exchange->notes.session,
                       &seat->use, session_seat_on_done);
    return session_seat_wait(seat, reply_created);
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
    return is_shared(task) ? share_created(task) : reply_created(task);
}

enum stage_verdict handle_session_get(struct task *task)
{
    struct session session;

    if (session_load(store_of(task), &task->principal.owner, task_param(task, "id"), task->arena,
                     &session, &task->error) != ERR_OK) {
        return task_fail(task);
    }
    return reply_session(task, 200, &session);
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
    if (is_shared(task)) {
        session_use_save(&session_seat_of(task)->use, session_seat_on_done);
        return session_seat_wait(session_seat_of(task), handle_session_get);
    }
    return handle_session_get(task);
}

static enum stage_verdict reply_deleted(struct task *task)
{
    return task_reply(task, 204, NULL, STR_EMPTY);
}

enum stage_verdict handle_session_delete(struct task *task)
{
    struct session session;

    if (task->dry_run) {
        return dry_run_with(task);
    }
    if (session_load(store_of(task), &task->principal.owner, task_param(task, "id"), task->arena,
                     &session, &task->error) != ERR_OK) {
        return task_fail(task);
    }
    if (is_shared(task)) {
        session_use_remove(&session_seat_of(task)->use, session_seat_on_done);
        return session_seat_wait(session_seat_of(task), reply_deleted);
    }
    if (session_delete(store_of(task), &task->principal.owner, task_param(task, "id"),
                       &task->error) != ERR_OK) {
        return task_fail(task);
    }
    return reply_deleted(task);
}

static enum stage_verdict activate_here(struct task *task)
{
    struct session session;

    if (session_activate(store_of(task), &task->principal.owner, task_param(task, "id"),
                         task->arena, &session, &task->error) != ERR_OK) {
        return task_fail(task);
    }
    return reply_session(task, 200, &session);
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
    if (session_load(store_of(task), &task->principal.owner, task_param(task, "id"), task->arena,
                     &session, &task->error) != ERR_OK) {
        return task_fail(task);
    }
    session_use_activate(&session_seat_of(task)->use, session_seat_on_done);
    return session_seat_wait(session_seat_of(task), activate_here);
}

static enum stage_verdict reply_shared_current(struct task *task)
{
    struct str id = str_from(session_seat_of(task)->use.current);
    struct session session;

    if (id.len == 0 || session_load(store_of(task), &task->principal.owner, id, task->arena,
                                    &session, &task->error) != ERR_OK) {
        (void)session_has_no_current(&task->error);
        return task_fail(task);
    }
    return reply_session(task, 200, &session);
}

static enum stage_verdict reply_current(struct task *task)
{
    struct session session;

    if (session_current(store_of(task), &task->principal.owner, task->arena, &session,
                        &task->error) != ERR_OK) {
        return task_fail(task);
    }
    return reply_session(task, 200, &session);
}

enum stage_verdict handle_session_current(struct task *task)
{
    struct session_seat *seat;

    if (!is_shared(task)) {
        return reply_current(task);
    }
    seat = session_seat_of(task);
    session_use_current(store_of(task), &task->principal.owner, &seat->use, session_seat_on_done);
    return session_seat_wait(seat, reply_shared_current);
}

struct listing {
    struct session_filter filter;
    enum session_status status;
    struct session *sessions;
    size_t n;
    size_t total;
};

static struct listing *listing_new(struct task *task)
{
    struct listing *listing = arena_zalloc(task->arena, sizeof(*listing));

    listing->status = status_of(task_query_text(task, "status"));
    listing->filter.status = task_query(task, "status") != NULL ? &listing->status : NULL;
    listing->filter.limit = (size_t)task_query_number(task, "limit", LIMIT_DEFAULT);
    listing->filter.offset = (size_t)task_query_number(task, "offset", 0);
    return listing;
}

static enum stage_verdict reply_listing(struct task *task, const struct listing *listing)
{
    struct json *body = json_new_object(task->arena);
    struct json *list = json_new_array(task->arena);

    for (size_t i = 0; i < listing->n; i++) {
        json_append(list, session_json(task, &listing->sessions[i]));
    }
    json_set(body, STR("sessions"), list);
    json_set(body, STR("total"), json_new_int(task->arena, (int64_t)listing->total));
    json_set(body, STR("limit"), json_new_int(task->arena, (int64_t)listing->filter.limit));
    json_set(body, STR("offset"), json_new_int(task->arena, (int64_t)listing->filter.offset));
    return task_reply_json(task, 200, body);
}

static enum stage_verdict reply_shared_listing(struct task *task)
{
    const struct session_use *use = &session_seat_of(task)->use;
    struct listing *listing = task->state;

    listing->sessions = use->sessions;
    listing->n = use->n_sessions;
    listing->total = use->n_total;
    return reply_listing(task, listing);
}

enum stage_verdict handle_session_list(struct task *task)
{
    struct listing *listing = listing_new(task);
    struct session_seat *seat;

    if (is_shared(task)) {
        seat = session_seat_of(task);
        task->state = listing;
        session_use_list(store_of(task), &task->principal.owner, &listing->filter, task->arena,
                         &seat->use, session_seat_on_done);
        return session_seat_wait(seat, reply_shared_listing);
    }
    listing->n = session_list(store_of(task), &task->principal.owner, &listing->filter, task->arena,
                              &listing->sessions, &listing->total);
    return reply_listing(task, listing);
}
