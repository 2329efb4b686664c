// See check_webhooks.sh.
import assert from "node:assert/strict";
import http from "node:http";
import { createRequire } from "node:module";
import { Webhook } from "standardwebhooks";

const cards = createRequire(import.meta.url)("adaptivecards/dist/adaptivecards.js");
const proxy = process.argv[2];
const posts = [];
let wake = () => {};
const receiver = http.createServer(async (request, answer) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  posts.push({ headers: request.headers, body: Buffer.concat(pieces).toString() });
  answer.writeHead(204).end();
  wake();
});

await new Promise((ready) => receiver.listen(0, "127.0.0.1", ready));
const target = `http://127.0.0.1:${receiver.address().port}/`;

async function ask(method, path, body) {
  const answer = await fetch(proxy + path, {
    method,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}

// The next post that came in.
async function next() {
  while (posts.length === 0) await new Promise((ready) => (wake = ready));
  return posts.shift();
}

async function hook(more) {
  const made = await ask("POST", "/api/v1/webhooks", { url: target, events: ["session.created"], ...more });
  return { path: `/api/v1/webhooks/${made.webhook.id}`, secret: made.secret };
}

// Signatures: with the secret that was made, with one of the caller's, and with both while it is changed.
const made = await hook({});
await ask("POST", "/api/v1/sessions", { name: "Grüße, 世界 🎉" });
let post = await next();
const event = new Webhook(made.secret).verify(post.body, post.headers);
assert.equal(event.type, "session.created");
assert.equal(event.specversion, "1.0");
assert.equal(event.id, post.headers["webhook-id"]);
assert.throws(() => new Webhook(made.secret).verify(post.body.replace("created", "creates"), post.headers));
assert.throws(() => new Webhook(made.secret).verify(post.body, { ...post.headers, "webhook-id": "x-1" }));
const other = "whsec_" + Buffer.alloc(32, 7).toString("base64");
assert.throws(() => new Webhook(other).verify(post.body, post.headers));
await ask("PATCH", made.path, { secret: other });
await ask("POST", `${made.path}/test`, {});
post = await next();
new Webhook(made.secret).verify(post.body, post.headers);
new Webhook(other).verify(post.body, post.headers);
await ask("DELETE", made.path);

// Teams: a message with one card, which the library reads without a complaint. It is signed, too.
const teams = await hook({ shape: "teams" });
await ask("POST", "/api/v1/sessions", { name: "a" });
post = await next();
new Webhook(teams.secret).verify(post.body, post.headers);
const message = JSON.parse(post.body);
assert.deepEqual(Object.keys(message).sort(), ["attachments", "type"]);
assert.equal(message.type, "message");
assert.equal(message.attachments.length, 1);
assert.equal(message.attachments[0].contentType, "application/vnd.microsoft.card.adaptive");
const context = new cards.SerializationContext(cards.Versions.v1_4);
const card = new cards.AdaptiveCard();
card.parse(message.attachments[0].content, context);
assert.equal(context.eventCount, 0);
assert.equal(card.validateProperties().validationEvents.length, 0);
assert.equal(card.getItemCount(), 1);
assert.match(card.getItemAt(0).text, /^session\.created: ok \(sess_/);
await ask("DELETE", teams.path);

// Slack: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: one text, in which &, < and >
// are written as entities.
const slack = await hook({ shape: "slack" });
await ask("POST", "/api/v1/sessions", { name: "a" });
post = await next();
const text = JSON.parse(post.body);
assert.deepEqual(Object.keys(text), ["text"]);
assert.match(text.text, /^session\.created: ok \(sess_/);
assert.ok(text.text.length < 40000 && !/[<>]/.test(text.text));
receiver.close();
receiver.closeAllConnections();
