"""An identity provider on the loopback: OpenID Connect with a code, PKCE and RS256."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, jsonify, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server

CLIENT, SECRET = "crane", "the secret of the client"


@dataclass
class Provider:
    """What it knows, and how it misbehaves.

    :param claims: What it says of who is logged in there.
    :param changed: Members of the token that are something else than they should be; None leaves one out.
    :param userinfo: What it tells besides, when asked with the access token.
    :param sign_with: The key that it signs with; its own unless given.
    """

    url: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "u-1", "preferred_username": "carol"})
    changed: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    description: dict[str, Any] = field(default_factory=dict)
    sign_with: RSAKey | None = None
    algorithm: str = "RS256"
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def authorize(self, url: str) -> dict[str, str]:
        """Do what a browser and a person do at the provider: log in and agree; return the query of the way back."""
        from urllib.parse import parse_qsl, urlsplit

        query = dict(parse_qsl(urlsplit(url).query))
        assert url.startswith(f"{self.url}/authorize?")
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        code = secrets.token_hex(8)
        self.codes[code] = query
        return {"code": code, "state": query["state"], "redirect_uri": query["redirect_uri"]}

    def make_token(self, query: dict[str, str]) -> str:
        """Sign who is logged in."""
        now = int(time.time())
        members = {
            "iss": self.url,
            "aud": query["client_id"],
            "exp": now + 300,
            "iat": now,
            "nonce": query.get("nonce"),
            **self.claims,
            **self.changed,
        }
        told = {name: value for name, value in members.items() if value is not None}
        key: Any = self.sign_with or self.key
        return jwt.encode({"alg": self.algorithm, "kid": "one"}, told, key, algorithms=[self.algorithm])

    def app(self) -> Flask:
        """Return the program that answers."""
        app = Flask("provider")

        @app.get("/.well-known/openid-configuration")
        def description() -> Response:
            self.asked.append("description")
            told = {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "userinfo_endpoint": f"{self.url}/userinfo",
            }
            return jsonify({**told, **self.description})

        @app.get("/keys")
        def keys() -> Response:
            self.asked.append("keys")
            return jsonify({"keys": [self.key.as_dict(private=False)]})

        @app.post("/token")
        def token() -> Any:
            self.asked.append("token")
            query = self.codes.pop(request.form.get("code", ""), None)
            verifier = request.form.get("code_verifier", "")
            proof = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
            told = request.authorization
            known = told is not None and (told.username, told.password) == (CLIENT, SECRET)
            if query is None or query["code_challenge"] != proof or not known:
                return jsonify({"error": "invalid_grant"}), 400
            if query["redirect_uri"] != request.form.get("redirect_uri"):
                return jsonify({"error": "invalid_grant"}), 400
            return jsonify({"access_token": "a", "token_type": "Bearer", "id_token": self.make_token(query)})

        @app.get("/userinfo")
        def userinfo() -> Response:
            self.asked.append("userinfo")
            return jsonify(self.userinfo)

        return app


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Provider]:
    """Run a provider on a free port."""
    provider = Provider()
    server = make_server("127.0.0.1", 0, provider.app(), threaded=True, request_handler=_Quiet)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
