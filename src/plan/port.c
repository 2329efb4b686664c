/* The real network of a plan; tests have ports of their own. */
#include "plan_internal.h"

static enum error_code start_upstream(void *context, struct upstream_call *call, struct error *err)
{
    return upstream_start(context, call, err);
}

static void cancel_upstream(void *context, struct upstream_call *call)
{
    (void)context;
    upstream_cancel(call);
}

struct plan_port plan_port_of_upstream(struct upstream *upstream, struct loop *loop)
{
    return (struct plan_port){
        .start = start_upstream,
        .cancel = cancel_upstream,
        .context = upstream,
        .loop = loop,
        .deadlines = upstream_deadlines(upstream),
        .later = upstream_later(upstream),
    };
}
