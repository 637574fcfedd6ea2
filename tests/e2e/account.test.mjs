// The account page and emergency access as people meet them, in real Chromium: a patient sees which apps have access and ends
// it, and it bites at the gateway; a clinician breaks the glass, the patient is told, the privacy office reviews.
// Pictures of every page go to build/screenshots/.
//
//   node.sh account.test.mjs <path of mitral>
import { createHash, randomBytes } from 'node:crypto';
import assert from 'node:assert/strict';
import { run, until } from './harness.mjs';
import { PHONE, WAIT_MS, Watcher, chromium, picture, site } from './browser.mjs';
import { Person } from './person.mjs';

const browser = await chromium();
const app = await site({
  '/callback': ['text/html; charset=utf-8', '<!doctype html><html lang="en"><title>Back at the app</title><link rel="icon" href="data:,"><p id="back">back at the app</p></html>'],
});
const CALLBACK = `${app.origin}/callback`;
const STATEMENT = 'Found unconscious at the door, nobody with her';

try {
  await run('the account page and emergency access in Chromium', {}, async ({ demo, check }) => {
    const { info } = demo;
    const { patient, clinician, stranger } = info.users;
    const outside = new Person(info);

    async function someone(options = {}, expected = [403]) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
      context.setDefaultTimeout(WAIT_MS);
      const watcher = new Watcher(context, { gateway: new URL(info.fhir_base).origin, expected });
      return { context, watcher, page: await context.newPage() };
    }
    const signIn = async (page, user, password = user.password) => {
      await page.fill('#username', user.username);
      await page.fill('#password', password);
      await page.click('#sign-in');
    };
    const query = (extra = {}) => {
      const verifier = demo.canary('verifier', randomBytes(32).toString('base64url'));
      const parameters = { response_type: 'code', client_id: info.clients.basic.client_id, redirect_uri: CALLBACK, aud: info.fhir_base, state: 'a-state-of-this-test',
        scope: 'openid launch/patient offline_access patient/Patient.rs patient/Observation.rs patient/Condition.rs', code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256', ...extra };
      return { verifier, url: `${info.issuer}/authorize?${new URLSearchParams(parameters)}` };
    };
    const redeem = async (page, verifier) => {
      await page.waitForSelector('#back');
      const code = demo.canary('code', new URL(page.url()).searchParams.get('code'));
      assert.ok(code, page.url());
      const { client_id: id, client_secret: secret } = info.clients.basic;
      const answer = await outside.request('POST', `${info.issuer}/token`, {
        form: { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: verifier },
        headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
      });
      assert.equal(answer.status, 200, answer.body);
      return demo.tokens(JSON.parse(answer.body));
    };
    const fhir = async (path, token) => outside.request('GET', `${info.fhir_base}/${path}`, { headers: { authorization: `Bearer ${token}`, accept: 'application/fhir+json' } });
    const json = async (...args) => {
      const done = await demo.command('--json', ...args);
      assert.equal(done.code, 0, `${args.join(' ')}: ${done.err}`);
      return JSON.parse(done.out);
    };
    const account = `${info.issuer}/account`;

    const maria = await someone();
    await check('the account page asks for a sign-in and says so when it is wrong', async () => {
      const { page } = maria;
      await page.goto(info.issuer);
      await page.click('#account-link');
      await page.waitForSelector('#password');
      await picture(page, '30-account-sign-in');
      await signIn(page, patient, demo.canary('wrong password', 'not her password'));
      await page.waitForSelector('#problem');
      await signIn(page, patient);
      await page.waitForSelector('#no-apps');
      await picture(page, '31-account-empty');
      assert.match(await page.textContent('.lead'), /Maria Sample/);
      assert.equal(await page.locator('.here').count(), 1);
    });

    let tokens;
    await check('an app that got access is shown in everyday words', async () => {
      const { page } = maria;
      const { url, verifier } = query();
      await page.goto(url);
      await page.click('#patient-leo');
      await page.waitForSelector('#allow');
      await page.click('#allow');
      tokens = await redeem(page, verifier);
      assert.equal((await fhir('Patient/leo', tokens.access_token)).status, 200);
      await page.goto(account);
      assert.equal(await page.locator('article').count(), 1);
      const text = await page.textContent('article');
      assert.match(text, /Developer's web app/);
      assert.match(text, /Leo Sample/);
      assert.match(text, /also while you are away/);
      assert.doesNotMatch(text, /patient\/|\.rs/);
      await picture(page, '32-account-app');
    });
    await check('nobody else can end it, whatever they send', async () => {
      const otto = await someone({}, [403, 404]);
      await otto.page.goto(account);
      await signIn(otto.page, stranger);
      await otto.page.waitForSelector('#no-apps');
      const action = await maria.page.getAttribute('article form', 'action');
      const status = await otto.page.evaluate(async (to) => {
        const csrf = document.querySelector('input[name="csrf"]').value;
        return (await fetch(to, { method: 'POST', body: new URLSearchParams({ csrf }), redirect: 'manual' })).status;
      }, action).catch(() => 'refused by the page');
      // The page's own policy lets no script connect anywhere; by hand it is refused too.
      assert.equal(status, 'refused by the page');
      otto.watcher.problems.length = 0;
      assert.equal((await fhir('Patient/leo', tokens.access_token)).status, 200);
      await otto.context.close();
    });
    await check('S1.19: ending it bites at the gateway within a second', async () => {
      const { page } = maria;
      await page.click('article button');
      await page.waitForSelector('#news');
      await picture(page, '33-account-ended');
      const ms = await until('the gateway refuses', 1_500, async () => (await fhir('Patient/leo', tokens.access_token)).status === 401, 10);
      console.log(`        felt after ${Math.round(ms)} ms`);
      assert.equal(await page.locator('article').count(), 0);
    });

    const ada = await someone();
    let emergency;
    await check('a clinician breaks the glass: signs in anew, says why, gets one record for reading', async () => {
      const { page } = ada;
      await page.goto(account);
      await signIn(page, clinician);
      await page.waitForSelector('#apps');
      const { url, verifier } = query({ purpose_of_use: 'ETREAT', scope: 'openid fhirUser launch/patient patient/*.rs offline_access' });
      await page.goto(url);
      await page.waitForSelector('#password');  // signed in a moment ago, and asked again
      await picture(page, '34-emergency-sign-in');
      await signIn(page, clinician);
      await page.waitForSelector('#emergency-warning');
      await picture(page, '35-emergency', { unscrolled: true });
      await page.fill('#patient', 'leo');
      await page.click('label[for="reason-cannot_consent"]');
      await page.fill('#statement', demo.canary('statement', STATEMENT));
      await page.check('#confirm');
      await picture(page, '36-emergency-filled');
      await page.click('#open-record');
      emergency = await redeem(page, verifier);
      assert.equal(emergency.patient, 'leo');
      assert.equal(emergency.refresh_token, undefined);
      assert.ok(emergency.expires_in > 870 && emergency.expires_in <= 900, String(emergency.expires_in));
      assert.equal((await fhir('Patient/leo', emergency.access_token)).status, 200);
      assert.notEqual((await fhir('Patient/maria', emergency.access_token)).status, 200);
      const payload = JSON.parse(Buffer.from(emergency.access_token.split('.')[1], 'base64url'));
      assert.deepEqual(Object.keys(payload).sort(), ['aud', 'exp', 'iat', 'iss', 'jti', 'opaque']);
    });
    await check('what is missing is said, and what was typed stays', async () => {
      const { page } = ada;
      await page.goto(query({ purpose_of_use: 'ETREAT' }).url);
      await signIn(page, clinician);
      await page.waitForSelector('#emergency-warning');
      await page.fill('#patient', 'leo');
      await page.click('label[for="reason-other"]');
      await page.fill('#statement', 'short');
      await page.check('#confirm');
      await page.click('#open-record');
      await page.waitForSelector('#problem');
      await picture(page, '37-emergency-problem');
      assert.equal(await page.inputValue('#statement'), 'short');
      assert.ok(await page.isChecked('#reason-other'));
      await page.click('#cancel');
      await page.waitForSelector('#back');
      assert.equal(new URL(page.url()).searchParams.get('error'), 'access_denied');
    });
    await check('the patient is told', async () => {
      const { page } = maria;
      await page.goto(account);
      await page.waitForSelector('#emergency-notice');
      await picture(page, '38-account-emergency');
      const text = await page.textContent('.emergency');
      assert.match(text, /Dr\. Ada Example/);
      assert.match(text, /Leo Sample/);
      assert.match(text, /Not finished yet/);
      assert.doesNotMatch(text, /unconscious/);
    });
    await check('the privacy office reviews', async () => {
      const open = await json('emergency', 'list');
      assert.equal(open.length, 1);
      assert.equal(open[0].patient, 'leo');
      assert.equal(open[0].statement, undefined);
      const shown = await demo.command('emergency', 'show', open[0].id);
      assert.match(shown.out, new RegExp(STATEMENT));
      const exported = await demo.command('emergency', 'export');
      const [task, notice] = exported.out.trim().split('\n').map((line) => JSON.parse(line));
      assert.deepEqual([task.resourceType, task.status, task.intent, task.for.reference], ['Task', 'requested', 'order', 'Patient/leo']);
      assert.deepEqual([notice.resourceType, notice.recipient[0].reference], ['Communication', 'Patient/leo']);
      assert.doesNotMatch(JSON.stringify(notice), /unconscious/);
      const wrong = await demo.command('emergency', 'close', open[0].id, '--verdict', 'fine', '--by', 'office');
      assert.notEqual(wrong.code, 0);
      const closed = await demo.command('emergency', 'close', open[0].id, '--verdict', 'unjustified', '--by', 'Privacy office', '--note', 'was on another ward');
      assert.equal(closed.code, 0, closed.err);
      assert.notEqual((await demo.command('emergency', 'close', open[0].id, '--verdict', 'justified', '--by', 'x')).code, 0);
      assert.deepEqual(await json('emergency', 'list'), []);
      assert.equal((await json('emergency', 'list', '--all')).length, 1);
      await until('unjustified access ends', 1_500, async () => (await fhir('Patient/leo', emergency.access_token)).status === 401, 10);
      await maria.page.reload();
      assert.match(await maria.page.textContent('.emergency .review'), /was not justified/);
      const trail = await demo.command('audit', 'export', '--format', 'json');
      const reasons = trail.out.trim().split('\n').map((line) => JSON.parse(line)).filter((e) => e.kind === 'emergency').map((e) => e.reason);
      assert.deepEqual(reasons, ['requested', 'approved', 'issued', 'requested', 'cancelled', 'reviewed']);
    });
    await check('who lost the right is refused', async () => {
      const lost = await demo.command('user', 'forbid-emergency', 'ada');
      assert.equal(lost.code, 0, lost.err);
      const { page } = ada;
      await page.goto(query({ purpose_of_use: 'ETREAT' }).url);
      await signIn(page, clinician);
      await page.waitForSelector('#back');
      assert.equal(new URL(page.url()).searchParams.get('error'), 'access_denied');
      const patientMay = await demo.command('user', 'allow-emergency', 'maria');
      assert.notEqual(patientMay.code, 0);
      const publicMay = await demo.command('client', 'allow-emergency', 'demo-public');
      assert.notEqual(publicMay.code, 0);
    });
    await check('signing out everywhere ends the other browser too', async () => {
      const phone = await someone({ viewport: PHONE });
      await phone.page.goto(account);
      await signIn(phone.page, patient);
      await phone.page.waitForSelector('#end-sessions');
      await maria.page.goto(account);
      assert.ok((await maria.page.locator('.sessions li').count()) >= 2);
      await maria.page.click('#end-sessions');
      await maria.page.waitForSelector('#password');
      await phone.page.reload();
      await phone.page.waitForSelector('#password');
      await phone.watcher.quiet();
      await phone.context.close();
    });
    await check('all of it works without JavaScript', async () => {
      const plain = await someone({ javaScriptEnabled: false });
      await plain.page.goto(account);
      await signIn(plain.page, patient);
      await plain.page.waitForSelector('#apps');
      await plain.watcher.quiet();
      await plain.context.close();
    });
    await check('no page had anything to complain about', async () => {
      await maria.watcher.quiet();
      await ada.watcher.quiet();
    });
  });
} finally {
  await browser.close();
  app.close();
}
