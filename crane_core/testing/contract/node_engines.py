"""The contract: what a node's own Engine does to containers, images and volumes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from crane_core.engine.client import Engine
from crane_core.errors import Conflict, CraneError, NotFound
from crane_core.testing.contract.asking import Contract, ContractSwarm, service

IMAGE = "lab/web:v1"
HERE = {"Constraints": ["node.hostname==node2"]}


class NodeEnginesContract(Contract):
    """Containers, images and volumes of the node ``node2``."""

    @pytest.fixture(autouse=True)
    def _reach(self, contract_swarm: ContractSwarm) -> Iterator[None]:
        self.node: Engine = contract_swarm.engine_of("node2")
        yield
        for name in ("tried", "renamed"):
            self._drop(f"/containers/{name}", force=True)
        self._drop("/volumes/tried")
        self._drop("/images/lab%2Ftried:1")

    def _drop(self, path: str, **params: Any) -> None:
        try:
            self.node.send("DELETE", path, params=params)
        except CraneError:
            # Most tests leave nothing behind.
            return

    def _make(self, name: str = "tried", *, start: bool = True, **config: Any) -> str:
        id_ = str(self.node.send("POST", "/containers/create", {"Image": IMAGE, **config}, params={"name": name})["Id"])
        if start:
            self.node.send("POST", f"/containers/{id_}/start")
        return id_

    def _state(self, id_: str) -> str:
        [found] = self.node.read_json("/containers/json", all=True, filters={"id": [id_]})
        return str(found["State"])

    def test_container_goes_through_its_states(self) -> None:
        id_ = self._make(start=False)
        states = [self._state(id_)]
        for action, params in (
            ("start", {}),
            ("pause", {}),
            ("unpause", {}),
            ("stop", {"t": 0}),
            ("restart", {"t": 0}),
            ("kill", {"signal": "KILL"}),
        ):
            self.node.send("POST", f"/containers/{id_}/{action}", params=params)
            if action == "kill":
                self.swarm.until(lambda: self._state(id_) == "exited", "the container has ended")
            states.append(self._state(id_))

        assert states == ["created", "running", "paused", "running", "exited", "running", "exited"]

    def test_what_ended_tells_of_its_exit_code_in_the_list(self) -> None:
        id_ = self._make()
        self.node.send("POST", f"/containers/{id_}/stop", params={"t": 0})

        [found] = self.node.read_json("/containers/json", all=True, filters={"id": [id_]})

        assert found["Status"].startswith("Exited (137)")

    def test_starting_and_stopping_what_is_so_already_changes_nothing(self) -> None:
        id_ = self._make()

        assert self.node.send("POST", f"/containers/{id_}/start") is None
        self.node.send("POST", f"/containers/{id_}/stop", params={"t": 0})
        assert self.node.send("POST", f"/containers/{id_}/stop") is None

    def test_what_the_state_does_not_allow_is_refused(self) -> None:
        id_ = self._make()

        with pytest.raises(Conflict, match=r"cannot remove a running container|container is running"):
            self.node.send("DELETE", f"/containers/{id_}")
        self.node.send("POST", f"/containers/{id_}/pause")
        with pytest.raises(Conflict, match="already paused"):
            self.node.send("POST", f"/containers/{id_}/pause")
        self.node.send("POST", f"/containers/{id_}/unpause")
        with pytest.raises(Conflict, match="is not paused"):
            self.node.send("POST", f"/containers/{id_}/unpause")
        self.node.send("POST", f"/containers/{id_}/stop", params={"t": 0})
        with pytest.raises(Conflict, match="is not running"):
            self.node.send("POST", f"/containers/{id_}/kill")
        with pytest.raises(Conflict, match="is not running"):
            self.node.read_json(f"/containers/{id_}/top")
        with pytest.raises(NotFound, match="No such container"):
            self.node.send("POST", "/containers/nothing/start")

    def test_container_is_renamed_unless_the_name_is_taken(self) -> None:
        id_ = self._make()

        self.node.send("POST", f"/containers/{id_}/rename", params={"name": "renamed"})

        assert self.node.read_json(f"/containers/{id_}/json")["Name"] == "/renamed"
        other = self._make(start=False)
        with pytest.raises(Conflict, match="already in use"):
            self.node.send("POST", f"/containers/{other}/rename", params={"name": "renamed"})

    def test_processes_and_changes_are_told(self) -> None:
        id_ = self._make(Cmd=["sh", "-c", "echo x >/tmp/written; exec httpd -f -h /www/v1 -p 80"])
        self.swarm.until(
            lambda: (
                {"Path": "/tmp/written", "Kind": 1}  # noqa: S108 - of a container
                in self.node.read_json(f"/containers/{id_}/changes")
            ),
            "the file is written",
        )

        processes = self.node.read_json(f"/containers/{id_}/top")

        assert "CMD" in processes["Titles"]
        assert len(processes["Processes"]) == 1

    def test_stopped_container_of_a_task_is_replaced_by_the_swarm(self) -> None:
        self.start(service("web", replicas=1, task={"Placement": HERE}))
        [task] = self.tasks("web")

        self.node.send("POST", f"/containers/{task.container_id}/stop", params={"t": 0})

        self.swarm.until(lambda: {each.id for each in self.tasks("web")} > {task.id}, "there is another task")
        self.swarm.until(lambda: self.counts("web")[0] == 1, "it runs")

    def test_image_is_tagged_and_untagged(self) -> None:
        image = self.node.read_json("/images/lab%2Fweb:v1/json")

        self.node.send("POST", "/images/lab%2Fweb:v1/tag", params={"repo": "lab/tried", "tag": "1"})

        assert self.node.read_json("/images/lab%2Ftried:1/json")["Id"] == image["Id"]
        assert self.node.send("DELETE", "/images/lab%2Ftried:1") == [{"Untagged": "lab/tried:1"}]
        with pytest.raises(NotFound, match="No such image"):
            self.node.read_json("/images/lab%2Ftried:1/json")

    def test_image_of_a_container_is_not_removed(self) -> None:
        id_ = self._make()
        image = self.node.read_json(f"/containers/{id_}/json")["Image"]

        with pytest.raises(Conflict, match="unable to"):
            self.node.send("DELETE", f"/images/{image.replace(':', '%3A')}")

        assert image in [each["Id"] for each in self.node.read_json("/images/json")]
        assert self.node.read_json(f"/images/{image}/history")[0]["Id"] == image

    def test_volume_is_kept_while_a_stopped_container_mounts_it(self) -> None:
        made = self.node.send(
            "POST", "/volumes/create", {"Name": "tried", "Driver": "local", "Labels": {"a": "1"}, "DriverOpts": {}}
        )
        id_ = self._make(start=False, HostConfig={"Binds": ["tried:/data"]})

        assert (made["Name"], made["Driver"], made["Labels"], made["Scope"]) == ("tried", "local", {"a": "1"}, "local")
        with pytest.raises(Conflict, match="volume is in use"):
            self.node.send("DELETE", "/volumes/tried")
        [usage] = [each for each in self.node.read_json("/system/df")["Volumes"] if each["Name"] == "tried"]
        assert (usage["UsageData"]["RefCount"], usage["UsageData"]["Size"] >= 0) == (1, True)
        self.node.send("DELETE", f"/containers/{id_}")
        assert self.node.send("DELETE", "/volumes/tried") is None
        with pytest.raises(NotFound, match="no such volume"):
            self.node.read_json("/volumes/tried")

    def test_volume_that_is_made_again_is_the_same(self) -> None:
        self.node.send("POST", "/volumes/create", {"Name": "tried", "Labels": {"a": "1"}})

        again = self.node.send("POST", "/volumes/create", {"Name": "tried", "Labels": {"b": "2"}})

        assert again["Labels"] == {"a": "1"}
        with pytest.raises(CraneError, match="includes invalid characters"):
            self.node.send("POST", "/volumes/create", {"Name": "../etc"})

    def test_disk_usage_counts_each_image(self) -> None:
        self._make()

        usage = self.node.read_json("/system/df")

        [image] = [each for each in usage["Images"] if IMAGE in (each["RepoTags"] or ())]
        assert image["Containers"] == 1
        assert image["Size"] > 0
        assert 0 <= image["SharedSize"] <= image["Size"]
        assert usage["LayersSize"] > 0
