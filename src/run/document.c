/* The document of a run: what was asked for, in members whose names are those of struct run_request and
 * run_publication, and what the configuration added to it. */
#include "share_internal.h"

size_t run_keys_of(const struct run_store *store, struct digest out[RUN_KEYS_MAX])
{
    return store->options.keys != NULL ? store->options.keys(store->options.context, out) : 0;
}

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

static void write_ground(struct json_writer *w, const struct run_ground *ground)
{
    jw_key(w, "ground");
    jw_object(w);
    jw_kv_str(w, "project", ground->project);
    jw_kv_str(w, "organization_id", ground->organization_id);
    jw_kv_bool(w, "links", ground->links);
    jw_end(w);
}

void run_document_write(struct buf *out, const struct run_log *log,
                        const struct run_publication *what)
{
    const struct run *run = log->run;
    struct json_writer w;
    char hex[65];

    jw_init(&w, out);
    jw_object(&w);
    digest_hex(&run->owner, hex);
    jw_kv_int(&w, "engine", RUN_ENGINE);
    jw_kv_int(&w, "created_ms", run->created_ms);
    jw_kv_text(&w, "owner", hex);
    jw_kv_text(&w, "id", run->id);
    jw_kv_bool(&w, "sealed", log->seals);
    jw_kv_int(&w, "deadline_ms", (int64_t)what->deadline_ms);
    jw_kv_str(&w, "request_id", what->request_id);
    jw_kv_str(&w, "session_id", what->session_id);
    jw_kv_int(&w, "session_checkpoint", what->session_checkpoint);
    jw_kv_bool(&w, "has_bearer", what->has_bearer);
    jw_kv_bool(&w, "waits", what->waits);
    write_request(&w, what->request);
    write_ground(&w, &run->ground);
    jw_end(&w);
}

/* --- read; texts lie in the arena */

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
    request->retries = (unsigned)record_number(json, "retries", 0);
    request->test = (unsigned)record_number(json, "test", 0);
    request->from = (unsigned)record_number(json, "from", 0);
    request->attach = json_true(json_get(json, "attach"));
    request->execute = json_true(json_get(json, "execute"));
    request->wait = json_true(json_get(json, "wait"));
    request->position = record_number(json, "position", 0);
    out->continue_on_error = json_true(go_on);
    request->continue_on_error = go_on != NULL ? &out->continue_on_error : NULL;
}

static void read_ground(const struct json *json, struct run_ground *out)
{
    out->project = json_str(json_get(json, "project"));
    out->organization_id = json_str(json_get(json, "organization_id"));
    out->links = json_true(json_get(json, "links"));
}

const char *run_document_read(const struct run_store *store, struct arena *arena, struct str text,
                              struct run_document *out)
{
    struct error ignored = {0};
    struct json *json = NULL;

    if (json_parse(arena, text, &json_of_ours, &json, &ignored) != ERR_OK) {
        return "it is not of this program";
    }
    *out = (struct run_document){.created_ms = record_number(json, "created_ms", 0),
                                 .deadline_ms = record_number(json, "deadline_ms", 0),
                                 .request_id = json_str(json_get(json, "request_id")),
                                 .session_id = json_str(json_get(json, "session_id")),
                                 .session_checkpoint = record_number(json, "session_checkpoint", 0),
                                 .has_bearer = json_true(json_get(json, "has_bearer")),
                                 .sealed = json_true(json_get(json, "sealed")),
                                 .waits = json_true(json_get(json, "waits"))};
    if (record_number(json, "engine", 0) > RUN_ENGINE) {
        return "a newer version of the program has written it";
    }
    if (record_number(json, "engine", 0) < RUN_ENGINE_MIN) {
        return "a version of the program has written it that is too old to be gone on from";
    }
    read_request(arena, json_get(json, "request"), out);
    read_ground(json_get(json, "ground"), &out->ground);
    out->n_keys = run_keys_of(store, out->keys);
    return digest_from_hex(json_str(json_get(json, "owner")), &out->owner) && out->created_ms > 0
               ? NULL
               : "it is not of this program";
}
