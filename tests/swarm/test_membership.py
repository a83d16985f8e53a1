"""Nodes join, change their role and leave, and the Swarm gets another authority, on real Engines."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.lab.lab import Lab
from tests.swarm.server import Server


@pytest.fixture
def outsider(swarm3: Lab) -> Iterator[str]:
    """The URL of the Engine of node3, which has left the Swarm; it is back in it afterwards."""
    leave(swarm3)
    yield swarm3.node(3).url
    if not is_member(swarm3):
        swarm3.wait_until(lambda: remove_entries(swarm3), "node3 is forgotten")
        token = swarm3.ask("GET", "/swarm")["JoinTokens"]["Worker"]
        body = {"AdvertiseAddr": swarm3.node(3).address, "RemoteAddrs": [f"{swarm3.node(1).address}:2377"]}
        swarm3.node(3).ask("POST", "/swarm/join", {"ListenAddr": "0.0.0.0:2377", **body, "JoinToken": token})


def leave(lab: Lab) -> None:
    """Have node3 leave, and forget it."""
    lab.wait_until(lambda: demote(lab), "node3 is no manager")
    lab.node(3).ask("POST", "/swarm/leave?force=1")
    lab.wait_until(lambda: remove_entries(lab), "node3 is forgotten")


def entries_of(lab: Lab) -> list[Any]:
    """Return what the Swarm remembers of node3."""
    return [node for node in lab.ask("GET", "/nodes") if node["Description"].get("Hostname", "node3") == "node3"]


def demote(lab: Lab) -> bool:
    """Have node3 be a worker, and tell whether it is one: a manager that just left would take the quorum along."""
    entries = entries_of(lab)
    for node in entries:
        if node["Spec"]["Role"] == "manager":
            spec = {**node["Spec"], "Role": "worker"}
            lab.ask("POST", f"/nodes/{node['ID']}/update?version={node['Version']['Index']}", spec)
    return not any("ManagerStatus" in node for node in entries)


def remove_entries(lab: Lab) -> bool:
    """Remove what the Swarm remembers of node3."""
    demote(lab)
    entries = entries_of(lab)
    for node in entries:
        lab.ask("DELETE", f"/nodes/{node['ID']}?force=1")
    return not entries


def is_member(lab: Lab) -> bool:
    """Tell whether node3 is part of the Swarm."""
    return bool(lab.node(3).ask("GET", "/info")["Swarm"]["LocalNodeState"] == "active")


def names(lab: Lab) -> list[str]:
    """Return the names of the nodes."""
    return sorted(node["Description"].get("Hostname", "?") for node in lab.ask("GET", "/nodes"))


def test_engine_joins_by_its_endpoint(swarm3: Lab, server: Server, outsider: str) -> None:
    body = {"url": outsider, "labels": {"ssd": "true"}, "advertise_address": swarm3.node(3).address}

    status, node = server.ask("POST", "/nodes", body)

    assert status == 201, node
    assert (node["name"], node["state"], node["role"]) == ("node3", "ready", "worker")
    assert node["Spec"]["Labels"] == {"ssd": "true"}
    assert is_member(swarm3)
    again, problem = server.ask("POST", "/nodes", body)
    assert (again, problem["code"]) == (409, "already-in-a-swarm")


def test_joining_that_fails_leaves_no_trace(swarm3: Lab, server: Server, outsider: str) -> None:
    status, problem = server.ask("POST", "/nodes", {"url": outsider, "data_path_address": "no address"})

    assert (status, problem["code"]) == (502, "not-joined")
    assert not is_member(swarm3)
    assert names(swarm3) == ["node1", "node2"]


def test_manager_joins_and_is_demoted_and_removed(swarm3: Lab, server: Server, outsider: str) -> None:
    body = {"url": outsider, "role": "manager", "advertise_address": swarm3.node(3).address}

    status, node = server.ask("POST", "/nodes", body)

    assert (status, node.get("role")) == (201, "manager"), node
    assert server.ask("DELETE", "/nodes/node3?force=true")[1]["code"] == "still-a-manager"
    assert server.ask("PATCH", "/nodes/node1", {"role": "worker"})[1]["code"] in ("own-manager", "quorum-at-risk")
    status, node = server.ask("PATCH", "/nodes/node3", {"role": "worker"})
    assert (status, node.get("role")) == (200, "worker"), node
    swarm3.wait_until(lambda: demote(swarm3), "node3 is a worker")
    server.until(lambda: server.ask("GET", "/swarm")[1]["managers"] == 1, "that is known")
    swarm3.node(3).ask("POST", "/swarm/leave?force=1")
    swarm3.wait_until(lambda: server.ask("DELETE", "/nodes/node3?force=true")[0] == 204, "node3 is removed")
    assert names(swarm3) == ["node1", "node2"]


def authority() -> tuple[str, str]:
    """Make an authority; return its certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "swarm-ca")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def test_authority_of_ones_own_vouches_for_all_nodes(swarm3: Lab, server: Server) -> None:
    certificate, key = authority()

    status, answer = server.ask("POST", "/swarm/ca/rotate", {"certificate": certificate, "key": key})

    assert status == 200, answer
    assert key.splitlines()[1] not in repr(answer)

    def vouched() -> bool:
        shown: Any = server.ask("GET", "/swarm")[1]
        return not shown["RootRotationInProgress"] and shown["TLSInfo"]["TrustRoot"].strip() == certificate.strip()

    swarm3.wait_until(vouched, "the new authority vouches for all nodes")
    # The Swarm goes back to one of its own, whose key it knows from then on.
    assert server.ask("POST", "/swarm/ca/rotate", {})[0] == 200
    swarm3.wait_until(lambda: not server.ask("GET", "/swarm")[1]["RootRotationInProgress"], "it is replaced again")
