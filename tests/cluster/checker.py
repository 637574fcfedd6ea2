"""After the faults: holds what the servers know now against what they had acknowledged."""
import json
import time

from app import REFUSED, claims


def answered(app, node, chain, tries=5):
    """A refresh whose outcome is known: no answer, or 503, says nothing of the token. One that was carried out may come again for some seconds."""
    for _ in range(tries):
        answer = app.refresh(node, chain.refresh)
        if answer.status not in (0, 503):
            break
        time.sleep(0.2)
    return answer


def check(world, history, say):
    """All violations, those that the load noticed itself included."""
    violations = list(history.violations)
    time.sleep(2)
    app = world.app()
    dead = [c for c in history.chains if c.dead_at is not None]
    alive = [c for c in history.chains if c.dead_at is None and c.certain]
    for node in world.nodes:
        for chain in dead:
            token, end = chain.tokens[-1]
            if app.introspect(node, token) is not False and time.time() < end:
                violations.append(f"{node.name} does not know that a grant is dead ({chain.why_dead})")
    for chain in dead:
        answer = answered(app, world.nodes[0], chain)
        if answer.verdict != REFUSED:
            violations.append(f"a refresh token of a dead family was not refused ({chain.why_dead}): {answer.status}")
    for i, chain in enumerate(alive):
        token, end = chain.tokens[-1]
        if time.time() < end and app.introspect(world.nodes[i % len(world.nodes)], token) is not True:
            violations.append("an acknowledged grant was forgotten")
        answer = answered(app, world.nodes[i % len(world.nodes)], chain)
        if answer.status != 200:
            violations.append(f"the newest refresh token of an acknowledged grant does not work: {answer.status} {answer.body[:120]}")
        else:
            history.issue("token_refreshed", answer.json()["access_token"])
    violations += check_audit(world, history, dead)
    say(f"  checked {len(dead)} dead and {len(alive)} living grants at {len(world.nodes)} node(s), {len(history.codes)} codes, {len(history.issued)} audit records")
    return violations


def check_audit(world, history, dead):
    violations = []
    verdict = world.installation.run("--json", "audit", "verify")
    if json.loads(verdict)["finding"] != "intact":
        violations.append(f"the audit chain does not hold: {verdict[:300]}")
    kinds, grant_of, ended, seqs = {}, {}, set(), []
    for line in world.installation.run("audit", "export", "--format", "json").splitlines():
        record = json.loads(line)
        event = record.get("event", record)
        seqs.append(record["seq"])
        if event.get("token"):
            kinds.setdefault(event["token"], set()).add(event["kind"])
            grant_of[event["token"]] = event.get("grant")
        if event["kind"] in ("revocation", "reuse_detected"):
            ended.add(event.get("grant"))
    if seqs != list(range(seqs[0], seqs[0] + len(seqs))):
        violations.append("the audit record has a gap")
    for jti, kind in history.issued.items():
        if kind not in kinds.get(jti, ()):
            violations.append(f"no {kind} in the audit record for an acknowledged token")
    for chain in dead:
        if grant_of.get(claims(chain.tokens[-1][0])["jti"]) not in ended:
            violations.append(f"no audit record of the end of a grant ({chain.why_dead})")
    return violations
