/* The files that `init` writes. All but the schema are copies of files in conf/ci, which can be read and
 * checked there. */
#include "cli/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/fd.h"
#include "catalog/catalog.h"
#include "testfile/guide.h"
#include "testfile/testfile.h"

enum { TEXT_MAX = 1024 * 1024, PATH_BYTES = 4096 };

extern const char cli_example_start[], cli_example_end[], cli_github_start[], cli_github_end[],
    cli_gitlab_start[], cli_gitlab_end[], cli_azure_start[], cli_azure_end[], cli_jenkins_start[],
    cli_jenkins_end[];

static const struct {
    const char *name;
    const char *path; /* where the system looks for it */
    const char *start;
    const char *end;
} systems[] = {
    {"github", ".github/workflows/virtuoso.yml", cli_github_start, cli_github_end},
    {"gitlab", "virtuoso.gitlab-ci.yml", cli_gitlab_start, cli_gitlab_end},
    {"azure", "azure-pipelines.yml", cli_azure_start, cli_azure_end},
    {"jenkins", "Jenkinsfile", cli_jenkins_start, cli_jenkins_end},
};

/* Folders above a path, each made if it is not there. */
static bool make_folders(const char *path)
{
    char part[PATH_BYTES];

    str_copy(part, sizeof(part), str_from(path));
    for (size_t i = 1; part[i] != '\0'; i++) {
        if (part[i] != '/') {
            continue;
        }
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST) {
            (void)fprintf(stderr, "virtuoso-proxy init: cannot make the folder %s: %s\n", part,
                          strerror(errno));
            return false;
        }
        part[i] = '/';
    }
    return true;
}

static bool write_new(const char *path, struct str text)
{
    int fd;
    bool ok;
    int error;

    if (!make_folders(path)) {
        return false;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST) {
        (void)fprintf(stderr, "virtuoso-proxy init: %s exists and is left as it is\n", path);
        return false;
    }
    ok = fd >= 0 && fd_write_all(fd, text);
    error = errno;
    if (fd >= 0 && close(fd) != 0 && ok) {
        ok = false;
        error = errno;
    }
    if (!ok) {
        if (fd >= 0) {
            (void)unlink(path); /* the next try would find a half-written file, and keep it */
        }
        (void)fprintf(stderr, "virtuoso-proxy init: cannot write %s: %s\n", path, strerror(error));
        return false;
    }
    (void)printf("wrote %s\n", path);
    return true;
}

static bool write_below(const char *folder, const char *name, struct str text)
{
    struct buf path;
    bool ok;

    buf_init(&path, PATH_BYTES);
    buf_printf(&path, "%s/%s", folder, name);
    ok = buf_ok(&path) && write_new(buf_cstr(&path), text);
    buf_done(&path);
    return ok;
}

/* The text with the folder of the tests in place of @DIR@. */
static bool write_system(size_t system, const char *folder)
{
    struct str rest = str_range(systems[system].start, systems[system].end);
    struct buf text;
    bool ok;

    buf_init(&text, TEXT_MAX);
    while (rest.len > 0) {
        ptrdiff_t at = str_find(rest, STR("@DIR@"));
        size_t n = at < 0 ? rest.len : (size_t)at;

        buf_append(&text, rest.ptr, n);
        buf_text(&text, at < 0 ? "" : folder);
        rest = str_sub(rest, at < 0 ? n : n + 5, rest.len);
    }
    ok = write_new(systems[system].path, buf_view(&text));
    buf_done(&text);
    return ok;
}

static bool find_system(const char *name, size_t *out)
{
    for (size_t i = 0; i < ARRAY_LEN(systems); i++) {
        if (str_is(str_from(name), systems[i].name)) {
            *out = i;
            return true;
        }
    }
    (void)fprintf(
        stderr, "virtuoso-proxy init: --ci must be github, gitlab, azure or jenkins, not \"%s\"\n",
        name);
    return false;
}

/* False: the reason was printed. The caller owns the buf in either case. */
static bool make_schema(const char *command, struct buf *out)
{
    struct catalog *catalog;
    struct dictionary *dictionary;
    struct error err = {0};

    buf_init(out, TEXT_MAX);
    if (catalog_new(&catalog, &err) != ERR_OK) {
        (void)fprintf(stderr, "virtuoso-proxy %s: %s\n", command, err.text);
        return false;
    }
    dictionary = dictionary_new(catalog);
    testfile_schema(dictionary, out);
    dictionary_free(dictionary);
    catalog_free(catalog);
    return true;
}

int cli_init(const char *folder, const char *ci)
{
    struct buf schema;
    struct buf below;
    size_t system = 0;
    bool ok = true;

    if (ci != NULL && !find_system(ci, &system)) {
        return EXIT_FAILURE;
    }
    /* The folder's name goes into shell commands of the CI files: only what needs no quotes there. */
    if (ci != NULL && (folder[0] == '-' || !str_is_only(str_from(folder), "A-Za-z0-9._/-"))) {
        (void)fprintf(stderr,
                      "virtuoso-proxy init: with --ci the folder may hold letters, digits and "
                      "._-/ only, not \"%s\"\n",
                      folder);
        return EXIT_FAILURE;
    }
    buf_init(&below, PATH_BYTES);
    buf_printf(&below, "%s/", folder);
    ok = buf_ok(&below) && make_folders(buf_cstr(&below)); /* once: what is wrong is told once */
    buf_done(&below);
    if (!ok || !make_schema("init", &schema)) {
        return EXIT_FAILURE;
    }
    ok = write_below(folder, "sign-in.yaml", str_range(cli_example_start, cli_example_end)) && ok;
    ok = write_below(folder, ".testfile.schema.json", buf_view(&schema)) && ok;
    ok = (ci == NULL || write_system(system, folder)) && ok;
    buf_done(&schema);
    if (ok) {
        (void)printf("next: virtuoso-proxy run --sandbox --wait %s/sign-in.yaml\n", folder);
    }
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int cli_schema(void)
{
    struct buf schema;
    bool ok;

    ok = make_schema("schema", &schema) && buf_ok(&schema) &&
         fwrite(schema.ptr, 1, schema.len, stdout) == schema.len;
    buf_done(&schema);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
