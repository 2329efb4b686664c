// A collector: see check_otlp.sh.   otlp.mjs FORM COMPRESSION PORT_FILE
// Ends well when all that it waits for has come, each request as OTLP's schema wants it.
import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import zlib from "node:zlib";
import root from "@opentelemetry/otlp-transformer/build/src/generated/root.js";

const [form, compression, portFile] = process.argv.slice(2);
const collector = root.opentelemetry.proto.collector;
const types = {
  "/v1/traces": collector.trace.v1.ExportTraceServiceRequest,
  "/v1/metrics": collector.metrics.v1.ExportMetricsServiceRequest,
};
const plain = { longs: String, bytes: String, enums: Number };

// OTLP's JSON has ids in hexadecimal digits, protobuf's own form has bytes, and no empty lists.
function withBytes(value, name) {
  if (Array.isArray(value)) return value.map((one) => withBytes(one, name));
  if (value !== null && typeof value === "object")
    return Object.fromEntries(
      Object.entries(value).filter(([, one]) => one.length !== 0).map(([key, one]) => [key, withBytes(one, key)]));
  if (["traceId", "spanId", "parentSpanId"].includes(name)) {
    assert.match(value, /^([0-9a-f]{16}|[0-9a-f]{32})$/);
    return Buffer.from(value, "hex").toString("base64");
  }
  return value;
}

// Whatever the schema does not know is lost on its way through it; 64-bit numbers are texts, others are not.
function read(path, bytes) {
  if (form === "http/protobuf") return types[path].toObject(types[path].decode(bytes), plain);
  const body = withBytes(JSON.parse(bytes.toString()));
  for (const span of body.resourceSpans?.[0].scopeSpans[0].spans ?? []) {
    assert.equal(span.flags & 0x101, 0x101); // sampled, and it is known whether the parent is of another process
    delete span.flags; // came into the schema later than this copy of it
  }
  const known = types[path].toObject(types[path].fromObject(body), plain);
  assert.deepEqual(known, body);
  return known;
}

const text = (attributes, key) => attributes.find((one) => one.key === key)?.value;
const hex = (bytes) => Buffer.from(bytes ?? "", "base64").toString("hex");
const spans = [];
const metrics = new Map();

function take(path, body) {
  const [resource] = body.resourceSpans ?? body.resourceMetrics;
  const [scope] = resource.scopeSpans ?? resource.scopeMetrics;
  assert.equal(text(resource.resource.attributes, "service.name").stringValue, "virtuoso-proxy");
  assert.equal(text(resource.resource.attributes, "team").stringValue, 'a"bü');
  assert.equal(scope.scope.name, "virtuoso-proxy");
  spans.push(...(scope.spans ?? []));
  for (const metric of scope.metrics ?? []) metrics.set(metric.name, metric);
}

const named = (name) => spans.find((span) => span.name === name);

function judgeSpans() {
  const server = named("POST /api/v1/commands/execute");
  const run = named("test run");
  const call = spans.find((span) => span.kind === 3 && hex(span.parentSpanId) === hex(server.spanId));
  assert.equal(hex(server.traceId), "0af7651916cd43dd8448eb211c80319c");
  assert.equal(hex(server.parentSpanId), "b7ad6b7169203331");
  assert.equal(server.traceState, "a=1,b=2");
  assert.equal(server.kind, 2);
  assert.equal(text(server.attributes, "http.request.method").stringValue, "POST");
  assert.equal(text(server.attributes, "http.response.status_code").intValue, "200");
  assert.equal(text(server.attributes, "http.route").stringValue, "/api/v1/commands/execute");
  for (const key of ["server.address", "server.port", "url.full", "http.response.status_code"])
    assert.ok(text(call.attributes, key), `the call has ${key}`);
  assert.equal(hex(run.links[0].spanId), hex(named("POST /api/v1/tests/run").spanId));
  assert.equal(hex(run.links[0].traceId), hex(run.traceId));
  for (const span of spans) {
    assert.equal(hex(span.traceId).length, 32);
    assert.equal(hex(span.spanId).length, 16);
    assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
    assert.ok(Math.abs(Number(BigInt(span.endTimeUnixNano) / 1000000n) - Date.now()) < 3600000);
    for (const { key } of span.attributes ?? [])
      assert.match(key, /^(http|url|server|client|network|user_agent|error|db|virtuoso_proxy)\./);
  }
}

function judgeMetrics() {
  const [point] = metrics.get("http.server.request.duration").histogram.dataPoints;
  const counts = point.bucketCounts.map(Number);
  assert.equal(counts.length, point.explicitBounds.length + 1);
  assert.equal(counts.reduce((sum, one) => sum + one, 0), Number(point.count));
  assert.ok(point.sum > 0 && point.explicitBounds[0] < point.explicitBounds[1]);
  assert.equal(metrics.get("http.server.request.duration").unit, "s");
  assert.ok(metrics.get("process.cpu.time").sum.isMonotonic);
  assert.ok(metrics.get("process.cpu.time").sum.dataPoints[0].asDouble > 0);
  assert.equal(metrics.get("virtuoso_proxy.connections_total").sum.aggregationTemporality, 2);
  assert.ok(Number(metrics.get("virtuoso_proxy.connections_total").sum.dataPoints[0].asInt) > 0);
}

const isDone = () =>
  ["POST /api/v1/commands/execute", "POST /api/v1/tests/run", "test run"].every(named) &&
  metrics.get("http.server.request.duration")?.histogram.dataPoints?.length > 0;

const server = http.createServer(async (request, answer) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  let bytes = Buffer.concat(pieces);
  assert.equal(request.headers["content-type"],
    form === "http/protobuf" ? "application/x-protobuf" : "application/json");
  if (compression === "gzip") {
    assert.equal(request.headers["content-encoding"], "gzip");
    bytes = zlib.gunzipSync(bytes);
  } else {
    assert.equal(request.headers["content-encoding"], undefined);
  }
  take(request.url, read(request.url, bytes));
  answer.writeHead(200).end();
  if (isDone()) {
    judgeSpans();
    judgeMetrics();
    process.exit(0);
  }
});
server.listen(0, "127.0.0.1", () => fs.writeFileSync(portFile, String(server.address().port)));
