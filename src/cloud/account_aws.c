/* Credentials of AWS, from the first of these places that the environment names; the last one is asked without being named. */
#include "base/date.h"
#include "base/host.h"
#include "base/url.h"
#include "cloud/xml.h"
#include "cloud_internal.h"
#include "data/json.h"

#define CONTAINER_HOST "http://169.254.170.2"
#define INSTANCE_HOST  "http://169.254.169.254"
#define INSTANCE_V6    "http://[fd00:ec2::254]"
#define ROLES_PATH     "/latest/meta-data/iam/security-credentials/"
#define ASSUME_ROLE    "AssumeRoleWithWebIdentity"

static void take(struct account *account, struct str id, struct str key, struct str token,
                 struct str end)
{
    int64_t until_ms = INT64_MAX;

    if (id.len == 0 || key.len == 0 || (end.len > 0 && !date_read(end, &until_ms))) {
        account_fail(account, "what was told is not complete");
        return;
    }
    secret_set(&account->key_id, id);
    secret_set(&account->secret_key, key);
    secret_set(&account->token, token);
    account->until_ms = until_ms;
    account_finish(account);
}

/* Takes credentials from the JSON of the endpoints of containers and instances. */
static void take_json(struct account *account)
{
    struct json *root = NULL;
    struct error err = {0};

    if (json_parse(&account->arena, account->call.reply.body, NULL, &root, &err) != ERR_OK) {
        account_fail(account, "what was told is no JSON: %s", err.text);
        return;
    }
    take(account, json_str(json_get(root, "AccessKeyId")),
         json_str(json_get(root, "SecretAccessKey")), json_str(json_get(root, "Token")),
         json_str(json_get(root, "Expiration")));
}

/* --- the environment */
static void read_environment(struct account *account)
{
    take(account, cloud_variable("AWS_ACCESS_KEY_ID"), cloud_variable("AWS_SECRET_ACCESS_KEY"),
         cloud_variable("AWS_SESSION_TOKEN"), STR_EMPTY);
}

/* --- a token of Kubernetes, for a role (EKS) */
static void on_role(struct account *account)
{
    struct arena *arena = &account->arena;
    struct str xml = account->call.reply.body;
    struct str credentials;

    if (xml_next(&xml, "Credentials", &credentials)) {
        take(account, xml_text(arena, credentials, "AccessKeyId"),
             xml_text(arena, credentials, "SecretAccessKey"),
             xml_text(arena, credentials, "SessionToken"),
             xml_text(arena, credentials, "Expiration"));
    } else {
        account_fail(account, ASSUME_ROLE ": the answer holds none");
    }
}

static void read_web_identity(struct account *account)
{
    struct str session = cloud_variable("AWS_ROLE_SESSION_NAME");
    struct str token = account_file(account, cloud_variable("AWS_WEB_IDENTITY_TOKEN_FILE"),
                                    "AWS_WEB_IDENTITY_TOKEN_FILE");
    struct error err = {0};
    struct str origin;
    struct account_question question = {.what = ASSUME_ROLE,
                                        .method = "POST",
                                        .content_type = STR("application/x-www-form-urlencoded")};

    if (token.len == 0) {
        return;
    }
    origin = cloud_aws_origin(account->cloud, &account->arena, "sts", STR_EMPTY, &err);
    if (origin.len == 0) {
        account_fail(account, "%s", err.text);
        return;
    }
    question.url = arena_printf(&account->arena, "%.*s/", STR_ARG(origin));
    question.body = arena_printf(
        &account->arena,
        "Action=" ASSUME_ROLE "&Version=2011-06-15&RoleArn=%.*s&RoleSessionName=%.*s&"
        "WebIdentityToken=%.*s",
        STR_ARG(account_url_part(account, cloud_variable("AWS_ROLE_ARN"))),
        STR_ARG(session.len > 0 ? account_url_part(account, session) : STR("virtuoso-proxy")),
        STR_ARG(account_url_part(account, token)));
    account_ask(account, &question, on_role);
}

/* --- the endpoint of a container (ECS, EKS Pod Identity) */
/* True: a container's token may go there unencrypted, as in the SDKs of AWS: this machine, the agents of ECS and
 * EKS. */
static bool is_of_machine(struct str host)
{
    static const struct str agents[] = {STR_INIT("169.254.170.2"), STR_INIT("169.254.170.23"),
                                        STR_INIT("fd00:ec2::23")};
    uint8_t address[16];
    uint8_t agent[16];

    for (size_t i = 0; i < ARRAY_LEN(agents) && ip_address_parse(host, address); i++) {
        if (ip_address_parse(agents[i], agent) && memcmp(address, agent, sizeof(agent)) == 0) {
            return true;
        }
    }
    return host_is_loopback(host);
}

/* False: account_fail was called. */
static bool check_container(struct account *account, struct account_question *question)
{
    struct error err = {0};
    struct url url = {0};

    if (url_read(question->url, &url, &err) != ERR_OK) {
        account_fail(account, "AWS_CONTAINER_CREDENTIALS_FULL_URI %s", err.text);
        return false;
    }
    question->is_direct = !str_is_nocase(url.scheme, "https");
    if (question->is_direct && !is_of_machine(url.host)) {
        account_fail(account,
                     "AWS_CONTAINER_CREDENTIALS_FULL_URI: over http only a loopback address, "
                     "169.254.170.2, 169.254.170.23 and [fd00:ec2::23] are asked; use https");
        return false;
    }
    return true;
}

static void read_container(struct account *account)
{
    struct str relative = cloud_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    struct str file = cloud_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    struct str token = cloud_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    struct upstream_header *header = arena_calloc(&account->arena, 1, sizeof(*header));
    struct account_question question = {
        .what = "the endpoint of the container", .method = "GET", .headers = header};

    if (file.len > 0) {
        token = account_file(account, file, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        if (token.len == 0) {
            return;
        }
    }
    question.url =
        relative.len > 0
            ? arena_printf(&account->arena, CONTAINER_HOST "%.*s", STR_ARG(relative))
            : arena_str(&account->arena, cloud_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
    *header = (struct upstream_header){STR("Authorization"), token};
    question.n_headers = token.len > 0 ? 1 : 0;
    if (check_container(account, &question)) {
        account_ask(account, &question, take_json);
    }
}

/* --- the endpoint of an instance (IMDSv2): a token, the name of the role, its credentials */
static struct str instance_url(struct account *account, const char *path, struct str more)
{
    struct str host = cloud_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");

    if (host.len == 0) {
        bool is_v6 =
            str_is_nocase(cloud_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"), "ipv6");

        host = is_v6 ? STR(INSTANCE_V6) : STR(INSTANCE_HOST);
    }
    return arena_printf(&account->arena, "%.*s%s%.*s", STR_ARG(cloud_without_slash(host)), path,
                        STR_ARG(more));
}

static const char INSTANCE[] =
    "neither AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE nor "
    "AWS_CONTAINER_CREDENTIALS_* is set, and the endpoint of the instance";

static void ask_instance(struct account *account, struct str role, account_answer_fn on_answer)
{
    struct upstream_header *header = arena_calloc(&account->arena, 1, sizeof(*header));
    struct account_question question = {
        .what = INSTANCE,
        .method = "GET",
        .url = instance_url(account, ROLES_PATH, role),
        .headers = header,
        .n_headers = 1,
        .is_direct = true,
    };

    *header = (struct upstream_header){STR("X-aws-ec2-metadata-token"), account->kept};
    account_ask(account, &question, on_answer);
}

static void on_role_name(struct account *account)
{
    struct str name;
    struct str rest;

    (void)str_cut(str_trim(account->call.reply.body), '\n', &name, &rest);
    ask_instance(account, account_url_part(account, str_trim(name)), take_json);
}

static void on_instance_token(struct account *account)
{
    account->kept = arena_str(&account->arena, str_trim(account->call.reply.body));
    ask_instance(account, STR_EMPTY, on_role_name);
}

static void read_instance(struct account *account)
{
    static const struct upstream_header header = {STR_INIT("X-aws-ec2-metadata-token-ttl-seconds"),
                                                  STR_INIT("300")};
    const struct account_question question = {
        .what = INSTANCE,
        .method = "PUT",
        .url = instance_url(account, "/latest/api/token", STR_EMPTY),
        .headers = &header,
        .n_headers = 1,
        .is_direct = true,
    };

    if (str_is_nocase(cloud_variable("AWS_EC2_METADATA_DISABLED"), "true")) {
        account_fail(account, "none of AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE and "
                              "AWS_CONTAINER_CREDENTIALS_* is set");
        return;
    }
    account_ask(account, &question, on_instance_token);
}

/* --- which one */
static const struct {
    const char *variable; /* if it is set, this place is used; NULL: always */
    void (*read)(struct account *account);
} places[] = {
    {"AWS_ACCESS_KEY_ID", read_environment},
    {"AWS_WEB_IDENTITY_TOKEN_FILE", read_web_identity},
    {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", read_container},
    {"AWS_CONTAINER_CREDENTIALS_FULL_URI", read_container},
    {NULL, read_instance},
};

void account_read_aws(struct account *account)
{
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (places[i].variable == NULL || cloud_variable(places[i].variable).len > 0) {
            places[i].read(account);
            return;
        }
    }
}
