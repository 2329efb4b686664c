/* s3://BUCKET[/FOLDER], gs://BUCKET[/FOLDER] and firestore://PROJECT/DATABASE/COLLECTION, taken apart. */
#include "config_internal.h"

enum { NAME_MIN = 3, NAME_MAX_BYTES = 63, FOLDER_MAX = 200 };

static const struct {
    const char *scheme;
    int kind;
} schemes[] = {
    {"s3://", CONFIG_S3},
    {"gs://", CONFIG_GCS},
    {"firestore://", CONFIG_FIRESTORE},
};

static int kind_of(struct str url, struct str *out_rest)
{
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (str_starts(url, str_from(schemes[i].scheme))) {
            *out_rest = str_sub(url, strlen(schemes[i].scheme), url.len);
            return schemes[i].kind;
        }
    }
    return CONFIG_NO_BUCKET;
}

bool bucket_is_meant(struct str url)
{
    struct str rest;

    return kind_of(url, &rest) != CONFIG_NO_BUCKET;
}

static bool is_name(struct str text)
{
    return text.len >= NAME_MIN && text.len <= NAME_MAX_BYTES && str_is_of(text, "A-Za-z0-9._-");
}

/* Without dot segments: they would lead elsewhere. */
static bool is_folder(struct str text)
{
    struct str rest = text;
    struct str segment;

    while (str_next(&rest, '/', &segment)) {
        if (str_is(segment, ".") || str_is(segment, "..")) {
            return false;
        }
    }
    return text.len <= FOLDER_MAX && str_is_of(text, "A-Za-z0-9._/-") &&
           !str_contains(text, STR("//"));
}

static const char *read_firestore(struct str rest, struct config_bucket *out)
{
    struct str parts[4];

    if (str_split(rest, '/', parts, 4) != 3 || !is_name(parts[0]) ||
        !str_is_of(parts[1], "A-Za-z0-9()-") || !str_is_of(parts[2], "A-Za-z0-9_-")) {
        return "is not firestore://PROJECT/DATABASE/COLLECTION, for example "
               "firestore://my-project/(default)/virtuoso-proxy";
    }
    out->bucket = parts[0];
    out->database = parts[1];
    out->folder = parts[2];
    return NULL;
}

const char *bucket_read(struct arena *arena, struct str url, struct config_bucket *out)
{
    struct str rest = STR_EMPTY;
    const char *fault = NULL;

    *out = (struct config_bucket){.kind = CONFIG_NO_BUCKET};
    switch (kind_of(arena_str(arena, url), &rest)) {
    case CONFIG_FIRESTORE:
        out->kind = CONFIG_FIRESTORE;
        return read_firestore(rest, out);
    case CONFIG_S3:
        out->kind = CONFIG_S3;
        break;
    default:
        out->kind = CONFIG_GCS;
        break;
    }
    (void)str_cut(rest, '/', &out->bucket, &out->folder);
    out->folder = str_without_end(out->folder, '/');
    if (!is_name(out->bucket)) {
        fault = "names no bucket: 3 to 63 letters, digits and ._-";
    } else if (!is_folder(out->folder)) {
        fault = "has a folder that is not made of letters, digits and ._-/";
    }
    return fault;
}
