/* Sources: cgroups(7), Documentation/admin-guide/cgroup-v2.rst of Linux. */
#include "base/limits.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "base/buf.h"

enum { TEXT_MAX = 1024, PATH_BYTES_MAX = 1024 };

/* One line; empty: there is no such file. */
static struct str read_line(const char *path, char room[TEXT_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, room, TEXT_MAX) : -1;
    struct str line = {room, n > 0 ? (size_t)n : 0};

    if (fd >= 0) {
        (void)close(fd);
    }
    return str_trim(line);
}

/* The group's folder below /sys/fs/cgroup in v2: "" for the root of what is seen. */
static struct str own_group(char room[TEXT_MAX])
{
    struct str text = read_line("/proc/self/cgroup", room);
    struct str line;

    while (str_cut(text, '\n', &line, &text) || line.len > 0) {
        if (str_starts(line, STR("0::/"))) {
            line = str_sub(line, 3, line.len);
            return str_is(line, "/") ? STR_EMPTY : line;
        }
        if (text.len == 0) {
            break;
        }
    }
    return STR_EMPTY;
}

/* Calls for the group and each one above it: the tightest limit counts. */
static void for_each_group(const char *file, void (*take)(struct str text, double *least),
                           double *least)
{
    char room[TEXT_MAX];
    struct str group = own_group(room);

    for (;;) {
        char text[TEXT_MAX];
        char path[PATH_BYTES_MAX];
        struct buf name;

        buf_init(&name, PATH_BYTES_MAX - 1);
        buf_printf(&name, "/sys/fs/cgroup%.*s/%s", STR_ARG(group), file);
        str_copy(path, sizeof(path), buf_view(&name));
        buf_done(&name);
        take(read_line(path, text), least);
        if (group.len == 0) {
            return;
        }
        while (group.len > 0 && group.ptr[group.len - 1] != '/') {
            group.len--;
        }
        group.len -= group.len > 0 ? 1 : 0;
    }
}

static void lower(double value, double *least)
{
    *least = value > 0 && value < *least ? value : *least;
}

/* "QUOTA PERIOD" in microseconds; "max" is no quota. */
static void take_cpu(struct str text, double *least)
{
    struct str quota = STR_EMPTY;
    struct str period = STR_EMPTY;
    double used = 0;
    double of = 0;

    (void)str_cut(text, ' ', &quota, &period);
    if (str_to_double(quota, &used) && str_to_double(period, &of) && of > 0) {
        lower(used / of, least);
    }
}

static void take_bytes(struct str text, double *least)
{
    double bytes = 0;

    if (str_to_double(text, &bytes)) {
        lower(bytes, least);
    }
}

static double read_number(const char *path)
{
    char room[TEXT_MAX];
    double value = 0;

    return str_to_double(read_line(path, room), &value) ? value : 0;
}

double cpu_limit_cores(void)
{
    cpu_set_t usable;
    double quota = read_number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    double period = read_number("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    double cores = sched_getaffinity(0, sizeof(usable), &usable) == 0
                       ? (double)CPU_COUNT(&usable)
                       : (double)sysconf(_SC_NPROCESSORS_ONLN);

    for_each_group("cpu.max", take_cpu, &cores);
    if (period > 0) {
        lower(quota / period, &cores);
    }
    return cores;
}

uint64_t memory_limit_bytes(void)
{
    double bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);

    for_each_group("memory.max", take_bytes, &bytes);
    lower(read_number("/sys/fs/cgroup/memory/memory.limit_in_bytes"), &bytes);
    return (uint64_t)bytes;
}
