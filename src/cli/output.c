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
    struct str text = str_from(err->text);
    ptrdiff_t at = str_find(text, STR("the platform"));
    struct buf out;

    if (at < 0) {
        return;
    }
    buf_init(&out, sizeof(err->text));
    buf_str(&out, str_sub(text, 0, (size_t)at));
    buf_text(&out, "the proxy");
    buf_str(&out, str_sub(text, (size_t)at + sizeof("the platform") - 1, text.len));
    if (err->code == ERR_UPSTREAM_CONNECT) {
        buf_text(&out, ". Is the address right, and does a proxy run there?");
    }
    str_copy(err->text, sizeof(err->text), buf_view(&out));
    buf_done(&out);
}
