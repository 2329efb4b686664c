/* Counts the calls of malloc and its kin, from wherever they come, and writes the sum to the file of
 * $COUNT_ALLOCATIONS when the program ends. To be loaded with LD_PRELOAD. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EARLY_BYTES = 65536, ALIGNMENT = 16, DIGITS = 20 };

static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static void (*next_free)(void *);
static _Alignas(ALIGNMENT) char early[EARLY_BYTES]; /* dlsym itself may ask for memory */
static size_t early_used;
static bool is_looking;
static atomic_ullong n_calls;

static void look_up(void)
{
    if (next_free != NULL || is_looking) {
        return;
    }
    is_looking = true;
    *(void **)&next_malloc = dlsym(RTLD_NEXT, "malloc");
    *(void **)&next_calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&next_realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&next_free = dlsym(RTLD_NEXT, "free");
    is_looking = false;
}

static void *take_early(size_t size)
{
    size_t at = early_used;

    early_used += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return early_used <= EARLY_BYTES ? early + at : NULL; /* zeroed: never used twice */
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): glibc names them with two
 * underscores. */
void *malloc(size_t size)
{
    look_up();
    n_calls++;
    return next_malloc != NULL ? next_malloc(size) : take_early(size);
}

void *calloc(size_t n, size_t size)
{
    look_up();
    n_calls++;
    return next_calloc != NULL ? next_calloc(n, size) : take_early(n * size);
}

void *realloc(void *memory, size_t size)
{
    look_up();
    n_calls++;
    return next_realloc(memory, size);
}

void free(void *memory)
{
    if ((char *)memory >= early && (char *)memory < early + EARLY_BYTES) {
        return;
    }
    look_up();
    next_free(memory);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

__attribute__((destructor)) static void tell(void)
{
    const char *name = getenv("COUNT_ALLOCATIONS");
    unsigned long long n = n_calls;
    char text[DIGITS + 1];
    size_t at = sizeof(text);
    int fd = name != NULL ? open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

    text[--at] = '\n';
    do {
        text[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0 && at > 0);
    if (fd >= 0) {
        (void)!write(fd, text + at, sizeof(text) - at);
        (void)close(fd);
    }
}
