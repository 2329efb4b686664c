#include "harness/shared.h"

#include <stdio.h>
#include <unistd.h>

#include "harness/cmocka.h"

const char *shared_path(const char *below)
{
    static char path[4096];

    if (VP_SHARED[0] == '\0') {
        print_message(
            "SKIPPED: %s is no part of the project; cmake -DVP_SHARED=FOLDER names the folder "
            "that holds it\n",
            below);
        skip();
    }
    assert_in_range(snprintf(path, sizeof(path), "%s/%s", VP_SHARED, below), 1, sizeof(path) - 1);
    if (access(path, R_OK) != 0) {
        fail_msg("%s cannot be read, though VP_SHARED is %s", path, VP_SHARED);
    }
    return path;
}
