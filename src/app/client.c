#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/host.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/url.h"
#include "config/credential.h"

enum { URL_MAX = 4096 };

enum error_code client_url(const struct arguments *arguments, struct buf *out, struct error *err)
{
    return client_url_read(arguments, "--url", arguments_get(arguments, "url"), out, err);
}

enum error_code client_url_read(const struct arguments *arguments, const char *name,
                                const char *text, struct buf *out, struct error *err)
{
    struct str word = str_from(text);
    const char *ca_file = arguments_get(arguments, "ca-file");
    struct url url = {0};
    struct error cause = {0};
    bool has_scheme = str_contains(word, STR("://"));

    buf_init(out, URL_MAX);
    if (word.len > 0) {
        buf_text(out, has_scheme ? "" : "http://");
        buf_str(out, word);
    }
    if (!has_scheme && (word.len > 0 && (word.ptr[0] == '/' || str_contains(word, STR(":/"))))) {
        return error_set(err, ERR_INVALID,
                         "%s must name a host, as in http://127.0.0.1:8000, not \"%.*s\"", name,
                         STR_ARG(url_shown(word, URL_MAX)));
    }
    if (has_scheme && !str_starts_nocase(word, STR("http://")) &&
        !str_starts_nocase(word, STR("https://"))) {
        return error_set(err, ERR_INVALID,
                         "--url must begin with http:// or https://, not \"%.*s\"",
                         STR_ARG(url_shown(word, URL_MAX)));
    }
    if (word.len > 0 && buf_ok(out) && url_read(buf_view(out), &url, &cause) != ERR_OK) {
        return error_set(err, ERR_INVALID, "%s cannot be used: %s", name, cause.text);
    }
    if (word.len > 0 && ca_file != NULL && access(ca_file, R_OK) != 0) {
        return error_set(err, ERR_IO, "--ca-file: cannot read %s: %s", ca_file, strerror(errno));
    }
    return buf_ok(out) ? ERR_OK : error_set(err, ERR_URI_TOO_LONG, "%s is too long", name);
}

bool client_is_open_to_others(struct str url)
{
    struct url parts = {0};

    return url_read(url, &parts, NULL) != ERR_OK ||
           !(str_is_nocase(parts.scheme, "https") || host_is_loopback(parts.host));
}

enum { KEY_FILE_MAX = 4096 };

static enum error_code take(const char *place, struct str text, struct secret *out,
                            struct error *err)
{
    struct error cause = {0};
    struct str key;

    if (credential_read_key(text, &key, &cause) != ERR_OK) {
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
