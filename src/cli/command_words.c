/* What the proxy says of a request, in the words of the command line. The proxy names members
 * ("position_on_element") and routes; here they are options (--position-on-element) and commands. */
#include "command_internal.h"

static const char list_prefix[] = "; it has "; /* in an error: the list of options follows */

/* Members of the request that are options of `command` itself. */
static const struct {
    const char *pointer;
    const char *option;
} own_options[] = {
    {"/checkpoint_id", "checkpoint"},
    {"/session_id", "session"},
    {"/position", "position"},
};

static const struct {
    const char *code;
    const char *cut;  /* from here on the text speaks of HTTP; NULL: it never does */
    const char *tail; /* put in place of what was cut */
    const char *hint; /* a line of its own; NULL: none */
} wordings[] = {
    {"checkpoint_required", ": give checkpoint_id", ": add --checkpoint ID",
     "with --url, --session ID works too; VIRTUOSO_SESSION_ID may hold either id"},
    {"unauthorized", "; send an API key", "",
     "give the proxy's key with --api-key-file FILE or VIRTUOSO_PROXY_API_KEY"},
    {"upstream_auth", NULL, "", "the platform's token is VIRTUOSO_API_TOKEN or upstream.token"},
};

/* ---- options ---- */

void command_put_usage(struct buf *out, struct str usage)
{
    bool in_option = false;

    for (size_t i = 0; i < usage.len; i++) {
        in_option = str_starts(str_sub(usage, i, usage.len), STR("[--")) ||
                    (in_option && usage.ptr[i] != ']' && usage.ptr[i] != ' ');
        if (in_option) {
            buf_dashed(out, str_sub(usage, i, 1));
        } else {
            buf_char(out, usage.ptr[i]);
        }
    }
}

/* "a_b, c" as "--a-b, --c" */
static void put_options(struct buf *out, struct str names)
{
    struct str name;

    for (bool first = true; str_next(&names, ',', &name); first = false) {
        buf_text(out, first ? "--" : ", --");
        buf_dashed(out, str_trim(name));
    }
}

/* The option that an error at `pointer` is about; `name` is what the request calls it. Empty: the
 * error is about no option. */
static struct str option_at(struct str pointer, struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(own_options); i++) {
        if (str_is(pointer, own_options[i].pointer)) {
            return str_from(own_options[i].option);
        }
    }
    return str_starts(pointer, STR("/options/")) ? name : STR_EMPTY;
}

/* Writes options as they are typed where `detail` begins with a member's name and a colon, ends with
 * a list of options, or holds a usage line. Any other text is left as it is. */
static void put_typed(struct buf *out, struct str pointer, struct str detail)
{
    ptrdiff_t colon = str_find(detail, STR(": "));
    ptrdiff_t list = str_find(detail, str_from(list_prefix));
    struct str name = str_sub(detail, 0, colon > 0 ? (size_t)colon : 0);
    struct str option = option_at(pointer, name);

    if (list >= 0 && str_starts(pointer, STR("/options/"))) {
        size_t at = (size_t)list + sizeof(list_prefix) - 1;

        buf_str(out, str_sub(detail, 0, at));
        put_options(out, str_sub(detail, at, detail.len));
    } else if (option.len > 0 && str_find_char(name, ' ') < 0 && name.len > 0) {
        put_options(out, option);
        buf_str(out, str_sub(detail, name.len, detail.len));
    } else {
        command_put_usage(out, detail);
    }
}

/* ---- routes ---- */

bool command_put_routes(struct buf *out, struct str detail)
{
    static const char route[] = "GET /api/v1/commands";
    ptrdiff_t at = str_find(detail, str_from(route));
    struct str rest =
        at >= 0 ? str_sub(detail, (size_t)at + sizeof(route) - 1, detail.len) : detail;
    ptrdiff_t help = str_find(rest, STR("/help"));

    if (at < 0) {
        return false;
    }
    buf_str(out, str_sub(detail, 0, (size_t)at));
    if (str_starts(rest, STR("/")) && help > 0) { /* GET /api/v1/commands/GROUP/help */
        buf_printf(out, "virtuoso-proxy command %.*s --help",
                   STR_ARG(str_sub(rest, 1, (size_t)help - 1)));
        buf_str(out, str_sub(rest, (size_t)help + sizeof("/help") - 1, rest.len));
    } else {
        buf_text(out, "virtuoso-proxy command --list");
        buf_str(out, rest);
    }
    return true;
}

void command_put_detail(struct buf *out, struct str code, const struct json *error, bool suggests,
                        const char **out_hint)
{
    struct str detail = json_str(json_find(error, "/detail /error /title"));
    ptrdiff_t at = suggests ? str_find(detail, STR("; did you mean")) : -1;

    detail = at >= 0 ? str_sub(detail, 0, (size_t)at) : detail; /* the suggestion says more */
    for (size_t i = 0; i < ARRAY_LEN(wordings); i++) {
        const char *cut = wordings[i].cut;

        if (!str_is(code, wordings[i].code)) {
            continue;
        }
        *out_hint = wordings[i].hint;
        at = cut != NULL ? str_find(detail, str_from(cut)) : -1;
        if (at >= 0) {
            buf_str(out, str_sub(detail, 0, (size_t)at));
            buf_text(out, wordings[i].tail);
            return;
        }
    }
    if (!command_put_routes(out, detail)) {
        put_typed(out, json_str(json_get(error, "pointer")), detail);
    }
}
