/* What the files of this room share; README.md says what each of them is for. */
#ifndef CLOUD_INTERNAL_H
#define CLOUD_INTERNAL_H

#include "base/secret.h"
#include "cloud/cloud.h"
#include "net/loop.h"
#include "observe/trouble.h"

enum { CLOUD_ATTEMPTS = 2, CLOUD_TIMEOUT_MS = 10000, CLOUD_CONNECT_MS = 3000, CLOUD_ACTIVE = 32 };

/* --- places */
enum place_kind {
    PLACE_ANY,
    PLACE_PUBLIC, /* only addresses of the public internet */
    PLACE_MACHINE /* an endpoint of this machine: no proxy knows the way to it */
};

struct place {
    struct list link;
    struct cloud *cloud;
    struct str origin; /* heap */
    enum place_kind kind;
    struct upstream *upstream;
};

struct place *cloud_place(struct cloud *cloud, struct str origin, enum place_kind kind,
                          struct error *err);

/* --- accounts */
struct account;

typedef void (*account_answer_fn)(struct account *account);

struct account {
    struct cloud *cloud;
    const char *whose; /* "AWS" */
    enum trouble trouble;
    void (*read)(struct account *account);
    /* AWS: id and secret key, and the token of a session; Google: the token alone */
    struct secret key_id, secret_key, token;
    bool is_known;
    int64_t until_ms;    /* Unix; INT64_MAX: for ever */
    struct list waiting; /* cloud calls */
    bool is_reading;
    uint64_t again_ms;  /* by clock_now_ms; not read before */
    struct error error; /* of the last reading */
    /* of the reading */
    struct arena arena;
    struct upstream_call call;
    const char *asked; /* in errors: what was asked */
    account_answer_fn on_answer;
    struct later_item soon;
    unsigned step;
    struct str kept; /* between two steps, in the arena */
};

void account_init(struct account *account, struct cloud *cloud, enum cloud_vendor vendor);
void account_done(struct account *account);
/* True: the credentials can be used now. False: the call waits until cloud_ready or cloud_fail comes for it. */
bool account_is_ready(struct account *account, struct cloud_call *call);
void account_forget(
    struct account *account); /* forgets its credentials; the next call reads them again */

/* For the sources: one request without a signature. on_answer comes from a later turn, with the answer in the call; anything but
 * a 200 fails the reading. */
struct account_question {
    const char *what; /* in errors */
    struct str url;   /* in the arena of the account */
    const char *method;
    const struct upstream_header *headers; /* in the arena, too */
    size_t n_headers;
    struct str body;
    struct str content_type;
    bool is_direct; /* of PLACE_MACHINE */
};

void account_ask(struct account *account, const struct account_question *question,
                 account_answer_fn on_answer);
void account_finish(struct account *account); /* what was read can be used */
void account_fail(struct account *account, const char *format, ...) PRINTF_LIKE(2, 3);
/* The text of a small file, in the arena; empty: account_fail was called. */
struct str account_file(struct account *account, struct str path, const char *what);
struct str account_url_part(struct account *account, struct str text); /* percent-encoded */

void account_read_aws(struct account *account);
void account_read_google(struct account *account);

/* --- cloud.c */
void cloud_ready(struct cloud_call *call);
void cloud_fail(struct cloud_call *call, const struct error *error);
/* Of the environment; empty: not set. */
struct str cloud_variable(const char *name);
struct str cloud_without_slash(struct str url); /* at its end */

struct cloud {
    struct loop *loop;
    struct arena arena; /* of what lives as long as the cloud */
    struct str region;
    struct str ca_file;
    unsigned timeout_ms;
    unsigned max_active;
    struct list running; /* cloud calls, but for those that wait for an account */
    struct list places;
    unsigned n_places;
    struct account accounts[CLOUD_N_VENDORS];
    struct later_item closed;
    struct callback on_closed;
};

#endif
