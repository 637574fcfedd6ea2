"""The other end of shim.cc: turns a slow disk and a wrong clock on and off for one server."""
import pathlib
import struct


class Shim:
    def __init__(self, library, path):
        self.library, self.path = library, pathlib.Path(path)
        self.path.write_bytes(struct.pack("<qq", 0, 0))
        self.path.chmod(0o644)

    def environment(self):
        return {"LD_PRELOAD": str(self.library), "MITRAL_SHIM": str(self.path)}

    def set(self, fsync_delay_ms=0, clock_ahead_s=0):
        with open(self.path, "r+b") as out:  # in place: the servers have this file mapped
            out.write(struct.pack("<qq", fsync_delay_ms * 1000, clock_ahead_s))
