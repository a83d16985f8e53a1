"""The contract: nodes, and the Swarm as a whole. What a test changes of either, it changes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from crane_core.engine.errors import InvalidSpec, Outdated
from crane_core.engine.records import Node
from crane_core.errors import Conflict, CraneError, NotFound
from crane_core.testing.contract.asking import Contract


class ClusterContract(Contract):
    """Nodes and the Swarm."""

    def test_labels_of_a_node_are_replaced_with_its_spec(self) -> None:
        self._change("node2", Labels={"a": "1", "b": "2"})
        version = self._node("node2").version
        self._change("node2", Labels={"b": "3"})

        node = self._node("node2")

        assert dict(node.labels) == {"b": "3"}
        assert node.version > version

    def test_node_is_not_changed_from_an_old_version(self) -> None:
        node = self._node("node2")
        self._change("node2", Labels={"a": "1"})

        with pytest.raises(Outdated):
            self.engine.update("node", node.id, node.version, {"Role": "worker", "Availability": "active"})

    @pytest.mark.parametrize(("member", "value"), [("Role", "boss"), ("Availability", "gone")])
    def test_node_is_nothing_that_nodes_cannot_be(self, member: str, value: str) -> None:
        with pytest.raises(InvalidSpec, match=f"invalid {member}"):
            self._change("node2", **{member: value})

    def test_worker_is_made_a_manager_and_a_worker_again(self) -> None:
        self._change("node2", Role="manager")
        self.swarm.until(lambda: self._reachability("node2") == "reachable", "node2 is a manager")
        # Two managers agree on nothing until they have found each other, which takes a busy machine its time.
        self.swarm.until(lambda: self._refuses_to_remove("node2"), "a manager is not removed")

        self.swarm.until(lambda: self._becomes_a_worker("node2"), "node2 is a worker")

    def test_last_manager_stays_one(self) -> None:
        with pytest.raises(InvalidSpec, match=r"attempting to demote the last manager|loss of quorum"):
            self._change("node1", Role="worker")
        with pytest.raises(InvalidSpec, match="must be demoted to worker before removal"):
            self.engine.remove("node", self._node("node1").id, force=True)

    def test_node_that_is_up_is_not_removed(self) -> None:
        with pytest.raises(InvalidSpec, match="is not down and can't be removed"):
            self.engine.remove("node", self._node("node2").id)
        with pytest.raises(NotFound):
            self.engine.remove("node", "none", force=True)

    def test_spec_of_the_swarm_is_kept_as_it_was_sent(self) -> None:
        with self._restored():
            self._change_swarm(Orchestration={"TaskHistoryRetentionLimit": 3}, Labels={"a": "b"})

            spec = self.engine.swarm()["Spec"]

            assert spec["Orchestration"] == {"TaskHistoryRetentionLimit": 3}
            assert spec["Labels"] == {"a": "b"}
            assert spec["Raft"]["ElectionTick"] == 10

    def test_swarm_is_not_changed_from_an_old_version(self) -> None:
        raw = self.engine.swarm()
        with pytest.raises(Outdated):
            self.engine.send("POST", "/swarm/update", raw["Spec"], params={"version": raw["Version"]["Index"] - 1})

    def test_swarm_takes_no_certificates_of_a_minute(self) -> None:
        with pytest.raises(InvalidSpec, match="minimum certificate expiry time is: 1h0m0s"):
            self._change_swarm(CAConfig={"NodeCertExpiry": 60 * 10**9})

    def test_tokens_are_replaced_one_by_one(self) -> None:
        before = self.engine.swarm()["JoinTokens"]
        self._change_swarm(rotateWorkerToken=True)

        after = self.engine.swarm()["JoinTokens"]

        assert after["Worker"] != before["Worker"]
        assert after["Manager"] == before["Manager"]
        assert after["Worker"].startswith("SWMTKN-1-")

    def test_unlock_key_is_there_while_managers_need_one(self) -> None:
        with self._restored():
            assert self._unlock_key() == ""
            self._change_swarm(EncryptionConfig={"AutoLockManagers": True})
            first = self._unlock_key()
            self._change_swarm(rotateManagerUnlockKey=True)

            assert first.startswith("SWMKEY-1-")
            assert self._unlock_key() not in ("", first)
        assert self._unlock_key() == ""

    def test_what_is_not_locked_is_not_unlocked(self) -> None:
        with pytest.raises(Conflict, match="swarm is not locked"):
            self.engine.send("POST", "/swarm/unlock", {"UnlockKey": "SWMKEY-1-abc"})

    def test_authority_is_replaced_and_its_key_never_shown(self) -> None:
        before = self.engine.swarm()
        rotations = before["Spec"]["CAConfig"].get("ForceRotate", 0)
        self._change_swarm(CAConfig={**before["Spec"]["CAConfig"], "ForceRotate": rotations + 1})

        self.swarm.until(lambda: self._root() not in ("", before["TLSInfo"]["TrustRoot"]), "there is a new authority")

        assert "SigningCAKey" not in self.engine.swarm()["Spec"]["CAConfig"]
        assert self.engine.swarm()["JoinTokens"]["Worker"] != before["JoinTokens"]["Worker"]

    def test_swarm_is_made_once(self) -> None:
        with pytest.raises(Conflict, match="part of a Swarm already"):
            self.engine.send("POST", "/swarm/init", {"ListenAddr": "0.0.0.0:2377"})

    def _node(self, name: str) -> Node:
        return next(node for node in self.engine.nodes() if node.name == name)

    def _reachability(self, name: str) -> str | None:
        status = self._node(name).ManagerStatus
        return status.Reachability if status is not None else None

    def _refuses_to_remove(self, name: str) -> bool:
        with pytest.raises(InvalidSpec, match="must be demoted to worker before removal"):
            self.engine.remove("node", self._node(name).id, force=True)
        return True

    def _becomes_a_worker(self, name: str) -> bool:
        self._change(name, Role="worker")
        return self._reachability(name) is None

    def _change(self, name: str, **members: Any) -> None:
        """Change members of a node's spec."""

        def change() -> None:
            node = self._node(name)
            spec = self.engine.inspect("node", node.id)["Spec"]
            self.engine.update("node", node.id, node.version, {**spec, **members})

        _repeat(change)

    def _change_swarm(self, **members: Any) -> None:
        """Change members of the Swarm's spec; those that begin with ``rotate`` are asked for besides."""
        flags = {name: value for name, value in members.items() if name.startswith("rotate")}

        def change() -> None:
            raw = self.engine.swarm()
            spec = {**raw["Spec"], **{name: value for name, value in members.items() if name not in flags}}
            self.engine.send("POST", "/swarm/update", spec, params={"version": raw["Version"]["Index"], **flags})

        _repeat(change)

    @contextmanager
    def _restored(self) -> Iterator[None]:
        """Give the Swarm its spec back afterwards."""
        spec = self.engine.swarm()["Spec"]
        try:
            yield
        finally:
            self._change_swarm(**spec)

    def _unlock_key(self) -> str:
        return str(self.engine.send("GET", "/swarm/unlockkey")["UnlockKey"])

    def _root(self) -> str:
        try:
            raw = self.engine.swarm()
        except CraneError:
            return ""
        return "" if raw["RootRotationInProgress"] else str(raw["TLSInfo"]["TrustRoot"])


def _repeat(change: Callable[[], None]) -> None:
    """Make a change, again if what is changed told something of itself in between."""
    for _ in range(10):
        with suppress(Outdated):
            return change()
    raise AssertionError("Ten changes in a row came too late.")
