/* Judges what continues test runs between two requests (runs.driver, runs.recall). */
#include "config_internal.h"

/* projects/PROJECT/locations/LOCATION/queues/QUEUE */
static bool is_queue(struct str text)
{
    static const char *const words[] = {"projects", NULL, "locations", NULL, "queues", NULL};
    struct str parts[ARRAY_LEN(words) + 1];
    bool is = str_split(text, '/', parts, ARRAY_LEN(parts)) == ARRAY_LEN(words);

    for (size_t i = 0; i < ARRAY_LEN(words) && is; i++) {
        is = words[i] != NULL ? str_is(parts[i], words[i]) : str_is_of(parts[i], "A-Za-z0-9:.-");
    }
    return is;
}

static bool permits_to_continue(const struct config *config)
{
    for (size_t i = 0; i < config->auth.jwt.n_permissions; i++) {
        if ((config->auth.jwt.grants[i].permissions & (PERMISSION_CONTINUE | PERMISSION_ADMIN)) !=
            0) {
            return true;
        }
    }
    return config->auth.jwt.n_permissions == 0; /* then the claim holds names of permissions */
}

/* Cloud Tasks sends a refused task again and again, so a setting that would refuse it is an error. */
static void judge_queue(struct loader *loader, const struct config *config)
{
    if (!is_queue(config->runs.recall_queue)) {
        loader_fail(loader, "runs.recall.queue: must be "
                            "projects/PROJECT/locations/LOCATION/queues/QUEUE");
    }
    if (config->runs.recall_url.len == 0) {
        loader_fail(loader, "runs.recall.queue: set runs.recall.url, too: where tasks reach this "
                            "service");
    }
    if (config->runs.recall_account.len == 0) {
        loader_fail(loader, "runs.recall.queue: set runs.recall.account, too: the service account "
                            "whose token the tasks bring");
    }
    if (config->auth.modes != AUTH_NONE && (config->auth.modes & AUTH_JWT) == 0) {
        loader_fail(loader, "runs.recall.queue: tasks bring a token of Google, and auth.mode takes "
                            "none; add jwt, with auth.jwt.issuer https://accounts.google.com");
    } else if (config->auth.modes != AUTH_NONE && !permits_to_continue(config)) {
        loader_fail(loader, "runs.recall.queue: no word of auth.jwt.permissions permits "
                            "continue:runs; add ACCOUNT=continue:runs");
    }
}

void config_judge_runs(struct loader *loader, const struct config *config)
{
    if (loader->unread) {
        return;
    }
    if (str_is(config->runs.driver, "request") && str_is(config->store.url, "memory:")) {
        loader_fail(loader,
                    "runs.driver: with \"request\" runs lie in a store between two requests, "
                    "and \"memory:\" ends with the process; set store.url");
    }
    if (config->runs.recall_queue.len > 0) {
        judge_queue(loader, config);
    }
}
