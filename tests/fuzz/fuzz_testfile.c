/* Test files of any kind. Held: no crash, the steps read are those compiled and those failed, an
 * error has a place, printing is safe for a terminal, and what compiles is converted to the
 * simplified dialect and compiles again to the same number of steps. */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "harness/words.h"
#include "testfile/testfile.h"

enum { MAX_INPUT = 65536, OUT_MAX = 64 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct testfile_options options = {
    .timestamp = STR_INIT("1"), .random = STR_INIT("2"), .uuid = STR_INIT("3")};

static void check_print(struct str text, const struct testfile_problems *problems)
{
    struct buf out;

    buf_init(&out, OUT_MAX);
    testfile_print_human(&out, STR("f"), text, problems, false);
    for (size_t i = 0; i < out.len; i++) {
        CHECK((unsigned char)out.ptr[i] >= 0x20 || out.ptr[i] == '\n');
    }
    buf_done(&out);
}

/* Values of $TIMESTAMP and the like are text by then, so none are given. */
static void check_again(struct arena *arena, const struct testfile *file)
{
    static const struct testfile_options none;
    struct testfile again;
    struct testfile_problems problems;
    struct buf out;

    buf_init(&out, OUT_MAX);
    testfile_convert(file, TESTFILE_TO_SIMPLIFIED, &out);
    CHECK(buf_ok(&out));
    if (out.len < TESTFILE_MAX_BYTES) {
        enum error_code code =
            testfile_compile(the_dictionary(), arena, buf_view(&out), &none, &again, &problems);

        CHECK(code == ERR_OK);
        CHECK(again.n_steps == file->n_steps);
    }
    buf_clear(&out);
    testfile_convert(file, TESTFILE_TO_SENTENCES, &out);
    testfile_convert(file, TESTFILE_TO_UPSTREAM, &out);
    buf_done(&out);
}

static void check_result(const struct testfile *file, const struct testfile_problems *problems,
                         enum error_code code)
{
    CHECK(file->n_read == file->n_compiled + file->n_failed);
    CHECK(file->n_steps <= TESTFILE_MAX_STEPS);
    CHECK((code == ERR_OK) == (problems->n_errors == 0));
    for (size_t i = 0; i < problems->n; i++) {
        CHECK(problems->items[i].line > 0);
        CHECK(problems->items[i].detail.len > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str text = {(const char *)bytes, len};
    struct testfile file;
    struct testfile_problems problems;
    struct arena arena;
    enum error_code code;

    if (len > MAX_INPUT) {
        return 0;
    }
    arena_init(&arena);
    code = testfile_compile(the_dictionary(), &arena, text, &options, &file, &problems);
    check_result(&file, &problems, code);
    check_print(text, &problems);
    if (code == ERR_OK && file.n_tests > 0) {
        check_again(&arena, &file);
    }
    arena_done(&arena);
    return 0;
}
