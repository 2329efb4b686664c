#include "harness/wait.h"

#include <fcntl.h>
#include <sys/file.h>

#include "harness/client.h"
#include "harness/cmocka.h"

uint64_t wait_limit_ms(void)
{
    return client_patience_ms() + (uint64_t)UNTIL_MS * client_slowness();
}

void wait_more(uint64_t limit_ms, const char *condition, const char *file, int line)
{
    if (client_patience_ms() >= limit_ms) {
        print_error("waited in vain for: %s\n", condition);
        _fail(file, line);
    }
    client_pause_ms(WAIT_LOOK_MS);
}

void scratch_lock(void)
{
    static int fd = -1;

    if (fd < 0) {
        fd = open(VP_SCRATCH_DIR "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(flock(fd, LOCK_EX), 0);
    }
}
