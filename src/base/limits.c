/* Sources: cgroups(7), Documentation/admin-guide/cgroup-v2.rst of Linux. */
#include "base/limits.h"

#include <sched.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

enum { TEXT_MAX = 1024, PATH_BYTES_MAX = 1024 };

/* One line of the file at `path` below `root`; empty: there is no such file. */
static struct str read_line(const char *root, struct str path, char room[TEXT_MAX])
{
    char whole[PATH_BYTES_MAX];
    struct buf name;
    struct str text = STR_EMPTY;

    buf_init_on(&name, whole, sizeof(whole), sizeof(whole) - 1);
    buf_text(&name, root);
    buf_str(&name, path);
    if (buf_ok(&name)) {
        text = fd_read_kernel(buf_cstr(&name), room, TEXT_MAX);
    }
    buf_done(&name);
    return str_trim(text);
}

/* The folder of the process's group below /sys/fs/cgroup in v2; "": the root that the process sees. */
static struct str own_group(const char *root, char room[TEXT_MAX])
{
    struct str text = read_line(root, STR("/proc/self/cgroup"), room);
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

/* Calls `take` for the group and each group above it: the tightest limit counts. */
static void for_each_group(const char *root, const char *file,
                           void (*take)(struct str text, double *least), double *least)
{
    char room[TEXT_MAX];
    struct str group = own_group(root, room);

    for (;;) {
        char text[TEXT_MAX];
        struct buf path;

        buf_init(&path, PATH_BYTES_MAX - 1);
        buf_printf(&path, "/sys/fs/cgroup%.*s/%s", STR_ARG(group), file);
        take(read_line(root, buf_view(&path), text), least);
        buf_done(&path);
        if (group.len == 0) {
            return;
        }
        group.len = str_behind_last(group, '/');
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

static double read_number(const char *root, const char *path)
{
    char room[TEXT_MAX];
    double value = 0;

    return str_to_double(read_line(root, str_from(path), room), &value) ? value : 0;
}

double cpu_limit_cores_below(const char *root)
{
    cpu_set_t usable;
    double quota = read_number(root, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    double period = read_number(root, "/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    double cores = sched_getaffinity(0, sizeof(usable), &usable) == 0
                       ? (double)CPU_COUNT(&usable)
                       : (double)sysconf(_SC_NPROCESSORS_ONLN);

    for_each_group(root, "cpu.max", take_cpu, &cores);
    if (period > 0) {
        lower(quota / period, &cores);
    }
    return cores;
}

double cpu_limit_cores(void)
{
    return cpu_limit_cores_below("");
}

uint64_t memory_limit_bytes(void)
{
    double bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);

    for_each_group("", "memory.max", take_bytes, &bytes);
    lower(read_number("", "/sys/fs/cgroup/memory/memory.limit_in_bytes"), &bytes);
    return (uint64_t)bytes;
}

static uint64_t next_ms(struct str *text)
{
    enum { NS_PER_MS = 1000000 };

    struct str word;
    int64_t ns = 0;

    (void)str_cut(*text, ' ', &word, text);
    return str_to_i64(word, 0, INT64_MAX, &ns) ? (uint64_t)ns / NS_PER_MS : 0;
}

/* schedstat: "RAN WAITED SLICES", in nanoseconds; stat: "PID (NAME) STATE ...", and a name may hold anything. */
struct cpu_use cpu_use_of(int pid)
{
    char path[64];
    char room[TEXT_MAX];
    struct cpu_use use = {0};
    struct str text;

    text = fd_read_kernel(str_print(path, sizeof(path), "/proc/%d/schedstat", pid).ptr, room,
                          sizeof(room));
    use.ran_ms = next_ms(&text);
    use.waited_ms = next_ms(&text);
    text =
        fd_read_kernel(str_print(path, sizeof(path), "/proc/%d/stat", pid).ptr, room, sizeof(room));
    use.is_runnable = str_starts(str_sub(text, str_behind_last(text, ')'), text.len), STR(" R"));
    return use;
}
