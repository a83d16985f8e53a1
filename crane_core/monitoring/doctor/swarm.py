"""What the doctor can tell of the Swarm from the manager: nodes, managers, certificates and join tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509

from crane_core.context import Crane
from crane_core.contributions import Finding
from crane_core.engine.pool import Pool
from crane_core.engine.records import Node, parse_time
from crane_core.monitoring.doctor.engines import read_swarm

PING_SECONDS = 2.0
# A certificate that ends so soon is worth a warning.
SOON = timedelta(days=30)
# Join tokens that were not changed for so long are worth a word.
OLD_TOKENS = timedelta(days=180)


def check_nodes(crane: Crane) -> Iterator[Finding]:
    """Look whether nodes are there, and answer the server."""
    nodes = list(read_swarm(crane).nodes.values())
    for node in nodes:
        if node.state != "ready":
            yield Finding(
                "node-not-ready",
                "error",
                f"The manager calls {node.name} {node.state}"
                + (f": {node.Status.Message}." if node.Status.Message else "."),
                node.name,
                "Start the node and its Engine, and look whether it reaches port 2377 of the managers; "
                "or remove it from the Swarm.",
            )
    ready = [node for node in nodes if node.state == "ready"]
    for reply in crane.room(Pool).ask(ready, lambda engine: engine.ping(PING_SECONDS)):
        if reply.error is not None:
            yield Finding(
                "engine-unreachable",
                "warning",
                f"The Engine of {reply.node.name} does not answer this server, although the node is ready: "
                f"{reply.error.detail}",
                reply.node.name,
                "Install the agent with `crane agent install`, or correct the address that is given for the node.",
            )


def check_managers(crane: Crane) -> Iterator[Finding]:
    """Look how many managers may be lost, and whether they are protected."""
    managers = [node for node in read_swarm(crane).nodes.values() if node.role == "manager"]
    lost = [node for node in managers if _reachability(node) not in ("reachable", "")]
    for node in lost:
        yield Finding(
            "manager-unreachable",
            "error",
            f"The manager {node.name} does not reach the others.",
            node.name,
            "Look at its Engine, and whether the managers reach each other on port 2377.",
        )
    count, spare = len(managers), len(managers) - len(lost) - (len(managers) // 2 + 1)
    if count > 1 and count % 2 == 0:
        yield Finding(
            "even-managers",
            "warning",
            f"There are {count} managers; one more would be lost with as few as with {count - 1}.",
            advice="Make it an odd number: 3 bear the loss of one, 5 of two.",
        )
    if lost and spare <= 0:
        yield Finding(
            "no-manager-to-spare",
            "error",
            "If one more manager is lost, nothing in the Swarm can be changed any more.",
            advice="Bring the lost managers back, or replace them, before you do anything else.",
        )
    if count == 1 and len(crane.cache.snapshot().nodes) >= 3:
        yield Finding(
            "only-manager",
            "warning",
            f"{managers[0].name} is the only manager: while it is gone, nothing in the Swarm can be changed.",
            managers[0].name,
            "Promote two more nodes: `crane node promote`, or PATCH /api/v1/nodes/{name}.",
        )
    spec = crane.engine.swarm().get("Spec") or {}
    if not (spec.get("EncryptionConfig") or {}).get("AutoLockManagers"):
        yield Finding(
            "not-locked",
            "info",
            "The managers keep the key of the Swarm's secrets beside them on the disk.",
            advice="Switch autolock on if somebody might take a disk: managers then want a key when they start.",
        )


def _reachability(node: Node) -> str:
    return node.ManagerStatus.Reachability if node.ManagerStatus else ""


def check_certificates(crane: Crane, now: datetime | None = None) -> Iterator[Finding]:
    """Look at the root of the Swarm's certificates, and whether nodes trust it."""
    now = now or datetime.now(UTC)
    swarm = crane.engine.swarm()
    root = (swarm.get("TLSInfo") or {}).get("TrustRoot") or ""
    ends = _read_end(root)
    yield from _check_root(ends, now)
    if swarm.get("RootRotationInProgress"):
        yield Finding(
            "root-rotates",
            "info",
            "The root of the Swarm's certificates is being replaced; nodes get new certificates one after the other.",
            advice="It ends by itself once every node has been there; a node that is gone holds it up.",
        )
    for node in crane.engine.read_json("/nodes"):
        description = node.get("Description") or {}
        trusted = (description.get("TLSInfo") or {}).get("TrustRoot")
        if ends and trusted and trusted.strip() != root.strip():
            name = str(description.get("Hostname") or node.get("ID"))
            yield Finding(
                "node-trusts-old-root",
                "warning",
                f"{name} still trusts the root that was replaced.",
                name,
                "Look whether it reaches the managers; it cannot join again once its certificate has ended.",
            )
    days = _days_of_nodes(swarm)
    yield Finding(
        "node-certificates-unseen",
        "unknown",
        f"When the certificates of single nodes end cannot be read from here. Nodes renew them by themselves long "
        f"before{f'; each lasts {days:g} days' if days else ''}.",
        advice="A node that was off for longer than that has to leave the Swarm and join it anew.",
    )


def _read_end(pem: str) -> datetime | None:
    try:
        return x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
    except ValueError:
        return None


def _check_root(ends: datetime | None, now: datetime) -> Iterator[Finding]:
    if ends is None:
        yield Finding("root-unreadable", "unknown", "The root of the Swarm's certificates cannot be read.")
        return
    advice = "Replace it: `crane swarm rotate-ca`."
    if ends <= now:
        yield Finding(
            "root-ended", "error", f"The root of the Swarm's certificates ended on {ends:%Y-%m-%d}.", "", advice
        )
    elif ends - now < SOON:
        yield Finding(
            "root-ends", "warning", f"The root of the Swarm's certificates ends on {ends:%Y-%m-%d}.", "", advice
        )


def _days_of_nodes(swarm: Mapping[str, Any]) -> float:
    config = (swarm.get("Spec") or {}).get("CAConfig") or {}
    return float(config.get("NodeCertExpiry") or 0) / 1e9 / 86_400


def check_tokens(crane: Crane, now: datetime | None = None) -> Iterator[Finding]:
    """Look how old the join tokens are at least: the Swarm does not say when they were made."""
    now = now or datetime.now(UTC)
    changed = parse_time(str(crane.engine.swarm().get("UpdatedAt") or ""))
    if changed is None:
        yield Finding("tokens-of-unknown-age", "unknown", "How old the join tokens are cannot be told.")
    elif now - changed >= OLD_TOKENS:
        yield Finding(
            "old-tokens",
            "info",
            f"The join tokens are at least {(now - changed).days} days old; whoever ever saw one can join a node.",
            advice="Replace them: `docker swarm join-token --rotate worker`, and the same for manager.",
        )
