/* Unread: whether a text that cannot be read was meant to be a test. Other tools write YAML with tags,
 * templates and keys that stand twice, and such files lie in folders beside tests. A test with a slip
 * must never be taken for one of them. So only the lines are looked at, one by one: a test has a list of
 * steps at the margin of its file, and files of other tools have keys there that say what they are. */
#include "base/nearest.h"
#include "testfile_internal.h"

/* Keys that no other tool has at the margin: each says alone that a test was meant. */
static const char our_keys[] = "steps starting_url checkpoint_id journeys";
/* Keys that others have there too; ours hold a list. */
static const char list_keys[] = "do setup teardown cleanup";
/* The same; ours hold tests with steps, or goals with journeys. */
static const char suite_keys[] = "tests goals";

enum { KEY_MAX = 24 };

/* What the lines have told so far. */
struct margin {
    struct str line; /* the last one at the margin; empty: the document begins */
    size_t least;    /* the fewest blanks before a line below `line`; SIZE_MAX: no line yet */
    bool wants_list; /* the line before was one of list_keys with nothing behind it */
    bool has_suite;  /* one of suite_keys stood at the margin */
    bool has_steps;  /* the key `steps`, `do` or `journeys` stood anywhere */
    bool is_other;   /* the document has a key at its margin that only other tools use */
    bool is_certain; /* that key stands in no test, whatever its steps are */
};

static bool is_word_char(char c)
{
    return char_is_alnum(c) || c == '_';
}

/* The key that begins a line, in lower case, in `buffer`: of "'Steps' : x" it is steps, with ": x" behind. */
static struct str key_of(struct str line, char buffer[KEY_MAX], struct str *out_behind)
{
    size_t from = line.len > 0 && (line.ptr[0] == '"' || line.ptr[0] == '\'') ? 1 : 0;
    size_t n = 0;

    while (from + n < line.len && n < KEY_MAX && is_word_char(line.ptr[from + n])) {
        buffer[n] = char_lower(line.ptr[from + n]);
        n++;
    }
    *out_behind = str_sub(line, from + n, line.len);
    if (out_behind->len > 0 && (out_behind->ptr[0] == '"' || out_behind->ptr[0] == '\'')) {
        *out_behind = str_sub(*out_behind, 1, out_behind->len);
    }
    *out_behind = str_trim(*out_behind);
    if (out_behind->len > 0 && out_behind->ptr[0] != ':') {
        return STR_EMPTY; /* no key, but text */
    }
    return (struct str){buffer, n};
}

/* A key of ours, also with a slip: `stpes`. */
static bool is_ours(struct str key)
{
    return str_has_word(our_keys, key) || (key.len > 3 && is_slip_of(key, STR("steps")));
}

/* A key anywhere in a text, as in `{name: x, steps: [`. */
static bool holds_key(struct str line, const char *keys)
{
    char buffer[KEY_MAX];
    struct str behind;

    for (size_t i = 0; i < line.len; i++) {
        struct str key;

        if (!is_word_char(line.ptr[i]) || (i > 0 && is_word_char(line.ptr[i - 1]))) {
            continue;
        }
        key = key_of(str_sub(line, i, (size_t)KEY_MAX * 2), buffer, &behind);
        if (behind.len > 0 && key.len > 0 && (str_has_word(keys, key) || is_ours(key))) {
            return true;
        }
    }
    return false;
}

/* True if the lines below may belong to this line: its key has no value yet, or it is an element of a list. */
static bool opens(struct str line)
{
    static const char *const ends[] = {":", "|", ">", "|-", ">-", "|+", ">+"};
    ptrdiff_t comment = str_find(line, STR(" #"));

    line = comment >= 0 ? str_trim(str_sub(line, 0, (size_t)comment)) : line;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        if (str_ends(line, str_from(ends[i]))) {
            return true;
        }
    }
    return str_starts(line, STR("- ")) || str_is(line, "-");
}

/* An indented line counts, too, if no line above can hold it: it was meant to stand at the margin. */
static bool is_at_margin(const struct margin *m, size_t n_blanks)
{
    return n_blanks == 0 || (n_blanks <= m->least && !opens(m->line));
}

static bool is_template(struct str line)
{
    return str_starts(line, STR("{{")) || str_starts(line, STR("{%"));
}

/* True: this line says that a test was meant. */
static bool read_margin(struct margin *m, struct str line, struct str key, struct str behind)
{
    if (is_ours(key) || holds_key(line, "")) {
        return true;
    }
    if (str_has_word(list_keys, key)) {
        m->wants_list = behind.len <= 1;
        return behind.len > 1 && str_starts(str_trim(str_sub(behind, 1, behind.len)), STR("["));
    }
    m->has_suite = m->has_suite || str_has_word(suite_keys, key);
    m->is_other = behind.len > 0 && is_key_of_others(key, &m->is_certain);
    return false;
}

static bool read_line(struct margin *m, struct str whole)
{
    struct str line = str_trim(whole);
    char buffer[KEY_MAX];
    struct str behind;
    size_t n_blanks = str_span(whole, " \t");
    struct str key = key_of(line, buffer, &behind);
    bool is_list = m->wants_list && str_starts(line, STR("-"));

    if (line.len == 0 || line.ptr[0] == '#' || is_template(line)) {
        return false;
    }
    m->wants_list = false;
    if (str_starts(line, STR("---"))) {
        m->line = STR_EMPTY;
        m->least = SIZE_MAX;
        m->is_other = false;
        return holds_key(line, "");
    }
    if (m->is_other) {
        return !m->is_certain && str_starts(line, STR("- ")) &&
               is_browser_action(str_trim(str_sub(line, 2, line.len)));
    }
    m->has_steps = m->has_steps || holds_key(line, "do journeys");
    if (is_list || (is_at_margin(m, n_blanks) && read_margin(m, line, key, behind))) {
        return true;
    }
    if (n_blanks == 0) {
        m->line = line;
        m->least = SIZE_MAX;
    } else if (n_blanks < m->least) {
        m->least = n_blanks;
    }
    return false;
}

/* UTF-16 without its NULs: plain letters can be read then. */
static struct str without_nuls(struct arena *arena, struct str text)
{
    char *made;
    size_t n = 0;

    if (str_find_char(text, '\0') < 0) {
        return text;
    }
    made = arena_alloc(arena, text.len);
    for (size_t i = 0; i < text.len; i++) {
        made[n] = text.ptr[i];
        n += text.ptr[i] != '\0' ? 1 : 0;
    }
    return (struct str){made, n};
}

static struct str without_mark(struct str text)
{
    static const char *const marks[] = {"\xEF\xBB\xBF", "\xFF\xFE", "\xFE\xFF"};

    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        if (str_starts(text, str_from(marks[i]))) {
            return str_sub(text, strlen(marks[i]), text.len);
        }
    }
    return text;
}

/* JSON, and YAML that is written like it; `{{` and `{%` begin a template. */
static bool is_in_braces(struct str text)
{
    return text.len > 1 && (text.ptr[0] == '{' || text.ptr[0] == '[' || text.ptr[0] == '/') &&
           !is_template(text);
}

bool testfile_was_meant(struct arena *arena, struct str text)
{
    struct str rest = str_trim(without_mark(without_nuls(arena, text)));
    struct margin margin = {.line = STR_EMPTY, .least = SIZE_MAX};
    struct str line;

    if (is_in_braces(rest)) {
        return holds_key(rest, "do tests goals");
    }
    rest = without_mark(without_nuls(arena, text)); /* with the blanks before its first line */
    while (str_next(&rest, '\n', &line)) {
        if (read_line(&margin, line)) {
            return true;
        }
    }
    return margin.has_suite && margin.has_steps;
}
