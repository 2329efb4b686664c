/* Turns OTLP's JSON into its protobuf (https://opentelemetry.io/docs/specs/otlp/#binary-protobuf-encoding), by one
 * table of field numbers. It reads what this program has written, and nothing else. */
#ifndef TELEMETRY_WIRE_H
#define TELEMETRY_WIRE_H

#include "base/buf.h"

/* ExportTraceServiceRequest and ExportMetricsServiceRequest. Appends to `out`; false: the text is not one of
 * these, or there is no room. */
bool wire_of_traces(struct str json, struct buf *out);
bool wire_of_metrics(struct str json, struct buf *out);

#endif
