/* The header Forwarded. Held: what is taken lies within the text, holds no quote and no control character, and
 * the last element alone is read as the last of many. */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "http/forwarded.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_view(struct str text, struct str view)
{
    CHECK(view.len == 0 || (view.ptr >= text.ptr && view.ptr + view.len <= text.ptr + text.len));
    for (size_t i = 0; i < view.len; i++) {
        CHECK((unsigned char)view.ptr[i] >= ' ' && view.ptr[i] != '"');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct forwarded_hop hops[FORWARDED_HOPS_MAX];
    struct str text = {(const char *)bytes, len};
    size_t n;

    if (!forwarded_read(text, hops, &n)) {
        CHECK(n == 0);
        return 0;
    }
    CHECK(n <= FORWARDED_HOPS_MAX);
    for (size_t i = 0; i < n; i++) {
        check_view(text, hops[i].node);
        check_view(text, hops[i].host);
        check_view(text, hops[i].proto);
    }
    return 0;
}
