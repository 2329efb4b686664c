#include "base/secret.h"

#include "base/mem.h"

void secret_done(struct secret *secret)
{
    if (secret->hidden != NULL) {
        mem_wipe(secret->hidden, secret->len);
    }
    mem_free(secret->hidden);
    *secret = (struct secret){0};
}

void secret_set(struct secret *secret, struct str value)
{
    char *copy = mem_dup(value.ptr, value.len);

    secret_done(secret);
    secret->hidden = copy;
    secret->len = value.len;
}

bool secret_is_set(const struct secret *secret)
{
    return secret->len > 0;
}

struct str secret_reveal(const struct secret *secret)
{
    return secret->hidden == NULL ? STR_EMPTY : (struct str){secret->hidden, secret->len};
}

bool bytes_equal_constant_time(const void *a, const void *b, size_t len)
{
    const volatile unsigned char *x = a;
    const volatile unsigned char *y = b;
    unsigned char difference = 0;

    for (size_t i = 0; i < len; i++) {
        difference = (unsigned char)(difference | (x[i] ^ y[i]));
    }
    return difference == 0;
}
