"""An authenticator in software: what a security key and a browser do of WebAuthn (Level 2, ES256, no attestation)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

USER_PRESENT, USER_VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Key:
    """A credential in it."""

    id: bytes
    rp_id: str
    handle: bytes
    private: ec.EllipticCurvePrivateKey
    count: int = 0


@dataclass
class Authenticator:
    """A security key, in a browser that is at some address.

    :param origin: The page that asks.
    :param verifies: Whether it asks for a PIN or a finger.
    """

    origin: str = "http://localhost"
    verifies: bool = True
    keys: list[Key] = field(default_factory=list)

    def create(self, options: dict[str, Any], **changed: Any) -> dict[str, Any]:
        """Do what ``navigator.credentials.create`` does, and return it as JSON."""
        key = Key(
            secrets.token_bytes(32),
            changed.get("rp_id", options["rp"]["id"]),
            decode(options["user"]["id"]),
            ec.generate_private_key(ec.SECP256R1()),
        )
        self.keys.append(key)
        point = key.private.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = bytes(16) + struct.pack(">H", len(key.id)) + key.id + cbor2.dumps(public)
        data = self._data(key, ATTESTED) + attested
        return {
            "id": encode(key.id),
            "rawId": encode(key.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": self._client_data("webauthn.create", changed.get("challenge", options["challenge"])),
                "attestationObject": encode(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
                "transports": ["usb"],
            },
            "clientExtensionResults": {},
        }

    def get(self, options: dict[str, Any], **changed: Any) -> dict[str, Any]:
        """Do what ``navigator.credentials.get`` does, and return it as JSON."""
        allowed = {decode(each["id"]) for each in options.get("allowCredentials", ())}
        key = next(key for key in self.keys if not allowed or key.id in allowed)
        key.count += changed.get("counts", 1)
        data = self._data(key, 0)
        client = self._client_data("webauthn.get", changed.get("challenge", options["challenge"]))
        signed = data + hashlib.sha256(decode(client)).digest()
        return {
            "id": encode(key.id),
            "rawId": encode(key.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": client,
                "authenticatorData": encode(data),
                "signature": encode(key.private.sign(signed, ec.ECDSA(hashes.SHA256()))),
                "userHandle": encode(key.handle),
            },
            "clientExtensionResults": {},
        }

    def _data(self, key: Key, flags: int) -> bytes:
        flags |= USER_PRESENT | (USER_VERIFIED if self.verifies else 0)
        return hashlib.sha256(key.rp_id.encode()).digest() + struct.pack(">BI", flags, key.count)

    def _client_data(self, kind: str, challenge: str) -> str:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return encode(json.dumps(told).encode())
