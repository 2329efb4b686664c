/* load: requests at a fixed rate, a line of progress on a terminal, and the verdict. */
#include "load/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "client.h"
#include "subcommands.h"

enum { TEXT_MAX = 1 << 20, LINE_MAX = 160, DAY_MS = LOAD_MAX_SECONDS * 1000 };

struct job {
    struct load_options options;
    struct load_result result;
    struct str headers[ARGUMENTS_GIVEN_MAX];
    struct buf body;
    struct secret key;
    unsigned count;
    unsigned max_p99_ms; /* above DAY_MS: not asked for */
    double max_errors;   /* a share, or a number; below 0: not asked for */
    bool max_errors_is_share;
    bool as_json;
};

static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

/* ---- options ---- */

static enum error_code take_numbers(struct job *job, const struct arguments *arguments,
                                    struct error *err)
{
    struct load_options *options = &job->options;
    const struct argument_number rows[] = {
        {"rate", 1, LOAD_MAX_RATE, &options->rate},
        {"connections", 1, LOAD_MAX_CONNECTIONS, &options->connections},
        {"count", 1, INT32_MAX, &job->count},
        {"duration", 0, DAY_MS, &options->duration_ms, true},
        {"timeout", 0, DAY_MS, &options->timeout_ms, true},
        {"warm-up", 0, DAY_MS, &options->warmup_ms, true},
        {"max-p99", 0, DAY_MS, &job->max_p99_ms, true},
    };
    enum error_code code = arguments_numbers(arguments, rows, ARRAY_LEN(rows), err);

    options->count = job->count;
    return code;
}

/* "1680930-1685929" */
static enum error_code take_ids(struct job *job, const struct arguments *arguments,
                                struct error *err)
{
    const char *word = arguments_get(arguments, "ids");
    struct str first;
    struct str last;

    if (word == NULL) {
        return ERR_OK;
    }
    if (!str_cut(str_from(word), '-', &first, &last) ||
        !str_to_i64(first, 1, INT64_MAX, &job->options.first_id) ||
        !str_to_i64(last, job->options.first_id, INT64_MAX, &job->options.last_id)) {
        return error_set(err, ERR_INVALID, "--ids must be two numbers, as 1-5000, not \"%s\"",
                         word);
    }
    return ERR_OK;
}

static enum error_code take_max_errors(struct job *job, const struct arguments *arguments,
                                       struct error *err)
{
    struct str word = str_from(arguments_get(arguments, "max-errors"));

    if (word.len == 0) {
        return ERR_OK;
    }
    job->max_errors_is_share = str_ends(word, STR("%"));
    if (!str_to_double(str_sub(word, 0, word.len - (job->max_errors_is_share ? 1 : 0)),
                       &job->max_errors) ||
        job->max_errors < 0) {
        return error_set(err, ERR_INVALID,
                         "--max-errors must be a number of requests or a share, as 10 or 0.1%%, "
                         "not \"%.*s\"",
                         STR_ARG(word));
    }
    job->max_errors /= job->max_errors_is_share ? 100 : 1;
    return ERR_OK;
}

static enum error_code take_body(struct job *job, const struct arguments *arguments,
                                 struct error *err)
{
    const char *text = arguments_get(arguments, "body");
    const char *file = arguments_get(arguments, "body-file");
    const char *method = arguments_get(arguments, "method");
    struct error cause = {0};

    if (text != NULL && file != NULL) {
        return error_set(err, ERR_INVALID, "give --body or --body-file, not both");
    }
    if (file != NULL && fd_read_file(file, &job->body, &cause) != ERR_OK) {
        return error_set(err, ERR_IO, "cannot read the body from %s: %s", file, cause.text);
    }
    job->options.has_body = text != NULL || file != NULL;
    job->options.body = text != NULL ? str_from(text) : buf_view(&job->body);
    job->options.method = str_from(method != NULL          ? method
                                   : job->options.has_body ? "POST"
                                                           : "GET");
    return ERR_OK;
}

static enum error_code take_options(struct job *job, const struct arguments *arguments,
                                    struct error *err)
{
    const char *headers[ARGUMENTS_GIVEN_MAX];
    size_t n = arguments_all(arguments, "header", headers);

    static enum error_code (*const takers[])(struct job * job, const struct arguments *arguments,
                                             struct error *err) = {take_numbers, take_ids,
                                                                   take_max_errors, take_body};
    enum error_code code = ERR_OK;

    if (arguments->n_operands != 1) {
        return error_set(err, ERR_INVALID, "give one URL, as http://127.0.0.1:8000/health/live");
    }
    job->options.url = str_from(arguments->operands[0]);
    for (size_t i = 0; i < n; i++) {
        job->headers[i] = str_from(headers[i]);
    }
    job->options.headers = job->headers;
    job->options.n_headers = n;
    job->options.any_host = arguments_get(arguments, "yes-i-may") != NULL;
    job->as_json = str_is(str_from(arguments_get(arguments, "output")), "json");
    for (size_t i = 0; i < ARRAY_LEN(takers) && code == ERR_OK; i++) {
        code = takers[i](job, arguments, err);
    }
    if (code == ERR_OK) {
        code = api_key_read(arguments, &job->key, err);
    }
    if (code == ERR_OK && secret_is_set(&job->key)) {
        job->options.bearer = secret_reveal(&job->key);
    }
    return code;
}

/* ---- the run ---- */

/* Draws its line over the last one each second: only on a terminal, never into a file. */
static void on_second(void *context, const struct load_progress *progress)
{
    char room[LINE_MAX];
    struct str line = str_print(
        room, sizeof(room),
        "\r%4.0f of %.0f s   %llu/s   failed %llu   p50 %.1f ms   p99 %.1f ms   %u in flight  ",
        (double)progress->elapsed_us / 1e6, (double)progress->total_us / 1e6,
        (unsigned long long)progress->answered_per_second, (unsigned long long)progress->n_failed,
        (double)progress->p50_us / 1e3, (double)progress->p99_us / 1e3, progress->in_flight);

    (void)context;
    (void)!fd_write_all(STDERR_FILENO, line); /* a terminal that is gone sees nothing */
}

static int judge(const struct job *job)
{
    const struct load_result *result = &job->result;
    uint64_t p99_us = histogram_quantile(&result->latency, 0.99);
    uint64_t n_failed = load_n_failed(result);
    double limit = job->max_errors * (job->max_errors_is_share ? (double)result->n_due : 1.0);
    int status = EXIT_SUCCESS;

    if (result->n_answered == 0) {
        (void)fprintf(stderr, "virtuoso-proxy load: no request was answered\n");
        return EXIT_FAILURE;
    }
    if (job->max_p99_ms <= DAY_MS && p99_us > (uint64_t)job->max_p99_ms * 1000U) {
        (void)fprintf(stderr, "virtuoso-proxy load: p99 is %.3f ms, above --max-p99 %ums\n",
                      (double)p99_us / 1e3, job->max_p99_ms);
        status = EXIT_FAILURE;
    }
    if (job->max_errors >= 0 && (double)n_failed > limit) {
        (void)fprintf(stderr, "virtuoso-proxy load: %llu of %llu failed, more than --max-errors\n",
                      (unsigned long long)n_failed, (unsigned long long)result->n_due);
        status = EXIT_FAILURE;
    }
    return status;
}

static int run(struct job *job)
{
    const struct sigaction action = {.sa_handler = on_signal};
    bool shows = isatty(STDERR_FILENO) == 1;
    char line[LINE_MAX];
    struct error err = {0};
    struct buf text;

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    job->options.stop = &stop_asked;
    job->options.on_second = shows ? on_second : NULL;
    if (job->options.any_host && job->options.bearer.len > 0) {
        (void)fprintf(stderr, "virtuoso-proxy load: the API key goes over http:// in clear text\n");
    }
    if (load_run(&job->options, &job->result, &err) != ERR_OK) {
        return fail("load", &err);
    }
    if (shows) {
        (void)!fd_write_all(STDERR_FILENO,
                            str_print(line, sizeof(line), "\r%*s\r", LINE_MAX / 2 + 20, ""));
    }
    buf_init(&text, TEXT_MAX);
    (job->as_json ? load_write_json : load_write_text)(&job->options, &job->result, &text);
    (void)fwrite(text.ptr, 1, text.len, stdout);
    buf_done(&text);
    (void)fflush(
        stdout); /* so that it stands before what stderr says; main reports a write that failed */
    return judge(job);
}

int run_load(struct arguments *arguments)
{
    struct job *job = mem_zalloc(sizeof(*job));
    struct error err = {0};
    int status;

    buf_init(&job->body, LOAD_MAX_BODY);
    job->options = (struct load_options){
        .rate = 100, .connections = 32, .duration_ms = 10000, .timeout_ms = 10000};
    job->max_p99_ms = UINT32_MAX;
    job->max_errors = -1;
    if (take_options(job, arguments, &err) != ERR_OK) {
        status = fail("load", &err);
    } else {
        status = run(job);
    }
    secret_done(&job->key);
    buf_done(&job->body);
    mem_free(job);
    return status;
}
