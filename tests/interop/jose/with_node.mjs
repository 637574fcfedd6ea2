// Mitral's JOSE against npm's jose, both ways: each signature algorithm, each pair of JWE algorithms, thumbprints, and what
// Mitral must refuse although the other side can make it.
//
//   node with_node.mjs <path of interop_jose_peer>
// Exit status 77 when jose is not installed (npm ci in tests/).
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import assert from 'node:assert/strict';

let jose;
try {
  jose = await import('jose');
} catch {
  console.error('jose is not installed: run npm ci in tests/');
  process.exit(77);
}

const child = spawn(process.argv[2], { stdio: ['pipe', 'pipe', 'inherit'] });
const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
async function mitral(request) {
  child.stdin.write(JSON.stringify(request) + '\n');
  const { value, done } = await answers.next();
  assert.ok(!done, 'the peer has ended');
  return JSON.parse(value);
}
async function good(request) {
  const answer = await mitral(request);
  assert.equal(answer.error, undefined, `${JSON.stringify(request)} -> ${JSON.stringify(answer)}`);
  return answer;
}
let checks = 0;
async function refused(request, why) {
  const answer = await mitral(request);
  assert.ok(answer.error, `Mitral took ${why}`);
  checks += 1;
}

const payload = JSON.stringify({ iss: 'https://as.example', name: 'Zoë – ✓', n: 1 });
const bytes = new TextEncoder().encode(payload);
const tampered = (token) => token.slice(0, -6) + (token.at(-6) === 'A' ? 'B' : 'A') + token.slice(-5);

const kinds = {
  RS256: 'RSA', RS384: 'RSA', RS512: 'RSA', PS256: 'RSA', PS384: 'RSA', PS512: 'RSA',
  ES256: 'P-256', ES384: 'P-384', ES512: 'P-521', EdDSA: 'Ed25519', Ed25519: 'Ed25519',
};
const ours = {};
for (const kind of ['RSA', 'P-256', 'P-384', 'P-521', 'Ed25519']) {
  ours[kind] = await good({ op: 'generate', kind });
  assert.equal(await jose.calculateJwkThumbprint(ours[kind].public), ours[kind].thumbprint);
  checks += 1;
}

for (const [alg, kind] of Object.entries(kinds)) {
  // We sign, they verify.
  const { token } = await good({ op: 'sign', alg, jwk: ours[kind].private, payload });
  const key = await jose.importJWK(ours[kind].public, alg);
  const verified = await jose.compactVerify(token, key, { algorithms: [alg] });
  assert.deepEqual(verified.payload, bytes);
  assert.equal(verified.protectedHeader.kid, 'mitral-1');
  await assert.rejects(jose.compactVerify(tampered(token), key, { algorithms: [alg] }));

  // They sign with a key of theirs, we verify.
  const pair = await jose.generateKeyPair(alg, { extractable: true, ...(kind === 'RSA' ? { modulusLength: 2048 } : {}) });
  const pub = await jose.exportJWK(pair.publicKey);
  const theirs = await new jose.CompactSign(bytes).setProtectedHeader({ alg, kid: 'x', typ: 'JWT' }).sign(pair.privateKey);
  assert.equal((await good({ op: 'verify', alg, jwk: pub, token: theirs })).payload, payload);
  assert.equal((await good({ op: 'thumbprint', jwk: pub })).thumbprint, await jose.calculateJwkThumbprint(pub));
  await refused({ op: 'verify', alg, jwk: pub, token: tampered(theirs) }, `a changed ${alg}`);
  await refused({ op: 'verify', alg, jwk: ours[kind].public, token: theirs }, `${alg} of another key`);
  await refused({ op: 'verify', alg, jwk: await jose.exportJWK(pair.privateKey), token: theirs }, 'a private key as public');

  // And their private key signs here.
  const again = await good({ op: 'sign', alg, jwk: await jose.exportJWK(pair.privateKey), payload });
  await jose.compactVerify(again.token, pair.publicKey, { algorithms: [alg] });
  checks += 4;
}

const encs = ['A128CBC-HS256', 'A128GCM', 'A256GCM'];
const recipients = [['RSA-OAEP-256', 'RSA'], ...['P-256', 'P-384', 'P-521'].flatMap((crv) => [['ECDH-ES', crv], ['ECDH-ES+A256KW', crv]])];
for (const [alg, kind] of recipients) {
  const pair = await jose.generateKeyPair(alg, { extractable: true, ...(kind === 'RSA' ? {} : { crv: kind }) });
  const pub = await jose.exportJWK(pair.publicKey);
  for (const enc of encs) {
    const { token } = await good({ op: 'encrypt', alg, enc, jwk: pub, payload });
    const plain = await jose.compactDecrypt(token, pair.privateKey, {
      keyManagementAlgorithms: [alg], contentEncryptionAlgorithms: [enc],
    });
    assert.deepEqual(plain.plaintext, bytes);
    await assert.rejects(jose.compactDecrypt(tampered(token), pair.privateKey));

    const maker = new jose.CompactEncrypt(bytes).setProtectedHeader({ alg, enc });
    if (alg !== 'RSA-OAEP-256') {
      maker.setKeyManagementParameters({ apu: new TextEncoder().encode('Alice'), apv: new TextEncoder().encode('Bob') });
    }
    const theirs = await maker.encrypt(await jose.importJWK(ours[kind].public, alg));
    assert.equal((await good({ op: 'decrypt', jwk: ours[kind].private, token: theirs })).payload, payload);
    await refused({ op: 'decrypt', jwk: ours[kind].private, token: tampered(theirs) }, `a changed ${alg} ${enc}`);
    checks += 3;
  }
}

// What they can make and we must not take.
const rsa = ours.RSA;
const secret = new TextEncoder().encode(JSON.stringify(rsa.public));
const hs256 = await new jose.CompactSign(bytes).setProtectedHeader({ alg: 'HS256' }).sign(secret);
await refused({ op: 'verify', jwk: rsa.public, token: hs256 }, 'HS256 under the public key');
await refused({ op: 'verify', jwk: rsa.public, token: new jose.UnsecuredJWT({ iss: 'a' }).encode() }, 'an unsigned JWT');
const evil = await jose.generateKeyPair('ES256', { extractable: true });
const embedded = await new jose.CompactSign(bytes)
  .setProtectedHeader({ alg: 'ES256', jwk: await jose.exportJWK(evil.publicKey) }).sign(evil.privateKey);
await refused({ op: 'verify', alg: 'ES256', jwk: ours['P-256'].public, token: embedded }, 'a key out of the header');
const b64 = await new jose.FlattenedSign(bytes)
  .setProtectedHeader({ alg: 'ES256', crit: ['b64'], b64: true }).sign(await jose.importJWK(ours['P-256'].private, 'ES256'));
await refused({ op: 'verify', alg: 'ES256', jwk: ours['P-256'].public, token: `${b64.protected}.${b64.payload}.${b64.signature}` }, 'crit');
for (const [alg, kind] of [['RSA-OAEP', 'RSA'], ['RSA-OAEP-512', 'RSA'], ['ECDH-ES+A128KW', 'P-256']]) {
  const token = await new jose.CompactEncrypt(bytes).setProtectedHeader({ alg, enc: 'A256GCM' })
    .encrypt(await jose.importJWK(ours[kind].public, alg));
  await refused({ op: 'decrypt', jwk: ours[kind].private, token }, alg);
}
const enc512 = await new jose.CompactEncrypt(bytes).setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256CBC-HS512' })
  .encrypt(await jose.importJWK(rsa.public, 'RSA-OAEP-256'));
await refused({ op: 'decrypt', jwk: rsa.private, token: enc512 }, 'A256CBC-HS512');

child.stdin.end();
console.log(`jose (npm): ${checks} checks passed`);
