/* Faults that tests order: the first that matches a request and has times left is met. */
#include "sandbox_internal.h"

#include "base/mem.h"
#include "base/random.h"

enum { MAX_DELAY_MS = 600000, MAX_FAULT_BYTES = 256 * 1024 * 1024 };

void faults_init(struct faults *faults, uint64_t seed)
{
    *faults = (struct faults){.random = seed};
    list_init(&faults->items);
    while (faults->random == 0) {
        faults->random = random_u64();
    }
}

static void fault_free(struct faults *faults, struct fault *fault)
{
    list_remove(&fault->link);
    faults->n--;
    faults->bytes -= fault->body.len;
    mem_free(fault->texts);
    mem_free(fault);
}

void faults_done(struct faults *faults)
{
    struct list *link;

    while ((link = list_first(&faults->items)) != NULL) {
        fault_free(faults, CONTAINER_OF(link, struct fault, link));
    }
}

/* [0, 1); xorshift64, so that a seed repeats a run. */
static double next_random(struct faults *faults)
{
    faults->random ^= faults->random << 13;
    faults->random ^= faults->random >> 7;
    faults->random ^= faults->random << 17;
    return (double)(faults->random >> 11) / 9007199254740992.0; /* 2^53 */
}

/* Does `path` begin with `pattern`? '*' stands for any bytes. The usual two-pointer walk: on a
 * mismatch the last star takes one byte more. */
static bool path_matches(struct str path, struct str pattern)
{
    size_t at = 0;
    size_t p = 0;
    size_t star = SIZE_MAX;
    size_t star_at = 0;

    while (p < pattern.len) {
        if (pattern.ptr[p] == '*') {
            star = p++;
            star_at = at;
        } else if (at < path.len && pattern.ptr[p] == path.ptr[at]) {
            p++;
            at++;
        } else if (star != SIZE_MAX && star_at < path.len) {
            p = star + 1;
            at = ++star_at;
        } else {
            return false;
        }
    }
    return true;
}

static bool matches(const struct fault *fault, struct str method, struct str path)
{
    return (str_is(fault->method, "*") || str_eq(fault->method, method)) &&
           path_matches(path, fault->path);
}

const struct fault *faults_take(struct faults *faults, struct str method, struct str path)
{
    struct list *link;

    LIST_FOREACH (link, &faults->items) {
        struct fault *fault = CONTAINER_OF(link, struct fault, link);

        if (fault->times == 0 || !matches(fault, method, path)) {
            continue;
        }
        if (fault->skip > 0) {
            fault->skip--;
            continue;
        }
        if (fault->probability < 1.0 && next_random(faults) >= fault->probability) {
            continue;
        }
        fault->times -= fault->times > 0 ? 1 : 0;
        fault->n_hits++;
        return fault; /* spent ones stay until cleared: n_hits can be asked for */
    }
    return NULL;
}

static const char *const close_names[] = {[SANDBOX_CLOSE_NOT] = NULL,
                                          [SANDBOX_CLOSE_BEFORE] = "before",
                                          [SANDBOX_CLOSE_MID] = "mid",
                                          [SANDBOX_CLOSE_AFTER] = "after"};

static void write_fault(struct json_writer *w, const struct fault *fault)
{
    jw_object(w);
    jw_kv_int(w, "id", fault->id);
    jw_kv_str(w, "method", fault->method);
    jw_kv_str(w, "path", fault->path);
    jw_kv_int(w, "times", fault->times);
    jw_kv_int(w, "skip", fault->skip);
    jw_kv_int(w, "hits", fault->n_hits);
    jw_kv_int(w, "status", fault->status);
    jw_kv_int(w, "delay_ms", (int64_t)fault->delay_ms);
    jw_kv_text(w, "close", close_names[fault->close_at]);
    jw_end(w);
}

/* An optional whole number; false: there, but not in [min, max]. */
static bool take_number(const struct json *given, const char *name, int64_t min, int64_t max,
                        int64_t *value)
{
    const struct json *node = json_get(given, name);
    int64_t number;

    if (json_type(node) == JSON_NULL) {
        return true;
    }
    if (!json_to_i64(node, &number) || number < min || number > max) {
        return false;
    }
    *value = number;
    return true;
}

static bool take_close(const struct json *given, enum sandbox_close_at *close_at)
{
    struct str name = json_str(json_get(given, "close"));

    if (json_type(json_get(given, "close")) == JSON_NULL) {
        return true;
    }
    for (int i = (int)SANDBOX_CLOSE_BEFORE; i <= (int)SANDBOX_CLOSE_AFTER; i++) {
        if (str_is(name, close_names[i])) {
            *close_at = (enum sandbox_close_at)i;
            return true;
        }
    }
    return false;
}

static bool take_numbers(const struct json *given, struct fault *fault)
{
    const struct json *probability = json_get(given, "probability");
    int64_t status = 0;
    int64_t delay_ms = 0;
    int64_t retry_after = 0;

    fault->times = 1;
    fault->probability = json_type(probability) == JSON_NUMBER ? json_double(probability) : 1.0;
    if (!take_number(given, "times", -1, INT64_MAX, &fault->times) ||
        !take_number(given, "skip", 0, INT64_MAX, &fault->skip) ||
        !take_number(given, "status", 200, 599, &status) ||
        !take_number(given, "delay_ms", 0, MAX_DELAY_MS, &delay_ms) ||
        !take_number(given, "retry_after", 0, 86400, &retry_after)) {
        return false;
    }
    fault->status = (int)status;
    fault->delay_ms = (uint64_t)delay_ms;
    fault->retry_after_s = (unsigned)retry_after;
    return true;
}

/* The texts of a fault, one after the other in one allocation. */
static struct str put_text(struct fault *fault, size_t *used, struct str text)
{
    struct str put = {fault->texts + *used, text.len};

    for (size_t i = 0; i < text.len; i++) {
        fault->texts[*used + i] = text.ptr[i];
    }
    fault->texts[*used + text.len] = '\0';
    *used += text.len + 1;
    return put;
}

static void take_texts(struct call *call, struct fault *fault, const struct json *given)
{
    const struct json *body_node = json_get(given, "body");
    struct str match = json_str(json_get(given, "match"));
    struct str type = json_str(json_get(given, "content_type"));
    struct str method;
    struct str path;
    struct str body = STR_EMPTY;
    size_t used = 0;

    if (!str_cut(str_trim(match), ' ', &method, &path)) {
        /* One word: a path, or "*" for everything. */
        path = str_starts(method, STR("/")) ? method : STR("/");
        method = str_starts(method, STR("/")) || method.len == 0 ? STR("*") : method;
    }
    path = str_trim(path);
    if (json_type(body_node) == JSON_STRING) {
        body = json_str(body_node);
    } else if (body_node != NULL) {
        body = json_text(call->arena, body_node);
    }
    if (type.len == 0) {
        type = STR("application/json");
    }
    fault->has_body = body_node != NULL;
    fault->texts = mem_alloc(method.len + path.len + body.len + type.len + 4);
    fault->method = put_text(fault, &used, method);
    fault->path = put_text(fault, &used, path);
    fault->body = put_text(fault, &used, body);
    fault->content_type = put_text(fault, &used, type).ptr;
}

static bool add_one(struct call *call, const struct json *given, const struct fault **out)
{
    struct faults *faults = &call->state->faults;
    struct fault parsed = {0};
    struct fault *fault;

    if (json_type(given) != JSON_OBJECT || faults->n >= call->state->options.max_faults ||
        faults->bytes > MAX_FAULT_BYTES || !take_numbers(given, &parsed) ||
        !take_close(given, &parsed.close_at)) {
        return false;
    }
    parsed.acts = json_true(json_get(given, "act"));
    fault = mem_zalloc(sizeof(*fault));
    *fault = parsed;
    take_texts(call, fault, given);
    faults->last_id++;
    fault->id = faults->last_id;
    list_append(&faults->items, &fault->link);
    faults->n++;
    faults->bytes += fault->body.len;
    *out = fault;
    return true;
}

int handle_faults_add(struct call *call)
{
    const struct json *given = call->body;
    const struct json *item;
    const struct fault *fault = NULL;

    if (json_type(given) != JSON_ARRAY) {
        if (!add_one(call, given, &fault)) {
            return refuse(call, 400, "This is no fault: see src/sandbox/README.md");
        }
        write_fault(call->w, fault);
        return 200;
    }
    jw_array(call->w);
    JSON_FOREACH (item, given) {
        if (!add_one(call, item, &fault)) {
            return refuse(call, 400, "One of these is no fault: see src/sandbox/README.md");
        }
        write_fault(call->w, fault);
    }
    jw_end(call->w);
    return 200;
}

int handle_faults_list(struct call *call)
{
    struct list *link;

    jw_array(call->w);
    LIST_FOREACH (link, &call->state->faults.items) {
        write_fault(call->w, CONTAINER_OF(link, struct fault, link));
    }
    jw_end(call->w);
    return 200;
}

int handle_faults_clear(struct call *call)
{
    faults_done(&call->state->faults);
    return 204;
}
