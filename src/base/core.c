/* The handler uses only what is safe in a signal handler: system calls and static memory. */
#include "base/core.h"

#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#define CORE_IS_LEFT_ALONE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CORE_IS_LEFT_ALONE 1
#endif
#endif

#ifdef CORE_IS_LEFT_ALONE

void core_keep_secrets(char **argv)
{
    (void)argv;
}

#else

enum {
    SIGNAL_STACK_BYTES = 64 * 1024,
    READ_BYTES = 4096,
    LINE_BYTES = 512,
    PAGE_BYTES = 4096,
    PAGES_MAX = 256
};

static struct {
    uintptr_t strings;          /* where arguments and environment begin, at the end of the stack */
    uintptr_t signal_stack;     /* stays in the core: it has the frames of the handler */
    uintptr_t pages[PAGES_MAX]; /* of the dynamic linker: where a debugger finds the libraries */
    size_t n_pages;
    char bytes[READ_BYTES];
    char line[LINE_BYTES];
} here;

/* Reads one hexadecimal number, up to `end`, of a line like "7f00aa00-7f00bb00 rw-p ...". */
static const char *read_hex(const char *at, char end, uintptr_t *out)
{
    uintptr_t value = 0;

    for (; *at != end && *at != '\0'; at++) {
        value = value * 16 + (uintptr_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
    }
    *out = value;
    return *at == end ? at + 1 : at;
}

static void hide_mapping(const char *line)
{
    uintptr_t start;
    uintptr_t end;
    const char *flags = read_hex(read_hex(line, '-', &start), ' ', &end);

    if (flags[0] == '\0' || flags[1] != 'w' ||
        (here.signal_stack >= start && here.signal_stack < end)) {
        return;
    }
    if (strstr(flags, "[stack]") != NULL) {
        start = here.strings & ~(uintptr_t)(PAGE_BYTES - 1);
    }
    if (start < end) {
        (void)madvise((void *)start, end - start, MADV_DONTDUMP); /* NOLINT: an address as text */
    }
}

static void keep_page(const void *address)
{
    uintptr_t page = (uintptr_t)address & ~(uintptr_t)(PAGE_BYTES - 1);

    if (here.n_pages < PAGES_MAX) {
        here.pages[here.n_pages++] = page;
    }
}

/* The pages of the list of libraries. The dynamic linker makes it before main, in pages of its own. */
static void find_kept_pages(void)
{
    keep_page(&_r_debug);
    for (const struct link_map *library = _r_debug.r_map; library != NULL;
         library = library->l_next) {
        keep_page(library);
        keep_page(library + 1);
        keep_page(library->l_name);
    }
}

static void show_kept_pages(void)
{
    for (size_t i = 0; i < here.n_pages; i++) {
        (void)madvise((void *)here.pages[i], PAGE_BYTES, MADV_DODUMP); /* NOLINT: as above */
    }
}

/* A line that is longer than the buffer is cut: addresses and flags stand at its beginning. */
static bool hide_memory(void)
{
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t n_line = 0;
    ssize_t n;

    while (fd >= 0 && (n = read(fd, here.bytes, sizeof(here.bytes))) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (here.bytes[i] != '\n') {
                here.line[n_line] = here.bytes[i];
                n_line += n_line < LINE_BYTES - 1 ? 1 : 0;
                continue;
            }
            here.line[n_line] = '\0';
            hide_mapping(here.line);
            n_line = 0;
        }
    }
    show_kept_pages();
    return fd >= 0 && close(fd) == 0;
}

/* SA_RESETHAND has restored the default action, so the signal that is raised here makes the core. */
static void on_signal(int number)
{
    if (!hide_memory()) {
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    }
    (void)raise(number);
}

void core_keep_secrets(char **argv)
{
    static const int numbers[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL,
                                  SIGTRAP, SIGQUIT, SIGSYS, SIGXCPU};
    struct sigaction action = {.sa_handler = on_signal,
                               .sa_flags = SA_ONSTACK | SA_NODEFER | (int)SA_RESETHAND};
    stack_t stack = {.ss_size = SIGNAL_STACK_BYTES};

    stack.ss_sp = mmap(NULL, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    CHECK(stack.ss_sp != MAP_FAILED);
    find_kept_pages();
    here.strings = (uintptr_t)argv[0];
    here.signal_stack = (uintptr_t)stack.ss_sp;
    CHECK(sigaltstack(&stack, NULL) == 0);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        CHECK(sigaction(numbers[i], &action, NULL) == 0);
    }
}

#endif
