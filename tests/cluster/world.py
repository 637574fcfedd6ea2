"""The installation under test: nodes, their storage, and what is registered there."""
import json
import pathlib
import secrets
import subprocess
import time

from jwcrypto import jwk, jwt

from app import AUDIENCE, REDIRECT, App
from network import Machine
from node import ISSUER, Installation, Node, make_certificates, trust
from postgres import PASSWORD, PORT, Postgres
from shim import Shim


# Of a soak: so few that memory is full of them within the first minutes, and what grows after that is a leak.
GRANTS_IN_MEMORY = 1024


class World:
    """One of the two: a node with SQLite, or three nodes over a PostgreSQL primary with a synchronous standby."""

    def __init__(self, program, library, folder, storage, nodes=3, soak=False):
        self.folder, self.library, self.storage = pathlib.Path(folder), library, storage
        self.clock_wrong = False  # a node thinks that it is another time: lifetimes mean nothing meanwhile
        self.out = set()  # names of nodes that the load balancer has taken out
        self.machines = [Machine(f"n{i + 1}", 11 + i) for i in range(nodes if storage == "postgres" else 1)]
        self.databases = []
        make_certificates(self.folder, [m.client_address for m in self.machines] + ["10.78.0.21", "10.78.0.22", "127.0.0.1"])
        self.trust = trust(self.folder)
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        # A file system of its own, so that it can be full; a soak writes about a gigabyte before it shall be.
        size = "3g" if soak else "900m" if storage == "postgres" else "160m"
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", self.disk], check=True)
        where = self._start_postgres() if storage == "postgres" else f'path = "{self.disk}/mitral.db"'
        if soak:
            where += f", grants_in_memory = {GRANTS_IN_MEMORY}"
        self.installation = Installation(program, self.folder, where)
        self._register()
        self.nodes = [Node(m, self.installation, self._shim(m.name)) for m in self.machines]

    def _shim(self, name):
        return Shim(self.library, self.folder / f"{name}.shim")

    def _start_postgres(self):
        self.folder.chmod(0o755)
        machines = [Machine("p1", 21), Machine("p2", 22)]
        self.primary = Postgres(machines[0], self.disk / "p1" / "data", self._shim("p1"), self.folder)
        self.standby = Postgres(machines[1], self.folder / "p2" / "data", self._shim("p2"), self.folder)
        self.databases = [self.primary, self.standby]
        self.primary.make_primary()
        self.primary.start()
        self.primary.sql("CREATE DATABASE mitral")
        self.standby.make_standby_of(self.primary)
        self.standby.start()
        self.primary.follow_synchronously()
        secret = self.folder / "postgres.password"
        secret.write_text(PASSWORD)
        secret.chmod(0o600)
        hosts = ",".join(f"{m.database_address}:{PORT}" for m in machines)
        url = f"postgresql://mitral@{hosts}/mitral?sslmode=verify-full&sslrootcert={self.folder}/ca.pem"
        return f'postgres = "{url}", password_file = "{secret}"'

    def _register(self):
        run = self.installation.json
        self.resource = run("resource", "add", "--id", "fhir", "--name", "FHIR", "--audience", AUDIENCE, "--token-format", "jwt")
        scopes = ["--scope", "openid", "--scope", "offline_access", "--scope", "launch/patient", "--scope", "patient/*.rs"]
        self.client = run("client", "add", "--id", "web", "--name", "Web", "--auth", "none", "--verified", "--offline", "--grant",
                          "authorization_code", "--grant", "refresh_token", "--redirect-uri", REDIRECT, *scopes)
        self.key = jwk.JWK.generate(kty="EC", crv="P-256", kid="backend-1", alg="ES256", use="sig")
        (self.folder / "jwks.json").write_text(json.dumps({"keys": [json.loads(self.key.export_public())]}))
        run("client", "add", "--id", "backend", "--name", "Backend", "--auth", "private_key_jwt", "--grant", "client_credentials", "--scope",
            "system/*.rs", "--jwks", self.folder / "jwks.json")
        person = run("user", "add", "--username", "alice", "--name", "Alice Sample", "--fhir-user", "Patient/1", "--generate-password")
        self.user = ("alice", person["password"])

    def assertion(self):
        now = int(time.time())
        token = jwt.JWT(header={"alg": "ES256", "kid": "backend-1", "typ": "JWT"},
                        claims={"iss": "backend", "sub": "backend", "aud": ISSUER + "/token", "iat": now, "exp": now + 120, "jti": secrets.token_urlsafe(16)})
        token.make_signed_token(self.key)
        return token.serialize()

    def app(self):
        return App(self.trust, self.client, self.resource, self.user)

    def start(self):
        for node in self.nodes:
            node.start()

    def stop(self):
        statuses = [node.stop() for node in self.nodes]
        for database in self.databases:
            database.stop()
        subprocess.run(["umount", "-l", self.disk], check=False)
        return statuses

    def fill_disk(self):
        """Writes until nothing more fits; returns what empties it again."""
        ballast = self.disk / "ballast"
        with open(ballast, "wb") as out:
            try:
                while True:
                    out.write(b"\0" * 1_000_000)
                    out.flush()
            except OSError:
                pass
        return ballast.unlink
