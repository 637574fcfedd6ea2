"""A node: one `mitral serve` on a machine of its own, and the operator's commands beside it."""
import json
import os
import signal
import ssl
import subprocess
import time
import urllib.request

HOST = "as.cluster.test"  # what clients call all nodes together; a load balancer's name
PORT = 8443
ADMIN_PORT = 8081
ISSUER = f"https://{HOST}:{PORT}"


class Installation:
    """What all nodes share: configuration, master key, certificates."""

    def __init__(self, program, folder, storage):
        self.program, self.folder, self.storage = program, folder, storage
        self.run("key", "master", folder / "master.key", config=False)

    def config(self, address):
        path = self.folder / f"{address}.toml"
        path.write_text(f"""
[log]
level = "warn"
[server]
listen = "{address}:{PORT}"
certificate = "{self.folder}/server.pem"
key = "{self.folder}/server.key"
admin_listen = "127.0.0.1:{ADMIN_PORT}"
threads = 1
master_key_file = "{self.folder}/master.key"
storage = {{ {self.storage} }}
[[issuer]]
id = "{ISSUER}"
name = "Cluster"
""")
        return path

    def run(self, *arguments, config=True, text=None):
        command = [self.program, *(["-c", self.config("127.0.0.1")] if config else []), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, input=text, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"mitral {' '.join(map(str, arguments))}: {done.returncode} {done.stderr}{done.stdout[-500:]}")
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.run("--json", *arguments))


class Node:
    def __init__(self, machine, installation, shim):
        self.machine, self.installation, self.shim = machine, installation, shim
        self.name, self.address = machine.name, machine.client_address
        self.process = None
        self.log = installation.folder / f"{self.name}.log"

    def start(self, bound=60):
        # Sanitizers check that nothing is preloaded before them; the shim replaces nothing of theirs.
        environment = {**os.environ, **self.shim.environment(), "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
        command = [self.installation.program, "-c", self.installation.config(self.address), "serve"]
        self.process = subprocess.Popen(self.machine.command(*command), stdout=open(self.log, "ab"), stderr=subprocess.STDOUT, env=environment)
        self.wait_until_ready(bound)

    def ready(self):
        """What /readyz answers; 0 when nobody answers."""
        done = subprocess.run(self.machine.command("python3", "-c", READY), capture_output=True, text=True)
        return int(done.stdout.strip() or 0)

    def wait_until_ready(self, bound=60):
        end = time.monotonic() + bound
        while self.ready() != 200:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.name} is not ready:\n" + self.log.read_text()[-3000:])
            time.sleep(0.1)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self, bound=40):
        """Asks it to end, as an operator does; its exit status."""
        if not self.process:
            return 0
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(bound)
        self.process = None
        return status


READY = f"""
import urllib.request, urllib.error
try: print(urllib.request.urlopen('http://127.0.0.1:{ADMIN_PORT}/readyz', timeout=5).status)
except urllib.error.HTTPError as e: print(e.code)
except Exception: print(0)
"""


def make_certificates(folder, addresses):
    """An authority and one certificate for every server of the test: nodes and databases."""
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
    names = ",".join([f"DNS:{HOST}", *(f"IP:{address}" for address in addresses)])
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=Cluster test CA",
            "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={HOST}", "-keyout", folder / "server.key",
            "-out", folder / "server.csr")
    (folder / "server.ext").write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", folder / "server.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-days", "2", "-CAcreateserial",
            "-extfile", folder / "server.ext", "-out", folder / "server.pem")
    (folder / "server.key").chmod(0o600)


def trust(folder):
    return ssl.create_default_context(cafile=str(folder / "ca.pem"))
