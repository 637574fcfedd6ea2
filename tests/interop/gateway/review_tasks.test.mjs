// Emergency accesses and the FHIR server that is to be told of them: two gateways before one sandbox that is down at first;
// one of the gateways is killed before it could tell. There is one Task for each access in the end.
//
//   node.sh review_tasks.test.mjs <path of mitral>
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { Checks, binary, program, until } from '../../e2e/harness.mjs';

const freePort = () => new Promise((resolve) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});
const children = new Set();
function start(...args) {
  const child = spawn(binary(), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (child.said += text));
  children.add(child);
  return child;
}
process.on('exit', () => { for (const child of children) child.kill('SIGKILL'); });
const ended = (child, signal) => new Promise((resolve) => {
  children.delete(child);
  child.once('exit', resolve);
  child.kill(signal);
});
const listening = (what, port, child) => until(what, 60_000, () => new Promise((resolve) => {
  if (child.exitCode !== null) assert.fail(`${what}: ended at once\n${child.said}`);
  const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); }).on('error', () => resolve(false));
}));

const [fhirPort, onePort, twoPort, adminPort] = await Promise.all([1, 2, 3, 4].map(freePort));
const fhir = `http://127.0.0.1:${fhirPort}/fhir`;
const audience = 'https://records.example/fhir';
const SECRET = 'gateway-' + 's'.repeat(40);

// An issuer that knows tokens by their names: "emergency-7" is one for Maria's record, in an emergency.
const issuer = http.createServer((request, response) => {
  let body = '';
  request.on('data', (text) => (body += text));
  request.on('end', () => {
    const token = new URLSearchParams(body).get('token') ?? '';
    const now = Math.floor(Date.now() / 1000);
    const answer = !token.startsWith('emergency-') ? { active: false } : {
      active: true, iss: issuerUrl, aud: audience, iat: now, exp: now + 900, jti: token, client_id: 'er-app', sub: 'u_erin', scope: 'patient/*.rs',
      patient: 'maria', purpose_of_use: 'ETREAT',
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
});
await new Promise((resolve) => issuer.listen(0, '127.0.0.1', resolve));
const issuerUrl = `http://127.0.0.1:${issuer.address().port}`;

const folder = mkdtempSync(join(tmpdir(), 'mitral-reviews-'));
const file = (name, text) => {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
};
const checks = new Checks();
const { check } = checks;
try {
  const key = join(folder, 'master.key');
  assert.equal((await program('key', 'master', key)).code, 0);
  const secret = file('secret', SECRET);
  const config = (name, port, more = '') => file(`${name}.toml`, `
[gateway]
listen = "127.0.0.1:${port}"
public_base = "http://127.0.0.1:${port}/fhir"
audience = "${audience}"
upstream = "${fhir}"
review_tasks = true
issuer = "${issuerUrl}"
issuer_kind = "introspection"
credential_id = "gateway"
credential_secret_file = "${secret}"
master_key_file = "${key}"
audit = { path = "${join(folder, name)}.db" }
${more}
[gateway.foreign]
introspection_url = "${issuerUrl}/introspect"
trust_purpose = true
[gateway.circuit]
enabled = false
`);
  const configs = [config('one', onePort, `admin_listen = "127.0.0.1:${adminPort}"`), config('two', twoPort)];
  let [one, two] = configs.map((path) => start('-c', path, 'gateway'));
  await check('the gateways start', async () => {
    await listening('the first gateway', onePort, one);
    await listening('the second gateway', twoPort, two);
  });
  const read = async (port, token, path = '/Patient/maria') =>
    (await fetch(`http://127.0.0.1:${port}/fhir${path}`, { headers: { authorization: `Bearer ${token}`, accept: 'application/fhir+json' } })).status;
  const open = async () => Number(/^mitral_gateway_reviews_open (\d+)$/m.exec(await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text())[1]);
  const told = async (type) => {
    const answer = await (await fetch(`${fhir}/${type}?_count=100`, { headers: { accept: 'application/fhir+json' } })).json();
    return (answer.entry ?? []).map(({ resource }) => resource).filter(({ identifier }) => identifier?.[0]?.system === issuerUrl);
  };

  await check('while the FHIR server is down nothing is lost, and nobody waits', async () => {
    assert.equal(await read(onePort, 'emergency-1'), 503);
    assert.equal(await read(twoPort, 'emergency-1'), 503);
    assert.equal(await read(twoPort, 'emergency-2'), 503);
    assert.equal(await open(), 1);
  });
  await check('a gateway that is killed remembers', async () => {
    await ended(two, 'SIGKILL');
    two = start('-c', configs[1], 'gateway');
    await listening('the second gateway', twoPort, two);
  });
  await check('one Task and one Communication for each access, from whichever gateway', async () => {
    const server = start('sandbox', '--listen', `127.0.0.1:${fhirPort}`);
    await listening('the FHIR server', fhirPort, server);
    await until('the Tasks', 60_000, async () => (await told('Task')).length >= 2 && (await told('Communication')).length >= 2 && (await open()) === 0, 200);
    // The second one tells of the first access too.
    const record = async () => (await program('-c', configs[1], 'audit', '--gateway', 'export', '--format', 'json')).out;
    await until('the second gateway', 60_000, async () => (await record()).split('"reason":"review_written"').length === 3, 500);
    const tasks = await told('Task');
    assert.deepEqual(tasks.map(({ identifier }) => identifier[0].value).sort(), ['emergency-1', 'emergency-2']);
    for (const task of tasks) {
      assert.equal(task.status, 'requested');
      assert.equal(task.for.reference, 'Patient/maria');
    }
    assert.deepEqual((await told('Communication')).map(({ identifier }) => identifier[0].value).sort(), ['emergency-1', 'emergency-2']);
  });
  await check('further use tells nothing more', async () => {
    for (const port of [onePort, twoPort]) {
      assert.equal(await read(port, 'emergency-1'), 200);
      assert.equal(await read(port, 'emergency-2', '/Observation?patient=maria'), 200);
    }
    await until('the first gateway', 60_000, async () => (await open()) === 0, 200);
    assert.equal((await told('Task')).length, 2);
  });
  await check('the gateways end cleanly, and their logs name no patient', async () => {
    for (const child of [one, two]) {
      assert.equal(await ended(child, 'SIGTERM'), 0, child.said);
      assert.doesNotMatch(child.said, /Sanitizer|runtime error:|maria|u_erin/);
    }
  });
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
checks.finish();
process.exit();
