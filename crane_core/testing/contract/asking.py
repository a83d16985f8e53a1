"""What the tests of the contract ask a Swarm with."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Protocol

import pytest

from crane_core.engine.client import Engine
from crane_core.engine.records import Service, Task

SECOND = 10**9
STACK_LABEL = "com.docker.stack.namespace"
RETRY = {"Condition": "any", "Delay": SECOND}
PORT = {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080}
UPDATE = {"Parallelism": 1, "Delay": SECOND, "Monitor": 2 * SECOND, "Order": "stop-first"}


class ContractSwarm(Protocol):
    """A Swarm that the contract is tried on."""

    engine: Engine

    def until(self, fact: Callable[[], bool], words: str) -> None:
        """Let time pass until something is so; fail when it is not so within a minute."""

    def engine_of(self, node: str) -> Engine:
        """Return a node's own Engine, for somebody else to close."""

    def print(self, engine: Engine, container: str, content: bytes, stream: str = "stdout") -> None:
        """Have a container on the node of an Engine print something."""

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


class Contract:
    """What the tests of the contract ask with."""

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
