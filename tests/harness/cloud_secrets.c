#include <string.h>

#include "base/base64.h"
#include "base/json_writer.h"
#include "data/json.h"
#include "harness/blocking.h"
#include "harness/cloud_child.h"

/* NULL: there is none. */
static const char *find(struct cloud_request *request, const char *kind, struct str name)
{
    struct str wanted = arena_printf(request->arena, "%s:%.*s", kind, STR_ARG(name));

    for (size_t i = 0; i < CLOUD_SECRETS_MAX; i++) {
        const struct cloud_secret *secret = &request->child->seen->secrets[i];

        if (secret->name[0] != '\0' && str_is(wanted, secret->name)) {
            return secret->texts[secret->at % 2];
        }
    }
    return NULL;
}

static struct str member(struct cloud_request *request, const char *name)
{
    struct json *root = NULL;

    return json_parse(request->arena, request->body, NULL, &root, NULL) == ERR_OK
               ? arena_str(request->arena, json_str(json_get(root, name)))
               : STR_EMPTY;
}

static struct str quoted(struct cloud_request *request, const char *text)
{
    return json_text(request->arena, json_new_string(request->arena, str_from(text)));
}

static void secrets_manager(struct cloud_request *request)
{
    const char *text = find(request, "aws-sm", member(request, "SecretId"));

    if (text == NULL) {
        cloud_refuse(request, 400, "ResourceNotFoundException",
                     "Secrets Manager can't find the specified secret.");
        return;
    }
    cloud_answer(request, 200,
                 arena_printf(request->arena, "{\"Name\":\"x\",\"SecretString\":%.*s}",
                              STR_ARG(quoted(request, text))));
}

static void parameter_store(struct cloud_request *request)
{
    const char *text = find(request, "aws-ssm", member(request, "Name"));

    if (text == NULL || !str_contains(request->body, STR("\"WithDecryption\":true"))) {
        cloud_refuse(request, 400, "ParameterNotFound", "");
        return;
    }
    cloud_answer(
        request, 200,
        arena_printf(request->arena,
                     "{\"Parameter\":{\"Name\":\"x\",\"Type\":\"SecureString\",\"Value\":%.*s}}",
                     STR_ARG(quoted(request, text))));
}

static void secret_manager(struct cloud_request *request)
{
    struct str name = str_sub(request->path, 4, request->path.len - 4 - strlen(":access"));
    const char *text = find(request, "gcp-sm", name);
    struct buf out;

    if (text == NULL) {
        cloud_answer(request, 404,
                     STR("{\"error\":{\"code\":404,\"message\":\"Secret not found.\","
                         "\"status\":\"NOT_FOUND\"}}"));
        return;
    }
    buf_init(&out, (size_t)4 * CLOUD_TEXT_MAX);
    buf_text(&out, "{\"name\":\"x\",\"payload\":{\"data\":\"");
    base64_encode(&out, str_from(text));
    buf_text(&out, "\"}}");
    cloud_answer(request, 200, arena_take(request->arena, &out));
}

bool cloud_tell_secret(struct cloud_request *request)
{
    struct str target = head_field(request->head, STR("X-Amz-Target"));

    if (str_is(target, "secretsmanager.GetSecretValue") &&
        str_is(request->service, "secretsmanager")) {
        secrets_manager(request);
        return true;
    }
    if (str_is(target, "AmazonSSM.GetParameter") && str_is(request->service, "ssm")) {
        parameter_store(request);
        return true;
    }
    if (str_starts(request->path, STR("/v1/projects/")) &&
        str_ends(request->path, STR(":access")) && str_is(request->service, "google")) {
        secret_manager(request);
        return true;
    }
    return false;
}
