/* Test files: text (YAML or JSON, any dialect) to tests whose steps are bound commands.
 * Four pure stages: detect, normalize, validate, compile. No I/O, no clock, no randomness: what a
 * run adds ($TIMESTAMP, $RANDOM, $UUID) comes in through the options, so that the same input gives
 * the same bytes.
 * Owner: everything in the results lives in the arena given to testfile_compile.
 * Promise: every step of the text is either compiled or has an error with line and column; all
 * errors are counted and the first 100 of them reported (of warnings too); cost is linear in the
 * size of the input.
 * Limits: 10,000 steps in all (1,000 of them from loops and nested blocks), 8 MiB of text, 120,000
 * values in it of which aliases and merges add at most 10,000, depth 32, 100 documents. */
#ifndef TESTFILE_TESTFILE_H
#define TESTFILE_TESTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json_writer.h"
#include "base/str.h"
#include "catalog/catalog.h"

enum {
    TESTFILE_MAX_STEPS = 10000,
    TESTFILE_MAX_TESTS = 1000, /* a test takes 2 KiB of memory, and 4 KiB more while it is run */
    TESTFILE_MAX_UNROLLED = 1000,
    TESTFILE_MAX_PROBLEMS = 100,
    TESTFILE_MAX_BYTES = 8 * 1024 * 1024
};

enum testfile_kind { TESTFILE_AUTO, TESTFILE_YAML, TESTFILE_JSON };

/* The dialect of most steps of the file. Only the report shows it: each step is read by itself. */
enum testfile_format {
    TESTFILE_FORMAT_UNKNOWN,
    TESTFILE_FORMAT_COMPACT,
    TESTFILE_FORMAT_SIMPLIFIED,
    TESTFILE_FORMAT_EXTENDED,
    TESTFILE_FORMAT_COMMAND,
    TESTFILE_FORMAT_ACTION,
    TESTFILE_FORMAT_STEPTYPE,
    TESTFILE_FORMAT_SENTENCE,
    TESTFILE_FORMAT_SUITE /* a manifest that names other files */
};

enum testfile_phase { TESTFILE_SETUP, TESTFILE_STEPS, TESTFILE_TEARDOWN };

enum testfile_severity { TESTFILE_ERROR, TESTFILE_WARNING };

/* The words of test files for the commands of a catalogue: verbs, fields and sentences. They are read
 * from the tables at the first use: a process that compiles nothing pays nothing.
 * Owner: the code that compiles or writes test files makes a dictionary and passes it on. It frees the
 * dictionary after all that uses it, and before the catalogue. */
struct dictionary;

struct dictionary *dictionary_new(const struct catalog *catalog);
void dictionary_free(struct dictionary *dictionary);

struct testfile_variable {
    struct str name;
    struct str value;
};

struct testfile_options {
    struct str file; /* name for the report; ".json" decides the kind; may be empty */
    enum testfile_kind kind;
    /* Values of $TIMESTAMP, $RANDOM and $UUID in this run; empty: they stay as written (validate,
     * convert). */
    struct str timestamp;
    struct str random;
    struct str uuid;
    const struct testfile_variable *variables; /* win over those of the file; may be NULL */
    size_t n_variables;
    const struct catalog_defaults *defaults; /* may be NULL */
    /* Errors become warnings: a step that does not compile becomes a comment with its text and the
     * reason, and a faulty member of the head is ignored. A text that is not YAML, or not a test,
     * still gives an error. */
    bool lenient;
};

/* One problem. All texts are valid UTF-8 without control, bidi or zero-width characters. */
struct testfile_problem {
    enum testfile_severity severity;
    unsigned line; /* 1-based; 0 none */
    unsigned column;
    unsigned width;     /* characters the caret underlines, at least 1 */
    struct str test;    /* name of the test, or empty */
    struct str text;    /* the offending text, or empty */
    struct str detail;  /* what is wrong */
    struct str nearest; /* the nearest known name, or empty */
    struct str hint;    /* what to do, or empty */
    struct str example; /* how it is written, or empty */
};

struct testfile_problems {
    struct testfile_problem *items; /* in order of line and column */
    size_t n;
    size_t n_errors;
    size_t n_warnings;
    size_t n_dropped; /* counted in n_errors and n_warnings too, but not kept */
};

struct testfile_step {
    const struct command *command; /* of the catalogue, never NULL */
    struct json *args;             /* array, as catalog_bind takes it */
    struct json *options;          /* object, maybe empty */
    /* Has all values. Only `library attach` lacks one, the journey_id, which the run adds: in a file
     * the command takes just the library checkpoint and the position. */
    struct bound_command bound;
    struct str text;        /* for reports; empty: sentence_write makes it */
    struct str description; /* may be empty */
    unsigned line;
    unsigned column;
    enum testfile_phase phase;
    bool optional; /* the run goes on when the platform refuses the step */
    bool left_out; /* a comment in place of a step that does not compile (lenient) */
};

struct testfile_config {
    bool continue_on_error;
    uint32_t timeout_ms; /* 0: not given */
    unsigned retry;
    unsigned viewport_width; /* 0: not given */
    unsigned viewport_height;
};

struct testfile_test {
    struct str name;
    struct str description;
    struct str project_id;    /* digits, or empty */
    struct str project;       /* name, or empty */
    struct str goal;          /* empty: "{name} - Goal" is created */
    struct str journey;       /* empty: name */
    struct str checkpoint;    /* empty: "Test Steps" */
    struct str checkpoint_id; /* digits: add the steps there, create nothing; or empty */
    struct str starting_url;
    struct str expected; /* free text of suites, for the report */
    struct testfile_config config;
    struct str *tags;
    size_t n_tags;
    struct testfile_step *steps; /* setup, steps, teardown in this order */
    size_t n_steps;
    unsigned line;
};

/* An entry of a suite manifest: the test file of one journey. The path is as written, relative to the
 * manifest; the caller that opens the file checks that it stays below the manifest's folder. */
struct testfile_manifest_entry {
    struct str goal;
    struct str journey;
    struct str path;
    unsigned line;
    unsigned column;
};

struct testfile {
    struct dictionary *dictionary; /* the file was compiled with it */
    enum testfile_format format;
    struct testfile_test *tests;
    size_t n_tests;
    size_t n_steps;                           /* of all tests */
    struct testfile_manifest_entry *manifest; /* only with TESTFILE_FORMAT_SUITE */
    size_t n_manifest;
    /* n_read counts the step nodes seen (in blocks and loops each time they are used), n_compiled those
     * that became one or more steps, n_failed those with an error: n_read == n_compiled + n_failed. */
    size_t n_read;
    size_t n_compiled;
    size_t n_failed;
    size_t n_left_out; /* how many of the failed became comments (lenient) */
    size_t work;       /* units of work done, for tests of linearity */
    bool is_read;      /* its documents could be read, so `other` tells what they are */
    const char *other; /* what a document is instead of a test ("a compose file"); NULL: a test */
};

/* ERR_OK: no error among the problems (warnings may be there) and at least one test with a step.
 * ERR_UNPROCESSABLE: errors; `out` holds whatever could be compiled (its steps are valid).
 * ERR_BAD_YAML, ERR_BAD_JSON, ERR_TOO_BIG: the text could not be read. A suite manifest compiles to
 * entries and ERR_OK: a server refuses it (format == TESTFILE_FORMAT_SUITE) with
 * testfile_refuse_manifest. */
enum error_code testfile_compile(struct dictionary *dictionary, struct arena *arena,
                                 struct str text, const struct testfile_options *options,
                                 struct testfile *out,
                                 struct testfile_problems *problems) MUST_CHECK;

/* Compiles in pieces, so that a long file does not hold up a loop: call testfile_begin, testfile_go_on
 * until it returns true, and testfile_end. A unit is about a quarter of a microsecond. The text, the
 * options' texts, `out` and `problems` must stay where they are until testfile_end. An earlier call of
 * testfile_end gives the job up; the caller must not use `out` then. */
struct testfile_job;
struct testfile_job *testfile_begin(struct dictionary *dictionary, struct arena *arena,
                                    struct str text, const struct testfile_options *options,
                                    struct testfile *out, struct testfile_problems *problems);
bool testfile_go_on(struct testfile_job *job, size_t units);
enum error_code testfile_end(struct testfile_job *job);

/* For a text that cannot be read: true if its lines look like those of a test. */
bool testfile_was_meant(struct arena *arena, struct str text);

/* Adds the error "a request may hold one stream, this is a manifest" to the problems. */
void testfile_refuse_manifest(struct arena *arena, const struct testfile *file,
                              struct testfile_problems *problems);

const char *testfile_format_name(enum testfile_format format); /* "simplified" */
const char *testfile_phase_name(enum testfile_phase phase);    /* "setup", "steps", "teardown" */

/* The sentence of a command as a test file takes it; commands without a sentence give their
 * command line. Reading it back gives the same command. */
struct str sentence_write(struct dictionary *dictionary, struct arena *arena,
                          const struct command *command, const struct json *args,
                          const struct json *options);

/* The sentence alone; empty: no sentence says all of the command. With `args` and `options` NULL: the sentence with
 * names in place of the arguments: "click on {element}". */
struct str sentence_of(struct dictionary *dictionary, struct arena *arena,
                       const struct command *command, const struct json *args,
                       const struct json *options);
/* Escapes text for a test file. There $$ means one dollar, so each dollar of a run ($$, $$$) is
 * doubled. */
struct str test_file_escape(struct arena *arena, struct str text);

/* --- renderers --- */

/* For people: `file:line:column: error: …`, the source line, a caret, hint and example. Everything
 * that comes from the file is escaped, ANSI codes too. `color`: adds ANSI colours. */
void testfile_print_human(struct buf *out, struct str file, struct str source,
                          const struct testfile_problems *problems, bool color);
/* One array of {line, column, text?, detail, nearest?, hint?, example?, test?} of one severity. */
void testfile_problems_json(struct json_writer *w, const struct testfile_problems *problems,
                            enum testfile_severity severity);
/* {command, args, options?, description?, line, column, phase, optional?, left_out?} */
void testfile_step_json(struct json_writer *w, const struct testfile_step *step);

/* --- converters --- */

enum testfile_target {
    TESTFILE_TO_COMMANDS, /* command lines, one a step */
    TESTFILE_TO_UPSTREAM, /* JSON: {"requests": [{method, path, query, body}]} */
    TESTFILE_TO_SIMPLIFIED,
    TESTFILE_TO_SENTENCES
};

bool testfile_target_parse(struct str word, enum testfile_target *out); /* "commands", … */
/* Several tests: several documents of one stream. Simplified and sentences read back to the same
 * steps. For upstream `checkpointId` is that of the test, or the text "{checkpoint_id}" where the
 * run would make one; positions count from 0 in each test. */
void testfile_convert(const struct testfile *file, enum testfile_target target, struct buf *out);

/* Converts in pieces, for a loop: call testfile_convert_begin, testfile_convert_go_on until it returns
 * true (or give up), and testfile_convert_end. A step takes two to four microseconds. `file` and `out`
 * must stay where they are until then. */
struct testfile_converting {
    const struct testfile *file;
    enum testfile_target target;
    struct buf *out;
    struct arena scratch; /* emptied after each step */
    struct json_writer writer;
    size_t test; /* indexes of the test and of its step that come next */
    size_t step;
    unsigned phase;
    size_t position;
    bool head_done;
    bool phase_begun;
};

void testfile_convert_begin(struct testfile_converting *c, const struct testfile *file,
                            enum testfile_target target, struct buf *out);
bool testfile_convert_go_on(struct testfile_converting *c, size_t n_steps);
void testfile_convert_end(struct testfile_converting *c);

#endif
