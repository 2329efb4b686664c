/* The answer of a proxy to one command, for people and for programs. */
#include <stdio.h>
#include <unistd.h>

#include "base/utf8.h"
#include "command_internal.h"
#include "data/node.h"
#include "table.h"
#include "terminal.h"

enum { OUT_MAX = 64 * 1024 * 1024, SHOWN_MAX = 200 };

static void print_document(const struct json *answer, enum cli_output output)
{
    struct buf text;
    struct buf safe;

    buf_init(&text, OUT_MAX);
    buf_init(&safe, OUT_MAX);
    if (output == CLI_OUTPUT_JSON) {
        json_print_pretty(&text, answer);
        utf8_put_safe(&safe, buf_view(&text), "\n\t");
        if (!str_ends(buf_view(&safe), STR("\n"))) {
            buf_char(&safe, '\n');
        }
    } else {
        yaml_write_json(&safe, answer, 0);
    }
    buf_done(&text);
    terminal_put(stdout, &safe);
}

void command_say(const char *label, struct str value)
{
    struct buf text;

    buf_init(&text, OUT_MAX);
    buf_text(&text, label);
    utf8_put_safe(&text, value, "");
    buf_char(&text, '\n');
    terminal_put(stderr, &text);
}

static void put_request(struct buf *text, const struct json *request)
{
    struct str query = json_str(json_get(request, "query"));
    const struct json *body = json_get(request, "body");

    utf8_put_safe(text, json_str(json_get(request, "method")), "");
    buf_char(text, ' ');
    utf8_put_safe(text, json_str(json_get(request, "path")), "");
    if (query.len > 0) {
        buf_char(text, '?');
        utf8_put_safe(text, query, "");
    }
    buf_char(text, '\n');
    if (body != NULL) {
        yaml_write_json(text, body, 2);
    }
}

/* A list is a table at a terminal; for a program that reads it, it stays YAML. */
static void put_data(struct buf *text, const struct json *data)
{
    size_t columns;
    size_t lines;

    terminal_size(stdout, &columns, &lines);
    if (json_type(data) == JSON_ARRAY && json_size(data) == 0) {
        buf_text(text, "(none)\n");
    } else if (isatty(STDOUT_FILENO) != 1 || !table_write(text, data, columns)) {
        yaml_write_json(text, data, 0);
    }
}

static void print_success(const struct json *answer)
{
    const struct json *request;
    const struct json *warning;
    struct buf text;

    buf_init(&text, OUT_MAX);
    utf8_put_safe(&text, json_str(json_get(answer, "message")), "");
    if (text.len > 0) {
        buf_char(&text, '\n');
    }
    JSON_FOREACH (request, json_get(answer, "requests")) {
        put_request(&text, request);
    }
    if (json_type(json_get(answer, "data")) != JSON_NULL) {
        put_data(&text, json_get(answer, "data"));
    }
    terminal_put(stdout, &text);
    JSON_FOREACH (warning, json_get(answer, "warnings")) {
        command_say("warning: ", json_str(warning));
    }
}

/* ---- problems ---- */

static void print_detail(const struct command_run *command, struct str code,
                         const struct json *error, const char **out_hint)
{
    struct buf text;

    buf_init(&text, OUT_MAX);
    command_put_detail(&text, code, error, command->suggestion.len > 0, out_hint);
    command_say("virtuoso-proxy command: ", buf_view(&text));
    buf_done(&text);
}

static void print_problem(const struct command_run *command, const struct json *problem)
{
    struct str code = json_str(json_get(problem, "code"));
    struct str before = STR_EMPTY;
    const char *hint = NULL;
    const struct json *one;

    JSON_FOREACH (one, json_get(problem, "errors")) {
        struct str detail = json_str(json_get(one, "detail"));

        if (!str_eq(detail, before)) {
            print_detail(command, code, one, &hint);
        }
        before = detail;
    }
    if (before.len == 0) {
        print_detail(command, code, problem, &hint);
    }
    if (command->suggestion.len > 0) {
        command_say("did you mean: ", command->suggestion);
    }
    if (hint != NULL) {
        command_say("hint: ", str_from(hint));
    }
    if (command->remote) { /* a proxy that this program started ends with the command: the
                            * id of a request to it would name nothing */
        command_say("request id: ", json_str(json_get(problem, "request_id")));
    }
}

void command_print_answer(const struct command_run *command, const struct json *answer,
                          bool success)
{
    if (command->output != CLI_OUTPUT_HUMAN) {
        print_document(answer, command->output);
    } else if (success) {
        print_success(answer);
    } else {
        print_problem(command, answer);
    }
}

void command_print_garbage(const struct upstream_reply *reply)
{
    struct buf text;

    buf_init(&text, OUT_MAX);
    buf_printf(&text,
               "virtuoso-proxy command: HTTP %d, and the body is not an answer of virtuoso-proxy: ",
               reply->status);
    utf8_put_safe(&text, utf8_clip(reply->body, SHOWN_MAX), "");
    buf_char(&text, '\n');
    terminal_put(stderr, &text);
}
