// Operator commands beside the running program: registrations, people, grants that end within a second at the gateway, audit,
// backup, configuration, health, and a drain that lets nothing be lost.
//
//   node.sh operator.test.mjs <path of mitral>
import { randomBytes, createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { dirname, join } from 'node:path';
import assert from 'node:assert/strict';
import { PEOPLE, program, run, sleep, until } from './harness.mjs';
import { Person } from './person.mjs';

const CALLBACK = 'http://127.0.0.1:61234/callback';
const CHALLENGE = createHash('sha256').update('nobody will redeem this').digest('base64url');
const SCOPE = 'openid launch/patient offline_access patient/Patient.rs patient/Observation.rs';
// What must take effect within a second is given half a second more: this test shares its machine with others.
const WITHIN_MS = 1_500;

await run('operator commands beside the running demo', {}, async ({ demo, check }) => {
  const { info } = demo;
  const outside = new Person(info);
  const json = async (...args) => {
    const done = await demo.command('--json', ...args);
    assert.equal(done.code, 0, `${args.join(' ')}: ${done.err}`);
    return JSON.parse(done.out);
  };
  const good = async (...args) => {
    const done = await demo.command(...args);
    assert.equal(done.code, 0, `${args.join(' ')}: ${done.out}${done.err}`);
    return done.out;
  };
  const fhir = (path, token) => outside.request('GET', `${info.fhir_base}/${path}`, { headers: { authorization: `Bearer ${token}`, accept: 'application/fhir+json' } });

  async function tokenRequest(client, form) {
    const headers = client.client_secret ? { authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}` } : {};
    const answer = await outside.request('POST', `${info.issuer}/token`, { form: client.client_secret ? form : { ...form, client_id: client.client_id }, headers });
    const body = JSON.parse(answer.body);
    return { status: answer.status, ...demo.tokens(body) };
  }
  async function tokens(client = info.clients.basic, user = info.users.patient, patient = 'maria') {
    const verifier = demo.canary('verifier', randomBytes(32).toString('base64url'));
    const query = new URLSearchParams({
      response_type: 'code', client_id: client.client_id, redirect_uri: CALLBACK, scope: SCOPE, aud: info.fhir_base, state: 'a-state-of-this-test',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
    });
    const back = await new Person(info).authorize(`${info.issuer}/authorize?${query}`, { user, patient });
    const code = demo.canary('code', back.searchParams.get('code'));
    assert.ok(code, back.href);
    const out = await tokenRequest(client, { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: verifier });
    assert.equal(out.status, 200, JSON.stringify(out));
    assert.equal((await fhir('Patient/maria', out.access_token)).status, 200);
    return out;
  }
  const refresh = (token, client = info.clients.basic) => tokenRequest(client, { grant_type: 'refresh_token', refresh_token: token.refresh_token });

  /// iat has whole seconds: what is issued in the very second in which its client or user was revoked counts as older.
  const nextSecond = () => sleep(1_020 - (Date.now() % 1_000));

  /// The gateway refuses what it has just let through. Counted from the moment when the command returns.
  async function diesAtTheGateway(token, what) {
    const ms = await until(`${what} is felt at the gateway`, WITHIN_MS, async () => {
      const { status } = await fhir('Patient/maria', token.access_token);
      assert.ok(status === 200 || status === 401, `status ${status}`);
      return status === 401;
    }, 10);
    console.log(`        felt after ${Math.round(ms)} ms`);
  }

  await check('client list and show', async () => {
    const clients = await json('client', 'list');
    assert.deepEqual(clients.map((c) => c.client_id), Object.values(info.clients).map((c) => c.client_id).sort());
    assert.deepEqual(demo.secretsIn(JSON.stringify(clients), { people: false }), []);
    assert.equal((await json('client', 'show', 'demo-basic')).client_id, 'demo-basic');
    assert.match(await good('client', 'list'), /demo-basic +client_secret_basic +enabled/);
    const nobody = await demo.command('client', 'show', 'nobody');
    assert.notEqual(nobody.code, 0);
    assert.match(nobody.err, /no such client/);
  });
  let added;
  await check('client add: known to the running server at once', async () => {
    added = await json('client', 'add', '--id', 'operators-app', '--name', "Operator's app", '--auth', 'client_secret_basic', '--redirect-uri', 'http://127.0.0.1/callback',
      '--grant', 'authorization_code', '--grant', 'refresh_token', ...SCOPE.split(' ').flatMap((s) => ['--scope', s]), '--offline');
    demo.canary('secret of the added client', added.client_secret);
    assert.ok(added.client_secret.length >= 43);
    await until('the server knows the client', 10_000, async () =>
      (await new Person(info).open(`${info.issuer}/authorize?client_id=operators-app&redirect_uri=${encodeURIComponent(CALLBACK)}&response_type=code&scope=openid&code_challenge=${CHALLENGE}&code_challenge_method=S256`)).status === 200);
    const live = await tokens(added);
    assert.equal(live.patient, 'maria');
  });
  await check('client add refuses what is not safe', async () => {
    for (const [args, why] of [
      [['--id', 'demo-basic', '--name', 'x', '--redirect-uri', 'https://app.example/cb'], /already/],
      [['--name', 'x', '--redirect-uri', 'http://app.example/cb'], /https/],
      [['--name', 'x', '--redirect-uri', 'https://app.example/../cb'], /./],
      [['--name', 'a‮b', '--redirect-uri', 'https://app.example/cb'], /invisible/],
      [['--id', 'u_somebody', '--name', 'x', '--redirect-uri', 'https://app.example/cb'], /./],
    ]) {
      const done = await demo.command('client', 'add', '--auth', 'client_secret_basic', '--grant', 'authorization_code', '--scope', 'openid', ...args);
      assert.notEqual(done.code, 0, args.join(' '));
      assert.match(done.err, why);
    }
  });
  await check('client disable: refused at the token endpoint, and back with enable', async () => {
    const live = await tokens(added);
    await good('client', 'disable', added.client_id);
    await until('the client is refused', WITHIN_MS, async () => (await refresh(live, added)).error === 'invalid_client');
    const page = await new Person(info).open(`${info.issuer}/authorize?client_id=${added.client_id}&response_type=code`);
    assert.equal(page.status, 400);
    await good('client', 'enable', added.client_id);
    await until('the client is back', WITHIN_MS, async () => (await refresh(live, added)).status === 200);
  });
  await check('client new-secret: the new one works, the one before still does', async () => {
    const live = await tokens(added);
    const fresh = await json('client', 'new-secret', added.client_id);
    demo.canary('second secret', fresh.client_secret);
    await until('the new secret works', 10_000, async () => (await refresh(live, fresh)).status === 200);
    assert.equal((await refresh(live, added)).status, 200);
  });
  await check('client remove: all that it had is dead', async () => {
    const live = await tokens(added);
    await good('client', 'remove', added.client_id);
    await diesAtTheGateway(live, 'the removal');
    assert.equal((await refresh(live, added)).error, 'invalid_client');
  });

  await check('user list and show', async () => {
    const users = await json('user', 'list');
    assert.deepEqual(users.map((u) => u.username).sort(), ['ada', 'maria', 'otto']);
    assert.ok(!JSON.stringify(users).includes('argon2'));
    assert.equal((await json('user', 'show', 'maria')).sub, info.users.patient.sub);
  });
  await check('grant list and grant revoke: dead at the gateway within a second', async () => {
    const [one, other] = [await tokens(), await tokens()];
    const grants = (await json('grant', 'list', 'maria')).filter((g) => g.client_id === 'demo-basic' && !g.revoked);
    assert.ok(grants.length >= 2);
    const seen = await introspect(one);
    assert.ok(grants.some((g) => g.grant_id === seen.grant_id), 'introspection and operator name the grant alike');
    await good('grant', 'revoke', seen.grant_id);
    await diesAtTheGateway(one, 'the revocation');
    assert.equal((await refresh(one)).error, 'invalid_grant');
    assert.deepEqual(await introspect(one), { active: false });
    assert.equal((await fhir('Patient/maria', other.access_token)).status, 200, 'another grant lives on');
    const after = (await json('grant', 'list', 'maria')).find((g) => g.grant_id === seen.grant_id);
    assert.ok(after.revoked);
  });
  async function introspect(token) {
    const { id, secret } = info.resource_server;
    const answer = await outside.request('POST', `${info.issuer}/introspect`, { form: { token: token.access_token },
      headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` } });
    return JSON.parse(answer.body);
  }
  await check('client revoke: dead at the gateway within a second', async () => {
    const live = await tokens();
    await good('client', 'revoke', 'demo-basic');
    await diesAtTheGateway(live, 'the revocation');
    await nextSecond();
    await tokens();
  });
  await check('user disable: sessions and tokens end, and nobody signs in; enable lets her in again', async () => {
    const live = await tokens();
    await good('user', 'disable', 'maria');
    await diesAtTheGateway(live, 'the end of the account');
    const person = new Person(info);
    const page = await person.open(`${info.issuer}/authorize?client_id=demo-basic&redirect_uri=${encodeURIComponent(CALLBACK)}&response_type=code&scope=openid&code_challenge=${CHALLENGE}&code_challenge_method=S256`);
    const refused = await person.signIn(page, info.users.patient);
    assert.equal(refused.status, 403);
    assert.match(refused.body, /do not fit together/, 'the page does not tell that the account exists');
    await good('user', 'enable', 'maria');
    assert.equal((await refresh(live)).error, 'invalid_grant', 'what ended stays ended');
    await nextSecond();
    await tokens();
  });
  await check('user revoke', async () => {
    const live = await tokens();
    await good('user', 'revoke', 'maria');
    await diesAtTheGateway(live, 'the revocation');
    await nextSecond();
  });
  await check('user add: can sign in at once', async () => {
    const made = await json('user', 'add', '--username', 'Zoë', '--name', 'Zoë Newcomer', '--fhir-user', 'Patient/maria', '--generate-password');
    demo.canary('generated password', made.password);
    await tokens(info.clients.basic, { username: 'zoë', password: made.password });
  });
  await check('resource list', async () => assert.match(await good('resource', 'list'), /demo-gateway/));
  await check('key list and key rotate: tokens of before live on', async () => {
    const live = await tokens();
    assert.match(await good('key', 'list'), /ES256 .*signs/);
    await good('key', 'rotate');
    await sleep(1_000);
    assert.equal((await fhir('Patient/maria', live.access_token)).status, 200);
    await until('new tokens are fine', 10_000, async () => (await fhir('Patient/maria', (await tokens()).access_token)).status === 200);
  });

  await check('audit verify, and an expected head', async () => {
    const head = (await json('audit', 'verify')).head;
    assert.match(await good('audit', 'verify', '--expect', head), /^intact/);
    const [seq] = head.split(':');
    const forged = await demo.command('audit', 'verify', '--expect', `${seq}:${'A'.repeat(43)}`);
    assert.equal(forged.code, 3, forged.out);
  });
  await check('audit tail', async () => {
    const lines = (await good('audit', 'tail', '-n', '500')).trim().split('\n');
    for (const word of ['sign_in', 'consent', 'code_issued', 'token_issued', 'revocation', 'administration', 'fhir_access']) {
      assert.ok(lines.some((l) => l.includes(` ${word} `)), `no ${word} among ${lines.length} lines`);
    }
  });
  await check('audit export --format fhir: who read what, and no secret', async () => {
    const live = await tokens();
    const seen = await introspect(live);
    assert.equal((await fhir('Observation?category=laboratory&patient=maria', live.access_token)).status, 200);
    assert.equal((await fhir('Condition?patient=maria', live.access_token)).status, 403);
    const text = await good('audit', 'export', '--format', 'fhir');
    assert.deepEqual(demo.secretsIn(text), []);
    const events = text.trim().split('\n').map((line) => JSON.parse(line));
    assert.ok(events.every((e) => e.resourceType === 'AuditEvent' && e.type?.code && e.recorded && e.agent.length && e.source.observer));
    const mine = events.filter((e) => e.type.code === 'rest' && JSON.stringify(e).includes(seen.jti));
    const read = mine.find((e) => e.outcome === '0' && e.subtype.some((s) => s.code.startsWith('search')));
    assert.ok(read, 'the search is written down');
    assert.ok(read.entity.some((e) => e.what?.reference === 'Patient/maria'));
    assert.ok(read.agent.some((a) => a.who?.identifier?.value === info.users.patient.sub));
    assert.ok(read.agent.some((a) => a.who?.identifier?.value === 'demo-basic'));
    assert.ok(mine.some((e) => e.outcome === '8'), 'the refused search is written down');
    assert.equal(events.filter((e) => e.agent.filter((a) => a.requestor).length !== 1).length, 0, 'exactly one initiator');
  });

  await check('db backup while it runs; neither it nor the database holds a secret', async () => {
    const folder = dirname(info.config);
    const copy = join(demo.folder, 'backup.db');
    await good('db', 'backup', copy);
    assert.ok(statSync(copy).size > 0);
    assert.equal(statSync(copy).mode & 0o077, 0, 'the copy is for its owner only');
    for (const file of [copy, join(folder, 'mitral.db'), join(folder, 'mitral.db-wal')]) {
      const text = readFileSync(file, 'latin1');
      assert.deepEqual(demo.secretsIn(text, { people: false }), [], file);
      assert.ok(!/"d":"[\w-]{20,}"|PRIVATE KEY/.test(text), `${file} holds a private key`);
    }
    const config = join(demo.folder, 'copy.toml');
    writeFileSync(config, readFileSync(info.config, 'utf8').replace(join(folder, 'mitral.db'), copy));
    const verdict = await program('-c', config, 'audit', 'verify');
    assert.equal(verdict.code, 0, verdict.out + verdict.err);
    assert.match(verdict.out, /^intact/);
    assert.notEqual((await demo.command('db', 'backup', copy)).code, 0, 'a backup is never written over');
  });
  await check('config check: fine, and every mistake with its line', async () => {
    assert.match(await good('config', 'check'), /is fine/);
    const wrong = join(demo.folder, 'wrong.toml');
    writeFileSync(wrong, `${readFileSync(info.config, 'utf8').replace('listen =', 'lisen =')}\nthreds = 4\n[gatway]\nx = 1\n`);
    const done = await program('-c', wrong, 'config', 'check');
    assert.equal(done.code, 3, done.out + done.err);
    assert.match(done.err, /wrong\.toml:2: .*lisen/);
    assert.match(done.err, /wrong\.toml:\d+: .*threds/);
    assert.match(done.err, /wrong\.toml:\d+: .*gatway/);
    writeFileSync(wrong, '[server\n');
    assert.match((await program('-c', wrong, 'config', 'check')).err, /wrong\.toml:1:/);
    assert.notEqual((await program('-c', wrong, 'client', 'list')).code, 0);
    assert.notEqual((await program('-c', join(demo.folder, 'absent.toml'), 'config', 'check')).code, 0);
    writeFileSync(wrong, readFileSync(info.config, 'utf8').replace('listen = "127.0.0.1:0"', 'listen = "0.0.0.0:8080"'));
    const open = await program('-c', wrong, 'config', 'check');
    assert.equal(open.code, 3, 'plain HTTP on a public address is refused');
  });
  await check('help for every command, and usage errors have an exit code of their own', async () => {
    for (const words of [[], ['client'], ['client', 'add'], ['user'], ['grant'], ['audit'], ['audit', 'export'], ['key'], ['db'], ['config'], ['serve'], ['gateway'], ['demo'], ['sandbox']]) {
      const done = await program(...words, '--help');
      assert.equal(done.code, 0, words.join(' '));
      assert.ok(done.out.length > 60);
    }
    assert.equal((await program('no-such-command')).code, 2);
    assert.match((await program('--version')).out, /\d+\.\d+/);
  });
  await check('healthz, readyz, metrics', async () => {
    for (const path of ['healthz', 'readyz']) assert.equal((await outside.request('GET', `${info.admin}/${path}`)).status, 200, path);
    assert.equal((await outside.request('POST', `${info.admin}/healthz`)).status, 405);
    assert.equal((await outside.request('GET', `${info.admin}/`)).status, 404);
    const text = await demo.metrics();
    for (const line of text.trim().split('\n')) {
      assert.match(line, /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [0-9.e+-]+)$/, line);
    }
    const names = text.match(/^[a-z_]+(?=[ {])/gm);
    for (const name of names) assert.ok(text.includes(`# TYPE ${name.replace(/_(bucket|sum|count)$/, '')} `), `no TYPE of ${name}`);
    assert.ok((await demo.metric('mitral_codes_issued_total')) > 5);
    assert.ok(!text.includes('demo-basic') && !text.includes('maria'), 'no names in metrics');
  });

  await check('SIGTERM drains: what is under way is answered, new connections are not taken', async () => {
    // A request that is half sent when the signal comes.
    const body = 'grant_type=authorization_code&client_id=demo-public';
    const slow = new Promise((resolve, reject) => {
      const call = http.request(`${info.issuer}/token`, { method: 'POST', agent: false,
        headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': body.length } }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode));
      });
      call.on('error', reject);
      call.write(body.slice(0, 10));
      setTimeout(() => call.end(body.slice(10)), 1_200);
    });
    await sleep(300);
    demo.child.kill('SIGTERM');
    await until('new connections are refused', 10_000, () => outside.request('GET', `${info.issuer}/jwks`).then(() => false, () => true));
    assert.equal(await slow, 400);
    const { code } = await demo.end;
    assert.equal(code, 0);
    assert.ok(!PEOPLE.some((p) => demo.errors.includes(p)));
  });
});
