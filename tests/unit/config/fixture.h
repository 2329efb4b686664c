/* The configuration loaded from what a test gives, and what it says when it is refused. */
#ifndef CONFIG_FIXTURE_H
#define CONFIG_FIXTURE_H

#include <fcntl.h>
#include <unistd.h>

#include "harness/cmocka.h"
#include "harness/wait.h"

#include "base/fd.h"
#include "config/config.h"

#define SCRATCH VP_SCRATCH_DIR "/test_load"

enum { TEXT_MAX = 64 * 1024 };

/* What a program with an empty environment has to be told. */
#define KEY   "API_KEYS=key-of-a-test"
#define TOKEN "VIRTUOSO_API_TOKEN=token-of-a-test"

struct loaded {
    struct config *config; /* NULL: refused */
    struct buf errors;     /* a line each */
};

static inline struct loaded load(const struct config_sources *sources)
{
    struct loaded loaded = {.config = NULL};
    struct error_list errors;

    error_list_init(&errors);
    buf_init(&loaded.errors, TEXT_MAX);
    (void)!config_load(sources, &loaded.config, &errors);
    for (size_t i = 0; i < errors.n; i++) {
        buf_printf(&loaded.errors, "%s\n", errors.items[i].text);
    }
    assert_int_equal(loaded.config == NULL, errors.n > 0);
    error_list_done(&errors);
    return loaded;
}

/* NULL-terminated lists. */
static inline struct loaded load_all(const char *const *environment, const char *const *sets)
{
    static const char *const none[] = {NULL};
    struct config_sources sources = {.environment = environment != NULL ? environment : none,
                                     .sets = sets != NULL ? sets : none};

    while (sources.sets[sources.n_sets] != NULL) {
        sources.n_sets++;
    }
    return load(&sources);
}

/* One variable beside those that every start needs (a later one of the same name does not count). */
static inline struct loaded load_with(const char *variable)
{
    const char *const environment[] = {variable, KEY, TOKEN, NULL};

    return load_all(environment, NULL);
}

static inline void done(struct loaded *loaded)
{
    config_release(loaded->config);
    buf_done(&loaded->errors);
}

static inline void assert_taken(const struct loaded *loaded)
{
    if (loaded->config == NULL) {
        fail_msg("refused: %.*s", STR_ARG(buf_view(&loaded->errors)));
    }
}

static inline void assert_says(const struct loaded *loaded, const char *text)
{
    if (loaded->config != NULL || !str_contains(buf_view(&loaded->errors), str_from(text))) {
        fail_msg("\"%s\" is not in: %.*s", text, STR_ARG(buf_view(&loaded->errors)));
    }
}

static inline void write_file(const char *text)
{
    int fd = open(SCRATCH, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_true(fd_write_all(fd, str_from(text)));
    assert_int_equal(close(fd), 0);
}

static inline struct loaded load_text(const char *yaml)
{
    static const char *const environment[] = {TOKEN, NULL};
    const struct config_sources sources = {.file = SCRATCH, .environment = environment};
    struct loaded loaded;

    write_file(yaml);
    loaded = load(&sources);
    assert_int_equal(unlink(SCRATCH), 0);
    return loaded;
}

#endif
