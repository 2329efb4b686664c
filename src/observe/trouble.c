#include "observe/trouble.h"

#include "base/clock.h"
#include "base/str.h"

#define TROUBLE_ROW(id, name, effect) [TROUBLE_##id] = {name, effect, 0, {0}},
static struct trouble_state states[N_TROUBLES] = {TROUBLE_TABLE(TROUBLE_ROW)};
#undef TROUBLE_ROW

static unsigned n_now;
static unsigned n_failing[N_TROUBLES]; /* parts that fail: trouble_tell_of */

void trouble_tell(enum trouble trouble, const char *why)
{
    struct trouble_state *state = &states[trouble];

    if (why != NULL && state->since_wall_ms == 0) {
        state->since_wall_ms = clock_wall_ms();
        n_now++;
    } else if (why == NULL && state->since_wall_ms != 0) {
        state->since_wall_ms = 0;
        n_now--;
    }
    str_copy(state->why, sizeof(state->why), str_from(why != NULL ? why : ""));
}

void trouble_tell_of(enum trouble trouble, bool *fails, const char *why)
{
    if (*fails != (why != NULL)) {
        *fails = why != NULL;
        n_failing[trouble] += *fails ? 1U : -1U;
    }
    if (why != NULL || n_failing[trouble] == 0) {
        trouble_tell(trouble, why);
    }
}

const struct trouble_state *trouble_now(enum trouble trouble)
{
    return &states[trouble];
}

bool trouble_is_any(void)
{
    return n_now > 0;
}
