"""A client of the authorization server that talks to whichever node it is told to, and says what it was told.

An answer is one of three: acknowledged (the server said that it did it), refused (it said that it did not), unknown (no
answer, a broken one, or 5xx: it may have happened or not).
"""
import base64
import hashlib
import html.parser
import http.client
import json
import secrets
import socket
import ssl
import urllib.parse

from node import HOST, ISSUER, PORT

REDIRECT = "https://app.cluster.test/callback"
AUDIENCE = "https://fhir.cluster.test/r4"
ACKNOWLEDGED, REFUSED, UNKNOWN = "acknowledged", "refused", "unknown"


class Forms(html.parser.HTMLParser):
    """Forms of a page: action and the fields that a browser would send."""

    def __init__(self):
        super().__init__()
        self.forms = []

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.forms.append({"action": a.get("action", ""), "fields": []})
        elif tag == "input" and self.forms and a.get("name"):
            kind = a.get("type", "text")
            if kind not in ("checkbox", "radio") or "checked" in a:
                self.forms[-1]["fields"].append([a["name"], a.get("value", "on" if kind == "checkbox" else "")])


class Connection(http.client.HTTPSConnection):
    """To one node by its address, under the name that all nodes share."""

    def __init__(self, address, context, timeout):
        super().__init__(HOST, PORT, timeout=timeout, context=context)
        self.node_address, self.node_context = address, context

    def connect(self):
        plain = socket.create_connection((self.node_address, self.port), self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self.node_context.wrap_socket(plain, server_hostname=HOST)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def verdict(self):
        return ACKNOWLEDGED if 200 <= self.status < 400 else REFUSED if 400 <= self.status < 500 and self.status != 429 else UNKNOWN

    def json(self):
        return json.loads(self.body)


class App:
    """One thread's view: keeps a connection to each node, and a browser's cookies."""

    def __init__(self, context, client, resource, user):
        self.context, self.client, self.resource, self.user = context, client, resource, user
        self.connections, self.cookies = {}, {}

    def ask(self, node, path, form=None, headers=None, timeout=10):
        """An Answer; its status is 0 when there was none."""
        headers = {"Host": f"{HOST}:{PORT}", **(headers or {})}
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        for fresh in (False, True):
            kept = self.connections.pop(node.name, None)
            connection = None if fresh else kept
            reused = connection is not None
            try:
                connection = connection or Connection(node.address, self.context, timeout)
                connection.request("POST" if body is not None else "GET", path, body, headers)
                answer = connection.getresponse()
                out = Answer(answer.status, answer.headers, answer.read().decode())
                if not answer.will_close:
                    self.connections[node.name] = connection
                return out
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                # A connection that idled may have been closed by the server; only then nothing was done with the request.
                if not reused:
                    return Answer(0, {}, "")
            except (OSError, http.client.HTTPException, ssl.SSLError):
                return Answer(0, {}, "")
        return Answer(0, {}, "")

    # ---- the browser

    def _browse(self, node, path, form=None, headers=None):
        """Follows redirects on the server; the URL where it ended, and its page (None: no usable answer)."""
        for _ in range(12):
            cookie = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())} if self.cookies else {}
            answer = self.ask(node, path, form, {**(headers or {}), **cookie})
            for line in (answer.headers.get_all("Set-Cookie") or []) if answer.headers else []:
                name, _, value = line.split(";", 1)[0].partition("=")
                if value and "max-age=0" not in line.lower():
                    self.cookies[name] = value
                else:
                    self.cookies.pop(name, None)
            if answer.status not in (302, 303):
                return path, answer.body if answer.status == 200 else None
            path, form, headers = urllib.parse.urljoin(ISSUER + path, answer.headers["Location"]), None, None
            if path.startswith(REDIRECT):
                return path, ""
            path = path.removeprefix(ISSUER)
        return path, None

    def code(self, nodes):
        """An authorization code with its verifier, or None. Each page may come from another node."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {"response_type": "code", "client_id": self.client["client_id"], "redirect_uri": REDIRECT, "state": secrets.token_urlsafe(16),
                 "scope": "openid launch/patient offline_access patient/*.rs", "nonce": secrets.token_urlsafe(16), "aud": AUDIENCE,
                 "code_challenge": challenge, "code_challenge_method": "S256"}
        url, page = self._browse(nodes(), "/authorize?" + urllib.parse.urlencode(query))
        for _ in range(6):
            if url.startswith(REDIRECT):
                found = urllib.parse.parse_qs(urllib.parse.urlparse(url).query)
                return (found["code"][0], verifier) if "code" in found else None
            if page is None:
                return None
            parser = Forms()
            parser.feed(page)
            form = next((f for f in parser.forms if "cancel" not in f["action"] and "switch" not in f["action"]), None)
            if form is None:
                return None
            if "decision" not in dict(form["fields"]) and "/consent" in form["action"]:
                form["fields"].append(["decision", "allow"])
            fields = [(n, self.user[0] if n == "username" else self.user[1] if n == "password" else v) for n, v in form["fields"]]
            url, page = self._browse(nodes(), urllib.parse.urljoin(ISSUER + url, form["action"]).removeprefix(ISSUER), fields, {"Origin": ISSUER})
        return None

    # ---- the back channel

    def _basic(self, who, secret):
        pair = f"{urllib.parse.quote(who, safe='')}:{urllib.parse.quote(secret, safe='')}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    def redeem(self, node, code, verifier):
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": verifier,
                "client_id": self.client["client_id"]}
        return self.ask(node, "/token", form)

    def refresh(self, node, token):
        return self.ask(node, "/token", {"grant_type": "refresh_token", "refresh_token": token, "client_id": self.client["client_id"]})

    def revoke(self, node, token):
        return self.ask(node, "/revoke", {"token": token, "client_id": self.client["client_id"]})

    def introspect(self, node, token):
        """True, False, or None when the node would not say."""
        answer = self.ask(node, "/introspect", {"token": token}, self._basic(self.resource["id"], self.resource["secret"]))
        return bool(answer.json().get("active")) if answer.status == 200 else None

    def client_credentials(self, node, assertion):
        return self.ask(node, "/token", {"grant_type": "client_credentials", "scope": "system/Observation.rs",
                                         "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                                         "client_assertion": assertion, "resource": AUDIENCE})


def claims(jwt):
    part = jwt.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
