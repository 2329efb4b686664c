// The /docs page as a person uses it; see check_docs.sh. Exit 77: the plain page (nothing to press).
const { chromium } = require('playwright-core');
const base = process.argv[2];

async function main() {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  const page = await browser.newPage();
  const foreign = [];
  await page.route('**/*', (route) => {
    const url = route.request().url();
    if (url.startsWith(base) || url.startsWith('data:')) return route.continue();
    foreign.push(url);
    return route.abort();
  });
  await page.goto(`${base}/docs`);
  if (await page.locator('#swagger-ui').count() === 0) {
    console.log('skipped: this build has the plain page');
    await browser.close();
    return 77;
  }
  await page.waitForSelector('.opblock', { timeout: 30000 });
  const operation = page.locator('#operations-simplified-listProjects');
  await operation.locator('.opblock-summary-control').click();
  await operation.locator('.try-out__btn').click();
  await operation.locator('.execute').click();
  const status = operation.locator('.live-responses-table .response .response-col_status').first();
  await status.waitFor({ timeout: 20000 });
  const text = (await status.innerText()).trim();
  await browser.close();
  console.log(`try it out: ${text}; requests to other hosts: ${foreign.length}`);
  return text.startsWith('200') && foreign.length === 0 ? 0 : 1;
}

main().then((code) => process.exit(code), (error) => { console.error(error.message); process.exit(1); });
