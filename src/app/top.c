/* top: the figures of a running proxy, drawn each second. */
#include "cli/top.h"

#include <stdio.h>

#include "base/mem.h"
#include "client.h"
#include "inprocess.h"
#include "subcommands.h"

/* Where a proxy listens unless it is told otherwise. */
#define USUAL_URL "http://127.0.0.1:8000"

struct job {
    struct top top;
    struct inprocess_options where;
    struct inprocess *proxy;
    struct secret key;
    struct buf url;
};

static void on_top_done(struct top *top)
{
    struct job *job = top->owner;

    inprocess_end(job->proxy);
}

static enum error_code start(struct inprocess *proxy, struct error *err)
{
    struct job *job = proxy->context;

    job->proxy = proxy;
    job->top.options.url = proxy->url;
    job->top.options.ca_file = proxy->ca_file;
    job->top.options.key = &proxy->key;
    job->top.on_done = on_top_done;
    job->top.owner = job;
    return top_start(&job->top, proxy->loop, err);
}

static void cancel(struct inprocess *proxy)
{
    struct job *job = proxy->context;

    top_cancel(&job->top);
}

static enum error_code take_options(struct job *job, const struct arguments *arguments,
                                    struct error *err)
{
    const char *url = arguments->n_operands > 0 ? arguments->operands[0] : USUAL_URL;
    enum error_code code;

    if (arguments->n_operands > 1) {
        return error_set(err, ERR_INVALID, "unexpected \"%s\"; give one URL",
                         arguments->operands[1]);
    }
    code = client_url_read(arguments, "the URL", url, &job->url, err);
    if (code == ERR_OK) {
        code = api_key_read(arguments, &job->key, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    job->top.options.once = arguments_get(arguments, "once") != NULL;
    job->top.options.json = str_is(str_from(arguments_get(arguments, "output")), "json");
    job->where.url = buf_view(&job->url);
    job->where.ca_file = str_from(arguments_get(arguments, "ca-file"));
    if (secret_is_set(&job->key)) {
        job->where.key = secret_reveal(&job->key);
    }
    if (job->where.key.len > 0 && client_is_open_to_others(job->where.url)) {
        (void)fprintf(stderr, "virtuoso-proxy top: the API key goes over http:// in clear text\n");
    }
    return ERR_OK;
}

int run_top(struct arguments *arguments)
{
    static const struct inprocess_client client = {start, NULL, cancel};
    struct job *job = mem_zalloc(sizeof(*job));
    struct error err = {0};
    int status;

    if (take_options(job, arguments, &err) != ERR_OK ||
        inprocess_run(&job->where, &client, job, &err) != ERR_OK) {
        status = fail("top", &err);
    } else {
        status = job->top.status;
    }
    secret_done(&job->key);
    buf_done(&job->url);
    mem_free(job);
    return status;
}
