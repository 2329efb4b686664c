#include "secret_kinds.h"

#include "base/base64.h"

static bool is_printable(struct str name)
{
    return name.len > 0 && name.ptr[0] != '#' && str_is_of(name, "!#-[]-~"); /* without " and \ */
}

/* projects/P/secrets/S, with or without /versions/V */
static bool is_google_name(struct str name)
{
    struct str parts[7];
    size_t n = str_split(name, '/', parts, 7);

    return is_printable(name) && (n == 4 || n == 6) && str_is(parts[0], "projects") &&
           str_is(parts[2], "secrets") && (n == 4 || str_is(parts[4], "versions")) &&
           str_find_char(name, '?') < 0 && str_find_char(name, '%') < 0;
}

/* The region in an ARN ("arn:aws:secretsmanager:eu-west-1:..."); else empty: the usual one. */
static struct str region_of(struct str name)
{
    struct str parts[5];

    return str_starts(name, STR("arn:")) && str_split(name, ':', parts, 5) == 5 ? parts[3]
                                                                                : STR_EMPTY;
}

/* A question to a service of AWS: the name of the secret stands between two texts. */
struct aws_question {
    const char *service;
    struct upstream_header target;
    const char *before;
    const char *behind;
};

static bool ask_aws(struct secret_question *question, struct cloud_request *request,
                    const struct aws_question *aws, struct str name)
{
    request->vendor = CLOUD_AWS;
    request->service = str_from(aws->service);
    request->region = region_of(name);
    request->origin = cloud_aws_origin(question->cloud, question->arena, aws->service,
                                       request->region, &question->error);
    request->method = STR("POST");
    request->path = STR("/");
    request->headers = &aws->target;
    request->n_headers = 1;
    request->content_type = STR("application/x-amz-json-1.1");
    request->body =
        arena_printf(question->arena, "%s%.*s%s", aws->before, STR_ARG(name), aws->behind);
    return request->origin.len > 0;
}

static bool ask_secrets_manager(struct secret_question *question, struct cloud_request *request)
{
    static const struct aws_question aws = {
        "secretsmanager",
        {STR_INIT("X-Amz-Target"), STR_INIT("secretsmanager.GetSecretValue")},
        "{\"SecretId\":\"",
        "\"}"};
    struct str name;
    struct str member;

    (void)str_cut(question->name, '#', &name, &member);
    return ask_aws(question, request, &aws, name);
}

/* Takes one member of a secret that is JSON: a text, or any other value as it is written. */
static bool take_member(struct secret_question *question, struct str text, struct str member,
                        struct str *out)
{
    struct json *root = NULL;
    const struct json *found;

    if (json_parse(question->arena, text, NULL, &root, NULL) != ERR_OK) {
        return false;
    }
    found = json_get_str(root, member);
    *out = json_type(found) == JSON_STRING ? json_str(found) : json_text(question->arena, found);
    return found != NULL;
}

static bool tell_secrets_manager(struct secret_question *question, const struct json *root,
                                 struct str *out)
{
    const struct json *text = json_get(root, "SecretString");
    struct str name;
    struct str member;

    *out = json_str(text);
    if (text == NULL &&
        !base64_decode(question->arena, json_str(json_get(root, "SecretBinary")), out)) {
        return false;
    }
    return !str_cut(question->name, '#', &name, &member) ||
           take_member(question, *out, member, out);
}

static bool ask_parameter_store(struct secret_question *question, struct cloud_request *request)
{
    static const struct aws_question aws = {
        "ssm",
        {STR_INIT("X-Amz-Target"), STR_INIT("AmazonSSM.GetParameter")},
        "{\"Name\":\"",
        "\",\"WithDecryption\":true}"};

    return ask_aws(question, request, &aws, question->name);
}

static bool tell_parameter_store(struct secret_question *question, const struct json *root,
                                 struct str *out)
{
    const struct json *value = json_find(root, "/Parameter/Value");

    (void)question;
    *out = json_str(value);
    return value != NULL;
}

static bool ask_secret_manager(struct secret_question *question, struct cloud_request *request)
{
    struct str name = question->name;

    request->vendor = CLOUD_GOOGLE;
    request->origin = cloud_google_origin(question->arena, "secretmanager");
    request->method = STR("GET");
    request->path = arena_printf(question->arena, "/v1/%.*s%s:access", STR_ARG(name),
                                 str_contains(name, STR("/versions/")) ? "" : "/versions/latest");
    return true;
}

static bool tell_secret_manager(struct secret_question *question, const struct json *root,
                                struct str *out)
{
    const struct json *data = json_find(root, "/payload/data");

    return data != NULL && base64_decode(question->arena, json_str(data), out);
}

static const struct secret_kind kinds[] = {
    {"aws-sm:", is_printable, "aws-sm:NAME or aws-sm:NAME#KEY", ask_secrets_manager,
     tell_secrets_manager},
    {"aws-ssm:", is_printable, "aws-ssm:NAME", ask_parameter_store, tell_parameter_store},
    {"gcp-sm:", is_google_name, "gcp-sm:projects/PROJECT/secrets/NAME/versions/latest",
     ask_secret_manager, tell_secret_manager},
};

const struct secret_kind *secret_kind_of(struct str text)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (str_starts(text, str_from(kinds[i].prefix))) {
            return &kinds[i];
        }
    }
    return NULL;
}
