// A FHIR server of the old kind behind the gateway: it wants a client certificate, a user name and a password, and learns who
// asks from headers and a signed token, which jose verifies by the gateway's published key.
//
//   node.sh legacy_upstream.test.mjs <path of mitral>
// Exit status 77 when openssl is not installed.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { binary, program, run, stranger, until } from '../../e2e/harness.mjs';
import { Person } from '../../e2e/person.mjs';

if (spawnSync('openssl', ['version']).error) {
  console.error('openssl is not installed');
  process.exit(77);
}
const jose = await stranger('jose');
const CALLBACK = 'http://127.0.0.1:61234/callback';
const freePort = () => new Promise((resolve) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

await run('a FHIR server with mutual TLS, Basic and a need to know who asks', {}, async ({ demo, check }) => {
  const { info } = demo;
  const folder = mkdtempSync(join(tmpdir(), 'mitral-legacy-'));
  const at = (name) => join(folder, name);
  const file = (name, text) => {
    writeFileSync(at(name), text, { mode: 0o600 });
    return at(name);
  };
  const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  // One authority for both sides; names and purposes as TLS wants them.
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=clinic',
    '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign');
  for (const [name, usage] of [['server', 'serverAuth'], ['gateway', 'clientAuth']]) {
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    file(`${name}.ext`, `subjectAltName=IP:127.0.0.1\nextendedKeyUsage=${usage}\nbasicConstraints=CA:FALSE\n`);
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-out', `${name}.pem`, '-extfile', `${name}.ext`);
  }
  openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', 'phantom.key');
  const password = demo.canary('password for the FHIR server', randomBytes(16).toString('hex'));

  const seen = [];
  const sockets = new Set();
  let failures = 0;
  const fhir = https.createServer({
    key: readFileSync(at('server.key')), cert: readFileSync(at('server.pem')), ca: readFileSync(at('ca.pem')), requestCert: true, rejectUnauthorized: true,
  }, (request, response) => {
    seen.push({ url: request.url, headers: request.headers, certificate: request.socket.getPeerCertificate().subject?.CN });
    const known = request.headers.authorization === `Basic ${Buffer.from(`gateway:${password}`).toString('base64')}`;
    const status = !known ? 401 : failures > 0 ? 503 : request.url === '/r4/Patient/maria' ? 200 : 404;
    if (known && failures > 0) failures -= 1;
    response.writeHead(status, { 'content-type': 'application/fhir+json' }).end(JSON.stringify({ resourceType: status === 200 ? 'Patient' : 'OperationOutcome', id: 'maria' }));
  });
  fhir.on('secureConnection', (socket) => sockets.add(socket));
  await new Promise((resolve) => fhir.listen(0, '127.0.0.1', resolve));
  const port = await freePort();
  const base = `http://127.0.0.1:${port}/fhir`;
  assert.equal((await program('key', 'master', at('master.key'))).code, 0);
  const config = file('gateway.toml', `
[gateway]
listen = "127.0.0.1:${port}"
public_base = "${base}"
audience = "${info.fhir_base}"
upstream = "https://127.0.0.1:${fhir.address().port}/r4"
upstream_ca = "${at('ca.pem')}"
upstream_certificate = "${at('gateway.pem')}"
upstream_key = "${at('gateway.key')}"
upstream_basic_file = "${file('basic', `gateway:${password}\n`)}"
upstream_headers = ["X-Tenant: clinic"]
issuer = "${info.issuer}"
credential_id = "${info.resource_server.id}"
credential_secret_file = "${file('secret', info.resource_server.secret)}"
master_key_file = "${at('master.key')}"
audit = { path = "${at('audit.db')}" }
[gateway.identity]
headers = true
phantom = true
phantom_key_file = "${at('phantom.key')}"
`);
  const gateway = spawn(binary(), ['-c', config, 'gateway'], { stdio: ['ignore', 'pipe', 'pipe'] });
  process.on('exit', () => gateway.kill('SIGKILL'));
  let said = '';
  for (const stream of [gateway.stdout, gateway.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  const person = new Person(info);
  try {
    await until('the gateway listens', 60_000, () => new Promise((resolve) => {
      if (gateway.exitCode !== null) assert.fail(said);
      const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); }).on('error', () => resolve(false));
    }));
    const token = await check('an app gets its token', async () => {
      const client = info.clients.basic;
      const verifier = demo.canary('verifier', randomBytes(32).toString('base64url'));
      const query = new URLSearchParams({
        response_type: 'code', client_id: client.client_id, redirect_uri: CALLBACK, scope: 'openid launch/patient patient/Patient.rs', aud: info.fhir_base, state: 'a-state-of-this-test',
        code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
      });
      const back = await person.authorize(`${info.issuer}/authorize?${query}`, { user: info.users.patient, patient: 'maria' });
      const code = demo.canary('code', back.searchParams.get('code'));
      const answer = await person.request('POST', `${info.issuer}/token`, {
        form: { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: verifier },
        headers: { authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}` },
      });
      return demo.tokens(JSON.parse(answer.body)).access_token;
    });
    const read = async (path = '/Patient/maria') => (await fetch(base + path, { headers: { authorization: `Bearer ${token}`, accept: 'application/fhir+json' } })).status;

    await check('the gateway proves itself by certificate and password, and the app\'s token stays here', async () => {
      assert.equal(await read(), 200, said);
      const { headers, certificate } = seen.at(-1);
      assert.equal(certificate, 'gateway');
      assert.equal(headers['x-tenant'], 'clinic');
      assert.ok(!JSON.stringify(headers).includes(token));
    });
    await check('the FHIR server learns who asks, and can prove it', async () => {
      const { headers } = seen.at(-1);
      assert.equal(headers['x-authorization-patient'], 'maria');
      assert.equal(headers['x-authorization-client'], info.clients.basic.client_id);
      const keys = jose.createRemoteJWKSet(new URL(`http://127.0.0.1:${port}/.well-known/mitral-gateway-jwks`));
      const { payload, protectedHeader } = await jose.jwtVerify(headers['x-authorization-token'], keys, {
        issuer: base, audience: `https://127.0.0.1:${fhir.address().port}/r4`, typ: 'phantom+jwt', algorithms: ['ES256'], maxTokenAge: '60s',
      });
      assert.equal(protectedHeader.alg, 'ES256');
      assert.equal(payload.patient, 'maria');
      assert.equal(payload.client_id, info.clients.basic.client_id);
      assert.ok(payload.exp - payload.iat <= 60);
      assert.ok(payload.jti && payload.sub && payload.scope.includes('patient/Patient.rs'));
    });
    await check('connections are kept, and the identity token is made once', async () => {
      const [connections, first] = [sockets.size, seen.at(-1).headers['x-authorization-token']];
      for (let i = 0; i < 10; i += 1) assert.equal(await read(), 200);
      // One for each event loop at most.
      assert.ok(sockets.size - connections <= 4, `${sockets.size} connections`);
      assert.equal(seen.at(-1).headers['x-authorization-token'], first);
    });
    await check('one 503 is not the caller\'s', async () => {
      const before = seen.length;
      failures = 1;
      assert.equal(await read(), 200);
      assert.equal(seen.length - before, 2);
      failures = 2;
      assert.equal(await read(), 503);
      assert.equal(seen.length - before, 4);
    });
    await check('the gateway ends cleanly, and what it said holds no secret', async () => {
      const ended = new Promise((resolve) => gateway.once('exit', resolve));
      gateway.kill('SIGTERM');
      assert.equal(await ended, 0, said);
      assert.doesNotMatch(said, /Sanitizer|runtime error:/);
      assert.deepEqual(demo.secretsIn(said), []);
    });
  } finally {
    gateway.kill('SIGKILL');
    for (const socket of sockets) socket.destroy();
    fhir.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
