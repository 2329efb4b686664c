/* Cuts a sentence into words and quoted pieces and leaves filler words out: 'Then I should see the "..."' is
 * 'see "..."'. The first word chooses the few rows that are tried. */
#include "base/check.h"
#include "sentence.h"

/* ---- pieces ---- */

static bool read_quoted(struct matcher *m, size_t *at, struct token *token)
{
    struct str s = m->sentence;
    char quote = s.ptr[*at];
    struct buf buf;
    size_t i = *at + 1;

    while (i < s.len && s.ptr[i] != quote && s.ptr[i] != '\\') {
        i++;
    }
    if (i < s.len && s.ptr[i] == quote) { /* most texts: nothing is escaped in them */
        token->text = str_sub(s, *at + 1, i - *at - 1);
        token->quoted = true;
        *at = i + 1;
        return true;
    }
    i = *at + 1;
    buf_init(&buf, VALUE_MAX_BYTES);
    while (i < s.len && s.ptr[i] != quote) {
        if (s.ptr[i] == '\\' && i + 1 < s.len && (s.ptr[i + 1] == quote || s.ptr[i + 1] == '\\')) {
            i++;
        }
        buf_char(&buf, s.ptr[i++]);
    }
    token->text = arena_str(m->arena, buf_view(&buf));
    token->quoted = true;
    buf_done(&buf);
    *at = i + 1;
    return i < s.len;
}

static bool read_typographic(struct matcher *m, size_t *at, struct token *token)
{
    size_t n = typographic_length(str_sub(m->sentence, *at, m->sentence.len), &token->text);

    token->quoted = n > 0;
    *at += n;
    return n > 0;
}

static bool refuse_open_quote(struct matcher *m, size_t at)
{
    struct str rest = str_sub(m->sentence, at, m->sentence.len);

    (void)error_set(m->err, ERR_INVALID, "a quote is not closed; it begins at: %.*s",
                    CLIPPED(rest));
    return false;
}

static const char spaces[] = " \t\n\r";

/* The word or the piece in quotes that stands at *at; *at goes behind it. */
static bool read_token(struct matcher *m, size_t *at, struct token *token)
{
    struct str s = m->sentence;
    size_t from = *at;

    if (read_typographic(m, at, token)) {
        return true;
    }
    if (typographic_opens(str_sub(s, from, s.len))) {
        return refuse_open_quote(m, from);
    }
    if (s.ptr[from] == '"' || s.ptr[from] == '\'') {
        return read_quoted(m, at, token) || refuse_open_quote(m, from);
    }
    while (*at < s.len && str_find_char(STR(spaces), s.ptr[*at]) < 0) {
        (*at)++;
    }
    token->text = str_sub(s, from, *at - from);
    return true;
}

static bool tokenize(struct matcher *m)
{
    struct str s = m->sentence;
    size_t at = 0;

    while (at < s.len) {
        struct token *token;

        if (str_find_char(STR(spaces), s.ptr[at]) >= 0) {
            at++;
            continue;
        }
        if (m->n_tokens == MAX_TOKENS) {
            (void)error_set(m->err, ERR_INVALID,
                            "a sentence has at most %d words; put long text in quotes", MAX_TOKENS);
            return false;
        }
        token = &m->tokens[m->n_tokens++];
        *token = (struct token){.from = at};
        if (!read_token(m, &at, token)) {
            return false;
        }
        token->to = at < s.len ? at : s.len;
    }
    return m->n_tokens > 0;
}

bool token_quotes(const struct matcher *m, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (m->tokens[at + i].quoted) {
            return true;
        }
    }
    return false;
}

/* ---- the rules, by their first word and by their command ---- */

struct grammar {
    struct arena *arena;
    struct map words;
    struct map commands;
    struct choice quoted; /* rules that begin with a piece in quotes */
};

static void choice_add(struct choice *choice, const struct rule *rule)
{
    CHECK(choice->n < CHOICE_MAX);
    if (choice->n == 0 || choice->rules[choice->n - 1] != rule) {
        choice->rules[choice->n++] = rule;
    }
}

static struct choice *choice_find(const struct map *map, struct str key)
{
    return MAP_FIND(map, key, struct choice, node);
}

static void choice_offer(struct arena *arena, struct map *map, struct str key,
                         const struct rule *rule)
{
    struct choice *choice = choice_find(map, key);

    if (choice == NULL) {
        choice = arena_zalloc(arena, sizeof(*choice));
        map_insert(map, &choice->node, key);
    }
    choice_add(choice, rule);
}

static struct part part_read(struct str text)
{
    struct part part = {.is_optional = text.ptr[0] == '['};

    text = part.is_optional ? str_sub(text, 1, text.len - 2) : text;
    part.is_written = !part.is_optional || str_ends(text, STR("!"));
    text = part.is_optional && part.is_written ? str_sub(text, 0, text.len - 1) : text;
    part.is_slot = text.ptr[0] == '{';
    part.text = part.is_slot ? str_sub(text, 1, text.len - 2) : text;
    return part;
}

static const struct rule *rule_read(struct arena *arena, const struct sentence_row *row)
{
    struct rule *rule = arena_zalloc(arena, sizeof(*rule));
    struct str words[PARTS_MAX];

    rule->row = row;
    rule->n_parts = str_split(str_from(row->pattern), ' ', words, PARTS_MAX);
    rule->parts = arena_calloc(arena, rule->n_parts, sizeof(*rule->parts));
    for (size_t i = 0; i < rule->n_parts; i++) {
        rule->parts[i] = part_read(words[i]);
    }
    return rule;
}

/* Adds the rule to the choice of each word that may be the first of a sentence: those of its parts up to the
 * first one that cannot be missing. */
static void rule_offer(struct grammar *grammar, const struct rule *rule)
{
    for (size_t i = 0; i < rule->n_parts; i++) {
        const struct part *part = &rule->parts[i];
        struct str rest = part->text;
        struct str word;

        if (part->is_slot) {
            choice_add(&grammar->quoted, rule);
        }
        while (!part->is_slot && str_next(&rest, '|', &word)) {
            choice_offer(grammar->arena, &grammar->words, word, rule);
        }
        if (!part->is_optional) {
            return;
        }
    }
}

struct grammar *grammar_new(struct arena *arena)
{
    struct grammar *grammar = arena_zalloc(arena, sizeof(*grammar));

    grammar->arena = arena;
    map_init(&grammar->words);
    map_init(&grammar->commands);
    for (size_t i = 0; i < n_sentence_rows; i++) {
        const struct rule *rule = rule_read(arena, &sentence_rows[i]);

        rule_offer(grammar, rule);
        if (rule->row->says) {
            choice_offer(arena, &grammar->commands, str_from(rule->row->command), rule);
        }
    }
    return grammar;
}

void grammar_done(struct grammar *grammar)
{
    map_done(&grammar->words);
    map_done(&grammar->commands);
}

const struct choice *sentences_saying(const struct grammar *grammar, const struct command *command)
{
    return choice_find(&grammar->commands, str_from(command->words));
}

static const struct choice *first_find(const struct grammar *grammar, struct str word)
{
    char lower[32];

    if (word.len > sizeof(lower)) {
        return NULL;
    }
    for (size_t i = 0; i < word.len; i++) {
        lower[i] = char_lower(word.ptr[i]);
    }
    return choice_find(&grammar->words, (struct str){lower, word.len});
}

/* "clicks", "presses" and "verifies" are click, press and verify. *token becomes the plain word. */
static const struct choice *first_of_verb(struct matcher *m, struct token *token)
{
    static const struct {
        const char *end;
        const char *instead;
    } ends[] = {{"s", ""}, {"es", ""}, {"ies", "y"}};
    const struct choice *first = first_find(m->grammar, token->text);

    for (size_t i = 0; first == NULL && i < ARRAY_LEN(ends); i++) {
        if (str_ends(token->text, str_from(ends[i].end))) {
            size_t n = token->text.len - str_from(ends[i].end).len;
            struct str word = arena_printf(m->arena, "%.*s%s", STR_ARG(str_sub(token->text, 0, n)),
                                           ends[i].instead);

            first = first_find(m->grammar, word);
            token->text = first != NULL ? word : token->text;
        }
    }
    return first;
}

/* ---- words around it ---- */

static bool token_is(const struct token *token, const char *words)
{
    return !token->quoted && str_among_nocase(token->text, str_from(words), ' ');
}

static void token_remove(struct matcher *m, size_t at)
{
    m->n_tokens--;
    for (size_t i = at; i < m->n_tokens; i++) {
        m->tokens[i] = m->tokens[i + 1];
    }
}

static bool is_article(const struct matcher *m, size_t at)
{
    return token_is(&m->tokens[at], "the a an my") &&
           ((at + 1 < m->n_tokens && m->tokens[at + 1].quoted) ||
            (at + 2 < m->n_tokens && m->tokens[at + 2].quoted && is_noun(m->tokens[at + 1].text)));
}

/* Takes off the full stop of a sentence with a quoted piece. Without such a piece it may belong to a name. */
static void leave_out_full_stop(struct matcher *m)
{
    struct token *last = &m->tokens[m->n_tokens - 1];

    if (m->n_tokens < 2 || last->quoted || !token_quotes(m, 0, m->n_tokens) ||
        !str_ends(last->text, STR("."))) {
        return;
    }
    last->text = str_sub(last->text, 0, last->text.len - 1);
    last->to--;
    m->n_tokens -= last->text.len == 0 ? 1 : 0;
}

/* Leaves out who acts and when, articles before a quoted text, and the full stop at the end. */
static void leave_out_filler(struct matcher *m)
{
    static const char who[] = "i we you he she they user users given when then and but now next "
                              "finally please also afterwards should can could must will";

    while (m->n_tokens > 1 && (token_is(&m->tokens[0], who) || (token_is(&m->tokens[0], "the a") &&
                                                                token_is(&m->tokens[1], "user")))) {
        token_remove(m, 0);
    }
    for (size_t i = 0; i < m->n_tokens; i++) {
        if (is_article(m, i)) {
            token_remove(m, i);
        }
    }
    if (m->n_tokens > 2 && token_is(&m->tokens[0], "make") && token_is(&m->tokens[1], "sure")) {
        token_remove(m, 1);
        m->tokens[0].text = STR("ensure");
    }
    leave_out_full_stop(m);
}

const struct choice *sentence_cut(struct matcher *m)
{
    if (!tokenize(m)) {
        return NULL;
    }
    leave_out_filler(m);
    return m->tokens[0].quoted ? &m->grammar->quoted : first_of_verb(m, &m->tokens[0]);
}
