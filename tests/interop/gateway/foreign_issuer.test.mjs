// A stranger's authorization server, panva's oidc-provider, and Mitral's gateway before a FHIR server: JWTs by the issuer's
// keys, opaque tokens by its introspection, discovery, and what must not pass.
//
//   node.sh foreign_issuer.test.mjs <path of mitral>
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { Checks, binary, program, sleep, stranger, until } from '../../e2e/harness.mjs';

const { default: Provider } = await stranger('oidc-provider');
const jose = await stranger('jose');
for (const name of ['info', 'warn']) console[name] = () => {};  // it warns of its quick-start configuration

const freePort = () => new Promise((resolve) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});
function start(...args) {
  const child = spawn(binary(), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (child.said += text));
  process.on('exit', () => child.kill('SIGKILL'));
  return child;
}
const listening = (what, port, child) => until(what, 60_000, () => new Promise((resolve) => {
  if (child.exitCode !== null) assert.fail(`${what}: ended at once\n${child.said}`);
  const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); }).on('error', () => resolve(false));
}));

const [issuerPort, sandboxPort, jwtPort, opaquePort] = await Promise.all([1, 2, 3, 4].map(freePort));
const issuer = `http://127.0.0.1:${issuerPort}`;
const base = (port) => `http://127.0.0.1:${port}/fhir`;
const SECRET = (id) => `${id}-${'s'.repeat(40)}`;
const jwk = async (alg, kid) => ({ ...await jose.exportJWK((await jose.generateKeyPair(alg, { extractable: true })).privateKey), alg, kid, use: 'sig' });
const signing = { rsa: await jwk('RS256', 'r1'), ec: await jwk('ES256', 'e1') };

const info = (audience, accessTokenFormat) => ({
  scope: 'patient/*.rs patient/Patient.rs system/Patient.rs', audience, accessTokenFormat, accessTokenTTL: 300, jwt: { sign: { alg: 'ES256' } },
});
const formatOf = (audience) => (audience === base(opaquePort) ? 'opaque' : 'jwt');
const provider = new Provider(issuer, {
  clients: [
    { client_id: 'backend', client_secret: SECRET('backend'), grant_types: ['client_credentials'], redirect_uris: [], response_types: [] },
    { client_id: 'gateway', client_secret: SECRET('gateway'), grant_types: [], redirect_uris: [], response_types: [] },
    { client_id: 'app', client_secret: SECRET('app'), redirect_uris: ['http://127.0.0.1/cb'] },
  ],
  cookies: { keys: ['a key of this test'] },
  jwks: { keys: [signing.rsa, signing.ec] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  extraTokenClaims: (_, token) => (token.accountId ? { patient: token.accountId, fhirUser: `Patient/${token.accountId}` } : {}),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_, client) => client.clientId === 'gateway' },
    revocation: { enabled: true },
    resourceIndicators: { enabled: true, getResourceServerInfo: (_, resource) => info(resource, formatOf(resource)) },
  },
});
const listener = provider.listen(issuerPort, '127.0.0.1');
listener.on('connection', (socket) => socket.unref());

/// What this issuer gives an app for a person, by its own code.
async function userToken(audience, person, scope = 'patient/*.rs') {
  const client = await provider.Client.find('app');
  const grant = new provider.Grant({ accountId: person, clientId: 'app' });
  grant.addResourceScope(audience, scope);
  const token = new provider.AccessToken({ accountId: person, client, grantId: await grant.save(), gty: 'authorization_code' });
  token.resourceServer = new provider.ResourceServer(audience, info(audience, formatOf(audience)));
  token.scope = scope;
  const value = await token.save();
  return { value, end: () => token.destroy() };
}
async function backendToken(audience) {
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST', headers: { authorization: `Basic ${Buffer.from(`backend:${SECRET('backend')}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'system/Patient.rs', resource: audience }),
  });
  assert.equal(answer.status, 200);
  return (await answer.json()).access_token;
}

const folder = mkdtempSync(join(tmpdir(), 'mitral-foreign-'));
const file = (name, text) => {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
};
const checks = new Checks();
const { check } = checks;
const children = [];
try {
  const key = join(folder, 'master.key');
  assert.equal((await program('key', 'master', key)).code, 0);
  const secret = file('secret', SECRET('gateway'));
  const config = (name, port, kind, more) => file(`${name}.toml`, `
[gateway]
listen = "127.0.0.1:${port}"
public_base = "${base(port)}"
upstream = "http://127.0.0.1:${sandboxPort}/fhir"
issuer = "${issuer}"
issuer_kind = "${kind}"
master_key_file = "${key}"
audit = { path = "${join(folder, name)}.db" }
${more}`);
  children.push(start('sandbox', '--listen', `127.0.0.1:${sandboxPort}`));
  children.push(start('-c', config('jwt', jwtPort, 'jwks', ''), 'gateway'));
  children.push(start('-c', config('opaque', opaquePort, 'introspection', `
credential_id = "gateway"
credential_secret_file = "${secret}"
[gateway.foreign]
believed = "1s"
system_when = ["!sub"]
`), 'gateway'));
  await check('the gateways start', async () => {
    await listening('the sandbox', sandboxPort, children[0]);
    await listening('the gateway for JWTs', jwtPort, children[1]);
    await listening('the gateway for opaque tokens', opaquePort, children[2]);
  });
  const read = async (port, path, token) => {
    const answer = await fetch(`${base(port)}${path}`, { headers: { accept: 'application/fhir+json', ...(token ? { authorization: `Bearer ${token}` } : {}) } });
    return { status: answer.status, headers: answer.headers, body: await answer.json() };
  };
  for (const [what, port] of [['JWT', jwtPort], ['opaque token', opaquePort]]) {
    await check(`${what} of a person: her record and nobody else's`, async () => {
      const { value } = await userToken(base(port), 'maria');
      assert.equal(value.split('.').length === 3, port === jwtPort);
      const hers = await read(port, '/Patient/maria', value);
      assert.equal(hers.status, 200, JSON.stringify(hers.body));
      assert.equal((await read(port, '/Patient/otto', value)).status, 404);
      const found = await read(port, '/Observation', value);
      assert.equal(found.status, 200);
      assert.ok(found.body.entry.length > 0);
      for (const { resource } of found.body.entry) assert.equal(resource.subject.reference, 'Patient/maria');
    });
    await check(`${what} of a backend: system scopes`, async () => {
      const token = await backendToken(base(port));
      assert.equal((await read(port, '/Patient/otto', token)).status, 200);
      assert.equal((await read(port, '/Observation', token)).status, 403);
    });
    await check(`S27: a ${what} for another server opens nothing`, async () => {
      const other = 'http://127.0.0.1:1/fhir';
      const { value } = await userToken(port === jwtPort ? other : base(jwtPort), 'maria');
      assert.equal((await read(port, '/Patient/maria', value)).status, 401);
    });
  }
  await check('J5: an ID token of this issuer is no access token', async () => {
    const signer = await jose.importJWK(signing.ec, 'ES256');
    const make = (claims, typ) => new jose.SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'e1', ...(typ ? { typ } : {}) })
      .setIssuer(issuer).setAudience(base(jwtPort)).setSubject('maria').setIssuedAt().setExpirationTime('5m').sign(signer);
    const claims = { client_id: 'app', scope: 'patient/*.rs', patient: 'maria', jti: 'x' };
    assert.equal((await read(jwtPort, '/Patient/maria', await make(claims, 'at+jwt'))).status, 200);
    for (const typ of [undefined, 'JWT', 'wrapped+jwt', 'logout+jwt']) assert.equal((await read(jwtPort, '/Patient/maria', await make(claims, typ))).status, 401, typ);
    assert.equal((await read(jwtPort, '/Patient/maria', await make({ ...claims, at_hash: 'x' }, 'at+jwt'))).status, 401);
  });
  await check('J7: a changed token is refused', async () => {
    const { value } = await userToken(base(jwtPort), 'maria');
    const [head, body, mac] = value.split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url'));
    const forged = [head, Buffer.from(JSON.stringify({ ...claims, patient: 'otto' })).toString('base64url'), mac].join('.');
    assert.equal((await read(jwtPort, '/Patient/otto', forged)).status, 401);
  });
  await check('what the issuer ends is over as soon as belief in it', async () => {
    const { value, end } = await userToken(base(opaquePort), 'maria');
    assert.equal((await read(opaquePort, '/Patient/maria', value)).status, 200);
    await end();
    await sleep(1_100);
    assert.equal((await read(opaquePort, '/Patient/maria', value)).status, 401);
  });
  await check('apps are sent to this issuer', async () => {
    const refused = await read(jwtPort, '/Patient/maria');
    assert.equal(refused.status, 401);
    const at = /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate'))[1];
    const metadata = await (await fetch(at)).json();
    assert.deepEqual(metadata.authorization_servers, [issuer]);
    assert.equal(metadata.resource, base(jwtPort));
    const smart = (await read(jwtPort, '/.well-known/smart-configuration')).body;
    assert.equal(smart.token_endpoint, `${issuer}/token`);
    assert.equal(smart.issuer, issuer);
  });
  await check('without the issuer nobody new gets in', async () => {
    const { value } = await userToken(base(opaquePort), 'maria');
    listener.closeAllConnections?.();
    await new Promise((resolve) => listener.close(resolve));
    assert.equal((await read(opaquePort, '/Patient/maria', value)).status, 503);
  });
  await check('the gateways end cleanly, and their logs hold no token', async () => {
    for (const child of children) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      assert.equal(await ended, 0, child.said);
      assert.doesNotMatch(child.said, /Sanitizer|runtime error:|eyJ[A-Za-z0-9_-]{16,}\./);
      assert.ok(!child.said.includes(SECRET('gateway')));
    }
  });
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
checks.finish();
process.exit();
