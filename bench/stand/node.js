// The same JSON work as our command route, with Node's http and a keep-alive agent: node node.js PLATFORM_PORT
const http = require('http');
const crypto = require('crypto');

const platform = Number(process.argv[2]);
const agent = new http.Agent({ keepAlive: true, maxSockets: 16384, maxFreeSockets: 16384 });

function read(stream, done) {
  const chunks = [];
  stream.on('data', (chunk) => chunks.push(chunk));
  stream.on('end', () => done(Buffer.concat(chunks).toString()));
}

function command(text, id, res) {
  let given;
  try { given = JSON.parse(text); } catch (e) { res.writeHead(400); res.end(); return; }
  if (given.command !== 'step-interact click' || !Array.isArray(given.args)) { res.writeHead(400); res.end(); return; }
  const out = JSON.stringify({
    checkpointId: Number(given.checkpoint_id), stepIndex: given.position,
    parsedStep: { action: 'CLICK', value: '', target: { selectors: [{ type: 'GUESS', value: JSON.stringify({ clue: given.args[0] }) }] },
      meta: { kind: 'CLICK', type: 'NATURAL' } },
  });
  const headers = { authorization: 'Bearer x', 'content-type': 'application/json', accept: 'application/json',
    'x-request-id': id, 'content-length': Buffer.byteLength(out) };
  const call = http.request({ host: '127.0.0.1', port: platform, method: 'POST', path: '/api/teststeps?envelope=false', agent, headers },
    (answer) => read(answer, (body) => {
      const step = JSON.parse(body);
      const now = new Date().toISOString();
      const reply = JSON.stringify({ status: 'success', data: { step_id: String(step.id), checkpoint_id: String(given.checkpoint_id),
        position: given.position, type: step.action, description: 'Click an element', created_at: now }, warnings: [],
        message: 'step-interact click: done', request_id: id, timestamp: now, execution_time_ms: 0 });
      res.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(reply), 'X-Request-Id': id });
      res.end(reply);
    }));
  call.on('error', () => { res.writeHead(502); res.end(); });
  call.end(out);
}

const server = http.createServer((req, res) => {
  read(req, (text) => command(text, req.headers['x-request-id'] || crypto.randomBytes(16).toString('hex'), res));
});
server.keepAliveTimeout = 75000;
server.listen(0, '127.0.0.1', 4096, () => console.log('port ' + server.address().port));
process.stdin.on('end', () => process.exit(0)).resume(); // ends with its parent
