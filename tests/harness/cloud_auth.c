#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/date.h"
#include "crypto/digest.h"
#include "crypto/signature.h"
#include "crypto/sigv4.h"
#include "data/json.h"
#include "data/query.h"
#include "harness/blocking.h"
#include "harness/cloud_child.h"

enum { HOUR_S = 3600, VALUE_MAX = 8192, SKEW_MS = 15 * 60 * 1000, PARTS = 5 };

#define JWT_GRANT "urn:ietf:params:oauth:grant-type:jwt-bearer"

/* --- given out */
static unsigned life_s(const struct cloud_child *child)
{
    return child->seen->life_s > 0 ? child->seen->life_s : HOUR_S;
}

static struct str end_of_life(struct cloud_request *request)
{
    struct buf text;

    buf_init(&text, 64);
    clock_format(&text, clock_wall_ms() + (int64_t)life_s(request->child) * 1000);
    return arena_take(request->arena, &text);
}

static void give_keys(struct cloud_request *request)
{
    unsigned n = ++request->child->seen->n_credentials;

    cloud_answer(
        request, 200,
        arena_printf(request->arena,
                     "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIA%u\",\"SecretAccessKey\":"
                     "\"secret/%u\",\"Token\":\"session+%u==\",\"Expiration\":\"%.*s\"}",
                     n, n, n, STR_ARG(end_of_life(request))));
}

static void give_role(struct cloud_request *request)
{
    unsigned n = ++request->child->seen->n_credentials;

    cloud_answer(
        request, 200,
        arena_printf(
            request->arena,
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
            "<SessionToken>session+%u==</SessionToken><SecretAccessKey>secret/%u</SecretAccessKey>"
            "<Expiration>%.*s</Expiration><AccessKeyId>ASIA%u</AccessKeyId></Credentials>"
            "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
            n, n, STR_ARG(end_of_life(request)), n));
}

static void give_token(struct cloud_request *request, const char *name)
{
    cloud_answer(request, 200,
                 arena_printf(request->arena, "{\"%s\":\"ya29.%u\",\"expires_in\":%u}", name,
                              ++request->child->seen->n_credentials, life_s(request->child)));
}

static struct str form(struct cloud_request *request, const char *name)
{
    struct str value = STR_EMPTY;

    (void)query_find(request->arena, request->body, name, &value);
    return value;
}

static void instance_token(struct cloud_request *request)
{
    if (str_is(request->method, "PUT") &&
        head_field(request->head, STR("X-aws-ec2-metadata-token-ttl-seconds")).len > 0) {
        cloud_answer(request, 200, STR("instance-token"));
    } else {
        cloud_answer(request, 405, STR_EMPTY);
    }
}

static bool has_instance_token(struct cloud_request *request)
{
    return str_is(head_field(request->head, STR("X-aws-ec2-metadata-token")), "instance-token");
}

static void instance_role(struct cloud_request *request)
{
    cloud_answer(request, has_instance_token(request) ? 200 : 401, STR("the-role\n"));
}

static void instance_keys(struct cloud_request *request)
{
    if (has_instance_token(request)) {
        give_keys(request);
    } else {
        cloud_answer(request, 401, STR_EMPTY);
    }
}

static void container_keys(struct cloud_request *request)
{
    if (str_is(head_field(request->head, STR("Authorization")), "container-token")) {
        give_keys(request);
    } else {
        cloud_answer(request, 401, STR_EMPTY);
    }
}

static void metadata_token(struct cloud_request *request)
{
    if (str_is(head_field(request->head, STR("Metadata-Flavor")), "Google")) {
        give_token(request, "access_token");
    } else {
        cloud_answer(request, 403, STR_EMPTY);
    }
}

/* The assertion that a service account signs: its claims, and its signature with the account's key. */
static bool is_good_assertion(struct cloud_request *request, struct str jwt)
{
    struct str parts[4];
    struct str claims = STR_EMPTY;
    struct str signature = STR_EMPTY;
    struct json *root = NULL;
    struct digest digest;
    int64_t exp = 0;
    int64_t iat = 0;

    if (str_split(jwt, '.', parts, 4) != 3 || request->child->key == NULL ||
        !base64url_decode(request->arena, parts[1], &claims) ||
        !base64url_decode(request->arena, parts[2], &signature) ||
        json_parse(request->arena, claims, NULL, &root, NULL) != ERR_OK) {
        return false;
    }
    digest_of(str_range(parts[0].ptr, parts[1].ptr + parts[1].len), &digest);
    return public_key_verify(request->child->key, SIGNATURE_RS256, &digest, signature) &&
           str_is(json_str(json_get(root, "iss")), "robot@project.example") &&
           str_ends(json_str(json_get(root, "aud")), STR("/token")) &&
           str_contains(json_str(json_get(root, "scope")), STR("cloud-platform")) &&
           json_to_i64(json_get(root, "iat"), &iat) && json_to_i64(json_get(root, "exp"), &exp) &&
           exp - iat <= HOUR_S;
}

static void account_token(struct cloud_request *request)
{
    if (str_is(form(request, "grant_type"), JWT_GRANT) &&
        is_good_assertion(request, form(request, "assertion"))) {
        give_token(request, "access_token");
    } else {
        cloud_answer(request, 400,
                     STR("{\"error\":\"invalid_grant\",\"error_description\":"
                         "\"Invalid JWT Signature.\"}"));
    }
}

static void exchange(struct cloud_request *request)
{
    if (str_is(form(request, "subject_token"), "token of somebody else") &&
        str_is(form(request, "audience"), "//iam.googleapis.com/pool")) {
        cloud_answer(request, 200, STR("{\"access_token\":\"federated\",\"expires_in\":3600}"));
    } else {
        cloud_answer(request, 400, STR("{\"error\":\"invalid_request\"}"));
    }
}

static void impersonate(struct cloud_request *request)
{
    if (str_is(head_field(request->head, STR("Authorization")), "Bearer federated")) {
        give_token(request, "accessToken");
    } else {
        cloud_answer(request, 401, STR_EMPTY);
    }
}

static const struct {
    const char *path;
    void (*give)(struct cloud_request *request);
} givers[] = {
    {"/instance/latest/api/token", instance_token},
    {"/instance/latest/meta-data/iam/security-credentials/", instance_role},
    {"/instance/latest/meta-data/iam/security-credentials/the-role", instance_keys},
    {"/container", container_keys},
    {"/computeMetadata/v1/instance/service-accounts/default/token", metadata_token},
    {"/token", account_token},
    {"/exchange", exchange},
    {"/impersonate", impersonate},
};

bool cloud_give_credentials(struct cloud_request *request)
{
    if (str_is(request->path, "/") && str_starts(request->body, STR("Action="))) {
        if (str_is(form(request, "WebIdentityToken"), "token of the pod") &&
            str_is(form(request, "RoleArn"), "arn:aws:iam::1:role/qa")) {
            give_role(request);
        } else {
            cloud_answer(request, 403,
                         STR("<ErrorResponse><Error><Code>AccessDenied</Code>"
                             "<Message>Not authorized</Message></Error></ErrorResponse>"));
        }
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(givers); i++) {
        if (str_is(request->path, givers[i].path)) {
            givers[i].give(request);
            return true;
        }
    }
    return false;
}

/* --- checked */
static bool refuse(struct cloud_request *request, int status, const char *code, const char *why)
{
    request->child->seen->n_refused++;
    str_copy(request->child->seen->refused, CLOUD_TEXT_MAX, str_from(why));
    cloud_refuse(request, status, code, why);
    return false;
}

/* The number behind the letters of an id, if it has been given out and not taken back. */
static bool is_given(const struct cloud_child *child, struct str digits)
{
    int64_t n;

    return str_to_i64(digits, 1, child->seen->n_credentials, &n) && n >= child->seen->oldest;
}

/* The secret key of an id; empty: it is not known (any more). */
static struct str key_of(struct cloud_request *request, struct str id)
{
    struct str digits = str_sub(id, 4, id.len);

    if (str_is(id, "AKIDSTATIC")) {
        return STR("static/secret+key");
    }
    return str_starts(id, STR("ASIA")) && is_given(request->child, digits)
               ? arena_printf(request->arena, "secret/%.*s", STR_ARG(digits))
               : STR_EMPTY;
}

static struct str between(struct str text, struct str from, char to)
{
    ptrdiff_t at = str_find(text, from);
    struct str head = STR_EMPTY;
    struct str rest;

    if (at >= 0) {
        (void)str_cut(str_sub(text, (size_t)at + from.len, text.len), to, &head, &rest);
    }
    return head;
}

/* The headers that are signed, with their values; false: one that has to be is not. */
static size_t signed_headers(struct cloud_request *request, struct str names,
                             struct sigv4_header *out)
{
    struct str name;
    size_t n = 0;
    bool has_host = false;
    bool has_date = false;

    while (n < SIGV4_HEADERS_MAX && str_next(&names, ';', &name)) {
        out[n++] = (struct sigv4_header){name, head_field(request->head, name)};
        has_host = has_host || str_is(name, "host");
        has_date = has_date || str_is(name, "x-amz-date");
    }
    return has_host && has_date ? n : 0;
}

/* "20150830T123600Z" */
static bool is_of_now(struct cloud_request *request, struct str date)
{
    int64_t then_ms = 0;
    struct str text =
        date.len == 16
            ? arena_printf(request->arena, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", date.ptr, date.ptr + 4,
                           date.ptr + 6, date.ptr + 9, date.ptr + 11, date.ptr + 13)
            : STR_EMPTY;

    return date_read(text, &then_ms) && llabs(clock_wall_ms() - then_ms) <= SKEW_MS;
}

static bool check_signature(struct cloud_request *request, struct str authorization)
{
    struct sigv4_header headers[SIGV4_HEADERS_MAX];
    struct str names = between(authorization, STR("SignedHeaders="), ',');
    struct str parts[PARTS + 1];
    struct str token = head_field(request->head, STR("x-amz-security-token"));
    struct str hash = head_field(request->head, STR("x-amz-content-sha256"));
    struct sigv4 want = {.method = request->method, .path = request->path, .query = request->query};
    struct digest digest;
    struct buf value;
    char hex[65];
    bool good;

    if (str_split(between(authorization, STR("Credential="), ','), '/', parts, PARTS + 1) !=
        PARTS) {
        return refuse(request, 400, "IncompleteSignature", "no scope of five parts");
    }
    digest_of(request->body, &digest);
    digest_hex(&digest, hex);
    want.key_id = parts[0];
    want.secret_key = key_of(request, parts[0]);
    want.region = parts[2];
    want.service = parts[3];
    want.date = head_field(request->head, STR("x-amz-date"));
    want.payload_hash = str_from(hex);
    want.headers = headers;
    want.n_headers = signed_headers(request, names, headers);
    if (want.secret_key.len == 0) {
        return refuse(request, 403, token.len > 0 ? "ExpiredToken" : "InvalidAccessKeyId",
                      "the id of the key is not known any more");
    }
    if (want.n_headers == 0 || !is_of_now(request, want.date)) {
        return refuse(request, 403, "SignatureDoesNotMatch", "host or date are not signed, or old");
    }
    if (hash.len > 0 && !str_is(hash, hex)) {
        return refuse(request, 400, "XAmzContentSHA256Mismatch", "the digest is not the body's");
    }
    if (str_starts(parts[0], STR("ASIA")) &&
        (!str_contains(names, STR("x-amz-security-token")) ||
         !str_eq(token, arena_printf(request->arena, "session+%.*s==",
                                     STR_ARG(str_sub(parts[0], 4, parts[0].len)))))) {
        return refuse(request, 403, "InvalidToken", "not the token of this session, or not signed");
    }
    buf_init(&value, VALUE_MAX);
    sigv4_authorize(&want, &value);
    good = str_eq(buf_view(&value), authorization);
    buf_done(&value);
    request->service = want.service;
    return good || refuse(request, 403, "SignatureDoesNotMatch", "another signature is right");
}

bool cloud_check(struct cloud_request *request)
{
    struct str authorization = head_field(request->head, STR("Authorization"));

    if (str_starts(authorization, STR("AWS4-HMAC-SHA256 "))) {
        return check_signature(request, authorization);
    }
    if (str_starts(authorization, STR("Bearer ya29.")) &&
        is_given(request->child, str_sub(authorization, 12, authorization.len))) {
        request->service = STR("google");
        return true;
    }
    return refuse(request, 401, "UNAUTHENTICATED", "no token that is good");
}
