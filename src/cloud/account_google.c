/* Tokens of Google: by the file that GOOGLE_APPLICATION_CREDENTIALS names, else from the metadata server. */
#include "base/base64.h"
#include "base/clock.h"
#include "base/json_form.h"
#include "cloud_internal.h"
#include "crypto/signing_key.h"
#include "data/json.h"

#define SCOPE         "https://www.googleapis.com/auth/cloud-platform"
#define METADATA_HOST "metadata.google.internal"
#define METADATA_PATH "/computeMetadata/v1/instance/service-accounts/default/token"
#define TOKEN_URL     "https://oauth2.googleapis.com/token"

#define TOKEN_ENDPOINT "the token endpoint" /* in errors */

enum { JWT_MAX = 16 * 1024, MS_PER_S = 1000, LIFE_S = 3600, LIFE_MAX_S = 24 * 3600 };

static struct json *parsed(struct account *account, struct str text, const char *what)
{
    struct json *root = NULL;
    struct error err = {0};

    if (json_parse(&account->arena, text, NULL, &root, &err) != ERR_OK) {
        account_fail(account, "%s is no JSON: %s", what, err.text);
        return NULL;
    }
    return root;
}

static void take(struct account *account, struct str token, int64_t life_s)
{
    if (token.len == 0 || life_s < 1 || life_s > LIFE_MAX_S) {
        account_fail(account, "the answer holds no token, or not how long it is good");
        return;
    }
    secret_set(&account->token, token);
    account->until_ms = clock_wall_ms() + life_s * MS_PER_S;
    account_finish(account);
}

/* {"access_token": "...", "expires_in": 3599}: from the metadata server and from the token endpoint. */
static void take_answer(struct account *account)
{
    struct json *root = parsed(account, account->call.reply.body, "the answer");

    if (root != NULL) {
        take(account, json_str(json_get(root, "access_token")),
             json_get_int(root, "expires_in", 0));
    }
}

/* --- the metadata server */
static void read_metadata(struct account *account)
{
    static const struct upstream_header header = {STR_INIT("Metadata-Flavor"), STR_INIT("Google")};
    struct str host = cloud_variable("GCE_METADATA_HOST");
    const struct account_question question = {
        .what = "GOOGLE_APPLICATION_CREDENTIALS is not set, and the metadata server",
        .method = "GET",
        .url = arena_printf(&account->arena, "http://%.*s" METADATA_PATH,
                            STR_ARG(host.len > 0 ? host : STR(METADATA_HOST))),
        .headers = &header,
        .n_headers = 1,
        .is_direct = true,
    };

    account_ask(account, &question, take_answer);
}

/* --- the key of a service account: a token that we sign is exchanged */
static void write_claims(struct buf *out, const struct json *file, struct str endpoint)
{
    int64_t now_s = clock_wall_ms() / MS_PER_S;
    struct json_writer w;

    jw_init(&w, out);
    jw_form(&w, "{iss:%s, scope:%s, aud:%s, iat:%i, exp:%i}",
            json_str(json_get(file, "client_email")), STR(SCOPE), endpoint, now_s, now_s + LIFE_S);
}

static void write_header(struct buf *out, const struct json *file)
{
    struct json_writer w;

    jw_init(&w, out);
    jw_form(&w, "{alg:'RS256', typ:'JWT', kid:%s}", json_str(json_get(file, "private_key_id")));
}

/* header.claims.signature (RFC 7523); empty: account_fail was called. */
static struct str make_assertion(struct account *account, const struct json *file,
                                 struct str endpoint)
{
    struct signing_key *key = NULL;
    struct error err = {0};
    struct buf plain;
    struct buf jwt;
    struct str made = STR_EMPTY;

    buf_init(&plain, JWT_MAX);
    buf_init(&jwt, JWT_MAX);
    write_header(&plain, file);
    base64url_encode(&jwt, buf_view(&plain));
    buf_clear(&plain);
    write_claims(&plain, file, endpoint);
    buf_char(&jwt, '.');
    base64url_encode(&jwt, buf_view(&plain));
    buf_clear(&plain);
    if (signing_key_read(json_str(json_get(file, "private_key")), &key, &err) != ERR_OK ||
        signing_key_rs256(key, buf_view(&jwt), &plain, &err) != ERR_OK) {
        account_fail(account, "private_key in GOOGLE_APPLICATION_CREDENTIALS: %s", err.text);
    } else {
        buf_char(&jwt, '.');
        base64url_encode(&jwt, buf_view(&plain));
        made = arena_str(&account->arena, buf_view(&jwt));
    }
    signing_key_free(key);
    buf_done(&plain);
    buf_done(&jwt);
    return made;
}

static void read_service_account(struct account *account, const struct json *file)
{
    struct str endpoint = json_str(json_get(file, "token_uri"));
    struct account_question question = {.what = TOKEN_ENDPOINT,
                                        .method = "POST",
                                        .content_type = STR("application/x-www-form-urlencoded")};
    struct str assertion;

    endpoint = endpoint.len > 0 ? endpoint : STR(TOKEN_URL);
    assertion = make_assertion(account, file, endpoint);
    if (assertion.len == 0) {
        return;
    }
    question.url = endpoint;
    question.body = arena_printf(
        &account->arena,
        "grant_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Agrant-type%%3Ajwt-bearer&assertion=%.*s",
        STR_ARG(assertion));
    account_ask(account, &question, take_answer);
}

/* --- an identity of another provider (workload identity federation): its token is exchanged at the security token
 * service (RFC 8693), and the result, if the file says so, for a token of a service account */
static void on_impersonated(struct account *account)
{
    struct json *root = parsed(account, account->call.reply.body, "the answer");

    if (root != NULL) {
        take(account, json_str(json_get(root, "accessToken")), LIFE_S);
    }
}

static void on_exchanged(struct account *account)
{
    struct upstream_header *header = arena_calloc(&account->arena, 1, sizeof(*header));
    struct account_question question = {
        .what = "service_account_impersonation_url",
        .method = "POST",
        .url = account->kept,
        .headers = header,
        .n_headers = 1,
        .body = STR("{\"scope\":[\"" SCOPE "\"],\"lifetime\":\"3600s\"}"),
        .content_type = STR("application/json"),
    };
    struct json *root;

    if (account->kept.len == 0) {
        take_answer(account);
        return;
    }
    root = parsed(account, account->call.reply.body, "the answer");
    if (root != NULL) {
        *header = (struct upstream_header){
            STR("Authorization"), arena_printf(&account->arena, "Bearer %.*s",
                                               STR_ARG(json_str(json_get(root, "access_token"))))};
        account_ask(account, &question, on_impersonated);
    }
}

/* The token stands in a file as it is, or as a member of JSON. */
static struct str subject_token(struct account *account, const struct json *file)
{
    const struct json *source = json_get(file, "credential_source");
    struct str member = json_str(json_find(source, "/format/subject_token_field_name"));
    struct str path = json_str(json_get(source, "file"));
    struct str text;
    struct json *root;

    if (path.len == 0) {
        account_fail(account, "credential_source in GOOGLE_APPLICATION_CREDENTIALS: only \"file\" "
                              "is supported");
        return STR_EMPTY;
    }
    text = account_file(account, path, "credential_source");
    if (text.len == 0 || member.len == 0) {
        return text;
    }
    root = parsed(account, text, "the token of credential_source");
    text = json_str(json_get_str(root, member));
    if (root != NULL && text.len == 0) {
        account_fail(account, "the token of credential_source has no member \"%.*s\"",
                     STR_ARG(member));
    }
    return text;
}

static void read_external(struct account *account, const struct json *file)
{
    struct str subject = subject_token(account, file);
    struct account_question question = {.what = TOKEN_ENDPOINT,
                                        .method = "POST",
                                        .content_type = STR("application/x-www-form-urlencoded")};

    if (subject.len == 0) {
        return;
    }
    account->kept = json_str(json_get(file, "service_account_impersonation_url"));
    question.url = json_str(json_get(file, "token_url"));
    question.body = arena_printf(
        &account->arena,
        "grant_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Agrant-type%%3Atoken-exchange&"
        "requested_token_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Atoken-type%%3Aaccess_token&"
        "audience=%.*s&scope=%.*s&subject_token_type=%.*s&subject_token=%.*s",
        STR_ARG(account_url_part(account, json_str(json_get(file, "audience")))),
        STR_ARG(account_url_part(account, STR(SCOPE))),
        STR_ARG(account_url_part(account, json_str(json_get(file, "subject_token_type")))),
        STR_ARG(account_url_part(account, subject)));
    account_ask(account, &question, on_exchanged);
}

/* --- which one */
static const struct kind {
    const char *type;
    void (*read)(struct account *account, const struct json *file);
} kinds[] = {
    {"service_account", read_service_account},
    {"external_account", read_external},
};

void account_read_google(struct account *account)
{
    struct str path = cloud_variable("GOOGLE_APPLICATION_CREDENTIALS");
    struct str text;
    struct json *file;
    const struct kind *kind;
    struct str type;

    if (path.len == 0) {
        read_metadata(account);
        return;
    }
    text = account_file(account, path, "GOOGLE_APPLICATION_CREDENTIALS");
    file =
        text.len > 0 ? parsed(account, text, "the file of GOOGLE_APPLICATION_CREDENTIALS") : NULL;
    if (file == NULL) {
        return;
    }
    type = json_str(json_get(file, "type"));
    kind = ROW_NAMED(type, kinds);
    if (kind != NULL) {
        kind->read(account, file);
        return;
    }
    account_fail(account,
                 "the file of GOOGLE_APPLICATION_CREDENTIALS is of the type \"%.*s\"; known are "
                 "service_account and external_account",
                 STR_ARG(str_sub(type, 0, 40)));
}
