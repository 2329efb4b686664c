/* Sockets that are readable and wait for a later turn of the loop. */
#include <limits.h>
#include <sys/epoll.h>

#include "transport_internal.h"

enum { FIRST_BYTES_MS = 500, PATIENT_A_TURN = 16 };

/* True: the first bytes of the client were no whole request, or did not come within FIRST_BYTES_MS. */
bool transport_makes_wait(const struct transport *transport)
{
    return !transport->is_proven &&
           (transport->has_read ||
            uv_now(&transport->loop->uv) - transport->opened_ms > FIRST_BYTES_MS);
}

/* While fewer than 1,024 sockets are readable, libuv asks the kernel once a turn, so a socket that waits for the
 * next turn may stay in the poll: to leave it and to come back are two system calls. A socket that is reported
 * twice in a turn shows that there are more. */
bool transport_may_stay(struct transport *transport)
{
    uint8_t turn = (uint8_t)transport->loop->n_turns;

    if (transport_makes_wait(transport) || transport->passed_turn == turn) {
        return false;
    }
    transport->passed_turn = turn;
    return true;
}

static void on_resume(struct later_item *item);

/* If many sockets are readable, one that is not read would be reported again and again within the turn. libuv
 * takes it out of the poll only when it is reported once more, which for ten thousand sockets is a long turn in
 * itself: so this function takes it out at once. */
void transport_hold(struct transport *transport, bool only_reads)
{
    struct loop *loop = transport->loop;
    struct epoll_event unused = {0};
    uv_os_fd_t fd;

    (void)uv_read_stop(&transport->socket.stream);
    if (only_reads && uv_fileno(&transport->socket.handle, &fd) == 0) {
        (void)epoll_ctl(uv_backend_fd(&loop->uv), EPOLL_CTL_DEL, fd, &unused);
    }
    list_append(transport_makes_wait(transport) ? &loop->held_patient : &loop->held,
                &transport->hold);
    later_add(&loop->later, &loop->resume, on_resume);
}

static void read_again(struct list *held, unsigned most)
{
    struct list *link;

    while (most-- > 0 && (link = list_take_first(held)) != NULL) {
        transport_poll(CONTAINER_OF(link, struct transport, hold));
    }
}

static void on_resume(struct later_item *item)
{
    struct loop *loop = CONTAINER_OF(item, struct loop, resume);

    read_again(&loop->held, UINT_MAX);
    read_again(&loop->held_patient, PATIENT_A_TURN);
    if (!list_is_empty(&loop->held_patient)) {
        later_add(&loop->later, &loop->resume, on_resume);
    }
}
