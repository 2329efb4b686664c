/* Health: what load balancers and Kubernetes ask. It follows draft-inadarei-api-health-check (pass, warn, fail and
 * checks). */
#include "api/gate/query.h"
#include "api/gate/task.h"
#include "api/ops/handlers.h"
#include "base/clock.h"
#include "base/json_form.h"
#include "observe/metrics.h"
#include "observe/trouble.h"

enum health { HEALTH_PASS, HEALTH_WARN, HEALTH_FAIL };

/* One member of `checks`. */
struct check {
    const char *name; /* NULL: the check is left out */
    enum health health;
    bool has_routes;                 /* it tells which routes the platform offers */
    struct str output;               /* what is wrong; empty: nothing */
    int64_t since_wall_ms;           /* 0: not told */
    const char *breaker;             /* "open" or "closed"; NULL: it has none */
    struct str last_error;           /* empty: none */
    unsigned limit;                  /* most calls at once, as found out; 0: not told */
    const struct upstream *upstream; /* to tell of its addresses; NULL: none */
};

enum { HEALTH_MAX = 32 * 1024 };

static const char health_type[] = "application/health+json";

static const char *health_name(enum health health)
{
    static const char *const names[] = {"pass", "warn", "fail"};

    return names[health];
}

static const char own_token[] = "VIRTUOSO_API_TOKEN";
static const char tenant_token[] = "token of the tenant, whose name is in the log";

/* `token`: that which the platform refuses, if it is a token. */
static struct str platform_trouble(struct task *task, bool is_elsewhere, const char *token,
                                   const struct upstream_health *state)
{
    if (state->token_refused && !state->breaker_open) {
        return arena_printf(task->arena, "%s; set a valid %s", state->last_error, token);
    }
    if (state->breaker_open) {
        return arena_printf(task->arena,
                            "the platform is away, commands are answered with 503 until a probe "
                            "finds it again; the last error: %s",
                            state->last_error);
    }
    if (is_elsewhere) {
        return arena_printf(task->arena,
                            "calls go to another address of the platform, since the first one is "
                            "away; its last error: %s",
                            state->last_error);
    }
    return arena_printf(task->arena, "the last %u calls failed; the last one: %s", state->failures,
                        state->last_error);
}

/* Traffic tells how the platform does, or probes while it is away: no call is made for this answer. */
static void check_upstream(struct task *task, struct check *check)
{
    static const enum health words[] = {[UPSTREAM_PASS] = HEALTH_PASS,
                                        [UPSTREAM_WARN] = HEALTH_WARN,
                                        [UPSTREAM_FAIL] = HEALTH_FAIL};
    const struct upstream_health *state;
    bool is_refused = upstream_tokens_are_refused(&task->platform->tokens);
    bool is_own = is_refused || task->setup->n_platforms == 1;

    check->has_routes = true;
    if (task->platform->upstream == NULL) {
        return;
    }
    state = upstream_health(task->platform->upstream);
    check->upstream = task->platform->upstream;
    check->health = words[state->state];
    check->breaker = state->breaker_open ? "open" : "closed";
    check->limit = upstream_limit(task->platform->upstream);
    if (check->health == HEALTH_PASS && is_refused) {
        /* A tenant's token did well since: the tenants are served. */
        check->health = task->setup->n_platforms > 1 ? HEALTH_WARN : HEALTH_FAIL;
        check->output = STR("the platform refused the stored token (401); set a valid "
                            "VIRTUOSO_API_TOKEN");
    }
    if (state->state == UPSTREAM_PASS) {
        return;
    }
    check->since_wall_ms = state->since_wall_ms;
    check->last_error = str_from(state->last_error);
    check->output = platform_trouble(task, upstream_is_elsewhere(check->upstream),
                                     is_own ? own_token : tenant_token, state);
}

/* The tenants with another platform, and how many of those platforms do not do well. */
struct tenants {
    const struct upstream_health
        *worst; /* that of the platform with the worst trouble; NULL: all do well */
    unsigned n, n_bad;
    unsigned
        n_refused; /* tenants whose tokens their platform refuses, also if it is the shared one */
};

static void look_at_tenants(const struct setup *setup, struct tenants *out)
{
    const struct upstream *shared = setup->platforms[0]->upstream;

    for (size_t i = 1; i < setup->n_platforms; i++) {
        const struct upstream *upstream = setup->platforms[i]->upstream;
        const struct upstream_health *state;

        out->n_refused += upstream_tokens_are_refused(&setup->platforms[i]->tokens) ? 1 : 0;
        if (upstream == NULL || upstream == shared) {
            continue;
        }
        out->n++;
        state = upstream_health(upstream);
        out->n_bad += state->state != UPSTREAM_PASS ? 1 : 0;
        out->worst = state->state != UPSTREAM_PASS &&
                             (out->worst == NULL || state->state > out->worst->state)
                         ? state
                         : out->worst;
    }
}

/* How many tenants do not do well. The names of the tenants are not told, since health needs no key. */
static void check_tenants(struct task *task, struct check *check)
{
    struct tenants tenants = {0};

    look_at_tenants(task->setup, &tenants);
    check->name = tenants.n + tenants.n_refused > 0 ? check->name : NULL;
    if (tenants.worst != NULL) {
        check->health = HEALTH_WARN; /* the others are served */
        check->since_wall_ms = tenants.worst->since_wall_ms;
        check->breaker = tenants.worst->breaker_open ? "open" : "closed";
        check->last_error = str_from(tenants.worst->last_error);
        check->output = arena_printf(
            task->arena, "the platforms of %u of %u tenants do not do well; %s", tenants.n_bad,
            tenants.n, platform_trouble(task, false, tenant_token, tenants.worst).ptr);
    } else if (tenants.n_refused > 0) {
        check->health = HEALTH_WARN;
        check->output = arena_printf(
            task->arena,
            "the platform refused the tokens of %u tenants (401), whose names are in the log; set "
            "valid ones (tenants: token)",
            tenants.n_refused);
    }
}

/* Why something fails may name buckets, files and addresses, and health needs no key. So only the log and the
 * listener of the operators tell it. */
static void tell_why(const struct task *task, struct check *check, const char *why)
{
    check->last_error = task->on_admin ? str_from(why) : STR_EMPTY;
}

/* Sessions are served from memory: a snapshot that cannot be saved does harm only at the next start. */
static void check_sessions(struct task *task, struct check *check)
{
    const struct session_trouble *trouble;

    if (task->api->options.sessions == NULL) {
        return;
    }
    trouble = session_store_trouble(task->api->options.sessions);
    if (trouble->since_wall_ms == 0) {
        return;
    }
    check->health = HEALTH_WARN;
    check->since_wall_ms = trouble->since_wall_ms;
    check->output = STR("the snapshot of the sessions cannot be saved");
    tell_why(task, check, trouble->last_error);
}

/* Requests are served while the store is away: each process counts for itself. */
static void check_store(struct task *task, struct check *check)
{
    const struct store *store = task->api->options.store;
    const char *trouble = store != NULL ? store_trouble(store) : NULL;

    check->name = store != NULL ? check->name : NULL;
    if (trouble != NULL) {
        check->health = HEALTH_WARN;
        check->output = STR("the store is away");
        tell_why(task, check, trouble);
    }
}

static bool is_behind(const struct task *task)
{
    const bool *behind = task->api->options.is_behind;

    return behind != NULL && *behind;
}

static void check_config(struct task *task, struct check *check)
{
    if (task->api->config_error[0] != '\0') {
        check->health = HEALTH_WARN;
        check->since_wall_ms = task->api->config_error_wall_ms;
        check->output = STR("the new configuration was refused");
        tell_why(task, check, task->api->config_error);
    }
}

static void check_lifecycle(struct task *task, struct check *check)
{
    if (task->api->draining) {
        check->health = HEALTH_FAIL;
        check->output = STR("shutting down");
    } else if (is_behind(task)) {
        check->health = HEALTH_FAIL;
        check->output =
            STR("this process has been more than a second behind its work for five seconds");
    }
}

/* Secrets by reference: the last good values work until the secrets are replaced at their source. */
static void check_secrets(struct task *task, struct check *check)
{
    int64_t n = metric_value(M_SECRETS_STALE);

    check->name = n > 0 ? check->name : NULL;
    if (n > 0) {
        check->health = HEALTH_WARN;
        check->output = arena_printf(task->arena,
                                     "%lld of the secrets by reference cannot be read again; the "
                                     "last good values are in use",
                                     (long long)n);
    }
}

/* Trouble with what the process does beside answering. Only why log lines are lost is told to everybody: the log cannot
 * tell it, and the reason is a text of the system without names. */
static void check_troubles(const struct task *task, struct check checks[N_TROUBLES])
{
    for (size_t i = 0; i < N_TROUBLES; i++) {
        const struct trouble_state *state = trouble_now((enum trouble)i);

        checks[i] = (struct check){.name = state->since_wall_ms != 0 ? state->name : NULL};
        if (checks[i].name != NULL) {
            checks[i].health = HEALTH_WARN;
            checks[i].since_wall_ms = state->since_wall_ms;
            checks[i].output = str_from(state->effect);
            tell_why(task, &checks[i], state->why);
            if (i == TROUBLE_LOG) {
                checks[i].last_error = str_from(state->why);
            }
        }
    }
}

static const struct {
    const char *name;
    void (*look)(struct task *task, struct check *check);
} rows[] = {
    {"config", check_config},   {"lifecycle", check_lifecycle}, {"upstream", check_upstream},
    {"tenants", check_tenants}, {"sessions", check_sessions},   {"store", check_store},
    {"secrets", check_secrets},
};

enum { N_CHECKS = ARRAY_LEN(rows) + N_TROUBLES };

/* Makes all checks, and returns the worst result. */
static enum health make_checks(struct task *task, struct check checks[N_CHECKS])
{
    enum health worst = HEALTH_PASS;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        checks[i] = (struct check){.name = rows[i].name};
        rows[i].look(task, &checks[i]);
    }
    check_troubles(task, &checks[ARRAY_LEN(rows)]);
    for (size_t i = 0; i < N_CHECKS; i++) {
        worst = checks[i].health > worst ? checks[i].health : worst;
    }
    return worst;
}

/* Of the routes that only some sources know: which the platform offers, once that is known. */
static void write_routes(struct json_writer *w, const struct task *task)
{
    static const char *const words[] = {[OFFER_YES] = "answers", [OFFER_NO] = "not offered"};
    const struct offers *offers = task->platform->port.offers;
    size_t n = offers != NULL && offers->n_changes > 0 ? catalog_n_calls(task->api->catalog) : 0;
    bool begun = false;

    for (size_t i = 0; i < n; i++) {
        const struct call *call = catalog_call_at(task->api->catalog, i);
        enum offer offer = offer_of(offers, call);

        if (offer == OFFER_UNKNOWN || call->route != i) {
            continue;
        }
        if (!begun) {
            jw_shape(w, "routes:{");
            begun = true;
        }
        jw_kv_text(w, arena_printf(task->arena, "%s %s", call->spec->method, call->spec->path).ptr,
                   words[offer]);
    }
    if (begun) {
        jw_end(w);
    }
}

/* Empty: not told. */
static struct str time_text(const struct task *task, int64_t wall_ms)
{
    return wall_ms == 0 ? STR_EMPTY : arena_time(task->arena, wall_ms);
}

/* The addresses of a platform that has several, in the order of preference. */
static void write_endpoints(struct json_writer *w, const struct task *task,
                            const struct upstream *upstream)
{
    struct upstream_endpoint all[UPSTREAM_ENDPOINTS_MAX];
    size_t n = upstream != NULL ? upstream_endpoints(upstream, all) : 0;

    if (n == 0) {
        return;
    }
    jw_shape(w, "endpoints:[");
    for (size_t i = 0; i < n; i++) {
        jw_form(w, "{host:%s, status:%s, in_use:%b", all[i].host, all[i].is_up ? "pass" : "fail",
                all[i].in_use);
        if (!all[i].is_up) {
            jw_form(w, "good_probes:%i, last_error:%s, since?:%s", all[i].n_good_probes,
                    all[i].last_error, time_text(task, all[i].since_wall_ms));
        }
        jw_end(w);
    }
    jw_end(w);
}

static void write_check(struct json_writer *w, const struct task *task, const struct check *check)
{
    jw_key(w, check->name);
    jw_form(w, "{status:%s, output?:%s, breaker?:%s, limit?:%i, last_error?:%s, since?:%s",
            health_name(check->health), check->output, check->breaker, check->limit,
            check->last_error, time_text(task, check->since_wall_ms));
    write_endpoints(w, task, check->upstream);
    if (check->has_routes) {
        write_routes(w, task);
    }
    jw_end(w);
}

static void write_health(struct task *task, enum health health, const struct check checks[N_CHECKS],
                         uint64_t second, struct buf *out)
{
    struct json_writer w;

    jw_init(&w, out);
    jw_form(&w,
            "{status:%s, version:%s, service_id:'virtuoso-proxy', uptime_seconds:%i, "
            "checks:{",
            health_name(health), VP_VERSION, second);
    for (size_t i = 0; i < N_CHECKS; i++) {
        if (checks[i].name != NULL) {
            write_check(&w, task, &checks[i]);
        }
    }
    jw_shape(&w, "}}");
}

/* A number for what the text says when all is well: the platform's limit, and which routes it offers. The rest depends
 * on the setup alone. 0: there is more to say. */
static uint64_t quiet_state(const struct task *task, enum health worst)
{
    const struct upstream *upstream = task->platform->upstream;
    const struct offers *offers = task->platform->port.offers;
    uint64_t limit = upstream != NULL ? upstream_limit(upstream) : 0;
    UNINITIALISED struct upstream_endpoint all[UPSTREAM_ENDPOINTS_MAX];

    return worst != HEALTH_PASS || (upstream != NULL && upstream_endpoints(upstream, all) > 0)
               ? 0
               : UINT64_C(1) << 63 | limit << 32 | (offers != NULL ? offers->n_changes : 0);
}

/* Probes ask many times a second, and while all is well the answer is the same for a second. True: it is sent. */
static bool answers_as_before(struct task *task, uint64_t state, uint64_t second)
{
    const struct api *api = task->api;

    task->exchange->notes.is_probe = true;
    if (state == 0 || state != api->health.state || second != api->health.second ||
        api->n_changes != api->health.n_changes) {
        return false;
    }
    (void)task_reply(task, 200, health_type, api->health.text);
    return true;
}

static enum stage_verdict answer_health(struct task *task, bool is_live, bool is_deep)
{
    struct api *api = task->api;
    uint64_t second = (clock_turn_ms() - api->opened_ms) / 1000;
    struct check checks[N_CHECKS];
    enum health worst = make_checks(task, checks);
    uint64_t state = quiet_state(task, worst);
    struct buf text;

    if (answers_as_before(task, state, second)) {
        return STAGE_DONE;
    }
    worst = is_live ? HEALTH_PASS : worst;
    buf_init_on(&text, api->health.room, sizeof(api->health.room), HEALTH_MAX);
    write_health(task, worst, checks, second, &text);
    api->health.text = buf_view(&text);
    api->health.second = second;
    api->health.n_changes = api->n_changes;
    api->health.state = text.borrowed ? state : 0;
    return task_reply(task, is_deep && worst == HEALTH_FAIL ? 503 : 200, health_type,
                      arena_take(task->arena, &text));
}

enum stage_verdict handle_health(struct task *task)
{
    return answer_health(task, false, false);
}

enum stage_verdict handle_live(struct task *task)
{
    return answer_health(task, true, false);
}

/* A platform that is away makes no replica unready: the others would not fare better. A service that chooses between
 * regions (Route 53, Cloud DNS) asks with `deep`, and then sends the callers to another region. */
enum stage_verdict handle_ready(struct task *task)
{
    return answer_health(
        task, false, task->api->draining || is_behind(task) || json_true(task_query(task, "deep")));
}
