"""Small objects of a Swarm, as the Engine's JSON and as records."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from crane_core.engine import decode
from crane_core.engine.cache import Cache
from crane_core.engine.records import Node, Service, Task
from crane_core.engine.snapshot import Snapshot

GIB = 1024**3


def service_json(
    id_: str, version: int = 1, running: int = 1, desired: int = 1, name: str = "", **spec: Any
) -> dict[str, Any]:
    whole = {"Name": name or f"name-{id_}", "Mode": {"Replicated": {"Replicas": desired}}, **spec}
    return {
        "ID": id_,
        "Version": {"Index": version},
        "CreatedAt": "",
        "UpdatedAt": "",
        "Spec": whole,
        "ServiceStatus": {"RunningTasks": running, "DesiredTasks": desired, "CompletedTasks": 0},
    }


def task_json(id_: str, service: str, version: int = 1, state: str = "running", **more: Any) -> dict[str, Any]:
    return {
        "ID": id_,
        "Version": {"Index": version},
        "CreatedAt": "",
        "UpdatedAt": "",
        "ServiceID": service,
        "Slot": 1,
        "Status": {"State": state},
        "DesiredState": "running",
        **more,
    }


def node_json(id_: str, version: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "ID": id_,
        "Version": {"Index": version},
        "Spec": {"Role": "worker", "Availability": "active", "Labels": {}},
        "Description": {"Hostname": f"host-{id_}"},
        "Status": {"State": "ready", "Addr": "10.0.0.1"},
        **more,
    }


def network_json(id_: str, name: str, scope: str = "swarm") -> dict[str, Any]:
    return {"Id": id_, "Name": name, "Scope": scope, "Driver": "overlay"}


def services(*bodies: dict[str, Any]) -> list[Service]:
    return decode.decode_services(json.dumps(bodies).encode())


def tasks(*bodies: dict[str, Any]) -> list[Task]:
    return decode.decode_tasks(json.dumps(bodies).encode())


def nodes(*bodies: dict[str, Any]) -> list[Node]:
    return decode.decode_nodes(json.dumps(bodies).encode())


def machine(
    id_: str,
    labels: dict[str, str] | None = None,
    state: str = "ready",
    availability: str = "active",
    cpus: int = 2,
    memory: int = 4 * GIB,
    role: str = "worker",
    **engine: str,
) -> dict[str, Any]:
    """Return a node with resources; ``engine`` are labels of its Engine."""
    return node_json(
        id_,
        Spec={"Role": role, "Availability": availability, "Labels": labels or {}},
        Description={
            "Hostname": f"host-{id_}",
            "Platform": {"Architecture": "x86_64", "OS": "linux"},
            "Resources": {
                "NanoCPUs": cpus * 10**9,
                "MemoryBytes": memory,
                "GenericResources": [{"DiscreteResourceSpec": {"Kind": "gpu", "Value": 1}}],
            },
            "Engine": {"EngineVersion": "20.10", "Labels": engine},
        },
        Status={"State": state, "Addr": "10.0.7.1"},
    )


def snapshot_of(
    node_bodies: Iterable[Any], service_bodies: Iterable[Any] = (), task_bodies: Iterable[Any] = ()
) -> Snapshot:
    """Return a snapshot of these objects."""
    cache = Cache()
    cache.put_all("nodes", nodes(*node_bodies), cache.begin())
    cache.put_all("services", services(*service_bodies), cache.begin())
    cache.put_tasks(None, tasks(*task_bodies), cache.begin())
    return cache.snapshot()


def reserve(**amount: Any) -> dict[str, Any]:
    """Return the part of a task's template that reserves resources."""
    return {"Resources": {"Reservations": amount}}
