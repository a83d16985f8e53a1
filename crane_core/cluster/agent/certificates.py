"""The certificates of the agent: an authority of Crane's own, and what it signs for agents and for the server.

Keys are P-256. The agent's certificate is good for serving only and the server's for asking only, so that who steals
an agent's key from one node cannot reach another with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from crane_core.engine.agent import SERVER_NAME

AUTHORITY_DAYS = 5 * 365
AGENT_DAYS = 90
# The most powerful key of all is good for the shortest time; to renew it, nothing but the server's own files changes.
CLIENT_DAYS = 7
# What is left when each is renewed.
AUTHORITY_LEFT = timedelta(days=365)
AGENT_LEFT = timedelta(days=30)
CLIENT_LEFT = timedelta(days=4)
# Clocks of nodes may be behind.
_EARLIER = timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, both as PEM."""

    certificate: bytes
    key: bytes = field(repr=False)
    ends: datetime


def make_authority(name: str, now: datetime) -> Issued:
    """Make an authority that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Crane agents {name}")])
    builder = (
        _begin(subject, subject, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    return _finish(builder, key, key)


def issue_for_agent(authority: Issued, now: datetime) -> Issued:
    """Sign a certificate for agents, which all show the same."""
    return _issue(authority, SERVER_NAME, ExtendedKeyUsageOID.SERVER_AUTH, now, AGENT_DAYS)


def issue_for_client(authority: Issued, now: datetime) -> Issued:
    """Sign a certificate for the server, which is the client of agents."""
    return _issue(authority, "crane-server", ExtendedKeyUsageOID.CLIENT_AUTH, now, CLIENT_DAYS)


def _issue(authority: Issued, name: str, purpose: x509.ObjectIdentifier, now: datetime, days: int) -> Issued:
    signer = x509.load_pem_x509_certificate(authority.certificate)
    signing = serialization.load_pem_private_key(authority.key, None)
    assert isinstance(signing, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        _begin(subject, signer.subject, key.public_key(), now, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                signer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            ),
            critical=False,
        )
    )
    return _finish(builder, key, signing)


def _begin(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _finish(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, signing: ec.EllipticCurvePrivateKey
) -> Issued:
    certificate = builder.sign(signing, hashes.SHA256())
    return Issued(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        certificate.not_valid_after_utc,
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
