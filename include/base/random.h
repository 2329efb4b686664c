/* Randomness from the kernel (getrandom), buffered. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *out, size_t len);
uint64_t random_u64(void);
uint64_t random_below(uint64_t limit);       /* unbiased; limit > 0 */
void random_hex(char *out, size_t n_digits); /* lower case, no NUL */
void random_uuid(char out[37]);              /* version 4, NUL-terminated */
/* Test only: from here on everything is computed from `seed`, the same each time, until
 * random_release. */
void random_seed(uint64_t seed);
void random_release(void);

#endif
