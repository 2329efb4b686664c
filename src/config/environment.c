/* Environment variables: VIRTUOSO_PROXY_<KEY>, the old names of the services that this one
 * replaces, and <NAME>_FILE for secrets. An empty variable counts as not set. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config_internal.h"

enum { NAME_MAX_LEN = 128 };

static struct str lookup(const char *const *environment, struct str name)
{
    for (; *environment != NULL; environment++) {
        struct str entry = str_from(*environment);

        if (str_starts(entry, name) && entry.len > name.len && entry.ptr[name.len] == '=') {
            return str_sub(entry, name.len + 1, entry.len);
        }
    }
    return STR_EMPTY;
}

/* "upstream.timeout_ms" -> "VIRTUOSO_PROXY_UPSTREAM_TIMEOUT_MS" */
static struct str name_of(struct loader *loader, const struct option_row *row)
{
    struct buf name;
    struct str copy;

    buf_init(&name, NAME_MAX_LEN);
    buf_text(&name, "VIRTUOSO_PROXY_");
    for (const char *at = row->key; *at != '\0'; at++) {
        buf_char(&name, (char)(*at == '.' ? '_' : char_upper(*at)));
    }
    copy = arena_str(&loader->box->arena, buf_view(&name));
    buf_done(&name);
    return copy;
}

static bool is_secret(const struct option_row *row)
{
    return row->type == OPTION_SECRET || row->type == OPTION_KEYS;
}

/* True when a value was found under this name (or name_FILE). */
static bool take(struct loader *loader, const struct option_row *row, struct str name,
                 const char *const *environment)
{
    struct str value = lookup(environment, name);
    struct str file_name;
    struct buf text;

    loader->place = arena_cstr(&loader->box->arena, name);
    if (value.len > 0) {
        (void)option_set(loader, row, value);
        return true;
    }
    if (!is_secret(row)) {
        return false;
    }
    file_name = arena_printf(&loader->box->arena, "%.*s_FILE", STR_ARG(name));
    value = lookup(environment, file_name);
    if (value.len == 0) {
        return false;
    }
    loader->place = arena_cstr(&loader->box->arena, file_name);
    if (read_secret_file(loader, value, &text)) {
        (void)option_set(loader, row, str_trim(buf_view(&text)));
        mem_wipe(text.ptr, text.len);
    }
    buf_done(&text);
    return true;
}

/* PORT and HOST change the two halves of server.listen (Cloud Run, Heroku and the old service set
 * them). */
static void take_port_and_host(struct loader *loader, const char *const *environment)
{
    struct str port = lookup(environment, STR("PORT"));
    struct str host = lookup(environment, STR("HOST"));
    struct str listen = loader->box->config.server.listen;
    size_t colon = listen.len;
    struct str joined;

    if ((port.len == 0 && host.len == 0) ||
        lookup(environment, STR("VIRTUOSO_PROXY_SERVER_LISTEN")).len > 0) {
        return;
    }
    while (colon > 0 && listen.ptr[colon - 1] != ':') {
        colon--;
    }
    host = host.len > 0 ? host : str_sub(listen, 0, colon > 0 ? colon - 1 : 0);
    port = port.len > 0 ? port : str_sub(listen, colon, listen.len);
    if (str_find_char(host, ':') >= 0 && host.ptr[0] != '[') {
        host = arena_printf(&loader->box->arena, "[%.*s]", STR_ARG(host));
    }
    joined = arena_printf(&loader->box->arena, "%.*s:%.*s", STR_ARG(host), STR_ARG(port));
    loader->place = "PORT, HOST";
    (void)option_set(loader, option_find(STR("server.listen")), joined);
}

void load_environment(struct loader *loader, const char *const *environment)
{
    size_t n;
    const struct option_row *rows = config_options(&n);

    for (size_t i = 0; i < n; i++) {
        struct str old = str_from(rows[i].old_env);
        struct str name;

        if (take(loader, &rows[i], name_of(loader, &rows[i]), environment)) {
            continue;
        }
        while (str_next(&old, ' ', &name)) {
            if (take(loader, &rows[i], name, environment)) {
                break;
            }
        }
    }
    take_port_and_host(loader, environment);
    loader->place = NULL;
}
