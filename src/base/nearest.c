#include "base/nearest.h"

enum { WORD_MAX = 64 };

/* Lower case; '-', '_' and ' ' are one letter. */
static char fold(char c)
{
    return (char)(c == '_' || c == ' ' ? '-' : char_lower(c));
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Optimal string alignment over three rows. */
size_t edit_distance(struct str a, struct str b, size_t give_up_above)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *row = rows[2];
    size_t apart = a.len > b.len ? a.len - b.len : b.len - a.len;

    if (a.len > WORD_MAX || b.len > WORD_MAX || apart > give_up_above) {
        return give_up_above + 1;
    }
    for (size_t j = 0; j <= b.len; j++) {
        last[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t least = i;
        size_t *swap = before;

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            char x = fold(a.ptr[i - 1]);
            char y = fold(b.ptr[j - 1]);

            row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x == y ? 0 : 1));
            if (i > 1 && j > 1 && x == fold(b.ptr[j - 2]) && y == fold(a.ptr[i - 2]) &&
                before[j - 2] + 1 < row[j]) {
                row[j] = before[j - 2] + 1;
            }
            least = row[j] < least ? row[j] : least;
        }
        if (least > give_up_above) {
            return give_up_above + 1;
        }
        before = last;
        last = row;
        row = swap;
    }
    return last[b.len];
}

bool is_slip_of(struct str word, struct str meant)
{
    size_t shorter = word.len < meant.len ? word.len : meant.len;
    size_t head = 0;
    size_t tail = 0;
    struct str a;
    struct str b;

    if (word.len > meant.len + 1 || meant.len > word.len + 1) {
        return false;
    }
    while (head < shorter && fold(word.ptr[head]) == fold(meant.ptr[head])) {
        head++;
    }
    while (tail < shorter - head &&
           fold(word.ptr[word.len - 1 - tail]) == fold(meant.ptr[meant.len - 1 - tail])) {
        tail++;
    }
    a = str_sub(word, head, word.len - head - tail);
    b = str_sub(meant, head, meant.len - head - tail);
    return (a.len <= 1 && b.len <= 1) ||
           (a.len == 2 && b.len == 2 && fold(a.ptr[0]) == fold(b.ptr[1]) &&
            fold(a.ptr[1]) == fold(b.ptr[0]));
}

static size_t limit_for(struct str word)
{
    size_t limit = word.len / 3;

    return limit < 2 ? (word.len < 3 ? 1 : 2) : limit > 4 ? 4 : limit;
}

void nearest_init(struct nearest *nearest, struct str word)
{
    *nearest =
        (struct nearest){.word = word, .best = STR_EMPTY, .best_distance = limit_for(word) + 1};
}

void nearest_offer(struct nearest *nearest, struct str candidate)
{
    size_t distance;
    size_t longer;

    if (nearest->word.len == 0 || candidate.len == 0 || nearest->best_distance == 0) {
        return;
    }
    distance = edit_distance(nearest->word, candidate, nearest->best_distance - 1);
    longer = candidate.len > nearest->word.len ? candidate.len : nearest->word.len;
    if (distance < nearest->best_distance && 2 * distance < longer) { /* foo is not near to "to" */
        nearest->best = candidate;
        nearest->best_distance = distance;
    }
}

void nearest_offer_words(struct nearest *nearest, struct str words, char separator)
{
    struct str word;

    while (str_next(&words, separator, &word)) {
        nearest_offer(nearest, word);
    }
}

struct str nearest_among(struct str word, const char *words)
{
    struct nearest nearest;

    nearest_init(&nearest, word);
    nearest_offer_words(&nearest, str_from(words), ' ');
    return nearest.best;
}
