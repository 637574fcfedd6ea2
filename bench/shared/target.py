#!/usr/bin/env python3
"""Makes Mitral a target of a bench of several authorization servers: a seed installation and its target file.

  bench/shared/target.py FOLDER [--build build/release] [--keys KEYS]

FOLDER/seed is copied for each start, FOLDER/mitral.json is the target file (target.json with its placeholders filled in: paths of
this machine, secrets made just now, and the cookies of somebody who has signed in and consented, good for some hours). KEYS holds client-es256.pub.jwk.json, the key that the bench signs client assertions with.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import world  # noqa: E402

REDIRECT = "http://127.0.0.1:9/cb"


def signed_in(mitral, seed, issuer, password):
    """Starts the seed once: somebody signs in and consents. Her cookies."""
    world.REDIRECT = REDIRECT
    process = subprocess.Popen([mitral, "-c", seed / "mitral.toml", "serve"])
    try:
        for _ in range(400):
            try:
                world.Browser().ask(issuer + "/jwks")
                break
            except urllib.error.URLError:
                time.sleep(0.05)
        browser = world.Browser()
        browser.authorize(issuer, {"response_type": "code", "client_id": "bench-code", "redirect_uri": REDIRECT, "scope": "openid offline_access",
                                   "state": "state-0123456789", "nonce": "nonce-0123456789", "code_challenge": world.CHALLENGE,
                                   "code_challenge_method": "S256"}, "alice", password)
        return browser.cookie_header().split(": ", 1)[1]
    finally:
        process.terminate()
        process.wait(30)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build/release")
    parser.add_argument("--keys", type=pathlib.Path, default=pathlib.Path(os.environ.get("BENCH_TMP", "/tmp/oauth-bench")) / "keys")
    options = parser.parse_args()
    mitral, seed = (options.build / "mitral").resolve(), options.folder.resolve() / "seed"
    if seed.exists():
        sys.exit(f"{seed} is there already")
    seed.mkdir(parents=True)
    template = (HERE / "target.json").read_text()
    port = json.loads(template)["port"]
    (seed / "mitral.toml").write_text(f"""
[log]
level = "warn"
[server]
listen = "127.0.0.1:{port}"
threads = 1
master_key_file = "{seed}/master.key"
storage = {{ path = "{seed}/mitral.db", durability = "full" }}
[[issuer]]
id = "http://127.0.0.1:{port}"
name = "Bench"
""")

    def made(*arguments):
        done = subprocess.run([mitral, "-c", seed / "mitral.toml", "--json", *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"mitral {' '.join(map(str, arguments))}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip().startswith("{") else {}

    made("key", "master", seed / "master.key")
    made("resource", "add", "--id", "jobs", "--name", "Jobs", "--audience", "urn:bench:jobs", "--token-format", "opaque", "--token-lifetime", 3600)
    made("resource", "add", "--id", "api", "--name", "API", "--audience", "urn:bench:api", "--token-format", "jwt")
    basic = made("client", "add", "--id", "bench-basic", "--name", "Basic", "--auth", "client_secret_basic", "--grant", "client_credentials", "--scope", "jobs.run")
    (seed / "jwks.json").write_text(json.dumps({"keys": [json.loads((options.keys / "client-es256.pub.jwk.json").read_text())]}))
    made("client", "add", "--id", "bench-jwt", "--name", "JWT", "--auth", "private_key_jwt", "--grant", "client_credentials", "--scope", "jobs.run",
         "--jwks", seed / "jwks.json")
    code = ["--grant", "authorization_code", "--grant", "refresh_token", "--redirect-uri", REDIRECT, "--scope", "openid", "--scope", "offline_access",
            "--scope", "online_access", "--offline", "--verified", "--id-token-alg", "ES256", "--id-token-at-refresh"]
    web = made("client", "add", "--id", "bench-code", "--name", "Code", "--auth", "client_secret_basic", *code)
    made("client", "add", "--id", "bench-public", "--name", "Public", "--auth", "none", "--no-consent", *code)
    person = made("user", "add", "--username", "alice", "--name", "Alice", "--generate-password")
    values = {"HERE": HERE, "MITRAL": mitral, "SEED": seed, "BASIC_SECRET": basic["client_secret"], "CODE_SECRET": web["client_secret"],
              "COOKIE": signed_in(mitral, seed, f"http://127.0.0.1:{port}", person["password"])}
    for name, value in values.items():
        template = template.replace("${" + name + "}", str(value))
    out = options.folder.resolve() / "mitral.json"
    out.write_text(template)
    print(f"{out} is ready; put {HERE}/path first on the PATH of the bench")


if __name__ == "__main__":
    main()
