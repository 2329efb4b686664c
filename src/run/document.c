/* The document of a run: what was asked for, in members whose names are those of struct run_request,
 * testfile_options and run_publication. Values of variables may be secrets: they are sealed for the processes that
 * have the account's token, or left out where there is none. */
#include "crypto/seal.h"
#include "share_internal.h"

/* Much more than a document may have: then that one is too long. */
enum { VARIABLES_BYTES = 16 * 1024 * 1024 };

/* What stands for a value that was left out. */
#define HIDDEN_VALUE "***"

static size_t keys_of(const struct run_store *store, struct digest keys[RUN_KEYS_MAX])
{
    return store->options.keys != NULL ? store->options.keys(store->options.context, keys) : 0;
}

/* Of the steps that came out of the file; who has no key learns nothing from it. */
static void rows_digest(const struct run *run, const struct digest *key, struct digest *out)
{
    digest_hmac(key != NULL ? digest_view(key) : STR_EMPTY, digest_view(&run->resolved), out);
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
    jw_end(w);
}

/* [name, value, name, value, ...] */
static void list_variables(struct json_writer *w, const struct testfile_options *options,
                           bool hidden)
{
    jw_array(w);
    for (size_t i = 0; i < options->n_variables; i++) {
        jw_str(w, options->variables[i].name);
        jw_str(w, hidden ? STR(HIDDEN_VALUE) : options->variables[i].value);
    }
    jw_end(w);
}

static void write_variables(struct json_writer *w, const struct run *run,
                            const struct testfile_options *options, const struct digest *key)
{
    struct json_writer inner;
    struct buf text, sealed;

    if (key == NULL) {
        jw_kv_bool(w, "hidden", options->n_variables > 0);
        jw_key(w, "variables");
        list_variables(w, options, true);
        return;
    }
    buf_init(&text, VARIABLES_BYTES);
    buf_init(&sealed, (size_t)2 * VARIABLES_BYTES);
    jw_init(&inner, &text);
    list_variables(&inner, options, false);
    seal_write(key, str_from(run->id), buf_view(&text), &sealed);
    jw_kv_str(w, "sealed", buf_view(&sealed));
    buf_done(&text);
    buf_done(&sealed);
}

void run_document_write(struct buf *out, const struct run *run, const struct run_publication *what)
{
    struct json_writer w;
    struct digest keys[RUN_KEYS_MAX];
    const struct digest *key = keys_of(run->store, keys) > 0 ? &keys[0] : NULL;
    struct digest rows;
    char hex[65];

    jw_init(&w, out);
    jw_object(&w);
    digest_hex(&run->owner, hex);
    jw_kv_int(&w, "engine", RUN_ENGINE);
    jw_kv_int(&w, "created_ms", run->created_ms);
    jw_kv_text(&w, "owner", hex);
    rows_digest(run, key, &rows);
    digest_hex(&rows, hex);
    jw_kv_text(&w, "rows", hex);
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
    write_variables(&w, run, what->options, key);
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

static void read_options(const struct json *json, struct testfile_options *out)
{
    out->file = json_str(json_get(json, "file"));
    out->kind = (enum testfile_kind)number_of(json, "kind");
    out->timestamp = json_str(json_get(json, "timestamp"));
    out->random = json_str(json_get(json, "random"));
    out->uuid = json_str(json_get(json, "uuid"));
    out->lenient = json_true(json_get(json, "lenient"));
}

static void take_variables(struct arena *arena, const struct json *list,
                           struct testfile_options *out)
{
    const struct json *item = json_first(list);
    struct testfile_variable *variables =
        arena_calloc(arena, json_size(list) / 2, sizeof(*variables));

    out->variables = variables;
    out->n_variables = json_size(list) / 2;
    for (size_t i = 0; i < out->n_variables; i++) {
        variables[i].name = json_str(item);
        item = json_next(item);
        variables[i].value = json_str(item);
        item = json_next(item);
    }
}

/* False: none of our keys opens them. */
static bool read_variables(const struct run_store *store, struct arena *arena,
                           const struct json *json, struct run_document *out)
{
    struct str id = json_str(json_get(json, "id"));
    struct str sealed = json_str(json_get(json, "sealed"));
    struct digest keys[RUN_KEYS_MAX];
    size_t n = keys_of(store, keys);
    struct json *list = NULL;
    struct str text;

    out->hides = json_true(json_get(json, "hidden"));
    if (sealed.len == 0) {
        take_variables(arena, json_get(json, "variables"), &out->options);
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (seal_read(arena, &keys[i], id, sealed, &text) &&
            json_parse(arena, text, &json_of_ours, &list, NULL) == ERR_OK) {
            out->key = keys[i];
            out->has_key = true;
            take_variables(arena, list, &out->options);
            return true;
        }
    }
    return false;
}

bool run_document_fits(const struct run_document *document, const struct run *run)
{
    struct digest rows;

    rows_digest(run, document->has_key ? &document->key : NULL, &rows);
    return document->hides || digest_equal(&rows, &document->rows);
}

const char *run_document_read(const struct run_store *store, struct arena *arena, struct str text,
                              struct run_document *out)
{
    struct error ignored = {0};
    struct json *json = NULL;

    if (json_parse(arena, text, &json_of_ours, &json, &ignored) != ERR_OK) {
        return "it is not of this program";
    }
    *out = (struct run_document){.created_ms = number_of(json, "created_ms"),
                                 .n_bytes = (size_t)number_of(json, "bytes"),
                                 .deadline_ms = number_of(json, "deadline_ms"),
                                 .request_id = json_str(json_get(json, "request_id")),
                                 .session_id = json_str(json_get(json, "session_id")),
                                 .session_checkpoint = number_of(json, "session_checkpoint"),
                                 .has_bearer = json_true(json_get(json, "has_bearer")),
                                 .waits = json_true(json_get(json, "waits"))};
    if (number_of(json, "engine") > RUN_ENGINE) {
        return "a newer version of the program has written it";
    }
    read_request(arena, json_get(json, "request"), out);
    read_options(json_get(json, "options"), &out->options);
    if (!digest_from_hex(json_str(json_get(json, "owner")), &out->owner) ||
        !digest_from_hex(json_str(json_get(json, "rows")), &out->rows) || out->n_bytes == 0 ||
        out->n_bytes > TESTFILE_MAX_BYTES || out->created_ms <= 0) {
        return "it is not of this program";
    }
    return read_variables(store, arena, json, out)
               ? NULL
               : "its variables are sealed for a platform token that this process does not have";
}
