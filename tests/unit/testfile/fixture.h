/* What the tests of this room share: a compile with an arena of its own, files, texts. */
#ifndef UNIT_TESTFILE_FIXTURE_H
#define UNIT_TESTFILE_FIXTURE_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "harness/cmocka.h"
#include "harness/words.h"
#include "testfile/testfile.h"

struct compiled {
    struct arena arena;
    struct testfile file;
    struct testfile_problems problems;
    enum error_code code;
};

static inline void compile_as(struct compiled *c, struct str text,
                              const struct testfile_options *options)
{
    arena_init(&c->arena);
    c->code = testfile_compile(the_dictionary(), &c->arena, text, options, &c->file, &c->problems);
    assert_int_equal(c->file.n_read, c->file.n_compiled + c->file.n_failed);
}

static inline void compile_text(struct compiled *c, const char *text)
{
    static const struct testfile_options none;

    compile_as(c, str_from(text), &none);
}

static inline void compiled_done(struct compiled *c)
{
    arena_done(&c->arena);
}

/* The whole file, NUL-terminated, in the arena. */
static inline struct str read_whole(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t cap = 1024 * 1024;
    char *bytes = arena_alloc(arena, cap);
    size_t n;

    assert_non_null(file);
    n = fread(bytes, 1, cap - 1, file);
    bytes[n] = '\0';
    (void)fclose(file);
    return (struct str){bytes, n};
}

static inline int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the regular files of a folder, sorted; each and the list by mem_free. NULL: no
 * folder. */
static inline char **list_folder(const char *folder, size_t *out_n)
{
    DIR *dir = opendir(folder);
    char **names = mem_alloc(1000 * sizeof(*names));
    struct dirent *entry;

    *out_n = 0;
    if (dir == NULL) {
        mem_free(names);
        return NULL;
    }
    while ((entry = readdir(dir)) != NULL && *out_n < 1000) {
        if (entry->d_name[0] != '.') {
            names[(*out_n)++] = str_dup(str_from(entry->d_name));
        }
    }
    (void)closedir(dir);
    qsort(names, *out_n, sizeof(*names), by_name);
    return names;
}

static inline void free_names(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mem_free(names[i]);
    }
    mem_free(names);
}

/* What all steps of a file would send, as one text, to compare files. */
static inline struct str steps_text(struct compiled *c)
{
    struct buf out;
    struct str text;

    buf_init(&out, (size_t)32 * 1024 * 1024);
    testfile_convert(&c->file, TESTFILE_TO_UPSTREAM, &out);
    text = arena_str(&c->arena, buf_view(&out));
    buf_done(&out);
    return text;
}

#endif
