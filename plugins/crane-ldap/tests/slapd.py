"""A directory of the tests: Debian's slapd, in a directory of its own, ended with the tests."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crane_core.testing.ports import find_free_port

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from ldap3 import MODIFY_REPLACE, Connection, Server

SUFFIX = "dc=example,dc=com"
ROOT_DN, ROOT_PASSWORD = f"cn=root,{SUFFIX}", "root-of-the-tests"
SEARCHER, SEARCHER_PASSWORD = f"cn=crane,{SUFFIX}", "searcher-of-the-tests"
PEOPLE, GROUPS = f"ou=people,{SUFFIX}", f"ou=groups,{SUFFIX}"
PASSWORDS = {"ann": "velvet otter seventeen", "bob": "copper lantern ninety"}

CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {directory}/slapd.pid
TLSCACertificateFile {directory}/ca.pem
TLSCertificateFile {directory}/server.pem
TLSCertificateKeyFile {directory}/server.key
database mdb
maxsize 10485760
suffix "{suffix}"
rootdn "{root}"
rootpw {password}
directory {directory}/data
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
"""


@dataclass(frozen=True)
class Slapd:
    """A directory of the tests.

    :param ca: The file of the authority that signed its certificate.
    """

    directory: Path
    port: int
    tls_port: int

    @property
    def ca(self) -> Path:
        return self.directory / "ca.pem"

    @contextlib.contextmanager
    def root(self) -> Iterator[Connection]:
        """Have a connection of who may change everything."""
        server = Server("127.0.0.1", self.port, get_info="NO_INFO")
        connection = Connection(server, ROOT_DN, ROOT_PASSWORD, auto_bind=True, auto_referrals=False)
        try:
            yield connection
        finally:
            connection.unbind()

    def add(self, dn: str, kind: str | list[str], attributes: Mapping[str, Any]) -> None:
        """Add an entry."""
        with self.root() as connection:
            assert connection.add(dn, kind, dict(attributes)), connection.result

    def replace(self, dn: str, **attributes: list[str]) -> None:
        """Replace attributes of an entry."""
        with self.root() as connection:
            changes = {name: [(MODIFY_REPLACE, values)] for name, values in attributes.items()}
            assert connection.modify(dn, changes), connection.result

    def remove(self, dn: str) -> None:
        """Remove an entry."""
        with self.root() as connection:
            assert connection.delete(dn), connection.result

    def move(self, dn: str, new: str) -> None:
        """Give an entry another name."""
        with self.root() as connection:
            assert connection.modify_dn(dn, new), connection.result

    def fill(self) -> None:
        """Add who there is at first."""
        self.add(SUFFIX, ["dcObject", "organization"], {"o": "Example"})
        self.add(SEARCHER, ["person"], {"sn": "Crane", "userPassword": SEARCHER_PASSWORD})
        for dn in (PEOPLE, GROUPS):
            self.add(dn, "organizationalUnit", {})
        for name, password in PASSWORDS.items():
            person = {
                "cn": f"{name.title()} Ames",
                "sn": "Ames",
                "mail": f"{name}@example.com",
                "userPassword": password,
            }
            self.add(person_dn(name), "inetOrgPerson", person)
        self.add(f"cn=Swarm Operators,{GROUPS}", "groupOfNames", {"member": [person_dn("ann"), person_dn("bob")]})
        self.add(f"cn=auditors,{GROUPS}", "groupOfNames", {"member": [person_dn("ann")]})


def person_dn(name: str) -> str:
    """Return the DN of somebody."""
    return f"uid={name},{PEOPLE}"


@pytest.fixture(scope="session")
def slapd() -> Iterator[Slapd]:
    """A directory, for as long as the tests run."""
    program = shutil.which("slapd") or shutil.which("slapd", path="/usr/sbin")
    if not program:
        pytest.fail("slapd is missing (Debian: apt-get install slapd).")
    directory = Path(tempfile.mkdtemp(prefix="crane-ldap-", dir="/tmp"))
    found = Slapd(directory, find_free_port(), find_free_port())
    (directory / "data").mkdir()
    make_certificates(directory)
    names = {"directory": directory, "suffix": SUFFIX, "root": ROOT_DN, "password": ROOT_PASSWORD}
    (directory / "slapd.conf").write_text(CONFIG.format(**names))
    as_owner = ["setpriv", "--pdeathsig=INT"]
    if os.geteuid() == 0:
        owner = pwd.getpwnam("openldap")
        for path in (directory, *directory.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        as_owner += [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    # By the second address it is reached under a name that stands in no certificate.
    addresses = ("127.0.0.1", "127.0.0.2")
    listeners = " ".join(f"ldap://{each}:{found.port} ldaps://{each}:{found.tls_port}" for each in addresses)
    command = [*as_owner, program, "-f", str(directory / "slapd.conf"), "-h", listeners, "-d", "0"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
    try:
        _wait_for(found, process)
        found.fill()
        yield found
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(directory, ignore_errors=True)


def make_certificates(directory: Path) -> None:
    """Make an authority and a certificate of ``localhost`` that it signed."""
    now = datetime.now(UTC)

    def build(name: str, key: Any, issuer: x509.Name) -> x509.CertificateBuilder:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=2))

    signer, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
    ca = build("Authority of the tests", signer, authority)
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    server = build("localhost", key, authority).add_extension(names, critical=False)
    for name, builder in (("ca.pem", ca), ("server.pem", server)):
        signed = builder.sign(signer, hashes.SHA256())
        (directory / name).write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (directory / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _wait_for(found: Slapd, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 90
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", found.port), 1):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    pytest.fail(f"slapd did not start: {(found.directory / 'log').read_text('utf-8', 'replace')}")
