#include "harness/replicas.h"

#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/wait.h"

enum { ARGS_MAX = 64 };

static void start(struct replicas *replicas, size_t i,
                  void (*how)(struct program *program, const char *const *args,
                              const char *const *env))
{
    /* A store that a busy machine keeps waiting is not away. */
    const char *own[] = {"auth.mode=none", "drain.notice_ms=0", "store.timeout_ms=10000",
                         replicas->url, replicas->platform_url};
    const char *args[ARGS_MAX] = {"serve", "--listen", "127.0.0.1:0"};
    size_t n = 3;

    for (size_t k = 0; k < ARRAY_LEN(own); k++) {
        args[n++] = "--set";
        args[n++] = own[k];
    }
    for (const char *const *set = replicas->sets; *set != NULL; set++) {
        args[n++] = "--set";
        args[n++] = *set;
    }
    program_use(replicas->binaries[i]);
    how(&replicas->programs[i], args, replicas->env);
    program_use(NULL);
}

void replicas_begin_one(struct replicas *replicas, size_t i)
{
    start(replicas, i, program_start);
}

void replicas_start_one(struct replicas *replicas, size_t i)
{
    start(replicas, i, program_serve);
    if (replicas->redis.pid > 0 || replicas->url[0] != '\0') {
        wait_until(!replicas_store_is_away(replicas, i));
    }
}

void replicas_start(struct replicas *replicas, const struct replicas_options *options)
{
    const char *const *sets = options->sets;

    *replicas = (struct replicas){.n = options->n, .redis = redis_server_make()};
    replicas->redis.keeps = options->keeps;
    memcpy(replicas->binaries, options->binaries, sizeof(replicas->binaries));
    reply_init(&replicas->reply);
    for (size_t i = 0; sets != NULL && sets[i] != NULL; i++) {
        assert_true(i + 1 < REPLICAS_SETS_MAX);
        replicas->sets[i] = sets[i];
    }
    replicas->env[0] = "VIRTUOSO_API_TOKEN=" SANDBOX_TOKEN;
    for (size_t i = 0; options->env != NULL && options->env[i] != NULL; i++) {
        assert_true(i + 2 < REPLICAS_ENV_MAX);
        replicas->env[i + 1] = options->env[i];
    }
    if (options->store == NULL) {
        redis_server_start(&replicas->redis, NULL, NULL);
    }
    proxy_start(&replicas->platform, options->platform_sets);
    if (options->store != NULL) {
        (void)snprintf(replicas->url, sizeof(replicas->url), "%s", options->store);
    } else {
        (void)snprintf(replicas->url, sizeof(replicas->url), "store.url=unix:%s",
                       replicas->redis.path);
    }
    (void)snprintf(replicas->platform_url, sizeof(replicas->platform_url),
                   "upstream.base_url=http://127.0.0.1:%d/api",
                   (int)replicas->platform.program.sandbox_port);
    for (size_t i = 0; i < options->n; i++) {
        replicas_start_one(replicas, i);
    }
}

void replicas_kill(struct replicas *replicas, size_t i)
{
    struct program *program = &replicas->programs[i];

    (void)kill(program->pid, SIGKILL);
    (void)program_wait_end(program, 10000);
    program_done(program);
    *program = (struct program){0};
}

void replicas_stop(struct replicas *replicas)
{
    for (size_t i = 0; i < replicas->n; i++) {
        if (replicas->programs[i].pid > 0) {
            program_stop(&replicas->programs[i]);
        }
        program_done(&replicas->programs[i]);
    }
    proxy_stop(&replicas->platform);
    redis_server_done(&replicas->redis);
    reply_done(&replicas->reply);
}

const struct json *replicas_ask(struct replicas *replicas, size_t i, const char *method,
                                const char *target, const char *fields, const char *body)
{
    struct arena *arena = &replicas->platform.arena;
    struct str with_type =
        arena_printf(arena, "%s%s", fields != NULL ? fields : "",
                     body != NULL && body[0] != '\0' ? "Content-Type: application/json\r\n" : "");

    client_ask(replicas->programs[i].port, method, target, with_type.ptr, str_from(body),
               &replicas->reply);
    return replicas->reply.body.len > 0 ? reply_json(&replicas->reply, arena) : NULL;
}

bool replicas_store_is_away(struct replicas *replicas, size_t i)
{
    (void)replicas_ask(replicas, i, "GET", "/health", NULL, NULL);
    return str_contains(buf_view(&replicas->reply.body), STR("the store is away"));
}

void replicas_wait_for_store(struct replicas *replicas)
{
    for (size_t i = 0; i < replicas->n; i++) {
        wait_until(replicas->programs[i].pid == 0 || !replicas_store_is_away(replicas, i));
    }
}

struct str replicas_text(struct replicas *replicas, const struct json *answer, const char *pointer)
{
    const struct json *node = json_find(answer, pointer);

    return json_type(node) == JSON_NUMBER ? json_number_text(node, &replicas->platform.arena)
                                          : json_str(node);
}

const char *replicas_line(struct replicas *replicas, const char *format, ...)
{
    struct buf out;
    const char *copy;
    va_list args;

    buf_init(&out, 4096);
    va_start(args, format);
    buf_vprintf(&out, format, args);
    va_end(args);
    copy = arena_cstr(&replicas->platform.arena, buf_view(&out));
    buf_done(&out);
    return copy;
}
