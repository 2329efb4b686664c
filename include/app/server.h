/* server: the one struct that owns everything of a running proxy, wires the rooms together and
 * takes them down again in order. Lives in main(); a process may have several at a time, which share
 * the metrics, the log and the facts.
 *
 *   STARTING ─► SERVING ─► DRAINING (readiness 503, listener open for notice_ms, then closed;
 *                             exchanges finish until limit_ms) ─► STOPPING (all closed) ─► STOPPED
 *
 * Promise: server_run returns when everything is closed; server_done CHECKs that nothing is
 * left. */
#ifndef APP_SERVER_H
#define APP_SERVER_H

#include <stdbool.h>
#include <uv.h>

#include "api/api.h"
#include "base/deadline.h"
#include "config/config.h"
#include "http/server.h"
#include "net/loop.h"
#include "sandbox/sandbox.h"
#include "session/session.h"
#include "store/store.h"

enum {
    SIGNALS_MAX = 45
}; /* four that end a process, SIGHUP, eight others and those of real time */

struct signal_handles {
    uv_signal_t items[SIGNALS_MAX];
    unsigned n; /* that are open */
    bool closing;
};

enum server_state {
    SERVER_STARTING,
    SERVER_SERVING,
    SERVER_DRAINING,
    SERVER_STOPPING,
    SERVER_STOPPED
};

struct archive;
struct artifacts;
struct catalog;
struct clients;
struct dictionary;
struct google;
struct key_source;
struct lambda;
struct journal;
struct manager;
struct purge_feed;
struct recaller;
struct reload;
struct listeners;
struct sinks;
struct worker;

/* What a process was given by the process that started it. */
struct server_given {
    int sockets[CONFIG_LISTENERS_MAX]; /* by their place in config->server.all; 0: none */
    int admin_socket;                  /* 0: none */
    int store_fd;                      /* to the store of the supervisor (store/peer.h); 0: none */
    const char *sandbox;               /* where the supervisor's sandbox listens; empty: none */
    bool is_worker;
    bool is_restart; /* a worker in the place of one that ended */
    unsigned slot;   /* the number of a worker; no other live worker has the same */
};

struct server {
    struct loop loop;
    struct config *config;   /* owned */
    struct catalog *catalog; /* owned, as the next one; with them the metrics are open */
    struct dictionary *dictionary;
    enum server_state state;
    struct server_given given;
    struct worker *worker;    /* NULL: there is no supervisor */
    struct sandbox *sandbox;  /* of this process; NULL: none */
    char sandbox_address[64]; /* of the sandbox that is the platform; empty: the real platform */
    struct clients *clients;  /* of the platform, for `upstream` and the tenants */
    struct purge_feed *purge_feed; /* NULL: no other proxy is listened to */
    struct key_source *key_source; /* NULL: no JWT is taken */
    struct session_store *sessions;
    struct store *store;     /* NULL: nothing is shared with other processes */
    struct keeps *keeps;     /* with a store */
    struct journal *journal; /* NULL: facts stay in this process */
    struct webhooks *webhooks;
    struct analytics *analytics; /* NULL: off */
    struct sinks *sinks;         /* of analytics; NULL: there are none */
    struct google *google;       /* for the sinks; NULL: none goes to BigQuery */
    struct audit *audit;         /* NULL: no audit file is written */
    struct artifacts *artifacts; /* NULL: reports of runs are not kept elsewhere */
    struct archive *archive;     /* puts the reports there */
    struct recaller *recaller;   /* NULL: runs are not asked to be continued */
    struct telemetry *telemetry; /* NULL: nothing is sent to a collector */
    struct api *api;
    struct http_server *http;
    struct lambda *lambda;     /* where requests come from instead of sockets; NULL: from sockets */
    struct http_server *admin; /* NULL: `http` answers operators, too */
    struct listeners *listeners;
    struct reload *reload;   /* NULL: the configuration stays as it is */
    struct manager *manager; /* the service manager; NULL: there is none */
    struct deadline drain_step;
    uint64_t drain_began_ms;
    unsigned notice_ms; /* drain.notice_ms, or 0 if a person waits at a terminal */
    size_t n_closed;    /* of the steps of the way down */
    struct signal_handles signals;
    bool interrupted; /* one SIGINT came */
    bool failed;      /* it stops because something that it needs is gone */
    char sandbox_url[128];
    void (*on_stopping)(struct server *server);  /* first thing of the way down; NULL: nothing */
    void (*on_interrupt)(struct server *server); /* instead of draining at a signal; NULL: drain */
    void *owner;
};

/* Where requests come from. */
enum server_front { FRONT_NONE /* the sandbox alone is opened */, FRONT_SOCKETS, FRONT_LAMBDA };

/* Takes the configuration over (also on failure). Opens everything; when it fails, everything that
 * was opened is closed again. `given` NULL: nothing is given; the server opens itself what it is not given. */
enum error_code server_open(struct server *server, struct config *config, enum server_front front,
                            const struct server_given *given, struct error *err) MUST_CHECK;
/* SIGHUP, SIGUSR1 and SIGUSR2 do not end the process: they are logged, and SIGHUP reloads where
 * server->reload says how. For programs that serve; clients leave them as they are. */
void server_ignore_signals(struct server *server);
/* The embedded sandbox becomes the platform of this configuration. */
void server_adopt_sandbox(struct server *server, struct config *config);
void server_run(struct server *server);  /* until stopped */
void server_stop(struct server *server); /* at once: breaks what is open */
/* What SIGTERM does. `at_terminal`: a person waits, so there is no pause in which balancers could notice. */
void server_drain(struct server *server, bool at_terminal);
void server_done(struct server *server);
/* http(s)://ADDR:PORT, or unix:/PATH, of the first listener of `http`. */
const char *server_url(const struct server *server, char out[160]);

#endif
