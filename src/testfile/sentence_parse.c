/* Steps that are plain text: a command line when it begins with the name of a command, else a
 * sentence. */
#include "sentence.h"

#define WIDE_COLON "\xEF\xBC\x9A" /* of Chinese and Japanese */

/* A sentence counts SENTENCE_UNITS of work, and its search one more for each TRIES_A_UNIT tries. */
enum { SENTENCE_UNITS = 16, TRIES_A_UNIT = 2, NAME_WORDS_MAX = 6 };

static bool is_command_line(struct str text)
{
    return str_starts(text, STR("step-")) || str_starts(text, STR("library ")) ||
           str_starts(text, STR("api-cli "));
}

/* Reads the time of a sentence as times of other steps are read: "2 seconds", "500 ms", "2". */
static bool fix_times(struct compile *c, struct sentence_command *command, struct place place)
{
    bool waits = str_is(command->words, "step-wait time");
    const struct json *time =
        waits ? json_first(command->args) : json_get(command->options, "timeout");
    struct str ms;

    if (time == NULL) {
        return true;
    }
    if (!ms_read(c, place, substitute(c, json_str(time), place), 1, &ms)) {
        return false;
    }
    if (waits) {
        command->args = json_new_array(c->arena);
        json_append(command->args, json_new_string(c->arena, ms));
    } else {
        json_set(command->options, STR("timeout"), json_new_string(c->arena, ms));
    }
    return true;
}

static bool emit_match(struct compile *c, const struct sentence_match *match,
                       const struct step_origin *origin)
{
    struct sentence_command command;

    if (str_contains(str_from(match->row->args), STR("{last}")) && c->last_element.len == 0) {
        return problem_refuse(c, origin->place, NULL,
                              "write \"ada@example.com\" in field \"Email\"",
                              "this sentence needs an element, and no click before it says which");
    }
    for (size_t i = 0; sentence_step(c->arena, match, i, c->last_element, &command); i++) {
        if (!fix_times(c, &command, origin->place) ||
            !step_emit(c, command.words, command.args, command.options, origin)) {
            return false;
        }
    }
    return true;
}

/* `step-wait 3000` and `step-assert element "Saved" exists` are not command lines, but sentences
 * with step- before them. */
static bool emit_flat_line(struct compile *c, struct str text, const struct step_origin *origin,
                           bool *out_ok)
{
    struct sentence_match match;
    struct error err = {0};

    if (!str_starts(text, STR("step-")) ||
        !sentence_match(c->dictionary->grammar, c->arena, str_sub(text, 5, text.len), &match,
                        &err)) {
        return false;
    }
    *out_ok = emit_match(c, &match, origin);
    return true;
}

/* The line with the words of the command in place of its name in another spelling, like `dialog
 * dismiss_alert` or `upload-url CV https://...`. A line that begins with no such name is returned as it is.
 * A name of one word counts only if it is the whole line, since a sentence may begin with it. */
static struct str with_known_words(const struct compile *c, struct str text)
{
    struct str line = text;
    struct str rest = text;
    struct str word;

    for (size_t n = 0; n < NAME_WORDS_MAX && str_next(&rest, ' ', &word); n++) {
        struct str name = str_sub(text, 0, (size_t)(word.ptr - text.ptr) + word.len);
        const struct verb *own = verb_own(c->dictionary, STR_EMPTY, name);
        bool is_long = str_find_char(name, ' ') > 0 || str_find_char(name, '-') > 0 ||
                       str_find_char(name, '_') > 0;

        if (own != NULL && (is_long || name.len == text.len)) {
            line = arena_printf(c->arena, "%.*s%.*s", STR_ARG(own->forms[0]->commands[0].words),
                                STR_ARG(str_sub(text, name.len, text.len)));
        }
    }
    return line;
}

static bool emit_line(struct compile *c, struct str text, const struct step_origin *origin)
{
    struct json *line;
    struct error err = {0};
    bool ok = false;

    if (str_starts(text, STR("api-cli "))) {
        text = str_sub(text, 8, text.len);
    }
    text = line_with_plain_quotes(c->arena, text);
    if (command_line_parse(c->catalog, c->arena, text, &line, &err) != ERR_OK) {
        return problem_refuse(c, origin->place, NULL, NULL, "%s", err.text);
    }
    if (!names_command(c, json_str(json_get(line, "command")), json_get(line, "args"))) {
        struct str known = with_known_words(c, text);

        if (emit_flat_line(c, text, origin, &ok)) {
            return ok;
        }
        if (known.ptr != text.ptr) {
            return emit_line(c, known, origin);
        }
    }
    return step_emit(c, json_str(json_get(line, "command")),
                     json_copy(c->arena, json_get(line, "args")),
                     json_copy(c->arena, json_get(line, "options")), origin);
}

/* `assert exists "Welcome"` is no sentence, but a command line that lacks its step- before it. */
static bool emit_short_line(struct compile *c, struct str text, const struct step_origin *origin,
                            bool *out_ok)
{
    struct str line =
        arena_printf(c->arena, "step-%.*s", STR_ARG(line_with_plain_quotes(c->arena, text)));
    struct json *read;
    struct error err = {0};

    if (command_line_parse(c->catalog, c->arena, line, &read, &err) != ERR_OK ||
        !names_command(c, json_str(json_get(read, "command")), json_get(read, "args"))) {
        return false;
    }
    *out_ok = emit_line(c, line, origin);
    return true;
}

/* `click = Sign in`, `click -> Sign in`, `click： Sign in` */
static const struct verb *verb_before_equals(const struct compile *c, struct str text)
{
    ptrdiff_t wide = str_find(text, STR(WIDE_COLON));
    struct str word;
    struct str sign;
    struct str rest;

    if (wide > 0) {
        return verb_find(c->dictionary, str_trim(str_sub(text, 0, (size_t)wide)));
    }
    return str_cut(text, ' ', &word, &rest) && str_cut(str_trim(rest), ' ', &sign, &rest) &&
                   str_among(sign, STR("= => -> \xE2\x86\x92"), ' ')
               ? verb_find(c->dictionary, word)
               : NULL;
}

static bool not_understood(struct compile *c, const struct node *node, struct str text,
                           bool runs_on, const struct error *err)
{
    struct testfile_problem *problem =
        problem_add(c, TESTFILE_ERROR, place_of(node), "%s", err->text);
    struct sentence_near near;
    struct sentence_slip slip;
    struct str word;
    struct str rest;

    if (!problem_is_kept(c, problem)) {
        return false;
    }
    near = sentence_near(c->dictionary->grammar, c->arena, text);
    problem->nearest = near.word;
    if (near.word.len == 0 && sentence_slips(c->dictionary->grammar, c->arena, text, NULL, &slip) &&
        (runs_on || !slip.takes_words)) {
        problem->nearest = slip.meant;
    }
    if (verb_before_equals(c, text) != NULL) {
        problem->hint = str_contains(text, STR(WIDE_COLON))
                            ? STR("a step is written VERB: VALUE, and this is a wide colon")
                            : STR("a step is written VERB: VALUE, with a colon");
        return false;
    }
    if (verb_before_colon(c, text, &word) != NULL) {
        problem->hint = STR("a space is missing after the colon");
        rest = str_sub(text, word.len + 1, text.len);
        while (odd_space_length(rest) > 0) {
            rest = str_sub(rest, odd_space_length(rest), rest.len);
        }
        problem->example = arena_printf(c->arena, "%.*s: %.*s", STR_ARG(word), STR_ARG(rest));
        problem->example = problem_clean(c->arena, problem->example, SHOWN_MAX);
        return false;
    }
    if (str_contains(text, STR("\xE2\x80\x9C")) || str_contains(text, STR("\xE2\x80\x9D"))) {
        problem->hint = STR("these are typographic quotes: use \" or '");
    } else if (has_odd_dash(text)) {
        problem->hint = STR("names are written with hyphens (-), and this is a dash");
    } else {
        problem->hint = near.hint != NULL
                            ? str_from(near.hint)
                            : STR("a step is a map with a verb, a sentence or a command line");
    }
    problem->example = near.example;
    return false;
}

/* Warns of `scroll to botom`, which scrolls to an element called "botom". */
static void check_slip(struct compile *c, const struct node *node, struct str text,
                       const struct sentence_row *taken)
{
    struct sentence_slip slip;
    struct testfile_problem *problem;

    if (!sentence_slips(c->dictionary->grammar, c->arena, text, taken, &slip)) {
        return;
    }
    problem = problem_add(c, TESTFILE_WARNING, place_of(node),
                          "\"%.*s\" is no word of a sentence here: it is taken as text",
                          CLIPPED(slip.word));
    problem->nearest = slip.meant;
    problem->hint = STR("put the text in quotes if it is meant");
}

/* A step that is only its name: `- maximize`, `- navigate scroll-top`, `- dismissAlert`. NULL: it is more. */
static const struct verb *bare_verb(const struct compile *c, struct str text)
{
    const struct verb *verb = str_find_char(text, ' ') < 0 ? verb_find(c->dictionary, text) : NULL;
    const struct verb *own = verb_own(c->dictionary, STR_EMPTY, text);

    if (verb != NULL && verb->n_forms > 0) {
        return verb;
    }
    return own != NULL && verb_needs_nothing(own) ? own : NULL;
}

static bool follows_row(const struct compile *c, struct str text, struct sentence_match *out,
                        struct error *err)
{
    bool follows = sentence_match(c->dictionary->grammar, c->arena, text, out, err);

    c->out->work += out->tries / TRIES_A_UNIT;
    return follows;
}

bool text_is_ours(const struct compile *c, struct str text)
{
    struct sentence_match match;
    struct error err = {0};
    struct str word;
    struct str rest;

    text = str_trim(text);
    (void)str_cut(text, ' ', &word, &rest);
    return str_starts(text, STR("//")) || is_command_line(text) || bare_verb(c, text) != NULL ||
           verb_known(verb_find(c->dictionary, word)) || follows_row(c, text, &match, &err);
}

static bool emit_bare_verb(struct compile *c, const struct node *node, const struct verb *verb)
{
    struct bag bag;

    bag_init(c, &bag, TESTFILE_FORMAT_SIMPLIFIED, node->text, place_of(node));
    bag.known = verb;
    return map_bag(c, &bag);
}

bool step_text(struct compile *c, const struct node *node, struct str text)
{
    struct step_origin origin = {.place = place_of(node), .raw = true};
    struct sentence_match match;
    struct error err = {0};
    struct str line;
    bool ok = false;

    c->out->work += SENTENCE_UNITS;
    text = str_trim(text);
    if (str_starts(text, STR("//"))) {
        struct node *value = arena_zalloc(c->arena, sizeof(*value));
        struct bag bag;

        /* map_bag cuts a comment that is too long for the platform into several. */
        bag_init(c, &bag, TESTFILE_FORMAT_SENTENCE, STR("comment"), place_of(node));
        bag.value = value;
        *value = *node;
        value->text = str_sub(text, str_starts(text, STR("// ")) ? 3 : 2, text.len);
        return map_bag(c, &bag);
    }
    if (bare_verb(c, text) != NULL) {
        return emit_bare_verb(c, node, bare_verb(c, text));
    }
    if (is_command_line(text)) {
        return emit_line(c, text, &origin);
    }
    if (verb_before_equals(c, text) != NULL) {
        (void)error_set(&err, ERR_INVALID, "cannot understand this sentence");
        return not_understood(c, node, text, false, &err);
    }
    if (follows_row(c, text, &match, &err)) {
        if (match_takes_words(&match)) {
            check_slip(c, node, text, match.row);
        }
        return emit_match(c, &match, &origin);
    }
    if (!match.runs_on && emit_short_line(c, text, &origin, &ok)) {
        check_slip(c, node, text, NULL);
        return ok;
    }
    line = with_known_words(c, text);
    if (!match.runs_on && line.ptr != text.ptr) {
        return emit_line(c, line, &origin);
    }
    return not_understood(c, node, text, match.runs_on, &err);
}
