// The real fhirclient library (SMART's own JavaScript client) in Chromium: standalone launch from a page on an origin of its own,
// reads through the gateway, paging, refresh; once for each token format.
//
//   node.sh fhirclient.test.mjs <path of mitral>
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { Checks, runOne } from './harness.mjs';
import { WAIT_MS, Watcher, chromium, site } from './browser.mjs';

const library = join(dirname(fileURLToPath(import.meta.url)), '..', 'node_modules', 'fhirclient', 'build', 'fhir-client.pure.js');
if (!existsSync(library)) {
  console.error('fhirclient is not installed: run ./do setup');
  process.exit(77);
}
const SCOPE = 'launch/patient openid fhirUser offline_access patient/Patient.rs patient/Observation.rs';
const html = (script) => ['text/html; charset=utf-8', `<!doctype html><html lang="en"><meta charset="utf-8"><title>A stranger's app</title><link rel="icon" href="data:,">
<p id="state">working</p><script src="/fhir-client.js"></script><script>${script}</script></html>`];

const checks = new Checks();
const browser = await chromium();
const app = await site({
  '/fhir-client.js': ['text/javascript; charset=utf-8', readFileSync(library, 'utf8')],
  '/': html(`const q = new URLSearchParams(location.search);
    FHIR.oauth2.authorize({ clientId: 'demo-public', scope: q.get('scope'), iss: q.get('server'), redirectUri: location.origin + '/callback', pkceMode: 'required' })
      .catch((e) => { document.getElementById('state').textContent = 'failed: ' + e.message; });`),
  '/launch': html(`FHIR.oauth2.authorize({ clientId: 'fhirclient-ehr-app', scope: 'launch openid fhirUser patient/Patient.rs patient/Observation.rs', redirectUri: location.origin + '/callback' });`),
  '/callback': html(`FHIR.oauth2.ready().then((client) => { window.client = client; document.getElementById('state').textContent = 'ready'; },
      (e) => { document.getElementById('state').textContent = 'failed: ' + e.message; });`),
});

try {
  for (const tokenFormat of ['wrapped', 'jwt', 'opaque']) {
    await runOne(checks, 'fhirclient in Chromium', { tokenFormat, origins: [app.origin] }, async ({ demo, check }) => {
      const { info } = demo;
      const context = await browser.newContext();
      context.setDefaultTimeout(WAIT_MS);
      const watcher = new Watcher(context, { gateway: info.fhir_base, expected: [403, 404] });
      const page = await context.newPage();
      const start = (scope) => page.goto(`${app.origin}/?${new URLSearchParams({ server: info.fhir_base, scope })}`);
      const signIn = async (user) => {
        await page.fill('#username', user.username);
        await page.fill('#password', user.password);
        await page.click('#sign-in');
      };
      const ready = async () => {
        await page.waitForURL(`${app.origin}/callback*`);
        await page.waitForFunction(() => document.getElementById('state').textContent !== 'working');
        assert.equal(await page.textContent('#state'), 'ready');
        demo.tokens(await page.evaluate(() => client.state.tokenResponse));
      };

      await check('authorize, sign in, pick, consent, ready', async () => {
        await start(SCOPE);
        await signIn(info.users.patient);
        await page.click('#patient-maria');
        await page.click('#allow');
        await ready();
        const token = await page.evaluate(() => client.state.tokenResponse);
        assert.equal(token.patient, 'maria');
        const shape = { wrapped: /^eyJ/, jwt: /^eyJ/, opaque: /^mat_/ }[tokenFormat];
        assert.match(token.access_token, shape);
        if (tokenFormat !== 'opaque') {
          const { typ } = JSON.parse(Buffer.from(token.access_token.split('.')[0], 'base64url'));
          assert.equal(typ, { wrapped: 'wrapped+jwt', jwt: 'at+jwt' }[tokenFormat]);
        }
      });
      await check('patient.read() and user.read()', async () => {
        assert.equal((await page.evaluate(() => client.patient.read())).id, 'maria');
        assert.equal(await page.evaluate(() => client.getFhirUser()), 'Patient/maria');
        assert.equal(await page.evaluate(() => client.getIdToken().fhirUser), `${info.fhir_base}/Patient/maria`);
        const user = await page.evaluate(() => client.user.read());
        assert.equal(`${user.resourceType}/${user.id}`, 'Patient/maria');
      });
      await check('lab results, page by page', async () => {
        const all = await page.evaluate(() => client.patient.request('Observation?category=laboratory&_count=100', { flat: true }));
        assert.ok(all.length > 2);
        for (const resource of all) {
          assert.equal(resource.resourceType, 'Observation');
          assert.equal(resource.subject.reference, 'Patient/maria');
        }
        const paged = await page.evaluate(() => client.patient.request('Observation?category=laboratory&_count=2', { pageLimit: 0, flat: true }));
        assert.deepEqual(paged.map((r) => r.id).sort(), all.map((r) => r.id).sort());
        const links = await page.evaluate(() => client.patient.request('Observation?category=laboratory&_count=2'));
        assert.ok(links.link.every((l) => l.url.startsWith(info.fhir_base)), 'links stay at the gateway');
        assert.ok(!JSON.stringify(links).includes(new URL(info.sandbox).host), 'the server behind is not named');
      });
      const refused = (path, status) => page.evaluate(async ([p]) => {
        try {
          const answer = await client.request(p);
          return { answer };
        } catch (error) {
          return { status: error.status ?? error.statusCode, message: error.message };
        }
      }, [path]).then((got) => {
        assert.ok([status].flat().includes(got.status), `${path}: ${JSON.stringify(got).slice(0, 400)}`);
      });
      await check('what was not granted is 403, another patient is not there', async () => {
        await refused('Condition?patient=maria', 403);
        await refused('MedicationRequest?patient=maria', 403);
        await refused('Patient/otto', [403, 404]);
        await refused('Observation/otto-glucose-1', [403, 404]);
        await refused('Observation?patient=otto', 403);
        await refused('$export', 403);
      });
      await check('refresh()', async () => {
        const before = await page.evaluate(() => client.state.tokenResponse);
        const after = demo.tokens((await page.evaluate(() => client.refresh().then((s) => s.tokenResponse))));
        assert.notEqual(after.access_token, before.access_token);
        assert.notEqual(after.refresh_token, before.refresh_token);
        assert.equal((await page.evaluate(() => client.patient.read())).id, 'maria');
        const again = demo.tokens((await page.evaluate(() => client.refresh().then((s) => s.tokenResponse))));
        assert.notEqual(again.access_token, after.access_token);
      });
      await check('the state survives a reload', async () => {
        await page.reload();
        await ready();
        assert.equal((await page.evaluate(() => client.patient.read())).id, 'maria');
      });
      await check('granular scopes: laboratory only', async () => {
        const lab = 'patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory';
        // Without fhirUser, which would let the app read the signed-in person's own Patient.
        await start(`launch/patient ${lab}`);
        await page.click('#patient-maria');
        await page.click('#allow');
        await ready();
        assert.ok((await page.evaluate(() => client.state.tokenResponse.scope)).split(' ').includes(lab));
        const seen = await page.evaluate(() => client.patient.request('Observation?category=laboratory&_count=100', { flat: true }));
        assert.ok(seen.length > 2);
        for (const o of seen) {
          assert.ok(o.category.flatMap((c) => c.coding).some((c) => c.code === 'laboratory'));
        }
        // Beside the scope's category another one may be asked for: what is in both is shown, nothing else.
        const both = await page.evaluate(() => client.patient.request('Observation?category=vital-signs', { flat: true }));
        assert.deepEqual(both.map((o) => o.id), ['maria-two-categories']);
        await refused('Patient/maria', 403);
      });
      await check('EHR launch', async () => {
        const done = await demo.command('--json', 'client', 'add', '--id', 'fhirclient-ehr-app', '--name', "A stranger's app", '--auth', 'none',
          '--grant', 'authorization_code', '--redirect-uri', 'http://127.0.0.1/callback', '--launch-url', `${app.origin}/launch`, '--origin', app.origin,
          ...['launch', 'openid', 'fhirUser', 'patient/Patient.rs', 'patient/Observation.rs'].flatMap((s) => ['--scope', s]));
        assert.equal(done.code, 0, done.err);
        const { client_id, client_secret } = info.clients.ehr;
        let launch;
        for (let i = 0; i < 100 && !launch; i += 1) {
          const answer = await fetch(`${info.issuer}/launch`, { method: 'POST', headers: { authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` },
            body: new URLSearchParams({ app: 'fhirclient-ehr-app', user: 'ada', aud: info.fhir_base, context: JSON.stringify({ patient: 'maria', encounter: 'maria-visit-1' }) }) });
          if (answer.status === 201) launch = await answer.json();
          else await page.waitForTimeout(100);
        }
        demo.canary('launch', launch.launch);
        const ehr = await browser.newContext();
        ehr.setDefaultTimeout(WAIT_MS);
        const own = new Watcher(ehr, {});
        const clinic = await ehr.newPage();
        await clinic.goto(launch.launch_url);
        await clinic.fill('#username', info.users.clinician.username);
        await clinic.fill('#password', info.users.clinician.password);
        await clinic.click('#sign-in');
        await clinic.click('#allow');
        await clinic.waitForFunction(() => document.getElementById('state')?.textContent === 'ready');
        const token = demo.tokens(await clinic.evaluate(() => client.state.tokenResponse));
        assert.equal(token.patient, 'maria');
        assert.equal(token.encounter, 'maria-visit-1');
        assert.equal((await clinic.evaluate(() => client.patient.read())).id, 'maria');
        assert.equal(token.need_patient_banner, true);
        assert.equal(await clinic.evaluate(() => client.getFhirUser()), 'Practitioner/dr-ada');
        await own.quiet();
        await ehr.close();
      });
      await check('the person says no: ready() fails with access_denied', async () => {
        await start(`${SCOPE} patient/Condition.rs`);
        await page.click('#patient-maria');
        await page.click('#deny');
        await page.waitForFunction(() => document.getElementById('state')?.textContent.startsWith('failed'));
        assert.match(await page.textContent('#state'), /access_denied/);
      });
      await check('no answer of the gateway held anybody else', async () => {
        const bodies = await watcher.gatewayBodies();
        assert.ok(bodies.filter((b) => b.text.includes('"resourceType":"Observation"')).length >= 3);
        for (const { url, text } of bodies) {
          assert.ok(!/Otto|Nobody|otto-|"Patient\/(otto|leo|nora)"/.test(text), `${url}: ${text.slice(0, 300)}`);
        }
      });
      await check('no error on any console', () => watcher.quiet());
      await context.close();
    });
  }
} finally {
  await browser.close();
  app.close();
}
checks.finish();
