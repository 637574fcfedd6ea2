// Starts the real program (`mitral demo`) for a test and looks at it closely when it ends: exit status 0 on SIGTERM, no
// sanitizer report, an audit chain that verifies, and no token, code, secret, password or patient's name in what it wrote to
// its log, its metrics and its audit record (threat W-27).
//
//   await run('what is tested', { tokenFormat: 'jwt', origins: [] }, async ({ demo, check }) => { ... });
//
// The binary is the first argument of the test, or MITRAL_BINARY. Further arguments: --tls, --token-format FORMAT.
// With --tls the body runs in a second process, because Node reads NODE_EXTRA_CA_CERTS only when it starts.
// Exit status 77: the npm packages or Chromium are not installed. Waits are generous: the program may carry sanitizers.
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';

export const START_MS = 90_000;
const END_MS = 60_000;

const argument = (name) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
export const binary = () => {
  const path = process.argv[2]?.startsWith('--') ? undefined : process.argv[2];
  const found = path ?? process.env.MITRAL_BINARY;
  if (!found || !existsSync(found)) {
    console.error('which program? first argument or MITRAL_BINARY');
    process.exit(2);
  }
  return found;
};

/// A package of tests/node_modules; the test is skipped where it is not installed.
export async function stranger(name) {
  try {
    return await import(name);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    console.error(`${name} is not installed: run npm ci in tests/`);
    process.exit(77);
  }
}

// Told to end, the test still ends what it started ('exit' handlers).
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.once(signal, () => process.exit(1));

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/// Asks until the answer is truthy; the time it took in milliseconds. Fails after `bound`.
export async function until(what, bound, ask, pause = 20) {
  const from = performance.now();
  for (;;) {
    if (await ask()) return performance.now() - from;
    if (performance.now() - from > bound) assert.fail(`not within ${bound} ms: ${what}`);
    await sleep(pause);
  }
}

// Shapes of Mitral's own handles and of every JWS; 43 characters are 256 random bits.
const SHAPES = [/\bm(?:at|rt|ac|lt)_[A-Za-z0-9_-]{40,}/, /eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{8,}/, /request_uri:[A-Za-z0-9_-]{43}/];
// People of the sample data: who they are is nobody's business but the record's.
export const PEOPLE = ['Maria Sample', 'Leo Sample', 'Nora Sample', 'Otto Nobody', 'Dr. Ada', '1988-04-12', '1961-11-03'];

export class Demo {
  constructor(info, child) {
    this.info = info;
    this.child = child;
    this.errors = '';
    this.canaries = new Map();
    for (const [name, user] of Object.entries(info.users)) this.canary(`password of ${name}`, user.password);
    for (const [name, client] of Object.entries(info.clients)) {
      this.canary(`secret of ${name}`, client.client_secret);
      this.canary(`private key of ${name}`, client.private_jwk?.d);
    }
    this.canary('secret of the resource server', info.resource_server.secret);
  }

  static async start({ tls = false, tokenFormat, origins = [] } = {}) {
    const folder = mkdtempSync(join(tmpdir(), 'mitral-e2e-'));
    const file = join(folder, 'info.json');
    const args = ['demo', '--port', '0', '--info', file];
    if (tls) args.push('--tls');
    if (tokenFormat) args.push('--token-format', tokenFormat);
    for (const origin of origins) args.push('--origin', origin);
    const child = spawn(binary(), args, { stdio: ['ignore', 'ignore', 'pipe'], env: sanitizers() });
    process.on('exit', () => child.kill('SIGKILL'));
    let errors = '';
    let demo;
    child.stderr.setEncoding('utf8').on('data', (text) => {
      if (demo) demo.errors += text; else errors += text;
    });
    let ended;
    const end = new Promise((resolve) => child.once('exit', (code, signal) => resolve((ended = { code, signal }))));
    try {
      await until('the demo listens', START_MS, () => {
        if (ended) assert.fail(`the demo ended at once (${ended.code ?? ended.signal}):\n${errors}`);
        return existsSync(file);
      }, 25);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
    demo = new Demo(JSON.parse(readFileSync(file, 'utf8')), child);
    demo.infoFile = file;
    demo.errors = errors;
    demo.end = end;
    demo.folder = folder;
    return demo;
  }

  /// Remembers something that must never be written down.
  canary(label, value) {
    if (typeof value === 'string' && value.length >= 8) this.canaries.set(value, label);
    return value;
  }
  /// All that is secret in a token response.
  tokens(response) {
    for (const name of ['access_token', 'refresh_token', 'id_token', 'code']) this.canary(name, response[name]);
    return response;
  }

  /// An operator's command beside the running demo.
  command(...args) {
    return program('-c', this.info.config, ...args);
  }

  async metrics() {
    const text = await fetchText(`${this.info.admin}/metrics`);
    assert.equal(text.status, 200);
    return text.body;
  }
  async metric(name) {
    const line = (await this.metrics()).split('\n').find((l) => l.startsWith(`${name} `));
    assert.ok(line, `there is no metric ${name}`);
    return Number(line.split(' ')[1]);
  }

  /// The names of everything secret that `text` holds.
  secretsIn(text, { people = true } = {}) {
    const found = [];
    for (const [value, label] of this.canaries) if (text.includes(value)) found.push(label);
    for (const shape of SHAPES) if (shape.test(text)) found.push(`something like ${shape}`);
    for (const person of people ? PEOPLE : []) if (text.includes(person)) found.push(person);
    return found;
  }

  /// What it wrote to standard error, shortened in the middle.
  said() {
    const text = this.errors;
    return text.length < 8_000 ? text : `${text.slice(0, 6_000)}\n[…]\n${text.slice(-2_000)}`;
  }

  async stop(check) {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      await check('metrics and audit record hold no secret', async () => {
        assert.deepEqual(this.secretsIn(await this.metrics()), []);
        const record = await this.command('audit', 'export', '--format', 'json');
        assert.equal(record.code, 0, record.err);
        assert.deepEqual(this.secretsIn(record.out), []);
      });
      await check('audit chain is intact', async () => {
        const verdict = await this.command('--json', 'audit', 'verify');
        assert.equal(verdict.code, 0, verdict.out + verdict.err);
        assert.equal(JSON.parse(verdict.out).finding, 'intact');
      });
      this.child.kill('SIGTERM');
    }
    const timer = setTimeout(() => this.child.kill('SIGABRT'), END_MS);
    const { code, signal } = await this.end;
    clearTimeout(timer);
    await check('the demo ends cleanly', () => assert.deepEqual({ code, signal }, { code: 0, signal: null }, this.said()));
    await check('no sanitizer has anything to say', () => {
      assert.doesNotMatch(this.errors, /Sanitizer|runtime error:|SUMMARY:|Assertion/, 'see above');
    });
    await check('W27: the log holds no secret', () => assert.deepEqual(this.secretsIn(this.errors), []));
    await check('its folder is gone', () => assert.ok(!existsSync(this.info.config)));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function sanitizers() {
  return { ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0', UBSAN_OPTIONS: 'print_stacktrace=1', ...process.env };
}

/// Runs the program to its end.
export function program(...args) {
  return new Promise((resolve) => {
    execFile(binary(), args, { env: sanitizers(), timeout: 60_000, maxBuffer: 64 << 20 }, (error, out, err) => {
      resolve({ code: error ? error.code ?? error.signal : 0, out, err });
    });
  });
}

function fetchText(url) {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (part) => (body += part)).on('end', () => resolve({ status: answer.statusCode, body }));
    }).on('error', reject);
  });
}

export class Checks {
  passed = 0;
  failed = 0;
  /// One line for each check. A check that fails does not end the test: what follows is looked at too.
  check = async (name, work) => {
    const from = performance.now();
    try {
      const value = await work();
      this.passed += 1;
      console.log(`ok      ${name} (${Math.round(performance.now() - from)} ms)`);
      return value;
    } catch (error) {
      this.failed += 1;
      console.log(`FAILED  ${name}\n        ${String(error?.stack ?? error).split('\n').join('\n        ')}`);
      return undefined;
    }
  };
  finish() {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    process.exitCode = this.failed === 0 && this.passed > 0 ? 0 : 1;
  }
}

/// Runs `body` against a demo of its own. The options of the command line go before `options`.
export async function runOne(checks, title, options, body) {
  const { check } = checks;
  const wanted = { ...options };
  if (process.argv.includes('--tls')) wanted.tls = true;
  wanted.tokenFormat = argument('--token-format') ?? wanted.tokenFormat;
  const label = `${title}${wanted.tls ? ', TLS' : ''}${wanted.tokenFormat ? `, ${wanted.tokenFormat} tokens` : ''}`;
  if (process.env.MITRAL_TEST_ATTACH) return attached(checks, body);
  console.log(`# ${label}`);
  const demo = await check('the demo starts', () => Demo.start(wanted));
  if (!demo) return;
  try {
    if (wanted.tls) {
      await inChild(checks, demo);
    } else {
      await body({ demo, check });
    }
  } catch (error) {
    await check('the test reaches its end', () => { throw error; });
  } finally {
    await demo.stop(check);
  }
}

export async function run(title, options, body) {
  const checks = new Checks();
  await runOne(checks, title, options, body);
  if (!process.env.MITRAL_TEST_ATTACH) checks.finish();
}

// The second process reports what it counted and which secrets it saw.
async function attached(checks, body) {
  const { info, report } = JSON.parse(process.env.MITRAL_TEST_ATTACH);
  const demo = new Demo(JSON.parse(readFileSync(info, 'utf8')), null);
  try {
    await body({ demo, check: checks.check });
  } catch (error) {
    await checks.check('the test reaches its end', () => { throw error; });
  }
  const { passed, failed } = checks;
  writeFileSync(report, JSON.stringify({ passed, failed, canaries: [...demo.canaries] }));
}

async function inChild(checks, demo) {
  const report = join(demo.folder, 'report.json');
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, NODE_EXTRA_CA_CERTS: demo.info.ca_file, MITRAL_TEST_ATTACH: JSON.stringify({ info: demo.infoFile, report }) },
  });
  await new Promise((resolve) => child.once('exit', resolve));
  const { passed, failed, canaries } = JSON.parse(readFileSync(report, 'utf8'));
  checks.passed += passed;
  checks.failed += failed;
  for (const [value, label] of canaries) demo.canary(label, value);
}
