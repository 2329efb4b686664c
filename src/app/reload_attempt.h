/* One try to put another configuration in the place of the running one: read, checked, and swapped. If it
 * fails, what it holds is let go. Owner: reload. */
#ifndef APP_RELOAD_ATTEMPT_H
#define APP_RELOAD_ATTEMPT_H

#include "app/server.h"
#include "key_source.h"
#include "room_options.h"
#include "secret_source.h"

struct attempt {
    struct server *server;
    struct config *fresh;
    struct listeners listeners; /* those without TLS stay as they are */
    struct api_link *links;     /* the clients of the platform */
    struct error_list errors;
    struct reload_report *report; /* NULL: no request asks */
    struct buf changed;           /* for the log: names with commas between */
    struct buf waiting;
    bool new_certificate;
    struct key_place *key_place; /* with new_key_set */
    bool new_key_set;
    bool new_authorities; /* the platform's certificate is checked with other ones */
};

void attempt_init(struct attempt *attempt, struct server *server, struct reload_report *report);
void attempt_done(struct attempt *attempt);
/* False: attempt->errors says why. */
bool attempt_prepare(struct attempt *attempt, const struct config_sources *sources,
                     struct secret_source *secrets);
void attempt_swap(struct attempt *attempt); /* nothing in here can fail */

#endif
