"""Load with a memory: threads that use the authorization server through all nodes at once, and note what was acknowledged.

What a thread did not get an answer to is uncertain, and stays so: nothing is demanded of it later but that it be safe.
"""
import json
import random
import threading
import time

from app import ACKNOWLEDGED, REFUSED, UNKNOWN, App, claims
from node import ISSUER


class Chain:
    """A grant as its client knows it."""

    def __init__(self, answer, clock_wrong):
        self.refresh, self.old = None, []
        self.tokens = []  # (access token, end)
        self.dead_at = None  # when its end was acknowledged
        self.certain = True  # no request about it is without an answer
        self.why_dead = None
        self.lock = threading.Lock()
        self.take(answer, clock_wrong)

    def take(self, answer, clock_wrong):
        if self.refresh:
            self.old = (self.old + [self.refresh])[-3:]
        self.refresh = answer.get("refresh_token", self.refresh)
        # A server whose clock is wrong makes tokens that end at another time than it says.
        end = 0 if clock_wrong else time.time() + answer["expires_in"] - 5
        self.tokens = (self.tokens + [(answer["access_token"], end)])[-3:]

    def kill(self, why):
        if self.dead_at is None:
            self.dead_at, self.why_dead = time.monotonic(), why


class History:
    """Everything that was acknowledged, for the checker."""

    def __init__(self):
        self.lock = threading.Lock()
        self.chains, self.codes, self.assertions = [], {}, {}
        self.issued = {}  # jti -> kind of audit event that must exist
        self.acknowledged, self.counts, self.violations = [], {}, []

    def note(self, kind, verdict):
        with self.lock:
            self.counts[kind, verdict] = self.counts.get((kind, verdict), 0) + 1
            if verdict == ACKNOWLEDGED:
                self.acknowledged.append(time.monotonic())

    def issue(self, kind, token):
        with self.lock:
            self.issued[claims(token)["jti"]] = kind

    def violate(self, text):
        with self.lock:
            self.violations.append(text)

    def longest_silence(self, since, until):
        """The longest time within it without any acknowledged answer, in seconds."""
        times = [since, *(t for t in sorted(self.acknowledged) if since < t < until), until]
        return max(b - a for a, b in zip(times, times[1:]))


class Load:
    REVOCATION_BOUND = 1.5  # seconds: the second that is promised, and the time of an answer

    def __init__(self, world, threads=4, seed=1):
        self.world, self.history = world, History()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(seed * 1000 + i,), daemon=True) for i in range(threads)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def _run(self, seed):
        worker = Worker(self, seed)
        while not self.stopping.is_set():
            try:
                worker.step()
            except Exception as error:  # the test's own mistake must not look like a quiet server
                self.history.violate(f"the load itself failed: {error!r}")
                time.sleep(0.2)


class Worker:
    def __init__(self, load, seed):
        self.load, self.history, self.world = load, load.history, load.world
        self.random = random.Random(seed)
        self.app = App(load.world.trust, load.world.client, load.world.resource, load.world.user)
        self.second = App(load.world.trust, load.world.client, load.world.resource, load.world.user)
        self.chains = []

    def node(self):
        """One that the load balancer would choose: what it took out is not asked."""
        nodes = [n for n in self.world.nodes if n.name not in self.world.out] or self.world.nodes
        return self.random.choice(nodes)

    def step(self):
        alive = [c for c in self.chains if c.dead_at is None and c.certain]
        dead = [c for c in self.chains if c.dead_at is not None]
        act = self.random.choices(["grant", "refresh", "look", "revoke", "reuse", "haunt", "assert"],
                                  [10 if len(alive) > 3 else 60, 30 if alive else 0, 20 if alive else 0, 5 if len(alive) > 2 else 0,
                                   4 if len(alive) > 2 else 0, 25 if dead else 0, 10])[0]
        getattr(self, act)(self.random.choice(dead if act == "haunt" else alive) if act in ("refresh", "look", "revoke", "reuse", "haunt") else None)
        if len(self.chains) > 60:
            self.chains = self.chains[-40:]

    def _at_once(self, first, second):
        """Two requests at the same time; both answers."""
        answers = [None, None]
        def run(i, ask):
            answers[i] = ask()
        thread = threading.Thread(target=run, args=(1, second))
        thread.start()
        run(0, first)
        thread.join()
        return answers

    def grant(self, _):
        made = self.app.code(self.node)
        self.history.note("sign-in and code", ACKNOWLEDGED if made else UNKNOWN)
        if not made:
            time.sleep(0.05)
            return
        code, verifier = made
        race = self.random.random() < 0.2
        if race:
            answers = self._at_once(lambda: self.app.redeem(self.node(), code, verifier), lambda: self.second.redeem(self.node(), code, verifier))
        else:
            answers = [self.app.redeem(self.node(), code, verifier)]
        for answer in answers:
            self.history.note("redemption", answer.verdict)
        good = [a.json() for a in answers if a.status == 200]
        with self.history.lock:
            self.history.codes[code] = len(good)
        if len(good) > 1:
            self.history.violate("a code was redeemed twice")
        for body in good:
            self.history.issue("token_issued", body["access_token"])
            chain = Chain(body, self.world.clock_wrong)
            if race:
                if any(a.verdict == REFUSED for a in answers):
                    chain.kill("its code was used twice")
                else:
                    chain.certain = False
            with self.history.lock:
                self.history.chains.append(chain)
            self.chains.append(chain)

    def refresh(self, chain):
        if self.world.clock_wrong:
            return
        answer = self.app.refresh(self.node(), chain.refresh)
        self.history.note("refresh", answer.verdict)
        if answer.status == 200:
            chain.take(answer.json(), self.world.clock_wrong)
            self.history.issue("token_refreshed", answer.json()["access_token"])
        elif answer.verdict == REFUSED:
            self.history.violate(f"the newest refresh token of a living grant was refused: {answer.status} {answer.body[:200]}")
            chain.certain = False
        elif answer.status != 429:  # 503 too: a lost connection to the database leaves open whether it was done
            chain.certain = False

    def look(self, chain):
        token, end = self.random.choice(chain.tokens)
        if time.time() > end:
            return
        active = self.app.introspect(self.node(), token)
        self.history.note("introspection", UNKNOWN if active is None else ACKNOWLEDGED)
        if active is False and chain.certain and chain.dead_at is None and time.time() < end and not self.world.clock_wrong:
            self.history.violate("a token of a living grant was called inactive")

    def revoke(self, chain):
        answer = self.app.revoke(self.node(), chain.refresh)
        self.history.note("revocation", answer.verdict)
        if answer.verdict == ACKNOWLEDGED:
            chain.kill("revoked")
        else:
            chain.certain = False

    def reuse(self, chain):
        if len(chain.old) < 2:
            return
        answer = self.app.refresh(self.node(), chain.old[0])  # the one before the newest may be a retry
        self.history.note("reuse of a refresh token", answer.verdict)
        if answer.status == 200:
            self.history.violate("an old refresh token was accepted")
        if answer.verdict == REFUSED:
            chain.kill("its refresh token was used twice")
        else:
            chain.certain = False

    def haunt(self, chain):
        """What is dead must stay dead, at every node."""
        if time.monotonic() - chain.dead_at < Load.REVOCATION_BOUND:
            return
        node = self.node()
        if self.random.random() < 0.5:
            answer = self.app.refresh(node, chain.refresh)
            if answer.status == 200:
                self.history.violate(f"a refresh token came back to life at {node.name} ({chain.why_dead})")
            self.history.note("use of a dead grant", UNKNOWN if answer.status == 200 else answer.verdict)
            return
        token, end = chain.tokens[-1]
        active = self.app.introspect(node, token)
        self.history.note("use of a dead grant", REFUSED if active is False else UNKNOWN)
        if active and time.time() < end:
            self.history.violate(f"{node.name} called a dead token active, {time.monotonic() - chain.dead_at:.1f} s after ({chain.why_dead})")

    def assert_(self, _):
        assertion = self.world.assertion()
        if self.random.random() < 0.7:
            answers = [self.app.client_credentials(self.node(), assertion)]
        else:
            answers = self._at_once(lambda: self.app.client_credentials(self.node(), assertion),
                                    lambda: self.second.client_credentials(self.node(), assertion))
        good = [a.json() for a in answers if a.status == 200]
        for answer in answers:
            self.history.note("client assertion", answer.verdict)
        if len(good) > 1:
            self.history.violate("a client assertion was accepted twice")
        for body in good:
            self.history.issue("token_issued", body["access_token"])


setattr(Worker, "assert", Worker.assert_)
