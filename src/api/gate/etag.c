#include "api/gate/etag.h"

#include <endian.h>

#include "api/gate/media.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "crypto/siphash.h"

enum { ETAG_DIGITS = 32 };

struct str etag_of(struct arena *arena, struct str body)
{
    struct digest digest;
    char hex[65];

    digest_of(body, &digest);
    digest_hex(&digest, hex);
    return arena_printf(arena, "\"%.*s\"", ETAG_DIGITS, hex);
}

struct str etag_of_document(struct arena *arena, struct str body)
{
    static const struct siphash_key everywhere;
    uint8_t tag[SIPHASH_BYTES];
    uint64_t words[2];

    siphash(&everywhere, body, tag);
    mem_copy(words, tag, sizeof(words));
    return arena_printf(arena, "W/\"%016llx%016llx\"", (unsigned long long)le64toh(words[0]),
                        (unsigned long long)le64toh(words[1]));
}

static struct str opaque_tag(struct str etag)
{
    return str_starts(etag, STR("W/")) ? str_sub(etag, 2, etag.len) : etag;
}

bool etag_is_had(const struct task *task, struct str etag)
{
    struct str wanted = exchange_header_lines(task->exchange, "If-None-Match");
    struct str tag;

    if (wanted.len == 0) {
        return false;
    }
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
