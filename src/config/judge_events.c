/* Judges what the process writes or sends beside its answers: the audit, the sinks of analytics, the reports of test
 * runs, and telemetry. */
#include "base/url.h"
#include "config_internal.h"

enum { LINK_MAX = 512 };

static const char *read_bucket(struct loader *loader, struct str url, struct config_bucket *out)
{
    bool is_for_files = bucket_is_meant(url) && !str_starts(url, STR("firestore:"));

    return is_for_files ? bucket_read(&loader->box->arena, url, out) : "is no place for files";
}

static void judge_audit(struct loader *loader, struct config *config)
{
    enum { CHAIN_MAX = 60 };

    int n_places = (config->audit.file.len > 0) + (config->audit.url.len > 0) + config->audit.store;
    const char *fault = config->audit.url.len > 0
                            ? read_bucket(loader, config->audit.url, &config->audit.bucket)
                            : NULL;

    if (!str_is_of(config->audit.chain, "A-Za-z0-9_.-") || config->audit.chain.len > CHAIN_MAX) {
        loader_fail(loader, "audit.chain: must be at most %d letters, digits and _.-", CHAIN_MAX);
    }
    if (fault != NULL) {
        loader_fail(loader,
                    "audit.url: the value %s. Write s3://BUCKET[/FOLDER] or gs://BUCKET[/FOLDER]",
                    fault);
    }
    if (n_places > 1) {
        loader_fail(loader, "audit: of file, url and store only one can be where the lines go");
    }
    if (config->audit.store && str_is(config->store.url, "memory:")) {
        loader_fail(loader, "audit.store: needs a shared store; set store.url");
    }
}

/* PROJECT.DATASET.TABLE; a project may hold dots and a colon (example.com:project). */
static bool is_table(struct str text)
{
    struct str words[3];

    return str_is_of(text, "A-Za-z0-9._:-") && str_split(text, '.', words, 3) == 3 &&
           !str_contains(text, STR("..")) && !str_starts(text, STR(".")) &&
           !str_ends(text, STR("."));
}

static void judge_address(struct loader *loader, const char *option, struct str address)
{
    struct url url = {0};
    struct error err = {0};

    if (address.len > 0 && !loader_has_failed(loader, option) &&
        (url_read(address, &url, &err) != ERR_OK || url.has_user || url.has_fragment)) {
        loader_fail(loader, "%s: must be an http or https address without user and fragment",
                    option);
    }
}

/* Errors do not show the values, which may be secret. */
static void judge_headers(struct loader *loader, const char *option, const struct secret *headers)
{
    struct str rest = secret_reveal(headers);
    struct str item;
    size_t n = 0;

    while (str_next(&rest, ',', &item)) {
        struct str name;
        struct str value;

        n++;
        if (!str_cut(item, '=', &name, &value) || str_trim(name).len == 0) {
            loader_fail(loader, "%s: item %zu is not name=value", option, n);
        }
    }
    if (n > CONFIG_HEADERS_MAX) {
        loader_fail(loader, "%s: %zu headers; at most %d are sent", option, n, CONFIG_HEADERS_MAX);
    }
}

/* --- artifacts.url: s3://, gs://, file:/// */
static const char *read_folder(struct str path, struct str *out)
{
    path = str_without_end(path, '/');
    *out = path;
    if (path.len == 0 || path.ptr[0] != '/') {
        return "names no folder from the root on";
    }
    return path.len > LINK_MAX ? "has a path that is too long" : NULL;
}

static const char *read_place(struct loader *loader, struct config *config)
{
    const struct str url = config->artifacts.url;

    if (str_starts(url, STR("file://"))) {
        return read_folder(str_sub(url, strlen("file://"), url.len), &config->artifacts.folder);
    }
    return read_bucket(loader, url, &config->artifacts.bucket);
}

static void judge_artifacts(struct loader *loader, struct config *config)
{
    struct str link = config->artifacts.public_url;
    const char *fault = config->artifacts.url.len > 0 ? read_place(loader, config) : NULL;
    struct error err = {0};
    struct url url = {0};

    if (fault != NULL) {
        loader_fail(loader,
                    "artifacts.url: the value %s. Write file:///FOLDER, s3://BUCKET[/FOLDER] or "
                    "gs://BUCKET[/FOLDER]",
                    fault);
    }
    if (link.len > 0 && !loader_has_failed(loader, "artifacts.public_url") &&
        (url_read(link, &url, &err) != ERR_OK || url.has_user || url.has_fragment ||
         str_find_char(link, '?') >= 0 || link.len > LINK_MAX)) {
        loader_fail(loader,
                    "artifacts.public_url: must be an http or https address of at most %d "
                    "bytes without user, query and fragment",
                    LINK_MAX);
    }
    config->artifacts.link = str_without_end(link.len > 0 ? link : config->artifacts.url, '/');
}

/* ---- where telemetry goes (https://opentelemetry.io/docs/specs/otel/protocol/exporter/) ---- */

static struct str address_of(struct loader *loader, struct str own, struct str common,
                             const char *path)
{
    if (own.len > 0 || common.len == 0) {
        return own;
    }
    return arena_printf(&loader->box->arena, "%.*s%s", STR_ARG(str_without_end(common, '/')), path);
}

static void judge_otel(struct loader *loader, struct config *config)
{
    bool is_always = str_is(config->otel.traces_sampler, "parentbased_always_on");
    bool is_never = str_is(config->otel.traces_sampler, "parentbased_always_off");

    judge_address(loader, "otel.endpoint", config->otel.endpoint);
    judge_address(loader, "otel.traces_endpoint", config->otel.traces_endpoint);
    judge_address(loader, "otel.metrics_endpoint", config->otel.metrics_endpoint);
    judge_headers(loader, "otel.headers", &config->otel.headers);
    if (!str_to_double(config->otel.traces_share, &config->otel.share) ||
        config->otel.share < 0.0 || config->otel.share > 1.0) {
        loader_fail(loader, "otel.traces_share: must be a number from 0 to 1, such as 0.1");
    }
    if (is_always || is_never) {
        config->otel.share = is_always ? 1.0 : 0.0;
    }
    if (!config->otel.disabled) {
        config->otel.traces_url =
            address_of(loader, config->otel.traces_endpoint, config->otel.endpoint, "/v1/traces");
        config->otel.metrics_url =
            address_of(loader, config->otel.metrics_endpoint, config->otel.endpoint, "/v1/metrics");
    }
}

void config_judge_events(struct loader *loader, struct config *config)
{
    judge_audit(loader, config);
    judge_address(loader, "analytics.url", config->analytics.url);
    judge_headers(loader, "analytics.headers", &config->analytics.headers);
    if (config->analytics.bigquery.len > 0 && !is_table(config->analytics.bigquery)) {
        loader_fail(loader, "analytics.bigquery: must be PROJECT.DATASET.TABLE");
    }
    judge_artifacts(loader, config);
    judge_otel(loader, config);
}
