/* Memory for cJSON's nodes and texts: small pieces are kept for the next tree instead of going back
 * and forth to the heap (half of a command's allocations were JSON nodes). Per thread, bounded. With
 * sanitizers and BASE_ARENA_MALLOC every piece is a heap allocation of its own. */
#ifndef DATA_JSON_MEMORY_H
#define DATA_JSON_MEMORY_H

#include <stddef.h>

void *json_memory_alloc(size_t size); /* never NULL */
void json_memory_free(void *memory);  /* NULL is fine */

#endif
