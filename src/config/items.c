/* What an entry of a list must be beyond a text. */
#include "base/host.h"
#include "config_internal.h"

static bool judge_origin(struct loader *loader, struct str origin)
{
    char right[ORIGIN_MAX];

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

static bool judge_fault(struct loader *loader, const struct option_row *row, struct str text)
{
    struct config_fault fault;
    struct error err = {0};

    if (config_fault_read(text, &fault, &err) != ERR_OK) {
        return loader_fail(loader, "%s: %s", row->key, err.text);
    }
    return true;
}

bool item_is_sound(struct loader *loader, const struct option_row *row, struct str item)
{
    if (row->type == OPTION_ORIGINS) {
        return judge_origin(loader, item);
    }
    if (row->type == OPTION_FILES) {
        return file_is_readable(loader, row, arena_cstr(&loader->box->arena, item));
    }
    if (row->type == OPTION_FAULTS) {
        return judge_fault(loader, row, item);
    }
    if (row->type == OPTION_URLS) {
        return url_is_sound(loader, row, item);
    }
    return row->type != OPTION_RANGES || judge_range(loader, row, item);
}
