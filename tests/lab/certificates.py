"""Certificates for Engines that are spoken with over TLS, and for whoever speaks with them."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_LIFE = datetime.timedelta(days=30)
# The clock of whoever checks may be a little behind.
_BEFORE = datetime.timedelta(hours=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM."""

    certificate: str
    key: str = field(repr=False)


class Authority:
    """Somebody who signs certificates."""

    def __init__(self, name: str) -> None:
        self._name = _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(*(flag in ("key_cert_sign", "crl_sign") for flag in _USAGES))
        builder = _begin(self._name, self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self._certificate = builder.add_extension(usage, critical=True).sign(self._key, hashes.SHA256())
        self.certificate = _to_pem(self._certificate)

    @property
    def pair(self) -> Pair:
        """Its own certificate and key, for whoever is to sign in its place."""
        return Pair(self.certificate, _write_key(self._key))

    def issue(self, name: str, address: str = "") -> Pair:
        """Issue a certificate for a server at an address, or for a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        purpose = x509.ExtendedKeyUsageOID.SERVER_AUTH if address else x509.ExtendedKeyUsageOID.CLIENT_AUTH
        builder = _begin(_named(name), self._name, key.public_key())
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        if address:
            told = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
            builder = builder.add_extension(told, critical=False)
        return Pair(_to_pem(builder.sign(self._key, hashes.SHA256())), _write_key(key))


def _write_key(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def write(directory: Path, authority: Authority, pair: Pair) -> Path:
    """Write certificates as Docker calls them: ``ca.pem``, ``cert.pem`` and ``key.pem``; return the directory."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in (("ca", authority.certificate), ("cert", pair.certificate), ("key", pair.key)):
        (directory / f"{name}.pem").write_text(text)
    return directory


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _begin(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _to_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
