"""What ./do bench compares with, in the same run and on the same core: nginx's static answer and openssl's own figures."""
import os
import pathlib
import re
import socket
import subprocess
import time

import world


class Nginx:
    """One worker that answers any request with `size` bytes: what a request costs when nothing is decided."""

    def __init__(self, folder, size):
        self.port = world.free_port()
        self.folder = folder
        body = "${kilo}" * (size // 1000) + "x" * (size % 1000)  # a parameter in its configuration has 4,096 bytes at most
        (folder / "nginx.conf").write_text(f"""
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{self.port} reuseport; location / {{ set $kilo {"x" * 1000}; default_type application/json; return 200 "{body}"; }} }} }}
""")
        self.process = subprocess.Popen(world.pinned(world.SERVER_CORE, ["nginx", "-p", folder, "-c", folder / "nginx.conf"]),
                                        stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("nginx did not start")

    def worker(self):
        return int(pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0])

    def load(self, *arguments):
        worker = self.worker()
        cpu = world.cpu_seconds(worker)
        out = world.load(self.port, *arguments)
        out["cpu_us"] = (world.cpu_seconds(worker) - cpu) * 1e6 / out["answered"]
        return out

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def static_answer(folder, size, seconds, post):
    """nginx's rate for a GET, or for a POST with a body as long as that of a token request."""
    nginx = Nginx(folder, size)
    try:
        how = ["--bodies", world.lines(folder, "nginx-bodies", ["token=" + "x" * 200])] if post else ["--get"]
        return nginx.load(*how, "--duration", seconds)
    finally:
        nginx.stop()


def openssl_speed(seconds):
    """ECDSA P-256 signatures and verifications a second on the server's core."""
    text = subprocess.run(world.pinned(world.SERVER_CORE, ["openssl", "speed", "-seconds", seconds, "ecdsap256"]), capture_output=True, text=True).stdout
    sign, verify = map(float, re.search(r"ecdsa \(nistp256\)\s+\S+s\s+\S+s\s+([\d.]+)\s+([\d.]+)", text).groups())
    return sign, verify


def durable_writes(folder, seconds, size=32 * 1024):
    """What the disk does: appended blocks of `size`, as large as a batch of a busy writer, each with its fdatasync, a second."""
    path, block, count = folder / "durable", os.urandom(size), 0
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        began = time.perf_counter()
        while time.perf_counter() - began < float(seconds):
            os.pwrite(fd, block, count % 128 * size)  # a log of 4 MiB, written over again and again
            os.fdatasync(fd)
            count += 1
        return count / (time.perf_counter() - began)
    finally:
        os.close(fd)
        path.unlink()


def versions():
    def first_line(*command):
        try:
            done = subprocess.run(command, capture_output=True, text=True)
            return (done.stdout + done.stderr).strip().splitlines()[0]
        except (OSError, IndexError):
            return "not installed"
    return {"nginx": first_line("nginx", "-v"), "openssl": first_line("openssl", "version"),
            "postgres": first_line(world.POSTGRES_PROGRAMS / "postgres", "--version"), "cores": os.cpu_count()}
