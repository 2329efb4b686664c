/* What the files that join the parts of api share. */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include "api/gate/route.h"

/* All rows of routes.c. */
const struct route *api_route_rows(size_t *out_n);
/* The rows of routes.c, ready for route_find; the caller frees the table with mem_free. */
struct route_table *api_routes_new(void);

#endif
