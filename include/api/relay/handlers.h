/* Handler of direct access, for the route table. */
#ifndef API_RELAY_HANDLERS_H
#define API_RELAY_HANDLERS_H

#include "api/gate/route.h"

handler handle_relay;

#endif
