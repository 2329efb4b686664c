#include "http/problem.h"

#include "base/json_writer.h"

enum { PATH_SHOWN_MAX = 512, PLACE_MAX = 4096 };

/* The status that an error has outside: its row's, the platform's own 4xx where that one is passed
 * on, or 504 where no answer came in time. */
static int problem_status(const struct error *err)
{
    bool passes = err->code == ERR_UPSTREAM_REFUSED && err->upstream_status >= 400 &&
                  err->upstream_status < 500;

    if (passes) {
        return err->upstream_status;
    }
    return err->late && problem_row(err->code)->status >= 500 ? 504
                                                              : problem_row(err->code)->status;
}

static void write_errors(struct json_writer *w, const struct error_list *errors)
{
    jw_key(w, "errors");
    jw_array(w);
    for (size_t i = 0; i < errors->n; i++) {
        const struct error *item = &errors->items[i];

        jw_object(w);
        jw_kv_text(w, "pointer", item->pointer);
        jw_kv_text(w, "detail", item->text);
        jw_kv_text(w, "code", error_slug(item->code));
        if (item->line > 0) {
            jw_kv_int(w, "line", item->line);
            jw_kv_int(w, "column", item->column);
        }
        jw_end(w);
    }
    jw_end(w);
    if (errors->n_dropped > 0) {
        jw_kv_int(w, "errors_total", (int64_t)error_list_total(errors));
        jw_kv_int(w, "errors_not_shown", (int64_t)errors->n_dropped);
    }
}

static void write_one_error(struct json_writer *w, const struct error *err)
{
    struct error copy = *err;
    const struct error_list list = {.items = &copy, .n = 1};

    if (err->pointer[0] != '\0' || err->line > 0) {
        write_errors(w, &list);
    }
}

int problem_write(struct buf *out, const struct exchange *exchange, const struct error *err,
                  const struct error_list *errors)
{
    const char *slug = error_slug(err->code);
    int status = problem_status(err);
    struct json_writer w;
    struct buf type;
    struct buf instance;

    buf_init(&type, PLACE_MAX);
    buf_init(&instance, PLACE_MAX);
    buf_str(&type, exchange->base);
    buf_printf(&type, "/problems/%s", slug);
    buf_str(&instance, exchange->base);
    buf_str(&instance, str_sub(exchange->request.path, 0, PATH_SHOWN_MAX));
    jw_init(&w, out);
    jw_object(&w);
    jw_kv_str(&w, "type", buf_view(&type));
    jw_kv_text(&w, "title", problem_row(err->code)->title);
    jw_kv_int(&w, "status", status);
    jw_kv_text(&w, "detail", err->text);
    jw_kv_str(&w, "instance", buf_view(&instance));
    jw_kv_text(&w, "code", slug);
    jw_kv_text(&w, "error", err->text);
    jw_kv_text(&w, "request_id", exchange->trace.request_id);
    if (err->upstream_status > 0) {
        jw_kv_int(&w, "upstream_status", err->upstream_status);
    }
    for (size_t i = 0; i < ARRAY_LEN(exchange->problem_more); i++) {
        if (exchange->problem_more[i].name != NULL) {
            jw_kv_raw(&w, exchange->problem_more[i].name, exchange->problem_more[i].json);
        }
    }
    if (errors != NULL && errors->n > 0) {
        write_errors(&w, errors);
    } else {
        write_one_error(&w, err);
    }
    jw_end(&w);
    buf_done(&type);
    buf_done(&instance);
    return status;
}
