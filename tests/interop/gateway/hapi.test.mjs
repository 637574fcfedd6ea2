// HAPI FHIR as the server behind the gateway. Runs only where a HAPI JPA server of one's own is named, since what is stored
// there changes:
//
//   MITRAL_HAPI=http://127.0.0.1:8080/fhir sh tests/node.sh tests/interop/gateway/hapi.test.mjs <path of mitral>
//
// Exit status 77 without it. docs/gateway.md says with which version and settings it was run.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { binary, program, run, until } from '../../e2e/harness.mjs';
import { Person } from '../../e2e/person.mjs';

const HAPI = process.env.MITRAL_HAPI?.replace(/\/$/, '');
if (!HAPI) {
  console.error('MITRAL_HAPI names no HAPI FHIR server');
  process.exit(77);
}
const CALLBACK = 'http://127.0.0.1:61234/callback';
const SCOPES = ['openid', 'launch/patient', 'patient/*.rs', 'patient/Observation.cruds', 'patient/Condition.cruds'];
const FHIR = { accept: 'application/fhir+json', 'content-type': 'application/fhir+json' };
const LAB = [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] }];
const freePort = () => new Promise((resolve) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

/// Two patients with 25 results each, and a practitioner whom both know.
async function seed() {
  const put = (resource) => ({ resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } });
  const entry = [put({ resourceType: 'Practitioner', id: 'hapi-ada', name: [{ family: 'Ada' }] })];
  for (const patient of ['maria', 'otto']) {
    entry.push(put({ resourceType: 'Patient', id: patient, name: [{ family: patient }], generalPractitioner: [{ reference: 'Practitioner/hapi-ada' }] }));
    for (let i = 0; i < 25; ++i) {
      entry.push(put({
        resourceType: 'Observation', id: `${patient}-lab-${i}`, status: 'final', category: LAB, code: { coding: [{ system: 'http://loinc.org', code: '2339-0' }] },
        subject: { reference: `Patient/${patient}` }, performer: [{ reference: 'Practitioner/hapi-ada' }], valueQuantity: { value: 90 + i, unit: 'mg/dL' },
      }));
    }
  }
  const answer = await fetch(HAPI, { method: 'POST', headers: FHIR, body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }) });
  assert.equal(answer.status, 200, await answer.text());
}

await run('HAPI FHIR behind the gateway', {}, async ({ demo, check }) => {
  const { info } = demo;
  await seed();
  const folder = mkdtempSync(join(tmpdir(), 'mitral-hapi-'));
  const file = (name, text) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const port = await freePort();
  const base = `http://127.0.0.1:${port}/fhir`;
  assert.equal((await program('key', 'master', join(folder, 'master.key'))).code, 0);
  const config = file('gateway.toml', `
[gateway]
listen = "127.0.0.1:${port}"
public_base = "${base}"
audience = "${info.fhir_base}"
upstream = "${HAPI}"
issuer = "${info.issuer}"
credential_id = "${info.resource_server.id}"
credential_secret_file = "${file('secret', info.resource_server.secret)}"
master_key_file = "${join(folder, 'master.key')}"
audit = { path = "${join(folder, 'audit.db')}" }
`);
  const gateway = spawn(binary(), ['-c', config, 'gateway'], { stdio: ['ignore', 'pipe', 'pipe'] });
  process.on('exit', () => gateway.kill('SIGKILL'));
  let said = '';
  for (const stream of [gateway.stdout, gateway.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  const person = new Person(info);
  let token;
  const fhir = async (method, path, body, headers = {}) => {
    const answer = await fetch(path.startsWith('http') ? path : `${base}/${path}`, {
      method, headers: { ...FHIR, ...headers, authorization: `Bearer ${token}` }, body: body && JSON.stringify(body), redirect: 'manual',
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: text ? JSON.parse(text) : undefined };
  };
  const own = (answer) => assert.ok(!answer.text.includes('otto'), answer.text.slice(0, 2000));
  const hidden = (answer) => assert.ok(!answer.text.includes(new URL(HAPI).host) && !answer.text.includes('_getpages'), answer.text.slice(0, 2000));

  try {
    await until('the gateway listens', 60_000, () => new Promise((resolve) => {
      if (gateway.exitCode !== null) assert.fail(said);
      const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); }).on('error', () => resolve(false));
    }));
    await check('a patient signs in', async () => {
      const added = await demo.command('--json', 'client', 'add', '--id', 'hapi-app', '--name', 'HAPI app', '--auth', 'client_secret_basic', '--redirect-uri', CALLBACK,
        '--grant', 'authorization_code', ...SCOPES.flatMap((scope) => ['--scope', scope]));
      assert.equal(added.code, 0, added.err);
      const client = JSON.parse(added.out);
      demo.canary('secret', client.client_secret);
      const verifier = demo.canary('verifier', randomBytes(32).toString('base64url'));
      const query = new URLSearchParams({
        response_type: 'code', client_id: client.client_id, redirect_uri: CALLBACK, scope: SCOPES.join(' '), aud: info.fhir_base, state: 'a-state-of-this-test',
        code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
      });
      await until('the server knows the client', 10_000, async () => (await new Person(info).open(`${info.issuer}/authorize?${query}`)).status === 200);
      const back = await person.authorize(`${info.issuer}/authorize?${query}`, { user: info.users.patient, patient: 'maria' });
      const code = demo.canary('code', back.searchParams.get('code'));
      assert.ok(code, back.href);
      const answer = await person.request('POST', `${info.issuer}/token`, {
        form: { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: verifier },
        headers: { authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}` },
      });
      token = demo.tokens(JSON.parse(answer.body)).access_token;
      assert.ok(token, answer.body);
    });
    await check('reads: hers, not his, and absent ones look like his', async () => {
      const mine = await fhir('GET', 'Observation/maria-lab-1');
      assert.equal(mine.status, 200, mine.text);
      const his = await fhir('GET', 'Observation/otto-lab-1');
      const absent = await fhir('GET', 'Observation/nothing-here');
      assert.equal(his.status, 404);
      assert.equal(his.text, absent.text);
      assert.equal((await fhir('GET', 'Patient/otto')).status, 404);
      assert.equal((await fhir('GET', 'Observation/maria-lab-1/_history/1')).status, 200);
    });
    await check('a search is bound to her, and its pages stay sealed', async () => {
      let next = 'Observation?category=laboratory&_count=10';
      const seen = new Set();
      for (let page = 0; next && page < 10; ++page) {
        const answer = await fhir('GET', next);
        assert.equal(answer.status, 200, answer.text);
        own(answer);
        hidden(answer);
        for (const entry of answer.json.entry ?? []) seen.add(entry.resource.id);
        next = answer.json.link.find((link) => link.relation === 'next')?.url;
      }
      assert.equal([...seen].filter((id) => id.startsWith('maria-lab-')).length, 25);
    });
    await check('searches by POST, with includes and both ways', async () => {
      const answer = await fetch(`${base}/Observation/_search`, {
        method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-www-form-urlencoded' },
        body: 'code=http://loinc.org|2339-0&_include=Observation:subject&_include=Observation:performer&_count=50',
      });
      const text = await answer.text();
      assert.equal(answer.status, 200, text);
      own({ text });
      assert.ok(text.includes('"Patient/maria"') && text.includes('hapi-ada'));
      const reverse = await fhir('GET', 'Patient?_revinclude=Observation:subject&_count=50');
      assert.equal(reverse.status, 200, reverse.text);
      own(reverse);
      assert.equal((await fhir('GET', 'Observation?patient=otto')).status, 403);
      assert.equal((await fhir('GET', 'Patient?_has:Observation:patient:code=2339-0')).status, 403);
    });
    await check('counts, the record as a whole, and histories', async () => {
      const count = await fhir('GET', 'Observation?_summary=count');
      assert.equal(count.status, 200, count.text);
      assert.ok(!count.json.entry, count.text);
      if (count.json.total !== undefined) assert.ok(count.json.total >= 25 && count.json.total < 50, count.text);
      const everything = await fhir('GET', 'Patient/maria/$everything?_count=200');
      assert.ok([200, 502].includes(everything.status), everything.text);
      own(everything);
      assert.equal((await fhir('GET', 'Patient/otto/$everything')).status, 403);
      const history = await fhir('GET', 'Observation/maria-lab-1/_history');
      assert.equal(history.status, 200, history.text);
      own(history);
      hidden(history);
    });
    let created;
    await check('creates, updates, patches and deletes her own', async () => {
      const fresh = { resourceType: 'Observation', status: 'final', category: LAB, code: { text: 'by the app' }, subject: { reference: 'Patient/maria' } };
      const made = await fhir('POST', 'Observation', fresh, { prefer: 'return=representation' });
      assert.equal(made.status, 201, made.text);
      hidden(made);
      assert.ok(made.headers.get('location').startsWith(base), made.headers.get('location'));
      created = made.json;
      const changed = await fhir('PUT', `Observation/${created.id}`, { ...created, status: 'amended' }, { 'if-match': made.headers.get('etag') });
      assert.equal(changed.status, 200, changed.text);
      assert.equal((await fhir('PUT', `Observation/${created.id}`, { ...created, status: 'final' }, { 'if-match': made.headers.get('etag') })).status, 412);
      const patched = await fhir('PATCH', `Observation/${created.id}`, [{ op: 'replace', path: '/status', value: 'final' }], { 'content-type': 'application/json-patch+json' });
      assert.equal(patched.status, 200, patched.text);
      const gone = await fhir('DELETE', `Observation/${created.id}`);
      assert.ok([200, 204].includes(gone.status), gone.text);
      assert.ok([404, 410].includes((await fhir('GET', `Observation/${created.id}`)).status));
    });
    await check('nothing is written into a stranger\'s record', async () => {
      const foreign = { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/otto' } };
      assert.equal((await fhir('POST', 'Observation', foreign)).status, 403);
      assert.equal((await fhir('PUT', 'Observation/otto-lab-2', { ...foreign, id: 'otto-lab-2' })).status, 404);
      assert.equal((await fhir('DELETE', 'Observation/otto-lab-2')).status, 404);
      const moved = await fhir('PUT', 'Observation/maria-lab-2', { ...foreign, id: 'maria-lab-2' });
      assert.equal(moved.status, 403, moved.text);
      const stored = await (await fetch(`${HAPI}/Observation/otto-lab-2`, { headers: FHIR })).json();
      assert.equal(stored.meta.versionId, '1');
    });
    await check('a batch is judged entry by entry, a transaction as a whole', async () => {
      const bundle = (type) => ({
        resourceType: 'Bundle', type, entry: [
          { request: { method: 'GET', url: 'Observation/maria-lab-3' } },
          { request: { method: 'GET', url: 'Observation/otto-lab-3' } },
          { resource: { resourceType: 'Condition', code: { text: 'x' }, subject: { reference: 'Patient/maria' } }, request: { method: 'POST', url: 'Condition' } },
        ],
      });
      const batch = await fhir('POST', '', bundle('batch'));
      assert.equal(batch.status, 200, batch.text);
      own(batch);
      assert.deepEqual(batch.json.entry.map((entry) => entry.response.status.slice(0, 3)), ['200', '404', '201']);
      const both = await fhir('POST', '', { resourceType: 'Bundle', type: 'transaction', entry: [bundle('x').entry[0], bundle('x').entry[2]] });
      assert.equal(both.status, 200, both.text);
      hidden(both);
    });
    await check('its CapabilityStatement speaks of the gateway alone', async () => {
      const answer = await fetch(`${base}/metadata`, { headers: { accept: 'application/fhir+json' } });
      const text = await answer.text();
      assert.equal(answer.status, 200, text.slice(0, 500));
      hidden({ text });
      assert.equal(JSON.parse(text).implementation.url, base);
    });
  } finally {
    gateway.kill('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  }
});
