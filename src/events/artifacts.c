#include "events/artifacts.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "duty.h"
#include "feed.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/trouble.h"
#include "place.h"

enum { FIRST_PAUSE_MS = 500, LAST_WORDS_MS = 3000, SAVE_MS = 5000 };

/* A run that has ended, and whose reports are not there yet. */
struct ended {
    struct list link;
    struct digest owner;
    char id[ARTIFACTS_ID_MAX];
    uint64_t position; /* of its event in the journal */
};

struct artifacts {
    struct loop *loop;
    struct artifacts_port port;
    struct journal *journal;
    struct duty duty;
    struct feed feed;
    struct place place;
    struct list waiting; /* in the order in which they ended; the first one is in work */
    unsigned n_waiting;
    bool puts; /* the port is at work */
    bool is_failing;
    unsigned tries;
    uint64_t began_ms; /* of the first try */
    uint64_t done;     /* position up to which all reports are there */
    struct deadline again, save;
    bool closing;
    struct deadline last_words;
    struct later_item closed;
    struct callback on_closed;
};

static void go_on(struct artifacts *artifacts);

/* The run that is in work; at least one must wait. */
static const struct ended *first_of(const struct artifacts *artifacts)
{
    return CONTAINER_OF(artifacts->waiting.next, struct ended, link);
}

static void drop_first(struct artifacts *artifacts)
{
    struct list *link = list_take_first(&artifacts->waiting);

    mem_free(CONTAINER_OF(link, struct ended, link));
    artifacts->n_waiting--;
    artifacts->tries = 0;
}

/* --- the place in the journal */
static void on_save(struct deadline *deadline)
{
    go_on(CONTAINER_OF(deadline, struct artifacts, save));
}

static void on_saved(struct place *place, const struct error *error)
{
    struct artifacts *artifacts = CONTAINER_OF(place, struct artifacts, place);

    if (error != NULL && error->code == ERR_CONFLICT) {
        duty_yield(&artifacts->duty); /* another process works, too */
    } else {
        deadline_set(&artifacts->loop->deadlines, &artifacts->save, SAVE_MS, on_save);
        go_on(artifacts);
    }
}

/* True: the place is being saved. Every SAVE_MS is enough: reports that are put there twice are the same. */
static bool saves_place(struct artifacts *artifacts)
{
    return artifacts->journal != NULL && !deadline_is_set(&artifacts->save) &&
           place_save(&artifacts->place, &(struct place_told){.position = artifacts->done},
                      on_saved);
}

/* --- runs, one after another */
static void on_again(struct deadline *deadline)
{
    go_on(CONTAINER_OF(deadline, struct artifacts, again));
}

static bool is_id(struct str text)
{
    return text.len > 0 && text.len < ARTIFACTS_ID_MAX && str_is_of(text, "a-z0-9_");
}

static void gather(struct artifacts *artifacts)
{
    const struct fact *fact;

    while (artifacts->n_waiting < ARTIFACTS_WAITING_MAX &&
           (fact = feed_next(&artifacts->feed)) != NULL) {
        struct ended *ended;

        if (fact->kind != FACT_RUN_FINISHED || !is_id(str_from(fact->subject))) {
            continue;
        }
        ended = mem_zalloc(sizeof(*ended));
        mem_copy(ended->owner.bytes, fact->owner, sizeof(ended->owner.bytes));
        str_copy(ended->id, sizeof(ended->id), str_from(fact->subject));
        ended->position = fact->position;
        list_append(&artifacts->waiting, &ended->link);
        artifacts->n_waiting++;
    }
    if (artifacts->n_waiting == 0) {
        artifacts->done = artifacts->feed.position;
    }
    (void)feed_tell_lost(&artifacts->feed, CONSUMER_ARTIFACTS);
    metric_set_of(M_EVENT_LAG, CONSUMER_ARTIFACTS, (int64_t)artifacts->n_waiting);
}

static void maybe_idle(struct artifacts *artifacts);

static bool may_work(const struct artifacts *artifacts)
{
    return feed_is_open(&artifacts->feed) && !artifacts->puts &&
           !deadline_is_set(&artifacts->again) && !place_is_busy(&artifacts->place) &&
           (artifacts->journal == NULL || duty_lasts(&artifacts->duty));
}

static void go_on(struct artifacts *artifacts)
{
    const struct ended *ended;

    if (!may_work(artifacts)) {
        return;
    }
    gather(artifacts);
    if (saves_place(artifacts)) {
        return;
    }
    if (artifacts->n_waiting == 0) {
        maybe_idle(artifacts);
        return;
    }
    ended = first_of(artifacts);
    artifacts->began_ms = artifacts->tries == 0 ? clock_now_ms() : artifacts->began_ms;
    artifacts->tries++;
    artifacts->puts = true;
    artifacts->port.put(artifacts->port.context, &ended->owner, ended->id);
}

static void end_first(struct artifacts *artifacts, size_t result)
{
    const struct ended *first = first_of(artifacts);

    CHECK(first != NULL);
    artifacts->done = first->position;
    metric_add(M_ARTIFACTS, result, 0, 0, 1);
    drop_first(artifacts);
}

static void tell_failure(struct artifacts *artifacts, const struct ended *ended, bool is_last,
                         const char *why)
{
    metric_add(M_ARTIFACT_FAILURES, 0, 0, 0, 1);
    if (is_last) {
        log_event(LOG_ERROR, "artifacts.lost", F_TEXT("run_id", ended->id), F_TEXT("error", why));
    } else if (!artifacts->is_failing) {
        log_event(LOG_WARN, "artifacts.away", F_TEXT("run_id", ended->id), F_TEXT("error", why),
                  F_TEXT("effect", "the reports are tried again"));
    }
    artifacts->is_failing = artifacts->is_failing || !is_last;
    trouble_tell(TROUBLE_ARTIFACTS, is_last ? NULL : why);
}

static void tell_stored(struct artifacts *artifacts)
{
    if (artifacts->is_failing) {
        log_event(LOG_INFO, "artifacts.back", F_TEXT("run_id", first_of(artifacts)->id));
    }
    artifacts->is_failing = false;
    trouble_tell(TROUBLE_ARTIFACTS, NULL);
}

void artifacts_put_done(struct artifacts *artifacts, enum artifacts_end end, const char *why)
{
    bool is_last =
        end == ARTIFACTS_REFUSED || clock_now_ms() - artifacts->began_ms >= ARTIFACTS_TRIES_MS;

    artifacts->puts = false;
    if (end == ARTIFACTS_STORED) {
        tell_stored(artifacts);
        end_first(artifacts, RESULT_OK);
    } else {
        tell_failure(artifacts, first_of(artifacts), is_last, why);
        if (is_last) {
            end_first(artifacts, RESULT_ERROR);
        } else {
            deadline_set(&artifacts->loop->deadlines, &artifacts->again,
                         duty_pause_ms(FIRST_PAUSE_MS, artifacts->tries), on_again);
        }
    }
    go_on(artifacts);
}

bool artifacts_is_quiet(const struct artifacts *artifacts)
{
    return artifacts == NULL || (!artifacts->puts && !place_is_busy(&artifacts->place) &&
                                 (artifacts->n_waiting == 0 || deadline_is_set(&artifacts->again)));
}

static void on_news(struct feed *feed)
{
    struct artifacts *artifacts = CONTAINER_OF(feed, struct artifacts, feed);

    go_on(artifacts);
}

/* --- on and off duty */
static void stop(struct artifacts *artifacts)
{
    trouble_tell(TROUBLE_ARTIFACTS, NULL);
    deadline_clear(&artifacts->again);
    deadline_clear(&artifacts->save);
    artifacts->port.cancel(artifacts->port.context);
    artifacts->puts = false;
    place_cancel(&artifacts->place);
    feed_close(&artifacts->feed);
    while (artifacts->n_waiting > 0) {
        drop_first(artifacts);
    }
    metric_set_of(M_EVENT_LAG, CONSUMER_ARTIFACTS, 0);
}

static void on_place(struct place *place, const struct error *error)
{
    struct artifacts *artifacts = CONTAINER_OF(place, struct artifacts, place);

    if (error != NULL) {
        duty_yield(&artifacts->duty);
        return;
    }
    place_open_feed(place, &artifacts->feed, artifacts->journal, on_news);
    artifacts->done = artifacts->feed.position;
    go_on(artifacts);
}

static void on_begin(struct duty *duty)
{
    struct artifacts *artifacts = CONTAINER_OF(duty, struct artifacts, duty);

    place_read(&artifacts->place, artifacts->journal, "consumers/artifacts", on_place);
}

static void on_end(struct duty *duty)
{
    stop(CONTAINER_OF(duty, struct artifacts, duty));
}

struct artifacts *artifacts_open(struct loop *loop, const struct artifacts_options *options)
{
    struct artifacts *artifacts = mem_zalloc(sizeof(*artifacts));

    artifacts->loop = loop;
    artifacts->port = options->port;
    artifacts->journal = options->journal;
    list_init(&artifacts->waiting);
    if (artifacts->journal == NULL) {
        feed_open(&artifacts->feed, loop, NULL, on_news);
    } else {
        artifacts->duty =
            (struct duty){.name = "consumer:artifacts", .on_begin = on_begin, .on_end = on_end};
        duty_open(&artifacts->duty, loop, options->keeps);
    }
    return artifacts;
}

/* --- closing */
void artifacts_leave(struct artifacts *artifacts)
{
    if (artifacts != NULL && artifacts->journal != NULL) {
        stop(artifacts);
        duty_close(&artifacts->duty);
    }
}

static void on_all_closed(struct later_item *item)
{
    struct artifacts *artifacts = CONTAINER_OF(item, struct artifacts, closed);
    struct callback on_closed = artifacts->on_closed;

    mem_free(artifacts);
    callback_run(on_closed);
}

static void end(struct artifacts *artifacts)
{
    if (artifacts->n_waiting > 0 && artifacts->journal == NULL) {
        log_event(LOG_ERROR, "artifacts.lost", F_INT("runs", artifacts->n_waiting),
                  F_TEXT("error", "the process ended before their reports were put there"));
    }
    deadline_clear(&artifacts->last_words);
    stop(artifacts);
    later_add(&artifacts->loop->later, &artifacts->closed, on_all_closed);
}

static void on_last_words(struct deadline *deadline)
{
    end(CONTAINER_OF(deadline, struct artifacts, last_words));
}

static void maybe_idle(struct artifacts *artifacts)
{
    if (artifacts->closing) {
        end(artifacts);
    }
}

void artifacts_close(struct artifacts *artifacts, void (*on_closed)(void *context), void *context)
{
    artifacts->on_closed = (struct callback){on_closed, context};
    if (artifacts->journal != NULL) {
        artifacts_leave(artifacts);
        end(artifacts);
        return;
    }
    artifacts->closing = true;
    deadline_set(&artifacts->loop->deadlines, &artifacts->last_words, LAST_WORDS_MS, on_last_words);
    go_on(artifacts);
}
