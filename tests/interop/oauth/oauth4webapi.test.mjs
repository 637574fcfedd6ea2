// oauth4webapi against the running program, message by message: every answer goes through the library's own strict checks
// (RFC 6749, 7009, 7662, 8414, 9068, 9126, 9207, OpenID Connect Core), and the errors that must come do come.
//
//   node.sh oauth4webapi.test.mjs <path of mitral> [--tls] [--token-format FORMAT]
import assert from 'node:assert/strict';
import { run, stranger, until } from '../../e2e/harness.mjs';
import { Person } from '../../e2e/person.mjs';

const oauth = await stranger('oauth4webapi');
const { importJWK } = await stranger('jose');

const CALLBACK = 'http://127.0.0.1:61234/callback';
const SCOPE = 'openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs';

await run('oauth4webapi', {}, async ({ demo, check }) => {
  const { info } = demo;
  const http = info.issuer.startsWith('http:') ? { [oauth.allowInsecureRequests]: true } : {};
  const issuer = new URL(info.issuer);
  const discover = async (algorithm) =>
    oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm, ...http }));
  const as = await check('OpenID Connect Discovery', () => discover('oidc'));
  await check('RFC 8414 says the same', async () => {
    const other = await discover('oauth2');
    for (const [name, value] of Object.entries(other)) assert.deepEqual(value, as[name], name);
  });
  await check('RFC 9207: the iss parameter is announced', () => assert.equal(as.authorization_response_iss_parameter_supported, true));

  const key = async (jwk) => ({ key: await importJWK(jwk, jwk.alg), kid: jwk.kid });
  const { basic, post, asymmetric, backend, public: open } = info.clients;
  const kinds = {
    client_secret_basic: [basic, oauth.ClientSecretBasic(basic.client_secret)],
    client_secret_post: [post, oauth.ClientSecretPost(post.client_secret)],
    private_key_jwt: [asymmetric, oauth.PrivateKeyJwt(await key(asymmetric.private_jwk))],
    none: [open, oauth.None()],
  };
  const server = { client_id: info.resource_server.id };
  const serverAuth = oauth.ClientSecretBasic(info.resource_server.secret);
  const introspect = async (token, options = {}) => oauth.processIntrospectionResponse(as, server,
    await oauth.introspectionRequest(as, server, serverAuth, token, { ...http, ...options }));

  async function begin(client, extra = {}) {
    const verifier = oauth.generateRandomCodeVerifier();
    const parameters = {
      response_type: 'code', client_id: client.client_id, redirect_uri: CALLBACK, scope: SCOPE, aud: info.fhir_base,
      state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce(),
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...extra,
    };
    const url = new URL(as.authorization_endpoint);
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
    return { url, parameters, verifier };
  }
  const finish = async (client, authentication, started, back) => {
    demo.canary('code', back.searchParams.get('code'));
    const answer = oauth.validateAuthResponse(as, client, back, started.parameters.state);
    return oauth.authorizationCodeGrantRequest(as, client, authentication, answer, CALLBACK, started.verifier, http);
  };
  async function signedIn(method, extra) {
    const [registered, authentication] = kinds[method];
    const client = { client_id: registered.client_id };
    const started = await begin(client, extra);
    const back = await new Person(info).authorize(started.url);
    const response = await finish(client, authentication, started, back);
    assert.match(response.headers.get('cache-control'), /no-store/);
    const tokens = demo.tokens(await oauth.processAuthorizationCodeResponse(as, client, response,
      { expectedNonce: started.parameters.nonce, requireIdToken: true }));
    return { client, authentication, tokens, response, started, back };
  }

  for (const method of Object.keys(kinds)) {
    await check(`${method}: code, ID token, userinfo, introspection, refresh, revocation`, async () => {
      const { client, authentication, tokens, response } = await signedIn(method);
      await oauth.validateApplicationLevelSignature(as, response, http);
      const claims = oauth.getValidatedIdTokenClaims(tokens);
      assert.equal(claims.sub, info.users.patient.sub);
      const about = await oauth.processUserInfoResponse(as, client, claims.sub, await oauth.userInfoRequest(as, client, tokens.access_token, http));
      assert.equal(about.fhirUser, `${info.fhir_base}/Patient/maria`);

      const seen = await introspect(tokens.access_token);
      assert.equal(seen.active, true);
      for (const [name, value] of Object.entries({ client_id: client.client_id, sub: claims.sub, patient: 'maria', iss: info.issuer, scope: tokens.scope })) {
        assert.equal(seen[name], value, name);
      }
      assert.equal(seen.exp - seen.iat, tokens.expires_in);

      const refresh = async (token, parameters = {}) => oauth.refreshTokenGrantRequest(as, client, authentication, token, { ...http, additionalParameters: parameters });
      const fresh = demo.tokens(await oauth.processRefreshTokenResponse(as, client, await refresh(tokens.refresh_token)));
      assert.equal((await introspect(fresh.access_token)).active, true);
      const latest = fresh.refresh_token ?? tokens.refresh_token;
      await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, authentication, latest, http));
      await until('the grant is dead', 10_000, async () => !(await introspect(fresh.access_token)).active);
      assert.deepEqual(await introspect(tokens.access_token), { active: false });
      await assert.rejects(refresh(latest).then((r) => oauth.processRefreshTokenResponse(as, client, r)), { error: 'invalid_grant', status: 400 });
    });

    await check(`${method}: RFC 9126`, async () => {
      const [registered, authentication] = kinds[method];
      const client = { client_id: registered.client_id };
      const { parameters, verifier } = await begin(client);
      const pushed = await oauth.processPushedAuthorizationResponse(as, client,
        await oauth.pushedAuthorizationRequest(as, client, authentication, parameters, http));
      demo.canary('request_uri', pushed.request_uri);
      assert.ok(pushed.expires_in > 0);
      const url = new URL(as.authorization_endpoint);
      url.searchParams.set('client_id', client.client_id);
      url.searchParams.set('request_uri', pushed.request_uri);
      const back = await new Person(info).authorize(url);
      const response = await finish(client, authentication, { parameters, verifier }, back);
      demo.tokens(await oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: parameters.nonce }));
      // §7.3: used once, it is gone; and it is nobody else's.
      const second = await new Person(info).open(url.href);
      assert.equal(second.status, 400);
      assert.equal(second.left, undefined);
      const again = await oauth.processPushedAuthorizationResponse(as, client, await oauth.pushedAuthorizationRequest(as, client, authentication, parameters, http));
      url.searchParams.set('request_uri', demo.canary('request_uri', again.request_uri));
      url.searchParams.set('client_id', registered === basic ? post.client_id : basic.client_id);
      assert.equal((await new Person(info).open(url.href)).status, 400);
    });
  }

  const refusedAt = async (extra, wanted) => {
    const client = { client_id: basic.client_id };
    const started = await begin(client, extra);
    const person = new Person(info);
    let page = await person.open(started.url.href);
    // An app that nobody vouches for does not get the browser by itself: there is a link for the person (RFC 9700 §4.11.2).
    if (!page.left) {
      assert.equal(page.status, 400);
      const [, href] = page.body.match(/id="return" href="([^"]+)"/) ?? [];
      assert.ok(href, 'there is a link back');
      page = { left: new URL(href.replaceAll('&amp;', '&')) };
    }
    assert.equal(page.left.origin + page.left.pathname, CALLBACK);
    assert.throws(() => oauth.validateAuthResponse(as, client, page.left, started.parameters.state), { error: wanted });
  };
  await check('an authorization request without PKCE', () => refusedAt({ code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'));
  await check('PKCE "plain"', () => refusedAt({ code_challenge_method: 'plain' }, 'invalid_request'));
  await check('response_type=token', () => refusedAt({ response_type: 'token' }, 'unsupported_response_type'));
  await check('response_type=code id_token', () => refusedAt({ response_type: 'code id_token' }, 'unsupported_response_type'));
  await check('a scope that nobody registered', () => refusedAt({ scope: 'admin' }, 'invalid_scope'));
  await check('SMART scopes without aud', () => refusedAt({ aud: undefined }, 'invalid_request'));
  await check('aud of somebody else', () => refusedAt({ aud: 'https://elsewhere.example/fhir' }, 'invalid_request'));
  await check('a request object', () => refusedAt({ request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'));
  await check('a foreign request_uri', () => refusedAt({ request_uri: 'https://elsewhere.example/r' }, 'request_uri_not_supported'));
  await check('prompt=none with another prompt', () => refusedAt({ prompt: 'none login' }, 'invalid_request'));
  await check('an unknown client or redirect URI never leads out', async () => {
    for (const extra of [
      { client_id: 'nobody' }, { redirect_uri: 'https://elsewhere.example/callback' }, { redirect_uri: `${CALLBACK}/../x` },
      { redirect_uri: CALLBACK.replace('127.0.0.1', 'localhost') }, { redirect_uri: CALLBACK.replace('/callback', '/callback?x=1') },
      { redirect_uri: CALLBACK.replace('127.0.0.1', 'x@127.0.0.1') }, { redirect_uri: CALLBACK.replace('http:', 'https:') },
    ]) {
      const started = await begin({ client_id: basic.client_id }, extra);
      const page = await new Person(info).open(started.url.href);
      assert.equal(page.left, undefined, JSON.stringify(extra));
      assert.equal(page.status, 400, JSON.stringify(extra));
      assert.equal(page.headers.location, undefined);
      assert.ok(!page.body.includes('elsewhere.example'), 'no value of the request is shown');
    }
  });
  await check('the answer of another issuer is not taken for ours', async () => {
    const started = await begin({ client_id: basic.client_id });
    const back = await new Person(info).authorize(started.url);
    demo.canary('code', back.searchParams.get('code'));
    back.searchParams.set('iss', 'https://elsewhere.example');
    assert.throws(() => oauth.validateAuthResponse(as, { client_id: basic.client_id }, back, started.parameters.state));
    back.searchParams.delete('iss');
    assert.throws(() => oauth.validateAuthResponse(as, { client_id: basic.client_id }, back, started.parameters.state));
  });

  await check('client_credentials with private_key_jwt', async () => {
    const client = { client_id: backend.client_id };
    const authentication = oauth.PrivateKeyJwt(await key(backend.private_jwk));
    const tokens = demo.tokens(await oauth.processClientCredentialsResponse(as, client,
      await oauth.clientCredentialsGrantRequest(as, client, authentication, { scope: 'system/Patient.rs' }, http)));
    assert.equal(tokens.scope, 'system/Patient.rs');
    assert.equal((await introspect(tokens.access_token)).sub, backend.client_id);
  });
  await check('client assertions: replayed, for another server, too long-lived, of another client', async () => {
    const client = { client_id: backend.client_id };
    const ask = async (change) => {
      const authentication = oauth.PrivateKeyJwt(await key(backend.private_jwk), { [oauth.modifyAssertion]: (header, payload) => change(payload, header) });
      return oauth.processClientCredentialsResponse(as, client,
        await oauth.clientCredentialsGrantRequest(as, client, authentication, { scope: 'system/Patient.rs' }, http));
    };
    demo.tokens(await ask((p) => { p.jti = 'the-same-jti-twice'; }));
    const refused = { error: 'invalid_client' };
    const spoiled = {
      replay: (p) => { p.jti = 'the-same-jti-twice'; },
      audience: (p) => { p.aud = 'https://elsewhere.example'; },
      'two audiences': (p) => { p.aud = [info.issuer, 'https://elsewhere.example']; },
      'too long': (p) => { p.exp = p.iat + 3600; },
      expired: (p) => { p.exp = p.iat - 300; },
      'no jti': (p) => { delete p.jti; },
      'another sub': (p) => { p.sub = basic.client_id; },
      'another iss': (p) => { p.iss = basic.client_id; },
      'typ of an access token': (p, h) => { h.typ = 'at+jwt'; },
    };
    for (const [name, change] of Object.entries(spoiled)) {
      await assert.rejects(ask(change), (e) => e.error === refused.error || e.status === 401, name);
    }
  });
  await check('a wrong secret is 401 with a challenge, and the same for an unknown client', async () => {
    const bodies = new Set();
    for (const client of [{ client_id: basic.client_id }, { client_id: 'nobody' }]) {
      const response = await oauth.authorizationCodeGrantRequest(as, client, oauth.ClientSecretBasic('wrong'),
        oauth.validateAuthResponse(as, client, new URLSearchParams({ code: 'x', iss: info.issuer, state: 's' }), 's'), CALLBACK, oauth.generateRandomCodeVerifier(), http);
      assert.equal(response.status, 401);
      assert.match(response.headers.get('www-authenticate'), /^Basic /);
      bodies.add(await response.clone().text());
      await assert.rejects(oauth.processAuthorizationCodeResponse(as, client, response));
    }
    assert.equal(bodies.size, 1, 'the answer does not tell which clients exist');
  });
  await check('a client that authenticates in a way it did not register', async () => {
    const client = { client_id: basic.client_id };
    for (const authentication of [oauth.ClientSecretPost(basic.client_secret), oauth.None(), oauth.PrivateKeyJwt(await key(asymmetric.private_jwk))]) {
      const started = await begin(client);
      const back = await new Person(info).authorize(started.url);
      const response = await finish(client, authentication, started, back);
      await assert.rejects(oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: started.parameters.nonce }),
        (e) => e.status === 401 || e.error === 'invalid_client');
    }
  });
  await check('grant types that do not exist here', async () => {
    const client = { client_id: basic.client_id };
    for (const [grant, parameters] of [['password', { username: 'maria', password: info.users.patient.password }], ['urn:example:made-up', {}]]) {
      const response = await oauth.genericTokenEndpointRequest(as, client, kinds.client_secret_basic[1], grant, parameters, http);
      await assert.rejects(oauth.processGenericTokenEndpointResponse(as, client, response), { error: 'unsupported_grant_type', status: 400 });
    }
    const response = await oauth.clientCredentialsGrantRequest(as, client, kinds.client_secret_basic[1], { scope: 'system/Patient.rs' }, http);
    await assert.rejects(oauth.processClientCredentialsResponse(as, client, response), { error: 'unauthorized_client', status: 400 });
  });
  await check('refresh tokens of a public client rotate; one that comes back late ends the grant', async () => {
    const { client, authentication, tokens } = await signedIn('none');
    const refresh = async (token) => demo.tokens(await oauth.processRefreshTokenResponse(as, client,
      await oauth.refreshTokenGrantRequest(as, client, authentication, token, http)));
    const second = await refresh(tokens.refresh_token);
    const third = await refresh(second.refresh_token);
    assert.equal(new Set([tokens.refresh_token, second.refresh_token, third.refresh_token]).size, 3);
    // Two generations back is no retry of a lost answer.
    await assert.rejects(refresh(tokens.refresh_token), { error: 'invalid_grant', status: 400 });
    await until('the whole family is dead', 10_000, async () => !(await introspect(third.access_token)).active);
    await assert.rejects(refresh(third.refresh_token), { error: 'invalid_grant' });
  });
  await check('userinfo without and with a bad token', async () => {
    const client = { client_id: basic.client_id };
    const response = await oauth.userInfoRequest(as, client, 'mat_bad', http);
    assert.equal(response.status, 401);
    assert.match(response.headers.get('www-authenticate'), /^Bearer .*error="invalid_token"/);
    await assert.rejects(oauth.processUserInfoResponse(as, client, oauth.skipSubjectCheck, response));
  });

  await check('what the resource server sees of a token by itself', async () => {
    const { tokens } = await signedIn('client_secret_basic');
    const shape = tokens.access_token.startsWith('mat_') ? 'opaque' : JSON.parse(Buffer.from(tokens.access_token.split('.')[0], 'base64url')).typ;
    const request = new Request(`${info.fhir_base}/Patient/maria`, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    if (shape === 'at+jwt') {
      const claims = await oauth.validateJwtAccessToken(as, request, info.fhir_base, http);
      assert.equal(claims.client_id, basic.client_id);
      assert.equal(claims.sub, info.users.patient.sub);
      await assert.rejects(oauth.validateJwtAccessToken(as, request, 'https://elsewhere.example', http));
    } else {
      await assert.rejects(oauth.validateJwtAccessToken(as, request, info.fhir_base, http));
      if (shape === 'wrapped+jwt') {
        const claims = JSON.parse(Buffer.from(tokens.access_token.split('.')[1], 'base64url'));
        assert.deepEqual(Object.keys(claims).sort(), ['aud', 'exp', 'iat', 'iss', 'jti', 'opaque'], 'a wrapped token says nothing about anybody');
        assert.equal((await introspect(demo.canary('handle', claims.opaque))).active, true);
      }
    }
    const read = await new Person(info).request('GET', request.url, { headers: { authorization: `Bearer ${tokens.access_token}`, accept: 'application/fhir+json' } });
    assert.equal(read.status, 200);
    assert.equal(JSON.parse(read.body).id, 'maria');
    const id = await new Person(info).request('GET', request.url, { headers: { authorization: `Bearer ${tokens.id_token}` } });
    assert.equal(id.status, 401, 'an ID token opens nothing');
  });
});
