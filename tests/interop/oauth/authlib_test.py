"""Debian's python3-authlib against the running program: code with PKCE by a public and by a confidential client, ID token,
backend services, refresh, introspection, revocation, and FHIR reads through the gateway with what it got.

    python3 authlib_test.py <path of mitral> [--token-format FORMAT]
Exit status 77 when authlib is not installed.
"""

import html.parser
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # the demo listens on loopback without TLS
try:
    import requests
    from authlib.integrations.base_client import OAuthError
    from authlib.integrations.requests_client import OAuth2Session
    from authlib.jose import JsonWebKey, jwt
    from authlib.oauth2.rfc7523 import PrivateKeyJWT
    from authlib.oidc.core import CodeIDToken
except ImportError as error:
    print(f"not installed: {error} (python3-authlib, python3-requests)", file=sys.stderr)
    sys.exit(77)

CALLBACK = "http://127.0.0.1:61234/callback"
SCOPE = "openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs"
passed = failed = 0


def check(name, work):
    """One line for each check; the test goes on when one fails."""
    global passed, failed
    try:
        work()
        passed += 1
        print(f"ok      {name}", flush=True)
    except Exception:  # pylint: disable=broad-except
        failed += 1
        print(f"FAILED  {name}\n        " + "\n        ".join(traceback.format_exc().splitlines()), flush=True)


class Forms(html.parser.HTMLParser):
    """The forms of a page: action, and the fields that would be sent untouched."""

    def __init__(self, text):
        super().__init__()
        self.forms = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.forms.append((a["action"], []))
        elif tag == "input" and self.forms and a.get("name"):
            if a.get("type") != "checkbox" or "checked" in a:
                self.forms[-1][1].append((a["name"], a.get("value") or ""))


class Person:
    """Maria, with a browser that has no screen."""

    def __init__(self, info):
        self.info = info
        self.browser = requests.Session()

    def submit(self, page, name, extra):
        for action, fields in Forms(page.text).forms:
            if action.endswith("/" + name):
                own = [f for f in fields if f[0] not in dict(extra)]
                url = urllib.parse.urljoin(page.url, action)
                return self.browser.post(url, data=own + extra, allow_redirects=False)
        raise AssertionError(f"no form {name} on the page ({page.status_code})")

    def authorize(self, url, decision="allow"):
        user = self.info["users"]["patient"]
        page = self.browser.get(url, allow_redirects=False)
        for _ in range(12):
            if page.status_code in (302, 303):
                target = urllib.parse.urljoin(page.url, page.headers["Location"])
                if not target.startswith(self.info["issuer"]):
                    return target
                page = self.browser.get(target, allow_redirects=False)
                continue
            assert page.status_code == 200, (page.status_code, re.sub("<[^>]*>", "", page.text))
            if 'id="username"' in page.text:
                page = self.submit(page, "sign-in", [("username", user["username"]), ("password", user["password"])])
            elif 'name="patient"' in page.text:
                page = self.submit(page, "patient", [("patient", "maria")])
            else:
                page = self.submit(page, "consent", [("decision", decision)])
        raise AssertionError("the pages lead nowhere")


def assertion(metadata):
    # SMART App Launch 2.2: at most five minutes; authlib alone would say an hour. One object signs one assertion here.
    class Short(PrivateKeyJWT):
        def sign(self, auth, token_endpoint):
            self.claims = {"exp": int(time.time()) + 240, "jti": os.urandom(16).hex()}
            return super().sign(auth, token_endpoint)

    return Short(metadata["token_endpoint"], alg="ES384")


def id_token_claims(info, metadata, client_id, token, nonce):
    keys = JsonWebKey.import_key_set(requests.get(metadata["jwks_uri"], timeout=30).json())
    claims = jwt.decode(token["id_token"], keys, claims_cls=CodeIDToken,
                        claims_options={"iss": {"values": [info["issuer"]]}, "aud": {"values": [client_id]}},
                        claims_params={"nonce": nonce, "client_id": client_id, "access_token": token["access_token"]})
    claims.validate(leeway=10)
    return claims


def refused(call, error):
    try:
        call()
    except OAuthError as problem:
        assert problem.error == error, (problem.error, error)
        return
    raise AssertionError(f"was not refused ({error})")


def dead_soon(introspect, token):
    end = time.monotonic() + 10
    while introspect(token)["active"]:
        assert time.monotonic() < end, "still alive"
        time.sleep(0.05)


def tests(info):
    issuer, base, clients = info["issuer"], info["fhir_base"], info["clients"]
    metadata = requests.get(issuer + "/.well-known/oauth-authorization-server", timeout=30).json()
    assert metadata["issuer"] == issuer
    server = OAuth2Session(info["resource_server"]["id"], info["resource_server"]["secret"])

    def introspect(token):
        answer = server.introspect_token(metadata["introspection_endpoint"], token=token)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def session(kind, scope=SCOPE):
        client = clients[kind]
        out = {"scope": scope, "redirect_uri": CALLBACK, "code_challenge_method": "S256"}
        if kind == "public":
            return OAuth2Session(client["client_id"], token_endpoint_auth_method="none", revocation_endpoint_auth_method="none", **out)
        if kind in ("asymmetric", "backend"):
            key = JsonWebKey.import_key(client["private_jwk"])
            made = OAuth2Session(client["client_id"], key, token_endpoint_auth_method="private_key_jwt",
                                 revocation_endpoint_auth_method="private_key_jwt", **out)
            made.register_client_auth_method(assertion(metadata))
            return made
        method = {"basic": "client_secret_basic", "post": "client_secret_post"}[kind]
        return OAuth2Session(client["client_id"], client["client_secret"], token_endpoint_auth_method=method, revocation_endpoint_auth_method=method, **out)

    def sign_in(app, **extra):
        verifier, nonce = os.urandom(32).hex(), os.urandom(16).hex()
        url, _ = app.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, aud=base, **extra)
        return Person(info).authorize(url), verifier, nonce

    def whole(kind):
        app = session(kind)
        back, verifier, nonce = sign_in(app)
        # authlib compares state in fetch_token.
        token = app.fetch_token(metadata["token_endpoint"], authorization_response=back, code_verifier=verifier)
        assert token["patient"] == "maria" and token["token_type"].lower() == "bearer"
        claims = id_token_claims(info, metadata, app.client_id, token, nonce)
        assert claims["sub"] == info["users"]["patient"]["sub"]
        about = app.get(metadata["issuer"] + "/userinfo")
        assert about.json()["sub"] == claims["sub"]
        read = app.get(base + "/Patient/maria")
        assert read.status_code == 200 and read.json()["id"] == "maria", read.text
        labs = app.get(base + "/Observation", params={"category": "laboratory", "patient": "maria"}).json()
        assert labs["entry"] and all(e["resource"]["resourceType"] == "Observation" for e in labs["entry"])
        assert app.get(base + "/Condition", params={"patient": "maria"}).status_code == 403
        assert app.get(base + "/Patient/otto").status_code in (403, 404)

        seen = introspect(token["access_token"])
        assert seen["active"] and seen["client_id"] == app.client_id and seen["patient"] == "maria"
        fresh = app.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
        assert fresh["access_token"] != token["access_token"] and introspect(fresh["access_token"])["active"]
        gone = app.revoke_token(metadata["revocation_endpoint"], token=fresh["refresh_token"], token_type_hint="refresh_token")
        assert gone.status_code == 200, gone.text
        for one in (token, fresh):
            dead_soon(introspect, one["access_token"])
        refused(lambda: app.refresh_token(metadata["token_endpoint"], refresh_token=fresh["refresh_token"]), "invalid_grant")

    for kind in ("public", "basic", "post", "asymmetric"):
        check(f"{kind}: code with PKCE, ID token, FHIR, introspection, refresh, revocation", lambda kind=kind: whole(kind))

    def without_pkce():
        app = session("basic")
        back, _, _ = sign_in(app)
        refused(lambda: app.fetch_token(metadata["token_endpoint"], authorization_response=back), "invalid_grant")

    check("a code without its verifier", without_pkce)

    def denied():
        app = session("basic")
        url, state = app.create_authorization_url(metadata["authorization_endpoint"], code_verifier=os.urandom(32).hex(), aud=base, prompt="consent")
        back = Person(info).authorize(url, decision="deny")
        answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))
        assert answer["error"] == "access_denied" and answer["state"] == state and answer["iss"] == issuer and "code" not in answer, answer

    check("the person says no", denied)

    def backend():
        app = session("backend", "system/Observation.rs system/Patient.rs")
        token = app.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
        assert "refresh_token" not in token and "patient" not in token
        assert introspect(token["access_token"])["sub"] == app.client_id
        everyone = app.get(base + "/Patient", params={"_count": "50"}).json()
        ids = {e["resource"]["id"] for e in everyone["entry"]}
        assert {"maria", "otto"} <= ids, ids
        assert app.get(base + "/Condition").status_code == 403
        assert app.revoke_token(metadata["revocation_endpoint"], token=token["access_token"]).status_code == 200
        dead_soon(introspect, token["access_token"])

    check("backend services: private_key_jwt, system scopes, FHIR", backend)

    def long_assertion():
        app = OAuth2Session(clients["backend"]["client_id"], JsonWebKey.import_key(clients["backend"]["private_jwk"]),
                            token_endpoint_auth_method="private_key_jwt", scope="system/Patient.rs")
        app.register_client_auth_method(PrivateKeyJWT(metadata["token_endpoint"], alg="ES384"))
        refused(lambda: app.fetch_token(metadata["token_endpoint"], grant_type="client_credentials"), "invalid_client")

    check("an assertion that lives for an hour is refused", long_assertion)

    def by_secret():
        app = session("basic")
        refused(lambda: app.fetch_token(metadata["token_endpoint"], grant_type="client_credentials", scope="system/Patient.rs"), "unauthorized_client")
        wrong = OAuth2Session(clients["basic"]["client_id"], "wrong")
        refused(lambda: wrong.fetch_token(metadata["token_endpoint"], grant_type="client_credentials"), "invalid_client")
        # What client_secret_basic does well: the EHR's own credential.
        ehr = OAuth2Session(clients["ehr"]["client_id"], clients["ehr"]["client_secret"])
        answer = requests.post(issuer + "/launch", auth=(ehr.client_id, ehr.client_secret), timeout=30,
                               data={"app": clients["app"]["client_id"], "user": info["users"]["clinician"]["username"], "aud": base,
                                     "context": json.dumps({"patient": "maria"})})
        assert answer.status_code == 201 and answer.json()["launch"], answer.text

    check("client_secret_basic: what it may and what not", by_secret)

    def other_audience():
        stranger = OAuth2Session(info["resource_server"]["id"], "wrong")
        answer = stranger.introspect_token(metadata["introspection_endpoint"], token="x")
        assert answer.status_code == 401 and answer.json()["error"] == "invalid_client"
        assert introspect("no token at all") == {"active": False}

    check("introspection answers its own resource servers only", other_audience)


def main():
    global passed, failed
    binary = sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("--") else os.environ["MITRAL_BINARY"]
    with tempfile.TemporaryDirectory(prefix="mitral-e2e-") as folder:
        file = os.path.join(folder, "info.json")
        args = [binary, "demo", "--port", "0", "--info", file]
        if "--token-format" in sys.argv:
            args += ["--token-format", sys.argv[sys.argv.index("--token-format") + 1]]
        with open(os.path.join(folder, "stderr"), "w+b") as errors, subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=errors) as demo:
            try:
                end = time.monotonic() + 90
                while not os.path.exists(file):
                    assert demo.poll() is None, f"the demo ended at once: {open(errors.name, encoding='utf8').read()}"
                    assert time.monotonic() < end, "the demo does not listen"
                    time.sleep(0.05)
                with open(file, encoding="utf8") as text:
                    info = json.load(text)
                tests(info)
            finally:
                demo.terminate()
                try:
                    code = demo.wait(timeout=60)
                except subprocess.TimeoutExpired:
                    demo.kill()
                    code = "killed"
            errors.seek(0)
            log = errors.read().decode("utf8", "replace")

        def clean():
            assert code == 0, (code, log)
            assert not re.search(r"Sanitizer|runtime error:|SUMMARY:", log), log

        def quiet():
            secrets = [u["password"] for u in info["users"].values()] + [c["client_secret"] for c in info["clients"].values() if "client_secret" in c]
            assert not [s for s in secrets if s in log], log
            assert not re.search(r"\bm(at|rt|ac|lt)_[\w-]{40,}|eyJ[\w-]{16,}\.|Maria Sample|Otto Nobody|1988-04-12", log), log

        check("the demo ends cleanly", clean)
        check("W27: the log holds no secret", quiet)
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


sys.exit(main())
