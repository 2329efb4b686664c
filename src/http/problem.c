#include "http/problem.h"

#include "base/json_form.h"

enum { PATH_SHOWN_MAX = 512, PLACE_MAX = 4096 };

/* The status that the client gets for an error: that of its row, the platform's own 4xx where it is
 * passed on, or 504 where no answer came in time. */
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
    jw_shape(w, "errors:[");
    for (size_t i = 0; i < errors->n; i++) {
        const struct error *item = &errors->items[i];

        jw_form(w, "{pointer:%s, detail:%s, code:%s", (const char *)item->pointer,
                (const char *)item->text, error_slug(item->code));
        if (item->line > 0) {
            jw_form(w, "line:%i, column:%i", item->line, item->column);
        }
        jw_end(w);
    }
    jw_end(w);
    if (errors->n_dropped > 0) {
        jw_form(w, "errors_total:%i, errors_not_shown:%i", error_list_total(errors),
                errors->n_dropped);
    }
}

int problem_write(struct buf *out, const struct exchange *exchange, const struct error *err,
                  const struct error_list *errors)
{
    const char *slug = error_slug(err->code);
    const char *text = err->text;
    int status = problem_status(err);
    struct json_writer w;
    struct error copy;
    struct buf type;
    struct buf instance;

    buf_init(&type, PLACE_MAX);
    buf_init(&instance, PLACE_MAX);
    buf_str(&type, exchange->base);
    buf_printf(&type, "/problems/%s", slug);
    buf_str(&instance, exchange->base);
    buf_str(&instance, str_sub(exchange->request.path, 0, PATH_SHOWN_MAX));
    jw_init(&w, out);
    jw_form(&w,
            "{type:%s, title:%s, status:%i, detail:%s, instance:%s, code:%s, error:%s, "
            "request_id:%s, upstream_status?:%i",
            buf_view(&type), problem_row(err->code)->title, status, text, buf_view(&instance), slug,
            text, (const char *)exchange->trace.request_id, err->upstream_status);
    for (size_t i = 0; i < ARRAY_LEN(exchange->problem_more); i++) {
        if (exchange->problem_more[i].name != NULL) {
            jw_kv_raw(&w, exchange->problem_more[i].name, exchange->problem_more[i].json);
        }
    }
    if (errors != NULL && errors->n > 0) {
        write_errors(&w, errors);
    } else if (err->pointer[0] != '\0' || err->line > 0) {
        copy = *err;
        write_errors(&w, &(struct error_list){.items = &copy, .n = 1});
    }
    jw_end(&w);
    buf_done(&type);
    buf_done(&instance);
    return status;
}
