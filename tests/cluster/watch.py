"""Watches what a node costs while it works: memory and file descriptors, which must stay flat."""
import pathlib
import statistics
import threading


class Watch:
    """Samples the nodes; a node that was started again begins a new series."""

    def __init__(self, nodes, period=2.0):
        self.nodes, self.period = nodes, period
        self.series = {}  # (name, pid) -> [(resident KiB, open files)]
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopping.wait(self.period):
            for node in self.nodes:
                process = node.process
                if process is None:
                    continue
                try:
                    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
                    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
                    files = len(list(pathlib.Path(f"/proc/{process.pid}/fd").iterdir()))
                    self.series.setdefault((node.name, process.pid), []).append((resident, files))
                except (OSError, StopIteration):
                    pass

    def stop(self):
        self.stopping.set()
        self.thread.join()

    def verdict(self):
        """One row for each series that is long enough to tell: medians of its second and of its last quarter."""
        rows = []
        for (name, _), samples in self.series.items():
            quarter = len(samples) // 4
            if quarter < 15:
                continue
            early, late = samples[quarter:2 * quarter], samples[-quarter:]
            memory = [statistics.median(s[0] for s in part) / 1024 for part in (early, late)]
            files = [statistics.median(s[1] for s in part) for part in (early, late)]
            rows.append({"node": name, "minutes": round(len(samples) * self.period / 60, 1), "memory_mb": [round(m, 1) for m in memory],
                         "open_files": files, "flat": memory[1] <= memory[0] * 1.1 + 2 and files[1] <= files[0] + 10})
        return rows
