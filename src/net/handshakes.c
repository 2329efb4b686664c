#include "net/handshakes.h"

#include "base/check.h"
#include "base/clock.h"
#include "crypto/tls.h"
#include "observe/metrics.h"
#include "transport_internal.h"

enum { TURN_NS = 2000000, RECORD_HANDSHAKE = 22, RECORD_HEAD = 5 };

static void on_turn(struct later_item *item);
static void on_stall(struct deadline *deadline);

void handshakes_init(struct handshakes *handshakes, struct loop *loop)
{
    *handshakes = (struct handshakes){.loop = loop, .max = 1};
    list_init(&handshakes->begun);
    list_init(&handshakes->waiting);
    list_init(&handshakes->ready);
}

void handshakes_configure(struct handshakes *handshakes, unsigned max, uint64_t stall_ms)
{
    handshakes->max = max > 0 ? max : 1;
    handshakes->stall_ms = stall_ms;
}

void handshakes_done(struct handshakes *handshakes)
{
    CHECK(handshakes->n == 0 && list_is_empty(&handshakes->waiting));
    later_remove(&handshakes->turn);
    deadline_clear(&handshakes->stall);
}

/* The handshake goes on in a later turn; until then the transport reads no more bytes. */
static void make_ready(struct transport *transport)
{
    struct handshakes *handshakes = transport->options.handshakes;

    transport_read_stop(transport);
    if (!list_is_linked(&transport->start->ready)) {
        list_append(&handshakes->ready, &transport->start->ready);
        later_add(&handshakes->loop->later, &handshakes->turn, on_turn);
    }
}

static void begin(struct transport *transport)
{
    struct handshakes *handshakes = transport->options.handshakes;

    transport->tls = tls_stream_new(transport->start->tls);
    transport->start->shake_began_ms = clock_now_ms();
    tls_stream_feed(transport->tls, buf_view(&transport->start->early));
    buf_done(&transport->start->early);
    if (handshakes == NULL) {
        return;
    }
    handshakes->n++;
    metric_gauge_add(M_HANDSHAKES_ACTIVE, 1);
    list_append(&handshakes->begun, &transport->start->shake);
    make_ready(transport);
}

static uint64_t stalls_at(const struct handshakes *handshakes)
{
    const struct transport_start *oldest =
        CONTAINER_OF(handshakes->begun.next, struct transport_start, shake);

    return oldest->shake_began_ms + handshakes->stall_ms;
}

/* The stall deadline is set only while a connection waits for a handshake to end. */
static void await_stall(struct handshakes *handshakes)
{
    uint64_t now_ms = clock_now_ms();
    uint64_t at_ms;

    if (list_is_empty(&handshakes->waiting) || list_is_empty(&handshakes->begun)) {
        deadline_clear(&handshakes->stall);
        return;
    }
    at_ms = stalls_at(handshakes);
    deadline_set(&handshakes->loop->deadlines, &handshakes->stall,
                 at_ms > now_ms ? at_ms - now_ms : 0, on_stall);
}

static void on_stall(struct deadline *deadline)
{
    struct handshakes *handshakes = CONTAINER_OF(deadline, struct handshakes, stall);

    if (!list_is_empty(&handshakes->waiting) && !list_is_empty(&handshakes->begun) &&
        stalls_at(handshakes) <= clock_now_ms()) {
        struct transport *oldest =
            CONTAINER_OF(handshakes->begun.next, struct transport_start, shake)->transport;

        handshake_ended(oldest, RESULT_REFUSED);
        transport_give_up(oldest);
    }
    await_stall(handshakes);
}

static void await_turn(struct transport *transport)
{
    struct handshakes *handshakes = transport->options.handshakes;

    transport_read_stop(transport);
    list_append(&handshakes->waiting, &transport->start->shake);
    metric_gauge_add(M_HANDSHAKES_WAITING, 1);
    await_stall(handshakes);
}

/* Until its first record is whole (RFC 8446 section 5.1) a client costs only these bytes, and gets no turn.
 * Bytes that are no handshake record count as begun: TLS refuses them. */
static bool has_begun(struct str bytes)
{
    const unsigned char *at = (const unsigned char *)bytes.ptr;

    if (bytes.len > 0 && at[0] != RECORD_HANDSHAKE) {
        return true;
    }
    return bytes.len >= RECORD_HEAD &&
           bytes.len >= RECORD_HEAD + (((size_t)at[3] << 8) | (size_t)at[4]);
}

void handshake_bytes(struct transport *transport, struct str cipher)
{
    struct handshakes *handshakes = transport->options.handshakes;

    if (transport->tls == NULL) {
        buf_str(&transport->start->early, cipher);
        if (!has_begun(buf_view(&transport->start->early)) && buf_ok(&transport->start->early)) {
            return;
        }
        if (handshakes != NULL && handshakes->n >= handshakes->max) {
            await_turn(transport);
            return;
        }
        begin(transport);
    } else {
        tls_stream_feed(transport->tls, cipher);
    }
    if (handshakes == NULL) {
        transport_shake(transport);
    } else {
        make_ready(transport);
    }
}

static void admit(struct handshakes *handshakes)
{
    struct list *link;

    while (handshakes->n < handshakes->max &&
           (link = list_take_first(&handshakes->waiting)) != NULL) {
        metric_gauge_add(M_HANDSHAKES_WAITING, -1);
        begin(CONTAINER_OF(link, struct transport_start, shake)->transport);
    }
}

void handshake_ended(struct transport *transport, unsigned result)
{
    struct handshakes *handshakes = transport->options.handshakes;

    if (handshakes == NULL || transport->start == NULL ||
        !list_is_linked(&transport->start->shake)) {
        return;
    }
    list_remove(&transport->start->shake);
    list_remove(&transport->start->ready);
    metric_add(M_HANDSHAKES, result, 0, 0, 1);
    if (transport->tls == NULL) {
        metric_gauge_add(M_HANDSHAKES_WAITING, -1);
        return;
    }
    handshakes->n--;
    metric_gauge_add(M_HANDSHAKES_ACTIVE, -1);
    admit(handshakes);
}

static void on_turn(struct later_item *item)
{
    struct handshakes *handshakes = CONTAINER_OF(item, struct handshakes, turn);
    uint64_t began_ns = uv_hrtime();
    struct list *link;

    while ((link = list_take_first(&handshakes->ready)) != NULL) {
        transport_shake(CONTAINER_OF(link, struct transport_start, ready)->transport);
        if (uv_hrtime() - began_ns >= TURN_NS) {
            break;
        }
    }
    if (!list_is_empty(&handshakes->ready)) {
        later_add(&handshakes->loop->later, &handshakes->turn, on_turn);
    }
}
