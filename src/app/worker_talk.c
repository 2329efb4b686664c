#include "worker_talk.h"

#include <string.h>

#include "api/api.h"
#include "base/mem.h"
#include "observe/log.h"
#include "reload.h"

enum { REPORTS_WAIT_MS = 5000, TEXT_MAX = 64 * 1024, NUMBER_BYTES = sizeof(uint32_t) };

/* What one worker says to others is a number (4 bytes), one of these bytes, and what stands here. The number is the
 * asker's number of the question for ASK and REPORT, and 0 for NEWS. */
enum speech {
    SPEECH_NEWS = 1, /* kind of news, text */
    SPEECH_ASK,      /* 1: check only */
    SPEECH_REPORT    /* 1: taken, then why not */
};

/* A request of ours that waits for the reports of the others. */
struct question {
    struct list link;   /* talk->questions */
    struct list waiter; /* the report of the request; empty: the request is gone */
    uint32_t id;
    uint32_t n_expected; /* UINT32_MAX: not known yet */
    struct deadline deadline;
};

/* A question of another worker, while our configuration is read. */
struct answering {
    struct reload_report report;
    struct list link; /* talk->answering */
    struct worker_talk *talk;
    struct arena arena;
    struct error_list errors;
    uint32_t to;
    uint32_t id;
};

struct worker_talk {
    struct worker *worker;
    struct server *server;
    struct list questions;
    struct list answering;
    uint32_t last_id;
};

static void put_number(struct buf *out, uint32_t number)
{
    buf_append(out, &number, NUMBER_BYTES);
}

static uint32_t take_number(struct str *text)
{
    uint32_t number = 0;

    if (text->len >= NUMBER_BYTES) {
        memcpy(&number, text->ptr, NUMBER_BYTES);
    }
    *text = str_sub(*text, NUMBER_BYTES, text->len);
    return number;
}

static unsigned char take_byte(struct str *text)
{
    unsigned char byte = text->len > 0 ? (unsigned char)text->ptr[0] : 0;

    *text = str_sub(*text, 1, text->len);
    return byte;
}

/* ---- news ---- */

void talk_tell_others(void *teller, enum api_news news, struct str text)
{
    struct server *server = teller;
    struct buf frame;

    if (server->worker == NULL) {
        return;
    }
    buf_init(&frame, TEXT_MAX);
    put_number(&frame, 0);
    buf_char(&frame, SPEECH_NEWS);
    buf_char(&frame, (char)news);
    buf_str(&frame, text);
    worker_send_all(server->worker, buf_view(&frame));
    buf_done(&frame);
}

/* ---- what others ask of us ---- */

static void answering_free(struct answering *answering)
{
    list_remove(&answering->report.link);
    list_remove(&answering->link);
    error_list_done(&answering->errors);
    arena_done(&answering->arena);
    mem_free(answering);
}

static void on_own_done(struct reload_report *report)
{
    struct answering *answering = CONTAINER_OF(report, struct answering, report);
    struct buf frame;

    buf_init(&frame, TEXT_MAX);
    put_number(&frame, answering->to);
    put_number(&frame, answering->id);
    buf_char(&frame, SPEECH_REPORT);
    buf_char(&frame, report->is_offered && report->taken ? 1 : 0);
    if (!report->is_offered) {
        buf_text(&frame, "it is shutting down");
    } else if (answering->errors.n > 0) {
        buf_text(&frame, answering->errors.items[0].text);
    }
    worker_send_one(answering->talk->worker, buf_view(&frame));
    buf_done(&frame);
    answering_free(answering);
}

static void answer(struct worker_talk *talk, uint32_t to, uint32_t id, bool is_tried)
{
    struct answering *answering = mem_zalloc(sizeof(*answering));

    answering->talk = talk;
    answering->to = to;
    answering->id = id;
    arena_init(&answering->arena);
    error_list_init(&answering->errors);
    list_append(&talk->answering, &answering->link);
    answering->report = (struct reload_report){.on_done = on_own_done,
                                               .is_alone = true,
                                               .is_tried = is_tried,
                                               .arena = &answering->arena,
                                               .errors = &answering->errors};
    reload_for_request(talk->server, &answering->report);
    if (!answering->report.is_offered) {
        on_own_done(&answering->report);
    }
}

/* ---- what we ask of others ---- */

/* NULL: the request is gone. */
static struct reload_report *waiter_of(struct question *question)
{
    return CONTAINER_OR_NULL(list_first(&question->waiter), struct reload_report, link);
}

static void question_end(struct question *question)
{
    struct reload_report *report = waiter_of(question);

    if (report != NULL) {
        list_remove(&report->link);
    }
    deadline_clear(&question->deadline);
    list_remove(&question->link);
    mem_free(question);
    if (report != NULL) {
        report->on_done(report);
    }
}

static void on_late(struct deadline *deadline)
{
    question_end(CONTAINER_OF(deadline, struct question, deadline));
}

static void look_whether_all(struct question *question)
{
    const struct reload_report *report = waiter_of(question);

    if (report == NULL || report->n_others == question->n_expected) {
        question_end(question);
    }
}

static struct question *find(struct worker_talk *talk, uint32_t id)
{
    struct question *question;

    LIST_EACH (question, &talk->questions, link) {
        if (question->id == id) {
            return question;
        }
    }
    return NULL;
}

void talk_gather_reports(struct server *server, struct reload_report *report)
{
    struct question *question;
    struct worker_talk *talk;
    struct buf frame;

    if (server->worker == NULL || report->is_alone || !report->is_offered) {
        report->on_done(report);
        return;
    }
    talk = worker_talk_of(server->worker);
    question = mem_zalloc(sizeof(*question));
    list_init(&question->waiter);
    list_append(&question->waiter, &report->link);
    question->id = ++talk->last_id;
    question->n_expected = UINT32_MAX;
    list_append(&talk->questions, &question->link);
    deadline_set(&server->loop.deadlines, &question->deadline, REPORTS_WAIT_MS, on_late);
    buf_init(&frame, TEXT_MAX);
    put_number(&frame, question->id);
    buf_char(&frame, SPEECH_ASK);
    buf_char(&frame, report->is_tried ? 1 : 0);
    worker_send_all(talk->worker, buf_view(&frame));
    buf_done(&frame);
}

void talk_counted(struct worker_talk *talk, struct str text)
{
    uint32_t id = take_number(&text);
    uint32_t n = take_number(&text);
    struct question *question = find(talk, id);

    if (question != NULL) {
        question->n_expected = n;
        look_whether_all(question);
    }
}

static void take_report(struct worker_talk *talk, uint32_t from, uint32_t id, struct str text)
{
    struct question *question = find(talk, id);
    struct reload_report *report;
    struct reload_other *other;

    report = question != NULL ? waiter_of(question) : NULL;
    if (report == NULL) {
        return;
    }
    report->others =
        arena_room(report->arena, report->others, report->n_others, sizeof(*report->others));
    other = &report->others[report->n_others++];
    other->worker = from;
    other->taken = take_byte(&text) != 0;
    other->error = arena_str(report->arena, text);
    look_whether_all(question);
}

/* ---- listening ---- */

void talk_hear(struct worker_talk *talk, struct str text)
{
    uint32_t from = take_number(&text);
    uint32_t id = take_number(&text);
    unsigned char speech = take_byte(&text);

    if (speech == SPEECH_NEWS) {
        enum api_news news = (enum api_news)take_byte(&text);

        api_hear(talk->server->api, news, text);
    } else if (speech == SPEECH_ASK) {
        answer(talk, from, id, take_byte(&text) != 0);
    } else if (speech == SPEECH_REPORT) {
        take_report(talk, from, id, text);
    }
}

struct worker_talk *talk_open(struct worker *worker, struct server *server)
{
    struct worker_talk *talk = mem_zalloc(sizeof(*talk));

    talk->worker = worker;
    talk->server = server;
    list_init(&talk->questions);
    list_init(&talk->answering);
    return talk;
}

void talk_stop(struct worker_talk *talk)
{
    struct list *link;

    while ((link = list_first(&talk->questions)) != NULL) {
        question_end(CONTAINER_OF(link, struct question, link));
    }
}

void talk_free(struct worker_talk *talk)
{
    struct list *link;

    while ((link = list_first(&talk->answering)) != NULL) {
        answering_free(CONTAINER_OF(link, struct answering, link));
    }
    mem_free(talk);
}
