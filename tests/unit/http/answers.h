/* An answer fed from memory, whose events are written down as one line of text. Two feedings of the
 * same bytes must read the same, wherever they were split. */
#ifndef TESTS_UNIT_HTTP_ANSWERS_H
#define TESTS_UNIT_HTTP_ANSWERS_H

#include "base/buf.h"
#include "base/check.h"
#include "http/answer.h"

enum { READING_MAX = 8 * 1024 * 1024 };

struct reading {
    struct http_answer *answer;
    struct buf body;
    struct buf text;            /* "200 [body] end keep, 3 bytes left" or "bad: reason" */
    enum http_answer_event end; /* END, BAD, or MORE: the bytes were over before */
    size_t left;                /* bytes behind the end */
};

static inline void reading_done(struct reading *reading)
{
    http_answer_free(reading->answer);
    buf_done(&reading->body);
    buf_done(&reading->text);
}

/* True: the answer is over. */
static inline bool reading_feed(struct reading *reading, struct str bytes)
{
    enum http_answer_event event = HTTP_ANSWER_PIECE;

    while (event == HTTP_ANSWER_PIECE) {
        size_t used = 0;
        struct str piece = STR_EMPTY;

        event = http_answer_next(reading->answer, bytes, &used, &piece);
        CHECK(used <= bytes.len && (event == HTTP_ANSWER_PIECE) == (piece.len > 0));
        if (event == HTTP_ANSWER_PIECE) {
            CHECK(http_answer_has_head(reading->answer));
            CHECK(piece.ptr >= bytes.ptr && piece.ptr + piece.len == bytes.ptr + used);
            buf_str(&reading->body, piece);
        }
        bytes = str_sub(bytes, used, bytes.len);
    }
    CHECK(event != HTTP_ANSWER_MORE || bytes.len == 0);
    reading->end = event;
    reading->left = event == HTTP_ANSWER_END ? bytes.len : 0;
    return event != HTTP_ANSWER_MORE;
}

static inline void reading_write(struct reading *reading)
{
    struct http_answer *answer = reading->answer;
    struct buf *text = &reading->text;

    if (reading->end == HTTP_ANSWER_BAD) {
        buf_printf(text, "bad: %s", http_answer_fault(answer));
        return;
    }
    buf_printf(text, "%d [", http_answer_status(answer));
    buf_str(text, buf_view(&reading->body));
    buf_text(text, reading->end == HTTP_ANSWER_END ? "] end" : "] more");
    if (reading->end == HTTP_ANSWER_END && http_answer_keeps_connection(answer)) {
        buf_text(text, " keep");
    }
    if (reading->left > 0) {
        buf_printf(text, ", %zu left", reading->left);
    }
}

/* In pieces of `step` bytes (0: whole), the first of them `first` bytes long (0: as the others). */
static inline void reading_run(struct reading *reading, struct str bytes, unsigned how, bool closes,
                               size_t first, size_t step)
{
    bool is_over = false;

    *reading = (struct reading){.end = HTTP_ANSWER_MORE};
    reading->answer = http_answer_new();
    buf_init(&reading->body, READING_MAX);
    buf_init(&reading->text, READING_MAX);
    http_answer_begin(reading->answer, how);
    for (size_t at = 0; at < bytes.len && !is_over;) {
        size_t n = at == 0 && first > 0 ? first : step > 0 ? step : bytes.len;
        struct str piece = str_sub(bytes, at, n);

        at += piece.len;
        is_over = reading_feed(reading, piece);
        reading->left += is_over && reading->end == HTTP_ANSWER_END ? bytes.len - at : 0;
    }
    if (!is_over && closes) {
        reading->end = http_answer_close(reading->answer);
    }
    reading_write(reading);
}

#endif
