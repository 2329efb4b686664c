/* Faults that tests order. A request meets the first fault that matches it and has times left. */
#include "sandbox_internal.h"

#include "base/mem.h"
#include "base/random.h"

enum { MAX_DELAY_MS = 600000, MAX_FAULT_BYTES = 256 * 1024 * 1024 };

/* Seeds that people choose are small numbers, whose first throws would be alike: the bits are
 * spread first (splitmix64). */
uint64_t dice_init(uint64_t seed)
{
    uint64_t dice = 0;

    while (dice == 0) {
        dice = (seed != 0 ? seed : random_u64()) + UINT64_C(0x9E3779B97F4A7C15);
        dice = (dice ^ (dice >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        dice = (dice ^ (dice >> 27)) * UINT64_C(0x94D049BB133111EB);
        dice ^= dice >> 31;
        seed += dice == 0 ? 1 : 0;
    }
    return dice;
}

/* xorshift64 */
double dice_throw(uint64_t *dice)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return (double)(*dice >> 11) / 9007199254740992.0; /* 2^53 */
}

void faults_init(struct faults *faults, uint64_t seed)
{
    *faults = (struct faults){.random = dice_init(seed)};
    list_init(&faults->items);
}

static void fault_free(struct faults *faults, struct fault *fault)
{
    list_remove(&fault->link);
    faults->n--;
    faults->bytes -= fault->body.len;
    mem_free(unconst(fault->method.ptr));
    mem_free(unconst(fault->path.ptr));
    mem_free(unconst(fault->body.ptr));
    mem_free(fault->content_type);
    mem_free(fault);
}

void faults_done(struct faults *faults)
{
    struct list *link;

    while ((link = list_first(&faults->items)) != NULL) {
        fault_free(faults, CONTAINER_OF(link, struct fault, link));
    }
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

const struct fault *faults_take(struct faults *faults, struct str method, struct str path)
{
    struct fault *fault;

    LIST_EACH (fault, &faults->items, link) {
        if (fault->times == 0 || faults->n_held < (uint64_t)fault->above ||
            !(str_is(fault->method, "*") || str_eq(fault->method, method)) ||
            !path_matches(path, fault->path)) {
            continue;
        }
        if (fault->skip > 0) {
            fault->skip--;
            continue;
        }
        if (fault->probability < 1.0 && dice_throw(&faults->random) >= fault->probability) {
            continue;
        }
        fault->times -= fault->times > 0 ? 1 : 0;
        fault->n_hits++;
        return fault; /* a used-up fault stays in the list, so that tests can read n_hits */
    }
    return NULL;
}

static const char *const close_names[] = {[SANDBOX_CLOSE_NOT] = NULL,
                                          [SANDBOX_CLOSE_BEFORE] = "before",
                                          [SANDBOX_CLOSE_MID] = "mid",
                                          [SANDBOX_CLOSE_AFTER] = "after"};

static void write_fault(struct json_writer *w, const struct fault *fault)
{
    jw_form(w,
            "{id:%i, method:%s, path:%s, times:%i, skip:%i, above:%i, hits:%i, status:%i, "
            "delay_ms:%i, close:%s}",
            fault->id, fault->method, fault->path, fault->times, fault->skip, fault->above,
            fault->n_hits, fault->status, fault->delay_ms, close_names[fault->close_at]);
}

/* Reads an optional whole number; false: it is given, but is not in [min, max]. */
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
        !take_number(given, "above", 0, UINT32_MAX, &fault->above) ||
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

static struct str own(struct str text)
{
    return (struct str){str_dup(text), text.len};
}

/* Copies the texts that `fault` points to, so that it owns them. */
static void own_texts(struct fault *fault, struct str content_type)
{
    fault->method = own(fault->method);
    fault->path = own(fault->path);
    fault->body = own(fault->body);
    fault->content_type = str_dup(content_type);
}

static void take_texts(struct call *call, struct fault *fault, const struct json *given)
{
    const struct json *body_node = json_get(given, "body");
    struct str match = json_str(json_get(given, "match"));
    struct str type = json_str(json_get(given, "content_type"));

    if (!str_cut(str_trim(match), ' ', &fault->method, &fault->path)) {
        /* One word: a path, or "*" for everything. */
        bool is_path = str_starts(fault->method, STR("/"));

        fault->path = is_path ? fault->method : STR("/");
        fault->method = is_path || fault->method.len == 0 ? STR("*") : fault->method;
    }
    fault->path = str_trim(fault->path);
    if (json_type(body_node) == JSON_STRING) {
        fault->body = json_str(body_node);
    } else if (body_node != NULL) {
        fault->body = json_text(call->arena, body_node);
    }
    fault->has_body = body_node != NULL;
    own_texts(fault, type.len > 0 ? type : STR("application/json"));
}

static const struct fault *append(struct faults *faults, struct fault *fault)
{
    faults->last_id++;
    fault->id = faults->last_id;
    list_append(&faults->items, &fault->link);
    faults->n++;
    faults->bytes += fault->body.len;
    return fault;
}

void faults_append(struct faults *faults, const struct sandbox_fault *given, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct fault *fault = mem_zalloc(sizeof(*fault));

        *fault = (struct fault){.method = given[i].method,
                                .path = given[i].path,
                                .times = -1,
                                .status = given[i].status,
                                .delay_ms = given[i].delay_ms,
                                .close_at = given[i].close_at,
                                .probability = given[i].probability};
        own_texts(fault, STR("application/json"));
        (void)append(faults, fault);
    }
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
    *out = append(faults, fault);
    return true;
}

int handle_faults_add(struct call *call)
{
    const struct json *given = call->body;
    const struct json *item;
    const struct fault *fault = NULL;

    if (json_type(given) != JSON_ARRAY) {
        if (!add_one(call, given, &fault)) {
            return refuse(call, 400, "This is not a fault: see src/sandbox/README.md");
        }
        write_fault(call->w, fault);
        return 200;
    }
    jw_array(call->w);
    JSON_FOREACH (item, given) {
        if (!add_one(call, item, &fault)) {
            return refuse(call, 400, "One of these is not a fault: see src/sandbox/README.md");
        }
        write_fault(call->w, fault);
    }
    jw_end(call->w);
    return 200;
}

int handle_faults_list(struct call *call)
{
    struct fault *fault;

    jw_array(call->w);
    LIST_EACH (fault, &call->state->faults.items, link) {
        write_fault(call->w, fault);
    }
    jw_end(call->w);
    return 200;
}

int handle_faults_clear(struct call *call)
{
    faults_done(&call->state->faults);
    return 204;
}
