"""What holds for every Swarm, as seen through :class:`crane_core.engine.client.Engine`: tests to be borrowed.

A test module makes a class of its own from each class here and provides the fixture ``contract_swarm``, a
:class:`ContractSwarm`. The core runs them on its Swarm in memory and on real Engines, which is what makes tests on the
former worth anything. The Swarm has three nodes, ``node1`` being the manager, runs nothing, and has these images:
``lab/web:v1`` and ``lab/web:v2`` run, ``lab/web:broken`` exits with 1, ``lab/health:sick`` never gets healthy,
``lab/busybox:1`` with the argument ``true`` ends well; ``lab/web:none`` does not exist.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from typing import Any, Protocol

import pytest

from crane_core.engine.client import Engine
from crane_core.engine.errors import InUse, InvalidSpec, NameTaken, Outdated, PortTaken
from crane_core.engine.records import Service, Task
from crane_core.errors import CraneError, EngineError, NotFound

SECOND = 10**9
STACK_LABEL = "com.docker.stack.namespace"
RETRY = {"Condition": "any", "Delay": SECOND}
UPDATE = {"Parallelism": 1, "Delay": SECOND, "Monitor": 2 * SECOND, "Order": "stop-first"}


class ContractSwarm(Protocol):
    """A Swarm that the contract is tried on."""

    engine: Engine

    def until(self, fact: Callable[[], bool], words: str) -> None:
        """Let time pass until something is so; fail when it is not so within a minute."""

    def lose_node(self, name: str) -> None:
        """Cut a node off."""


def service(name: str, image: str = "lab/web:v1", replicas: int = 2, **parts: Any) -> dict[str, Any]:
    """Return a service's spec; ``container`` and ``task`` add to those parts of it, others stand beside them."""
    container = {"Image": image, **parts.pop("container", {})}
    task = {"ContainerSpec": container, "RestartPolicy": RETRY, **parts.pop("task", {})}
    return {"Name": name, "TaskTemplate": task, "Mode": {"Replicated": {"Replicas": replicas}}, **parts}


def encode(content: str) -> str:
    """Return content as configs and secrets are sent."""
    return base64.b64encode(content.encode()).decode()


class _Contract:
    """What the tests below ask with."""

    @pytest.fixture(autouse=True)
    def _borrow(self, contract_swarm: ContractSwarm) -> None:
        self.swarm = contract_swarm
        self.engine = contract_swarm.engine

    def find(self, name: str) -> Service:
        """Return a service, with the counts of its tasks."""
        return next(service for service in self.engine.services() if service.spec.Name == name)

    def tasks(self, name: str) -> list[Task]:
        """Return the tasks of a service."""
        return self.engine.tasks([self.find(name).ID])

    def states(self, name: str) -> list[str]:
        """Return what the tasks of a service that are meant to run are doing."""
        return [task.Status.State for task in self.tasks(name) if task.DesiredState in ("running", "ready")]

    def counts(self, name: str) -> tuple[int, int, int]:
        """Return how many tasks run, should run, and have completed."""
        status = self.find(name).ServiceStatus
        assert status is not None
        return status.RunningTasks, status.DesiredTasks, status.CompletedTasks

    def update_state(self, name: str) -> str:
        """Return the state of a service's update, empty without one."""
        status = self.find(name).UpdateStatus
        return status.State if status is not None else ""

    def change(self, name: str, change: Callable[[dict[str, Any]], None], **how: Any) -> None:
        """Read a service's spec, change it and write it back."""
        present = self.engine.inspect("service", name)
        change(present["Spec"])
        self.engine.update("service", present["ID"], present["Version"]["Index"], present["Spec"], **how)

    def use_image(self, name: str, image: str) -> None:
        """Give a service another image."""
        self.change(name, lambda spec: spec["TaskTemplate"]["ContainerSpec"].update(Image=image))

    def start(self, spec: dict[str, Any]) -> str:
        """Create a service and wait until all of its tasks run; return its id."""
        id_ = self.engine.create("service", spec)
        self.swarm.until(lambda: len(set(self.counts(spec["Name"])[:2])) == 1, f"{spec['Name']} runs")
        return id_

    def wait_for_error(self, name: str, *texts: str) -> None:
        """Wait until a task of a service tells of an error that contains all of some texts."""

        def told() -> bool:
            return any(all(text in (task.Status.Err or "") for text in texts) for task in self.tasks(name))

        self.swarm.until(told, f"a task of {name} says {' and '.join(texts)}")


class ObjectsContract(_Contract):
    """Networks, configs and secrets."""

    def test_config_is_given_back_as_it_was_sent(self) -> None:
        self.engine.create("config", {"Name": "app", "Data": encode("a = 1"), "Labels": {STACK_LABEL: "shop"}})

        spec = self.engine.inspect("config", "app")["Spec"]

        assert spec == {"Name": "app", "Labels": {STACK_LABEL: "shop"}, "Data": encode("a = 1")}

    def test_secret_content_is_never_given_back(self) -> None:
        self.engine.create("secret", {"Name": "key", "Data": encode("hidden"), "Labels": {}})

        assert self.engine.inspect("secret", "key")["Spec"] == {"Name": "key", "Labels": {}}

    @pytest.mark.parametrize("kind", ["config", "secret"])
    def test_update_with_version_zero_tells_whether_content_is_the_same(self, kind: str) -> None:
        id_ = self.engine.create(kind, {"Name": "data", "Data": encode("one"), "Labels": {}})

        with pytest.raises(Outdated):
            self.engine.update(kind, id_, 0, {"Name": "data", "Data": encode("one"), "Labels": {}})
        with pytest.raises(InvalidSpec, match="only updates to Labels are allowed"):
            self.engine.update(kind, id_, 0, {"Name": "data", "Data": encode("two"), "Labels": {}})

    @pytest.mark.parametrize("kind", ["config", "secret"])
    def test_labels_of_data_can_be_changed(self, kind: str) -> None:
        id_ = self.engine.create(kind, {"Name": "data", "Data": encode("one"), "Labels": {"a": "1"}})
        version = self.engine.inspect(kind, id_)["Version"]["Index"]

        self.engine.update(kind, id_, version, {"Name": "data", "Labels": {"b": "2"}})

        assert self.engine.inspect(kind, id_)["Spec"]["Labels"] == {"b": "2"}

    @pytest.mark.parametrize("kind", ["config", "secret"])
    def test_name_of_data_is_taken_once(self, kind: str) -> None:
        self.engine.create(kind, {"Name": "data", "Data": encode("one")})

        with pytest.raises(NameTaken, match="data already exists"):
            self.engine.create(kind, {"Name": "data", "Data": encode("one")})

    def test_what_a_service_uses_cannot_be_removed(self) -> None:
        network = self.engine.create("network", {"Name": "front", "Driver": "overlay"})
        config = self.engine.create("config", {"Name": "app", "Data": encode("a")})
        secret = self.engine.create("secret", {"Name": "key", "Data": encode("b")})
        target = {"Name": "x", "UID": "0", "GID": "0", "Mode": 292}
        container = {
            "Configs": [{"ConfigID": config, "ConfigName": "app", "File": target}],
            "Secrets": [{"SecretID": secret, "SecretName": "key", "File": target}],
        }
        self.engine.create(
            "service", service("web", replicas=0, container=container, task={"Networks": [{"Target": "front"}]})
        )

        with pytest.raises(InUse, match="config 'app' is in use by the following service: web"):
            self.engine.remove("config", config)
        with pytest.raises(InUse, match="secret 'key' is in use by the following service: web"):
            self.engine.remove("secret", secret)
        with pytest.raises(InUse, match="is in use by service"):
            self.engine.remove("network", network)

    def test_network_gets_a_subnet_and_keeps_its_labels(self) -> None:
        self.engine.create("network", {"Name": "front", "Driver": "overlay", "Labels": {"a": "1"}, "Attachable": True})

        network = self.engine.inspect("network", "front")

        assert network["Scope"] == "swarm"
        assert network["Attachable"] is True
        assert network["Labels"] == {"a": "1"}
        assert network["IPAM"]["Config"][0]["Subnet"]

    @pytest.mark.parametrize("kind", ["service", "task", "node", "network", "config", "secret"])
    def test_what_does_not_exist_is_not_found(self, kind: str) -> None:
        with pytest.raises(NotFound, match="nothing"):
            self.engine.inspect(kind, "nothing")


_PORT = {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080}
_REFUSED = {
    "name": (service("two words"), InvalidSpec, "name must be valid as a DNS name component"),
    "no image": (service("web", image=""), InvalidSpec, "image reference must be provided"),
    "image": (service("web", image="UPPER CASE"), InvalidSpec, "not a valid repository/tag"),
    "two modes": (service("web", Mode={"Replicated": {}, "Global": {}}), InvalidSpec, "only one service mode"),
    "type": (service("web", Mode={"Replicated": {"Replicas": "3"}}), InvalidSpec, "cannot unmarshal string"),
    "restart": (service("web", task={"RestartPolicy": {"Condition": "x"}}), InvalidSpec, "invalid RestartCondition"),
    "failure action": (service("web", UpdateConfig={"FailureAction": "x"}), InvalidSpec, "failure action x"),
    "constraint": (service("web", task={"Placement": {"Constraints": ["a=b"]}}), EngineError, "expected one operator"),
    "network": (service("web", task={"Networks": [{"Target": "nowhere"}]}), CraneError, "network nowhere not found"),
    "memory": (
        service("web", task={"Resources": {"Limits": {"MemoryBytes": 100}}}),
        InvalidSpec,
        "Must be at least 4MiB",
    ),
    "port": (service("web", EndpointSpec={"Ports": [_PORT, _PORT]}), InvalidSpec, "duplicate published ports"),
    "dnsrr": (service("web", EndpointSpec={"Mode": "dnsrr", "Ports": [_PORT]}), InvalidSpec, "dnsrr"),
    "mount": (
        service("web", container={"Mounts": [{"Type": "volume", "Source": "vol", "Target": "/a"}] * 2}),
        InvalidSpec,
        "duplicate mount point: /a",
    ),
    "job": (
        service("web", Mode={"ReplicatedJob": {}}, UpdateConfig=UPDATE),
        InvalidSpec,
        "Jobs may not have an update",
    ),
}


class ServicesContract(_Contract):
    """Services as objects."""

    def test_spec_is_given_back_with_defaults_and_without_what_is_empty(self) -> None:
        sent = service("web", replicas=0, UpdateConfig={"Parallelism": 2}, EndpointSpec={"Ports": [_PORT]})
        sent["TaskTemplate"]["ContainerSpec"].update(Env=["A=1"], Args=None, Hosts=[], DNSConfig={}, Healthcheck=None)
        sent["TaskTemplate"].update(RestartPolicy={"Condition": "on-failure"}, Resources={"Limits": {"NanoCPUs": 0}})
        self.engine.create("service", sent)

        spec = self.engine.inspect("service", "web")["Spec"]

        assert spec == {
            "Name": "web",
            "Labels": {},
            "TaskTemplate": {
                "ContainerSpec": {"Image": "lab/web:v1", "Env": ["A=1"], "DNSConfig": {}, "Isolation": "default"},
                "Resources": {"Limits": {}},
                "RestartPolicy": {"Condition": "on-failure", "MaxAttempts": 0},
                "ForceUpdate": 0,
                "Runtime": "container",
            },
            "Mode": {"Replicated": {"Replicas": 0}},
            "UpdateConfig": {
                "Parallelism": 2,
                "FailureAction": "pause",
                "MaxFailureRatio": 0,
                "Order": "stop-first",
            },
            "EndpointSpec": {"Mode": "vip", "Ports": [{**_PORT, "PublishMode": "ingress"}]},
        }

    def test_writing_back_what_was_read_changes_no_spec(self) -> None:
        self.engine.create("service", service("web", replicas=0, task={"Placement": {"MaxReplicas": 2}}))
        before = self.engine.inspect("service", "web")["Spec"]

        self.change("web", lambda spec: None)

        after = self.engine.inspect("service", "web")
        assert after["Spec"] == before
        assert after["PreviousSpec"] == before

    def test_networks_are_given_back_by_id(self) -> None:
        network = self.engine.create("network", {"Name": "front", "Driver": "overlay"})
        self.engine.create("service", service("web", replicas=0, task={"Networks": [{"Target": "front"}]}))

        assert self.engine.inspect("service", "web")["Spec"]["TaskTemplate"]["Networks"] == [{"Target": network}]

    def test_name_of_a_service_is_taken_once(self) -> None:
        self.engine.create("service", service("web", replicas=0))

        with pytest.raises(NameTaken, match="service web already exists"):
            self.engine.create("service", service("web", replicas=0))

    def test_change_of_an_old_version_is_refused(self) -> None:
        id_ = self.engine.create("service", service("web", replicas=0))
        present = self.engine.inspect("service", id_)
        self.change("web", lambda spec: spec["Labels"].update(a="1"))

        with pytest.raises(Outdated):
            self.engine.update("service", id_, present["Version"]["Index"], present["Spec"])

    def test_port_is_published_by_one_service(self) -> None:
        ports = {"Ports": [_PORT]}
        self.engine.create("service", service("one", replicas=0, EndpointSpec=ports))

        with pytest.raises(PortTaken, match="port '8080' is already in use by service 'one'"):
            self.engine.create("service", service("two", replicas=0, EndpointSpec=ports))

    @pytest.mark.parametrize("what", _REFUSED)
    def test_spec_is_refused_with_a_reason(self, what: str) -> None:
        spec, error, words = _REFUSED[what]

        with pytest.raises(error, match=words):
            self.engine.create("service", spec)

        assert self.engine.services() == []

    def test_service_keeps_its_name_and_mode(self) -> None:
        self.engine.create("service", service("web", replicas=0))

        with pytest.raises(EngineError, match="renaming services is not supported"):
            self.change("web", lambda spec: spec.update(Name="other"))
        with pytest.raises(EngineError, match="service mode change is not allowed"):
            self.change("web", lambda spec: spec.update(Mode={"Global": {}}))

    def test_rollback_needs_a_previous_spec(self) -> None:
        self.engine.create("service", service("web", replicas=0))

        with pytest.raises(CraneError, match="does not have a previous spec"):
            self.change("web", lambda spec: None, rollback=True)

    def test_label_alone_restarts_nothing(self) -> None:
        self.start(service("web"))
        before = {task.ID for task in self.tasks("web")}

        self.change("web", lambda spec: spec["Labels"].update(a="1"))

        assert {task.ID for task in self.tasks("web")} == before
        assert self.update_state("web") == ""

    def test_events_tell_of_services_with_their_names(self) -> None:
        stream = self.engine.events()
        watchdog = threading.Timer(30, stream.close)
        watchdog.start()
        try:
            self.engine.create("service", service("web", replicas=0))
            self.use_image("web", "lab/web:v2")
            self.engine.remove("service", "web")
            told = []
            for event in stream:
                attributes = event["Actor"]["Attributes"]
                if event["Type"] == "service" and attributes["name"] == "web":
                    told.append((event["Action"], attributes.get("image.new")))
                if event["Action"] == "remove":
                    break
        finally:
            watchdog.cancel()
            stream.close()

        assert told[0] == ("create", None)
        assert ("update", "lab/web:v2") in told
        assert told[-1] == ("remove", None)


_UNPLACEABLE = {
    "constraint": ({"Placement": {"Constraints": ["node.labels.disk==ssd"]}}, "constraints not satisfied on 3 nodes"),
    "memory": ({"Resources": {"Reservations": {"MemoryBytes": 2**50}}}, "insufficient resources on 3 nodes"),
    "platform": ({"Placement": {"Platforms": [{"Architecture": "s390x", "OS": "linux"}]}}, "unsupported platform"),
}


class TasksContract(_Contract):
    """Tasks: where they run, and why they do not."""

    def test_replicas_run_in_slots(self) -> None:
        self.start(service("web", replicas=3))

        tasks = self.tasks("web")

        assert sorted(task.Slot for task in tasks) == [1, 2, 3]
        assert len({task.NodeID for task in tasks}) == 3
        assert self.counts("web") == (3, 3, 0)

    def test_global_service_runs_once_on_each_node(self) -> None:
        self.engine.create("service", service("agent", Mode={"Global": {}}))

        self.swarm.until(lambda: self.counts("agent") == (3, 3, 0), "the agent runs on three nodes")

        assert {task.NodeID for task in self.tasks("agent")} == {node.ID for node in self.engine.nodes()}

    def test_scaling_down_forgets_tasks(self) -> None:
        self.start(service("web", replicas=3))

        self.change("web", lambda spec: spec.update(Mode={"Replicated": {"Replicas": 1}}))

        self.swarm.until(lambda: len(self.tasks("web")) == 1, "one task is left")

    @pytest.mark.parametrize("what", _UNPLACEABLE)
    def test_scheduler_says_why_no_node_is_good_enough(self, what: str) -> None:
        task, words = _UNPLACEABLE[what]
        self.engine.create("service", service("web", replicas=1, task=task))

        self.wait_for_error("web", "no suitable node (", words)

        assert self.states("web") == ["pending"]

    def test_scheduler_counts_each_node_under_its_own_reason(self) -> None:
        self._set_availability("node2", "drain")
        self.engine.create(
            "service", service("web", replicas=1, task={"Placement": {"Constraints": ["node.hostname==node2"]}})
        )

        self.wait_for_error("web", "constraints not satisfied on 2 nodes; 1 node not available for new tasks")

    def test_port_of_a_node_serves_one_task(self) -> None:
        ports = {"Ports": [{**_PORT, "PublishMode": "host"}]}
        self.engine.create("service", service("web", replicas=4, EndpointSpec=ports))

        self.wait_for_error("web", "no suitable node (host-mode port already in use on 3 nodes)")
        self.swarm.until(lambda: self.counts("web")[0] == 3, "three tasks run")

    def test_replicas_on_a_node_are_limited(self) -> None:
        self.engine.create("service", service("web", replicas=4, task={"Placement": {"MaxReplicas": 1}}))

        self.wait_for_error("web", "max replicas per node limit exceed")
        self.swarm.until(lambda: self.counts("web")[0] == 3, "three tasks run")

    def test_missing_image_rejects_tasks(self) -> None:
        self.engine.create("service", service("web", "lab/web:none", replicas=1))

        self.wait_for_error("web", "No such image: lab/web:none")

        assert any(task.Status.State == "rejected" for task in self.tasks("web"))

    def test_exit_code_is_told_and_the_task_tried_again(self) -> None:
        self.engine.create("service", service("web", "lab/web:broken", replicas=1))

        self.wait_for_error("web", "task: non-zero exit (1)")
        self.swarm.until(lambda: len(self.tasks("web")) > 2, "it is tried again")

        failed = next(task for task in self.tasks("web") if task.Status.State == "failed")
        assert failed.Status.ContainerStatus is not None
        assert failed.Status.ContainerStatus.ExitCode == 1

    def test_attempts_are_limited(self) -> None:
        policy = {"Condition": "on-failure", "Delay": SECOND // 10, "MaxAttempts": 1}
        self.engine.create("service", service("web", "lab/web:broken", replicas=1, task={"RestartPolicy": policy}))

        self.swarm.until(
            lambda: [task.DesiredState for task in self.tasks("web")] == ["shutdown"] * 2, "it is given up"
        )

    def test_failing_healthcheck_ends_the_task_before_it_runs(self) -> None:
        self.engine.create("service", service("web", "lab/health:sick", replicas=1))

        self.wait_for_error("web", "unhealthy container")

        assert self.counts("web")[0] == 0

    def test_history_of_a_slot_is_limited(self) -> None:
        policy = {"Condition": "any", "Delay": SECOND // 10}
        self.engine.create("service", service("web", "lab/web:none", replicas=1, task={"RestartPolicy": policy}))
        seen: set[str] = set()

        def tried_often() -> bool:
            tasks = self.tasks("web")
            seen.update(task.ID for task in tasks)
            return len(seen) > 8 and len(tasks) <= 5

        self.swarm.until(tried_often, "old attempts are forgotten")

    def test_job_completes_as_often_as_asked(self) -> None:
        mode = {"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 3}}
        policy = {"Condition": "on-failure"}
        spec = service("job", "lab/busybox:1", container={"Args": ["true"]}, task={"RestartPolicy": policy}, Mode=mode)
        self.engine.create("service", spec)

        self.swarm.until(lambda: self.counts("job")[2] == 3, "the job is done")

        assert [task.Status.State for task in self.tasks("job")] == ["complete"] * 3

    def test_changed_job_runs_again(self) -> None:
        mode: dict[str, Any] = {"ReplicatedJob": {}}
        policy = {"Condition": "on-failure"}
        spec = service("job", "lab/busybox:1", container={"Args": ["true"]}, task={"RestartPolicy": policy}, Mode=mode)
        self.engine.create("service", spec)
        self.swarm.until(lambda: self.counts("job")[2] == 1, "the job is done")

        self.change("job", lambda spec: spec["TaskTemplate"].update(ForceUpdate=1))

        status = self.engine.inspect("service", "job")["JobStatus"]
        assert status["JobIteration"] == {"Index": 1}
        self.swarm.until(lambda: self.counts("job")[2] == 1, "the job is done again")
        assert len(self.tasks("job")) == 2

    def test_failing_job_ends_after_its_attempts(self) -> None:
        policy = {"Condition": "on-failure", "Delay": SECOND // 10, "MaxAttempts": 1}
        mode: dict[str, Any] = {"ReplicatedJob": {}}
        spec = service("job", "lab/web:broken", task={"RestartPolicy": policy}, Mode=mode)
        self.engine.create("service", spec)

        self.swarm.until(
            lambda: [task.Status.State for task in self.tasks("job")] == ["failed", "failed"], "it is given up"
        )

        assert self.counts("job")[2] == 0

    def test_global_job_completes_on_each_node(self) -> None:
        policy = {"Condition": "on-failure"}
        spec = service("job", "lab/busybox:1", container={"Args": ["true"]}, task={"RestartPolicy": policy})
        self.engine.create("service", {**spec, "Mode": {"GlobalJob": {}}})

        self.swarm.until(lambda: self.counts("job")[2] == 3, "the job is done on three nodes")

        assert self.counts("job")[1] == 0

    def test_drained_node_hands_its_tasks_over(self) -> None:
        self.start(service("web", replicas=3))

        self._set_availability("node2", "drain")

        self.swarm.until(lambda: self._nodes_of("web") == {"node1", "node3"}, "node2 is empty")
        self.swarm.until(lambda: self.counts("web") == (3, 3, 0), "three tasks run elsewhere")

    def test_tasks_of_a_lost_node_run_elsewhere_and_stay_on_record(self) -> None:
        self.start(service("web", replicas=3))

        self.swarm.lose_node("node3")

        self.swarm.until(lambda: self._nodes_of("web") == {"node1", "node2"}, "node3 is given up")
        self.swarm.until(lambda: self.states("web") == ["running"] * 3, "three tasks run elsewhere")
        lost = next(task for task in self.tasks("web") if task.DesiredState == "shutdown")
        assert lost.Status.State == "running"
        assert self.counts("web") == (4, 3, 0)

    def test_removed_service_takes_its_tasks_along(self) -> None:
        labels = {STACK_LABEL: "shop"}
        self.start(service("web", Labels=labels, container={"Labels": labels}))
        filters = [f"{STACK_LABEL}=shop"]
        assert len(self.engine.tasks(label=filters)) == 2

        self.engine.remove("service", "web")

        assert {task.DesiredState for task in self.engine.tasks(label=filters)} <= {"remove"}
        self.swarm.until(lambda: self.engine.tasks(label=filters) == [], "the tasks are gone")

    def _nodes_of(self, name: str) -> set[str]:
        names = {node.ID: node.Description.Hostname for node in self.engine.nodes()}
        return {names[task.NodeID] for task in self.tasks(name) if task.DesiredState == "running" and task.NodeID}

    def _set_availability(self, name: str, availability: str) -> None:
        node = next(node for node in self.engine.nodes() if node.Description.Hostname == name)
        spec = self.engine.inspect("node", node.ID)["Spec"]
        self.engine.update("node", node.ID, node.Version.Index, {**spec, "Availability": availability})


class UpdatesContract(_Contract):
    """Rolling updates, pauses and rollbacks."""

    def test_update_replaces_every_task_and_completes(self) -> None:
        self.start(service("web", UpdateConfig=UPDATE))

        self.use_image("web", "lab/web:v2")

        self.swarm.until(lambda: self.update_state("web") == "updating", "the update is going on")
        self.swarm.until(lambda: self.update_state("web") == "completed", "the update is complete")
        running = [task for task in self.tasks("web") if task.DesiredState == "running"]
        assert [task.Spec.ContainerSpec.Image for task in running] == ["lab/web:v2"] * 2
        assert [task.Status.State for task in self.tasks("web") if task not in running] == ["shutdown"] * 2

    def test_update_that_starts_first_runs_more_tasks_than_desired(self) -> None:
        self.start(service("web", replicas=1, UpdateConfig={**UPDATE, "Order": "start-first"}))
        seen: list[int] = []

        self.use_image("web", "lab/web:v2")

        def complete() -> bool:
            seen.append(
                len([state for state in (task.DesiredState for task in self.tasks("web")) if state == "running"])
            )
            return self.update_state("web") == "completed"

        self.swarm.until(complete, "the update is complete")
        assert max(seen) == 2

    def test_failing_update_pauses_and_names_the_task(self) -> None:
        self.start(service("web", UpdateConfig={**UPDATE, "FailureAction": "pause"}))

        self.use_image("web", "lab/web:broken")

        self.swarm.until(lambda: self.update_state("web") == "paused", "the update is paused")
        status = self.find("web").UpdateStatus
        assert status is not None
        words, _, task_id = status.Message.rpartition(" ")
        assert words == "update paused due to failure or early termination of task"
        assert task_id in {task.ID for task in self.tasks("web")}
        assert "lab/web:v1" in {
            task.Spec.ContainerSpec.Image for task in self.tasks("web") if task.DesiredState == "running"
        }

    def test_failing_update_rolls_back(self) -> None:
        self.start(service("web", UpdateConfig={**UPDATE, "FailureAction": "rollback"}))

        self.use_image("web", "lab/web:broken")

        self.swarm.until(lambda: self.update_state("web") == "rollback_completed", "the rollback is complete")
        self.swarm.until(lambda: self.states("web") == ["running"] * 2, "both tasks run again")
        after = self.engine.inspect("service", "web")
        assert after["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "lab/web:v1"
        assert "PreviousSpec" not in after
        assert after["UpdateStatus"]["Message"] == "rollback completed"

    def test_missing_image_pauses_the_update(self) -> None:
        self.start(service("web", UpdateConfig={**UPDATE, "FailureAction": "pause"}))

        self.use_image("web", "lab/web:none")

        self.swarm.until(lambda: self.update_state("web") == "paused", "the update is paused")
        self.wait_for_error("web", "No such image: lab/web:none")

    def test_failures_may_be_ignored(self) -> None:
        self.start(service("web", UpdateConfig={**UPDATE, "FailureAction": "continue"}))

        self.use_image("web", "lab/web:broken")

        self.swarm.until(lambda: self.update_state("web") == "completed", "the update is complete")

    def test_update_that_finds_no_node_goes_on_for_ever(self) -> None:
        self.start(service("web", UpdateConfig=UPDATE))

        self.change("web", lambda spec: spec["TaskTemplate"].update(Placement={"Constraints": ["node.labels.a==b"]}))

        self.wait_for_error("web", "no suitable node")
        assert self.update_state("web") == "updating"

    def test_paused_update_is_mended_by_the_next(self) -> None:
        self.start(service("web", UpdateConfig={**UPDATE, "FailureAction": "pause"}))
        self.use_image("web", "lab/web:broken")
        self.swarm.until(lambda: self.update_state("web") == "paused", "the update is paused")

        self.use_image("web", "lab/web:v2")

        self.swarm.until(lambda: self.update_state("web") == "completed", "the update is complete")
        self.swarm.until(lambda: self.counts("web") == (2, 2, 0), "both tasks run")

    def test_rollback_by_hand_exchanges_the_specs(self) -> None:
        self.start(service("web", UpdateConfig=UPDATE, RollbackConfig=UPDATE))
        self.use_image("web", "lab/web:v2")
        self.swarm.until(lambda: self.update_state("web") == "completed", "the update is complete")

        self.change("web", lambda spec: None, rollback=True)

        rolling = self.engine.inspect("service", "web")
        assert rolling["UpdateStatus"]["State"] == "rollback_started"
        assert rolling["UpdateStatus"]["Message"] == "manually requested rollback"
        assert rolling["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "lab/web:v1"
        assert rolling["PreviousSpec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "lab/web:v2"
        self.swarm.until(lambda: self.update_state("web") == "rollback_completed", "the rollback is complete")
