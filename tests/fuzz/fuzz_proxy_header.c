/* A header of the PROXY protocol, whole and byte by byte. Held: every beginning of a header that is taken
 * asks for more, so that it does not matter how the bytes arrive; what follows it does not change it; and it
 * names an address or nobody. */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/host.h"
#include "net/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_beginnings(struct str text, const struct proxy_header *header)
{
    struct proxy_header again;

    for (size_t n = 0; n < header->len; n++) {
        CHECK(proxy_header_read(str_sub(text, 0, n), &again) == PROXY_MORE);
    }
    CHECK(proxy_header_read(str_sub(text, 0, header->len), &again) == PROXY_DONE);
    CHECK(str_eq(str_from(again.client), str_from(header->client)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str text = {(const char *)bytes, len};
    struct proxy_header header;
    struct proxy_header again;
    uint8_t address[16];

    if (proxy_header_read(text, &header) != PROXY_DONE) {
        CHECK(len < PROXY_HEADER_MAX || proxy_header_read(text, &again) == PROXY_BAD);
        return 0;
    }
    CHECK(header.len > 0 && header.len <= len && header.len <= PROXY_HEADER_MAX);
    CHECK(header.client[0] == '\0' || ip_address_parse(str_from(header.client), address));
    check_beginnings(text, &header);
    return 0;
}
