#include "duty.h"

#include "observe/log.h"

enum {
    AGAIN_MS = 1000,
    YIELDED_MS = 2 * KEEP_WATCH_MS + 1000, /* others ask first, also if one answer is late */
    LOOK_MS = 500,
    PAUSE_MAX_MS = 60000,
    MOST_DOUBLED = 7
};

static void ask(struct duty *duty);
static void end(struct duty *duty);

/* Without the lease asks for it; with the lease looks whether it still lasts. */
static void on_again(struct deadline *deadline)
{
    struct duty *duty = CONTAINER_OF(deadline, struct duty, again);

    if (!duty->is_on) {
        ask(duty);
    } else if (!duty_lasts(duty)) {
        end(duty);
    } else {
        deadline_set(&duty->loop->deadlines, deadline, LOOK_MS, on_again);
    }
}

static void ask_again(struct duty *duty)
{
    deadline_set(&duty->loop->deadlines, &duty->again, AGAIN_MS, on_again);
}

static void end(struct duty *duty)
{
    keep_leave(&duty->user);
    if (duty->is_on) {
        duty->is_on = false;
        log_event(LOG_INFO, "events.off_duty", F_TEXT("lease", duty->name));
        duty->on_end(duty);
    }
    ask_again(duty);
}

static void begin(struct duty *duty)
{
    duty->is_on = true;
    log_event(LOG_INFO, "events.on_duty", F_TEXT("lease", duty->name));
    deadline_set(&duty->loop->deadlines, &duty->again, LOOK_MS, on_again);
    duty->on_begin(duty);
}

static void on_ready(struct keep_user *user, const struct error *error)
{
    struct duty *duty = CONTAINER_OF(user, struct duty, user);

    if (error == NULL) {
        begin(duty);
    } else {
        ask_again(duty);
    }
}

/* The lease gets no pointer to the duty (context NULL), since it may outlive the duty. */
static void ask(struct duty *duty)
{
    static const struct keep_kind kind = {.stays = true};

    if (keep_enter(duty->keeps, str_from(duty->name), &kind, NULL, &duty->user, on_ready)) {
        begin(duty);
    }
}

bool duty_lasts(const struct duty *duty)
{
    return duty->is_on && keep_lasts(&duty->user, 0);
}

void duty_open(struct duty *duty, struct loop *loop, struct keeps *keeps)
{
    duty->loop = loop;
    duty->keeps = keeps;
    deadline_set(&loop->deadlines, &duty->again, 0, on_again);
}

void duty_yield(struct duty *duty)
{
    end(duty);
    keeps_rest_one(duty->keeps, str_from(duty->name));
    deadline_set(&duty->loop->deadlines, &duty->again, YIELDED_MS, on_again);
}

void duty_close(struct duty *duty)
{
    deadline_clear(&duty->again);
    duty->is_on = false;
    keep_leave(&duty->user);
}

uint64_t duty_pause_ms(uint64_t first_ms, unsigned tries)
{
    uint64_t pause_ms = first_ms << (tries < MOST_DOUBLED ? tries - 1 : MOST_DOUBLED);

    return pause_ms <= PAUSE_MAX_MS / 2 ? pause_ms : PAUSE_MAX_MS;
}
