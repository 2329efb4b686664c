#include "limit_parts.h"

#include "base/check.h"

enum { NS_PER_S = 1000000000, LINES_ROOM = 512, LINES_MAX = 4096, POLICY_ROOM = 160 };

unsigned limit_seconds(uint64_t ns)
{
    uint64_t seconds = (ns + NS_PER_S - 1) / NS_PER_S;

    return seconds > 0 ? (unsigned)seconds : 1;
}

const struct limit_count *limit_slowest(const struct limit_counts *counts)
{
    const struct limit_count *slowest = NULL;

    for (size_t i = 0; i < counts->n; i++) {
        const struct limit_count *count = &counts->items[i];

        if (!count->verdict.allowed &&
            (slowest == NULL || count->verdict.retry_after_ns > slowest->verdict.retry_after_ns)) {
            slowest = count;
        }
    }
    return slowest;
}

/* ---- headers ---- */

static void put_name(struct buf *out, const struct limit_counts *counts, size_t i)
{
    buf_text(out, i > 0 ? ", \"" : "\"");
    buf_str(out, counts->items[i].name);
    buf_char(out, '"');
}

/* "key";q=2000;w=2: so many at once, and the seconds after which the bucket is full again. */
static void put_policies(struct buf *out, const struct limit_counts *counts)
{
    for (size_t i = 0; i < counts->n; i++) {
        const struct gcra_limit *limit = &counts->items[i].limit;

        put_name(out, counts, i);
        buf_text(out, ";q=");
        buf_int(out, limit->burst);
        buf_text(out, ";w=");
        buf_int(out, (limit->burst + limit->per_second - 1) / limit->per_second);
    }
}

static void put_states(struct buf *out, const struct limit_counts *counts)
{
    for (size_t i = 0; i < counts->n; i++) {
        const struct gcra_verdict *verdict = &counts->items[i].verdict;

        put_name(out, counts, i);
        buf_text(out, ";r=");
        buf_int(out, verdict->remaining);
        buf_text(out, ";t=");
        buf_int(out, limit_seconds(verdict->full_after_ns));
    }
}

/* The X- names tell one limit only: the one that is used up first. */
static const struct limit_count *tightest(const struct limit_counts *counts)
{
    const struct limit_count *found = limit_slowest(counts);

    for (size_t i = 0; found == NULL && i < counts->n; i++) {
        found = &counts->items[i];
        for (size_t k = i + 1; k < counts->n; k++) {
            if (counts->items[k].verdict.remaining < found->verdict.remaining) {
                found = &counts->items[k];
            }
        }
    }
    return found;
}

static void put_line(struct buf *out, const char *name, int64_t value)
{
    buf_text(out, name);
    buf_int(out, value);
    buf_text(out, "\r\n");
}

static void put_what_stays(struct buf *out, const struct limit_counts *counts,
                           const struct limit_count *one)
{
    buf_text(out, "RateLimit-Policy: ");
    put_policies(out, counts);
    buf_text(out, "\r\n");
    put_line(out, "X-RateLimit-Limit: ", one->limit.burst);
}

/* The constant lines for callers that have only the limit of a key. They are kept, as most callers have the limit of
 * the caller before. */
static struct str text_of_key(const struct limit_counts *counts)
{
    static char room[POLICY_ROOM];
    static size_t len;
    static struct gcra_limit told;
    const struct limit_count *key = &counts->items[0];

    if (len == 0 || told.burst != key->limit.burst || told.per_second != key->limit.per_second) {
        struct buf text;

        buf_init_on(&text, room, sizeof(room), sizeof(room) - 1);
        put_what_stays(&text, counts, key);
        CHECK(buf_ok(&text) && text.borrowed);
        len = text.len;
        told = key->limit;
    }
    return (struct str){room, len};
}

/* RateLimit as structured fields (draft-ietf-httpapi-ratelimit-headers-10), and the X- names that
 * came before. All lines at once: every answer has them. */
void limit_tell(struct task *task, const struct limit_counts *counts)
{
    const struct limit_count *one = tightest(counts);
    UNINITIALISED char room[LINES_ROOM];
    struct buf text;

    buf_init_on(&text, room, sizeof(room), LINES_MAX);
    if (counts->n == 1) {
        buf_str(&text, text_of_key(counts));
    } else {
        put_what_stays(&text, counts, one);
    }
    buf_text(&text, "RateLimit: ");
    put_states(&text, counts);
    buf_text(&text, "\r\n");
    put_line(&text, "X-RateLimit-Remaining: ", one->verdict.remaining);
    put_line(&text, "X-RateLimit-Reset: ", limit_seconds(one->verdict.full_after_ns));
    exchange_add_lines(task->exchange, 0, buf_view(&text));
    buf_done(&text);
}

/* ---- 429 ---- */

void limit_name_violated(struct task *task, struct str names)
{
    task->exchange->problem_more[2].name = "violated-policies";
    task->exchange->problem_more[2].json = names;
}

/* "This credential", "The callers of the tenant \"payments\" together" */
static struct str whose(struct task *task, const struct limit_count *count)
{
    if (count->label == LIMIT_LABEL_KEY || count->label == LIMIT_LABEL_KEY_CLASS ||
        task->principal.bearer.len > 0) {
        return STR("This credential");
    }
    if (task->platform->tenant.len == 0) {
        return STR("All callers together");
    }
    return arena_printf(task->arena, "The callers of the tenant \"%.*s\" together",
                        STR_ARG(task->platform->tenant));
}

/* " of the class \"execute\"" */
static struct str of_class(struct task *task, const struct limit_count *count)
{
    return count->class == ROUTE_CLASS_ANY
               ? STR_EMPTY
               : arena_printf(task->arena, " of the class \"%s\"", route_class_name(count->class));
}

static enum stage_verdict refuse(struct task *task, size_t label, unsigned retry_after_s)
{
    metric_add(M_RATE_LIMITED, label, 0, 0, 1);
    task->error.retry_after_s = retry_after_s;
    return task_fail(task);
}

enum stage_verdict limit_refuse_rate(struct task *task, const struct limit_counts *counts,
                                     const struct limit_count *slowest)
{
    struct str who = whose(task, slowest);
    struct str class = of_class(task, slowest);
    struct str names = STR_EMPTY;

    for (size_t i = 0; i < counts->n; i++) {
        if (!counts->items[i].verdict.allowed) {
            arena_join(task->arena, &names, ", ",
                       arena_printf(task->arena, "\"%.*s\"", STR_ARG(counts->items[i].name)));
        }
    }
    limit_name_violated(task, arena_printf(task->arena, "[%.*s]", STR_ARG(names)));
    (void)error_set(&task->error, ERR_RATE_LIMITED,
                    "%.*s sent more requests%.*s than allowed (limit \"%.*s\": %u a second, %u at "
                    "once after a pause); wait and send the request again",
                    STR_ARG(who), STR_ARG(class), STR_ARG(slowest->name), slowest->limit.per_second,
                    slowest->limit.burst);
    return refuse(task, slowest->label, limit_seconds(slowest->verdict.retry_after_ns));
}

enum stage_verdict limit_refuse_place(struct task *task, const struct limit_count *full)
{
    struct str who = whose(task, full);
    struct str class = of_class(task, full);

    limit_name_violated(task, arena_printf(task->arena, "[\"%.*s\"]", STR_ARG(full->name)));
    (void)error_set(&task->error, ERR_RATE_LIMITED,
                    "%.*s has as many requests%.*s under way as allowed (limit \"%.*s\": %u); wait "
                    "for one to end and send the request again",
                    STR_ARG(who), STR_ARG(class), STR_ARG(full->name), full->at_once);
    return refuse(task, LIMIT_LABEL_AT_ONCE, 1);
}
