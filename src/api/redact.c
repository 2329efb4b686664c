/* Secrets that the platform echoes (virtuoso.md section 5.5): variable values - passwords among
 * them - in meta.initialDataPerJourneySequence and sideEffects.usedData, and the e-mail address of
 * who launched. They are taken out at any level, by name, before an answer is looked at by anything
 * else. */
#include "redact.h"

#include "base/arena.h"

static bool is_secret_member(struct str parent, struct str name)
{
    return str_is(name, "initialDataPerJourneySequence") || str_is(name, "usedData") ||
           (str_is(name, "email") && str_is(parent, "launchedByUser"));
}

static const struct json *find_secret(const struct json *node)
{
    const struct json *child;

    JSON_FOREACH (child, node) {
        if (is_secret_member(json_name(node), json_name(child))) {
            return child;
        }
    }
    return NULL;
}

void redact(struct json *node)
{
    const struct json *child;
    const struct json *secret;

    while (json_type(node) == JSON_OBJECT && (secret = find_secret(node)) != NULL) {
        json_remove(node, json_name(secret));
    }
    JSON_FOREACH (child, node) {
        redact(unconst(child));
    }
}

bool redact_is_needed(struct str text)
{
    return str_contains(text, STR("initialDataPerJourneySequence")) ||
           str_contains(text, STR("usedData")) || str_contains(text, STR("launchedByUser"));
}
