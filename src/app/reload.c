#include "reload.h"

#include "base/clock.h"
#include "base/mem.h"
#include "manager.h"
#include "observe/fact.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "reload_attempt.h"
#include "secret_source.h"
#include "watch.h"
#include "worker.h"
#include "worker_talk.h"

/* Files that never stop changing are waited for MOVING_MS, no longer. */
enum {
    SETTLE_MS = 300,
    MOVING_MS = 2000,
    TRIES = 3, /* to read one version of all files */
    ERRORS_LOGGED = 10,
    MS_PER_S = 1000
};

struct reload {
    struct server *server;
    struct config_sources sources;
    struct watch *watch;
    struct look *look;
    struct secret_source *secrets;
    struct secret_refresh *refresh; /* secrets that a service tells */
    struct deadline next;           /* look */
    struct digest seen;             /* what the files held at the last look */
    struct digest now;              /* and at this one */
    bool secrets_are_read;          /* for the reload that is asked for */
    bool settles;                   /* the files had changed at the last look */
    uint64_t moving_since_ms;       /* since then files change, without a reload; 0: they do not */
    const char *asked;              /* why a reload follows the look under way; NULL: none does */
    struct list reports;            /* requests that wait for the same */
};

/* ---- one reload ---- */

static void log_refused(const struct attempt *attempt, const char *reason)
{
    for (size_t i = 0; i < attempt->errors.n && i < ERRORS_LOGGED; i++) {
        log_event(LOG_ERROR, "config.refused", F_TEXT("reason", reason),
                  F_TEXT("error", attempt->errors.items[i].text),
                  F_TEXT("effect", "the running configuration stays"));
    }
}

static void finish(struct reload *reload, struct attempt *attempt, bool taken, const char *reason)
{
    metric_add(M_CONFIG_RELOADS, 0, 0, 0, 1);
    metric_set(M_CONFIG_GOOD, taken ? 1 : 0);
    fact_note(&(struct fact){
        .kind = FACT_CONFIG_RELOADED, .outcome = taken ? "ok" : "refused", .action = reason});
    if (taken) {
        metric_set(M_CONFIG_TIME, clock_wall_ms() / 1000);
        log_event(attempt->waiting.len > 0 ? LOG_WARN : LOG_INFO, "config.reloaded",
                  F_TEXT("reason", reason), F_STR("changed", buf_view(&attempt->changed)),
                  F_STR("needs_restart", buf_view(&attempt->waiting)));
        watch_files(reload->watch, reload->server->config);
    } else {
        log_refused(attempt, reason);
    }
    api_set_config_error(reload->server->api,
                         taken ? STR_EMPTY : str_from(attempt->errors.items[0].text));
}

/* Reads again what was read while files were exchanged: the certificate of one version with the key of another would
 * be refused or, worse, taken. True: all files are of one version. */
static bool prepare_whole(struct reload *reload, struct attempt *attempt, bool *taken)
{
    struct digest before;
    struct digest after;

    for (unsigned n = 0; n < TRIES; n++) {
        if (n > 0) {
            attempt_done(attempt);
            attempt_init(attempt, reload->server, attempt->report);
        }
        config_files_mark(reload->server->config, &before);
        *taken = attempt_prepare(attempt, &reload->sources, reload->secrets);
        config_files_mark(reload->server->config, &after);
        if (digest_equal(&before, &after)) {
            return true;
        }
    }
    return false;
}

/* False: the files change so fast that what was read proves nothing; try again. */
static bool run(struct reload *reload, const char *reason, struct reload_report *report)
{
    struct attempt attempt;
    bool is_tried = report != NULL && report->is_tried;
    bool is_whole;
    bool taken;

    attempt_init(&attempt, reload->server, report);
    if (!is_tried) {
        manager_reloading(reload->server->manager);
    }
    is_whole = prepare_whole(reload, &attempt, &taken);
    if (taken && !is_tried) {
        attempt_swap(&attempt);
    }
    if (!is_tried) {
        if (taken || is_whole || report != NULL) {
            finish(reload, &attempt, taken, reason);
        }
        manager_ready(reload->server->manager);
        worker_reloaded(reload->server->worker, taken);
    }
    if (report != NULL) {
        report->taken = taken;
        error_list_append(report->errors, &attempt.errors);
    }
    attempt_done(&attempt);
    return taken || is_whole;
}

static void tell_not_reloaded(const char *reason)
{
    log_event(LOG_WARN, "config.not_reloaded", F_TEXT("reason", reason),
              F_TEXT("effect", "none: the proxy is shutting down"));
}

void reload_now(struct reload *reload, const char *reason)
{
    if (reload->server->state != SERVER_SERVING) {
        tell_not_reloaded(reason);
        return;
    }
    reload->asked = reason;
    look_start(reload->look, reload->server->config);
}

void reload_for_request(void *reloader, struct reload_report *report)
{
    struct server *server = reloader;

    report->is_offered = server->reload != NULL && server->state == SERVER_SERVING;
    if (report->is_offered) {
        list_append(&server->reload->reports, &report->link);
        look_start(server->reload->look, server->config);
    }
}

/* ---- files ---- */

static void on_due(struct deadline *deadline)
{
    struct reload *reload = CONTAINER_OF(deadline, struct reload, next);

    look_start(reload->look, reload->server->config);
}

static void look_later(struct reload *reload)
{
    if (reload->server->lambda != NULL) {
        return;
    }
    deadline_set(&reload->server->loop.deadlines, &reload->next,
                 reload->settles ? SETTLE_MS
                                 : (uint64_t)reload->server->config->reload.look_s * MS_PER_S,
                 on_due);
}

static void run_asked(struct reload *reload)
{
    bool serves = reload->server->state == SERVER_SERVING;
    const char *reason = reload->asked;
    struct list *link;

    reload->asked = NULL;
    if (reason != NULL && serves) {
        reload->settles = !run(reload, reason, NULL);
    } else if (reason != NULL) {
        tell_not_reloaded(reason);
    }
    while ((link = list_take_first(&reload->reports)) != NULL) {
        struct reload_report *report = CONTAINER_OF(link, struct reload_report, link);

        report->is_offered = serves;
        if (serves) {
            (void)run(reload, "request", report);
        }
        talk_gather_reports(reload->server, report);
    }
}

/* True: the files were the same at two looks in a row, or have been changing for MOVING_MS. */
static bool has_settled(const struct reload *reload, const struct digest *now)
{
    bool is_quiet = reload->settles && digest_equal(now, &reload->seen);
    bool is_long =
        reload->moving_since_ms != 0 && clock_now_ms() >= reload->moving_since_ms + MOVING_MS;

    return is_quiet || is_long;
}

static void judge(struct reload *reload, const struct digest *now)
{
    struct digest then;

    config_files_then(reload->server->config, &then);
    if (digest_equal(now, &then)) {
        reload->settles = false;
        reload->moving_since_ms = 0;
    } else if (has_settled(reload, now)) {
        reload->moving_since_ms = 0;
        reload->settles = !run(reload, "file", NULL);
    } else {
        reload->settles = !digest_equal(now, &reload->seen);
        if (!reload->settles) {
            reload->moving_since_ms = 0; /* these files were refused before */
        } else if (reload->moving_since_ms == 0) {
            reload->moving_since_ms = clock_now_ms();
        }
    }
}

static bool is_asked(const struct reload *reload)
{
    return reload->asked != NULL || !list_is_empty(&reload->reports);
}

/* Acts on a look at the files, once the secrets that they refer to are known. */
static void act(struct reload *reload)
{
    const struct digest *now = &reload->now;

    reload->secrets_are_read = false;
    if (is_asked(reload)) {
        reload->settles = false;
        reload->moving_since_ms = 0;
        run_asked(reload);
    } else if (reload->server->state == SERVER_SERVING) {
        judge(reload, now);
    }
    reload->seen = *now;
    look_later(reload);
}

/* False: they are being read, and on_secrets goes on. */
static bool secrets_are_known(struct reload *reload)
{
    struct digest then;

    config_files_then(reload->server->config, &then);
    return reload->secrets_are_read || reload->server->state != SERVER_SERVING ||
           (!is_asked(reload) && digest_equal(&reload->now, &then)) ||
           !secret_refresh_read(reload->refresh, &reload->sources, is_asked(reload));
}

static void on_seen(void *context, const struct digest *now)
{
    struct reload *reload = context;

    reload->now = *now;
    if (secrets_are_known(reload)) {
        act(reload);
    }
}

/* True: a reference was added while the others were read; it is read now, and on_secrets comes again. */
static bool reads_more(struct reload *reload)
{
    return reload->server->state == SERVER_SERVING &&
           secret_refresh_read(reload->refresh, &reload->sources, false);
}

static void on_secrets(void *context, bool asked)
{
    struct reload *reload = context;

    if (!asked) {
        reload->secrets_are_read = true;
        reload_now(reload, "secrets");
    } else if (!reads_more(reload)) {
        act(reload);
    }
}

static void on_file_event(void *context)
{
    struct reload *reload = context;
    uint64_t now_ms = clock_now_ms();
    uint64_t latest_ms;

    if (reload->moving_since_ms == 0) {
        reload->moving_since_ms = now_ms;
    }
    latest_ms = reload->moving_since_ms + MOVING_MS;
    reload->settles = false; /* not quiet since the last look */
    deadline_set(&reload->server->loop.deadlines, &reload->next,
                 now_ms + SETTLE_MS < latest_ms ? SETTLE_MS
                 : now_ms < latest_ms           ? latest_ms - now_ms
                                                : 0,
                 on_due);
}

/* ---- from start to end ---- */

struct reload *reload_start(struct server *server, const struct config_sources *sources,
                            struct secret_source *source)
{
    struct reload *reload = mem_zalloc(sizeof(*reload));

    reload->server = server;
    reload->sources = *sources;
    reload->sources.secrets = &source->offered;
    reload->secrets = source;
    reload->refresh =
        secret_refresh_open(&server->loop, source, server->lambda == NULL, on_secrets, reload);
    reload->sources.must_be_whole = true;
    config_files_then(server->config, &reload->seen);
    list_init(&reload->reports);
    reload->look = look_open(&server->loop, on_seen, reload);
    reload->watch = watch_open(&server->loop, on_file_event, reload);
    watch_files(reload->watch, server->config);
    if (server->lambda == NULL) {
        /* No event tells of files that were exchanged between the first reading and the watch: look once. */
        deadline_set(&server->loop.deadlines, &reload->next, SETTLE_MS, on_due);
    }
    metric_set(M_CONFIG_GOOD, 1);
    metric_set(M_CONFIG_TIME, clock_wall_ms() / 1000);
    return reload;
}

void reload_secrets_if_due(struct reload *reload)
{
    if (reload != NULL) {
        secret_refresh_if_due(reload->refresh);
    }
}

bool reload_is_at_work(const struct reload *reload)
{
    return reload != NULL &&
           (cloud_secrets_is_reading(reload->secrets->secrets) || is_asked(reload));
}

void reload_stop(struct reload *reload)
{
    if (reload != NULL) {
        deadline_clear(&reload->next);
        look_close(reload->look);
        secret_refresh_close(reload->refresh);
        watch_close(reload->watch);
    }
}

bool reload_is_closing(const struct reload *reload)
{
    return reload != NULL && !(watch_is_closed(reload->watch) && look_is_closed(reload->look) &&
                               secret_refresh_is_closed(reload->refresh));
}

void reload_free(struct reload *reload)
{
    if (reload != NULL) {
        look_free(reload->look);
        secret_refresh_free(reload->refresh);
        watch_free(reload->watch);
        mem_free(reload);
    }
}
