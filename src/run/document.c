/* The document of a run: what was asked for, in members whose names are those of struct run_request and
 * run_publication, and what the configuration added to it. */
#include "base/json_form.h"
#include "share_internal.h"

size_t run_keys_of(const struct run_store *store, struct digest out[RUN_KEYS_MAX])
{
    return store->options.keys != NULL ? store->options.keys(store->options.context, out) : 0;
}

#define TEXT(member)                                                                               \
    {                                                                                              \
#member, offsetof(struct run_request, member)                                              \
    }

static const struct {
    const char *name;
    size_t at;
} texts[] = {TEXT(project_id),  TEXT(project),      TEXT(goal_id),       TEXT(goal),
             TEXT(snapshot_id), TEXT(journey_id),   TEXT(journey),       TEXT(checkpoint_id),
             TEXT(checkpoint),  TEXT(starting_url), TEXT(environment_id)};

static struct str *text_at(struct run_request *request, size_t at)
{
    return (struct str *)(void *)((char *)request + at);
}

static void write_request(struct json_writer *w, const struct run_request *request)
{
    jw_shape(w, "request:{");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        jw_kv_str(w, texts[i].name, *text_at(unconst(request), texts[i].at));
    }
    jw_form(w, "retries:%i, tags:[", request->retries);
    for (size_t i = 0; i < request->n_tags; i++) {
        jw_str(w, request->tags[i]);
    }
    jw_form(w, "], test:%i, from:%i, attach:%b, execute:%b, wait:%b", request->test, request->from,
            request->attach, request->execute, request->wait);
    if (request->continue_on_error != NULL) {
        jw_kv_bool(w, "continue_on_error", *request->continue_on_error);
    }
    jw_form(w, "position:%i}", request->position);
}

void run_document_write(struct buf *out, const struct run_log *log,
                        const struct run_publication *what)
{
    const struct run *run = log->run;
    struct json_writer w;
    char hex[65];

    jw_init(&w, out);
    jw_object(&w);
    jw_form(&w,
            "engine:%i, created_ms:%i, owner:%s, id:%s, sealed:%b, deadline_ms:%i, "
            "request_id:%s, session_id:%s, session_checkpoint:%i, has_bearer:%b",
            RUN_ENGINE, run->created_ms, digest_hex(&run->owner, hex), run->id, log->seals,
            what->deadline_ms, what->request_id, what->session_id, what->session_checkpoint,
            what->has_bearer);
    jw_form(&w, "waits:%b", what->waits);
    write_request(&w, what->request);
    jw_form(&w, "ground:{project:%s, organization_id:%s, links:%b}}", run->ground.project,
            run->ground.organization_id, run->ground.links);
}

/* --- read; texts lie in the arena */

static void read_request(struct arena *arena, const struct json *json, struct run_document *out)
{
    struct run_request *request = &out->request;
    const struct json *tags = json_get(json, "tags");
    const struct json *go_on = json_get(json, "continue_on_error");
    struct str *tag = arena_calloc(arena, json_size(tags), sizeof(*tag));
    const struct json *item;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *text_at(request, texts[i].at) = json_str(json_get(json, texts[i].name));
    }
    request->tags = tag;
    request->n_tags = json_size(tags);
    JSON_FOREACH (item, tags) {
        *tag++ = json_str(item);
    }
    request->retries = (unsigned)json_get_int(json, "retries", 0);
    request->test = (unsigned)json_get_int(json, "test", 0);
    request->from = (unsigned)json_get_int(json, "from", 0);
    request->attach = json_true(json_get(json, "attach"));
    request->execute = json_true(json_get(json, "execute"));
    request->wait = json_true(json_get(json, "wait"));
    request->position = json_get_int(json, "position", 0);
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
    *out = (struct run_document){.created_ms = json_get_int(json, "created_ms", 0),
                                 .deadline_ms = json_get_int(json, "deadline_ms", 0),
                                 .request_id = json_str(json_get(json, "request_id")),
                                 .session_id = json_str(json_get(json, "session_id")),
                                 .session_checkpoint = json_get_int(json, "session_checkpoint", 0),
                                 .has_bearer = json_true(json_get(json, "has_bearer")),
                                 .sealed = json_true(json_get(json, "sealed")),
                                 .waits = json_true(json_get(json, "waits"))};
    if (json_get_int(json, "engine", 0) > RUN_ENGINE) {
        return "a newer version of the program has written it";
    }
    if (json_get_int(json, "engine", 0) < RUN_ENGINE_MIN) {
        return "a version of the program has written it that is too old to be gone on from";
    }
    read_request(arena, json_get(json, "request"), out);
    read_ground(json_get(json, "ground"), &out->ground);
    out->n_keys = run_keys_of(store, out->keys);
    return digest_from_hex(json_str(json_get(json, "owner")), &out->owner) && out->created_ms > 0
               ? NULL
               : "it is not of this program";
}
