/* Where telemetry goes (https://opentelemetry.io/docs/specs/otel/protocol/exporter/): an address of a
 * signal is taken as it is, the common one gets the path of the signal behind a single slash. */
#include "base/url.h"
#include "config_internal.h"

static struct str address_of(struct loader *loader, struct str own, struct str common,
                             const char *path)
{
    if (own.len > 0 || common.len == 0) {
        return own;
    }
    return arena_printf(&loader->box->arena, "%.*s%s", STR_ARG(str_without_end(common, '/')), path);
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

/* The values are not shown. */
void config_judge_headers(struct loader *loader, const char *option, const struct secret *headers)
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

void config_judge_otel(struct loader *loader, struct config *config)
{
    bool is_always = str_is(config->otel.traces_sampler, "parentbased_always_on");
    bool is_never = str_is(config->otel.traces_sampler, "parentbased_always_off");

    judge_address(loader, "otel.endpoint", config->otel.endpoint);
    judge_address(loader, "otel.traces_endpoint", config->otel.traces_endpoint);
    judge_address(loader, "otel.metrics_endpoint", config->otel.metrics_endpoint);
    config_judge_headers(loader, "otel.headers", &config->otel.headers);
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
