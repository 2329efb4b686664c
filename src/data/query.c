#include "data/query.h"

#include "base/percent.h"

bool query_next(struct arena *arena, struct str *rest, struct str *out_name, struct str *out_value)
{
    struct str pair;

    while (str_next(rest, '&', &pair)) {
        struct str name;
        struct str value;

        (void)str_cut(pair, '=', &name, &value);
        if (percent_decode(arena, name, true, out_name) &&
            percent_decode(arena, value, true, out_value)) {
            return true;
        }
    }
    return false;
}

bool query_find(struct arena *arena, struct str query, const char *name, struct str *out)
{
    struct str found;
    struct str value;

    while (query_next(arena, &query, &found, &value)) {
        if (str_is(found, name)) {
            *out = value;
            return true;
        }
    }
    return false;
}
