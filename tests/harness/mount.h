/* A folder as Kubernetes mounts a ConfigMap or a Secret: NAME -> ..data/NAME, and ..data -> the folder of a
 * version, exchanged at once. Owner: the test; mount_close removes all of it. */
#ifndef HARNESS_MOUNT_H
#define HARNESS_MOUNT_H

#include "base/attr.h"
#include "harness/proxy.h"

enum { MOUNT_PATH_MAX = 512, MOUNT_FILES_MAX = 8 };

struct mount_file {
    const char *name;
    const char *text;
};

struct mount {
    char folder[MOUNT_PATH_MAX];
    char file[MOUNT_PATH_MAX]; /* the configuration in it: proxy.yaml */
    int version;
};

/* The folder with proxy.yaml alone. */
void mount_open(struct mount *mount, const char *config);
/* Another version of it. */
void mount_write(struct mount *mount, const char *config);
/* The same for a set of files, which take each other's place together; a name of NULL ends it. The first
 * mount_write_set or mount_write makes the folder. */
void mount_init(struct mount *mount);
void mount_write_set(struct mount *mount, const struct mount_file *files);
void mount_path(const struct mount *mount, const char *name, char out[MOUNT_PATH_MAX]);
void mount_close(struct mount *mount);
/* `serve -c` with its proxy.yaml; proxy_stop ends it. */
void mount_serve(const struct mount *mount, struct proxy *proxy);

/* Writes a file that a program may watch: the program sees the old text or the new one, and nothing between. */
void mount_replace(const char *path, struct str text);

void mount_format(char out[MOUNT_PATH_MAX], const char *text, ...) PRINTF_LIKE(2, 3);

#endif
