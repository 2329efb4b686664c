/* "Did you mean": the candidate with the smallest Damerau-Levenshtein distance, or none when all are too
 * far. The distance may be a third of the word's length (at least 2, at most 4; 1 for words of one or two
 * letters), but must be less than half of the longer word. Words over 64 bytes: none. Case, '-', '_' and ' '
 * differences count as 0. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

#include "base/str.h"

size_t edit_distance(struct str a, struct str b, size_t give_up_above);
/* True: the words are equal, or differ by one letter that is missing, added, wrong, or swapped with its neighbour. For
 * comparisons with many names, hardly any of them similar: such a name costs some 20 instructions. */
bool is_slip_of(struct str word, struct str meant);

struct nearest {
    struct str word; /* what was written */
    struct str best; /* empty: none so far */
    size_t best_distance;
};

void nearest_init(struct nearest *nearest, struct str word);
void nearest_offer(struct nearest *nearest, struct str candidate);
void nearest_offer_words(struct nearest *nearest, struct str words, char separator);
/* The nearest of the words in `words`, between blanks; empty: none is near. */
struct str nearest_among(struct str word, const char *words);

#endif
