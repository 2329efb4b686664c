/* Matching a sentence against the grammar: words and quoted pieces against the patterns, with the
 * shortest text for each slot first. Real sentences need some hundred tries; MAX_TRIES take about 5 ms. */
#include <string.h>

#include "base/nearest.h"
#include "sentence.h"

enum { MAX_TRIES = 8000, SLIP_MIN = 4, TAIL_SHOWN = 64 };

/* ---- patterns ---- */

/* The alternative that is one edit away from the word; empty: none. Short words are near to too many others. */
static struct str nearly(struct str alternatives, struct str word)
{
    struct str one;

    while (word.len + 1 >= SLIP_MIN && str_next(&alternatives, '|', &one)) {
        if (one.len >= SLIP_MIN && edit_distance(one, word, 1) == 1) {
            return one;
        }
    }
    return STR_EMPTY;
}

static bool match_from(struct matcher *m, size_t at_part, size_t at);

static bool match_literal(struct matcher *m, size_t at_part, size_t at)
{
    struct str alternatives = m->rule->parts[at_part].text;
    const struct token *token = &m->tokens[at];
    struct str meant;

    if (at >= m->n_tokens || token->quoted) {
        return false;
    }
    if (str_among_nocase(token->text, alternatives, '|')) {
        return match_from(m, at_part + 1, at + 1);
    }
    if (!m->forgives || m->slip.word.len > 0) {
        return false;
    }
    meant = nearly(alternatives, token->text);
    m->slip = (struct sentence_slip){token->text, meant, false};
    if (meant.len > 0 && match_from(m, at_part + 1, at + 1)) {
        return true;
    }
    m->slip = (struct sentence_slip){.word = STR_EMPTY};
    return false;
}

static bool match_slot(struct matcher *m, size_t at_part, size_t at)
{
    struct str slot = m->rule->parts[at_part].text;
    size_t index = m->out->n_slots;

    if (index == SENTENCE_MAX_SLOTS) {
        return false;
    }
    for (size_t n = 1; at + n <= m->n_tokens && ++m->tries <= MAX_TRIES; n++) {
        struct str text;

        if (n > 2 && slot_is_short(slot)) {
            break;
        }
        if (slot_fill(m, slot, at, n, &text)) {
            m->out->slots[index] = (struct sentence_slot){slot, text, !m->tokens[at].quoted};
            m->out->n_slots = index + 1;
            if (match_from(m, at_part + 1, at + n)) {
                return true;
            }
            m->out->n_slots = index;
        }
    }
    return false;
}

/* The recursion is as deep as the pattern is long. What has failed once for the same rest is not tried again, so the
 * tries grow with the tokens and not with a power of them. */
static bool match_from(struct matcher *m, size_t at_part, size_t at)
{
    const struct part *part = &m->rule->parts[at_part];
    uint64_t bit = at < MAX_TOKENS ? UINT64_C(1) << at : 0;
    uint64_t *dead;

    if (at_part == m->rule->n_parts) {
        return at == m->n_tokens;
    }
    dead = &m->dead[m->slip.word.len > 0 ? 1 : 0][at_part];
    if ((*dead & bit) != 0 || ++m->tries > MAX_TRIES) {
        return false;
    }
    if ((part->is_slot ? match_slot(m, at_part, at) : match_literal(m, at_part, at)) ||
        (part->is_optional && match_from(m, at_part + 1, at))) {
        return true;
    }
    *dead |= bit;
    return false;
}

/* Finds the first rule that the sentence follows among those for its verb, up to `before`; NULL: all. */
static bool match_any(struct matcher *m, const struct sentence_row *before)
{
    const struct choice *first = sentence_cut(m);

    for (size_t i = 0; first != NULL && i < first->n && first->rules[i]->row != before; i++) {
        m->rule = first->rules[i];
        for (size_t k = 0; k < ARRAY_LEN(m->dead); k++) {
            memset(m->dead[k], 0, m->rule->n_parts * sizeof(m->dead[k][0]));
        }
        *m->out = (struct sentence_match){.row = m->rule->row};
        if (match_from(m, 0, 0)) {
            return true;
        }
    }
    return false;
}

static void matcher_init(struct matcher *m, const struct grammar *grammar, struct arena *arena,
                         struct str sentence, struct sentence_match *out, struct error *err)
{
    *m = (struct matcher){
        .grammar = grammar, .arena = arena, .sentence = str_trim(sentence), .out = out, .err = err};
}

bool sentence_match(const struct grammar *grammar, struct arena *arena, struct str sentence,
                    struct sentence_match *out, struct error *err)
{
    struct matcher m;

    matcher_init(&m, grammar, arena, sentence, out, err);
    if (match_any(&m, NULL)) {
        out->tries = m.tries;
        return true;
    }
    if (err->code == ERR_OK && m.tries > MAX_TRIES) {
        (void)error_set(err, ERR_INVALID,
                        "this sentence has too many words for names without quotes; put each name "
                        "in quotes");
    }
    words_find_tail(&m);
    *out =
        (struct sentence_match){.runs_on = m.tail.len > 0 || err->code != ERR_OK, .tries = m.tries};
    if (err->code == ERR_OK && m.tail.len > 0) {
        (void)error_set(err, ERR_INVALID,
                        "cannot understand \"%.*s\" in this sentence; if it belongs to a name, put "
                        "the whole name in quotes",
                        STR_ARG(utf8_clip(m.tail, TAIL_SHOWN)));
    } else if (err->code == ERR_OK) {
        (void)error_set(err, ERR_INVALID, "cannot understand this sentence");
    }
    return false;
}

bool match_takes_words(const struct sentence_match *match)
{
    bool any = false;

    for (size_t i = 0; i < match->n_slots; i++) {
        any = any || match->slots[i].is_plain;
    }
    return any;
}

bool sentence_slips(const struct grammar *grammar, struct arena *arena, struct str sentence,
                    const struct sentence_row *taken, struct sentence_slip *out)
{
    struct sentence_match match;
    struct error unused = {0};
    struct matcher m;

    matcher_init(&m, grammar, arena, sentence, &match, &unused);
    m.forgives = true;
    if (!match_any(&m, taken) || m.slip.word.len == 0) {
        return false;
    }
    *out = m.slip;
    out->takes_words = match_takes_words(&match);
    return true;
}

/* ---- from a match to steps ---- */

static struct str slot_text(const struct sentence_match *match, struct str item, struct str last)
{
    struct str name = str_sub(item, 1, item.len - 2);

    if (item.ptr[0] != '{') { /* a word of the row */
        return item;
    }
    if (str_is(name, "last")) {
        return last;
    }
    for (size_t i = 0; i < match->n_slots; i++) {
        if (str_eq(match->slots[i].name, name)) {
            return match->slots[i].text;
        }
    }
    return STR_EMPTY;
}

bool sentence_step(struct arena *arena, const struct sentence_match *match, size_t index,
                   struct str last, struct sentence_command *out)
{
    struct str commands = str_from(match->row->command);
    struct str args = str_from(match->row->args);
    struct str options = str_from(match->row->options);
    struct str one = STR_EMPTY;
    struct str item;
    struct str name;
    struct str value;

    for (size_t i = 0; i <= index; i++) {
        if (!str_next(&commands, ';', &out->words)) {
            return false;
        }
        (void)str_cut(args, ';', &one, &args);
    }
    out->args = json_new_array(arena);
    out->options = json_new_object(arena);
    while (str_next(&one, ' ', &item)) {
        json_append(out->args, json_new_string(arena, slot_text(match, item, last)));
    }
    while (str_next(&options, ' ', &item)) {
        (void)str_cut(item, '=', &name, &value);
        json_set(out->options, name,
                 str_is(value, "true")
                     ? json_new_bool(arena, true)
                     : json_new_string(arena, slot_text(match, value, STR_EMPTY)));
    }
    return true;
}
