/* What the files that join the parts of api share. */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include "api/gate/route.h"

const struct route_table *api_routes(void);

#endif
