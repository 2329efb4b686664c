/* What the files of this room share. One step of any dialect becomes a bag (a verb and its fields);
 * the table of verbs turns bags into commands; the catalogue checks those. */
#ifndef TESTFILE_INTERNAL_H
#define TESTFILE_INTERNAL_H

#include <stdarg.h>

#include "base/map.h"
#include "base/utf8.h"
#include "data/node.h"
#include "dictionary.h"
#include "testfile/testfile.h"

enum { N_FORMATS = TESTFILE_FORMAT_SUITE + 1 };

enum { MAX_DEPTH = 32, BAG_MAX_FIELDS = 32, BLOCK_MAX_DEPTH = 16, VALUE_MAX_BYTES = 64 * 1024 };

enum { SHOWN_MAX = 64 };

#define CLIPPED(text) STR_ARG(utf8_clip((text), SHOWN_MAX)) /* for "%.*s": what a message quotes */

/* --- problems.c --- */

struct place {
    unsigned line;
    unsigned column;
    struct str text; /* offending text as written; empty: none */
};

struct compile;

/* Adds and returns a problem whose optional members the caller may fill (already cleaned text
 * only: use problem_clean). */
struct testfile_problem *problem_add(struct compile *c, enum testfile_severity severity,
                                     struct place place, const char *format, ...) PRINTF_LIKE(4, 5);
struct testfile_problem *problem_vadd(struct compile *c, enum testfile_severity severity,
                                      struct place place, const char *format, va_list args)
    PRINTF_LIKE(4, 0);
/* Adds an error with a hint (what to do) and an example; either may be NULL. Always returns false. */
bool problem_refuse(struct compile *c, struct place place, const char *hint, const char *example,
                    const char *format, ...) PRINTF_LIKE(5, 6);
/* The text as valid UTF-8 on one line. Characters that could mislead a reader are written as \u.... */
struct str problem_clean(struct arena *arena, struct str text, size_t max_bytes);
void problems_sort(struct testfile_problems *problems);
/* False: the problem is beyond the limit and only counted, so the caller need not look for details
 * that are costly to find. */
bool problem_is_kept(const struct compile *c, const struct testfile_problem *problem);
struct place place_of(const struct node *node);
struct place place_of_key(const struct node *node);

/* --- variables.c --- */

/* Names that a step may use, innermost first: loop variable, `with` of a block, the file's own. */
struct var_scope {
    const struct var_scope *outer;
    const struct node *map; /* its members are the variables; NULL */
    struct str name;        /* or one variable */
    const struct node *single;
    const struct testfile_variable *list; /* or a list: the caller's, or one of the file */
    size_t n_list;
    const struct map *index; /* of `map` when it has many members; NULL */
};

/* Gives a scope with many names an index, so that looking up stays O(1). */
void var_index(struct arena *arena, struct var_scope *scope);

/* Finds the value of a name (dotted into maps). A variable of a list has no node: *out_node is NULL
 * then, and *out_text is set. */
bool var_find(const struct var_scope *scope, struct str name, const struct node **out_node,
              struct str *out_text);
/* Replaces the known variables in `text`; reports circles, overlong results and likely
 * misspellings. */
struct str substitute(struct compile *c, struct str text, struct place place);
/* The name when the whole text is one reference ($name, ${name}, {{name}}), else empty. */
struct str whole_reference(struct str text);
struct str bare_name(struct str text);
/* Bytes of the reference that `text` begins with; 0: it begins with none. */
size_t reference_length(struct str text);

/* --- bag: a step as verb and fields, whichever dialect it was written in --- */

enum { WORD_UNREAD = -1 };

struct field {
    struct str name;
    unsigned id; /* of the name; 0: in no row of the table */
    const struct node *node;
    int word; /* the value as a word_id; WORD_UNREAD: not looked up yet */
    bool used;
    bool loose; /* the dialect puts it beside any verb: if it is unused, that is no error */
    bool meta;  /* from `meta`: if it is unused, nothing is said */
};

struct bag {
    enum testfile_format dialect;
    struct str verb;          /* as written */
    const struct verb *known; /* NULL: no verb that we know */
    struct place verb_place;
    const struct node *value; /* the plain value of the verb, a scalar or a list; NULL */
    int value_word;
    bool value_used;
    bool value_is_map; /* the fields stand in a map of their own */
    struct str description;
    bool optional;
    struct name_set names; /* of the fields */
    size_t n_fields;
    struct field fields[BAG_MAX_FIELDS];
};

/* Empties the bag. The array `fields` is not cleared, since it is large: n_fields is 0. */
void bag_init(const struct compile *c, struct bag *bag, enum testfile_format dialect,
              struct str verb, struct place place);
void bag_set_verb(const struct compile *c, struct bag *bag, struct str verb, struct place place);
void bag_add(struct compile *c, struct bag *bag, struct field field);
void bag_put(struct compile *c, struct bag *bag, struct str name, const struct node *node);
struct field *bag_find(struct bag *bag, unsigned id);

/* What an alias list led to: a node, or a fixed text. */
struct found {
    const struct node *node; /* NULL: `text` */
    struct str text;
    struct place place;
    struct field *field; /* NULL: the plain value, or fixed */
    bool is_value;
};

bool is_empty(const struct node *node); /* `key:` with nothing behind it */
size_t bag_size(const struct bag *bag);
bool bag_resolve(struct bag *bag, const struct alias_list *list, struct found *out);
void found_use(struct bag *bag, const struct found *found);
/* True if all conditions of the form hold. `without` is one that is not checked; NULL: all are. */
bool form_holds(struct compile *c, struct bag *bag, const struct form *form,
                const struct condition *without);
void form_use_conditions(struct compile *c, struct bag *bag, const struct form *form);
/* Whether a key may stand beside the verb without being a second verb. */
bool verb_takes(const struct verb *verb, const struct key *key);
/* The field of the verb whose name is nearest to `field`; empty: none is near. With `takes_text` only fields other than
 * `field` count that take any text and are at most one letter away. */
struct str field_nearest(const struct dictionary *dictionary, const struct verb *verb,
                         struct str field, bool takes_text);
/* The words that some form of the verb wants in a field; empty: any text. */
struct str field_words(const struct compile *c, const struct verb *verb, struct str field);

/* For a field that is a map: reports the members that the form does not read. */
void check_member_field(struct compile *c, const struct form *form, const struct field *field);

/* --- verbs.c: slips in words of closed lists --- */

/* The word that is nearest to `text` among those that the forms of the verb want in a place; empty: none
 * is near. `place`: the number of a field, or 0 for the plain value of the verb. */
struct str said_near(const struct verb *verb, unsigned place, struct str text);
/* Warns of a value that the form takes as text and that is nearly a word of another form:
 * `scroll: botom`. */
void check_near_words(struct compile *c, struct bag *bag, const struct form *form);
/* A field that may say true, false, yes or no, and was taken as text because the word is misspelt
 * (`exists: flase`). Where another field is left over, this slip is the cause. NULL: there is none. */
const struct field *misspelt_truth(const struct compile *c, struct bag *bag, struct str *out_meant);

/* --- values.c --- */

/* A regular expression that matches exactly this text; references to variables stay references. */
struct str quote_regex(struct arena *arena, struct str text);
bool text_is_time(struct str text, bool plain);
/* Reads place.text as a time of at most max_ms. `unit_ms` is the unit of a number without one. With 1,
 * a number below 100 is taken as seconds, with a warning; 0 is like 1 without the warning. False: the
 * error was added. */
bool time_read(struct compile *c, struct place place, int64_t unit_ms, int64_t max_ms,
               int64_t *out);
/* Reads `text` like time_read; *out is the number of milliseconds as text. */
bool ms_read(struct compile *c, struct place place, struct str text, int64_t unit_ms,
             struct str *out);
/* Reads what was found as `kind` wants it. False: the error was added. */
bool value_read(struct compile *c, struct bag *bag, enum value_kind kind, const struct found *found,
                struct str *out);
/* An address as it is sent: a path is put behind the address of the file. */
bool value_url(struct compile *c, struct place place, struct str text, struct str *out);

/* --- verbs_table.c, map_verb.c --- */

/* See verbs_table.c for the small language of the texts. */
struct verb_row {
    const char *verbs;
    const char *when;
    const char *command; /* NULL: refused, `args` says why */
    const char *args;
    const char *options;
    const char *example;
    const char *written; /* NULL: the row only reads */
};

extern const struct verb_row verb_rows[];
extern const size_t n_verb_rows;

/* --- dictionary.c, dictionary_rows.c and dictionary_commands.c, while the dictionary is made --- */

unsigned name_made(struct dictionary *dictionary, struct str name); /* the number of a field */
unsigned word_made(struct dictionary *dictionary, struct str word);
struct form *form_read(struct dictionary *dictionary, const struct verb_row *row);
struct form *form_of_command(struct dictionary *dictionary, const struct command *command);

/* Lower case without - _ and spaces, in `out`; longer words give an empty str. */
struct str verb_fold(struct str word, char out[64]);
/* True if the name of a command begins with its group: "interact-click", "step-interact click". */
bool verb_has_group(struct str name, struct str group);
bool verb_known(const struct verb *verb); /* has a row, or is a control word: use, if, ... */
bool verb_needs_nothing(
    const struct verb *own); /* `own` is from verb_own: its command works without arguments */
bool map_bag(struct compile *c, struct bag *bag);
/* Maps a step of the command dialect: its fields are the parameters of the command `words`. */
bool map_command(struct compile *c, struct bag *bag, struct str words);
struct str verb_nearest(const struct dictionary *dictionary, struct str word);
const char *verb_example(const struct dictionary *dictionary, struct str word); /* NULL: unknown */
/* Adds the error. Returns the nearest verb if it is at most `farthest` edits away; else empty. */
struct str unknown_verb(struct compile *c, struct place place, struct str verb, size_t farthest,
                        const char *hint);

/* --- dialects.c --- */

/* Compiles one step that is a map, and no control flow. True: steps were made of it. */
bool step_map(struct compile *c, const struct node *node);
/* The member of the step whose key is use, run, include, if or loop; NULL: none is. */
const struct node *control_of(const struct compile *c, const struct node *step);

/* --- sentence_*.c --- */

bool step_text(struct compile *c, const struct node *node, struct str text);
/* True if the text begins like a step of ours; a slip may follow. */
bool text_is_ours(const struct compile *c, struct str text);

/* --- blocks.c --- */

bool step_control(struct compile *c, const struct node *node, const struct node *verb);

/* --- compile.c --- */

struct step_origin {
    struct place place;
    struct str description;
    bool optional;
    bool raw; /* variables in args and options are not replaced yet */
};

struct compile {
    struct arena *arena;
    const struct testfile_options *options;
    const struct catalog *catalog;
    const struct dictionary *dictionary;
    struct testfile *out;
    struct testfile_problems *problems;
    struct testfile_problem dropped; /* callers fill it for a problem past the limit */
    struct str source;               /* the text, when it is YAML */
    bool has_hash;
    bool has_property;         /* it may hold an anchor or a tag */
    const size_t *line_starts; /* NULL: not looked for yet */
    size_t n_lines;
    unsigned last_line; /* the place in the text that was looked at last; 0: none was */
    unsigned last_column;
    struct str last_rest; /* of the line, from that place on */
    const struct var_scope *scope;
    const struct node *blocks;
    struct testfile_test *test;
    size_t cap_steps;
    size_t n_in_list; /* elements of the list of steps that is being compiled */
    struct str base_url;
    struct json *
        spare_args; /* the array of a command that failed: the next command takes it over; NULL: there is none */
    struct json *spare_text; /* a text of such an array, for a comment; NULL: none */
    struct json *no_options; /* shared by all steps without options; NULL: not made yet */
    struct str last_element; /* of the last click or write, for steps that name none */
    enum testfile_phase phase;
    unsigned depth; /* blocks, loops and branches we are in */
    size_t n_unrolled;
    size_t n_by_format[N_FORMATS];
    bool no_such_verb; /* the step being read has no verb that we know */
    bool two_verbs;    /* the step being read has two verbs */
    bool full;         /* the limit of steps has been reported */
    bool fatal; /* an error says that this is not a test: a lenient compile keeps its errors */
    size_t n_forgiven; /* errors that a lenient compile made warnings of */
    size_t n_expanded_bytes;
    size_t n_attached; /* library checkpoints so far, for their default position */
};

/* Whether the words and the first arguments name a command of the catalogue. */
bool names_command(const struct compile *c, struct str words, const struct json *args);
struct step_mark;

/* An empty array. */
struct json *args_new(struct compile *c);
/* Binds and appends one step; false: errors were added. `options` NULL: it has none. */
bool step_emit(struct compile *c, struct str words, struct json *args, struct json *options,
               const struct step_origin *origin);
/* A list of steps (or one step). */
void compile_steps(struct compile *c, const struct node *list);
/* One element of a list of steps. */
void compile_step(struct compile *c, const struct node *node);
/* Counts a step. If the step did not compile (not `ok`), a lenient compile puts a comment in its
 * place. */
void step_done(struct compile *c, const struct node *node, bool ok, const struct step_mark *mark);

/* Whether the list holds a step that could be ours: a verb that we know, or text. */
bool steps_look_ours(const struct compile *c, const struct node *list);

/* --- lenient.c --- */

/* The state of a compile before a step, or before the file: counters to compare with or go back to. */
struct step_mark {
    struct testfile_problems problems;
    size_t n_steps;
    size_t n_all_steps;
    size_t n_by_format[N_FORMATS];
};

struct step_mark step_mark(const struct compile *c);
/* Turns the errors since the mark into warnings that begin with `what` ("ignored"). */
void lenient_forgive(struct compile *c, const struct step_mark *mark, const char *what);
/* The same; and one comment takes the place of all that the step has made since the mark. False: the
 * comment gave an error, since there is no room for it. */
bool lenient_comment(struct compile *c, const struct node *node, const struct step_mark *mark);

/* --- quotes.c --- */

/* The length of the piece in typographic quotes at the beginning of the text; *out_inner is the text
 * between the quotes. 0: there is no such piece, or it is not closed. */
size_t typographic_length(struct str text, struct str *out_inner);
/* The text begins with such a quote, closed or not. */
bool typographic_opens(struct str text);
/* The command line with plain quotes in place of typographic ones around words. */
struct str line_with_plain_quotes(struct arena *arena, struct str line);

/* --- slips.c --- */

/* Warns of slips in a value: a comment that cuts it off, typographic quotes. */
void check_slips(struct compile *c, const struct node *node);
/* True for `click: #submit` and `- #submit`: there is no value, because the text behind # is a comment. */
bool is_cut_by_comment(struct compile *c, const struct node *value);
/* The bytes of a character at the beginning of the text that looks like a space and is none for YAML,
 * like a no-break space; 0: there is none. */
size_t odd_space_length(struct str text);
bool warn_no_break_space(struct compile *c, uint32_t point, struct place place);
/* The verb of `click:Sign in`, which lacks a space; NULL. */
const struct verb *verb_before_colon(const struct compile *c, struct str text,
                                     struct str *out_word);
/* True for the key of `{selector:a}`: for lack of a space YAML reads `selector:a` as one word. */
bool lacks_space(const struct compile *c, struct str key);
/* A dash that is no hyphen: `step–interact`, `––position`. */
bool has_odd_dash(struct str text);

/* Maps of a test have a handful of members. One with more than MEMBERS_MAX is refused, since each unknown member is compared
 * with all known names. True: the error was added. */
enum { MEMBERS_MAX = 1000 };

bool refuse_wide(struct compile *c, const struct node *map, const char *of);
/* Reports the members of a map that are not among `names`, which spaces separate: as an error if one of
 * the names is near, else as a warning. `of`: what the map is. */
void check_members(struct compile *c, const struct node *map, const char *of, const char *names);
void unknown_member(struct compile *c, const struct node *member, const char *of,
                    const char *names);

/* --- document.c --- */

enum walk_stage {
    WALK_DOCUMENT,
    WALK_SUITE,
    WALK_TEST,
    WALK_SINGLE,
    WALK_STEPS,
    WALK_DOCUMENT_END
};

/* Where a compile is in its documents, between two pieces of work. */
struct walk {
    enum walk_stage stage;
    const struct node *document; /* NULL: past the last */
    const struct node *test;     /* the next test of a suite */
    const struct node *map;      /* the map whose lists of steps are being compiled */
    size_t at_list;
    const struct node *step; /* the next one of the list */
    enum walk_stage after_lists;
    size_t n_read; /* steps read before this test */
    const struct var_scope *outer_of_test;
    struct var_scope setup;
    struct testfile_test head; /* of a suite */
    struct str base_url;       /* of its head */
};

void walk_begin(struct walk *walk, const struct node *documents);
/* True: there is nothing more to do. */
bool walk_go_on(struct compile *c, struct walk *walk, size_t units);

/* --- header.c: what stands above the steps --- */

enum header_kind {
    HEADER_TEXT,
    HEADER_NAME,
    HEADER_NOTE, /* for people: any form will do */
    HEADER_ID,
    HEADER_PROJECT,
    HEADER_URL,
    HEADER_TAGS,
    HEADER_CONFIG,
    HEADER_CONFIG_MEMBER,
    HEADER_NESTED,
    HEADER_ELSEWHERE /* known here, read by other code */
};

struct header_row {
    const char *keys;
    enum header_kind kind;
    size_t member; /* offset in struct testfile_test, for TEXT, NAME, NOTE and ID */
};

extern const struct header_row header_rows[];
extern const size_t n_header_rows;
void read_header(struct compile *c, const struct node *map);
/* Refuses dry_run in the head of a manifest; its other keys are not looked at. */
void check_manifest_head(struct compile *c, const struct node *map);
/* The text of a member, variables replaced; empty when it is not there; anything but text is an
 * error. */
struct str header_text(struct compile *c, const struct node *node, const char *what);

/* --- detect.c --- */

enum testfile_kind detect_kind(const struct testfile_options *options, struct str text);
/* Keys that mark a file as something else; NULL past the last. */
const char *other_file_key(size_t index);
/* True for such a key, in upper or lower case. *out_always: no test has it; else a step of a browser says that it is a
 * test all the same. */
bool is_key_of_others(struct str key, bool *out_always);
/* The first of the named members that the map has; NULL: it has none, or is no map. */
const struct node *first_of(const struct node *map, const char *keys);
/* True: this is not a test; the error was added. */
bool refuse_other(struct compile *c, const struct node *document);
bool is_manifest(const struct node *document);
void read_manifest(struct compile *c, const struct node *document);

/* --- detect_ci.c --- */

/* Is it a file of a CI system? `has_mark`: a key above its steps says so. */
bool is_ci_file(const struct compile *c, const struct node *document, bool has_mark);
/* True for the first words of what is done in a browser, and by no other tool that has lists of steps. */
bool is_browser_action(struct str text);
/* True: one of the elements is such a step. as_value: `{action: click}` is one, too; other tools write this as well.
 * may_be_data: `{fill: red}` is none, since drawings and statistics have such members. */
bool has_browser_step(const struct node *list, bool as_value, bool may_be_data);

/* --- characters.c --- */

/* Looks for characters that no value may hold (error) or that mislead a reader (warning). The work is
 * done in pieces; `path` is where the next piece goes on. */
struct character_check {
    const struct node *path[MAX_DEPTH + 4]; /* the outermost node first */
    size_t n;
};

void characters_begin(struct character_check *check, const struct node *documents);
bool characters_go_on(struct compile *c, struct character_check *check, size_t n_nodes);

#endif
