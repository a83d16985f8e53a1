"""What a Swarm's Engines measure: what containers use, and what they tell of themselves."""

from __future__ import annotations

import pytest

from crane_core.engine.records import parse_time
from crane_core.errors import NotFound
from crane_core.testing.contract.asking import Contract
from crane_core.testing.contract.measured import MEMORY_DETAILS, RUNNING, STOPPED, TRANSFERS, find_shape


class UsageContract(Contract):
    """The use of resources, container by container."""

    def make(self, name: str) -> str:
        """Start a container that belongs to no task on node2; return its id."""
        self.node2 = self.swarm.engine_of("node2")
        made = self.node2.send(
            "POST",
            "/containers/create",
            {"Image": "lab/web:v1", "HostConfig": {"Memory": 64 * 2**20, "NanoCpus": 500_000_000}},
            params={"name": name},
        )
        self.node2.send("POST", f"/containers/{made['Id']}/start")
        return str(made["Id"])

    def end(self, id_: str) -> None:
        """Remove a container again."""
        self.node2.send("DELETE", f"/containers/{id_}", params={"force": True})
        self.node2.close()

    def test_a_container_that_runs_is_measured_again_and_again(self) -> None:
        id_ = self.make("measured")
        try:
            first = self.node2.container_usage(id_)
            assert first is not None

            def later() -> bool:
                again = self.node2.container_usage(id_)
                return again is not None and again.at > first.at and again.cpu >= first.cpu

            self.swarm.until(later, "it is measured anew")
            assert first.memory > 0
            assert first.memory_limit == 64 * 2**20
            assert first.pids is not None
            assert first.pids >= 1
            assert first.received is not None
        finally:
            self.end(id_)

    def test_what_is_told_has_the_members_of_its_version_of_the_control_groups(self) -> None:
        id_ = self.make("measured")
        try:
            version = str(self.node2.info()["CgroupVersion"])
            told = self.node2.read_json(f"/containers/{id_}/stats", stream=False, **{"one-shot": True})
            details = told["memory_stats"].pop("stats")
            transfers = told["blkio_stats"]["io_service_bytes_recursive"]

            assert find_shape(told) == RUNNING[version]
            there, elsewhere = MEMORY_DETAILS[version]
            assert there <= details.keys()
            assert not elsewhere & details.keys()
            assert {find_shape(each) for each in details.values()} == {"number"}
            members = {"major": "number", "minor": "number", "op": "text", "value": "number"}
            assert all(find_shape(each) == members for each in transfers)
            assert {each["op"] for each in transfers} <= TRANSFERS[version]
        finally:
            self.end(id_)

    def test_what_is_told_of_one_that_is_stopped_has_the_same_members_without_figures(self) -> None:
        id_ = self.make("stopped")
        try:
            self.node2.send("POST", f"/containers/{id_}/kill")
            self.swarm.until(lambda: not self.node2.container(id_)["State"]["Running"], "it has stopped")
            told = self.node2.read_json(f"/containers/{id_}/stats", stream=False, **{"one-shot": True})

            assert find_shape(told) == STOPPED
            assert told["read"] == "0001-01-01T00:00:00Z"
        finally:
            self.end(id_)

    def test_what_is_inspected_tells_the_limits(self) -> None:
        id_ = self.make("limited")
        try:
            limits = self.node2.container(id_)["HostConfig"]
            assert (limits["Memory"], limits["NanoCpus"]) == (64 * 2**20, 500_000_000)
        finally:
            self.end(id_)

    def test_a_container_that_is_stopped_uses_nothing(self) -> None:
        id_ = self.make("stopped")
        try:
            self.node2.send("POST", f"/containers/{id_}/kill")
            self.swarm.until(lambda: not self.node2.container(id_)["State"]["Running"], "it has stopped")
            assert self.node2.container_usage(id_) is None
        finally:
            self.end(id_)

    def test_a_container_that_is_not_there_is_not_found(self) -> None:
        with pytest.raises(NotFound):
            self.engine.container_usage("none")

    def test_each_engine_tells_the_time_and_its_version(self) -> None:
        for name in ("node1", "node2"):
            engine = self.swarm.engine_of(name)
            info = engine.info()
            assert parse_time(info["SystemTime"]) is not None
            assert info["ServerVersion"]
            assert info["NCPU"] >= 1
            engine.close()
