// The /docs page as a person uses it, directly and behind a proxy that takes a path prefix off and says nothing of
// it; see check_docs.sh. Exit 77: the plain page (nothing to press).
const { chromium } = require('playwright-core');
const http = require('http');
const base = process.argv[2];

// http://127.0.0.1:PORT/qa/x -> base/x; what is not below /qa is a 404.
function prefixed() {
  const server = http.createServer((request, response) => {
    if (!request.url.startsWith('/qa/')) return response.writeHead(404).end();
    const onward = http.request(base + request.url.slice(3), { method: request.method, headers: request.headers },
      (answer) => { response.writeHead(answer.statusCode, answer.headers); answer.pipe(response); });
    request.pipe(onward);
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)));
}

// The status of "try it out" on GET /api/projects; 0: the plain page.
async function tryOut(browser, root, foreign) {
  const page = await browser.newPage();
  page.setDefaultTimeout(300000); // a loaded machine takes its time
  await page.route('**/*', (route) => {
    const url = route.request().url();
    if (url.startsWith(root) || url.startsWith('data:')) return route.continue();
    foreign.push(url);
    return route.abort();
  });
  await page.goto(`${root}/docs`);
  if (await page.locator('#swagger-ui').count() === 0) return 0;
  await page.waitForSelector('.opblock');
  const operation = page.locator('#operations-simplified-listProjects');
  await operation.locator('.opblock-summary-control').click();
  await operation.locator('.try-out__btn').click();
  await operation.locator('.execute').click();
  const status = operation.locator('.live-responses-table .response .response-col_status').first();
  await status.waitFor();
  return parseInt((await status.innerText()).trim(), 10);
}

async function main() {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  const server = await prefixed();
  const foreign = [];
  const direct = await tryOut(browser, base, foreign);
  if (direct === 0) {
    console.log('skipped: this build has the plain page');
    await browser.close();
    return 77;
  }
  const behind = await tryOut(browser, `http://127.0.0.1:${server.address().port}/qa`, foreign);
  await browser.close();
  console.log(`try it out: ${direct}, behind a prefix ${behind}; requests to other addresses: ${foreign.length}`);
  return direct === 200 && behind === 200 && foreign.length === 0 ? 0 : 1;
}

main().then((code) => process.exit(code), (error) => { console.error(error.message); process.exit(1); });
