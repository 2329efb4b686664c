#include "harness/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/client.h"
#include "harness/cmocka.h"

enum { READY_MS = 60000, RUN_MS = 60000, STOP_MS = 20000, LOOK_MS = 5 };

enum { MAX_WORDS = 128, MAX_OUTPUT = 256 << 20, TAIL_BYTES = 4000 };

/* A NULL-terminated list as exec wants it. Owner of its texts. */
struct words {
    char *items[MAX_WORDS + 1];
    size_t n;
};

static void add_word(struct words *words, struct str word)
{
    assert_true(words->n < MAX_WORDS);
    words->items[words->n] = mem_zalloc(word.len + 1);
    memcpy(words->items[words->n++], word.ptr, word.len);
}

static void add_words(struct words *words, const char *const *list)
{
    for (; list != NULL && *list != NULL; list++) {
        add_word(words, str_from(*list));
    }
}

static void free_words(struct words *words)
{
    while (words->n > 0) {
        mem_free(words->items[--words->n]);
    }
}

static const char *binary = VP_BINARY;

void program_use(const char *path)
{
    binary = path != NULL ? path : VP_BINARY;
}

static void build_command(struct words *words, const char *const *args)
{
    struct str wrapper = str_from(getenv("VP_WRAPPER"));
    struct str word;

    while (str_next(&wrapper, '\t', &word)) {
        add_word(words, word);
    }
    add_word(words, str_from(binary));
    add_words(words, args);
}

static void build_environment(struct words *words, const char *const *env)
{
    static const char *const passed[] = {
        "PATH=", "HOME=", "TMPDIR=", "ASAN_OPTIONS=", "LSAN_OPTIONS=", "UBSAN_OPTIONS="};

    for (char **entry = environ; *entry != NULL; entry++) {
        for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
            if (strncmp(*entry, passed[i], strlen(passed[i])) == 0) {
                add_word(words, str_from(*entry));
            }
        }
    }
    add_words(words, env);
    /* last: what a test sets itself comes first, and wins */
    add_word(words, STR("VIRTUOSO_PROXY_LAST_RUN=" VP_SCRATCH_DIR "/last-run"));
}

static void name_files(struct program *program)
{
    static unsigned n_started;
    struct buf name;

    n_started++;
    buf_init(&name, PROGRAM_PATH_MAX - 8);
    buf_printf(&name, "%s/program-%d-%u", VP_SCRATCH_DIR, (int)getpid(), n_started);
    assert_true(buf_ok(&name));
    memcpy(program->out_path, buf_cstr(&name), name.len + 1);
    memcpy(program->err_path, program->out_path, name.len);
    memcpy(program->out_path + name.len, ".out", sizeof(".out"));
    memcpy(program->err_path + name.len, ".err", sizeof(".err"));
    buf_done(&name);
    /* What a failed test of this process id has left would be read until the child has emptied it. */
    (void)unlink(program->out_path);
    (void)unlink(program->err_path);
}

/* Room for the number of a process that is not there yet. */
static char listen_pid[] = "LISTEN_PID=          ";

/* In the child: only async-signal-safe calls from here to exec. */
static void name_pid(void)
{
    size_t at = sizeof(listen_pid) - 1;

    for (pid_t pid = getpid(); pid > 0; pid /= 10) {
        listen_pid[--at] = (char)('0' + pid % 10);
    }
    memmove(listen_pid + strlen("LISTEN_PID="), listen_pid + at, sizeof(listen_pid) - at);
}

/* The descriptors become numbers 3, 4 and so on; first out of the way of each other. */
static bool pass_descriptors(const int *descriptors, int n)
{
    int copies[PROGRAM_DESCRIPTORS_MAX];

    for (int i = 0; i < n; i++) {
        copies[i] = fcntl(descriptors[i], F_DUPFD, 3 + PROGRAM_DESCRIPTORS_MAX);
        if (copies[i] < 0) {
            return false;
        }
    }
    for (int i = 0; i < n; i++) {
        if (dup2(copies[i], 3 + i) < 0) {
            return false;
        }
    }
    return true;
}

static void (*before_program)(void);

void program_before(void (*fn)(void))
{
    before_program = fn;
}

static void become_program(const struct program *program, const struct words *command,
                           const struct words *environment, pid_t parent, const int *descriptors,
                           int n_descriptors)
{
    int in = open("/dev/null", O_RDONLY);
    int out = open(program->out_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    int err = open(program->err_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);

    if (in < 0 || out < 0 || err < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) {
        _exit(126);
    }
    if (n_descriptors > 0) {
        name_pid();
        if (!pass_descriptors(descriptors, n_descriptors)) {
            _exit(126);
        }
    }
    (void)close_range(3 + (unsigned)n_descriptors, ~0U, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(126);
    }
    if (before_program != NULL) {
        before_program();
    }
    (void)execvpe(command->items[0], command->items, environment->items);
    _exit(127);
}

void program_start_with(struct program *program, const char *const *args, const char *const *env,
                        const int *descriptors, int n_descriptors)
{
    struct words command = {0};
    struct words environment = {0};
    pid_t parent = getpid();

    *program = (struct program){0};
    name_files(program);
    build_command(&command, args);
    build_environment(&environment, env);
    assert_true(n_descriptors <= PROGRAM_DESCRIPTORS_MAX);
    if (n_descriptors > 0) {
        assert_true(environment.n < MAX_WORDS);
        environment.items[environment.n] = listen_pid; /* not counted, so not freed */
    }
    (void)fflush(NULL);
    program->pid = fork();
    assert_true(program->pid >= 0);
    if (program->pid == 0) {
        become_program(program, &command, &environment, parent, descriptors, n_descriptors);
    }
    before_program = NULL;
    free_words(&command);
    free_words(&environment);
}

void program_start(struct program *program, const char *const *args, const char *const *env)
{
    program_start_with(program, args, env, NULL, 0);
}

static void read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return; /* the child has not got that far */
    }
    for (;;) {
        char *room = buf_reserve(out, 65536);
        assert_non_null(room);
        ssize_t n = read(fd, room, 65536);
        if (n <= 0) {
            break;
        }
        buf_grew(out, (size_t)n);
    }
    (void)close(fd);
}

void program_output(const struct program *program, struct buf *out)
{
    read_file(program->out_path, out);
}

void program_errors(const struct program *program, struct buf *out)
{
    read_file(program->err_path, out);
}

static void print_tail(const char *title, const char *path)
{
    struct buf text;
    buf_init(&text, MAX_OUTPUT);
    read_file(path, &text);
    size_t from = text.len > TAIL_BYTES ? text.len - TAIL_BYTES : 0;
    struct str tail = str_sub(buf_view(&text), from, TAIL_BYTES);
    print_error("--- end of %s (%s)\n%.*s\n", title, path, STR_ARG(tail));
    buf_done(&text);
}

static void print_tails(const struct program *program)
{
    print_tail("stdout", program->out_path);
    print_tail("stderr", program->err_path);
}

/* Collects the end of the child if there is one. */
bool program_is_running(struct program *program)
{
    int status;

    if (program->pid == 0) {
        return false;
    }
    pid_t ended = waitpid(program->pid, &status, WNOHANG);
    if (ended == 0) {
        return true;
    }
    assert_int_equal(ended, program->pid);
    program->pid = 0;
    program->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return false;
}

static uint64_t deadline_in(unsigned ms)
{
    return client_patience_ms() + (uint64_t)ms * client_slowness();
}

int program_wait_end(struct program *program, unsigned timeout_ms)
{
    uint64_t until_ms = deadline_in(timeout_ms);

    while (program_is_running(program)) {
        if (client_patience_ms() >= until_ms) {
            print_tails(program);
            program_done(program);
            fail_msg("the program did not end within %u ms", timeout_ms);
        }
        client_pause_ms(LOOK_MS);
    }
    return program->exit_code;
}

int program_run(struct program *program, const char *const *args, const char *const *env)
{
    program_start(program, args, env);
    return program_wait_end(program, RUN_MS);
}

/* The port in a line `prefix`ADDR:PORT, 0 when there is none yet. */
static uint16_t find_port(const struct program *program, const char *prefix)
{
    int64_t port = 0;
    struct buf text;
    struct str line;

    buf_init(&text, MAX_OUTPUT);
    read_file(program->out_path, &text);
    struct str rest = buf_view(&text);
    while (port == 0 && str_cut(rest, '\n', &line, &rest)) { /* whole lines only */
        struct str host;
        struct str tail;
        if (str_starts(line, str_from(prefix)) &&
            str_cut(str_sub(line, strlen(prefix), line.len), ':', &host, &tail) &&
            !str_to_i64(str_trim(tail), 1, UINT16_MAX, &port)) {
            port = 0;
        }
    }
    buf_done(&text);
    return (uint16_t)port;
}

uint16_t program_wait_port(struct program *program, const char *prefix)
{
    uint64_t until_ms = deadline_in(READY_MS);

    for (;;) {
        uint16_t port = find_port(program, prefix);
        if (port != 0) {
            return port;
        }
        if (!program_is_running(program) || client_patience_ms() >= until_ms) {
            print_tails(program);
            program_done(program);
            fail_msg("the program never wrote a line \"%sADDR:PORT\"", prefix);
        }
        client_pause_ms(LOOK_MS);
    }
}

void program_serve(struct program *program, const char *const *args, const char *const *env)
{
    program_start(program, args, env);
    program->port = program_wait_port(program, "listening on http://");
    for (; args != NULL && *args != NULL; args++) {
        if (strcmp(*args, "--sandbox") == 0) {
            program->sandbox_port = program_wait_port(program, "sandbox on http://");
        }
    }
}

void program_signal(struct program *program, int signal_number)
{
    assert_true(program->pid > 0);
    assert_int_equal(kill(program->pid, signal_number), 0);
}

bool program_wrote(const struct program *program, const char *text)
{
    struct buf all;

    buf_init(&all, MAX_OUTPUT);
    program_output(program, &all);
    program_errors(program, &all);
    bool found = str_contains(buf_view(&all), str_from(text));
    buf_done(&all);
    return found;
}

void program_wait_wrote(struct program *program, const char *text, unsigned timeout_ms)
{
    uint64_t until_ms = deadline_in(timeout_ms);

    while (!program_wrote(program, text)) {
        if (client_patience_ms() >= until_ms) {
            print_tails(program);
            fail_msg("the program did not write \"%s\" within %u ms", text, timeout_ms);
        }
        client_pause_ms(LOOK_MS);
    }
}

void program_assert_clean(const struct program *program)
{
    static const char *const reports[] = {
        "AddressSanitizer", "LeakSanitizer",    "runtime error:",  "CHECK failed",
        "Invalid read of",  "Invalid write of", "definitely lost", "uninitialised value"};

    for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
        if (program_wrote(program, reports[i])) {
            print_tails(program);
            fail_msg("the program's output has a report: %s", reports[i]);
        }
    }
}

void program_stop(struct program *program)
{
    program_signal(program, SIGTERM);
    if (program_wait_end(program, STOP_MS) != 0) {
        print_tails(program);
        fail_msg("the program ended with exit code %d", program->exit_code);
    }
    program_assert_clean(program);
}

void program_done(struct program *program)
{
    if (program->pid > 0) {
        (void)kill(program->pid, SIGKILL);
        (void)waitpid(program->pid, NULL, 0);
        program->pid = 0;
    }
    if (program->out_path[0] != '\0') {
        (void)unlink(program->out_path);
        (void)unlink(program->err_path);
    }
}

long program_kib(const struct program *program, const char *field)
{
    char path[64];
    char line[256];
    long kib = -1;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)program->pid);
    file = fopen(path, "r");
    assert_non_null(file);
    while (kib < 0 && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, field, strlen(field)) == 0) {
            kib = strtol(line + strlen(field) + 1, NULL, 10); /* behind the colon */
        }
    }
    (void)fclose(file);
    return kib;
}
