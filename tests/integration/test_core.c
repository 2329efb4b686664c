/* A core of the program under load: it is there, and no configured secret is in it. */
#include "harness/cmocka.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base64.h"
#include "harness/proxy.h"
#include "harness/sanitized.h"

enum { N_CLIENTS = 20, PATH_BYTES = 512, BODY_BYTES = 40000, SMALLEST_CORE = 4096 };

/* Put together at run time: the text is not in the test's own data. */
static const char *secret_of(const char *name)
{
    static struct buf texts[4];
    static size_t n;
    struct buf *text = &texts[n++ % ARRAY_LEN(texts)];

    buf_done(text);
    buf_init(text, PATH_BYTES);
    buf_printf(text, "%s-%s-of-%s", "canary", "0123456789abcdef", name);
    return buf_cstr(text);
}

static const struct {
    const char *name;
} secrets[] = {{"key"}, {"token"}, {"second"}};

static char folder[PATH_BYTES];

static int begin(void **state)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

    (void)state;
    assert_true(snprintf(folder, sizeof(folder), "%s/core-%d", VP_SCRATCH_DIR, (int)getpid()) > 0);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(chdir(folder), 0);
    (void)setrlimit(RLIMIT_CORE, &all);
    return 0;
}

/* The name of a core in the folder; empty: none. */
static struct str find_core(struct arena *arena)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    struct str found = STR_EMPTY;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (str_starts(str_from(entry->d_name), STR("core"))) {
            found = arena_printf(arena, "%s/%s", folder, entry->d_name);
        }
    }
    assert_int_equal(closedir(dir), 0);
    return found;
}

static void drop_core(struct arena *arena)
{
    struct str name = find_core(arena);

    if (name.len > 0) {
        assert_int_equal(unlink(name.ptr), 0);
    }
}

static int end(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    drop_core(&arena);
    arena_done(&arena);
    assert_int_equal(chdir("/"), 0);
    return rmdir(folder);
}

static bool file_holds(struct str name, struct str text)
{
    int fd = open(name.ptr, O_RDONLY | O_CLOEXEC);
    struct stat status;
    char *bytes;
    bool holds;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    assert_true(status.st_size > SMALLEST_CORE);
    bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    assert_true(bytes != MAP_FAILED);
    holds = str_contains((struct str){bytes, (size_t)status.st_size}, text);
    assert_int_equal(munmap(bytes, (size_t)status.st_size), 0);
    assert_int_equal(close(fd), 0);
    return holds;
}

/* What a core of a process that hides nothing holds: its heap. False: no cores here. */
static bool cores_are_made(struct arena *arena)
{
    pid_t pid = fork();
    struct str name;
    int status;
    bool made;

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)secret_of("nobody");
        abort();
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    name = find_core(arena);
    made = name.len > 0 && file_holds(name, str_from(secret_of("nobody")));
    drop_core(arena);
    return made;
}

/* Plain, and as it looks in base64 at each of three offsets. */
static void assert_not_in(struct str core, const char *name)
{
    struct str text = str_from(secret_of(name));

    if (file_holds(core, text)) {
        fail_msg("the secret \"%s\" is in the core", name);
    }
    for (size_t skip = 0; skip < 3; skip++) {
        struct buf coded;
        struct str inner;

        buf_init(&coded, PATH_BYTES);
        base64url_encode(&coded, str_sub(text, skip, text.len));
        inner = str_sub(buf_view(&coded), 0, coded.len - 4);
        if (file_holds(core, inner)) {
            fail_msg("the secret \"%s\" is in the core, in base64", name);
        }
        buf_done(&coded);
    }
}

static void make_load(struct proxy *proxy, struct client *clients)
{
    struct str field = arena_printf(&proxy->arena, "X-API-Key: %s\r\n", secret_of("key"));
    char *body = arena_zalloc(&proxy->arena, BODY_BYTES);
    struct str text;

    for (int i = 0; i < BODY_BYTES; i++) {
        body[i] = 'x';
    }
    text = arena_printf(&proxy->arena, "{\"name\": \"%.*s\"}", BODY_BYTES / 2, body);
    sandbox_fault(proxy->program.sandbox_port, "{\"match\":\"GET /user\",\"delay_ms\":600000}");
    sandbox_fault(proxy->program.sandbox_port,
                  "{\"match\":\"POST /projects\",\"delay_ms\":600000}");
    for (int i = 0; i < N_CLIENTS; i++) {
        client_open(&clients[i], proxy->program.port);
        assert_true(client_send_request(&clients[i], i % 2 == 0 ? "GET" : "POST",
                                        i % 2 == 0 ? "/virtuoso/user" : "/virtuoso/projects",
                                        field.ptr, i % 2 == 0 ? STR_EMPTY : text));
    }
}

static void a_core_holds_no_configured_secret(void **state)
{
    struct client clients[N_CLIENTS];
    struct proxy proxy;
    struct arena arena;
    const char *sets[4] = {NULL};
    struct str core;

    (void)state;
    if (IS_SANITIZED || getenv("VP_WRAPPER") != NULL) {
        print_message("who is watched by a sanitizer or by valgrind leaves no core\n");
        skip();
    }
    arena_init(&arena);
    if (!cores_are_made(&arena)) {
        arena_done(&arena);
        print_message("no cores can be made here (kernel.core_pattern, RLIMIT_CORE)\n");
        skip();
    }
    sets[0] = arena_printf(&arena, "auth.keys=%s", secret_of("key")).ptr;
    sets[1] = arena_printf(&arena, "upstream.token=%s", secret_of("token")).ptr;
    sets[2] = arena_printf(&arena, "upstream.secondary_token=%s", secret_of("second")).ptr;
    proxy_start(&proxy, sets);
    make_load(&proxy, clients);
    proxy_wait_sent(&proxy, "POST", "/projects", N_CLIENTS / 2);
    program_signal(&proxy.program, SIGABRT);
    assert_int_equal(program_wait_end(&proxy.program, 20000), 128 + SIGABRT);
    core = find_core(&arena);
    assert_true(core.len > 0);
    assert_true(file_holds(core, STR("\x7f"
                                     "ELF")));
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        assert_not_in(core, secrets[i].name);
    }
    for (int i = 0; i < N_CLIENTS; i++) {
        client_close(&clients[i]);
    }
    reply_done(&proxy.reply);
    program_done(&proxy.program);
    arena_done(&proxy.arena);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_core_holds_no_configured_secret),
    };

    return cmocka_run_group_tests_name("core", tests, begin, end);
}
