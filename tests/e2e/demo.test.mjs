// The demo as people meet it, in real Chromium: standalone launch of the sample app, EHR launch, proxies, saying no, single
// sign-on, disconnecting, without JavaScript, on a phone; and what an attacker's page tries with the same browser.
// Pictures of every page go to build/screenshots/.
//
//   node.sh demo.test.mjs <path of mitral>
import { createHash, randomBytes } from 'node:crypto';
import assert from 'node:assert/strict';
import { run, until } from './harness.mjs';
import { PHONE, WAIT_MS, Watcher, chromium, picture, site } from './browser.mjs';

const browser = await chromium();
const stranger = await site({
  '/callback': ['text/html; charset=utf-8', '<!doctype html><html lang="en"><title>Back at the app</title><link rel="icon" href="data:,"><p id="back">back at the app</p></html>'],
  '/frame': (url) => ['text/html; charset=utf-8', `<!doctype html><html lang="en"><title>Win a prize</title><link rel="icon" href="data:,">
<iframe id="trap" width="600" height="600" src="${url.searchParams.get('target').replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"></iframe></html>`],
});
const CALLBACK = `${stranger.origin}/callback`;
const row = (value) => `input[name="share"][value="${value}"]`;

try {
  await run('the demo in Chromium', {}, async ({ demo, check }) => {
    const { info } = demo;
    const { patient, clinician, stranger: otto } = info.users;

    async function someone(options = {}, expected = [403]) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
      context.setDefaultTimeout(WAIT_MS);
      const watcher = new Watcher(context, { gateway: new URL(info.fhir_base).origin, expected });
      return { context, watcher, page: await context.newPage() };
    }
    const connect = async (page) => {
      await page.goto(info.app);
      await page.click('#connect');
      await page.waitForURL(`${info.issuer}/**`);
    };
    const signIn = async (page, user, password = user.password) => {
      await page.fill('#username', user.username);
      await page.fill('#password', password);
      await page.click('#sign-in');
    };
    const record = async (page) => {
      await page.waitForSelector('#record:not([hidden]), #problem:not([hidden])');
      if (!(await page.isVisible('#record'))) assert.fail(`the app has a problem: ${await page.textContent('#problem')}`);
      demo.tokens(await page.evaluate(() => JSON.parse(sessionStorage.getItem('token'))));
      return page.evaluate(() => JSON.parse(sessionStorage.getItem('token')));
    };
    const query = (extra = {}) => {
      const verifier = demo.canary('verifier', randomBytes(32).toString('base64url'));
      const parameters = { response_type: 'code', client_id: info.clients.public.client_id, redirect_uri: CALLBACK, aud: info.fhir_base, state: 'a-state-of-this-test',
        scope: 'launch/patient patient/Patient.rs patient/Observation.rs', code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256', ...extra };
      return { verifier, url: `${info.issuer}/authorize?${new URLSearchParams(parameters)}` };
    };
    const codes = () => demo.metric('mitral_codes_issued_total');

    const maria = await someone();
    let first;
    await check('standalone launch: sign in, pick, untick one category, see the lab results', async () => {
      const { page } = maria;
      await page.goto(info.app);
      await picture(page, '01-app-start');
      await connect(page);
      await picture(page, '02-sign-in');
      assert.match(await page.textContent('main'), /Lab Notebook/);
      await signIn(page, patient);
      await page.waitForSelector('#patient-maria');
      await picture(page, '03-picker');
      await page.click('#patient-maria');
      await page.waitForSelector('#allow');
      await picture(page, '04-consent', { unscrolled: true });
      assert.match(await page.textContent('#app-name'), /Lab Notebook/);
      assert.match(await page.textContent('#record-name'), /Maria Sample/);
      assert.ok(await page.isChecked('#offline'));
      await page.uncheck(row('patient.see.Condition'));
      await page.click('#allow');
      first = await record(page);
      await picture(page, '05-record');
      assert.equal(first.patient, 'maria');
      assert.match(await page.textContent('#patient-name'), /Maria Sample/);
      assert.ok((await page.locator('#labs .lab').count()) >= 3);
      assert.match(await page.textContent('#labs'), /Glucose/i);
      assert.match(await page.textContent('#conditions'), /You did not share conditions/);
      assert.ok((await page.locator('#medications li').count()) >= 1 || /None on record/.test(await page.textContent('#medications')));
      assert.ok(!first.scope.includes('Condition'));
      assert.ok(first.refresh_token);
    });
    await check('no answer of the gateway held anybody else', async () => {
      const bodies = await maria.watcher.gatewayBodies();
      for (const type of ['Patient', 'Observation', 'MedicationRequest']) {
        assert.ok(bodies.some((b) => b.status === 200 && b.text.includes(`"resourceType":"${type}"`)), `${type} was looked at`);
      }
      for (const { url, text } of bodies) assert.ok(!/Otto|Nobody|otto-|"Patient\/(otto|leo|nora)"/.test(text), `${url}: ${text.slice(0, 300)}`);
      assert.ok(maria.watcher.answers.some((a) => a.url.includes('Condition') && a.status === 403));
    });
    await check('the address bar keeps no code and no token', async () => {
      assert.equal(maria.page.url(), info.app);
      assert.equal(await maria.page.evaluate(() => document.cookie), '');
    });
    await check('renewing access', async () => {
      const { page } = maria;
      await page.click('#refresh');
      await page.waitForSelector('#refreshed:not(:empty)');
      const fresh = await record(page);
      assert.notEqual(fresh.access_token, first.access_token);
      assert.ok((await page.locator('#labs .lab').count()) >= 3);
      first = fresh;
    });
    await check('disconnect: what the app held is dead', async () => {
      const { page } = maria;
      const read = () => fetch(`${info.fhir_base}/Patient/maria`, { headers: { authorization: `Bearer ${first.access_token}` } }).then((r) => r.status);
      assert.equal(await read(), 200);
      await page.click('#disconnect');
      await page.waitForSelector('#start:not([hidden])');
      await until('the token is dead at the gateway', 10_000, async () => (await read()) === 401);
      assert.equal(await page.evaluate(() => sessionStorage.getItem('token')), null);
    });
    await check('single sign-on: the second time nobody asks for a password', async () => {
      const { page } = maria;
      await connect(page);
      await page.waitForSelector('#patient-maria');
      assert.equal(await page.locator('#password').count(), 0);
    });
    await check('proxies: a mother sees her children in the picker and opens the record of one', async () => {
      const { page } = maria;
      const offered = await page.locator('button[name="patient"]').evaluateAll((all) => all.map((b) => b.value));
      assert.deepEqual(offered.sort(), ['leo', 'maria', 'nora']);
      await page.click('#patient-leo');
      assert.match(await page.textContent('#record-name'), /Leo Sample \(child\)/);
      await picture(page, '06-consent-child');
      const before = maria.watcher.bodies.length;
      await page.click('#allow');
      const token = await record(page);
      assert.equal(token.patient, 'leo');
      assert.match(await page.textContent('#patient-name'), /Leo/);
      for (const { url, text } of (await maria.watcher.gatewayBodies()).slice(before)) {
        assert.ok(!/otto-|"Patient\/(otto|nora)"|"Observation","id":"maria-/.test(text), `${url}: ${text.slice(0, 300)}`);
      }
    });
    await check('unticking one kind of results: laboratory stays, the rest does not come', async () => {
      const { page } = maria;
      await page.evaluate(() => sessionStorage.clear());
      await connect(page);
      await page.click('#patient-maria');
      await page.locator('details.kinds', { has: page.locator(row('patient.see.Observation.laboratory')) }).locator('summary').click();
      const parts = page.locator('input[name="share"][value^="patient.see.Observation."]');
      for (let i = 0; i < (await parts.count()); i += 1) {
        if ((await parts.nth(i).getAttribute('value')) !== 'patient.see.Observation.laboratory') await parts.nth(i).uncheck();
      }
      await picture(page, '07-consent-kinds');
      await page.uncheck('#offline');
      await page.click('#allow');
      const token = await record(page);
      assert.ok((await page.locator('#labs .lab').count()) >= 3);
      assert.match(token.scope, /patient\/Observation\.rs\?category=\S+\|laboratory/);
      assert.ok(!/vital-signs|social-history/.test(token.scope));
      assert.equal(token.refresh_token, undefined);
      assert.ok(!(await page.isVisible('#refresh')));
    });
    await check('unticking everything is asked about, not silently granted', async () => {
      const { page } = maria;
      await page.evaluate(() => sessionStorage.clear());
      await connect(page);
      await page.click('#patient-maria');
      for (const box of await page.locator('input[name="share"]').all()) await box.evaluate((b) => { b.checked = false; });
      await page.click('#allow');
      await page.waitForSelector('#problem');
      await picture(page, '08-consent-nothing-left');
      await page.click('#deny');
      await page.waitForSelector('#problem:not([hidden])');
    });
    await check('saying no: the app is told, and nothing was shared', async () => {
      const { page } = maria;
      await page.evaluate(() => sessionStorage.clear());
      await connect(page);
      await page.click('#patient-maria');
      const before = maria.watcher.answers.length;
      await page.click('#deny');
      await page.waitForSelector('#problem:not([hidden])');
      assert.equal(await page.textContent('#problem-title'), 'Nothing was shared');
      await picture(page, '09-denied');
      assert.equal(await page.evaluate(() => sessionStorage.getItem('token')), null);
      assert.deepEqual(maria.watcher.answers.slice(before).filter((a) => !a.url.includes('.well-known')), []);
    });
    await check('cancelling at the picker', async () => {
      const { page } = maria;
      await connect(page);
      await page.click('#cancel');
      await page.waitForSelector('#problem:not([hidden])');
      assert.equal(await page.textContent('#problem-title'), 'Nothing was shared');
    });
    await check('signing out: the next time the password is asked for', async () => {
      const { page } = maria;
      await page.goto(`${info.issuer}/sign-out`);
      assert.match(await page.textContent('main'), /Maria Sample/);
      await picture(page, '10-sign-out');
      await page.click('#sign-out');
      await page.waitForSelector('#signed-out');
      await picture(page, '11-signed-out');
      await connect(page);
      await page.waitForSelector('#password');
    });
    await check('a wrong password: said once, calmly, with the name kept', async () => {
      const { page } = maria;
      await signIn(page, patient, demo.canary('wrong password', 'not-the-password-of-maria'));
      await page.waitForSelector('#problem');
      await picture(page, '12-wrong-password');
      const text = await page.textContent('#problem');
      assert.equal(await page.inputValue('#username'), patient.username);
      assert.equal(await page.inputValue('#password'), '');
      await signIn(page, { username: 'nobody-of-this-name', password: 'whatever-it-may-be' });
      await page.waitForSelector('#problem');
      assert.equal(await page.textContent('#problem'), text, 'the page does not tell which names exist');
    });
    await check('no error on any console, no policy was violated', () => maria.watcher.quiet());
    await maria.context.close();

    await check('somebody else signs in: she gets her own record and not the one asked for', async () => {
      const { context, page, watcher } = await someone();
      await connect(page);
      await signIn(page, otto);
      await page.waitForSelector('#allow');
      assert.match(await page.textContent('#record-name'), /Otto/);
      await page.click('#allow');
      assert.equal((await record(page)).patient, 'otto');
      for (const { url, text } of await watcher.gatewayBodies()) assert.ok(!/Maria Sample|"Patient\/(maria|leo|nora)"/.test(text), `${url}: ${text.slice(0, 200)}`);
      await watcher.quiet();
      await context.close();
    });
    await check('"Not you?": another person takes over, and the first one is not signed in any more', async () => {
      const { context, page, watcher } = await someone();
      await page.goto(query().url);
      await signIn(page, patient);
      await page.click('#patient-maria');
      await page.click('#switch-user');
      await page.waitForSelector('#password');
      await signIn(page, otto);
      await page.waitForSelector('#allow');
      assert.match(await page.textContent('#user-name'), /Otto/);
      assert.match(await page.textContent('#record-name'), /Otto/);
      await watcher.quiet();
      await context.close();
    });

    await check('EHR launch by a clinician', async () => {
      const { context, page, watcher } = await someone();
      await page.goto(info.ehr);
      await picture(page, '13-ehr');
      await page.click('#launch-maria');
      await page.waitForSelector('#username');
      await signIn(page, clinician);
      await page.waitForSelector('#allow');
      await picture(page, '14-consent-clinician');
      assert.equal(await page.locator('button[name="patient"]').count(), 0, 'the record comes from the EHR');
      assert.match(await page.textContent('#record-name'), /Maria Sample/);
      await page.click('#allow');
      const token = await record(page);
      assert.equal(token.patient, 'maria');
      assert.equal(token.encounter, 'maria-visit-1');
      assert.equal(token.need_patient_banner, true);
      assert.match(await page.textContent('#patient-name'), /Maria Sample/);
      for (const { url, text } of await watcher.gatewayBodies()) assert.ok(!/otto-|"Patient\/otto"/.test(text), url);
      await page.goto(info.ehr);
      await page.evaluate(() => sessionStorage.clear());
      await page.click('#launch-otto');
      await page.waitForSelector('#allow');
      assert.match(await page.textContent('#record-name'), /Otto/);
      await watcher.quiet();
      await context.close();
    });
    await check('an EHR launch made for a clinician is of no use to a patient', async () => {
      const { context, page, watcher } = await someone();
      await page.goto(info.ehr);
      await page.click('#launch-otto');
      await page.waitForSelector('#username');
      await signIn(page, patient);
      await page.waitForSelector('#problem:not([hidden])');
      assert.equal(await page.textContent('#problem-title'), 'Nothing was shared');
      await watcher.quiet();
      await context.close();
    });

    await check('without JavaScript, on a phone: the whole way', async () => {
      const { context, page, watcher } = await someone({ javaScriptEnabled: false, viewport: PHONE, isMobile: true, hasTouch: true });
      const { url, verifier } = query();
      await page.goto(url);
      for (const id of ['#username', '#password']) assert.ok((await page.locator(id).boundingBox()).height >= 40, `${id} is big enough for a finger`);
      assert.ok((await page.locator('#sign-in').boundingBox()).height >= 44);
      await signIn(page, patient);
      for (const button of await page.locator('button[name="patient"]').all()) assert.ok((await button.boundingBox()).height >= 44);
      await page.click('#patient-nora');
      await page.uncheck(row('patient.see.Patient'));
      for (const id of ['#allow', '#deny']) {
        const box = await page.locator(id).boundingBox();
        assert.ok(box.height >= 44 && box.x >= 0 && box.x + box.width <= PHONE.width, id);
      }
      await page.click('#allow');
      await page.waitForSelector('#back');
      const back = new URL(page.url());
      assert.equal(back.searchParams.get('iss'), info.issuer);
      const answer = await fetch(`${info.issuer}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', client_id: info.clients.public.client_id,
        code: demo.canary('code', back.searchParams.get('code')), redirect_uri: CALLBACK, code_verifier: verifier }) });
      const token = demo.tokens(await answer.json());
      assert.equal(token.patient, 'nora');
      assert.ok(!token.scope.includes('patient/Patient'));
      await watcher.quiet();
      await context.close();
    });
    await check('SMART 2.2: kinds of conditions and results are chosen one by one, at a desk and on a phone', async () => {
      for (const [size, options] of [['desktop', {}], ['phone', { viewport: PHONE, isMobile: true, hasTouch: true }]]) {
        const { context, page, watcher } = await someone(options);
        const { url, verifier } = query({ scope: 'launch/patient openid offline_access patient/Patient.rs patient/Condition.rs patient/Observation.rs' });
        await page.goto(url);
        await signIn(page, patient);
        await page.click('#patient-maria');
        await page.waitForSelector('#allow');
        for (const opener of await page.locator('details.kinds > summary').all()) await opener.click();
        const kinds = { Condition: ['encounter-diagnosis', 'health-concern', 'problem-list-item'],
          Observation: ['laboratory', 'procedure', 'sdoh', 'social-history', 'survey', 'vital-signs'] };
        for (const [type, codes] of Object.entries(kinds)) {
          for (const code of codes) {
            const box = page.locator(row(`patient.see.${type}.${code}`));
            assert.ok(await box.isChecked() && await box.isVisible(), `${type} ${code}`);
            const label = await page.locator(`label:has(${row(`patient.see.${type}.${code}`)})`).boundingBox();
            assert.ok(label.height >= 24 && label.x + label.width <= page.viewportSize().width, `${type} ${code}: room for a finger`);
          }
        }
        if (size === 'desktop') await picture(page, 'consent-kinds');
        for (const kind of ['Condition.health-concern', 'Observation.sdoh', 'Observation.survey']) await page.uncheck(row(`patient.see.${kind}`));
        await page.uncheck('#offline');
        if (size === 'desktop') await picture(page, 'consent-kinds-chosen', { unscrolled: true });
        await page.click('#allow');
        await page.waitForSelector('#back');
        const back = new URL(page.url());
        const answer = await fetch(`${info.issuer}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', client_id: info.clients.public.client_id,
          code: demo.canary('code', back.searchParams.get('code')), redirect_uri: CALLBACK, code_verifier: verifier }) });
        const token = demo.tokens(await answer.json());
        const scopes = token.scope.split(' ');
        assert.equal(scopes.filter((s) => s.startsWith('patient/Condition.rs?category=')).length, 2, token.scope);
        assert.equal(scopes.filter((s) => s.startsWith('patient/Observation.rs?category=')).length, 4, token.scope);
        assert.ok(scopes.includes('patient/Patient.rs') && !scopes.includes('patient/Condition.rs') && !scopes.includes('patient/Observation.rs'));
        assert.ok(!scopes.includes('offline_access') && !token.refresh_token);
        const results = await (await fetch(`${info.fhir_base}/Observation?patient=maria&_count=500`, { headers: { Authorization: `Bearer ${token.access_token}` } })).json();
        assert.ok(results.entry.length > 0);
        for (const { resource } of results.entry) assert.ok(!JSON.stringify(resource.category).match(/"(survey|sdoh)"/), resource.id);
        await watcher.quiet();
        await context.close();
      }
    });
    await check('form_post posts itself, and by its button without JavaScript', async () => {
      for (const javaScriptEnabled of [true, false]) {
        const { context, page, watcher } = await someone({ javaScriptEnabled });
        await page.goto(query({ response_mode: 'form_post', scope: 'launch/patient patient/Patient.rs' }).url);
        await signIn(page, otto);
        await page.click('#allow');
        if (!javaScriptEnabled) await page.click('#continue');
        await page.waitForSelector('#back');
        assert.equal(page.url(), CALLBACK, 'no parameter in the address');
        await watcher.quiet();
        await context.close();
      }
    });
    await check('pages are labelled, and work from the keyboard', async () => {
      const { context, page, watcher } = await someone();
      await page.goto(query().url);
      assert.equal(await page.evaluate(() => document.activeElement.id), 'username');
      await page.keyboard.type(patient.username);
      await page.keyboard.press('Tab');
      await page.keyboard.type(patient.password);
      await page.keyboard.press('Enter');
      await page.waitForSelector('#patient-maria');
      await page.focus('#patient-maria');
      await page.keyboard.press('Enter');
      await page.waitForSelector('#allow');
      const unnamed = await page.evaluate(() => [...document.querySelectorAll('input:not([type=hidden]),button,a')]
        .filter((e) => !(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label'))).map((e) => e.outerHTML));
      assert.deepEqual(unnamed, []);
      assert.equal(await page.locator('h1').count(), 1);
      assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
      assert.equal(await page.locator('script').count(), 0);
      const ids = await page.evaluate(() => [...document.querySelectorAll('[id]')].map((e) => e.id));
      assert.equal(new Set(ids).size, ids.length, 'no id twice');
      await watcher.quiet();
      await context.close();
    });
    await check('pages in the dark', async () => {
      const { context, page, watcher } = await someone({ colorScheme: 'dark' });
      await page.goto(query().url);
      await picture(page, '15-dark-sign-in');
      await signIn(page, patient);
      await page.click('#patient-maria');
      await picture(page, '16-dark-consent');
      await watcher.quiet();
      await context.close();
    });
    await check('pages of errors and the home page', async () => {
      const { context, page, watcher } = await someone({}, [400, 404]);
      assert.equal((await page.goto(`${info.issuer}/authorize?client_id=nobody`)).status(), 400);
      await picture(page, '17-error');
      assert.equal((await page.goto(query({ scope: 'made-up-scope' }).url)).status(), 400);
      await picture(page, '18-error-return');
      assert.equal((await page.goto(`${info.issuer}/interaction/${'A'.repeat(43)}`)).status(), 400);
      assert.equal((await page.goto(`${info.issuer}/`)).status(), 200);
      await picture(page, '19-home');
      await watcher.quiet();
      await context.close();
    });

    await check('pressing Allow twice, in two windows, and after going back: one code', async () => {
      const { context, page, watcher } = await someone({}, [400, 403]);
      const { url } = query();
      await page.goto(url);
      await signIn(page, patient);
      await page.click('#patient-maria');
      await page.waitForSelector('#allow');
      const at = page.url();
      const second = await context.newPage();
      await second.goto(at);
      const before = await codes();
      await page.locator('#allow').dblclick({ noWaitAfter: true });
      await page.waitForSelector('#back, #error-title');
      await second.click('#allow');
      await second.waitForSelector('#error-title');
      await picture(second, '20-too-late');
      assert.equal(await codes(), before + 1);
      // The very form again, as a proxy or a browser that repeats would send it.
      await page.goto(query().url);
      await page.click('#patient-maria');
      await page.waitForSelector('#allow');
      const form = await page.evaluate(() => ({ action: document.getElementById('consent').action, body: new URLSearchParams(new FormData(document.getElementById('consent'))).toString() + '&decision=allow' }));
      const cookies = (await context.cookies(info.issuer)).map((c) => `${c.name}=${c.value}`).join('; ');
      const send = () => fetch(form.action, { method: 'POST', redirect: 'manual', headers: { 'content-type': 'application/x-www-form-urlencoded', cookie: cookies }, body: form.body });
      const answers = await Promise.all(Array.from({ length: 8 }, send));
      const locations = answers.map((a) => a.headers.get('location') ?? '').filter((l) => l.includes('code='));
      assert.equal(locations.length, 1, answers.map((a) => `${a.status} ${a.headers.get('location') ?? ''}`).join('\n'));
      demo.canary('code', new URL(locations[0]).searchParams.get('code'));
      assert.equal(await codes(), before + 2);
      assert.equal((await send()).status, 400);
      // Back to the consent page that was answered.
      await page.goto(query().url);
      await page.click('#patient-maria');
      await page.click('#allow');
      await page.waitForSelector('#back');
      demo.canary('code', new URL(page.url()).searchParams.get('code'));
      await page.goBack();
      await page.waitForSelector('#error-title, #allow');
      if (await page.isVisible('#allow')) {
        await page.click('#allow');
        await page.waitForSelector('#error-title');
      }
      assert.equal(await codes(), before + 3);
      await watcher.quiet();
      await context.close();
    });
    await check('W6: another site cannot answer for the person, nor another browser', async () => {
      const { context, page } = await someone({}, [400, 403]);
      await page.goto(query().url);
      await signIn(page, patient);
      await page.click('#patient-maria');
      await page.waitForSelector('#allow');
      const form = await page.evaluate(() => ({ action: document.getElementById('consent').action, body: new URLSearchParams(new FormData(document.getElementById('consent'))).toString() + '&decision=allow' }));
      const cookies = (await context.cookies(info.issuer)).map((c) => `${c.name}=${c.value}`).join('; ');
      const send = (headers, body = form.body) => fetch(form.action, { method: 'POST', redirect: 'manual', headers: { 'content-type': 'application/x-www-form-urlencoded', cookie: cookies, ...headers }, body });
      const before = await codes();
      const token = new URLSearchParams(form.body).get('csrf');
      for (const [headers, body] of [
        [{ origin: stranger.origin }], [{ 'sec-fetch-site': 'cross-site' }], [{ 'sec-fetch-site': 'same-site' }], [{ cookie: '' }],
        [{}, form.body.replace(encodeURIComponent(token), 'A'.repeat(43))], [{}, form.body.replace(/csrf=[^&]*&/, '')],
        [{ 'content-type': 'text/plain' }], [{ 'sec-fetch-dest': 'iframe' }],
      ]) {
        const answer = await send(headers, body);
        assert.ok([400, 403, 415].includes(answer.status), `${JSON.stringify(headers)}: ${answer.status}`);
      }
      const other = await someone({}, [400]);
      assert.equal((await other.page.goto(page.url())).status(), 400, 'the address of the page is of no use in another browser');
      assert.equal(await codes(), before);
      for (const cookie of await context.cookies(info.issuer)) assert.ok(cookie.httpOnly && cookie.sameSite === 'Lax', cookie.name);
      await other.context.close();
      await context.close();
    });
    await check('W4: no page of the authorization server can be framed', async () => {
      const { context, page } = await someone();
      await page.goto(query().url);
      await signIn(page, patient);
      await page.click('#patient-maria');
      await page.waitForSelector('#allow');
      const consent = page.url();
      const trap = await context.newPage();
      for (const target of [consent, query().url, `${info.issuer}/sign-out`, info.app]) {
        await trap.goto(`${stranger.origin}/frame?${new URLSearchParams({ target })}`, { waitUntil: 'load' });
        const frame = trap.frames().find((f) => f !== trap.mainFrame());
        assert.equal(await frame?.locator('button').count().catch(() => 0) ?? 0, 0, `${target} shows in a frame`);
      }
      await page.reload();
      assert.ok(await page.isVisible('#allow'), 'in a window of its own it does');
      await context.close();
    });
  });
} finally {
  await browser.close();
  stranger.close();
}
