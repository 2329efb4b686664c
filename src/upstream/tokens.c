#include "upstream/tokens.h"

#include "observe/log.h"
#include "observe/metrics.h"

enum { REFUSED_MS = 60000, PROBE_MS = 30000 };

static const char *const names[UPSTREAM_N_TOKENS] = {"primary", "secondary"};

static bool is_same(const struct secret *a, const struct secret *b)
{
    return a != NULL && str_eq(secret_reveal(a), secret_reveal(b));
}

void upstream_tokens_configure(struct upstream_tokens *tokens, const struct secret *primary,
                               const struct secret *secondary)
{
    const struct secret *fresh[UPSTREAM_N_TOKENS] = {primary, secondary};

    for (size_t i = 0; i < UPSTREAM_N_TOKENS; i++) {
        if (!is_same(tokens->secrets[i], fresh[i])) {
            tokens->refused_until_ms[i] = 0;
            tokens->generation++;
        }
        tokens->secrets[i] = fresh[i];
    }
}

static bool is_usable(const struct upstream_tokens *tokens, unsigned place, uint64_t now_ms)
{
    return secret_is_set(tokens->secrets[place]) && tokens->refused_until_ms[place] <= now_ms;
}

unsigned upstream_tokens_pick(struct upstream_tokens *tokens, uint64_t now_ms)
{
    if (!secret_is_set(tokens->secrets[1])) {
        return 0;
    }
    if (is_usable(tokens, 0, now_ms)) {
        if (tokens->refused_until_ms[0] != 0) {
            tokens->refused_until_ms[0] = now_ms + PROBE_MS; /* this call tests it for all */
        }
        return 0;
    }
    return is_usable(tokens, 1, now_ms) ? 1 : 0;
}

struct str upstream_tokens_reveal(const struct upstream_tokens *tokens, unsigned place)
{
    return secret_reveal(tokens->secrets[place]);
}

static void use(struct upstream_tokens *tokens, unsigned place)
{
    if (tokens->in_use != place) {
        tokens->in_use = place;
        metric_add(M_TOKEN_CHANGES, 0, 0, 0, 1);
        log_event(place == 0 ? LOG_INFO : LOG_WARN, "upstream.token_changed",
                  F_STR("account", tokens->account), F_TEXT("token", names[place]));
    }
}

void upstream_tokens_accepted(struct upstream_tokens *tokens, unsigned place)
{
    tokens->refused_until_ms[place] = 0;
    use(tokens, place == 0 || tokens->refused_until_ms[0] != 0 ? place : 0);
}

bool upstream_tokens_refused(struct upstream_tokens *tokens, unsigned place, uint64_t now_ms)
{
    unsigned other = 1 - place;

    if (tokens->refused_until_ms[place] == 0) {
        log_event(LOG_WARN, "upstream.token_refused", F_STR("account", tokens->account),
                  F_TEXT("token", names[place]));
    }
    tokens->refused_until_ms[place] = now_ms + REFUSED_MS;
    return is_usable(tokens, other, now_ms);
}

bool upstream_tokens_are_refused(const struct upstream_tokens *tokens)
{
    unsigned n_refused = 0;

    for (size_t i = 0; i < UPSTREAM_N_TOKENS; i++) {
        if (tokens->refused_until_ms[i] == 0 && secret_is_set(tokens->secrets[i])) {
            return false;
        }
        n_refused += tokens->refused_until_ms[i] != 0 ? 1 : 0;
    }
    return n_refused > 0;
}
