// The pages /ui and /ui/runs as people see them; see check_ui.sh. Arguments: the traffic listener, the admin listener,
// a key.
const { chromium } = require('playwright-core');
const assert = require('assert');
const [base, admin, key] = process.argv.slice(2);
const shots = process.env.VP_SHOTS;

const SIZES = [[390, 844], [1280, 900]];
const COLORS = ['light', 'dark'];
const TEST = (name) => `name: ${name}\nproject: Shop\nsteps:\n  - navigate to https://example.com\n` +
  '  - click "Sign in"\n  - write "ada" into "A field with a rather long name, so that a line of a telephone must break"\n' +
  '  - click "<b>bold</b>"\n'.repeat(6);

// A page on which every request to another address and everything that the console says is an error.
async function open(browser, root, path, width, height, colorScheme) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme });
  const page = await context.newPage();
  page.setDefaultTimeout(300000); // a loaded machine takes its time
  const wrong = [];
  await page.route('**/*', (route) => {
    const url = route.request().url();
    if (url.startsWith(`${root}/`)) return route.continue();
    wrong.push(`foreign: ${url}`);
    return route.abort();
  });
  // That a key is asked for is told to the console by the browser itself.
  page.on('console', (message) => { if (!/status of 401/.test(message.text())) wrong.push(`console: ${message.text()}`); });
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  await page.goto(root + path);
  return { context, page, wrong };
}

async function end({ context, page, wrong }, name) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (shots) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
  await context.close();
  assert.deepStrictEqual(wrong, [], name);
  assert.ok(overflow <= 0, `${name} is ${overflow} px wider than the screen`);
}

const run = (name, query = 'async=true&execute=true') => fetch(`${base}/api/v1/tests/run?${query}`,
  { method: 'POST', headers: { 'X-API-Key': key, 'Content-Type': 'application/yaml' }, body: TEST(name) });

async function liveFigures(browser, width, height, color) {
  const opened = await open(browser, admin, '/ui', width, height, color);
  const { page } = opened;
  const asked = setInterval(() => { fetch(`${base}/api/projects`, { method: 'POST', headers: { 'X-API-Key': key, 'Content-Type': 'application/json' }, body: '{"name":"x"}' }).catch(() => {}); }, 100);
  try {
    for (const title of ['Requests', 'Latency', 'Platform calls', 'Memory']) {
      const value = page.locator('figure.plot', { has: page.locator(`figcaption strong:text-is("${title}")`) }).locator('.legend b').first();
      await value.filter({ hasText: /[1-9]/ }).waitFor();
    }
    for (const title of ['Errors', 'Wait in the queue', 'Lanes', 'Test runs', 'Connections', 'Calls at once']) { // levels: a number, be it 0
      const value = page.locator('figure.plot', { has: page.locator(`figcaption strong:text-is("${title}")`) }).locator('.legend b').first();
      await value.filter({ hasText: /\d/ }).waitFor();
    }
    const latency = page.locator('figure.plot', { has: page.locator('figcaption strong:text-is("Latency")') });
    for (const quantile of ['p50', 'p95', 'p99']) await latency.locator('.legend', { hasText: quantile }).first().waitFor();
    await page.waitForFunction(() => /L/.test(document.querySelector('.line0').getAttribute('d')));
    await page.locator('#state', { hasText: 'Version' }).waitFor();
  } finally {
    clearInterval(asked);
  }
  await end(opened, `ui-${width}-${color}`);
}

async function testRuns(browser, width, height, color) {
  const name = `Seen at ${width}, ${color}`;
  const opened = await open(browser, base, '/ui/runs', width, height, color);
  const { page } = opened;
  await page.locator('#key input').fill('a-key-that-nobody-has-given');
  await page.locator('#key button').click();
  await page.locator('#state.trouble').waitFor();
  await page.locator('#key input').fill(key);
  await page.locator('#key button').click();
  await page.locator('#state', { hasText: 'test run' }).waitFor();
  assert.strictEqual((await run(name)).status, 202);
  const card = page.locator('details.run', { has: page.locator(`summary strong:text-is("${name}")`) });
  await card.locator('summary').click();
  await card.locator('li .badge.done, li .badge.passed, li .badge.failed').first().waitFor();
  await card.locator('summary .badge').filter({ hasText: 'passed' }).waitFor();
  assert.ok(await card.locator('li').count() >= 9);
  assert.strictEqual(await card.locator('li b').count(), 0); // text of a test is no markup
  assert.match(await card.locator('li a').first().getAttribute('href'), /^http:\/\/127\.0\.0\.1:\d+\/pictures\/\d+\.png$/);
  await card.locator('button', { hasText: 'Execute again' }).click();
  await card.locator('.tools', { hasText: /Execution \d+: (pass|fail)/ }).waitFor();
  const kept = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie, location.href]));
  assert.ok(!kept.includes(key));
  await end(opened, `runs-${width}-${color}`);
}

async function main() {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  await run('"<i>An older one</i>"', '');
  for (const [width, height] of SIZES) {
    for (const color of COLORS) {
      await Promise.all([liveFigures(browser, width, height, color), testRuns(browser, width, height, color)]);
    }
  }
  await browser.close();
  console.log('both pages, at two widths, light and dark');
}

main().then(() => process.exit(0), (error) => { console.error(error.stack); process.exit(1); });
