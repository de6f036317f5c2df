"""A small OpenID Connect provider: a real server, real keys, and each way to be wrong."""

import hashlib
import hmac
import json
import secrets
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "oms", "a secret of the client"


class Provider:
    """`claims` are what it says of whoever signs in; `forge` changes an id_token's claims, `sign` how it is signed."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.forge: dict[str, Any] = {}
        self.sign = "RS256"
        self.is_down = False
        self.methods = ["client_secret_basic"]
        self.described: dict[str, Any] = {}
        self.asked: list[str] = []
        self.new_key("first")
        self._codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._answer(self, None)

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                provider._answer(self, dict(parse_qsl(form)))

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}/realms/shop"

    @contextmanager
    def running(self) -> Iterator["Provider"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def new_key(self, kid: str) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})

    def log_in(self, address: str) -> str:
        """What a browser does there, until it is sent back: the path with the query."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        back = urlsplit(asked["redirect_uri"])
        return f"{back.path}?state={asked['state']}&code={code}"

    def logout_token(self, **changes: Any) -> str:
        """That somebody signed out there, as it says so server to server; None takes a claim out."""
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 120, "jti": secrets.token_hex(8),
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        } | changes  # fmt: skip
        return self._signed({name: value for name, value in claims.items() if value is not None})

    def _answer(self, request: BaseHTTPRequestHandler, form: dict[str, str] | None) -> None:
        path = urlsplit(request.path).path.removeprefix("/realms/shop")
        self.asked.append(path)
        status, answer = 503, dict[str, Any]()
        if not self.is_down:
            status, answer = self._token(request, form) if form is not None else (200, self._document(path))
        body = json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _document(self, path: str) -> dict[str, Any]:
        if path == "/keys":
            return {"keys": [self.key.as_dict(private=False)]}
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": self.methods,
        } | self.described

    def _token(self, request: BaseHTTPRequestHandler, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        asked = self._codes.pop(form["code"], None)
        if asked is None or not self._is_client(request, form) or not self._is_verified(asked, form):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 300, "nonce": asked["nonce"],
        } | self.claims | self.forge  # fmt: skip
        said = {name: value for name, value in claims.items() if value is not None}
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self._signed(said)}

    def _is_client(self, request: BaseHTTPRequestHandler, form: dict[str, str]) -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Basic ")
        basic = b64decode(given).decode() == f"{CLIENT}:{SECRET}"
        return basic if "client_secret_basic" in self.methods else form.get("client_secret") == SECRET

    @staticmethod
    def _is_verified(asked: dict[str, str], form: dict[str, str]) -> bool:
        hashed = hashlib.sha256(form["code_verifier"].encode()).digest()
        return _text(hashed) == asked["code_challenge"] and form["redirect_uri"] == asked["redirect_uri"]

    def _signed(self, claims: dict[str, Any]) -> str:
        header = {"alg": self.sign, "kid": self.key.kid}
        if self.sign in (
            "none",
            "HS256",
        ):  # which no library signs: by hand, HS256 with the public key as the secret
            said = ".".join(_text(json.dumps(part).encode()) for part in (header, claims))
            mac = hmac.digest(self.key.as_pem(private=False), said.encode(), "sha256")
            return f"{said}.{_text(mac) if self.sign == 'HS256' else ''}"
        if self.sign == "another key":
            other = RSAKey.generate_key(2048, {"kid": self.key.kid or ""})
            return jwt.encode(header | {"alg": "RS256"}, claims, other)
        return jwt.encode(header, claims, self.key)


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
