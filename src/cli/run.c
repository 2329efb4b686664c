/* The run as a whole: files are begun in order, at most `concurrency` at once; when all have ended
 * the reports are written. on_step decides this, in a later turn of the loop and never from inside
 * another call. So any function may end an item. */
#include "cli/run.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "catalog/catalog.h"
#include "run_internal.h"

enum { REPLY_MAX = 64 * 1024 * 1024, CONNECT_TIMEOUT_MS = 5000 };

/* ---- before ---- */

static void print_list(const struct error_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        (void)fprintf(stderr, "virtuoso-proxy run: %s\n", list->items[i].text);
    }
    if (list->n_dropped > 0) {
        (void)fprintf(stderr, "virtuoso-proxy run: and %zu more\n", list->n_dropped);
    }
}

/* Files are compiled as they are read: what is wrong with them is known before the first call. */
static void gather_all(struct cli_run *run)
{
    struct testfile_variable *variables;
    struct catalog *catalog;
    struct error err = {0};

    run->gather = (struct gather){.arena = &run->arena,
                                  .excludes = run->options.excludes,
                                  .n_excludes = run->options.n_excludes,
                                  .lenient = run->options.lenient,
                                  .errors = &run->errors,
                                  .notes = &run->notes};
    run->gather.n_variables = select_variables(&run->arena, &run->options, &variables);
    run->gather.variables = variables;
    if (catalog_new(&catalog, &err) != ERR_OK) {
        *error_list_add(&run->errors) = err;
        return;
    }
    run->gather.dictionary = dictionary_new(catalog);
    (void)gather_paths(&run->gather, run->options.paths, run->options.n_paths);
    dictionary_free(run->gather.dictionary);
    catalog_free(catalog);
}

static void make_items(struct cli_run *run)
{
    run->items = mem_calloc(run->gather.n > 0 ? run->gather.n : 1, sizeof(*run->items));
    for (size_t i = 0; i < run->gather.n; i++) {
        struct run_item *item = &run->items[i];

        item->run = run;
        item->source = &run->gather.items[i];
        item->query = run_query_of_source(&run->arena, run->query, item->source);
        item->verdict = VERDICT_SKIPPED;
        arena_init(&item->arenas[0]);
        arena_init(&item->arenas[1]);
    }
}

static void print_notes(const struct cli_run *run)
{
    if (run->options.verbose) {
        print_list(&run->notes);
    } else if (run->gather.n_passed_over > 0) {
        (void)fprintf(stderr, "virtuoso-proxy run: %zu %s passed over (--verbose tells why)\n",
                      run->gather.n_passed_over, run->gather.n_passed_over == 1 ? "name" : "names");
    }
}

static void read_all(struct cli_run *run)
{
    struct error err = {0};

    gather_all(run);
    if (run->errors.n == 0) {
        select_files(run);
    }
    if (run_query_of_options(&run->arena, &run->options, run->gather.n + run->n_left_out,
                             &run->query, &err) != ERR_OK) {
        *error_list_add(&run->errors) = err;
    }
    run_open_reports(run);
}

static struct cli_run *new_run(const struct cli_run_options *options)
{
    struct cli_run *run = mem_zalloc(sizeof(*run));

    run->options = *options;
    run->report_fds[0] = run->report_fds[1] = run->report_fds[2] = -1;
    arena_init(&run->arena);
    error_list_init(&run->errors);
    error_list_init(&run->notes);
    error_list_init(&run->warnings);
    display_init(&run->display, options);
    return run;
}

void cli_run_refuse(const struct cli_run_options *options, const struct error *err)
{
    struct cli_run *run = new_run(options);

    *error_list_add(&run->errors) = *err;
    run_open_reports(run);
    run_report_errors(run);
    cli_run_free(run);
}

bool cli_run_new(const struct cli_run_options *options, struct cli_run **out)
{
    struct cli_run *run = new_run(options);
    bool ok;

    read_all(run);
    make_items(run);
    ok = run->errors.n == 0;
    if (ok) {
        select_items(run);
        print_notes(run);
        print_list(&run->warnings);
    } else {
        print_list(&run->notes);
        print_list(&run->errors);
        run_report_errors(run);
        cli_run_free(run);
        run = NULL;
    }
    *out = run;
    return ok;
}

void cli_run_free(struct cli_run *run)
{
    if (run == NULL) {
        return;
    }
    CHECK(run->client == NULL);
    for (size_t i = 0; i < run->gather.n; i++) {
        arena_done(&run->items[i].arenas[0]);
        arena_done(&run->items[i].arenas[1]);
    }
    run_close_reports(run);
    mem_free(run->items);
    secret_done(&run->api_key);
    error_list_done(&run->errors);
    error_list_done(&run->notes);
    error_list_done(&run->warnings);
    arena_done(&run->arena);
    mem_free(run);
}

/* ---- without a proxy ---- */

bool cli_run_needs_proxy(const struct cli_run *run)
{
    for (size_t i = 0; i < run->gather.n; i++) {
        if (run->items[i].state == ITEM_QUEUED) {
            return true;
        }
    }
    return false;
}

void cli_run_end(struct cli_run *run, const struct error *why)
{
    CHECK(run->client == NULL);
    CHECK(why != NULL || !cli_run_needs_proxy(run));
    if (run->finished) {
        return;
    }
    run->began_wall_ms = run->began_wall_ms > 0 ? run->began_wall_ms : clock_wall_ms();
    for (size_t i = 0; i < run->gather.n; i++) {
        if (run->items[i].state == ITEM_QUEUED) {
            run->items[i].error = *why;
            item_end_unbegun(&run->items[i], VERDICT_ERROR);
        }
    }
    run->finished = true;
    run_write_reports(run);
}

/* ---- during ---- */

static void on_client_closed(void *context)
{
    struct cli_run *run = context;

    run->client = NULL;
    run->on_done(run->owner);
}

static bool may_begin(const struct cli_run *run)
{
    if (run->stopping) {
        return false;
    }
    for (size_t i = 0; run->options.fail_fast && i < run->gather.n; i++) {
        const struct run_item *item = &run->items[i];

        if (item->state == ITEM_ENDED && verdict_is_bad(item->verdict)) {
            return false;
        }
    }
    return true;
}

static void on_step(struct later_item *later)
{
    struct cli_run *run = CONTAINER_OF(later, struct cli_run, step);
    size_t n_running = 0;

    run_tell_ended(run);
    for (size_t i = 0; i < run->gather.n; i++) {
        enum item_state state = run->items[i].state;

        n_running += state == ITEM_POSTING || state == ITEM_FOLLOWING ? 1 : 0;
    }
    for (size_t i = 0; i < run->gather.n && n_running < run->options.concurrency; i++) {
        if (run->items[i].state == ITEM_QUEUED && may_begin(run)) {
            n_running++;
            item_start(&run->items[i]);
        }
    }
    if (n_running == 0 && !run->finished) {
        run->finished = true;
        run_write_reports(run);
        upstream_close(run->client, on_client_closed, run);
    }
}

static void step_later(struct cli_run *run)
{
    later_add(&run->loop->later, &run->step, on_step);
}

void run_on_item(struct run_item *item)
{
    display_item(item->run, item);
    if (item->state == ITEM_ENDED) {
        step_later(item->run);
    }
}

enum error_code cli_run_start(struct cli_run *run, struct loop *loop,
                              const struct cli_run_proxy *proxy, void (*on_done)(void *owner),
                              void *owner, struct error *err)
{
    struct upstream_options options = upstream_options_of_other(
        proxy->url, proxy->ca_file, CONNECT_TIMEOUT_MS, CONNECT_TIMEOUT_MS * 3, REPLY_MAX);
    enum error_code code;

    options.client_name = STR("virtuoso-proxy run");
    options.max_active = CLI_CONCURRENCY_MAX;
    options.max_waiting = CLI_CONCURRENCY_MAX;
    options.max_tries = 3; /* only of reads and of requests that never reached the proxy */
    options.retry_base_ms = 200;
    options.retry_budget_percent = 100;
    code = upstream_open(loop, &options, &run->client, err);
    if (code != ERR_OK) {
        run->client = NULL;
        return code;
    }
    run->loop = loop;
    run->url = arena_str(&run->arena, proxy->url);
    secret_set(&run->api_key, proxy->api_key);
    run->on_done = on_done;
    run->owner = owner;
    run->began_ms = clock_now_ms();
    run->began_wall_ms = clock_wall_ms();
    step_later(run);
    return ERR_OK;
}

void cli_run_cancel(struct cli_run *run)
{
    bool again = run->stopping;

    if (run->client == NULL || run->finished) {
        return;
    }
    run->stopping = true;
    for (size_t i = 0; i < run->gather.n; i++) {
        if (again) {
            item_abandon(&run->items[i]);
        } else {
            item_stop(&run->items[i], false);
        }
    }
    display_bar(run, true);
    step_later(run);
}

int cli_run_exit_code(const struct cli_run *run)
{
    return run->exit_code;
}
