// One call of every operation of /openapi.json, by a client that openapi-typescript and openapi-fetch make of the
// document, through prism as a proxy that holds each request and each answer against it. The compiler checks the
// calls that are written out; the rest is made of the document's own examples.
//   node calls.js PRISM_URL PROXY_URL
import createClient from "openapi-fetch";
import type { paths } from "./schema.mjs";

type Json = any;
const [prism, proxy] = process.argv.slice(2) as [string, string];
const problems: string[] = [];
let calls = 0;

// The platform has nothing that these would change; what it answers is documented all the same.
function refusedByPlatform(request: Request): boolean {
  return ["PATCH", "DELETE"].includes(request.method) && request.url.includes("/virtuoso/");
}

// Each answer that passes prism tells what is wrong with it, and with its request.
async function watched(request: Request): Promise<Response> {
  const response = await fetch(request);
  const violations = response.headers.get("sl-violations");
  calls++;
  const name = `${request.method} ${new URL(request.url).pathname} ${response.status}`;
  if (violations) problems.push(`${name}: ${violations}`);
  else if (response.status >= 400 && !refusedByPlatform(request)) problems.push(`${name}: ${await response.clone().text()}`);
  return response;
}

const client = createClient<paths>({ baseUrl: prism, fetch: watched });
const untyped = client as Json;

function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what}: no answer\n${problems.join("\n")}`);
  return value;
}

type Made = { session: string; run: string; webhook: string; delivery: string };

// What the compiler must accept: these are the forms that clients of the contract need.
async function typedCalls(): Promise<Made> {
  const file = { name: "Log in", steps: [{ navigate: "https://example.com" }, { click: "Sign in" }] };
  const text = "name: Log in\nsteps:\n  - click: Sign in\n";
  const asText = { headers: { "Content-Type": "application/yaml" }, bodySerializer: (body: unknown) => String(body) };

  await client.POST("/api/v1/tests/validate", { body: file });
  await client.POST("/api/v1/tests/validate", { body: text, ...asText });
  await client.POST("/api/v1/tests/compile", { body: file });
  await client.POST("/api/v1/tests/compile", { body: file, params: { query: { to: "simplified" } }, parseAs: "text" });
  await client.POST("/api/v1/tests/compile", { body: text, params: { query: { to: "sentences" } }, parseAs: "text", ...asText });
  const run = must((await client.POST("/api/v1/tests/run", { body: file })).data, "run") as Json;
  const session = must((await client.POST("/api/v1/sessions", { body: { name: "A", checkpoint_id: 1680930 } })).data, "session") as Json;
  const at = { params: { path: { id: session.session_id as string } } };
  await client.PATCH("/api/v1/sessions/{id}", { ...at, body: { position: null } });
  await client.PATCH("/api/v1/sessions/{id}", { ...at, body: { name: "B", checkpoint_id: null } });
  await client.PATCH("/api/v1/sessions/{id}", { ...at, body: { checkpoint_id: "1680930" } });
  await client.POST("/api/v1/sessions/{id}/activate", { ...at, body: {} });
  await client.GET("/api/projects", { params: { query: { raw: true } } });
  await client.POST("/api/executions", { body: { goalId: "13776" }, params: { query: { raw: true } } });
  await client.GET("/docs", { parseAs: "text" });
  await client.GET("/virtuoso/{path}", { params: { path: { path: "goals/13776/versions" } } });
  await client.GET("/api/v1/commands/{command}/help", { params: { path: { command: "step-interact/click" } } });
  const hook = must((await client.POST("/api/v1/webhooks", { body: { url: "http://127.0.0.1:9/hook", events: ["config.reloaded"] } })).data, "webhook") as Json;
  const hooked = { params: { path: { id: hook.webhook.id as string } } };
  await client.POST("/api/v1/webhooks/{id}/test", { ...hooked, body: {} });
  const list = must((await client.GET("/api/v1/webhooks/{id}/deliveries", hooked)).data, "deliveries") as Json;
  return { session: session.session_id, run: run.id, webhook: hook.webhook.id, delivery: list.deliveries[0].id };
}

// The value of a path parameter: the document's example, or what was made above.
function pathValue(path: string, parameter: Json, made: Made): string {
  if (parameter.example !== undefined) return parameter.example;
  if (path.includes("/sessions/")) return made.session;
  if (path.includes("/runs/")) return made.run;
  if (parameter.name === "delivery") return made.delivery;
  if (path.includes("/webhooks/")) return made.webhook;
  if (path.startsWith("/virtuoso/")) return "user";
  if (path === "/docs/{file}") return "plain";
  if (path === "/ui/{file}") return "live.js";
  throw new Error(`${path}: no example of ${parameter.name}`);
}

async function callOf(path: string, method: string, operation: Json, made: Made): Promise<void> {
  const options: Json = { params: { path: {} }, parseAs: "text" };
  for (const parameter of operation.parameters ?? [])
    if (parameter.in === "path") options.params.path[parameter.name] = pathValue(path, parameter, made);
  // A stream that ends with the oldest event that there is.
  if (path === "/api/v1/cache/events") options.params.query = { limit: 1 };
  if (path === "/api/v1/events") options.params.query = { limit: 1, last_event_id: "before-1" };
  const [type, media] = Object.entries<Json>(operation.requestBody?.content ?? {})[0] ?? [];
  if (media?.example !== undefined) {
    options.body = media.example;
    if (!type!.includes("json")) {
      options.headers = { "Content-Type": type };
      options.bodySerializer = String;
    }
  } else if (operation.requestBody?.required) throw new Error(`${method} ${path}: no example of the body`);
  await untyped[method.toUpperCase()](path, options);
}

const document = (await (await fetch(`${proxy}/openapi.json`)).json()) as Json;
const operations = Object.entries<Json>(document.paths).flatMap(([path, item]) =>
  Object.entries<Json>(item).map(([method, operation]) => ({ path, method, operation })));
const made = await typedCalls();
// What ends a thing comes last.
for (const deletes of [false, true])
  for (const { path, method, operation } of operations)
    if ((method === "delete") === deletes) await callOf(path, method, operation, made);

// Prism itself is held against what must not pass, else its silence would say nothing.
const seen = problems.length;
await untyped.POST("/api/goals", { body: { name: "G", projectId: "9056", colour: "red" } });
await untyped.GET("/api/projects", { params: { query: { limit: "many" } } });
if (problems.slice(seen).filter((problem) => problem.includes('"location"')).length !== 2) problems.push("prism let a wrong request pass");
else problems.length = seen;

console.log(`${calls} calls of ${operations.length} operations, ${problems.length} violations`);
for (const problem of problems) console.log(problem);
process.exit(problems.length > 0 || calls < operations.length ? 1 : 0);
