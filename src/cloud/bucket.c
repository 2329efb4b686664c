#include "cloud/bucket.h"

static void find_s3(const struct cloud *cloud, struct arena *arena, struct cloud_bucket *bucket,
                    struct error *err)
{
    struct str origin = cloud_aws_origin(cloud, arena, "s3", bucket->region, err);

    bucket->origin = origin;
    if (cloud_aws_is_elsewhere("s3") || str_find_char(bucket->name, '.') >= 0 || origin.len == 0) {
        bucket->path = arena_printf(arena, "/%.*s", STR_ARG(bucket->name));
        return;
    }
    bucket->path = STR_EMPTY;
    bucket->origin = arena_printf(arena, "https://%.*s.%.*s", STR_ARG(bucket->name),
                                  STR_ARG(str_sub(origin, strlen("https://"), origin.len)));
}

enum error_code cloud_bucket_find(const struct cloud *cloud, struct arena *arena,
                                  struct cloud_bucket *bucket, struct error *err)
{
    if (bucket->vendor == CLOUD_AWS) {
        find_s3(cloud, arena, bucket, err);
    } else {
        bucket->origin = cloud_google_origin(arena, "storage");
        bucket->path = arena_printf(arena, "/%.*s", STR_ARG(bucket->name));
    }
    return bucket->origin.len > 0 ? ERR_OK : ERR_CONFIG;
}

struct cloud_request cloud_bucket_put(const struct cloud_bucket *bucket, struct arena *arena,
                                      const struct cloud_object *object)
{
    return (struct cloud_request){
        .vendor = bucket->vendor,
        .service = bucket->vendor == CLOUD_AWS ? STR("s3") : STR_EMPTY,
        .region = bucket->region,
        .origin = bucket->origin,
        .method = STR("PUT"),
        .path = arena_printf(arena, "%.*s/%.*s", STR_ARG(bucket->path), STR_ARG(object->key)),
        .body = object->bytes,
        .body_sha256 = object->sha256,
        .content_type = object->type,
        .class = CALL_READ, /* the same bytes under the same name: it may be sent again */
    };
}
