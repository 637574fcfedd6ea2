"""Mitral's JOSE against jwcrypto (python3-jwcrypto), both ways: each signature algorithm that both know, each pair of JWE
algorithms, thumbprints, and what Mitral must refuse although the other side can make it.

    python3 with_python.py <path of interop_jose_peer>
Exit status 77 when jwcrypto is not installed.
"""
import json
import subprocess
import sys

try:
    from jwcrypto import jwe, jwk, jws
    from jwcrypto.common import JWException, json_encode
except ImportError:
    print("jwcrypto is not installed: apt install python3-jwcrypto", file=sys.stderr)
    sys.exit(77)

PAYLOAD = json.dumps({"iss": "https://as.example", "name": "Zo\u00eb \u2713", "n": 1}, ensure_ascii=False)
SIGN = {"RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "PS256": "RSA", "PS384": "RSA", "PS512": "RSA",
        "ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
ENCS = ["A128CBC-HS256", "A128GCM", "A256GCM"]
JWE_ALGS = [("RSA-OAEP-256", "RSA")] + [(alg, crv) for crv in ("P-256", "P-384", "P-521")
                                        for alg in ("ECDH-ES", "ECDH-ES+A256KW")]
ALLOW = list(SIGN) + [alg for alg, _ in JWE_ALGS] + ENCS + ["HS256", "RSA-OAEP", "RSA1_5", "PBES2-HS256+A128KW", "A256CBC-HS512"]

peer = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
checks = 0


def mitral(**request):
    peer.stdin.write(json.dumps(request) + "\n")
    peer.stdin.flush()
    return json.loads(peer.stdout.readline())


def good(**request):
    answer = mitral(**request)
    assert "error" not in answer, (request, answer)
    return answer


def check(condition, what):
    global checks
    assert condition, what
    checks += 1


def refused(why, **request):
    check("error" in mitral(**request), "Mitral took " + why)


def tampered(token):
    return token[:-6] + ("B" if token[-6] == "A" else "A") + token[-5:]


def new_key(kind):
    if kind == "RSA":
        return jwk.JWK.generate(kty="RSA", size=2048)
    return jwk.JWK.generate(kty="OKP" if kind == "Ed25519" else "EC", crv=kind)


def fails(action):
    try:
        action()
    except JWException:
        return True
    return False


ours = {kind: good(op="generate", kind=kind) for kind in ("RSA", "P-256", "P-384", "P-521", "Ed25519")}
theirs = {kind: new_key(kind) for kind in ours}
for kind, key in ours.items():
    check(jwk.JWK(**key["public"]).thumbprint() == key["thumbprint"], "thumbprint of ours")
    public = theirs[kind].export_public(as_dict=True)
    check(good(op="thumbprint", jwk=public)["thumbprint"] == theirs[kind].thumbprint(), "thumbprint of theirs")

for alg, kind in SIGN.items():
    token = good(op="sign", alg=alg, jwk=ours[kind]["private"], payload=PAYLOAD)["token"]
    reader = jws.JWS()
    reader.allowed_algs = ALLOW
    reader.deserialize(token)
    reader.verify(jwk.JWK(**ours[kind]["public"]))
    check(reader.payload.decode() == PAYLOAD, alg)
    check(fails(lambda: reader.deserialize(tampered(token), jwk.JWK(**ours[kind]["public"]))), "jwcrypto took a change")

    writer = jws.JWS(PAYLOAD.encode())
    writer.allowed_algs = ALLOW
    writer.add_signature(theirs[kind], protected=json_encode({"alg": alg, "typ": "JWT"}))
    token = writer.serialize(compact=True)
    public = theirs[kind].export_public(as_dict=True)
    check(good(op="verify", alg=alg, jwk=public, token=token)["payload"] == PAYLOAD, alg)
    refused("a changed " + alg, op="verify", alg=alg, jwk=public, token=tampered(token))
    refused("another key's " + alg, op="verify", alg=alg, jwk=ours[kind]["public"], token=token)
    refused("a private key as public", op="verify", alg=alg, jwk=theirs[kind].export(as_dict=True), token=token)
    good(op="sign", alg=alg, jwk=theirs[kind].export(as_dict=True), payload=PAYLOAD)
    refused("JSON serialization", op="verify", alg=alg, jwk=public, token=writer.serialize(compact=False))


def encrypt(key, header):
    token = jwe.JWE(PAYLOAD.encode(), json_encode(header), algs=ALLOW)
    token.add_recipient(key)
    return token.serialize(compact=True)


for alg, kind in JWE_ALGS:
    for enc in ENCS:
        token = good(op="encrypt", alg=alg, enc=enc, jwk=theirs[kind].export_public(as_dict=True), payload=PAYLOAD)["token"]
        reader = jwe.JWE(algs=ALLOW)
        reader.deserialize(token, theirs[kind])
        check(reader.payload.decode() == PAYLOAD, (alg, enc))
        check(fails(lambda: jwe.JWE(algs=ALLOW).deserialize(tampered(token), theirs[kind])), "jwcrypto took a change")

        token = encrypt(jwk.JWK(**ours[kind]["public"]), {"alg": alg, "enc": enc})
        check(good(op="decrypt", jwk=ours[kind]["private"], token=token)["payload"] == PAYLOAD, (alg, enc))
        refused("a change", op="decrypt", jwk=ours[kind]["private"], token=tampered(token))

rsa = jwk.JWK(**ours["RSA"]["public"])
private = ours["RSA"]["private"]
refused("compressed plaintext", op="decrypt", jwk=private,
        token=encrypt(rsa, {"alg": "RSA-OAEP-256", "enc": "A256GCM", "zip": "DEF"}))
for alg in ("RSA1_5", "RSA-OAEP"):
    refused(alg, op="decrypt", jwk=private, token=encrypt(rsa, {"alg": alg, "enc": "A256GCM"}))
refused("A256CBC-HS512", op="decrypt", jwk=private, token=encrypt(rsa, {"alg": "RSA-OAEP-256", "enc": "A256CBC-HS512"}))
password = jwk.JWK.from_password("password")
refused("PBES2", op="decrypt", jwk=private, token=encrypt(password, {"alg": "PBES2-HS256+A128KW", "enc": "A256GCM"}))
mac = jws.JWS(PAYLOAD.encode())
mac.allowed_algs = ALLOW
mac.add_signature(jwk.JWK(kty="oct", k=ours["RSA"]["public"]["n"]), protected=json_encode({"alg": "HS256"}))
refused("HS256 under the modulus", op="verify", jwk=ours["RSA"]["public"], token=mac.serialize(compact=True))
refused("secp256k1", op="thumbprint", jwk=jwk.JWK.generate(kty="EC", crv="secp256k1").export_public(as_dict=True))
refused("a symmetric key", op="thumbprint", jwk=jwk.JWK.generate(kty="oct", size=256).export(as_dict=True))

peer.stdin.close()
peer.wait(10)
print(f"jwcrypto: {checks} checks passed")
