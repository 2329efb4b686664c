/* Variables without our prefix that were meant for this program: those of the service that it replaces, whose work an
 * option does here, and misspelt names of variables that are read. A misspelt VIRTUOSO_... is an error, because no
 * other program has such names. All others are warnings. */
#include "base/nearest.h"
#include "config_internal.h"

#define PLATFORM "VIRTUOSO_"

enum { SHORTEST = 7, NAME_SHOWN = 80 };

/* Variables of the replaced service, and the option that does their work here. `fine`: with this value no warning is
 * needed, because this program does the same anyway. */
static const struct {
    const char *names; /* space separated */
    const char *key;
    const char *fine;
} replaced[] = {
    {"API_HOST API_PORT", "server.listen", NULL},
    {"WORKERS API_WORKERS", "server.workers", "1"},
    {"AUTH_ENABLED", "auth.mode", "true"},
    {"SKIP_AUTH", "auth.mode", "false"},
    {"CLI_TIMEOUT REQUEST_TIMEOUT", "upstream.timeout_ms", NULL},
    {"LOG_FORMAT", "log.format", NULL},
    {"RATE_LIMIT_ENABLED", "limits.enabled", "true"},
    {"RATE_LIMIT_REQUESTS RATE_LIMIT_PERIOD", "limits.per_key", NULL},
    {"REDIS_URL", "store.url", NULL},
    {"REDIS_PASSWORD", "store.password", NULL},
    {"SESSION_TIMEOUT", "sessions.timeout_s", "3600"},
    {"SESSION_MAX_AGE", "sessions.max_age_s", "86400"},
    {"MAX_UPLOAD_SIZE MAX_REQUEST_SIZE", "http.max_test_file_body", NULL},
    {"CACHE_ENABLED", "cache.enabled", "true"},
    {"CACHE_TTL", "cache.ttl_s", "300"},
    {"GCP_PROJECT_ID", "log.gcp_project", NULL},
    {"USE_FIRESTORE", "store.url", "false"},
    {"USE_SECRET_MANAGER", "secrets.tree", "false"},
    {"USE_CLOUD_STORAGE", "artifacts.url", "false"},
    {"USE_CLOUD_TASKS", "runs.driver", "false"},
    {"USE_BIGQUERY", "analytics.bigquery", "false"},
    {"USE_CLOUD_MONITORING", "otel.endpoint", "false"},
};

static void warn(struct loader *loader, struct str name, const char *what, struct str more,
                 const char *end)
{
    struct config_box *box = loader->box;

    if (box->n_unread < CONFIG_UNREAD_MAX) {
        box->unread[box->n_unread++] =
            arena_cstr(&box->arena, arena_printf(&box->arena, "%.*s: %s%.*s%s",
                                                 STR_ARG(str_sub(name, 0, NAME_SHOWN)), what,
                                                 STR_ARG(more), end));
    }
}

/* True: it is a variable of the replaced service. */
static bool was_replaced(struct loader *loader, struct str name, struct str value)
{
    for (size_t i = 0; i < ARRAY_LEN(replaced); i++) {
        if (!str_has_word(replaced[i].names, name)) {
            continue;
        }
        if ((replaced[i].fine == NULL || !str_is_nocase(str_trim(value), replaced[i].fine)) &&
            !option_is_given(loader, replaced[i].key)) {
            warn(loader, name,
                 "nothing reads this variable of the service that was replaced; here it is ",
                 str_from(replaced[i].key), "");
        }
        return true;
    }
    return false;
}

/* Which variable was probably meant by a name that is not read. */
struct meant {
    struct nearest near;
    bool is_slip;                 /* near.best is one slip away from the name */
    const struct option_row *row; /* NULL: the command line reads it, no option */
};

static void offer(struct meant *meant, const struct variable *variable)
{
    bool is_slip = variable->name.len >= SHORTEST && is_slip_of(meant->near.word, variable->name);

    if (meant->is_slip || (!is_slip && !str_starts_nocase(meant->near.word, STR(PLATFORM)))) {
        return;
    }
    meant->is_slip = is_slip;
    nearest_offer(&meant->near, variable->name);
    if (meant->near.best.ptr == variable->name.ptr) {
        meant->row = variable->row;
    }
}

/* True: the name is read. False: `meant` is filled. */
static bool is_read(const struct loader *loader, struct str name, struct meant *meant)
{
    static const char *const more[] = {"PORT", "HOST", PLATFORM "SESSION_ID"};

    for (size_t i = 0; i < loader->n_variables; i++) {
        const struct variable *variable = &loader->variables[i];

        if (!variable->is_own) {
            offer(meant, variable);
        }
        if (str_eq(name, variable->name)) {
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        offer(meant, &(struct variable){.name = str_from(more[i])});
    }
    return str_in(name, more, ARRAY_LEN(more));
}

static void look_at(struct loader *loader, struct str name, struct str value)
{
    struct meant meant = {0};
    bool is_ours = str_starts_nocase(name, STR(PLATFORM));

    nearest_init(&meant.near, name);
    if (environment_is_ours(name) || is_read(loader, name, &meant) ||
        was_replaced(loader, name, value)) {
        return;
    }
    if (meant.is_slip && is_ours && meant.row != NULL) {
        loader->place = arena_cstr(&loader->box->arena, str_sub(name, 0, NAME_SHOWN));
        loader_mark_failed(loader, meant.row); /* it was meant: do not call it missing, too */
        loader_fail(loader, "nothing reads this variable; did you mean %.*s?",
                    STR_ARG(meant.near.best));
        loader->place = NULL;
    } else if (meant.near.best.len > 0) {
        warn(loader, name, "nothing reads this variable; did you mean ", meant.near.best, "?");
    } else if (is_ours) {
        warn(loader, name, "nothing reads this variable", STR_EMPTY, "");
    }
}

void load_unread(struct loader *loader)
{
    environment_each(loader, look_at);
}
