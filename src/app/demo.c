/* demo: proxy and sandbox, and a client that makes a sample test through them. */
#include <stdio.h>
#include <stdlib.h>

#include "app/server.h"
#include "cli/demo.h"
#include "observe/log.h"
#include "subcommands.h"

struct demo_run {
    struct demo demo;
    struct server *server;
    bool once;
    bool ok;
};

static void on_demo_done(struct demo *demo, bool ok)
{
    struct demo_run *run = demo->owner;

    run->ok = ok;
    if (run->once || !ok) {
        server_stop(run->server);
    }
}

static void on_server_stopping(struct server *server)
{
    struct demo_run *run = server->owner;

    demo_cancel(&run->demo);
}

static enum error_code open_demo_server(struct arguments *arguments, struct server *server,
                                        struct error *err)
{
    bool chosen = arguments_get(arguments, "listen") != NULL;
    struct config *config = load_config(NULL, arguments);
    enum error_code code;

    if (config == NULL) {
        return error_set(err, ERR_CONFIG, "the configuration has errors");
    }
    open_log(config);
    code = server_open(server, config, FRONT_SOCKETS, NULL, err);
    if (code == ERR_IO && !chosen) {
        arguments_add_set(arguments, "server.listen", "127.0.0.1:0");
        config = load_config(NULL, arguments);
        code = config == NULL ? ERR_CONFIG : server_open(server, config, FRONT_SOCKETS, NULL, err);
    }
    return code;
}

int run_demo(struct arguments *arguments)
{
    static const char *const fixed[][2] = {
        {"sandbox.enabled", "true"},      {"auth.mode", "none"},      {"log.level", "warn"},
        {"log.access", "false"},          {"drain.notice_ms", "0"},   {"drain.limit_ms", "2000"},
        {"sandbox.execution_ms", "1200"}, {"lambda.runtime_api", ""},
    };
    struct server server;
    struct demo_run run = {.server = &server, .once = arguments_get(arguments, "once") != NULL};
    struct error err = {0};
    char url[160];

    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        arguments_add_set(arguments, fixed[i][0], fixed[i][1]);
    }
    if (open_demo_server(arguments, &server, &err) != ERR_OK) {
        log_close();
        return fail("demo", &err);
    }
    server_ignore_signals(&server);
    server.owner = &run;
    server.on_stopping = on_server_stopping;
    print_addresses(&server);
    (void)printf("\nCreating and executing a sample test through the proxy:\n");
    (void)fflush(stdout);
    if (demo_start(&run.demo, &server.loop,
                   &(struct demo_options){server_url(&server, url), run.once}, on_demo_done, &run,
                   &err) != ERR_OK) {
        (void)fail("demo", &err);
        server_stop(&server);
    }
    server_run(&server);
    server_done(&server);
    log_close();
    return run.ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
