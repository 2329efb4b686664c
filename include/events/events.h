/* events: what becomes of facts (observe/fact.h) outside of this process. */
#ifndef EVENTS_EVENTS_H
#define EVENTS_EVENTS_H

#include "base/json_pen.h"
#include "base/json_writer.h"
#include "observe/fact.h"

/* One fact as an object of CloudEvents 1.0
 * (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md). Its id is
 * that of the process and the fact's number: no two events have the same. */
void cloud_event_write(struct json_writer *w, const struct fact *fact);
/* From now on the event of a run that has ended tells where its reports are (data/artifact.h). This holds for the whole
 * process, as the ring of facts does. Empty: no links. */
void cloud_events_link(struct str artifacts);

/* Writes the same as cloud_event_write, but faster; `out` may grow by CLOUD_EVENT_MAX. */
enum { CLOUD_EVENT_MAX = 16 * 1024 };

void cloud_event_put(struct buf *out, const struct fact *fact);
/* Write parts of an event. `head` stands before the text and ends with its quote. An empty text is left out. */
void cloud_event_put_id(struct json_pen *pen, const struct fact *fact);
void cloud_event_put_text(struct json_pen *pen, struct str head, const char *text);
/* "3f2a9c01d4e5b687-17" */
void cloud_event_id(const struct fact *fact, char out[48]);
/* The number of the fact with this id, in the ring of this process; 0: it is not there. */
uint64_t cloud_event_find(struct str id);

#endif
