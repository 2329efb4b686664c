#include <signal.h>

#include "base/clock.h"
#include "base/limits.h"
#include "observe/log.h"
#include "supervisor_internal.h"

/* The first start after an end comes at once; a worker that ends again and again is started after growing waits. */
enum {
    WAIT_FIRST_MS = 100,
    WAIT_MAX_MS = 5000,
    LIVES_MS = 10000,  /* a worker that lived so long is not ending again and again */
    SILENT_MS = 5000,  /* so long nothing was heard of it: its loop stands still */
    STARTS_MS = 60000, /* until it answers */
};

static struct process *free_process(struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->n_slots; i++) {
        if (supervisor->processes[i].state == PROCESS_NONE) {
            return &supervisor->processes[i];
        }
    }
    return NULL;
}

static void on_again(struct deadline *deadline)
{
    seat_fill(CONTAINER_OF(deadline, struct seat, again));
}

static void fill_later(struct seat *seat, uint64_t wait_ms)
{
    deadline_set(&seat->supervisor->loop.deadlines, &seat->again, wait_ms, on_again);
}

void seat_fill(struct seat *seat)
{
    struct process *process = free_process(seat->supervisor);

    deadline_clear(&seat->again);
    if (process == NULL) { /* no slot is free: earlier workers have not ended */
        fill_later(seat, WAIT_FIRST_MS);
        return;
    }
    seat->process = process;
    if (!process_start(process, seat) && process->state == PROCESS_NONE) {
        seat->process = NULL;
        fill_later(seat, WAIT_MAX_MS);
    }
}

void seat_ready(struct process *process)
{
    struct supervisor *supervisor = process->supervisor;

    if (process->state != PROCESS_STARTS) {
        return;
    }
    process->state = PROCESS_SERVES;
    process->seat->was_taken = true;
    for (unsigned i = 0; i < supervisor->n_seats; i++) {
        const struct seat *seat = &supervisor->seats[i];

        if (seat->process == NULL || seat->process->state != PROCESS_SERVES) {
            return;
        }
    }
    supervisor_ready(supervisor);
}

/* The worker itself has got SIGTERM: another worker starts, and accepts from the same sockets. */
void seat_draining(struct process *process)
{
    struct seat *seat = process->seat;

    process->state = PROCESS_DRAINS;
    if (seat->process == process && seat->supervisor->state == SUPERVISOR_SERVES) {
        seat->process = NULL;
        seat_fill(seat);
    }
}

void seat_ended(struct process *process, int64_t status, int signal)
{
    struct seat *seat = process->seat;
    struct supervisor *supervisor = process->supervisor;
    bool was_ours = seat->process == process;
    bool has_lived = clock_now_ms() - process->began_ms >= LIVES_MS;
    uint64_t wait_ms = has_lived ? 0 : seat->wait_ms;

    if (was_ours) {
        seat->process = NULL;
    }
    if (supervisor->state == SUPERVISOR_STARTS) { /* the worker has said why */
        supervisor->failed = true;
        supervisor_stop(supervisor);
        return;
    }
    if (supervisor->state !=
        SUPERVISOR_SERVES) { /* it was told to end: our exit status tells if it failed */
        supervisor->failed = supervisor->failed || status != 0 || signal != 0;
        return;
    }
    if (!was_ours) {
        return;
    }
    seat->wait_ms = wait_ms == 0 ? WAIT_FIRST_MS : wait_ms * 2;
    seat->wait_ms = seat->wait_ms > WAIT_MAX_MS ? WAIT_MAX_MS : seat->wait_ms;
    log_event(LOG_ERROR, "worker.ended", F_INT("worker", process->slot),
              F_INT("pid", process->handle.pid), F_INT("status", status), F_INT("signal", signal),
              F_INT("again_in_ms", wait_ms));
    if (wait_ms == 0) {
        seat_fill(seat);
    } else {
        fill_later(seat, wait_ms);
    }
}

static uint64_t since(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

/* The second half of the silence does not count as long as the worker waits for a processor: on a crowded machine its loop
 * does not stand still, and one that starts in its place would make the crowd larger. */
bool process_is_silent(struct process *process, uint64_t now_ms, uint64_t limit_ms,
                       const struct cpu_use *use)
{
    uint64_t half_ms = limit_ms / 2;

    if (now_ms < process->heard_ms + half_ms) {
        process->doubted_ms = 0;
        return false;
    }
    if (process->doubted_ms == 0) {
        process->doubted_ms = now_ms;
        process->doubted_use = *use;
    }
    if (use->is_runnable && use->ran_ms > 0 &&
        since(use->ran_ms, process->doubted_use.ran_ms) < half_ms) {
        return false; /* it waits for a processor, or has just begun to work without a word */
    }
    return now_ms >= process->heard_ms + limit_ms &&
           now_ms - process->doubted_ms >=
               half_ms + since(use->waited_ms, process->doubted_use.waited_ms);
}

/* Kills workers that stand still: connections that the kernel has given them would wait as long as that. */
void seats_look(struct supervisor *supervisor)
{
    uint64_t now_ms = clock_now_ms();

    for (unsigned i = 0; i < supervisor->n_slots; i++) {
        struct process *process = &supervisor->processes[i];
        uint64_t silent_ms = process->state == PROCESS_STARTS ? STARTS_MS : SILENT_MS;

        struct cpu_use use;

        if (!process_lives(process)) {
            continue;
        }
        use = cpu_use_of(process->handle.pid);
        if (process_is_silent(process, now_ms, silent_ms, &use)) {
            process_kill(process, process->state == PROCESS_STARTS ? "it does not answer"
                                                                   : "its loop stands still");
        }
    }
}
