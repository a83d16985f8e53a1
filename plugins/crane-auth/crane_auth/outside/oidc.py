"""OpenID Connect: the browser is sent to an identity provider, and comes back with a code.

The code is worth something only together with a verifier that never left this server (PKCE), and what the provider
signs names the very login that was begun (nonce).
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from crane_auth.errors import LoginRefused, ProviderUnavailable
from crane_auth.methods import Outside, Start
from crane_core.context import Crane
from crane_core.errors import SetupError

NAME = "oidc"
# Not "none", and nothing that is signed with the client's own secret.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
ANSWER_SECONDS = 10
KEPT_SECONDS = 3600.0
LEEWAY_SECONDS = 60
_LARGEST = 1 << 20


class Provider:
    """The room of one server that knows its identity provider: what it says of itself, and its keys."""

    def __init__(self, crane: Crane) -> None:
        settings = crane.settings
        self.issuer = str(settings["auth.oidc_issuer"])
        self.title = str(settings["auth.oidc_name"])
        self.client_id = str(settings["auth.oidc_client_id"])
        self._secret = str(settings["auth.oidc_client_secret"])
        self._scopes = list(dict.fromkeys(["openid", *settings["auth.oidc_scopes"]]))
        self._name_claim = str(settings["auth.oidc_username_claim"])
        self._groups_claim = str(settings["auth.oidc_groups_claim"])
        self._groups = dict(_read_mapping(settings["auth.oidc_groups"]))
        self._verify: str | bool = str(settings["auth.oidc_ca"]) or True
        self._kept: dict[str, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def check_settings(self) -> None:
        """Refuse to start with settings that nobody can log in by.

        :raises SetupError: when that is so.
        """
        if not self.client_id:
            raise SetupError("auth.oidc_issuer is set, but auth.oidc_client_id is not. Register this server there.")
        parts = urlsplit(self.issuer)
        if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise SetupError("auth.oidc_issuer must begin with https://; who logs in by it could be anybody else.")

    # The browser's way there and back

    def start(self, redirect_uri: str, state: str) -> Start:
        """Return where the browser goes."""
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        with self._client(redirect_uri) as client:
            url, _ = client.create_authorization_url(
                self._describe("authorization_endpoint"), state=state, code_verifier=verifier, nonce=nonce
            )
        return Start(url, {"nonce": nonce, "verifier": verifier})

    def finish(self, query: Mapping[str, str], redirect_uri: str, kept: Mapping[str, Any]) -> Outside:
        """Return who came back, if the provider vouches for them.

        :raises LoginRefused: when it does not, or for another login than this.
        :raises ProviderUnavailable: when it cannot be asked.
        """
        if "error" in query:
            raise LoginRefused(f"{self.title} refused the login ({query['error'][:100]}). Begin anew.")
        # Where the provider says who it is (RFC 9207), another one's code is not taken to it.
        if query.get("iss", self.issuer) != self.issuer or not query.get("code"):
            raise LoginRefused
        token = self._exchange(query["code"], redirect_uri, str(kept["verifier"]))
        claims = self._read(str(token.get("id_token", "")), str(kept["nonce"]), token.get("access_token"))
        return self._describe_person(claims, self._ask_userinfo(token, claims))

    def _exchange(self, code: str, redirect_uri: str, verifier: str) -> Mapping[str, Any]:
        try:
            with self._client(redirect_uri) as client:
                token: Mapping[str, Any] = client.fetch_token(
                    self._describe("token_endpoint"),
                    code=code,
                    code_verifier=verifier,
                    timeout=ANSWER_SECONDS,
                    verify=self._verify,
                    allow_redirects=False,
                )
        except OAuthError as error:
            raise LoginRefused(f"{self.title} did not accept the login ({error.error}). Begin anew.") from error
        except (requests.RequestException, ValueError) as error:
            raise ProviderUnavailable(f"{self.title} does not answer: {type(error).__name__}.") from error
        return token

    def _read(self, id_token: str, nonce: str, access_token: Any) -> dict[str, Any]:
        """Return what the provider signed, if it signed it now, for us, and for this login."""
        try:
            try:
                token = jwt.decode(id_token, self._keys(), algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                # It may have new keys.
                token = jwt.decode(id_token, self._keys(anew=True), algorithms=ALGORITHMS)
            options = {
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self.client_id},
            }
            params = {"nonce": nonce, "client_id": self.client_id, "access_token": access_token}
            claims = CodeIDToken(token.claims, token.header, options, params)
            claims.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError) as error:
            raise LoginRefused(f"What {self.title} signed is not of this login. Begin anew.") from error
        return dict(token.claims)

    def _ask_userinfo(self, token: Mapping[str, Any], claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask for what is not in the token; nothing when the provider has nothing more, or speaks of somebody else."""
        wanted = {self._name_claim, self._groups_claim} - {""}
        endpoint = self._description().get("userinfo_endpoint")
        if wanted <= set(claims) or not endpoint or not token.get("access_token"):
            return {}
        told = self._fetch(str(endpoint), {"Authorization": f"Bearer {token['access_token']}"})
        return told if told.get("sub") == claims["sub"] else {}

    def _describe_person(self, claims: Mapping[str, Any], more: Mapping[str, Any]) -> Outside:
        said = {**more, **claims}
        subject = str(said["sub"])
        # An address that the provider has not checked may be anybody's.
        email = str(said.get("email", "")) if said.get("email_verified") is True else ""
        name = str(said.get(self._name_claim) or "")
        if self._name_claim == "email" and not email:
            name = ""
        if not name:
            raise LoginRefused(
                f"{self.title} does not say what to call you: the claim {self._name_claim} is missing, or not verified."
            )
        return Outside(subject, name, str(said.get("name", "")), email, self._find_groups(said))

    def _find_groups(self, said: Mapping[str, Any]) -> frozenset[str] | None:
        if not self._groups_claim:
            return None
        told = said.get(self._groups_claim, [])
        values = [told] if isinstance(told, str) else [str(each) for each in told] if isinstance(told, list) else []
        if not self._groups:
            return frozenset(values)
        return frozenset(self._groups[value] for value in values if value in self._groups)

    # What the provider says of itself

    def _describe(self, member: str) -> str:
        told = self._description().get(member)
        if not isinstance(told, str):
            raise ProviderUnavailable(f"{self.title} does not say its {member}.")
        return told

    def _description(self) -> Mapping[str, Any]:
        told = self._keep(
            "description", lambda: self._fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        )
        if told.get("issuer") != self.issuer:
            raise ProviderUnavailable(
                f"What answers at auth.oidc_issuer calls itself {str(told.get('issuer'))[:200]}. "
                "Set it to exactly that."
            )
        return told

    def _keys(self, *, anew: bool = False) -> KeySet:
        if anew:
            with self._lock:
                self._kept.pop("keys", None)
        told = self._keep("keys", lambda: self._fetch(self._describe("jwks_uri")))
        return KeySet.import_key_set(told)  # type: ignore[arg-type]

    def _keep(self, what: str, make: Any) -> Mapping[str, Any]:
        with self._lock:
            made_at, found = self._kept.get(what, (0.0, None))
        if found is None or time.monotonic() - made_at > KEPT_SECONDS:
            found = make()
            with self._lock:
                self._kept[what] = time.monotonic(), found
        told: Mapping[str, Any] = found
        return told

    def _fetch(self, url: str, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        try:
            with requests.get(
                url, headers=headers, timeout=ANSWER_SECONDS, verify=self._verify, allow_redirects=False, stream=True
            ) as answered:
                if answered.status_code != 200:
                    raise ProviderUnavailable(f"{self.title} answers with the status {answered.status_code}.")
                body = answered.raw.read(_LARGEST, decode_content=True)
            told = json.loads(body)
        except (requests.RequestException, ValueError) as error:
            raise ProviderUnavailable(f"{self.title} does not answer: {type(error).__name__}.") from error
        if not isinstance(told, dict):
            raise ProviderUnavailable(f"{self.title} answers something else than was asked for.")
        return told

    def _client(self, redirect_uri: str) -> OAuth2Session:
        return OAuth2Session(
            self.client_id,
            self._secret or None,
            scope=" ".join(self._scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if self._secret else "none",
        )


def _read_mapping(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        value, sign, group = line.rpartition("=")
        if not sign or not value.strip() or not group.strip():
            raise SetupError(f"auth.oidc_groups: {line} names no group; write it as in swarm-admins=admins.")
        yield value.strip(), group.strip()
