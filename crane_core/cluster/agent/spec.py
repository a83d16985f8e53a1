"""What the agent is made of: the spec of its service and the configuration of HAProxy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from crane_core.engine.agent import AUTHORITY_LABEL, LABEL, SERVICE

_SECOND = 1_000_000_000
# As long as the Engine waits for any other container: a node that is shut down waits for the streams no longer.
DRAIN_SECONDS = 10
_MEMORY_BYTES = 256 * 1024 * 1024
_PROCESSES = 64

# A connection that has not shown its certificate has ten seconds; one that has may be silent for a day, as a stream of
# events is. TCP itself finds out meanwhile who is gone.
CONFIGURATION = """\
global
    log stdout format raw local0 notice
    maxconn 2000
    hard-stop-after {drain}s
    ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets

defaults
    mode tcp
    log global
    option clitcpka
    option srvtcpka
    timeout connect 5s
    timeout client 10s
    timeout server 10s
    timeout tunnel 24h

listen engine
    bind {where} ssl crt /run/secrets/agent.pem ca-file /run/secrets/authorities.pem verify required
    server local unix@/run/engine.sock
"""


@dataclass(frozen=True)
class Attachment:
    """A secret or config of the Swarm that the agent reads."""

    name: str
    id: str


@dataclass(frozen=True)
class Parts:
    """What a spec is made of.

    :param socket: Where the Engine's socket is on each node.
    :param certificate: The secret that is the agent's certificate and key.
    :param authorities: The secret that is the authorities whose certificates are let in.
    :param trusted: What they are called.
    """

    image: str
    socket: str
    configuration: Attachment
    certificate: Attachment
    authorities: Attachment
    trusted: str


def write_configuration(port: int, *, over_ipv6: bool) -> str:
    """Write the configuration of HAProxy.

    :param over_ipv6: Whether to listen for IPv6 as well, which a machine may not have.
    """
    return CONFIGURATION.format(drain=DRAIN_SECONDS, where=f":::{port} v4v6" if over_ipv6 else f":{port}")


def digest_of(content: bytes) -> str:
    """Return what tells one content from another, short enough for a name."""
    return hashlib.sha256(content).hexdigest()[:12]


def make_spec(parts: Parts) -> dict[str, Any]:
    """Return the spec of the service.

    It uses the node's own network, because then an agent and its successor can listen at the same port while one takes
    over from the other. It is root without any capability: no other user may open the Engine's socket on every node.
    """
    container = {
        "Image": parts.image,
        "Command": ["haproxy", "-db", "-f", "/etc/crane-agent.cfg"],
        "Labels": {LABEL: "true"},
        "User": "0:0",
        "ReadOnly": True,
        "CapabilityDrop": ["ALL"],
        # It takes no new connections after this, and ends with the last one that it has.
        "StopSignal": "SIGUSR1",
        "StopGracePeriod": DRAIN_SECONDS * _SECOND,
        "Mounts": [{"Type": "bind", "Source": parts.socket, "Target": "/run/engine.sock"}],
        "Secrets": [
            _refer("Secret", parts.certificate, "agent.pem"),
            _refer("Secret", parts.authorities, "authorities.pem"),
        ],
        "Configs": [_refer("Config", parts.configuration, "/etc/crane-agent.cfg")],
    }
    spec = {
        "Name": SERVICE,
        "TaskTemplate": {
            "ContainerSpec": container,
            "Resources": {"Limits": {"MemoryBytes": _MEMORY_BYTES, "Pids": _PROCESSES}},
            "RestartPolicy": {"Condition": "any", "Delay": 2 * _SECOND},
            "Placement": {"Constraints": ["node.platform.os==linux"]},
            "Networks": [{"Target": "host"}],
        },
        "Mode": {"Global": {}},
        "UpdateConfig": {
            "Parallelism": 1,
            "Monitor": 5 * _SECOND,
            "FailureAction": "pause",
            "Order": "start-first",
        },
    }
    digest = digest_of(msgspec.json.encode(spec))
    # Each spec has another number, so that tasks of the present one can be told from earlier ones.
    spec["TaskTemplate"]["ForceUpdate"] = int(digest[:7], 16)  # type: ignore[index]
    spec["Labels"] = {LABEL: digest, AUTHORITY_LABEL: parts.trusted}
    return spec


def _refer(kind: str, attachment: Attachment, path: str) -> Mapping[str, Any]:
    return {
        f"{kind}ID": attachment.id,
        f"{kind}Name": attachment.name,
        "File": {"Name": path, "UID": "0", "GID": "0", "Mode": 0o400},
    }
