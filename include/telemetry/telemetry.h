/* telemetry: sends spans and metrics to a collector by OTLP over HTTP, as JSON or protobuf
 * (https://opentelemetry.io/docs/specs/otlp/#otlphttp). No request waits for it: spans
 * gather in a batch (observe/span.h), which is sent when it is large or `interval_ms` old. One batch
 * of each kind is on its way at most; while the collector is away or slow the next one fills up to
 * its ceiling, and what comes then is dropped and counted. A batch that the collector refuses, or
 * does not take within three tries, is dropped and counted, too. */
#ifndef TELEMETRY_TELEMETRY_H
#define TELEMETRY_TELEMETRY_H

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

struct loop;
struct telemetry;
struct upstream_header; /* upstream/upstream.h */

enum { TELEMETRY_HEADERS_MAX = 32 };

struct telemetry_options {
    struct str traces_url;  /* whole: https://collector:4318/v1/traces; empty: no spans */
    struct str metrics_url; /* empty: no metrics */
    const struct upstream_header *headers; /* of each request; copied, and wiped at the end */
    size_t n_headers;                      /* at most TELEMETRY_HEADERS_MAX */
    struct str service_name;
    /* As OTEL_RESOURCE_ATTRIBUTES has them: name=value,name=value with %XX in values. */
    struct str resource_attributes;
    const char *version;
    struct str ca_file; /* empty: the system's */
    double share;       /* of the traces that begin here, from 0 to 1 */
    unsigned interval_ms;
    bool gzip;
    bool protobuf; /* instead of JSON */
};

/* ERR_CONFIG: an address that cannot be used. Only the first telemetry of a process sends spans; that of
 * another server in the same process sends metrics only. */
enum error_code telemetry_open(struct loop *loop, const struct telemetry_options *options,
                               struct telemetry **out, struct error *err) MUST_CHECK;
/* Sends what is there, for at most a second; then on_closed, once. */
void telemetry_close(struct telemetry *telemetry, void (*on_closed)(void *context), void *context);

#endif
