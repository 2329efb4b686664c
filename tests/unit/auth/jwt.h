/* What the tests of tokens share: an auth with an issuer and its key set, which the test gives or refuses. */
#ifndef TESTS_UNIT_AUTH_JWT_H
#define TESTS_UNIT_AUTH_JWT_H

#include "harness/cmocka.h"

#include <string.h>

#include "auth/auth.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "harness/token.h"

#define NOW_S  1800000000
#define NOW_MS INT64_C(1800000000000)
#define ISSUER "https://idp.example/realm"

#define RS_HEADER "{\"alg\": \"RS256\", \"kid\": \"rsa\"}"
/* exp is an hour from now */
#define CLAIMS(more)                                                                               \
    "{\"iss\": \"" ISSUER "\", \"aud\": \"qa-proxy\", \"sub\": \"ann\", \"exp\": 1800003600" more  \
    "}"

static struct {
    struct arena arena;
    struct issuer *issuer;
    struct config *config;
    struct deadlines deadlines;
    struct later later;
    struct auth *auth;
    struct auth_source source;
    struct auth_fetch *fetch; /* asked for, not yet answered */
    unsigned n_fetches;
    struct principal principal;
    struct error error;
    unsigned n_ready;
} here;

static inline void on_start(void *context, struct auth_fetch *fetch)
{
    (void)context;
    here.fetch = fetch;
    here.n_fetches++;
}

static inline void on_cancel(void *context)
{
    (void)context;
    here.fetch = NULL;
}

static inline void give_keys(struct str text)
{
    struct auth_fetch *fetch = here.fetch;

    assert_non_null(fetch);
    here.fetch = NULL;
    fetch->on_done(fetch, ERR_OK, text, NULL);
}

static inline void give_failure(void)
{
    struct auth_fetch *fetch = here.fetch;
    struct error err = {0};

    assert_non_null(fetch);
    here.fetch = NULL;
    fetch->on_done(fetch, error_set(&err, ERR_IO, "not there"), STR_EMPTY, &err);
}

static inline int begin(void **state)
{
    (void)state;
    clock_set(1000, NOW_MS);
    arena_init(&here.arena);
    here.issuer = issuer_new(&here.arena);
    here.source = (struct auth_source){.start = on_start, .cancel = on_cancel};
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    issuer_free(here.issuer);
    arena_done(&here.arena);
    clock_release();
    return 0;
}

static inline void load_config(void)
{
    static const char *const environment[] = {NULL};
    static const char *const sets[] = {"sandbox.enabled=true"};
    const struct config_sources sources = {.sets = sets, .n_sets = 1, .environment = environment};
    struct error_list errors;

    error_list_init(&errors);
    assert_int_equal(config_load(&sources, &here.config, &errors), ERR_OK);
    error_list_done(&errors);
}

static inline void open_auth(unsigned modes)
{
    load_config();
    here.config->auth.modes = modes;
    here.config->auth.jwt.jwks = STR("https://idp.example/keys");
    here.config->auth.jwt.issuer = STR(ISSUER);
    here.config->auth.jwt.audience = STR("qa-proxy");
    here.config->auth.jwt.permissions_claim = STR("scope");
    here.config->auth.jwt.algorithms = 7;
    here.config->auth.jwt.skew_s = 60;
    here.config->auth.jwt.refresh_s = 300;
    here.config->auth.jwt.max_remembered = 3;
    deadlines_init(&here.deadlines);
    (void)deadlines_run(&here.deadlines, clock_now_ms());
    later_init(&here.later);
    here.n_fetches = 0;
    here.fetch = NULL;
    here.auth = auth_open(&(struct auth_options){.config = here.config,
                                                 .source = &here.source,
                                                 .deadlines = &here.deadlines,
                                                 .later = &here.later});
}

static inline void open_with_keys(void)
{
    open_auth(AUTH_JWT);
    give_keys(issuer_key_set(here.issuer, ""));
}

static inline void close_auth(void)
{
    struct config *config = here.config;

    config->tenants.n = 0; /* the test's own, without secrets */
    auth_close(here.auth);
    config_release(config);
    assert_null(here.fetch); /* cancelled */
    assert_true(later_is_empty(&here.later));
    assert_true(deadlines_is_empty(&here.deadlines));
}

static inline void on_ready(struct auth_ticket *ticket)
{
    (void)ticket;
    here.n_ready++;
}

/* As a request does it: asks, waits, asks again. LATER: it waits for something that is not there. */
static inline enum auth_verdict decide(struct str token)
{
    struct auth_shown shown = {.bearer = token, .api_key = STR_EMPTY};
    struct auth_ticket ticket = {.on_ready = on_ready};

    here.error = (struct error){0};
    for (int i = 0; i < 5; i++) {
        enum auth_verdict verdict =
            auth_check(here.auth, &shown, &ticket, &here.arena, &here.principal, &here.error);

        if (verdict != AUTH_LATER) {
            return verdict;
        }
        here.n_ready = 0;
        assert_int_equal(auth_wait(here.auth, &ticket, &here.error), ERR_OK);
        (void)later_run(&here.later);
        if (here.n_ready == 0) {
            auth_wait_cancel(&ticket);
            return AUTH_LATER;
        }
    }
    fail_msg("it waits for ever");
    return AUTH_REFUSED;
}

static inline void assert_refused(struct str token, const char *says)
{
    if (decide(token) != AUTH_REFUSED) {
        fail_msg("taken, though: %s", says);
    }
    assert_int_equal(here.error.code, ERR_UNAUTHORIZED);
    if (!str_contains(str_from(here.error.text), str_from(says))) {
        fail_msg("\"%s\" is not in: %s", says, here.error.text);
    }
}

static inline struct str sign(const char *alg, const char *header, const char *claims)
{
    return issuer_sign(here.issuer, alg, header, claims);
}

#endif
