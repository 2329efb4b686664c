/* Checks an entry of a list: an origin, a file, a URL, a fault, a range. */
#include "base/host.h"
#include "base/nearest.h"
#include "config/origin.h"
#include "config_internal.h"

enum { SLIP_MAX = 2 };

/* Schemes of addresses that no browser opens as a page. A list of the right schemes is impossible, because apps and
 * extensions have their own (capacitor://localhost, chrome-extension://...). */
static const char *const pageless[] = {
    "ftp", "ftps", "sftp", "ws",  "wss",  "file",   "data", "blob", "ssh",    "git",  "redis",
    "s3",  "gs",   "tcp",  "udp", "unix", "rediss", "ldap", "smtp", "mailto", "about"};

static bool has_no_page(struct str scheme)
{
    bool is_slip = !str_is(scheme, "http") && !str_is(scheme, "https") &&
                   str_starts(scheme, STR("h")) &&
                   edit_distance(scheme, STR("https"), SLIP_MAX) <= SLIP_MAX;

    return is_slip || str_in(scheme, pageless, ARRAY_LEN(pageless));
}

static bool judge_origin(struct loader *loader, struct str origin)
{
    char right[ORIGIN_MAX];
    struct str scheme;
    struct str host;

    if (str_cut(origin, ':', &scheme, &host) && has_no_page(scheme)) {
        loader_fail(
            loader,
            "cors.origins: \"%.*s\" can never match: no page has the scheme \"%.*s\"; write "
            "https://host or https://host:port",
            SHOWN(origin), STR_ARG(scheme));
        return false;
    }
    if (str_is(origin, "*") || origin_is_sound(origin, right)) {
        return true;
    }
    if (str_is_nocase(origin, "null")) {
        loader_fail(loader, "cors.origins: \"null\" would admit every sandboxed frame and local "
                            "file; name the origins, e.g. \"https://app.example.com\"");
    } else if (str_find_char(origin, '*') >= 0) {
        loader_fail(loader,
                    "cors.origins: \"%.*s\" can never match: there are no patterns; name each "
                    "origin, or write \"*\" for any",
                    SHOWN(origin));
    } else if (right[0] != '\0') {
        loader_fail(loader,
                    "cors.origins: \"%.*s\" can never match: browsers send scheme://host[:port] in "
                    "lower case, without a path and without the default port; write \"%s\"",
                    SHOWN(origin), right);
    } else {
        loader_fail(loader,
                    "cors.origins: \"%.*s\" is not an origin; write scheme://host or "
                    "scheme://host:port, e.g. \"https://app.example.com\"",
                    SHOWN(origin));
    }
    return false;
}

static bool judge_range(struct loader *loader, const struct option_row *row, struct str range)
{
    struct ip_range parsed;

    if (!ip_range_parse(range, &parsed)) {
        return loader_fail(loader,
                           "%s: \"%.*s\" is not an address or range, e.g. 192.0.2.7, 10.0.0.0/8 or "
                           "fd00::/8",
                           row->key, SHOWN(range));
    }
    return true;
}

bool item_is_sound(struct loader *loader, const struct option_row *row, struct str item)
{
    struct config_fault fault;
    struct error err = {0};

    if (row->type == OPTION_ORIGINS) {
        return judge_origin(loader, item);
    }
    if (row->type == OPTION_FILES) {
        return file_is_readable(loader, row, arena_cstr(&loader->box->arena, item));
    }
    if (row->type == OPTION_FAULTS) {
        return config_fault_read(item, &fault, &err) == ERR_OK ||
               loader_fail(loader, "%s: %s", row->key, err.text);
    }
    if (row->type == OPTION_URLS) {
        return url_is_sound(loader, row, item);
    }
    return row->type != OPTION_RANGES || judge_range(loader, row, item);
}
