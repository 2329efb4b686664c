#include "cli/output.h"

#include "base/buf.h"

bool cli_output_parse(struct str word, enum cli_output *out)
{
    static const char *const words[] = {
        [CLI_OUTPUT_HUMAN] = "human", [CLI_OUTPUT_JSON] = "json", [CLI_OUTPUT_YAML] = "yaml"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_is(word, words[i])) {
            *out = (enum cli_output)i;
            return true;
        }
    }
    return false;
}

void cli_say_proxy(struct error *err)
{
    static const struct str names[] = {STR_INIT("the platform"), STR_INIT("the service")};
    struct str text = str_from(err->text);
    struct str name = names[0];
    ptrdiff_t at = str_find(text, name);
    struct buf out;

    if (at < 0) {
        name = names[1];
        at = str_find(text, name);
    }
    if (at < 0) {
        return;
    }
    buf_init(&out, sizeof(err->text));
    buf_str(&out, str_sub(text, 0, (size_t)at));
    buf_text(&out, "the proxy");
    buf_str(&out, str_sub(text, (size_t)at + name.len, text.len));
    if (err->code == ERR_UPSTREAM_CONNECT) {
        buf_text(&out, ". Is the address right, and does a proxy run there?");
    }
    str_copy(err->text, sizeof(err->text), buf_view(&out));
    buf_done(&out);
}
