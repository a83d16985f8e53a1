"""The Swarm: what it is, and what is changed about it. Every change patches the live spec."""

from __future__ import annotations

import copy
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Literal

from crane_core.cluster.errors import NotLocked
from crane_core.cluster.quorum import count_managers
from crane_core.context import Crane
from crane_core.engine.errors import Outdated
from crane_core.engine.records import Node
from crane_core.errors import Conflict
from crane_core.events import Event
from crane_core.redaction import redact

JSON = dict[str, Any]
Role = Literal["worker", "manager"]
ROLES: tuple[Role, ...] = ("worker", "manager")

ATTEMPTS = 5
SECOND = 10**9
# Members of a Swarm's spec, by what they are called in requests, with the factor to the Engine's unit.
_MEMBERS: Mapping[str, tuple[tuple[str, ...], int]] = {
    "task_history_limit": (("Orchestration", "TaskHistoryRetentionLimit"), 1),
    "snapshot_interval": (("Raft", "SnapshotInterval"), 1),
    "keep_old_snapshots": (("Raft", "KeepOldSnapshots"), 1),
    "log_entries_for_slow_followers": (("Raft", "LogEntriesForSlowFollowers"), 1),
    "heartbeat_seconds": (("Dispatcher", "HeartbeatPeriod"), SECOND),
    "certificate_expiry_seconds": (("CAConfig", "NodeCertExpiry"), SECOND),
    "autolock": (("EncryptionConfig", "AutoLockManagers"), 1),
}


def show_swarm(crane: Crane) -> JSON:
    """Return the Swarm in Docker's shape without its secrets, and what Crane knows of it beside that.

    :raises NotAManager: when the Engine is in no Swarm, or only a worker.
    """
    return present_swarm(crane, crane.engine.swarm())


def present_swarm(crane: Crane, raw: Mapping[str, Any]) -> JSON:
    """Return a Swarm as answers have it."""
    nodes = list(crane.cache.snapshot().nodes.values())
    managers = count_managers(nodes)
    shown = {name: value for name, value in raw.items() if name != "JoinTokens"}
    return {
        **redact(shown),
        **read_members(raw["Spec"]),
        "nodes": len(nodes),
        "managers": managers.all,
        "managers_reachable": managers.reachable,
        "majority": managers.majority,
        "spare_managers": managers.spare,
    }


def read_members(spec: Mapping[str, Any]) -> JSON:
    """Return the members of a spec that can be changed, by the names and in the units of requests."""
    told: JSON = {}
    for name, (path, factor) in _MEMBERS.items():
        value = (spec.get(path[0]) or {}).get(path[1])
        told[name] = bool(value) if name == "autolock" else None if value is None else _divide(value, factor)
    return told


def _divide(value: int, factor: int) -> float | int:
    return value if factor == 1 else value / factor


def change_swarm(crane: Crane, by: str, members: Mapping[str, Any], match: Callable[[int], bool] | None = None) -> JSON:
    """Change members of the Swarm's spec; return the Swarm as it is then.

    :param members: By the names of :func:`read_members`, and ``labels`` to set, or to remove where None.
    :param match: Tells whether a version is the one that the change was made from; None where any is.
    """

    def patch(spec: JSON) -> None:
        for name, value in members.items():
            if name == "labels":
                labels = {**(spec.get("Labels") or {}), **value}
                spec["Labels"] = {label: text for label, text in labels.items() if text is not None}
                continue
            (part, member), factor = _MEMBERS[name]
            spec[part] = {**(spec.get(part) or {}), member: value if factor == 1 else round(value * factor)}

    raw, changed = _update(crane, patch, match=match)
    if changed:
        crane.emit(Event("swarm.updated", id=str(raw["ID"]), by=by, detail={"members": sorted(members)}))
    return present_swarm(crane, raw)


def init_swarm(crane: Crane, by: str, members: Mapping[str, Any]) -> str:
    """Make the Engine the first manager of a new Swarm; return the id of its node.

    :param members: As the request names them.
    """
    body: JSON = {
        "ListenAddr": members["listen_address"],
        "AdvertiseAddr": members["advertise_address"],
        "DataPathAddr": members["data_path_address"],
        "DataPathPort": members["data_path_port"],
        "DefaultAddrPool": members["address_pools"],
        "SubnetSize": members["subnet_size"],
        "ForceNewCluster": members["force_new_cluster"],
        "Availability": members["availability"],
        "Spec": {"EncryptionConfig": {"AutoLockManagers": members["autolock"]}},
    }
    sent = {name: value for name, value in body.items() if value not in (None, "", [], False)}
    node_id = str(crane.engine.send("POST", "/swarm/init", sent))
    crane.emit(Event("swarm.created", by=by, detail={"node": node_id, "force": members["force_new_cluster"]}))
    crane.watcher.refresh(nodes=[node_id])
    return node_id


# --- Joining ------------------------------------------------------------------------------------------------------


def read_tokens(crane: Crane) -> dict[Role, str]:
    """Return the tokens with which nodes join, by the role that they get. To be shown to nobody who may not join."""
    tokens = crane.engine.swarm().get("JoinTokens") or {}
    return {"worker": str(tokens.get("Worker", "")), "manager": str(tokens.get("Manager", ""))}


def rotate_tokens(crane: Crane, by: str, roles: tuple[Role, ...]) -> None:
    """Make new tokens; the old ones let nobody in any more, and nodes that have joined are not concerned."""
    flags = {f"rotate{role.capitalize()}Token": True for role in roles}
    raw, _ = _update(crane, lambda spec: None, flags)
    crane.emit(Event("swarm.rotated", id=str(raw["ID"]), by=by, detail={"what": [f"{role}-token" for role in roles]}))


def manager_addresses(nodes: list[Node]) -> list[str]:
    """Return where managers take nodes in: the leader first, then others that answer."""
    managers = [(node, node.ManagerStatus) for node in nodes if node.ManagerStatus is not None]
    managers.sort(key=lambda pair: (not pair[1].Leader, pair[1].Reachability != "reachable", pair[0].name))
    return [status.Addr for _, status in managers if status.Addr]


def join_command(crane: Crane, role: Role) -> JSON:
    """Return the command that makes a machine a node, and what it is made of."""
    addresses = manager_addresses(crane.engine.nodes())
    if not addresses:
        raise Conflict("No manager tells the address at which it takes nodes in.")
    token = read_tokens(crane)[role]
    command = shlex.join(["docker", "swarm", "join", "--token", token, addresses[0]])
    return {"role": role, "command": command, "token": token, "addresses": addresses}


# --- Certificates and keys ----------------------------------------------------------------------------------------


def rotate_ca(crane: Crane, by: str, certificate: str, key: str) -> JSON:
    """Replace the authority that vouches for nodes, and with it the certificate of every node, one after the other.

    :param certificate: The new authority's certificate as PEM; empty to have the Swarm make one.
    :param key: Its key as PEM.
    """

    def patch(spec: JSON) -> None:
        authority = spec["CAConfig"] = dict(spec.get("CAConfig") or {})
        authority["ForceRotate"] = int(authority.get("ForceRotate") or 0) + 1
        authority.pop("SigningCACert", None)
        authority.pop("SigningCAKey", None)
        if certificate:
            authority.update(SigningCACert=certificate, SigningCAKey=key)

    raw, _ = _update(crane, patch)
    crane.emit(Event("swarm.rotated", id=str(raw["ID"]), by=by, detail={"what": ["certificates"]}))
    return present_swarm(crane, raw)


def read_unlock_key(crane: Crane) -> str:
    """Return the key that a manager needs after its Engine was started anew.

    :raises NotLocked: when managers start without one.
    """
    told = crane.engine.send("GET", "/swarm/unlockkey")
    key = str((told or {}).get("UnlockKey", ""))
    if not key:
        raise NotLocked("Managers of this Swarm start without a key. Turn autolock on to have one.")
    return key


def rotate_unlock_key(crane: Crane, by: str) -> None:
    """Make a new key for managers that start anew.

    :raises NotLocked: when managers start without one.
    """
    read_unlock_key(crane)
    raw, _ = _update(crane, lambda spec: None, {"rotateManagerUnlockKey": True})
    crane.emit(Event("swarm.rotated", id=str(raw["ID"]), by=by, detail={"what": ["unlock-key"]}))


def unlock(crane: Crane, key: str) -> None:
    """Unlock the manager that the server speaks with, after its Engine was started anew."""
    crane.engine.send("POST", "/swarm/unlock", {"UnlockKey": key})
    crane.watcher.wake()


def _update(
    crane: Crane,
    patch: Callable[[JSON], None],
    flags: Mapping[str, bool] | None = None,
    match: Callable[[int], bool] | None = None,
) -> tuple[JSON, bool]:
    """Patch the live spec; return the Swarm as it is then, and whether anything was to be done."""
    for attempt in range(ATTEMPTS):
        raw = crane.engine.swarm()
        version = int(raw["Version"]["Index"])
        if match is not None and not match(version):
            raise Outdated(f"The Swarm was changed meanwhile: it is at version {version}. Read it again.")
        spec = copy.deepcopy(raw["Spec"])
        patch(spec)
        if spec == raw["Spec"] and not flags:
            return raw, False
        try:
            crane.engine.send("POST", "/swarm/update", spec, params={"version": version, **(flags or {})})
        except Outdated:
            if match is not None or attempt == ATTEMPTS - 1:
                raise
            continue
        break
    return crane.engine.swarm(), True
