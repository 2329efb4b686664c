#include "cloud_internal.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/url.h"
#include "cloud/xml.h"
#include "crypto/digest.h"
#include "crypto/sigv4.h"
#include "data/json.h"

enum {
    AGAIN_MS = 100, /* before the second try; doubles each time, plus a random part below this */
    NAME_MAX_LEN = 80,
    REGION_MAX = 32,
    VALUE_MAX = 8192,
    SIGNED_MAX = CLOUD_HEADERS_MAX + 6,
    HEX_SIZE = 65,
    REASON_MAX = 200
};

struct str cloud_variable(const char *name)
{
    return str_from(getenv(name));
}

/* --- where services are */
/* The variables with the names of the services as AWS writes them there: AWS_ENDPOINT_URL_SECRETS_MANAGER. */
static const struct aws_variable {
    const char *service;
    const char *name;
} aws_variables[] = {
    {"s3", "AWS_ENDPOINT_URL_S3"},
    {"secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER"},
    {"ssm", "AWS_ENDPOINT_URL_SSM"},
    {"sts", "AWS_ENDPOINT_URL_STS"},
};

struct str cloud_without_slash(struct str url)
{
    while (str_ends(url, STR("/"))) {
        url.len--;
    }
    return url;
}

static struct str aws_override(const char *service)
{
    const struct aws_variable *variable = ROW_NAMED(str_from(service), aws_variables);
    struct str found = variable != NULL ? cloud_variable(variable->name) : STR_EMPTY;

    return cloud_without_slash(found.len > 0 ? found : cloud_variable("AWS_ENDPOINT_URL"));
}

bool cloud_aws_is_elsewhere(const char *service)
{
    return aws_override(service).len > 0;
}

static struct str region_of_all(const struct cloud *cloud)
{
    struct str region = cloud->region;

    region = region.len > 0 ? region : cloud_variable("AWS_REGION");
    return region.len > 0 ? region : cloud_variable("AWS_DEFAULT_REGION");
}

/* A region becomes one label of a host name. */
static bool is_region(struct str text)
{
    return text.len <= REGION_MAX && str_is_of(text, "a-z0-9-");
}

struct str cloud_aws_origin(const struct cloud *cloud, struct arena *arena, const char *service,
                            struct str region, struct error *err)
{
    struct str elsewhere = aws_override(service);

    region = region.len > 0 ? region : region_of_all(cloud);
    if (region.len == 0) {
        (void)error_set(err, ERR_CONFIG,
                        "the region of AWS is not known; set cloud.aws_region or AWS_REGION");
        return STR_EMPTY;
    }
    if (!is_region(region)) {
        (void)error_set(err, ERR_CONFIG,
                        "\"%.*s\" is no region of AWS; write small letters, digits and hyphens, as "
                        "in eu-west-1",
                        STR_ARG(str_sub(region, 0, REGION_MAX)));
        return STR_EMPTY;
    }
    if (elsewhere.len > 0) {
        return arena_str(arena, elsewhere);
    }
    return arena_printf(arena, "https://%s.%.*s.amazonaws.com%s", service, STR_ARG(region),
                        str_starts(region, STR("cn-")) ? ".cn" : "");
}

struct str cloud_google_origin(struct arena *arena, const char *service)
{
    char variable[NAME_MAX_LEN] = "CLOUDSDK_API_ENDPOINT_OVERRIDES_";
    struct str elsewhere;
    size_t at = strlen(variable);

    for (const char *c = service; *c != '\0' && at + 1 < sizeof(variable); c++) {
        variable[at++] = char_upper(*c);
    }
    variable[at] = '\0';
    elsewhere = cloud_without_slash(cloud_variable(variable));
    return elsewhere.len > 0 ? arena_str(arena, elsewhere)
                             : arena_printf(arena, "https://%s.googleapis.com", service);
}

/* --- what refusals say */
/* JSON of AWS: {"__type": "...#Name", "message": "..."}; of Google: {"error": {"message": "..."}}; XML: <Code>, <Message>. */
struct str cloud_reason(struct arena *arena, const struct upstream_reply *reply)
{
    struct json *root = NULL;
    struct str text;
    struct str code;

    if (json_parse(arena, reply->body, NULL, &root, NULL) == ERR_OK) {
        text =
            json_str(json_find(root, "/message /Message /error/message /error_description /error"));
        code = json_str(json_find(root, "/__type /error/status"));
    } else {
        text = xml_text(arena, reply->body, "Message");
        code = xml_text(arena, reply->body, "Code");
    }
    return str_sub(arena_printf(arena, "%.*s%s%.*s", STR_ARG(code),
                                code.len > 0 && text.len > 0 ? ": " : "", STR_ARG(text)),
                   0, REASON_MAX);
}

/* --- ends */
static void finish(struct cloud_call *call, enum error_code code)
{
    struct arena arena = call->arena; /* the owner may start the next one in the same struct */

    deadline_clear(&call->again);
    later_remove(&call->soon);
    list_remove(&call->link);
    call->cloud = NULL;
    call->arena = (struct arena){0};
    call->on_done(call, code);
    arena_wipe(&arena); /* it holds credentials */
}

static void on_failed(struct later_item *item)
{
    struct cloud_call *call = CONTAINER_OF(item, struct cloud_call, soon);

    finish(call, call->error.code);
}

void cloud_fail(struct cloud_call *call, const struct error *error)
{
    call->error = *error;
    finish(call, error->code);
}

/* --- repetitions */
static void begin(struct deadline *again);

static bool says_expired(const struct upstream_reply *reply)
{
    return reply->status == 401 ||
           ((reply->status == 400 || reply->status == 403) &&
            (str_contains(reply->body, STR("ExpiredToken")) ||
             str_contains(reply->body, STR("InvalidClientTokenId")) ||
             str_contains(reply->body, STR("UnrecognizedClientException"))));
}

/* True: the same request goes out once more. */
static bool repeats(struct cloud_call *call)
{
    const struct upstream_reply *reply = &call->call.reply;
    uint64_t wait_ms;

    if (says_expired(reply) && !call->is_renewed && call->request.vendor != CLOUD_NOBODY) {
        call->is_renewed = true;
        account_forget(&call->cloud->accounts[call->request.vendor]);
        wait_ms = 0;
    } else if ((reply->status == 429 || reply->status == 503) && call->tries < CLOUD_TRIES) {
        wait_ms = ((uint64_t)AGAIN_MS << (call->tries - 1)) + random_below(AGAIN_MS);
    } else {
        return false;
    }
    deadline_set(&call->cloud->loop->deadlines, &call->again, wait_ms, begin);
    return true;
}

static void on_answered(struct upstream_call *upstream, enum error_code code)
{
    struct cloud_call *call = CONTAINER_OF(upstream, struct cloud_call, call);

    if (code == ERR_OK && repeats(call)) {
        return;
    }
    call->reply = upstream->reply;
    call->error = upstream->error;
    call->may_have_left = upstream->may_have_left;
    finish(call, code);
}

/* --- what is sent */
/* The Host header of the request: without the port if that is the usual one of the scheme. */
static struct str host_of(const struct url *url, struct arena *arena)
{
    bool is_usual =
        url->port.len == 0 || str_is(url->port, str_is_nocase(url->scheme, "https") ? "443" : "80");

    return is_usual ? url->host
                    : arena_printf(arena, "%.*s:%.*s", STR_ARG(url->host), STR_ARG(url->port));
}

static void sign(struct cloud_call *call, const struct url *url, struct str path,
                 struct upstream_header *headers)
{
    const struct cloud_request *request = &call->request;
    const struct account *account = &call->cloud->accounts[CLOUD_AWS];
    struct upstream_request *out = &call->call.request;
    struct sigv4_header signed_headers[SIGNED_MAX];
    char *date = arena_alloc(&call->arena, SIGV4_DATE_SIZE);
    char hash_room[HEX_SIZE];
    struct str hash = request->body_sha256;
    struct str token = secret_reveal(&account->token);
    struct digest digest;
    struct buf value;
    size_t n = out->n_headers;

    sigv4_date(clock_wall_ms(), date);
    if (hash.len == 0) {
        digest_of(request->body, &digest);
        hash = arena_str(&call->arena, str_from(digest_hex(&digest, hash_room)));
    }
    headers[n++] = (struct upstream_header){STR("x-amz-date"), str_from(date)};
    headers[n++] = (struct upstream_header){STR("x-amz-content-sha256"), hash};
    if (token.len > 0) {
        headers[n++] =
            (struct upstream_header){STR("x-amz-security-token"), arena_str(&call->arena, token)};
    }
    for (size_t i = 0; i < n; i++) {
        signed_headers[i] = (struct sigv4_header){headers[i].name, headers[i].value};
    }
    signed_headers[n] = (struct sigv4_header){STR("host"), host_of(url, &call->arena)};
    buf_init(&value, VALUE_MAX);
    sigv4_authorize(
        &(const struct sigv4){
            .method = request->method,
            .path = path,
            .query = request->query,
            .headers = signed_headers,
            .n_headers = n + 1,
            .payload_hash = hash,
            .region = request->region.len > 0 ? request->region : region_of_all(call->cloud),
            .service = request->service,
            .key_id = secret_reveal(&account->key_id),
            .secret_key = secret_reveal(&account->secret_key),
            .date = str_from(date),
        },
        &value);
    headers[n++] = (struct upstream_header){STR("Authorization"), arena_take(&call->arena, &value)};
    out->n_headers = n;
}

/* The caller's headers, and room for ours behind them. */
static struct upstream_header *copy_headers(struct cloud_call *call)
{
    struct upstream_header *headers = arena_calloc(&call->arena, SIGNED_MAX + 1, sizeof(*headers));

    CHECK(call->request.n_headers <= CLOUD_HEADERS_MAX);
    for (size_t i = 0; i < call->request.n_headers; i++) {
        headers[i] = call->request.headers[i];
    }
    return headers;
}

static bool fill(struct cloud_call *call, struct error *err)
{
    const struct cloud_request *request = &call->request;
    struct upstream_header *headers = copy_headers(call);
    struct url url = {0};

    if (url_read(request->origin, &url, err) != ERR_OK) {
        return false;
    }
    call->call = (struct upstream_call){
        .request = {.method = request->method,
                    .path = request->path,
                    .query = request->query,
                    .body = request->body,
                    .content_type = request->content_type,
                    .headers = headers,
                    .n_headers = request->n_headers,
                    .class = request->class,
                    .wants = request->wants},
        .on_done = on_answered,
    };
    if (request->vendor == CLOUD_AWS) {
        sign(call, &url,
             arena_printf(&call->arena, "%.*s%.*s", STR_ARG(url.path), STR_ARG(request->path)),
             headers);
    } else if (request->vendor == CLOUD_GOOGLE) {
        call->call.request.token = &call->cloud->accounts[CLOUD_GOOGLE].token;
    }
    return true;
}

void cloud_ready(struct cloud_call *call)
{
    enum place_kind kind = call->request.public_only ? PLACE_PUBLIC : PLACE_ANY;
    struct place *place = cloud_place(call->cloud, call->request.origin, kind, &call->error);

    arena_wipe(&call->arena); /* of the last try */
    arena_init(&call->arena);
    call->tries++;
    if (place == NULL || !fill(call, &call->error) ||
        upstream_start(place->upstream, &call->call, &call->error) != ERR_OK) {
        later_add(&call->cloud->loop->later, &call->soon, on_failed);
    }
}

static void begin(struct deadline *again)
{
    struct cloud_call *call = CONTAINER_OF(again, struct cloud_call, again);
    bool is_open = call->request.vendor == CLOUD_NOBODY;

    if (is_open || account_is_ready(&call->cloud->accounts[call->request.vendor], call)) {
        cloud_ready(call);
    }
}

void cloud_start(struct cloud *cloud, struct cloud_call *call)
{
    const struct cloud_request request = call->request;

    *call = (struct cloud_call){.request = request, .on_done = call->on_done, .cloud = cloud};
    arena_init(&call->arena);
    list_append(&cloud->running, &call->link);
    begin(&call->again);
}

void cloud_cancel(struct cloud_call *call)
{
    if (call->cloud == NULL) {
        return;
    }
    upstream_cancel(&call->call);
    deadline_clear(&call->again);
    later_remove(&call->soon);
    list_remove(&call->link);
    arena_wipe(&call->arena);
    call->arena = (struct arena){0};
    call->cloud = NULL;
}

/* --- open and close */
struct cloud *cloud_open(struct loop *loop, const struct cloud_options *options)
{
    struct cloud *cloud = mem_zalloc(sizeof(*cloud));

    cloud->loop = loop;
    arena_init(&cloud->arena);
    cloud->region = arena_str(&cloud->arena, options->aws_region);
    cloud->ca_file = arena_str(&cloud->arena, options->ca_file);
    cloud->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : CLOUD_TIMEOUT_MS;
    cloud->max_active = options->max_active > 0 ? options->max_active : CLOUD_ACTIVE;
    list_init(&cloud->running);
    list_init(&cloud->places);
    for (unsigned vendor = 0; vendor < CLOUD_N_VENDORS; vendor++) {
        account_init(&cloud->accounts[vendor], cloud, (enum cloud_vendor)vendor);
    }
    return cloud;
}

struct arena *cloud_arena(struct cloud *cloud)
{
    return &cloud->arena;
}

void cloud_forget_connections(struct cloud *cloud)
{
    struct place *place;

    LIST_EACH (place, &cloud->places, link) {
        upstream_forget_connections(place->upstream);
    }
}

static void on_all_closed(struct later_item *item)
{
    struct cloud *cloud = CONTAINER_OF(item, struct cloud, closed);
    struct callback on_closed = cloud->on_closed;

    arena_done(&cloud->arena);
    mem_free(cloud);
    callback_run(on_closed);
}

static void close_next(void *context)
{
    struct cloud *cloud = context;
    struct list *link = list_take_first(&cloud->places);

    if (link != NULL) {
        struct place *place = CONTAINER_OF(link, struct place, link);
        struct upstream *upstream = place->upstream;

        mem_free(unconst(place->origin.ptr));
        mem_free(place);
        upstream_close(upstream, close_next, cloud);
    } else {
        later_add(&cloud->loop->later, &cloud->closed, on_all_closed);
    }
}

void cloud_close(struct cloud *cloud, void (*on_closed)(void *context), void *context)
{
    CHECK(list_is_empty(&cloud->running));
    cloud->on_closed = (struct callback){on_closed, context};
    for (unsigned vendor = 0; vendor < CLOUD_N_VENDORS; vendor++) {
        CHECK(list_is_empty(&cloud->accounts[vendor].waiting));
        account_done(&cloud->accounts[vendor]);
    }
    close_next(cloud);
}
