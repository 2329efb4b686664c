/* Environment variables: VIRTUOSO_PROXY_<KEY>, the old names of the services that this one
 * replaces, and <NAME>_FILE for secrets. An empty variable counts as not set. A VIRTUOSO_PROXY_
 * name that belongs to no option is an error, because it is misspelt more often than not. */
#include "base/address.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/nearest.h"
#include "config_internal.h"

#define PREFIX "VIRTUOSO_PROXY_"

enum { NAME_MAX_LEN = 128 };

struct str environment_get(const struct loader *loader, struct str name)
{
    for (const char *const *at = loader->environment; *at != NULL; at++) {
        struct str entry = str_from(*at);

        if (str_starts(entry, name) && entry.len > name.len && entry.ptr[name.len] == '=') {
            return str_sub(entry, name.len + 1, entry.len);
        }
    }
    return STR_EMPTY;
}

static bool takes(struct str *name, struct str end)
{
    bool has = str_ends(*name, end);

    name->len -= has ? end.len : 0;
    return has;
}

static bool take_digits(struct str *name)
{
    size_t before = name->len;

    while (name->len > 0 && name->ptr[name->len - 1] >= '0' && name->ptr[name->len - 1] <= '9') {
        name->len--;
    }
    return name->len < before;
}

/* Kubernetes gives every pod variables that describe each service of the namespace. A service named like
 * this program makes VIRTUOSO_PROXY_SERVICE_HOST, VIRTUOSO_PROXY_PORT=tcp://10.0.0.1:80,
 * VIRTUOSO_PROXY_PORT_80_TCP_ADDR, and so does a service "virtuoso-proxy-admin". */
static bool is_of_kubernetes(struct str name, struct str value)
{
    static const char *const details[] = {"_ADDR", "_PORT", "_PROTO"};
    static const char *const protocols[] = {"_TCP", "_UDP", "_SCTP"};
    bool is_port = false;

    if (str_ends(name, STR("_SERVICE_HOST")) || str_contains(name, STR("_SERVICE_PORT")) ||
        (str_ends(name, STR("_PORT")) && str_contains(value, STR("://")))) {
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(details); i++) {
        if (takes(&name, str_from(details[i]))) {
            break;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        is_port = is_port || takes(&name, str_from(protocols[i]));
    }
    return is_port && take_digits(&name) && str_ends(name, STR("_PORT_"));
}

void environment_each(struct loader *loader,
                      void (*look)(struct loader *loader, struct str name, struct str value))
{
    for (const char *const *at = loader->environment; *at != NULL; at++) {
        struct str name;
        struct str value;

        (void)str_cut(str_from(*at), '=', &name, &value);
        if (value.len > 0 && !is_of_kubernetes(name, value)) {
            look(loader, name, value);
        }
    }
}

/* ---- names that are read ---- */

/* "upstream.timeout_ms" -> "VIRTUOSO_PROXY_UPSTREAM_TIMEOUT_MS" */
static struct str name_of(struct loader *loader, const struct option_row *row)
{
    struct buf name;

    buf_init(&name, NAME_MAX_LEN);
    buf_text(&name, PREFIX);
    for (const char *at = row->key; *at != '\0'; at++) {
        buf_char(&name, (char)(*at == '.' ? '_' : char_upper(*at)));
    }
    return arena_take(&loader->box->arena, &name);
}

/* Options that also have a variable NAME_FILE, the name of a file with the value. */
static bool is_secret(const struct option_row *row)
{
    return row->type == OPTION_SECRET || row->type == OPTION_KEYS;
}

static struct str without_prefix(const struct variable *variable)
{
    return str_sub(variable->name, sizeof(PREFIX) - 1, variable->name.len);
}

static void add_variable(struct loader *loader, const struct variable *variable)
{
    loader->variables = arena_room(&loader->box->arena, loader->variables, loader->n_variables,
                                   sizeof(*loader->variables));
    loader->variables[loader->n_variables++] = *variable;
}

static void add_name(struct loader *loader, const struct option_row *row, struct str name,
                     bool is_own)
{
    struct variable variable = {.name = name, .row = row, .is_own = is_own};

    add_variable(loader, &variable);
    if (is_secret(row)) {
        variable.name = arena_printf(&loader->box->arena, "%.*s_FILE", STR_ARG(name));
        variable.is_file = true;
        add_variable(loader, &variable);
    }
}

static void list_variables(struct loader *loader)
{
    size_t n;
    const struct option_row *rows = config_options(&n);

    for (size_t i = 0; i < n; i++) {
        struct str old = str_from(rows[i].old_env);
        struct str name;

        add_name(loader, &rows[i], name_of(loader, &rows[i]), true);
        while (str_next(&old, ' ', &name)) {
            add_name(loader, &rows[i], name, false);
        }
    }
}

/* False: it is not set. */
static bool take(struct loader *loader, const struct variable *variable)
{
    struct str value = environment_get(loader, variable->name);

    if (value.len == 0) {
        return false;
    }
    loader->place = arena_cstr(&loader->box->arena, variable->name);
    if (variable->is_file) {
        option_set_from_file(loader, variable->row, value);
    } else {
        /* Docker's --env-file leaves the quotes of its file around a value, and white space behind
         * it. The readers of lists and of secrets drop both themselves. */
        bool reads_quotes = is_secret(variable->row) || option_is_list(variable->row);

        (void)option_set(loader, variable->row,
                         reads_quotes ? value : str_unquote(str_trim(value)));
    }
    return true;
}

/* PORT and HOST change the two halves of server.listen (Cloud Run, Heroku and the old service set
 * them). */
static void take_port_and_host(struct loader *loader)
{
    struct str port = str_unquote(str_trim(environment_get(loader, STR("PORT"))));
    struct str host = str_unquote(str_trim(environment_get(loader, STR("HOST"))));
    struct str listen = loader->box->config.server.listen;
    size_t colon = str_behind_last(listen, ':');
    bool host_is_set = host.len > 0;
    bool port_is_set = port.len > 0;
    struct str joined;

    if ((port.len == 0 && host.len == 0) ||
        environment_get(loader, STR("VIRTUOSO_PROXY_SERVER_LISTEN")).len > 0) {
        return;
    }
    if (address_is_unix(listen)) {
        listen = STR_EMPTY;
        colon = 0;
    }
    host = host.len > 0 ? host : str_sub(listen, 0, colon > 0 ? colon - 1 : 0);
    port = port.len > 0 ? port : str_sub(listen, colon, listen.len);
    if (str_find_char(host, ':') >= 0 && host.ptr[0] != '[') {
        host = arena_printf(&loader->box->arena, "[%.*s]", STR_ARG(host));
    }
    joined = arena_printf(&loader->box->arena, "%.*s:%.*s", STR_ARG(host), STR_ARG(port));
    loader->place = host_is_set && port_is_set ? "HOST, PORT" : host_is_set ? "HOST" : "PORT";
    (void)option_set(loader, option_find(STR("server.listen")), joined);
}

/* The log settings of a Lambda function count as defaults: every other source overrides them. */
void load_lambda_log(struct loader *loader)
{
    static const struct {
        const char *variable, *value, *key, *means;
    } rows[] = {
        {"AWS_LAMBDA_LOG_FORMAT", "JSON", "log.format", "aws"},
        {"AWS_LAMBDA_LOG_FORMAT", "Text", "log.format", "text"},
        {"AWS_LAMBDA_LOG_LEVEL", "TRACE", "log.level", "debug"},
        {"AWS_LAMBDA_LOG_LEVEL", "DEBUG", "log.level", "debug"},
        {"AWS_LAMBDA_LOG_LEVEL", "INFO", "log.level", "info"},
        {"AWS_LAMBDA_LOG_LEVEL", "WARN", "log.level", "warn"},
        {"AWS_LAMBDA_LOG_LEVEL", "ERROR", "log.level", "error"},
        {"AWS_LAMBDA_LOG_LEVEL", "FATAL", "log.level", "error"},
    };

    loader->place = PLACE_DEFAULT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_is_nocase(environment_get(loader, str_from(rows[i].variable)), rows[i].value)) {
            (void)option_set(loader, option_find(str_from(rows[i].key)), str_from(rows[i].means));
        }
    }
    loader->place = NULL;
}

/* ---- names that belong to no option ---- */

/* Variables of the client subcommands, which read them without the configuration, behind the prefix. */
static const char of_clients[] = "API_KEY LAST_RUN";

/* VIRTUOSO_PROXY_LOG_LEVEL for VIRTUOSO_PROXY_LOG_LEVEL_FILE; NULL: there is no such option. */
static const struct variable *without_file(const struct loader *loader, struct str name)
{
    bool has_end = takes(&name, STR("_FILE"));

    for (size_t i = 0; has_end && i < loader->n_variables; i++) {
        if (loader->variables[i].is_own && str_eq(loader->variables[i].name, name)) {
            return &loader->variables[i];
        }
    }
    return NULL;
}

static bool ends_like(const struct variable *variable, struct str name)
{
    struct str own = variable->name;

    return variable->is_own && !variable->is_file && own.len > name.len && str_ends(own, name) &&
           own.ptr[own.len - name.len - 1] == '_';
}

static bool is_of_server(const struct variable *variable, struct str name)
{
    static const char server[] = PREFIX "SERVER_";

    return str_starts(variable->name, STR(server)) &&
           variable->name.len == sizeof(server) - 1 + name.len;
}

/* Which variable was meant by VIRTUOSO_PROXY_API_KEYS and the like? VIRTUOSO_PROXY_SERVER_<name>, or else the shortest
 * variable that ends in the name or in its last words; NULL: none. */
static const struct variable *ends_alike(const struct loader *loader, struct str name)
{
    const struct variable *found = NULL;
    struct str head;

    do {
        for (size_t i = 0; i < loader->n_variables; i++) {
            const struct variable *variable = &loader->variables[i];

            if (!ends_like(variable, name)) {
                continue;
            }
            if (is_of_server(variable, name)) {
                return variable;
            }
            found = found == NULL || variable->name.len < found->name.len ? variable : found;
        }
    } while (found == NULL && str_cut(name, '_', &head, &name) && name.len > 0);
    return found;
}

static void check_name(struct loader *loader, struct str name, struct str value)
{
    const struct variable *meant = NULL;
    struct str own = str_sub(name, sizeof(PREFIX) - 1, name.len);
    struct nearest nearest;

    (void)value;
    if (!environment_is_ours(name) ||
        (str_starts(name, STR(PREFIX)) && str_has_word(of_clients, own))) {
        return;
    }
    nearest_init(&nearest, own);
    for (size_t i = 0; i < loader->n_variables; i++) {
        const struct variable *variable = &loader->variables[i];

        if (str_eq(variable->name, name)) {
            return;
        }
        if (variable->is_own) {
            nearest_offer(&nearest, without_prefix(variable));
            meant = nearest.best.ptr == without_prefix(variable).ptr ? variable : meant;
        }
    }
    if (without_file(loader, name) != NULL) {
        meant = without_file(loader, name);
    } else if (meant == NULL && own.len > 0) {
        meant = ends_alike(loader, own);
    }
    loader->place = arena_cstr(&loader->box->arena, str_sub(name, 0, sizeof(PREFIX) + SHOWN_MAX));
    if (meant != NULL) {
        loader_mark_failed(loader, meant->row); /* it was meant: do not call it missing, too */
        loader_fail(loader, "nothing reads this variable; did you mean " PREFIX "%.*s?",
                    STR_ARG(without_prefix(meant)));
    } else if (nearest_among(own, of_clients).len > 0) {
        loader_fail(loader, "nothing reads this variable; did you mean " PREFIX "%.*s?",
                    STR_ARG(nearest_among(own, of_clients)));
    } else {
        loader_fail(loader, "nothing reads this variable; virtuoso-proxy man lists all of them");
    }
}

/* Also true for the prefix in small letters or with a slip: such a variable is not read, and that is an error. */
bool environment_is_ours(struct str name)
{
    for (size_t len = sizeof(PREFIX) - 2; len <= sizeof(PREFIX) && len < name.len; len++) {
        if (name.ptr[len - 1] == '_' && is_slip_of(str_sub(name, 0, len), STR(PREFIX))) {
            return true;
        }
    }
    return str_starts(name, STR(PREFIX));
}

void load_environment(struct loader *loader)
{
    const struct option_row *taken = NULL;

    list_variables(loader);
    for (size_t i = 0; i < loader->n_variables; i++) {
        const struct variable *variable = &loader->variables[i];

        if (variable->row != taken && take(loader, variable)) {
            taken = variable->row;
        }
    }
    take_port_and_host(loader);
    environment_each(loader, check_name);
    loader->place = NULL;
}

/* ---- where the program runs ---- */

enum { DEFAULTS_MAX = 4 };

static const struct place {
    const char *variable; /* set and not empty in that place */
    const char *name;

    struct {
        const char *key, *value;
    } defaults[DEFAULTS_MAX];
} places[] = {
    /* Its log understands the format gcp. After SIGTERM no request comes, and after ten seconds SIGKILL does. */
    {"K_SERVICE",
     "Cloud Run",
     {{"log.format", "gcp"}, {"drain.notice_ms", "0"}, {"drain.limit_ms", "8000"}}},
    {"AWS_LAMBDA_RUNTIME_API", "AWS Lambda", {{NULL, NULL}}},
    {"KUBERNETES_SERVICE_HOST", "Kubernetes", {{NULL, NULL}}},
    {"NOTIFY_SOCKET", "systemd", {{NULL, NULL}}},
};

static void set_defaults(struct loader *loader, const struct place *place)
{
    loader->place = PLACE_DEFAULT;
    for (size_t i = 0; i < DEFAULTS_MAX && place->defaults[i].key != NULL; i++) {
        bool ok = option_set(loader, option_find(str_from(place->defaults[i].key)),
                             str_from(place->defaults[i].value));

        CHECK(ok);
    }
    loader->place = NULL;
}

void load_place(struct loader *loader)
{
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (environment_get(loader, str_from(places[i].variable)).len > 0) {
            loader->box->config.place = places[i].name;
            set_defaults(loader, &places[i]);
            return;
        }
    }
}
