/* limits.classes and limits.rules, taken apart. */
#include "config_internal.h"

enum { RATE_MAX = 1000000 };

/* "10/50/4": requests a second, requests at once after a pause, requests in progress. The third may be left out
 * where `may_be_short`. */
static bool read_rate(struct str text, bool may_be_short, struct config_rate *out)
{
    unsigned *const parts[] = {&out->per_second, &out->burst, &out->concurrency};
    bool has_more = true;
    size_t n = 0;

    for (; n < ARRAY_LEN(parts) && has_more; n++) {
        struct str digits;
        int64_t value;

        has_more = str_cut(text, '/', &digits, &text);
        if (!str_to_i64(digits, 1, RATE_MAX, &value)) {
            return false;
        }
        *parts[n] = (unsigned)value;
    }
    return !has_more && (n == ARRAY_LEN(parts) || (may_be_short && n == ARRAY_LEN(parts) - 1));
}

static void judge_classes(struct loader *loader, struct config *config)
{
    struct config_class *classes =
        arena_calloc(&loader->box->arena, config->limits.n_classes + 1, sizeof(*classes));

    for (size_t i = 0; i < config->limits.n_classes; i++) {
        struct str text = config->limits.classes[i];
        struct str rate;

        if (!str_cut(text, '=', &classes[i].name, &rate) || classes[i].name.len == 0 ||
            !read_rate(rate, false, &classes[i].rate)) {
            loader_fail(loader,
                        "limits.classes: \"%.*s\" is not NAME=RATE/BURST/CONCURRENCY with whole "
                        "numbers from 1 to %d",
                        SHOWN(text), RATE_MAX);
        }
    }
    config->limits.class_rates = classes;
}

/* "tenant:execute" */
static bool read_scope(struct str name, struct config_rule *out)
{
    struct str scope;
    struct str class;
    bool has_class = str_cut(name, ':', &scope, &class);

    out->name = name;
    out->scope = str_is(scope, "tenant") ? RULE_TENANT : RULE_KEY;
    out->class = route_class_find(class);
    digest_of(name, &out->digest);
    return (str_is(scope, "tenant") || str_is(scope, "key")) &&
           has_class == (out->class != ROUTE_CLASS_ANY);
}

static bool is_twice(const struct config_rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(rules[i].name, rules[n].name)) {
            return true;
        }
    }
    return false;
}

static bool take_rule(struct loader *loader, struct str text, struct config_rule *rules, size_t n)
{
    struct str name;
    struct str rate;

    if (!str_cut(text, '=', &name, &rate) || !read_scope(name, &rules[n]) ||
        !read_rate(rate, true, &rules[n].rate)) {
        return loader_fail(
            loader,
            "limits.rules: \"%.*s\" is not SCOPE=RATE/BURST, SCOPE:CLASS=RATE/BURST or one "
            "of these with /CONCURRENCY; SCOPE is key or tenant, CLASS is read, write, "
            "execute, command, run, direct or admin, the numbers are whole and from 1 to %d",
            SHOWN(text), RATE_MAX);
    }
    if (str_is(name, "key")) {
        return loader_fail(loader, "limits.rules: \"key\" without a class is limits.per_key and "
                                   "limits.burst; set those");
    }
    if (is_twice(rules, n)) {
        return loader_fail(loader, "limits.rules: \"%.*s\" stands there twice", STR_ARG(name));
    }
    return true;
}

static void judge_rules(struct loader *loader, struct config *config)
{
    struct config_rule *rules =
        arena_calloc(&loader->box->arena, config->limits.n_rules + 1, sizeof(*rules));

    for (size_t i = 0; i < config->limits.n_rules; i++) {
        (void)take_rule(loader, config->limits.rules[i], rules, i);
    }
    config->limits.rule_rates = rules;
}

void config_judge_limits(struct loader *loader, struct config *config)
{
    judge_classes(loader, config);
    judge_rules(loader, config);
}
