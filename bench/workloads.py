"""W1 to W7 against one running Mitral: one operation of each is what shared benches of authorization servers measure.

  W1   client_credentials, client_secret_basic, opaque token          W5   refresh with rotation and an ES256 ID token
  W2   private_key_jwt (ES256, a fresh jti each) to an ES256 JWT      W6d  discovery       W6j  JWKS
  W3   introspection with client_secret_basic, 200 tokens in turn     W7   start to first 200; memory after three idle seconds
  W4s  code + PKCE in a browser session, consent remembered: authorize and token, ES256 ID token
"""
import json
import sqlite3
import time
import urllib.parse

import world

SCOPE = "openid offline_access"
JOBS = "https://jobs.example/api"
SIGNED = "https://jwt.example/fhir"
ASSERTION = "&client_assertion_type=" + urllib.parse.quote("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") + "&client_assertion={assertion}"


class Workloads:
    """Clients, a person and tokens on one server, and the loads. `register` before the server starts."""

    def __init__(self, server, options):
        self.server, self.options = server, options
        self.tag = server.name

    def register(self):
        s = self.server
        s.made("resource", "add", "--id", "jobs", "--name", "Jobs", "--audience", JOBS, "--token-format", "opaque", "--token-lifetime", "3600")
        self.jobs = s.made("resource", "add", "--id", "opaque", "--name", "Opaque", "--audience", "https://opaque.example/fhir", "--token-format", "opaque",
                           "--token-lifetime", "3600")
        s.made("resource", "add", "--id", "jwt", "--name", "JWT", "--audience", SIGNED, "--token-format", "jwt")
        self.machine = s.made("client", "add", "--id", "machine", "--name", "Machine", "--auth", "client_secret_basic", "--grant", "client_credentials",
                              "--scope", "jobs.run")
        world.signing_key(s.folder)
        s.command("client", "add", "--id", "backend", "--name", "Backend", "--auth", "private_key_jwt", "--grant", "client_credentials",
                  "--scope", "system/*.rs", "--jwks", s.folder / "jwks.json")
        code = ["--grant", "authorization_code", "--grant", "refresh_token", "--redirect-uri", world.REDIRECT, "--offline"]
        for scope in ("openid", "offline_access", "launch/patient", "patient/*.rs"):
            code += ["--scope", scope]
        code += ["--verified", "--id-token-alg", "ES256", "--id-token-at-refresh"]
        self.web = s.made("client", "add", "--id", "web", "--name", "Web", "--auth", "client_secret_basic", *code)
        s.made("client", "add", "--id", "public", "--name", "Public", "--auth", "none", *code)
        person = s.made("user", "add", "--username", "alice", "--name", "Alice Sample", "--fhir-user", "Patient/1", "--generate-password")
        self.user = ("alice", person["password"])

    def parameters(self, client, scope=SCOPE):
        out = {"response_type": "code", "client_id": client, "redirect_uri": world.REDIRECT, "scope": scope, "state": "state-0123456789",
               "nonce": "nonce-0123456789", "code_challenge": world.CHALLENGE, "code_challenge_method": "S256"}
        if "patient/" in scope:
            out["aud"] = "https://opaque.example/fhir"
        return out

    def secret_of(self, registered):
        return world.basic(registered["client_id"] if "client_id" in registered else registered["id"], registered.get("client_secret") or registered["secret"])

    def tokens(self, browser, client="web", scope=SCOPE):
        """One whole flow of the web client, or of the one without a secret."""
        code = browser.authorize(self.server.issuer, self.parameters(client, scope), *self.user)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": world.REDIRECT, "code_verifier": world.VERIFIER}
        header = dict([self.secret_of(self.web).split(": ", 1)]) if client == "web" else {}
        status, _, body = browser.ask(self.server.issuer + "/token", urllib.parse.urlencode(form | ({} if header else {"client_id": client})).encode(), header)
        if status != 200:
            raise RuntimeError(f"token endpoint: {status} {body}")
        return json.loads(body)

    def lines(self, name, items):
        return world.lines(self.server.folder, name, items)

    def seconds(self):
        return ("--duration", self.options.seconds)

    def w1(self):
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "jobs.run", "resource": JOBS})
        return self.server.load("--path", "/token", "--header", self.secret_of(self.machine), "--bodies", self.lines("w1", [form]), "--require", '"access_token":"mat_',
                                *self.seconds())

    def w2(self, most):
        """`most`: no server on this core can use up more assertions a second."""
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "system/*.rs", "resource": SIGNED}) + ASSERTION
        return self.server.load("--path", "/token", "--bodies", self.lines("w2", [form]), "--assertions", int(most * (float(self.options.seconds) + 1.5)),
                                "--key", self.server.folder / "private.jwk", "--client", "backend", "--aud", self.server.issuer,
                                "--require", '"access_token":"ey', *self.seconds())

    def w3(self):
        if not hasattr(self, "introspected"):
            browser = world.Browser()
            tokens = [self.tokens(browser, scope="launch/patient openid offline_access patient/*.rs")["access_token"] for _ in range(200)]
            self.introspected = self.lines("w3", ["token=" + urllib.parse.quote(t) for t in tokens])
            name, value = self.secret_of(self.jobs).split(": ", 1)
            self.introspection_size = len(browser.ask(self.server.issuer + "/introspect", ("token=" + tokens[0]).encode(), {name: value})[2])
        return self.server.load("--path", "/introspect", "--header", self.secret_of(self.jobs), "--bodies", self.introspected, "--require", '"active":true', *self.seconds())

    def w4s(self):
        if not hasattr(self, "browser"):
            self.browser = world.Browser()
            self.tokens(self.browser)  # signs in and consents
        query = dict(self.parameters("web"), state="{n}", nonce="{n}", code_challenge="{challenge}")
        path = "/authorize?" + urllib.parse.urlencode(query, safe="{}")
        form = (f"grant_type=authorization_code&code={{code}}&redirect_uri={urllib.parse.quote(world.REDIRECT, safe='')}&code_verifier={{verifier}}")
        return self.server.load("--flow", path, "--header", self.browser.cookie_header(), "--then", "/token", "--then-header", self.secret_of(self.web),
                                "--then-form", form, "--require", '"id_token":"ey', *self.seconds())

    def w5(self):
        """A client without a secret: its refresh tokens are the ones that rotate (RFC 9700 section 4.14.2)."""
        browser = world.Browser()
        chains = [f"grant_type=refresh_token&client_id=public&refresh_token=\t{self.tokens(browser, 'public')['refresh_token']}\t" for _ in range(32)]
        return self.server.load("--path", "/token", "--bodies", self.lines("w5", chains), "--chain", "refresh_token", "--require", '"id_token":"ey', *self.seconds())

    def document(self, path):
        """Size of a public document, and the load on it."""
        size = len(world.Browser().ask(self.server.issuer + path)[2])
        return size, self.server.load("--get", "--path", path, *self.seconds())

    def starts(self, times):
        """Milliseconds from start to the first 200, several times, and memory three idle seconds after the last."""
        out = []
        for _ in range(times):
            self.server.stop()
            out.append(self.server.start() * 1000)
        time.sleep(3)
        return out, self.server.memory_mb()

    def fill_clients(self, count):
        """Many more registrations, each as large as the web client's, written to the database beside the server."""
        renamed = "replace(document{text}, '\"id\":\"web\"', '\"id\":\"c' || n || '\"'){cast}"
        if self.server.postgres:
            sql = lambda text: self.server.postgres.sql(text, world.DATABASE)
            kind = sql("SELECT data_type FROM information_schema.columns WHERE table_name = 'clients' AND column_name = 'document'").strip()
            sql("INSERT INTO mitral.clients(issuer, id, document, tokens_valid_from) "
                f"SELECT issuer, 'c' || n, {renamed.format(text='::text', cast='::' + kind)}, tokens_valid_from "
                f"FROM mitral.clients, generate_series(1, {count}) AS n WHERE id = 'web'")
            return
        with sqlite3.connect(self.server.folder / "mitral.db") as database:
            database.execute("WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < ?) INSERT INTO clients(issuer, id, document, tokens_valid_from) "
                             f"SELECT issuer, 'c' || n, {renamed.format(text='', cast='')}, tokens_valid_from FROM clients, series WHERE id = 'web'", (count,))
