"""Machines on one machine: a network namespace for each, on two bridges: one where clients are, one where databases are.

Everything lives in namespaces of the test's own (isolate() starts the program again inside them), so nothing of the host is
touched and everything is gone when the test ends, however it ends.
"""
import os
import subprocess
import sys

CLIENT_NET, DATABASE_NET = "10.77.0", "10.78.0"
_INSIDE = "MITRAL_CLUSTER_INSIDE"


def ip(*arguments):
    subprocess.run(["ip", *map(str, arguments)], check=True, capture_output=True, text=True)


def isolate():
    """Goes on inside new network, mount and process namespaces. False where the machine does not allow that."""
    if os.environ.get(_INSIDE):
        return True
    probe = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "true"], capture_output=True)
    if os.geteuid() != 0 or probe.returncode != 0:
        return False
    os.environ[_INSIDE] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, *sys.argv])


class Machine:
    """One namespace with a leg on each bridge. `number` is the last byte of its addresses."""

    def __init__(self, name, number):
        self.name = name
        self.client_address = f"{CLIENT_NET}.{number}"
        self.database_address = f"{DATABASE_NET}.{number}"
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
        for leg, bridge, address in (("c", "clients", self.client_address), ("d", "databases", self.database_address)):
            ip("link", "add", f"{name}-{leg}", "type", "veth", "peer", "name", f"{leg}0", "netns", name)
            ip("link", "set", f"{name}-{leg}", "master", bridge, "up")
            ip("-n", name, "addr", "add", f"{address}/24", "dev", f"{leg}0")
            ip("-n", name, "link", "set", f"{leg}0", "up")

    def command(self, *arguments):
        """The command line that runs a program on this machine."""
        return ["ip", "netns", "exec", self.name, *map(str, arguments)]

    def cut_from_databases(self):
        """Packets vanish without a word, as they do when a cable is pulled somewhere on the way."""
        ip("link", "set", f"{self.name}-d", "nomaster")

    def join_databases(self):
        ip("link", "set", f"{self.name}-d", "master", "databases")


def prepare():
    """Bridges, with the test itself on both."""
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)  # `ip netns` keeps its names there
    ip("link", "set", "lo", "up")
    for bridge, net in (("clients", CLIENT_NET), ("databases", DATABASE_NET)):
        ip("link", "add", bridge, "type", "bridge")
        ip("addr", "add", f"{net}.254/24", "dev", bridge)
        ip("link", "set", bridge, "up")
