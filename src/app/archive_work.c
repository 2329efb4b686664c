#include <errno.h>
#include <string.h>

#include "archive_internal.h"
#include "base/date.h"
#include "base/fd.h"
#include "cli/run_report.h"
#include "crypto/digest.h"

enum { FILE_MODE = 0640 };

static void fail(struct archive_job *job, const char *what, const char *why)
{
    (void)error_set(&job->error, ERR_IO, "%s: %s", what, why);
}

/* --- the run */
static void note_picture(struct archive_job *job, const struct json *step, size_t test,
                         size_t index)
{
    const struct json *node = json_get(step, "screenshot");
    struct str url = json_str(node);

    if (url.len > 0 && job->n_pictures < ARCHIVE_PICTURES_MAX) {
        job->pictures[job->n_pictures++] = (struct archive_picture){
            .node = unconst(node),
            .url = url,
            .name = arena_printf(&job->arena, "%zu-%zu.png", test, index),
        };
    }
}

static void find_pictures(struct archive_job *job)
{
    const struct json *test;
    const struct json *step;
    size_t n_tests = 0;

    job->pictures = arena_calloc(&job->arena, ARCHIVE_PICTURES_MAX, sizeof(*job->pictures));
    JSON_FOREACH (test, json_get(job->run, "tests")) {
        size_t n_steps = 0;

        n_tests++;
        JSON_FOREACH (step, json_get(test, "steps")) {
            note_picture(job, step, n_tests, ++n_steps);
        }
    }
}

void archive_read(struct archive_job *job)
{
    struct error err = {0};

    if (json_parse(&job->arena, job->json, &json_of_ours, &job->run, &err) != ERR_OK) {
        fail(job, "the report of the run", err.text);
        job->is_refused = true;
    } else if (job->wants_pictures) {
        find_pictures(job);
    }
}

/* --- its reports */
/* Puts stored screenshots into the tree: as links for the JSON; for the other reports as names of files beside them,
 * which are right wherever the folder is shown. */
static void show_pictures(struct archive_job *job, bool by_link)
{
    for (size_t i = 0; i < job->n_pictures; i++) {
        const struct archive_picture *picture = &job->pictures[i];

        if (picture->is_there) {
            json_put_text(picture->node, &job->arena,
                          by_link ? arena_printf(&job->arena, "%.*s/%.*s", STR_ARG(job->link),
                                                 STR_ARG(picture->name))
                                  : picture->name);
        }
    }
}

static struct buf *begin_item(struct archive_job *job, enum artifact artifact)
{
    struct archive_item *item = &job->items[job->n_items++];

    item->name = str_from(artifact_file(artifact));
    item->type = str_from(artifact_type(artifact));
    buf_init(&item->bytes, ARCHIVE_REPORT_BYTES);
    return &item->bytes;
}

void archive_write(struct archive_job *job)
{
    struct run_report report = {.run = job->run, .shows_pictures = true};

    (void)!date_read(json_str(json_get(job->run, "created_at")), &report.began_wall_ms);
    show_pictures(job, true);
    json_print(begin_item(job, ARTIFACT_JSON), job->run);
    show_pictures(job, false);
    run_report_junit(&report, begin_item(job, ARTIFACT_JUNIT));
    run_report_html(&report, begin_item(job, ARTIFACT_HTML));
    for (size_t i = 0; i < job->n_items; i++) {
        if (!buf_ok(&job->items[i].bytes)) {
            fail(job, artifact_file((enum artifact)i), "it is too long");
            job->is_refused = true;
        }
    }
}

/* --- one file of them */
static void store_file(struct archive_job *job)
{
    struct str path = arena_printf(&job->requests, "%.*s/%s/%.*s", STR_ARG(job->folder), job->id,
                                   STR_ARG(job->at->name));
    struct str part = arena_printf(&job->requests, "%.*s.part", STR_ARG(path));

    if (!fd_replace(path.ptr, part.ptr, buf_view(&job->at->bytes), FILE_MODE)) {
        fail(job, path.ptr, strerror(errno));
    }
}

void archive_store(struct archive_job *job)
{
    struct digest digest;

    if (job->folder.len > 0) {
        store_file(job);
        return;
    }
    digest_of(buf_view(&job->at->bytes), &digest);
    digest_hex(&digest, job->at->sha256);
}
