// The real nginx with samples/nginx/mitral.conf before a resource server that was made with include/mitral, and Mitral's
// gateway deciding: nginx keeps requests out, the resource server judges its answers.
//
//   node.sh nginx_auth_request.test.mjs <path of mitral> <path of example_resource_server>
// Exit status 77 when nginx is not installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { binary, program, run, until } from '../../e2e/harness.mjs';
import { Person } from '../../e2e/person.mjs';

const NGINX = ['/usr/sbin/nginx', '/usr/bin/nginx'].find((path) => existsSync(path));
if (!NGINX) {
  console.error('nginx is not installed');
  process.exit(77);
}
if (!/http_auth_request_module/.test(spawnSync(NGINX, ['-V'], { encoding: 'utf8' }).stderr)) {
  console.error('this nginx has no auth_request');
  process.exit(77);
}
const EXAMPLE = process.argv[3];
const SAMPLE = new URL('../../../samples/nginx/mitral.conf', import.meta.url);
const CALLBACK = 'http://127.0.0.1:61234/callback';
const SCOPE = 'openid launch/patient patient/Patient.rs patient/Observation.rs';
const WITHIN_MS = 2_500;

const freePort = () => new Promise((resolve) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

function ask(port, path, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    // Written by hand, so that the path goes out as it is.
    const socket = net.connect(port, '127.0.0.1');
    const lines = Object.entries({ Host: `127.0.0.1:${port}`, Connection: 'close', ...(body ? { 'Content-Length': body.length } : {}), ...headers });
    socket.write(`${method} ${path} HTTP/1.1\r\n${lines.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n${body ?? ''}`);
    let text = '';
    socket.setEncoding('utf8').on('data', (part) => (text += part)).on('error', reject).on('end', () => {
      const [head, ...rest] = text.split('\r\n\r\n');
      const [status, ...fields] = head.split('\r\n');
      const all = Object.fromEntries(fields.map((f) => [f.slice(0, f.indexOf(':')).toLowerCase(), f.slice(f.indexOf(':') + 1).trim()]));
      resolve({ status: Number(status.split(' ')[1]), headers: all, body: rest.join('\r\n\r\n') });
    });
  });
}

/// A program that runs until the test ends.
function start(command, ...args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (child.said += text));
  process.on('exit', () => child.kill('SIGKILL'));
  return child;
}
async function end(child, signal = 'SIGTERM') {
  const ended = child.exitCode !== null ? Promise.resolve(child.exitCode) : new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  return ended;
}
const listening = (what, port, child) => until(what, 60_000, () => new Promise((resolve) => {
  if (child?.exitCode != null) assert.fail(`${what}: ended at once\n${child.said}`);
  const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); }).on('error', () => resolve(false));
}));

await run('nginx auth_request, and a resource server with the SDK', {}, async ({ demo, check }) => {
  const { info } = demo;
  const folder = mkdtempSync(join(tmpdir(), 'mitral-nginx-'));
  const file = (name, text, mode = 0o600) => {
    writeFileSync(join(folder, name), text, { mode });
    return join(folder, name);
  };
  const [gatewayPort, decidePort, fhirPort, frontPort, watchPort] = await Promise.all([1, 2, 3, 4, 5].map(freePort));
  const secret = file('secret', info.resource_server.secret);
  const resource = (type, id, extra) => `${type}/${id}\t${JSON.stringify({ resourceType: type, id, ...extra })}\n`;
  const observation = (id, patient) => resource('Observation', id, { status: 'final', code: { text: 'x' }, subject: { reference: `Patient/${patient}` } });
  const resources = file('resources', resource('Patient', 'maria', {}) + resource('Patient', 'otto', {}) + observation('m1', 'maria')
    + observation('m2', 'maria') + observation('o1', 'otto'));
  const made = await program('key', 'master', join(folder, 'master.key'));
  assert.equal(made.code, 0, made.err);
  const config = file('gateway.toml', `
[gateway]
listen = "127.0.0.1:${gatewayPort}"
public_base = "${info.fhir_base}"
upstream = "${info.sandbox}"
issuer = "${info.issuer}"
credential_id = "${info.resource_server.id}"
credential_secret_file = "${secret}"
master_key_file = "${join(folder, 'master.key')}"
audit = { path = "${join(folder, 'audit.db')}" }
[gateway.identity]
headers = true
[gateway.decide]
listen = "127.0.0.1:${decidePort}"
request_only = true
`);
  const gateway = start(binary(), '-c', config, 'gateway');
  const fhir = start(EXAMPLE, `${fhirPort}`, info.fhir_base, info.issuer, info.resource_server.id, secret, resources);
  // Between nginx and the resource server: sees what nginx sends there.
  const seen = [];
  const watch = http.createServer((request, response) => {
    seen.push(request);
    const forward = http.request({ host: '127.0.0.1', port: fhirPort, method: request.method, path: request.url, headers: request.headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    forward.on('error', () => response.writeHead(502).end());
    request.pipe(forward);
  }).listen(watchPort, '127.0.0.1');
  const sample = readFileSync(SAMPLE, 'utf8').replaceAll('127.0.0.1:8082', `127.0.0.1:${decidePort}`)
    .replaceAll('127.0.0.1:8090', `127.0.0.1:${watchPort}`).replaceAll('127.0.0.1:8080', `127.0.0.1:${frontPort}`)
    .replaceAll('127.0.0.1:8081', `127.0.0.1:${gatewayPort}`);
  file('mitral.conf', sample);
  const main = file('nginx.conf', `
daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  include ${folder}/mitral.conf;
}
`);
  const nginx = start(NGINX, '-p', folder, '-c', main, '-e', 'stderr');
  try {
    await check('gateway, resource server and nginx start', async () => {
      const tested = spawnSync(NGINX, ['-p', folder, '-c', main, '-e', 'stderr', '-t'], { encoding: 'utf8' });
      assert.equal(tested.status, 0, tested.stderr);
      await listening('the gateway', decidePort, gateway);
      await listening('the resource server', fhirPort, fhir);
      await listening('nginx', frontPort, nginx);
    });

    async function tokens(scope = SCOPE) {
      const verifier = demo.canary('verifier', randomBytes(32).toString('base64url'));
      const client = info.clients.basic;
      const query = new URLSearchParams({
        response_type: 'code', client_id: client.client_id, redirect_uri: CALLBACK, scope, aud: info.fhir_base, state: 'a-state-of-this-test',
        code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
      });
      const back = await new Person(info).authorize(`${info.issuer}/authorize?${query}`, { user: info.users.patient, patient: 'maria' });
      const code = demo.canary('code', back.searchParams.get('code'));
      const answer = await new Person(info).request('POST', `${info.issuer}/token`, {
        form: { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: verifier },
        headers: { authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}` },
      });
      assert.equal(answer.status, 200, answer.body);
      return demo.tokens(JSON.parse(answer.body));
    }
    const token = await check('an app gets its token', () => tokens());
    const bearer = { Authorization: `Bearer ${token.access_token}` };

    await check('without a token: 401, and the way to one', async () => {
      const answer = await ask(frontPort, '/fhir/Patient/maria');
      assert.equal(answer.status, 401);
      assert.match(answer.headers['www-authenticate'], /^Bearer resource_metadata="http/);
      assert.equal((await ask(frontPort, '/fhir/Patient/maria', { headers: { Authorization: 'Bearer nonsense' } })).status, 401);
      assert.equal(seen.length, 0);
    });
    await check('her own record, and the FHIR server is told who asks', async () => {
      const answer = await ask(frontPort, '/fhir/Patient/maria', { headers: bearer });
      assert.equal(answer.status, 200, answer.body + gateway.said + nginx.said);
      assert.equal(JSON.parse(answer.body).id, 'maria');
      const { headers } = seen.at(-1);
      assert.equal(headers['x-authorization-client'], info.clients.basic.client_id);
      assert.equal(headers['x-authorization-patient'], 'maria');
      assert.equal(headers['x-authorization-purpose'], undefined);
    });
    await check('W19: headers of the same names from the client are gone', async () => {
      const spoofed = { 'X-Authorization-Patient': 'otto', 'X-Authorization-Purpose': 'ETREAT', X_Authorization_Patient: 'otto', 'X-HTTP-Method-Override': '' };
      const answer = await ask(frontPort, '/fhir/Patient/maria', { headers: { ...bearer, ...spoofed } });
      // The override header, even empty, is one that the decision does not like.
      assert.ok([200, 403].includes(answer.status));
      delete spoofed['X-HTTP-Method-Override'];
      assert.equal((await ask(frontPort, '/fhir/Patient/maria', { headers: { ...bearer, ...spoofed } })).status, 200);
      const { rawHeaders, headers } = seen.at(-1);
      assert.equal(headers['x-authorization-patient'], 'maria');
      assert.ok(!rawHeaders.includes('otto') && !rawHeaders.includes('ETREAT'), rawHeaders.join('\n'));
    });
    await check('the resource server judges its answers: a careless search shows nobody else', async () => {
      const answer = await ask(frontPort, '/fhir/Observation?code=x', { headers: bearer });
      assert.equal(answer.status, 200, answer.body);
      assert.deepEqual(JSON.parse(answer.body).entry.map((e) => e.resource.id), ['m1', 'm2']);
      const foreign = await ask(frontPort, '/fhir/Patient/otto', { headers: bearer });
      const absent = await ask(frontPort, '/fhir/Patient/nobody', { headers: bearer });
      assert.equal(foreign.status, 404);
      assert.equal(foreign.body, absent.body);
    });
    await check('no scope: 403 with the scope to ask for', async () => {
      const before = seen.length;
      const answer = await ask(frontPort, '/fhir/Condition/c1', { headers: bearer });
      assert.equal(answer.status, 403);
      assert.match(answer.headers['www-authenticate'], /error="insufficient_scope".*scope="patient\/Condition\.r/);
      assert.equal(seen.length, before);
    });
    await check('W18: what can not be decided by its head, or reads in two ways, stays outside', async () => {
      const before = seen.length;
      for (const path of ['/fhir//Patient/maria', '/fhir/./Patient/maria', '/fhir/%50atient/maria', '/fhir/Patient%2fotto', '/fhir/Patient/maria;x', '/fhir/x/../Patient/otto'])
        assert.ok((await ask(frontPort, path, { headers: bearer })).status >= 400, path);
      for (const [method, path] of [['POST', '/fhir/'], ['POST', '/fhir/Observation/_search'], ['DELETE', '/fhir/Patient/maria'], ['BREW', '/fhir/Patient/maria']]) {
        const answer = await ask(frontPort, path, { method, headers: { ...bearer, 'Content-Type': 'application/fhir+json' }, body: '{}' });
        assert.ok([403, 405].includes(answer.status), `${method} ${path}: ${answer.status}`);
      }
      assert.equal((await ask(frontPort, '/fhir/Patient/maria', { headers: { ...bearer, 'X-HTTP-Method-Override': 'DELETE' } })).status, 403);
      assert.equal((await ask(frontPort, '/_mitral_decide', { headers: bearer })).status, 404, 'internal');
      assert.equal(seen.length, before);
    });
    await check('documents for apps come from the gateway', async () => {
      const host = new URL(info.fhir_base).host;
      const answer = await ask(frontPort, '/.well-known/oauth-protected-resource/fhir', { headers: { Host: host } });
      assert.ok([200, 421].includes(answer.status));
      const own = await ask(fhirPort, '/.well-known/oauth-protected-resource/fhir');
      assert.equal(JSON.parse(own.body).resource, info.fhir_base);
      assert.deepEqual(JSON.parse(own.body).authorization_servers, [info.issuer]);
    });
    await check('a revoked token is refused within a second, by nginx and by the resource server', async () => {
      const live = await tokens();
      const headers = { Authorization: `Bearer ${live.access_token}` };
      assert.equal((await ask(frontPort, '/fhir/Patient/maria', { headers })).status, 200);
      assert.equal((await ask(fhirPort, '/fhir/Patient/maria', { headers })).status, 200);
      const done = await demo.command('user', 'revoke', info.users.patient.username);
      assert.equal(done.code, 0, done.err);
      await until('nginx refuses', WITHIN_MS, async () => (await ask(frontPort, '/fhir/Patient/maria', { headers })).status === 401);
      await until('the resource server refuses', WITHIN_MS, async () => (await ask(fhirPort, '/fhir/Patient/maria', { headers })).status === 401);
    });
    await check('without the gateway nobody gets in', async () => {
      assert.equal(await end(gateway), 0, gateway.said);
      const before = seen.length;
      assert.equal((await ask(frontPort, '/fhir/Patient/maria', { headers: bearer })).status, 500);
      assert.equal(seen.length, before);
    });
    await check('the resource server ends cleanly, and what both said holds no secret', async () => {
      assert.equal(await end(fhir), 0, fhir.said);
      assert.doesNotMatch(fhir.said + gateway.said, /Sanitizer|runtime error:/);
      assert.deepEqual(demo.secretsIn(gateway.said + fhir.said), []);
    });
  } finally {
    watch.closeAllConnections?.();
    watch.close();
    for (const child of [nginx, gateway, fhir]) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
});
