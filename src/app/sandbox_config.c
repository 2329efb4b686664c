#include "sandbox_config.h"

#include "base/check.h"
#include "base/mem.h"

static void read_faults(const struct config *config, struct sandbox_fault *out)
{
    static const enum sandbox_close_at closes[] = {
        [CONFIG_FAULT_STATUS] = SANDBOX_CLOSE_NOT,
        [CONFIG_FAULT_DELAY] = SANDBOX_CLOSE_NOT,
        [CONFIG_FAULT_CLOSE_BEFORE] = SANDBOX_CLOSE_BEFORE,
        [CONFIG_FAULT_CLOSE_MID] = SANDBOX_CLOSE_MID,
        [CONFIG_FAULT_CLOSE_AFTER] = SANDBOX_CLOSE_AFTER};

    for (size_t i = 0; i < config->sandbox.n_faults; i++) {
        struct config_fault fault;

        /* checked when it was loaded */
        CHECK(config_fault_read(config->sandbox.faults[i], &fault, NULL) == ERR_OK);
        out[i] = (struct sandbox_fault){.method = fault.method,
                                        .path = fault.path,
                                        .status = fault.status,
                                        .delay_ms = fault.delay_ms,
                                        .close_at = closes[fault.effect],
                                        .probability = fault.probability};
    }
}

enum error_code open_config_sandbox(struct loop *loop, const struct config *config,
                                    struct sandbox **out, struct error *err)
{
    struct sandbox_fault *faults = mem_calloc(config->sandbox.n_faults + 1, sizeof(*faults));
    struct sandbox_options options;
    enum error_code code;

    sandbox_options_init(&options);
    read_faults(config, faults);
    options.listen = config->sandbox.listen;
    options.max_connections = config->http.max_connections;
    options.examples = config->sandbox.examples;
    options.execution_ms = config->sandbox.execution_ms;
    options.record_requests = config->sandbox.max_requests_kept > 0;
    options.max_requests_kept = config->sandbox.max_requests_kept;
    options.latency_ms = config->sandbox.latency.ms;
    options.latency_spread_ms = config->sandbox.latency.spread_ms;
    options.faults = faults;
    options.n_faults = config->sandbox.n_faults;
    options.seed = config->sandbox.seed;
    code = sandbox_open(loop, &options, out, err);
    mem_free(faults);
    if (code == ERR_OK) {
        loop_exact(loop);
    }
    return code;
}
