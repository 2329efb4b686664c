/* Small operations in a loop, for callgrind: instructions per operation are repeatable where
 * seconds are not. valgrind --tool=callgrind --toggle-collect='bench_*' build/bench/bench_micro
 * NAME COUNT Without callgrind it prints nanoseconds per operation, which are advisory. To add one:
 * a function bench_<name> that does one operation, and a row. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json_writer.h"
#include "base/secret.h"
#include "data/json.h"

struct bench {
    const char *name;
    void (*run)(struct arena *arena);
};

static const char document[] =
    "{\"item\":{\"id\":1680930,\"canonicalId\":\"0d6b7c2e-91f1-4f7e-9f57-2f3a4f1a5c11\","
    "\"steps\":[{\"action\":\"NAVIGATE\",\"value\":\"https://example.com\"},"
    "{\"action\":\"CLICK\",\"element\":{\"target\":{\"selectors\":[{\"type\":\"GUESS\",\"value\":"
    "\"{\\\"clue\\\":\\\"Sign in\\\"}\"}]}}}]}}";

static void bench_arena(struct arena *arena)
{
    for (size_t size = 16; size < 1024; size += 48) {
        memset(arena_alloc(arena, size), 0, size);
    }
}

static void bench_json_parse(struct arena *arena)
{
    struct json *root = NULL;
    struct error err = {0};

    if (json_parse(arena, STR(document), NULL, &root, &err) != ERR_OK) {
        (void)fprintf(stderr, "bench_micro: %s\n", err.text);
    }
}

static void bench_json_write(struct arena *arena)
{
    struct json_writer w;
    struct buf out;

    (void)arena;
    buf_init(&out, 512);
    jw_init(&w, &out);
    jw_object(&w);
    jw_kv_text(&w, "status", "success");
    jw_kv_int(&w, "position", 12);
    jw_kv_str(&w, "description", STR("Click on \"Sign in\"\n"));
    jw_end(&w);
    buf_done(&out);
}

/* Two credentials as the tables of keys compare them: how many instructions it takes may not tell where
 * they differ (bench/budget/constant.sh). */
static void compare_secrets(size_t differing, bool differs)
{
    static uint8_t volatile secret[32];
    uint8_t a[sizeof(secret)];
    uint8_t b[sizeof(secret)];

    for (size_t i = 0; i < sizeof(secret); i++) {
        a[i] = b[i] = secret[i];
    }
    b[differing] ^= differs ? 1 : 0;
    if (bytes_equal_constant_time(a, b, sizeof(a)) == differs) {
        (void)fprintf(stderr, "bench_micro: the comparison is wrong\n");
    }
}

static void bench_secret_first(struct arena *arena)
{
    (void)arena;
    compare_secrets(0, true);
}

static void bench_secret_last(struct arena *arena)
{
    (void)arena;
    compare_secrets(31, true);
}

static void bench_secret_equal(struct arena *arena)
{
    (void)arena;
    compare_secrets(0, false);
}

static const struct bench benches[] = {
    {"arena", bench_arena},
    {"json_parse", bench_json_parse},
    {"json_write", bench_json_write},
    {"secret_first", bench_secret_first},
    {"secret_last", bench_secret_last},
    {"secret_equal", bench_secret_equal},
};

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void measure(const struct bench *bench, int64_t n)
{
    struct arena arena;

    arena_init(&arena);
    uint64_t start = now_ns();
    for (int64_t i = 0; i < n; i++) {
        bench->run(&arena);
        arena_reset(&arena);
    }
    uint64_t spent = now_ns() - start;
    arena_done(&arena);
    (void)printf("%-12s %8.1f ns\n", bench->name, (double)spent / (double)n);
}

int main(int argc, char **argv)
{
    int64_t n = 100000;
    bool found = false;

    if (argc > 2 && !str_to_i64(str_from(argv[2]), 1, 100000000, &n)) {
        (void)fprintf(stderr, "usage: bench_micro [NAME [COUNT]]\n");
        return 1;
    }
    for (size_t i = 0; i < ARRAY_LEN(benches); i++) {
        if (argc < 2 || strcmp(argv[1], "all") == 0 || strcmp(argv[1], benches[i].name) == 0) {
            measure(&benches[i], n);
            found = true;
        }
    }
    return found ? 0 : 1;
}
