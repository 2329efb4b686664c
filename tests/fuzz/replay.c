/* main() of a fuzz target where libFuzzer is not to be had: every file of the given folders once,
 * then a fixed series of mutations of them (same inputs in every run).
 * Arguments: number of mutations, file that holds the current input, folders.
 * The current input is written out before it is tried, so after a crash that file is the
 * culprit. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

enum { MAX_INPUTS = 4096, MAX_INPUT_BYTES = 1 << 20, MAX_GROWTH = 64, PATH_BYTES = 4096 };

struct input {
    uint8_t *bytes;
    size_t len;
};

struct replay {
    struct input inputs[MAX_INPUTS];
    size_t n_inputs;
    size_t longest;
    int current_fd;
    uint64_t seed;
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void die(const char *what, const char *path)
{
    (void)fprintf(stderr, "replay: %s %s\n", what, path);
    exit(1);
}

static void read_input(struct replay *replay, const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &status) != 0 || status.st_size > MAX_INPUT_BYTES) {
        die("cannot read, or larger than 1 MiB:", path);
    }
    if (replay->n_inputs == MAX_INPUTS) {
        die("more than 4096 inputs at", path);
    }

    struct input *input = &replay->inputs[replay->n_inputs++];
    size_t size = (size_t)status.st_size;

    input->bytes = mem_alloc(size + 1);
    while (input->len < size) {
        ssize_t got = read(fd, input->bytes + input->len, size - input->len);
        if (got <= 0) {
            die("cannot read", path);
        }
        input->len += (size_t)got;
    }
    if (size > replay->longest) {
        replay->longest = size;
    }
    (void)close(fd);
}

/* Alphabetical, so that the order does not depend on the file system. */
static void read_folder(struct replay *replay, const char *folder)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);

    if (n < 0) {
        die("cannot open folder", folder);
    }
    for (int i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.') {
            struct buf path;
            buf_init(&path, PATH_BYTES);
            buf_printf(&path, "%s/%s", folder, entries[i]->d_name);
            read_input(replay, buf_cstr(&path));
            buf_done(&path);
        }
        free(entries[i]);
    }
    free((void *)entries);
}

static void try_input(struct replay *replay, const uint8_t *bytes, size_t len)
{
    if (ftruncate(replay->current_fd, 0) != 0 ||
        pwrite(replay->current_fd, bytes, len, 0) != (ssize_t)len) {
        die("cannot write", "the current input");
    }
    /* Exactly as long as its length says, so that a sanitizer sees the first byte past the end. */
    uint8_t *copy = mem_dup(bytes, len == 0 ? 1 : len);
    (void)LLVMFuzzerTestOneInput(copy, len);
    mem_free(copy);
}

/* splitmix64: small, and the same on every machine. */
static uint64_t next_random(struct replay *replay)
{
    replay->seed += 0x9E3779B97F4A7C15U;
    uint64_t z = replay->seed;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
}

static size_t below(struct replay *replay, size_t limit)
{
    return limit == 0 ? 0 : (size_t)(next_random(replay) % limit);
}

/* One small change in place; returns the new length, at most `len` + MAX_GROWTH / 4. */
static size_t mutate(struct replay *replay, uint8_t *bytes, size_t len)
{
    static const char hostile[] = {'\0', '\r', '\n', '"', '\\', '{', '[', ':', '%', '\x7f', '\xff'};
    size_t at = below(replay, len);
    size_t count = 1 + below(replay, MAX_GROWTH / 4);

    switch (below(replay, 6)) {
    case 0: /* flip a bit */
        if (len > 0) {
            bytes[at] ^= (uint8_t)(1U << below(replay, 8));
        }
        return len;
    case 1: /* a byte that parsers care about */
        if (len > 0) {
            bytes[at] = (uint8_t)hostile[below(replay, sizeof(hostile))];
        }
        return len;
    case 2: /* remove some */
        count = count > len - at ? len - at : count;
        memmove(bytes + at, bytes + at + count, len - at - count);
        return len - count;
    case 3: /* repeat some */
        count = count > len - at ? len - at : count;
        memmove(bytes + at + count, bytes + at, len - at);
        return len + count;
    case 4: /* cut off */
        return at;
    default: /* a random byte more */
        memmove(bytes + at + 1, bytes + at, len - at);
        bytes[at] = (uint8_t)next_random(replay);
        return len + 1;
    }
}

static void try_mutations(struct replay *replay, size_t n)
{
    uint8_t *scratch = mem_alloc(replay->longest + MAX_GROWTH);

    for (size_t i = 0; i < n; i++) {
        const struct input *input = &replay->inputs[below(replay, replay->n_inputs)];
        size_t len = input->len;
        size_t n_changes = 1 + below(replay, 4);

        memcpy(scratch, input->bytes, len);
        for (size_t change = 0; change < n_changes; change++) {
            len = mutate(replay, scratch, len);
        }
        try_input(replay, scratch, len);
    }
    mem_free(scratch);
}

int main(int argc, char **argv)
{
    static struct replay replay = {.seed = 1};
    int64_t n_mutations;

    if (argc < 4 || !str_to_i64(str_from(argv[1]), 0, INT32_MAX, &n_mutations)) {
        die("usage: MUTATIONS CURRENT_INPUT_FILE FOLDER...", "");
    }
    replay.current_fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (replay.current_fd < 0) {
        die("cannot write", argv[2]);
    }
    for (int i = 3; i < argc; i++) {
        read_folder(&replay, argv[i]);
    }
    if (replay.n_inputs == 0) {
        die("no inputs in", argv[3]);
    }

    for (size_t i = 0; i < replay.n_inputs; i++) {
        try_input(&replay, replay.inputs[i].bytes, replay.inputs[i].len);
    }
    try_mutations(&replay, (size_t)n_mutations);
    (void)printf("replay: %zu inputs, %zu mutations\n", replay.n_inputs, (size_t)n_mutations);

    for (size_t i = 0; i < replay.n_inputs; i++) {
        mem_free(replay.inputs[i].bytes);
    }
    (void)close(replay.current_fd);
    (void)unlink(argv[2]);
    return 0;
}
