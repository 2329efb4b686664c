/* A token that anybody may send.
 * Held: without the key it is never taken; what is refused says why, in one line without the token;
 * what is read lies inside the token. */
#include <stddef.h>
#include <stdint.h>

#include "auth/auth_internal.h"
#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_subject(const struct jwt_subject *subject)
{
    CHECK(subject->name.len > 0 && subject->name.len <= 64);
    CHECK(subject->expires_ms > INT64_C(1800000000000));
    CHECK((subject->permissions & ~(unsigned)PERMISSION_ALL) == 0);
}

static void check_refusal(const struct error *err)
{
    CHECK(err->code == ERR_UNAUTHORIZED && err->text[0] != '\0');
}

static void judge(struct arena *arena, const struct jwt *jwt)
{
    struct config config = {0};
    struct jwt_subject subject;
    struct error err = {0};

    config.auth.jwt.issuer = STR("i");
    config.auth.jwt.audience = STR("a");
    config.auth.jwt.permissions_claim = STR("scope");
    config.auth.jwt.skew_s = 60;
    if (jwt_judge(&config, arena, jwt, INT64_C(1800000000000), &subject, &err) == ERR_OK) {
        check_subject(&subject);
    } else {
        check_refusal(&err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str text = {(const char *)bytes, len};
    struct arena arena;
    struct jwt jwt;
    struct error err = {0};

    arena_init(&arena);
    if (jwt_read(&arena, text, 7, &jwt, &err) == ERR_OK) {
        CHECK(jwt.signed_part.ptr == text.ptr && jwt.signed_part.len < text.len);
        CHECK(json_type(jwt.claims) == JSON_OBJECT);
        judge(&arena, &jwt);
    } else {
        check_refusal(&err);
    }
    arena_done(&arena);
    return 0;
}
