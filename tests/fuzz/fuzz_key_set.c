/* A key set as an identity provider may serve it, and what stands in its place when it is broken.
 * Held: a set that is taken has a key, and each key fits one of the kinds that it is found for. */
#include <stddef.h>
#include <stdint.h>

#include "auth/auth_internal.h"
#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_kind(const struct key_set *set, enum signature_kind kind)
{
    struct public_key *key = key_set_find(set, STR_EMPTY, kind);

    CHECK(key == NULL || public_key_fits(key, kind));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct key_set *set = NULL;
    struct error err = {0};

    if (key_set_read((struct str){(const char *)bytes, len}, &set, &err) != ERR_OK) {
        CHECK(set == NULL && err.text[0] != '\0');
        return 0;
    }
    CHECK(key_set_size(set) > 0);
    for (unsigned kind = SIGNATURE_RS256; kind <= SIGNATURE_ES256; kind++) {
        check_kind(set, (enum signature_kind)kind);
    }
    key_set_free(set);
    return 0;
}
