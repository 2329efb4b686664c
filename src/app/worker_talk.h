/* What workers tell each other, so that what an operator asks of one is done by all: the level of the log, forgetting kept
 * answers, and reading the configuration again, of which each reports. The texts travel through the supervisor. */
#ifndef APP_WORKER_TALK_H
#define APP_WORKER_TALK_H

#include "app/server.h"

struct worker;
struct worker_talk;
struct reload_report;

struct worker_talk *talk_open(struct worker *worker, struct server *server);
void talk_hear(struct worker_talk *talk, struct str text);    /* slot, then what it says */
void talk_counted(struct worker_talk *talk, struct str text); /* id, number of others */
void talk_stop(struct worker_talk *talk); /* requests that wait for reports get what there is */
void talk_free(struct worker_talk *talk);

/* For api_options.tell_others; `teller` is the server. */
void talk_tell_others(void *teller, enum api_news news, struct str text);
/* Makes the others read their configuration, too, and then calls report->on_done with what became of it, after 5 s at
 * most. Without other workers, or if ours was not read, it is called at once. */
void talk_gather_reports(struct server *server, struct reload_report *report);

/* worker.c: send a text as WORKER_ALL and WORKER_ONE. */
void worker_send_all(struct worker *worker, struct str text);
void worker_send_one(struct worker *worker, struct str text);
struct worker_talk *worker_talk_of(struct worker *worker);

#endif
