// openid-client, a certified relying party, against the running program: each way to authenticate, code with PKCE, pushed
// requests, ID token, userinfo, refresh, introspection, revocation, backend services.
//
//   node.sh openid_client.test.mjs <path of mitral> [--tls] [--token-format FORMAT]
import assert from 'node:assert/strict';
import { run, stranger, until } from '../../e2e/harness.mjs';
import { Person } from '../../e2e/person.mjs';

const client = await stranger('openid-client');
const { importJWK } = await stranger('jose');

const CALLBACK = 'http://127.0.0.1:61234/callback';
const SCOPE = 'openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs';

await run('openid-client', {}, async ({ demo, check }) => {
  const { info } = demo;
  const plain = info.issuer.startsWith('http:');
  const allowed = plain ? { execute: [client.allowInsecureRequests] } : {};
  const privateKey = async (jwk) => client.PrivateKeyJwt({ key: await importJWK(jwk, jwk.alg), kid: jwk.kid });
  const discover = (id, metadata, authentication, options = {}) =>
    client.discovery(new URL(info.issuer), id, metadata, authentication, { ...allowed, ...options });

  const { basic, post, asymmetric, backend, public: open } = info.clients;
  const kinds = {
    client_secret_basic: [basic, client.ClientSecretBasic(basic.client_secret)],
    client_secret_post: [post, client.ClientSecretPost(post.client_secret)],
    private_key_jwt: [asymmetric, await privateKey(asymmetric.private_jwk)],
    none: [open, client.None()],
  };

  await check('discovery by RFC 8414 too', async () => {
    const config = await client.discovery(new URL(info.issuer), basic.client_id, undefined, client.None(), { ...allowed, algorithm: 'oauth2' });
    assert.equal(config.serverMetadata().issuer, info.issuer);
    assert.ok(config.serverMetadata().supportsPKCE());
  });
  await check('discovery under another name is refused by the client', () =>
    assert.rejects(client.discovery(new URL(info.issuer.replace('127.0.0.1', 'localhost')), 'x', undefined, client.None(), allowed)));

  const server = await discover(info.resource_server.id, undefined, client.ClientSecretBasic(info.resource_server.secret));
  const introspect = (token) => client.tokenIntrospection(server, token);

  async function authorization(config, { par = false, form = false, ...extra } = {}) {
    const verifier = client.randomPKCECodeVerifier();
    const expectedState = client.randomState();
    const expectedNonce = client.randomNonce();
    const parameters = {
      redirect_uri: CALLBACK, scope: SCOPE, aud: info.fhir_base, state: expectedState, nonce: expectedNonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...extra,
    };
    const url = par ? await client.buildAuthorizationUrlWithPAR(config, parameters) : client.buildAuthorizationUrl(config, parameters);
    return { url, checks: { pkceCodeVerifier: verifier, expectedState, expectedNonce, idTokenExpected: true } };
  }
  async function signedIn(config, options, person = new Person(info), choice = {}) {
    const { url, checks } = await authorization(config, options);
    if (options?.par) {
      assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri']);
      demo.canary('request_uri', url.searchParams.get('request_uri'));
    }
    const back = await person.authorize(url, choice);
    demo.canary('code', back.searchParams.get('code'));
    assert.equal(back.searchParams.get('iss'), info.issuer);
    const tokens = await client.authorizationCodeGrant(config, back, checks);
    return { tokens: demo.tokens(tokens), person, back, checks };
  }

  for (const [method, [registered, authentication]] of Object.entries(kinds)) {
    for (const par of [false, true]) {
      await check(`${method}${par ? ' with a pushed request' : ''}: from sign-in to revocation`, async () => {
        const config = await discover(registered.client_id, { id_token_signed_response_alg: 'RS256' }, authentication);
        const { tokens } = await signedIn(config, { par });
        assert.equal(tokens.token_type, 'bearer');
        assert.equal(tokens.patient, 'maria');
        assert.ok(tokens.expires_in > 0 && tokens.expires_in <= 3600);
        assert.deepEqual(tokens.scope.split(' ').sort(), SCOPE.split(' ').sort());

        const claims = tokens.claims();
        assert.equal(claims.sub, info.users.patient.sub);
        assert.equal(claims.iss, info.issuer);
        assert.equal(claims.aud, registered.client_id);
        assert.equal(claims.fhirUser, `${info.fhir_base}/Patient/maria`);
        const about = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
        assert.equal(about.sub, claims.sub);

        const seen = await introspect(tokens.access_token);
        assert.equal(seen.active, true);
        assert.equal(seen.client_id, registered.client_id);
        assert.equal(seen.sub, claims.sub);
        assert.equal(seen.patient, 'maria');
        assert.equal(seen.iss, info.issuer);
        assert.deepEqual([seen.aud].flat(), [info.fhir_base]);
        const inactive = { active: false };
        assert.deepEqual(await introspect(`${tokens.access_token.slice(0, -4)}AAAA`), inactive);
        assert.deepEqual(await introspect(tokens.refresh_token), inactive);

        const fresh = demo.tokens(await client.refreshTokenGrant(config, tokens.refresh_token));
        assert.notEqual(fresh.access_token, tokens.access_token);
        assert.equal((await introspect(fresh.access_token)).active, true);
        if (method === 'none') assert.ok(fresh.refresh_token && fresh.refresh_token !== tokens.refresh_token, 'rotation for public clients');
        const narrow = demo.tokens(await client.refreshTokenGrant(config, fresh.refresh_token ?? tokens.refresh_token, { scope: 'patient/Patient.rs' }));
        assert.equal(narrow.scope, 'patient/Patient.rs');
        await assert.rejects(client.refreshTokenGrant(config, narrow.refresh_token ?? tokens.refresh_token, { scope: 'patient/*.cruds' }),
          { error: 'invalid_scope', status: 400 });

        await client.tokenRevocation(config, narrow.refresh_token ?? fresh.refresh_token ?? tokens.refresh_token);
        for (const token of [tokens, fresh, narrow]) {
          await until('a revoked grant kills its tokens', 10_000, async () => !(await introspect(token.access_token)).active);
        }
        await assert.rejects(client.refreshTokenGrant(config, narrow.refresh_token ?? tokens.refresh_token), { error: 'invalid_grant', status: 400 });
        // RFC 7009 §2.2: what is dead already is as good as revoked.
        await client.tokenRevocation(config, tokens.access_token);
      });
    }
  }

  const config = await discover(basic.client_id, undefined, kinds.client_secret_basic[1]);
  await check('an access token is revoked alone', async () => {
    const { tokens } = await signedIn(config);
    await client.tokenRevocation(config, tokens.access_token, { token_type_hint: 'access_token' });
    await until('the token is dead', 10_000, async () => !(await introspect(tokens.access_token)).active);
    const fresh = demo.tokens(await client.refreshTokenGrant(config, tokens.refresh_token));
    assert.equal((await introspect(fresh.access_token)).active, true);
  });
  await check('a code works once, and its second use ends what the first one gave', async () => {
    const { tokens, back, checks } = await signedIn(config);
    await assert.rejects(client.authorizationCodeGrant(config, back, checks), { error: 'invalid_grant', status: 400 });
    await until('the first tokens are dead', 10_000, async () => !(await introspect(tokens.access_token)).active);
  });
  await check('a code of another client, verifier or redirect URI is worth nothing', async () => {
    const other = await discover(post.client_id, undefined, kinds.client_secret_post[1]);
    for (const spoil of [
      (a) => client.authorizationCodeGrant(other, a.back, a.checks),
      (a) => client.authorizationCodeGrant(config, a.back, { ...a.checks, pkceCodeVerifier: client.randomPKCECodeVerifier() }),
      (a) => client.authorizationCodeGrant(config, new URL(a.back.href.replace('61234', '61235')), a.checks),
    ]) {
      const { url, checks } = await authorization(config);
      const back = await new Person(info).authorize(url);
      demo.canary('code', back.searchParams.get('code'));
      await assert.rejects(spoil({ back, checks }), { error: 'invalid_grant', status: 400 });
    }
  });
  await check('single sign-on: prompt=none asks nobody, after one sign-in and one consent', async () => {
    const { person, tokens } = await signedIn(config, { scope: 'openid fhirUser user/Patient.rs' });
    const again = await signedIn(config, { scope: 'openid fhirUser user/Patient.rs', prompt: 'none', id_token_hint: tokens.id_token }, person);
    assert.equal(again.tokens.claims().sub, tokens.claims().sub);
    assert.equal(again.tokens.claims().auth_time, tokens.claims().auth_time);
    const { url, checks } = await authorization(config, { scope: 'openid', prompt: 'none' });
    const refused = await new Person(info).authorize(url);
    assert.equal(refused.searchParams.get('error'), 'login_required');
    await assert.rejects(client.authorizationCodeGrant(config, refused, checks), { error: 'login_required' });
  });
  await check('max_age and auth_time', async () => {
    const { url, checks } = await authorization(config, { max_age: '600' });
    const back = await new Person(info).authorize(url);
    demo.tokens(await client.authorizationCodeGrant(config, back, { ...checks, maxAge: 600 }));
  });
  await check('form_post', async () => {
    const { url } = await authorization(config, { response_mode: 'form_post', prompt: 'consent' });
    const person = new Person(info);
    let page = await person.open(url.href);
    page = await person.signIn(page, info.users.patient);
    page = await person.pick(page, 'maria');
    page = await person.decide(page);
    assert.equal(page.status, 200);
    const form = person.form(page, 'callback');
    assert.equal(form.action, CALLBACK);
    assert.deepEqual(form.inputs.map((i) => i.name).sort(), ['code', 'iss', 'state']);
    for (const input of form.inputs) if (input.name === 'code') demo.canary('code', input.value);
  });
  await check('the person says no', async () => {
    const { url, checks } = await authorization(config, { prompt: 'consent' });
    const back = await new Person(info).authorize(url, { decision: 'deny' });
    await assert.rejects(client.authorizationCodeGrant(config, back, checks), { error: 'access_denied' });
  });
  await check('what was unticked is not granted', async () => {
    const { tokens } = await signedIn(config, { prompt: 'consent' }, new Person(info), { untick: ['patient.see.Observation', 'offline'] });
    assert.deepEqual(tokens.scope.split(' ').sort(), ['fhirUser', 'launch/patient', 'openid', 'patient/Patient.rs']);
    assert.equal(tokens.refresh_token, undefined);
  });
  await check('what was agreed to is remembered for a client that authenticates, and nothing beyond it', async () => {
    const scope = `${SCOPE} patient/Condition.rs`;
    const first = await signedIn(config, { prompt: 'consent', scope }, new Person(info), { untick: ['patient.see.Condition'] });
    assert.ok(!first.tokens.scope.includes('Condition'));
    const person = new Person(info);
    const again = await signedIn(config, { scope }, person, { decision: 'nobody may be asked' });
    assert.equal(again.tokens.scope, first.tokens.scope);
    // Another record is another question.
    const { url } = await authorization(config, { scope });
    const page = await person.pick(await person.open(url.href), 'leo');
    assert.ok(person.form(page, 'consent'));
  });

  await check('backend services: a token for a system, without a person', async () => {
    const service = await discover(backend.client_id, undefined, await privateKey(backend.private_jwk));
    const tokens = demo.tokens(await client.clientCredentialsGrant(service, { scope: 'system/Observation.rs system/Patient.rs' }));
    assert.equal(tokens.refresh_token, undefined);
    const seen = await introspect(tokens.access_token);
    assert.equal(seen.sub, backend.client_id);
    assert.equal(seen.patient, undefined);
    await assert.rejects(client.clientCredentialsGrant(service, { scope: 'patient/Patient.rs' }), { error: 'invalid_scope', status: 400 });
    await assert.rejects(client.fetchUserInfo(service, tokens.access_token, client.skipSubjectCheck));
    await client.tokenRevocation(service, tokens.access_token);
    await until('the token is dead', 10_000, async () => !(await introspect(tokens.access_token)).active);
  });
  await check('a wrong secret and a foreign key are invalid_client', async () => {
    const wrong = await discover(basic.client_id, undefined, client.ClientSecretBasic('wrong'));
    await assert.rejects(client.clientCredentialsGrant(wrong), (e) => e.status === 401 || e.cause?.[0]?.scheme === 'basic' || /401|challenge/i.test(String(e.message)));
    const thief = await discover(backend.client_id, undefined, await privateKey(asymmetric.private_jwk));
    await assert.rejects(client.clientCredentialsGrant(thief, { scope: 'system/Patient.rs' }), (e) => e.status === 401 || e.error === 'invalid_client');
    await assert.rejects(client.tokenIntrospection(wrong, 'x'));
  });
  await check('a client asks about no token of another audience', async () => {
    const { tokens } = await signedIn(config);
    const other = await discover(post.client_id, undefined, kinds.client_secret_post[1]);
    const answer = await client.tokenIntrospection(other, tokens.access_token).catch((e) => ({ active: false, error: e.error }));
    assert.equal(answer.active, false);
    await client.tokenRevocation(other, tokens.access_token).catch((e) => assert.equal(e.error, 'invalid_grant'));
    assert.equal((await introspect(tokens.access_token)).active, true, 'RFC 7009 §2.1: only its own client revokes a token');
  });
});
