/* The generator of `virtuoso-proxy load` for the benchmarks: it also runs in a closed loop (as fast
 * as answers come), and tells how much processor time other processes took while it counted.
 *
 *   bench_load -p PORT [-r RATE] [-s MS] [-w MS] [-c CONNECTIONS] [-m METHOD] [-t TARGET] [-f FIELD]...
 *              [-b BODY] [-i FROM-TO] [-P PID,PID...]
 *
 * -r 0 is the closed loop; -w is the warm-up, a part of -s. Prints the JSON of `load -o json`, then
 * one line {"pid": ..., "cpu_ns": ..., "wait_ns": ...} a process: how long it ran, and how long it could
 * have run but others had the core. Only 127.0.0.1 can be asked. */
#include "load/load.h"

#include <dirent.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_PIDS = 16, PATH_MAX_BYTES = 128, TEXT_MAX = 1 << 20 };

struct spent {
    uint64_t cpu_ns;
    uint64_t wait_ns;
};

struct bench {
    struct load_options options;
    struct str headers[LOAD_MAX_HEADERS];
    struct buf url;
    int64_t port;
    const char *target;
    int64_t pids[MAX_PIDS];
    size_t n_pids;
    struct spent spent[MAX_PIDS]; /* at the begin of the window, then in it */
};

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_load: %s\n", what);
    exit(1);
}

/* What the scheduler has given to all threads of a process, and what it let them wait. */
static struct spent spent_of(int64_t pid)
{
    char path[PATH_MAX_BYTES];
    struct spent all = {0};
    const struct dirent *entry;
    DIR *tasks;

    (void)snprintf(path, sizeof(path), "/proc/%" PRId64 "/task", pid);
    tasks = opendir(path);
    while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
        char numbers[PATH_MAX_BYTES] = "";
        char *rest = numbers;
        FILE *file;

        (void)snprintf(path, sizeof(path), "/proc/%" PRId64 "/task/%.32s/schedstat", pid,
                       entry->d_name);
        file = entry->d_name[0] != '.' ? fopen(path, "re") : NULL;
        if (file != NULL && fgets(numbers, sizeof(numbers), file) != NULL) {
            all.cpu_ns += strtoull(rest, &rest, 10);
            all.wait_ns += strtoull(rest, &rest, 10);
        }
        if (file != NULL) {
            (void)fclose(file);
        }
    }
    if (tasks != NULL) {
        (void)closedir(tasks);
    }
    return all;
}

static void on_window(void *context, bool begins)
{
    struct bench *bench = context;

    for (size_t i = 0; i < bench->n_pids; i++) {
        struct spent now = spent_of(bench->pids[i]);

        if (!begins) {
            now.cpu_ns -= bench->spent[i].cpu_ns;
            now.wait_ns -= bench->spent[i].wait_ns;
        }
        bench->spent[i] = now;
    }
}

static unsigned read_number(const char *text, int64_t min, int64_t max)
{
    int64_t value;

    if (!str_to_i64(str_from(text), min, max, &value)) {
        die("a number is out of its range");
    }
    return (unsigned)value;
}

static void read_pids(struct bench *bench, struct str text)
{
    struct str word;

    while (str_next(&text, ',', &word)) {
        if (bench->n_pids == MAX_PIDS ||
            !str_to_i64(word, 1, INT32_MAX, &bench->pids[bench->n_pids++])) {
            die("-P takes up to 16 process ids");
        }
    }
}

static void read_ids(struct bench *bench, struct str text)
{
    struct str first;
    struct str last;

    if (!str_cut(text, '-', &first, &last) ||
        !str_to_i64(first, 1, INT64_MAX, &bench->options.first_id) ||
        !str_to_i64(last, bench->options.first_id, INT64_MAX, &bench->options.last_id)) {
        die("-i takes FROM-TO");
    }
}

static void take_option(struct bench *bench, int option, const char *value)
{
    struct load_options *options = &bench->options;

    switch (option) {
    case 'p':
        bench->port = read_number(value, 1, UINT16_MAX);
        break;
    case 'r':
        options->rate = read_number(value, 0, LOAD_MAX_RATE);
        break;
    case 's':
        options->duration_ms = read_number(value, 1, 600000);
        break;
    case 'w':
        options->warmup_ms = read_number(value, 0, 600000);
        break;
    case 'c':
        options->connections = read_number(value, 1, LOAD_MAX_CONNECTIONS);
        break;
    case 'm':
        options->method = str_from(value);
        break;
    case 't':
        bench->target = value;
        break;
    case 'f':
        if (options->n_headers == LOAD_MAX_HEADERS) {
            die("too many fields");
        }
        bench->headers[options->n_headers++] = str_from(value);
        break;
    case 'b':
        options->body = str_from(value);
        options->has_body = true;
        break;
    case 'i':
        read_ids(bench, str_from(value));
        break;
    case 'P':
        read_pids(bench, str_from(value));
        break;
    default:
        die("unknown option; see bench/load/load.c");
    }
}

static void print(const struct bench *bench, const struct load_result *result)
{
    struct buf text;

    buf_init(&text, TEXT_MAX);
    load_write_json(&bench->options, result, &text);
    for (size_t i = 0; i < bench->n_pids; i++) {
        buf_printf(&text, "{\"pid\":%" PRId64 ",\"cpu_ns\":%" PRIu64 ",\"wait_ns\":%" PRIu64 "}\n",
                   bench->pids[i], bench->spent[i].cpu_ns, bench->spent[i].wait_ns);
    }
    (void)fwrite(text.ptr, 1, text.len, stdout);
    buf_done(&text);
}

int main(int argc, char **argv)
{
    struct bench *bench = mem_zalloc(sizeof(*bench));
    struct load_result *result = mem_zalloc(sizeof(*result));
    struct error err = {0};
    int option;

    bench->target = "/health/live";
    bench->options = (struct load_options){.method = STR("GET"),
                                           .duration_ms = 2000,
                                           .timeout_ms = 10000,
                                           .connections = 64,
                                           .headers = bench->headers,
                                           .on_window = on_window,
                                           .context = bench};
    while ((option = getopt(argc, argv, "p:r:s:w:c:m:t:f:b:i:P:")) != -1) {
        take_option(bench, option, optarg);
    }
    buf_init(&bench->url, TEXT_MAX);
    buf_printf(&bench->url, "http://127.0.0.1:%" PRId64 "%s", bench->port, bench->target);
    bench->options.url = buf_view(&bench->url);
    if (load_run(&bench->options, result, &err) != ERR_OK) {
        die(err.text);
    }
    print(bench, result);
    buf_done(&bench->url);
    mem_free(result);
    mem_free(bench);
    return 0;
}
