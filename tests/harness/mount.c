#include "harness/mount.h"

#include "harness/cmocka.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

void mount_format(char out[MOUNT_PATH_MAX], const char *text, ...)
{
    va_list args;
    int n;

    va_start(args, text);
    n = vsnprintf(out, MOUNT_PATH_MAX, text, args);
    va_end(args);
    assert_in_range(n, 1, MOUNT_PATH_MAX - 1);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void mount_replace(const char *path, struct str text)
{
    char part[MOUNT_PATH_MAX];

    mount_format(part, "%s.part", path);
    assert_true(fd_replace(path, part, text, 0600));
}

void mount_path(const struct mount *mount, const char *name, char out[MOUNT_PATH_MAX])
{
    mount_format(out, "%s/%s", mount->folder, name);
}

void mount_init(struct mount *mount)
{
    *mount = (struct mount){.version = 0};
    mount_format(mount->folder, VP_SCRATCH_DIR "/mount-XXXXXX");
    assert_non_null(mkdtemp(mount->folder));
    mount_path(mount, "proxy.yaml", mount->file);
}

/* NAME -> ..data/NAME */
static void link_file(const struct mount *mount, const char *name)
{
    char path[MOUNT_PATH_MAX];
    char target[MOUNT_PATH_MAX];

    mount_path(mount, name, path);
    mount_format(target, "..data/%s", name);
    if (access(path, F_OK) != 0) {
        assert_int_equal(symlink(target, path), 0);
    }
}

void mount_write_set(struct mount *mount, const struct mount_file *files)
{
    char version[MOUNT_PATH_MAX];
    char name[MOUNT_PATH_MAX];
    char link[MOUNT_PATH_MAX];
    char data[MOUNT_PATH_MAX];

    mount->version++;
    mount_format(version, "%s/..v%d", mount->folder, mount->version);
    assert_int_equal(mkdir(version, 0700), 0);
    for (const struct mount_file *file = files; file->name != NULL; file++) {
        mount_format(name, "%s/%s", version, file->name);
        write_text(name, file->text);
    }
    mount_format(link, "%s/..new%d", mount->folder, mount->version);
    assert_int_equal(symlink(strrchr(version, '/') + 1, link), 0);
    mount_path(mount, "..data", data);
    assert_int_equal(rename(link, data), 0);
    for (const struct mount_file *file = files; file->name != NULL; file++) {
        link_file(mount, file->name);
    }
}

void mount_write(struct mount *mount, const char *config)
{
    mount_write_set(mount, (const struct mount_file[]){{"proxy.yaml", config}, {NULL, NULL}});
}

void mount_open(struct mount *mount, const char *config)
{
    mount_init(mount);
    mount_write(mount, config);
}

static void remove_folder(const char *folder)
{
    char path[MOUNT_PATH_MAX];
    struct dirent *entry;
    DIR *dir = opendir(folder);

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        struct stat info;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        mount_format(path, "%s/%s", folder, entry->d_name);
        assert_int_equal(lstat(path, &info), 0);
        if (S_ISDIR(info.st_mode)) {
            remove_folder(path);
        } else {
            assert_int_equal(unlink(path), 0);
        }
    }
    assert_int_equal(closedir(dir), 0);
    assert_int_equal(rmdir(folder), 0);
}

void mount_close(struct mount *mount)
{
    remove_folder(mount->folder);
}

void mount_serve(const struct mount *mount, struct proxy *proxy)
{
    *proxy = (struct proxy){0};
    arena_init(&proxy->arena);
    reply_init(&proxy->reply);
    program_serve(&proxy->program, (const char *const[]){"serve", "-c", mount->file, NULL}, NULL);
    if (program_wrote(&proxy->program, "sandbox on http://")) { /* told before the listener */
        proxy->program.sandbox_port = program_wait_port(&proxy->program, "sandbox on http://");
    }
}
