/* The key set is read at the start, every auth.jwt.refresh_s, and when a token names a key that is
 * not in it. Tokens cause a reading at most once a minute, since anybody can write a token (once a
 * second if the set is a file, which burdens no other server). While reading fails, the old keys stay,
 * and it is tried again soon. */
#include "auth_internal.h"
#include "base/clock.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/trouble.h"

enum {
    FILE_PAUSE_MS = 1000,
    URL_PAUSE_MS = 60000,
    RETRY_MS = 5000, /* after the first failure; it doubles up to refresh_s */
    MAX_DOUBLINGS = 10
};

static void start(struct refresh *refresh);

static void on_due(struct deadline *deadline)
{
    start(CONTAINER_OF(deadline, struct refresh, next));
}

static void set_next(struct refresh *refresh)
{
    uint64_t each_ms = (uint64_t)refresh->auth->config->auth.jwt.refresh_s * 1000;
    unsigned doublings = refresh->n_failures < MAX_DOUBLINGS ? refresh->n_failures : MAX_DOUBLINGS;
    uint64_t retry_ms = refresh->n_failures == 0 ? each_ms : (uint64_t)RETRY_MS << (doublings - 1);

    deadline_set(refresh->auth->options.deadlines, &refresh->next,
                 retry_ms < each_ms ? retry_ms : each_ms, on_due);
}

static void take(struct refresh *refresh, struct str text, struct error *err)
{
    struct key_set *keys;
    struct digest content;

    digest_of(text, &content);
    if (refresh->keys != NULL && digest_equal(&content, &refresh->content)) {
        refresh->n_failures = 0;
        return; /* the same keys: what was checked with them stays */
    }
    if (key_set_read(text, &keys, err) != ERR_OK) {
        return;
    }
    key_set_free(refresh->keys);
    refresh->keys = keys;
    refresh->content = content;
    refresh->n_failures = 0;
    known_clear(&refresh->auth->known); /* tokens of a key that was taken out must end */
    metric_add(M_KEY_SET_READS, 0, 0, 0, 1);
    log_event(LOG_INFO, "auth.key_set", F_INT("keys", key_set_size(keys)),
              F_INT("skipped", key_set_n_skipped(keys)));
    if (refresh->auth->options.on_other_keys != NULL) {
        refresh->auth->options.on_other_keys(refresh->auth->options.context);
    }
}

static void release_all(struct refresh *refresh)
{
    struct list ready;
    struct list *link;

    list_init(&ready);
    list_append_all(&ready, &refresh->waiting);
    while ((link = list_first(&ready)) != NULL) {
        ticket_call(CONTAINER_OF(link, struct auth_ticket, link));
    }
}

static void on_done(struct auth_fetch *fetch, enum error_code code, struct str text,
                    const struct error *err)
{
    struct refresh *refresh = CONTAINER_OF(fetch, struct refresh, fetch);
    struct error why = {0};

    refresh->running = false;
    if (code == ERR_OK) {
        take(refresh, text, &why);
    } else {
        why = *err;
    }
    trouble_tell(TROUBLE_KEY_SET, why.code != ERR_OK ? why.text : NULL);
    if (why.code != ERR_OK) {
        refresh->n_failures++;
        metric_add(M_KEY_SET_FAILURES, 0, 0, 0, 1);
        log_event(
            LOG_WARN, "auth.key_set_failed", F_TEXT("error", why.text),
            F_TEXT("effect", refresh->keys != NULL ? "the old keys stay" : "no token is taken"));
    }
    set_next(refresh);
    release_all(refresh);
}

static void start(struct refresh *refresh)
{
    if (!refresh->running) {
        refresh->running = true;
        deadline_clear(&refresh->next);
        refresh->source->start(refresh->source->context, &refresh->fetch);
    }
}

void refresh_open(struct refresh *refresh, struct auth *auth, const struct auth_source *source)
{
    *refresh = (struct refresh){.auth = auth, .source = source, .fetch = {.on_done = on_done}};
    list_init(&refresh->waiting);
    refresh_configure(refresh);
}

void refresh_configure(struct refresh *refresh)
{
    bool takes_tokens = (refresh->auth->config->auth.modes & AUTH_JWT) != 0;

    if (refresh->source != NULL && takes_tokens && !deadline_is_set(&refresh->next)) {
        start(refresh);
    }
}

static void on_nobody_reads(struct deadline *deadline)
{
    release_all(CONTAINER_OF(deadline, struct refresh, next));
}

void refresh_restart(struct refresh *refresh)
{
    refresh_stop(refresh);
    refresh->has_asked = false;
    refresh->n_failures = 0;
    refresh_configure(refresh);
    if (!refresh->running && !list_is_empty(&refresh->waiting)) { /* no token is taken any more */
        deadline_set(refresh->auth->options.deadlines, &refresh->next, 0, on_nobody_reads);
    }
}

bool refresh_ask(struct refresh *refresh)
{
    struct str place = refresh->auth->config->auth.jwt.jwks;
    bool is_url = str_starts(place, STR("https://")) || str_starts(place, STR("http://"));
    uint64_t now_ms = clock_now_ms();

    if (refresh->source == NULL) {
        return false;
    }
    if (!refresh->running) {
        if (refresh->has_asked &&
            now_ms < refresh->unknown_ms + (is_url ? URL_PAUSE_MS : FILE_PAUSE_MS)) {
            return false;
        }
        refresh->has_asked = true;
        refresh->unknown_ms = now_ms;
        start(refresh);
    }
    return true;
}

void refresh_stop(struct refresh *refresh)
{
    deadline_clear(&refresh->next);
    if (refresh->running) {
        refresh->running = false;
        refresh->source->cancel(refresh->source->context);
    }
}

void refresh_close(struct refresh *refresh)
{
    refresh_stop(refresh);
    trouble_tell(TROUBLE_KEY_SET, NULL);
    key_set_free(refresh->keys);
}
