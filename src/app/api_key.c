#include "api_key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/credential.h"

enum { KEY_FILE_MAX = 4096 };

static enum error_code take(const char *place, struct str text, struct secret *out,
                            struct error *err)
{
    struct error cause = {0};
    struct str key;

    if (credential_read(text, &key, &cause) != ERR_OK) {
        return error_set(err, ERR_CONFIG, "the API key of %s cannot be used: %s", place,
                         cause.text);
    }
    secret_set(out, key);
    return ERR_OK;
}

/* A pipe is fine here, unlike at the start of a server: <(pass show proxy-key). */
static enum error_code take_file(const char *name, struct secret *out, struct error *err)
{
    char bytes[KEY_FILE_MAX];
    FILE *file = fopen(name, "re");
    size_t n = file != NULL ? fread(bytes, 1, sizeof(bytes), file) : 0;
    bool ok = file != NULL && ferror(file) == 0;
    enum error_code code;

    if (!ok) {
        code = error_set(err, ERR_IO, "--api-key-file: cannot read %s: %s", name, strerror(errno));
    } else if (n == sizeof(bytes)) {
        code = error_set(err, ERR_IO, "--api-key-file: %s is longer than a key may be", name);
    } else {
        code = take(name, (struct str){bytes, n}, out, err);
    }
    if (code == ERR_OK && !secret_is_set(out)) {
        code = error_set(err, ERR_IO, "--api-key-file: %s is empty", name);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    mem_wipe(bytes, sizeof(bytes));
    return code;
}

enum error_code api_key_read(const struct arguments *arguments, struct secret *out,
                             struct error *err)
{
    static const char variable[] = "VIRTUOSO_PROXY_API_KEY";
    const char *file = arguments_get(arguments, "api-key-file");

    return file != NULL ? take_file(file, out, err)
                        : take(variable, str_from(getenv(variable)), out, err);
}
