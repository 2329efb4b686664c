#include "harness/rate.h"

#include <stdint.h>

#include "harness/client.h"
#include "harness/cmocka.h"
#include "harness/wait.h"

enum { OFF_PERCENT = 5, OFF = 3 };

/* When a refusal was asked for, and when it was there. */
struct refusal {
    uint64_t asked_ms, told_ms;
};

/* How many passed before the first refusal that is told at `until_ms` or later. */
static unsigned wait_refused(const struct rate_watch *watch, uint64_t until_ms,
                             struct refusal *refusal)
{
    uint64_t limit_ms = wait_limit_ms() + (uint64_t)watch->seconds * 1000;
    unsigned n_passed = 0;

    for (size_t n = 0;; n++) {
        bool is_refused;

        refusal->asked_ms = client_now_ms();
        is_refused = watch->is_refused(watch->arg, n);
        refusal->told_ms = client_now_ms();
        if (is_refused && refusal->told_ms >= until_ms) {
            return n_passed;
        }
        n_passed += is_refused ? 0 : 1;
        assert_true(client_patience_ms() < limit_ms); /* else nobody is refused at this rate */
    }
}

void rate_judge(const struct rate_watch *watch)
{
    struct refusal first;
    struct refusal last;
    uint64_t least;
    uint64_t most;
    unsigned n_passed;

    (void)wait_refused(watch, 0, &first); /* the burst is used up */
    n_passed = wait_refused(watch, first.told_ms + (uint64_t)watch->seconds * 1000, &last);
    least = (last.asked_ms - first.told_ms) * watch->per_second / 1000;
    most = (last.told_ms - first.asked_ms) * watch->per_second / 1000;
    print_message("%u passed, where %u a second are %llu to %llu\n", n_passed, watch->per_second,
                  (unsigned long long)least, (unsigned long long)most);
    assert_in_range(n_passed, least - least * OFF_PERCENT / 100 - OFF,
                    most + most * OFF_PERCENT / 100 + OFF);
}
