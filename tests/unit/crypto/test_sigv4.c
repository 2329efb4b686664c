/* Examples that AWS has published: of its General Reference, of the S3 API Reference ("Signature Calculations"), and of its
 * test suite. tests/contract holds the same code to two other implementations. */
#include "harness/cmocka.h"

#include <string.h>

#include "base/buf.h"
#include "crypto/sigv4.h"

int test_sigv4(void);

#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define S3_HOST                                                                                    \
    {                                                                                              \
        STR_INIT("Host"), STR_INIT("examplebucket.s3.amazonaws.com")                               \
    }
#define S3_DATE                                                                                    \
    {                                                                                              \
        STR_INIT("x-amz-date"), STR_INIT("20130524T000000Z")                                       \
    }

static const struct {
    const char *method;
    const char *path;
    const char *query;
    const char *service;
    const char *hash;
    struct sigv4_header headers[6];
    const char *signature;
} examples[] = {
    {"GET",
     "/",
     "Action=ListUsers&Version=2010-05-08",
     "iam",
     EMPTY_HASH,
     {{STR_INIT("content-type"), STR_INIT("application/x-www-form-urlencoded; charset=utf-8")},
      {STR_INIT("host"), STR_INIT("iam.amazonaws.com")},
      {STR_INIT("x-amz-date"), STR_INIT("20150830T123600Z")}},
     "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
    {"GET",
     "/",
     "",
     "service",
     EMPTY_HASH,
     {{STR_INIT("Host"), STR_INIT("example.amazonaws.com")},
      {STR_INIT("X-Amz-Date"), STR_INIT("20150830T123600Z")}},
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"GET",
     "/test.txt",
     "",
     "s3",
     EMPTY_HASH,
     {S3_HOST,
      {STR_INIT("Range"), STR_INIT("bytes=0-9")},
      {STR_INIT("x-amz-content-sha256"), STR_INIT(EMPTY_HASH)},
      S3_DATE},
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"PUT",
     "/test%24file.text",
     "",
     "s3",
     "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
     {{STR_INIT("Date"), STR_INIT("Fri, 24 May 2013 00:00:00 GMT")},
      S3_HOST,
      {STR_INIT("x-amz-content-sha256"),
       STR_INIT("44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072")},
      S3_DATE,
      {STR_INIT("x-amz-storage-class"), STR_INIT("  REDUCED_REDUNDANCY ")}},
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"GET",
     "/",
     "lifecycle",
     "s3",
     EMPTY_HASH,
     {S3_HOST, S3_DATE, {STR_INIT("x-amz-content-sha256"), STR_INIT(EMPTY_HASH)}},
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"GET",
     "/",
     "prefix=J&max-keys=2",
     "s3",
     EMPTY_HASH,
     {S3_HOST, S3_DATE, {STR_INIT("x-amz-content-sha256"), STR_INIT(EMPTY_HASH)}},
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static void examples_have_their_signature(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        bool is_s3 = strcmp(examples[i].service, "s3") == 0;
        struct sigv4 request = {
            .method = str_from(examples[i].method),
            .path = str_from(examples[i].path),
            .query = str_from(examples[i].query),
            .headers = examples[i].headers,
            .payload_hash = str_from(examples[i].hash),
            .region = STR("us-east-1"),
            .service = str_from(examples[i].service),
            .key_id = is_s3 ? STR("AKIAIOSFODNN7EXAMPLE") : STR("AKIDEXAMPLE"),
            .secret_key = is_s3 ? STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
                                : STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            .date = is_s3 ? STR("20130524T000000Z") : STR("20150830T123600Z"),
        };
        struct buf value;

        while (request.n_headers < 6 && request.headers[request.n_headers].name.len > 0) {
            request.n_headers++;
        }
        buf_init(&value, 4096);
        sigv4_authorize(&request, &value);
        assert_true(str_ends(buf_view(&value), str_from(examples[i].signature)));
        assert_true(str_starts(buf_view(&value), STR("AWS4-HMAC-SHA256 Credential=AKI")));
        buf_done(&value);
    }
}

static void a_date_is_written_in_utc(void **state)
{
    char date[SIGV4_DATE_SIZE];

    (void)state;
    sigv4_date(INT64_C(1440938160999), date);
    assert_string_equal(date, "20150830T123600Z");
}

int test_sigv4(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_have_their_signature),
        cmocka_unit_test(a_date_is_written_in_utc),
    };

    return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
