/* Secrets by reference: wherever a secret is taken, "file:PATH" stands for what the file holds and
 * "env:NAME" for what the variable holds. */
#include "base/buf.h"
#include "base/mem.h"
#include "config_internal.h"

bool read_secret(struct loader *loader, const char *what, struct str text, struct buf *out)
{
    struct str plain = str_trim(str_unquote(str_trim(text)));
    struct str value;

    if (str_starts(plain, STR("file:"))) {
        return read_secret_file(loader, str_sub(plain, 5, plain.len), out);
    }
    buf_init(out, SECRET_TEXT_MAX);
    if (!str_starts(plain, STR("env:"))) {
        buf_str(out, text);
        return true;
    }
    value = environment_get(loader->environment, str_sub(plain, 4, plain.len));
    if (value.len == 0) {
        loader_fail(loader, "%s: the variable %.*s is not set", what,
                    STR_ARG(str_sub(plain, 4, SHOWN_NAME_MAX)));
        return false;
    }
    buf_str(out, value);
    return true;
}
