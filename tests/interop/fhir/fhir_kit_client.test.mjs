// fhir-kit-client, a FHIR client of Node, through the gateway: discovery both ways, reads, searches by GET and POST, pages,
// references, refusals, and a backend that works with everybody's records.
//
//   node.sh fhir_kit_client.test.mjs <path of mitral> [--token-format FORMAT]
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { run, stranger, until } from '../../e2e/harness.mjs';
import { Person } from '../../e2e/person.mjs';

const { default: Client } = await stranger('fhir-kit-client');
const { SignJWT, importJWK } = await stranger('jose');

const CALLBACK = 'http://127.0.0.1:61234/callback';
const SCOPE = 'openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs patient/Provenance.rs';

await run('fhir-kit-client', {}, async ({ demo, check }) => {
  const { info } = demo;
  const { public: app, backend } = info.clients;
  const post = async (url, form) => {
    const answer = await fetch(url, { method: 'POST', body: new URLSearchParams(form) });
    return { status: answer.status, ...(await answer.json()) };
  };

  const finder = new Client({ baseUrl: info.fhir_base });
  const endpoints = await check('SMART endpoints from the configuration document', async () => {
    const found = await finder.smartAuthMetadata();
    assert.ok(found.authorizeUrl && found.tokenUrl, JSON.stringify(found));
    return found;
  });
  await check('CapabilityStatement without a token', async () => {
    const statement = await finder.capabilityStatement();
    assert.equal(statement.resourceType, 'CapabilityStatement');
    const uris = statement.rest[0].security.extension.find((e) => e.url.endsWith('/oauth-uris')).extension;
    assert.equal(uris.find((u) => u.url === 'token').valueUri, endpoints.tokenUrl.href);
    assert.equal(uris.find((u) => u.url === 'authorize').valueUri, endpoints.authorizeUrl.href);
  });
  await check('the brand behind the endpoint', async () => {
    const configuration = await (await fetch(`${info.fhir_base}/.well-known/smart-configuration`)).json();
    const answer = await fetch(configuration.user_access_brand_bundle);
    const bundle = await answer.json();
    const addresses = bundle.entry.map((e) => e.resource).filter((r) => r.resourceType === 'Endpoint').map((r) => r.address);
    assert.deepEqual(addresses, [info.fhir_base]);
    const again = await fetch(configuration.user_access_brand_bundle, { headers: { 'If-None-Match': answer.headers.get('etag') } });
    assert.equal(again.status, 304);
  });
  await check('without a token: 401', () =>
    assert.rejects(finder.read({ resourceType: 'Patient', id: 'maria' }), (e) => e.response.status === 401));

  async function token(choice = {}) {
    const verifier = randomBytes(32).toString('base64url');
    const url = new URL(endpoints.authorizeUrl);
    url.search = new URLSearchParams({
      response_type: 'code', client_id: app.client_id, redirect_uri: CALLBACK, scope: SCOPE, aud: info.fhir_base,
      state: randomBytes(16).toString('hex'), prompt: 'consent',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
    });
    const back = await new Person(info).authorize(url, choice);
    const code = back.searchParams.get('code');
    demo.canary('code', code);
    const answer = await post(endpoints.tokenUrl, { grant_type: 'authorization_code', client_id: app.client_id, code, code_verifier: verifier, redirect_uri: CALLBACK });
    assert.equal(answer.status, 200, JSON.stringify(answer));
    return demo.tokens(answer);
  }

  const tokens = await check('a person allows it', () => token());
  const client = new Client({ baseUrl: info.fhir_base, bearerToken: tokens.access_token });
  const refused = (call, ...statuses) => assert.rejects(call, (e) => {
    assert.ok(statuses.includes(e.response.status), `${e.response.status}`);
    assert.equal(e.response.data.resourceType, 'OperationOutcome');
    return true;
  });

  await check('read', async () => {
    const patient = await client.read({ resourceType: 'Patient', id: tokens.patient });
    assert.equal(patient.id, 'maria');
    assert.equal((await client.resolve({ reference: 'Patient/maria' })).id, 'maria');
  });
  const everything = await check('search, page by page', async () => {
    const seen = [];
    let bundle = await client.resourceSearch({ resourceType: 'Observation', searchParams: { patient: 'maria', _count: 3 } });
    for (let pages = 0; bundle && pages < 100; pages += 1) {
      assert.equal(bundle.type, 'searchset');
      for (const link of bundle.link) assert.ok(link.url.startsWith(info.fhir_base), link.url);
      for (const entry of bundle.entry ?? []) {
        assert.equal(entry.resource.subject.reference, 'Patient/maria');
        seen.push(entry.resource.id);
      }
      bundle = await client.nextPage({ bundle });
    }
    assert.ok(seen.length > 6, `${seen.length}`);
    assert.equal(new Set(seen).size, seen.length, 'nothing comes twice');
    return seen;
  });
  await check('search by POST finds the same', async () => {
    const bundle = await client.resourceSearch({ resourceType: 'Observation', searchParams: { patient: 'maria', _count: 500 }, options: { postSearch: true } });
    assert.deepEqual(bundle.entry.map((e) => e.resource.id).sort(), [...everything].sort());
  });
  await check('by category, with provenance', async () => {
    const bundle = await client.resourceSearch({ resourceType: 'Observation', searchParams: { patient: 'maria', category: 'laboratory', _revinclude: 'Provenance:target' } });
    assert.ok(bundle.entry.some((e) => e.resource.resourceType === 'Observation'));
  });
  await check('what was not allowed is refused with an OperationOutcome', async () => {
    await refused(client.resourceSearch({ resourceType: 'Condition', searchParams: { patient: 'maria' } }), 403);
    await refused(client.read({ resourceType: 'Patient', id: 'otto' }), 403, 404);
    await refused(client.resourceSearch({ resourceType: 'Observation', searchParams: { patient: 'otto' } }), 403);
    await refused(client.create({ resourceType: 'Observation', body: { resourceType: 'Observation', status: 'final', code: { text: 'x' } } }), 403, 405);
  });
  await check('one category only, as the person chose', async () => {
    const all = ['laboratory', 'procedure', 'sdoh', 'social-history', 'survey', 'vital-signs'];
    const untick = all.filter((c) => c !== 'vital-signs').map((c) => `patient.see.Observation.${c}`);
    const some = await token({ untick });
    assert.match(some.scope, /patient\/Observation\.rs\?category=[^ ]*\|vital-signs/);
    const narrow = new Client({ baseUrl: info.fhir_base, bearerToken: some.access_token });
    const bundle = await narrow.resourceSearch({ resourceType: 'Observation', searchParams: { patient: 'maria', _count: 500 } });
    for (const { resource } of bundle.entry ?? []) {
      assert.ok(resource.category.some((c) => c.coding.some((coding) => coding.code === 'vital-signs')), resource.id);
    }
  });
  await check('revoked: 401 within a second', async () => {
    const form = { token: tokens.refresh_token, client_id: app.client_id };
    const gone = await fetch(`${info.issuer}/revoke`, { method: 'POST', body: new URLSearchParams(form) });
    assert.equal(gone.status, 200);
    await until('the token is dead', 10_000, async () => {
      try {
        await client.read({ resourceType: 'Patient', id: 'maria' });
        return false;
      } catch (e) {
        assert.equal(e.response.status, 401);
        return true;
      }
    });
  });

  await check('a backend service reads everybody', async () => {
    const key = await importJWK(backend.private_jwk, 'ES384');
    const assertion = await new SignJWT({ jti: randomBytes(16).toString('hex') })
      .setProtectedHeader({ alg: 'ES384', typ: 'JWT', kid: backend.private_jwk.kid })
      .setIssuer(backend.client_id).setSubject(backend.client_id).setAudience(endpoints.tokenUrl.href)
      .setExpirationTime('300s').sign(key);
    const answer = demo.tokens(await post(endpoints.tokenUrl, {
      grant_type: 'client_credentials', scope: 'system/Patient.rs', client_assertion: assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    }));
    assert.ok(answer.expires_in <= 300 && !answer.refresh_token, JSON.stringify(answer.error ?? ''));
    const service = new Client({ baseUrl: info.fhir_base, bearerToken: answer.access_token });
    const bundle = await service.search({ resourceType: 'Patient', searchParams: { _count: 50 } });
    const ids = bundle.entry.map((e) => e.resource.id);
    assert.ok(ids.includes('maria') && ids.includes('otto'), ids.join());
    await refused(service.resourceSearch({ resourceType: 'Condition', searchParams: {} }), 403);
  });
});
