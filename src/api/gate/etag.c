#include "api/gate/etag.h"

#include "api/gate/media.h"
#include "crypto/digest.h"

enum { ETAG_DIGITS = 32 };

struct str etag_of(struct arena *arena, struct str body)
{
    struct digest digest;
    char hex[65];

    digest_of(body, &digest);
    digest_hex(&digest, hex);
    return arena_printf(arena, "\"%.*s\"", ETAG_DIGITS, hex);
}

static struct str opaque_tag(struct str etag)
{
    return str_starts(etag, STR("W/")) ? str_sub(etag, 2, etag.len) : etag;
}

bool etag_is_had(const struct task *task, struct str etag)
{
    struct str wanted = exchange_header(task->exchange, "If-None-Match");
    struct str tag;

    if (str_is(wanted, "*")) {
        return true;
    }
    while (header_list_next(&wanted, &tag)) {
        if (tag.len > 0 && str_eq(opaque_tag(tag), opaque_tag(etag))) {
            return true;
        }
    }
    return false;
}
