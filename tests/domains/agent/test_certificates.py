"""Certificates are good for what they are for, and for nothing else."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest

from crane_core.cluster.agent.certificates import Issued, issue_for_agent, issue_for_client, make_authority

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def authority() -> Issued:
    return make_authority("one", NOW)


@pytest.fixture
def context(tmp_path):
    """Make what one end of a connection believes in and shows."""

    def make(serves: bool, authority: Issued, leaf: Issued | None) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if serves else ssl.PROTOCOL_TLS_CLIENT)
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(cadata=authority.certificate.decode())
        if leaf is not None:
            path = tmp_path / f"{serves}.pem"
            path.write_bytes(leaf.certificate + leaf.key)
            made.load_cert_chain(path)
        return made

    return make


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str = "crane-agent") -> bytes:
    """Return what the client hears from the server, once each believes the other."""
    near, far = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(far, server_side=True) as opened:
                opened.sendall(b"welcome")
        except (ssl.SSLError, OSError):
            far.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(near, server_hostname=name) as opened:
            return opened.recv(100)
    finally:
        near.close()
        thread.join(60)


def test_agent_and_server_believe_each_other(context, authority):
    server = context(True, authority, issue_for_agent(authority, NOW))

    assert shake_hands(server, context(False, authority, issue_for_client(authority, NOW))) == b"welcome"


@pytest.mark.parametrize("leaf", ["none", "agent", "other authority", "ended"])
def test_agent_lets_nobody_else_in(context, authority, leaf):
    made = {
        "none": None,
        "agent": issue_for_agent(authority, NOW),
        "other authority": issue_for_client(make_authority("two", NOW), NOW),
        "ended": issue_for_client(authority, NOW - timedelta(days=8)),
    }[leaf]
    server = context(True, authority, issue_for_agent(authority, NOW))

    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake_hands(server, context(False, authority, made))


@pytest.mark.parametrize("leaf", ["client", "other authority", "ended"])
def test_server_speaks_with_no_other_agent(context, authority, leaf):
    made = {
        "client": issue_for_client(authority, NOW),
        "other authority": issue_for_agent(make_authority("two", NOW), NOW),
        "ended": issue_for_agent(authority, NOW - timedelta(days=91)),
    }[leaf]
    server = context(True, authority, made)

    with pytest.raises(ssl.SSLError):
        shake_hands(server, context(False, authority, issue_for_client(authority, NOW)))


def test_key_is_not_shown_with_what_was_issued(authority):
    assert "PRIVATE" not in repr(authority)
