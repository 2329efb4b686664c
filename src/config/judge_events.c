/* What becomes of events outside of the process: the audit, and the sinks of analytics. */
#include "base/url.h"
#include "config_internal.h"

static bool is_key_name(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = char_lower(text.ptr[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '.' &&
            c != '-') {
            return false;
        }
    }
    return true;
}

static void judge_audit(struct loader *loader, const struct config *config)
{
    enum { CHAIN_MAX = 60 };

    if (!is_key_name(config->audit.chain) || config->audit.chain.len > CHAIN_MAX) {
        loader_fail(loader, "audit.chain: must be at most %d letters, digits and _.-", CHAIN_MAX);
    }
    if (config->audit.store && config->audit.file.len > 0) {
        loader_fail(loader, "audit.store: cannot be true beside audit.file; take one of them");
    }
    if (config->audit.store && config->store.url.len == 0) {
        loader_fail(loader, "audit.store: needs a shared store; set store.url");
    }
}

/* PROJECT.DATASET.TABLE; a project may hold dots and a colon (example.com:project). */
static bool is_table(struct str text)
{
    size_t n_dots = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = char_lower(text.ptr[i]);

        if (c == '.') {
            n_dots++;
        } else if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-' &&
                   c != ':') {
            return false;
        }
    }
    return n_dots >= 2 && !str_contains(text, STR("..")) && text.ptr[0] != '.' &&
           text.ptr[text.len - 1] != '.';
}

static void judge_sinks(struct loader *loader, const struct config *config)
{
    struct url url = {0};
    struct error err = {0};

    if (config->analytics.url.len > 0 && !loader_has_failed(loader, "analytics.url") &&
        (url_read(config->analytics.url, &url, &err) != ERR_OK || url.has_user ||
         url.has_fragment)) {
        loader_fail(loader,
                    "analytics.url: must be an http or https address without user and fragment");
    }
    config_judge_headers(loader, "analytics.headers", &config->analytics.headers);
    if (config->analytics.bigquery.len > 0 && !is_table(config->analytics.bigquery)) {
        loader_fail(loader, "analytics.bigquery: must be PROJECT.DATASET.TABLE");
    }
}

void config_judge_events(struct loader *loader, const struct config *config)
{
    judge_audit(loader, config);
    judge_sinks(loader, config);
}
