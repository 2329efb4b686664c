/* The body of a request as a tree. Long YAML is read in several turns of the loop; after any long body the next stage
 * begins in another turn. */
#include "api/gate/pieces.h"
#include "data/node.h"

/* 16,000 values: a batch of 500 with all that a command can have, 30 values each. */
enum {
    BODY_DEPTH = 32,
    BODY_NODES = 10000,
    COMMAND_NODES = 16000,
    LONG_BODY = 128 * 1024,
    PIECE_EVENTS = 2000 /* about a millisecond */
};

static bool is_one_of(struct str content_type, const char *const *types)
{
    struct str type;
    struct str parameters;

    (void)str_cut(content_type, ';', &type, &parameters);
    type = str_trim(type);
    for (; *types != NULL; types++) {
        if (str_is_nocase(type, *types)) {
            return true;
        }
    }
    return false;
}

static const char *const yaml_types[] = {"application/yaml", "application/x-yaml", "text/yaml",
                                         "text/x-yaml", NULL};

bool body_type_fits(enum body_kind kind, struct str type)
{
    static const char *const json[] = {"application/json", "text/json", NULL};
    static const char *const test[] = {"text/plain", "application/json", NULL};

    if (str_eq(type, STR("application/json"))) {
        return true; /* the usual one, which every such route takes */
    }
    if ((kind == BODY_TEST || kind == BODY_COMMAND) && is_one_of(type, yaml_types)) {
        return true;
    }
    return kind == BODY_TEST ? is_one_of(type, test)
                             : is_one_of(type, json) || str_ends(type, STR("+json"));
}

struct body_reading {
    struct pieces pieces;
    struct yaml_reading *yaml; /* NULL: it is JSON, and read */
    bool has_rested;
    struct node_stream stream;
};

static enum stage_verdict take(struct task *task, struct json *body)
{
    if (json_type(body) != JSON_OBJECT) {
        return task_refuse(task, ERR_INVALID,
                           "The body must be a JSON object: {\"name\": value, ...}");
    }
    task->body = body;
    return STAGE_CONTINUE;
}

static enum stage_verdict take_yaml(struct body_reading *reading)
{
    struct task *task = reading->pieces.task;
    enum error_code code = yaml_end(reading->yaml);

    if (code == ERR_OK && reading->stream.n_documents != 1) {
        code = error_set(&task->error, ERR_INVALID,
                         "The body must be one YAML document; this one has %zu",
                         reading->stream.n_documents);
    }
    if (code != ERR_OK) {
        return task_fail(task);
    }
    return take(task, node_to_json(task->arena, reading->stream.documents));
}

static bool read_on(struct pieces *pieces)
{
    struct body_reading *reading = CONTAINER_OF(pieces, struct body_reading, pieces);

    /* Work that is put off once still runs before the loop looks for events. Put off twice, it lets others go first. */
    if (!reading->has_rested) {
        reading->has_rested = true;
        return false;
    }
    return reading->yaml == NULL || yaml_go_on(reading->yaml, PIECE_EVENTS);
}

static enum stage_verdict read_done(struct pieces *pieces)
{
    struct body_reading *reading = CONTAINER_OF(pieces, struct body_reading, pieces);

    return reading->yaml != NULL ? take_yaml(reading) : STAGE_CONTINUE;
}

static void caller_left(struct pieces *pieces)
{
    struct body_reading *reading = CONTAINER_OF(pieces, struct body_reading, pieces);

    if (reading->yaml != NULL) {
        (void)!yaml_end(reading->yaml); /* given up: there is nobody to tell */
    }
}

static enum stage_verdict read_in_pieces(struct body_reading *reading, struct task *task)
{
    bool is_long = task->exchange->request.body.len > LONG_BODY;

    reading->pieces =
        (struct pieces){.task = task, .go_on = read_on, .then = read_done, .gone = caller_left};
    return pieces_begin(&reading->pieces, is_long ? 0 : SIZE_MAX);
}

enum stage_verdict body_read(struct task *task)
{
    enum body_kind kind = task->route->body;
    struct str text = task->exchange->request.body;
    struct json *body = NULL;
    enum stage_verdict verdict;
    const struct json_limits limits = {
        .max_depth = BODY_DEPTH, .max_nodes = kind == BODY_COMMAND ? COMMAND_NODES : BODY_NODES};

    if (kind != BODY_JSON && kind != BODY_OPTIONAL && kind != BODY_COMMAND) {
        return STAGE_CONTINUE;
    }
    if (str_trim(text).len == 0) {
        if (kind == BODY_OPTIONAL) {
            return STAGE_CONTINUE;
        }
        return task_refuse(task, ERR_BAD_JSON, "The body is empty; this route takes a JSON object");
    }
    if (kind == BODY_COMMAND &&
        is_one_of(exchange_header(task->exchange, "Content-Type"), yaml_types)) {
        struct body_reading *reading = arena_zalloc(task->arena, sizeof(*reading));

        reading->yaml =
            yaml_begin(task->arena, task->arena, text, NULL, &reading->stream, task_errors(task));
        return read_in_pieces(reading, task);
    }
    if (json_parse(task->arena, text, &limits, &body, &task->error) != ERR_OK) {
        return task_fail(task);
    }
    verdict = take(task, body);
    return verdict == STAGE_CONTINUE && text.len > LONG_BODY
               ? read_in_pieces(arena_zalloc(task->arena, sizeof(struct body_reading)), task)
               : verdict;
}
