/* What the files that join the parts of api share. */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include "api/gate/route.h"

const struct route_table *api_routes(void);

/* platforms.c: api->platforms */
struct api;

void platforms_open(struct api *api);
void platforms_configure(struct api *api);
void platforms_stop(struct api *api);
size_t platforms_n_running(const struct api *api);
void platforms_close_runs(struct api *api); /* first: runs hold lanes */
void platforms_close(struct api *api);

#endif
