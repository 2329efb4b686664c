/* The document of a run: what was asked for, in members whose names are those of struct run_request,
 * testfile_options and run_publication. */
#include "share_internal.h"

static void write_request(struct json_writer *w, const struct run_request *request)
{
    jw_key(w, "request");
    jw_object(w);
    jw_kv_str(w, "project_id", request->project_id);
    jw_kv_str(w, "project", request->project);
    jw_kv_str(w, "goal_id", request->goal_id);
    jw_kv_str(w, "goal", request->goal);
    jw_kv_str(w, "snapshot_id", request->snapshot_id);
    jw_kv_str(w, "journey_id", request->journey_id);
    jw_kv_str(w, "journey", request->journey);
    jw_kv_str(w, "checkpoint_id", request->checkpoint_id);
    jw_kv_str(w, "checkpoint", request->checkpoint);
    jw_kv_str(w, "starting_url", request->starting_url);
    jw_kv_str(w, "environment_id", request->environment_id);
    jw_kv_int(w, "retries", request->retries);
    jw_key(w, "tags");
    jw_array(w);
    for (size_t i = 0; i < request->n_tags; i++) {
        jw_str(w, request->tags[i]);
    }
    jw_end(w);
    jw_kv_int(w, "test", request->test);
    jw_kv_int(w, "from", request->from);
    jw_kv_bool(w, "attach", request->attach);
    jw_kv_bool(w, "execute", request->execute);
    jw_kv_bool(w, "wait", request->wait);
    if (request->continue_on_error != NULL) {
        jw_kv_bool(w, "continue_on_error", *request->continue_on_error);
    }
    jw_kv_int(w, "position", request->position);
    jw_end(w);
}

static void write_options(struct json_writer *w, const struct testfile_options *options)
{
    jw_key(w, "options");
    jw_object(w);
    jw_kv_str(w, "file", options->file);
    jw_kv_int(w, "kind", options->kind);
    jw_kv_str(w, "timestamp", options->timestamp);
    jw_kv_str(w, "random", options->random);
    jw_kv_str(w, "uuid", options->uuid);
    jw_kv_bool(w, "lenient", options->lenient);
    jw_key(w, "variables");
    jw_array(w);
    for (size_t i = 0; i < options->n_variables; i++) {
        jw_str(w, options->variables[i].name);
        jw_str(w, options->variables[i].value);
    }
    jw_end(w);
    jw_end(w);
}

void run_document_write(struct buf *out, const struct run *run, const struct run_publication *what)
{
    struct json_writer w;
    char owner[65];

    jw_init(&w, out);
    jw_object(&w);
    digest_hex(&run->owner, owner);
    jw_kv_int(&w, "created_ms", run->created_ms);
    jw_kv_text(&w, "owner", owner);
    jw_kv_text(&w, "id", run->id);
    jw_kv_int(&w, "bytes", (int64_t)what->source.len);
    jw_kv_int(&w, "deadline_ms", (int64_t)what->deadline_ms);
    jw_kv_str(&w, "request_id", what->request_id);
    jw_kv_str(&w, "session_id", what->session_id);
    jw_kv_int(&w, "session_checkpoint", what->session_checkpoint);
    jw_kv_bool(&w, "has_bearer", what->has_bearer);
    jw_kv_bool(&w, "waits", what->waits);
    write_request(&w, what->request);
    write_options(&w, what->options);
    jw_end(&w);
}

/* --- read; texts lie in the arena */

static int64_t number_of(const struct json *json, const char *name)
{
    int64_t number;

    return json_to_i64(json_get(json, name), &number) ? number : 0;
}

static void read_request(struct arena *arena, const struct json *json, struct run_document *out)
{
    struct run_request *request = &out->request;

    const struct {
        const char *name;
        struct str *text;
    } texts[] = {
        {"project_id", &request->project_id},
        {"project", &request->project},
        {"goal_id", &request->goal_id},
        {"goal", &request->goal},
        {"snapshot_id", &request->snapshot_id},
        {"journey_id", &request->journey_id},
        {"journey", &request->journey},
        {"checkpoint_id", &request->checkpoint_id},
        {"checkpoint", &request->checkpoint},
        {"starting_url", &request->starting_url},
        {"environment_id", &request->environment_id},
    };
    const struct json *tags = json_get(json, "tags");
    const struct json *go_on = json_get(json, "continue_on_error");
    struct str *tag = arena_calloc(arena, json_size(tags), sizeof(*tag));
    const struct json *item;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i].text = json_str(json_get(json, texts[i].name));
    }
    request->tags = tag;
    request->n_tags = json_size(tags);
    JSON_FOREACH (item, tags) {
        *tag++ = json_str(item);
    }
    request->retries = (unsigned)number_of(json, "retries");
    request->test = (unsigned)number_of(json, "test");
    request->from = (unsigned)number_of(json, "from");
    request->attach = json_true(json_get(json, "attach"));
    request->execute = json_true(json_get(json, "execute"));
    request->wait = json_true(json_get(json, "wait"));
    request->position = number_of(json, "position");
    out->continue_on_error = json_true(go_on);
    request->continue_on_error = go_on != NULL ? &out->continue_on_error : NULL;
}

static void read_options(struct arena *arena, const struct json *json, struct testfile_options *out)
{
    const struct json *list = json_get(json, "variables");
    const struct json *item = json_first(list);
    struct testfile_variable *variables =
        arena_calloc(arena, json_size(list) / 2, sizeof(*variables));

    out->file = json_str(json_get(json, "file"));
    out->kind = (enum testfile_kind)number_of(json, "kind");
    out->timestamp = json_str(json_get(json, "timestamp"));
    out->random = json_str(json_get(json, "random"));
    out->uuid = json_str(json_get(json, "uuid"));
    out->lenient = json_true(json_get(json, "lenient"));
    out->variables = variables;
    out->n_variables = json_size(list) / 2;
    for (size_t i = 0; i < out->n_variables; i++) {
        variables[i].name = json_str(item);
        item = json_next(item);
        variables[i].value = json_str(item);
        item = json_next(item);
    }
}

bool run_document_read(struct arena *arena, struct str text, struct run_document *out)
{
    struct error ignored = {0};
    struct json *json = NULL;

    if (json_parse(arena, text, &json_of_ours, &json, &ignored) != ERR_OK) {
        return false;
    }
    *out = (struct run_document){.created_ms = number_of(json, "created_ms"),
                                 .n_bytes = (size_t)number_of(json, "bytes"),
                                 .deadline_ms = number_of(json, "deadline_ms"),
                                 .request_id = json_str(json_get(json, "request_id")),
                                 .session_id = json_str(json_get(json, "session_id")),
                                 .session_checkpoint = number_of(json, "session_checkpoint"),
                                 .has_bearer = json_true(json_get(json, "has_bearer")),
                                 .waits = json_true(json_get(json, "waits"))};
    read_request(arena, json_get(json, "request"), out);
    read_options(arena, json_get(json, "options"), &out->options);
    return digest_from_hex(json_str(json_get(json, "owner")), &out->owner) && out->n_bytes > 0 &&
           out->n_bytes <= TESTFILE_MAX_BYTES && out->created_ms > 0;
}
