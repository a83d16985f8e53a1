"""The requests of the Engine's API that are about the Swarm as a whole, and Engines that are to join it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from crane_core.testing.answers import Refusal, Response, answer, invalid, refuse
from crane_core.testing.objects import make_node

if TYPE_CHECKING:
    from crane_core.testing.records import NodeRecord
    from crane_core.testing.swarm import MemorySwarm

SECOND = 10**9
NOT_A_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm '
    "and try again."
)
LOCKED = (
    'Swarm is encrypted and needs to be unlocked before it can be used. Please use "docker swarm unlock" to unlock it.'
)
_ALREADY_IN = 'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.'
_NOT_YET = (
    "Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the "
    '"docker info" command to see the current swarm status of your node.'
)
_FIRST_SPEC: Mapping[str, Any] = {
    "Name": "default",
    "Labels": {},
    "Orchestration": {"TaskHistoryRetentionLimit": 5},
    "Raft": {
        "SnapshotInterval": 10000,
        "KeepOldSnapshots": 0,
        "LogEntriesForSlowFollowers": 500,
        "ElectionTick": 10,
        "HeartbeatTick": 1,
    },
    "Dispatcher": {"HeartbeatPeriod": 5 * SECOND},
    "CAConfig": {"NodeCertExpiry": 7_776_000 * SECOND},
    "TaskDefaults": {},
    "EncryptionConfig": {"AutoLockManagers": False},
}


class Cluster:
    """Look at the Swarm, change it, and make one."""

    def __init__(self, swarm: MemorySwarm) -> None:
        self._swarm = swarm
        self._rotations = 0
        self.tokens = {"Worker": "SWMTKN-1-memory-worker", "Manager": "SWMTKN-1-memory-manager"}
        self.unlock_key = ""
        # Whether the manager was started anew and waits for the key.
        self.locked = False
        self.body: dict[str, Any] = {
            **swarm.store.meta(),
            "Spec": {name: dict(part) if isinstance(part, dict) else part for name, part in _FIRST_SPEC.items()},
            "TLSInfo": {
                "TrustRoot": _certificate(0),
                "CertIssuerSubject": "MBMxETAPBgNVBAMTCHN3YXJtLWNh",
                "CertIssuerPublicKey": "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE",
            },
            "RootRotationInProgress": False,
            "DataPathPort": 4789,
            "DefaultAddrPool": ["10.0.0.0/8"],
            "SubnetSize": 24,
        }

    def answer(self, method: str, path: str, params: Mapping[str, str], body: dict[str, Any]) -> Response:
        """Answer a request below ``/swarm``."""
        if (method, path) == ("POST", "/swarm/init"):
            return self._init(body)
        if (method, path) == ("POST", "/swarm/unlock"):
            return self._unlock(str(body.get("UnlockKey", "")))
        self.check_manager()
        match method, path:
            case "GET", "/swarm":
                return answer({**self.body, "JoinTokens": self.tokens})
            case "POST", "/swarm/update":
                return self._update(params, body)
            case "GET", "/swarm/unlockkey":
                return answer({"UnlockKey": self.unlock_key})
            case "POST", "/swarm/join":
                raise Refusal(503, _ALREADY_IN)
        raise Refusal(404, "page not found")

    def check_manager(self) -> None:
        """Refuse what only a manager answers, where there is none or it waits for the key."""
        if not self._swarm.in_swarm:
            raise Refusal(503, NOT_A_MANAGER)
        if self.locked:
            raise Refusal(503, LOCKED)

    def lock(self) -> None:
        """Start the manager anew. One that needs a key waits for it then."""
        self.locked = bool(self.unlock_key)

    def _unlock(self, key: str) -> Response:
        if not self.locked:
            raise Refusal(409, "swarm is not locked")
        if not key.startswith("SWMKEY-1-"):
            raise Refusal(400, "invalid key string")
        if key != self.unlock_key:
            raise Refusal(401, "swarm could not be unlocked: invalid key provided")
        self.locked = False
        return Response(200)

    def _init(self, body: dict[str, Any]) -> Response:
        if self._swarm.in_swarm:
            raise Refusal(503, _ALREADY_IN)
        self._swarm.in_swarm = True
        if ((body.get("Spec") or {}).get("EncryptionConfig") or {}).get("AutoLockManagers"):
            self._need_key(True)
        return answer(next(iter(self._swarm.store.nodes)).id)

    def _update(self, params: Mapping[str, str], spec: dict[str, Any]) -> Response:
        version = params.get("version", "")
        if not version.isdecimal():
            raise Refusal(
                400, f"invalid swarm version '{version}': strconv.ParseUint: parsing \"{version}\": invalid syntax"
            )
        if (spec.get("Dispatcher") or {}).get("HeartbeatPeriod", 0) < 0:
            raise invalid("heartbeat time period cannot be a negative duration")
        authority = spec.get("CAConfig") or {}
        if authority.get("NodeCertExpiry", 3600 * SECOND) < 3600 * SECOND:
            raise invalid("minimum certificate expiry time is: 1h0m0s")
        if int(version) != self.body["Version"]["Index"]:
            raise refuse("Unknown", "update out of sequence", 500)
        before = self.body["Spec"]
        if authority.get("ForceRotate", 0) != (before.get("CAConfig") or {}).get("ForceRotate", 0):
            self._rotations += 1
            own = authority.get("SigningCACert")
            self.body["TLSInfo"] = {**self.body["TLSInfo"], "TrustRoot": own or _certificate(self._rotations)}
            self._renew_tokens("Worker", "Manager")
        self._need_key(bool((spec.get("EncryptionConfig") or {}).get("AutoLockManagers")))
        for role in ("Worker", "Manager"):
            if _is_set(params, f"rotate{role}Token"):
                self._renew_tokens(role)
        if _is_set(params, "rotateManagerUnlockKey") and self.unlock_key:
            self.unlock_key = f"SWMKEY-1-{self._swarm.store.new_id(43)}"
        # The key of an authority is never given back.
        kept = {name: value for name, value in authority.items() if name not in ("SigningCACert", "SigningCAKey")}
        store = self._swarm.store
        store.index += 1
        self.body |= {
            "Spec": {**before, **spec, "CAConfig": kept},
            "Version": {"Index": store.index},
            "UpdatedAt": store.agenda.stamp(),
        }
        return Response(200)

    def _renew_tokens(self, *roles: str) -> None:
        for role in roles:
            self.tokens[role] = f"SWMTKN-1-{self._swarm.store.new_id(50)}-{self._swarm.store.new_id()}"

    def _need_key(self, needed: bool) -> None:
        if needed and not self.unlock_key:
            self.unlock_key = f"SWMKEY-1-{self._swarm.store.new_id(43)}"
        elif not needed:
            self.unlock_key = ""


class Outsider:
    """An Engine that is in no Swarm yet, to be served in place of one.

    :param swarm: The Swarm that it can join.
    :param name: Its host name.
    :param gets_ready: Whether the managers ever find it ready after it has joined.
    :param fails: Why it gives up joining after it has begun.
    :param joins_after: How often it is asked about before it has joined; it gives up waiting for that at once then.
    """

    def __init__(
        self,
        swarm: MemorySwarm,
        name: str = "newcomer",
        *,
        gets_ready: bool = True,
        joins_after: float = 0,
        fails: str = "",
    ) -> None:
        self._swarm = swarm
        self._name = name
        self._gets_ready = gets_ready
        self._joins_after = joins_after
        self._fails = fails
        self._lock = threading.Lock()
        self.node: NodeRecord | None = None
        self.requests: list[tuple[str, str]] = []

    def handle(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        node: str | None = None,
    ) -> Response:
        """Answer a request."""
        path = "/" + path.partition("/v1.")[2].partition("/")[2] if path.startswith("/v1.") else path
        with self._lock:
            self.requests.append((method, path))
            try:
                return self._answer(method, path, msgspec.json.decode(body) if body else {})
            except Refusal as refusal:
                return refusal.to_response()

    def _answer(self, method: str, path: str, body: dict[str, Any]) -> Response:
        match method, path:
            case _, "/_ping":
                return Response(200, b"OK", {"Api-Version": "1.41", "Content-Type": "text/plain"})
            case "GET", "/info":
                return answer({"Name": self._name, "Swarm": self._describe()})
            case "POST", "/swarm/join":
                return self._join(body)
            case "POST", "/swarm/leave":
                return self._leave()
        raise Refusal(404, "page not found")

    def _describe(self) -> dict[str, Any]:
        if self.node is None:
            return {"NodeID": "", "LocalNodeState": "inactive", "ControlAvailable": False}
        if self._fails:
            return {"NodeID": self.node.id, "LocalNodeState": "error", "Error": self._fails}
        if self._joins_after > 0:
            self._joins_after -= 1
            return {"NodeID": self.node.id, "LocalNodeState": "pending", "ControlAvailable": False}
        return {
            "NodeID": self.node.id,
            "LocalNodeState": "active",
            "ControlAvailable": self.node.spec["Role"] == "manager",
        }

    def _join(self, body: dict[str, Any]) -> Response:
        if self.node is not None:
            raise Refusal(503, _ALREADY_IN)
        token = str(body.get("JoinToken", ""))
        if not token.startswith("SWMTKN-1-"):
            raise Refusal(500, "invalid join token")
        roles = {token: role.lower() for role, token in self._swarm.cluster.tokens.items()}
        if token not in roles:
            raise invalid("A valid join token is necessary to join this cluster")
        store = self._swarm.store
        self.node = make_node(store, len(store.nodes) + 1, role=roles[token])
        self.node.body["Description"]["Hostname"] = self._name
        self.node.body["Status"]["Addr"] = urlsplit(f"//{body.get('AdvertiseAddr') or '10.99.9.9'}").hostname
        if not self._gets_ready:
            self.node.body["Status"]["State"] = "unknown"
        self.node.changed()
        store.tell("node", "create", self.node)
        if self._joins_after > 0:
            raise Refusal(503, _NOT_YET)
        return Response(200)

    def _leave(self) -> Response:
        if self.node is None:
            raise Refusal(503, "This node is not part of a swarm")
        if self.node.id in self._swarm.store.nodes:
            self._swarm.node_down(self.node.id)
        self.node = None
        return Response(200)


def _is_set(params: Mapping[str, str], name: str) -> bool:
    return params.get(name, "").lower() in ("1", "true")


def _certificate(number: int) -> str:
    return f"-----BEGIN CERTIFICATE-----\nMIIBajCCARCgAwIBAgIU{number:08d}\n-----END CERTIFICATE-----\n"
