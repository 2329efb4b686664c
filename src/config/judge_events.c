/* What becomes of events outside of the process: the audit. */
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

void config_judge_events(struct loader *loader, const struct config *config)
{
    judge_audit(loader, config);
}
