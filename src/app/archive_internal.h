/* What the files of the archive share. archive.c takes a run from step to step, archive_work.c works in a thread. */
#ifndef APP_ARCHIVE_INTERNAL_H
#define APP_ARCHIVE_INTERNAL_H

#include "api/tests/run_text.h"
#include "cloud/bucket.h"
#include "data/artifact.h"
#include "data/json.h"
#include "parts.h"

enum {
    ARCHIVE_PICTURES_MAX = 1000,
    ARCHIVE_PICTURE_BYTES = 4 * 1024 * 1024,
    ARCHIVE_REPORT_BYTES = 128 * 1024 * 1024,
    ARCHIVE_HEX = 65
};

/* A screenshot of a step. */
struct archive_picture {
    struct json *node; /* its address in the tree of the run */
    struct str url;
    struct str name; /* "1-3.png" */
    bool is_there;
};

/* A report or a screenshot that is put to artifacts.url. */
struct archive_item {
    struct str name; /* below the folder of the run */
    struct str type;
    struct buf bytes;
    char sha256[ARCHIVE_HEX];
};

/* A run whose reports are made and stored. It outlives a cancel while a thread works on it. */
struct archive_job {
    struct archive *archive;
    bool is_cancelled;
    uv_work_t work;
    void (*then)(struct archive_job *job); /* after the thread */
    bool in_thread;
    char id[ARTIFACTS_ID_MAX];
    struct run_text *text;
    struct arena arena;    /* of the tree */
    struct arena requests; /* of the request that is on its way */
    struct str json;
    struct json *run;
    bool wants_pictures;
    struct archive_picture *pictures;
    size_t n_pictures, picture;
    unsigned n_misses; /* screenshots in a row that did not come */
    struct archive_item items[ARTIFACT_N];
    size_t n_items, item;
    struct archive_item shot; /* the screenshot in hand */
    struct archive_item *at;  /* the item that is stored now */
    void (*stored)(struct archive_job *job);
    struct cloud_call call;
    struct str folder; /* of a file system; empty: a bucket */
    struct str link;   /* of the folder of the run */
    struct error error;
    bool is_refused; /* another try would end the same way */
};

/* archive_work.c: in a thread */
void archive_read(struct archive_job *job);  /* text to tree, and the screenshots in it */
void archive_write(struct archive_job *job); /* tree to reports */
void archive_store(struct archive_job *job); /* `at`: its digest; or the file itself */

#endif
