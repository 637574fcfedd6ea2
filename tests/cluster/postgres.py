"""A PostgreSQL primary with a synchronous standby, each on a machine of its own, over TLS."""
import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import time

PORT = 5432
PASSWORD = "cluster-test"


def binaries():
    """The folder of the newest PostgreSQL that is installed, or None."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    return pathlib.Path(found[-1]) if found else None


def kill_tree(pid):
    """The process and all below it, frozen first so that none goes on while the others die."""
    children = [int(child) for path in glob.glob(f"/proc/{pid}/task/*/children") for child in pathlib.Path(path).read_text().split()]
    os.kill(pid, signal.SIGSTOP)
    for child in children:
        kill_tree(child)
    os.kill(pid, signal.SIGKILL)


class Postgres:
    """One server. `data` must be on a file system where the user `postgres` may write."""

    def __init__(self, machine, data, shim, folder):
        self.machine, self.data, self.shim = machine, pathlib.Path(data), shim
        self.folder = pathlib.Path(folder)
        self.process = None
        self.owner = pwd.getpwnam("postgres")

    def _as_owner(self, *arguments):
        return ["setpriv", f"--reuid={self.owner.pw_uid}", f"--regid={self.owner.pw_gid}", "--clear-groups", *map(str, arguments)]

    def _run(self, *arguments):
        environment = {**os.environ, "PGPASSWORD": PASSWORD, "HOME": str(self.data.parent)}
        done = subprocess.run(self._as_owner(*arguments), capture_output=True, text=True, env=environment, cwd="/")
        if done.returncode != 0:
            raise RuntimeError(f"{arguments[0]}: {done.stderr}{done.stdout}")
        return done.stdout

    def _own_parent(self):
        self.data.parent.mkdir(parents=True, exist_ok=True)
        os.chown(self.data.parent, self.owner.pw_uid, self.owner.pw_gid)

    def _settings(self, extra):
        for name in ("server.pem", "server.key"):
            copy = self.data / name
            shutil.copy(self.folder / name, copy)
            os.chown(copy, self.owner.pw_uid, self.owner.pw_gid)
            copy.chmod(0o600)
        with open(self.data / "postgresql.auto.conf", "a") as out:
            out.write("\n".join([
                f"listen_addresses = '{self.machine.database_address}'", f"port = {PORT}", "unix_socket_directories = ''",
                "ssl = on", "ssl_cert_file = 'server.pem'", "ssl_key_file = 'server.key'", "fsync = on",
                "wal_level = replica", "hot_standby = on", "max_connections = 60", "shared_buffers = 64MB",
                "max_wal_size = 256MB", "wal_keep_size = 128MB", "wal_receiver_timeout = 3s", "wal_sender_timeout = 3s",
                "log_min_messages = warning", *extra, ""]))

    def make_primary(self):
        self._own_parent()
        secret = self.data.parent / "password"
        secret.write_text(PASSWORD)
        os.chown(secret, self.owner.pw_uid, self.owner.pw_gid)
        self._run(binaries() / "initdb", "-D", self.data, "-U", "mitral", "--pwfile", secret, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8")
        self._settings(["synchronous_standby_names = ''"])
        with open(self.data / "pg_hba.conf", "a") as out:
            out.write("hostssl all mitral 10.78.0.0/24 scram-sha-256\nhostssl replication mitral 10.78.0.0/24 scram-sha-256\n")

    def make_standby_of(self, primary):
        """A copy of the primary that follows it; on its promotion it waits for nobody."""
        if self.data.exists():
            shutil.rmtree(self.data)
        self._own_parent()
        source = f"host={primary.machine.database_address} port={PORT} user=mitral password={PASSWORD} sslmode=require application_name=standby"
        self._run(binaries() / "pg_basebackup", "-D", self.data, "-d", source, "-X", "stream", "-c", "fast", "-R")
        self._settings(["synchronous_standby_names = ''"])

    def start(self):
        log = open(self.data.parent / "log.txt", "ab")
        environment = {**os.environ, "HOME": str(self.data.parent), **(self.shim.environment() if self.shim else {})}
        self.process = subprocess.Popen(self.machine.command(*self._as_owner(binaries() / "postgres", "-D", self.data)), stdout=log,
                                        stderr=log, env=environment, cwd="/", start_new_session=True)
        self.wait_until_ready()

    def wait_until_ready(self, bound=60):
        end = time.monotonic() + bound
        while subprocess.run([binaries() / "pg_isready", "-q", "-h", self.machine.database_address, "-p", str(PORT)]).returncode != 0:
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError("PostgreSQL does not answer:\n" + (self.data.parent / "log.txt").read_text()[-2000:])
            time.sleep(0.05)

    def sql(self, text):
        target = f"host={self.machine.database_address} port={PORT} user=mitral dbname=postgres sslmode=require"
        return self._run(binaries() / "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", target, "-c", text).strip()

    def follow_synchronously(self, on=True):
        """From now on a commit is acknowledged when the standby has it too."""
        names = "standby" if on else ""
        self.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self.sql("SELECT pg_reload_conf()")
        end = time.monotonic() + 30
        while on and self.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != "1":
            if time.monotonic() > end:
                raise RuntimeError("the standby does not follow: " + self.sql("SELECT * FROM pg_stat_replication"))
            time.sleep(0.1)

    def kill(self):
        """kill -9 of the whole server, as when its machine loses power."""
        if self.process:
            kill_tree(self.process.pid)
            self.process.wait()
            self.process = None

    def stop(self):
        if self.process:
            os.killpg(self.process.pid, signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None

    def promote(self):
        self._run(binaries() / "pg_ctl", "promote", "-D", self.data, "-w")
