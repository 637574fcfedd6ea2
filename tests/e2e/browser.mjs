// Chromium for tests, and somebody who watches it: whatever a page puts on its console as an error, each violation of a content
// security policy, each script that fails and each 5xx answer makes the test fail; bodies that come from the gateway are kept.
import { createServer } from 'node:http';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { sleep, stranger } from './harness.mjs';

const CHROMIUM = process.env.MITRAL_CHROMIUM ?? '/usr/bin/chromium';
export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 390, height: 844 };
export const WAIT_MS = 30_000;
const SHOTS = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'build', 'screenshots');

export async function chromium() {
  const { chromium: driver } = await stranger('playwright-core');
  if (!existsSync(CHROMIUM)) {
    console.error(`${CHROMIUM} is not installed`);
    process.exit(77);
  }
  return driver.launch({
    executablePath: CHROMIUM, headless: true, timeout: 90_000,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/// Listens to all pages of a context.
export class Watcher {
  problems = [];
  answers = [];
  bodies = [];
  posts = [];
  #reading = [];

  constructor(context, { gateway = '', expected = [403] } = {}) {
    const watch = (page) => {
      page.on('console', (message) => {
        if (message.type() !== 'error' && !/content security policy|refused to/i.test(message.text())) return;
        // The status itself is judged below.
        const status = message.text().match(/^Failed to load resource: the server responded with a status of (\d+)/)?.[1];
        if (status && expected.includes(Number(status))) return;
        this.problems.push(`console: ${message.text()} (${message.location()?.url ?? ''})`);
      });
      page.on('pageerror', (error) => this.problems.push(`script: ${error.message}`));
      page.on('crash', () => this.problems.push('the page crashed'));
    };
    context.on('page', watch);
    context.on('response', (response) => {
      if (response.status() >= 500) this.problems.push(`${response.status()} ${response.url()}`);
      if (gateway && response.url().startsWith(gateway)) {
        this.answers.push({ url: response.url(), status: response.status() });
        // The body of an answer that its page left before reading it never comes.
        const read = response.text().then((text) => this.bodies.push({ url: response.url(), status: response.status(), text }), () => {});
        this.#reading.push(Promise.race([read, sleep(5_000)]));
      }
    });
    context.on('request', (request) => { if (request.method() === 'POST') this.posts.push(request.url()); });
  }
  async quiet() {
    await Promise.all(this.#reading);
    assert.deepEqual(this.problems, []);
  }
  async gatewayBodies() {
    await Promise.all(this.#reading);
    return this.bodies;
  }
}

/// Pictures at the width of a desk and of a phone, and nothing may stick out at the side.
/// With `unscrolled`, also what is seen before anybody scrolls.
export async function picture(page, name, { unscrolled = false } = {}) {
  mkdirSync(SHOTS, { recursive: true });
  for (const [kind, size] of [['desktop', DESKTOP], ['phone', PHONE]]) {
    await page.setViewportSize(size);
    // The caret is left alone: hiding it would need an inline style, which these pages' policy refuses.
    await page.screenshot({ path: join(SHOTS, `${name}-${kind}.png`), fullPage: true, caret: 'initial' });
    if (unscrolled) await page.screenshot({ path: join(SHOTS, `${name}-${kind}-window.png`), caret: 'initial' });
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]).catch(() => [0, 0]);
    assert.ok(widths[0] <= widths[1], `${name} is ${widths[0]} px wide in a window of ${widths[1]} px`);
  }
  await page.setViewportSize(DESKTOP);
}

/// A web server of somebody else on this machine: paths to [type, text].
export async function site(pages) {
  const visits = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://127.0.0.1');
    visits.push(url);
    const found = pages[url.pathname];
    if (!found) return response.writeHead(404).end();
    const [type, text] = typeof found === 'function' ? found(url) : found;
    response.writeHead(200, { 'Content-Type': type }).end(text);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, visits, close: () => { server.close(); server.closeAllConnections?.(); } };
}
