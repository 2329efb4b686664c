#include "harness/run_follower.h"

#include "harness/cmocka.h"

static void connect_to(struct run_follower *watcher)
{
    struct arena *arena = &watcher->replicas->platform.arena;
    struct str fields = arena_printf(arena, "Last-Event-ID: %lld\r\n", (long long)watcher->last);
    struct str target = arena_printf(arena, "/api/v1/tests/runs/%.*s/events", STR_ARG(watcher->id));

    while (watcher->replicas->programs[watcher->replica].pid == 0) {
        watcher->replica = (watcher->replica + 1) % watcher->replicas->n;
    }
    client_open(&watcher->client, watcher->replicas->programs[watcher->replica].port);
    watcher->client.timeout_ms = 200;
    watcher->n_read = 0;
    reply_init(&watcher->reply);
    assert_true(client_send_request(&watcher->client, "GET", target.ptr, fields.ptr, STR_EMPTY));
    watcher->client.timeout_ms = 20000;
    if (client_read_head(&watcher->client, false, &watcher->reply) != CLIENT_OK) {
        client_close(&watcher->client);
        reply_done(&watcher->reply);
        return; /* killed just now */
    }
    if (watcher->reply.status != 200) {
        fail_msg("the stream was answered with %d", watcher->reply.status);
    }
    watcher->client.timeout_ms = 100;
    watcher->open = true;
    watcher->n_connects++;
}

/* Each event has the number behind that of the one before. */
static void take_line(struct run_follower *watcher, struct str line)
{
    int64_t id;

    if (str_starts(line, STR("id: "))) {
        assert_true(str_to_i64(str_sub(line, 4, line.len), 1, 1000000, &id));
        if (id != watcher->last + 1) {
            fail_msg("event %lld came behind event %lld", (long long)id, (long long)watcher->last);
        }
        watcher->last = id;
    }
    watcher->done = watcher->done || str_is(line, "event: done");
}

/* Whole ones only. */
static void take_lines(struct run_follower *watcher)
{
    struct str text = buf_view(&watcher->reply.body);

    for (;;) {
        struct str rest = str_sub(text, watcher->n_read, text.len);
        ptrdiff_t at = str_find_char(rest, '\n');

        if (at < 0) {
            return;
        }
        watcher->n_read += (size_t)at + 1;
        take_line(watcher, str_sub(rest, 0, (size_t)at));
    }
}

void run_follower_follow(struct run_follower *watcher, unsigned ms)
{
    uint64_t until_ms = client_now_ms() + ms;

    while (!watcher->done && client_now_ms() < until_ms) {
        enum client_result result;

        if (!watcher->open) {
            connect_to(watcher);
            continue;
        }
        result = client_read_piece(&watcher->client, &watcher->reply);
        take_lines(watcher);
        if (result != CLIENT_OK && result != CLIENT_TIMEOUT) {
            client_close(&watcher->client);
            reply_done(&watcher->reply);
            watcher->open = false;
        }
    }
}

void run_follower_end(struct run_follower *watcher)
{
    if (watcher->open) {
        client_close(&watcher->client);
        reply_done(&watcher->reply);
    }
    *watcher = (struct run_follower){0};
}
