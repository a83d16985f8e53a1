"""Filling an in-memory Swarm with many running services at once, of realistic size."""

from __future__ import annotations

from typing import Any

from crane_core.testing.records import NetworkRecord, ServiceRecord, Store, TaskRecord
from crane_core.testing.shapes import read
from crane_core.testing.swarm import MemorySwarm

SERVICES_A_STACK = 10
STACK_LABEL = "com.docker.stack.namespace"


def populate(swarm: MemorySwarm, services: int, tasks: int) -> None:
    """Add services in stacks of ten, and that many running tasks spread evenly over them and the nodes.

    A task takes about 2 KB of JSON and a service about 1.85 KB, as those of ordinary stack files do.
    """
    store = swarm.store
    nodes = list(store.nodes)
    first, more = divmod(tasks, services)
    placed = 0
    for number in range(services):
        stack = f"stack{number // SERVICES_A_STACK:03d}"
        network = _network(swarm, stack)
        service = _service(store, stack, number, network, first + (number < more))
        for slot in range(1, first + (number < more) + 1):
            node = nodes[placed % len(nodes)]
            task = _task(store, service, slot, node.id, network)
            node.tasks[task.id] = task
            placed += 1


def _network(swarm: MemorySwarm, stack: str) -> NetworkRecord:
    name = f"{stack}_default"
    found = swarm.store.networks.named(name)
    return found or swarm.make_network(name, {STACK_LABEL: stack})


def _service(store: Store, stack: str, number: int, network: NetworkRecord, replicas: int) -> ServiceRecord:
    name = f"{stack}_service{number % SERVICES_A_STACK}"
    image = f"registry.example.com/team/{name}:1.{number % 40}.{number % 7}@sha256:{number:064x}"
    spec = read("ServiceSpec", _spec(stack, name, image, network.id, replicas))
    body = {
        **store.meta(),
        "Spec": spec,
        "Endpoint": {
            "Spec": {"Mode": "vip"},
            "VirtualIPs": [{"NetworkID": network.id, "Addr": network.next_address()}],
        },
    }
    service = ServiceRecord(body)
    store.services.put(service)
    return service


def _spec(stack: str, name: str, image: str, network: str, replicas: int) -> dict[str, Any]:
    labels = {STACK_LABEL: stack, "com.docker.stack.image": image.partition("@")[0]}
    environment = [f"{key}={name}-{key.lower()}" for key in ("DATABASE", "CACHE", "QUEUE", "LOG_LEVEL", "PUBLIC_URL")]
    return {
        "Name": name,
        "Labels": {**labels, "com.example.team": "platform", "com.example.description": f"The {name} of {stack}"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": image,
                "Labels": {STACK_LABEL: stack},
                "Env": environment,
                "Mounts": [{"Type": "volume", "Source": f"{name}_data", "Target": "/var/lib/data"}],
                "Healthcheck": {"Test": ["CMD-SHELL", "wget -qO- http://127.0.0.1:8080/health"], "Interval": 10**10},
                "StopGracePeriod": 10**10,
            },
            "Resources": {
                "Limits": {"NanoCPUs": 5 * 10**8, "MemoryBytes": 256 * 2**20},
                "Reservations": {"MemoryBytes": 64 * 2**20},
            },
            "RestartPolicy": {"Condition": "any", "Delay": 5 * 10**9, "MaxAttempts": 0},
            "Placement": {"Constraints": ["node.role==worker"]},
            "Networks": [{"Target": network, "Aliases": [name]}],
            "LogDriver": {"Name": "json-file", "Options": {"max-size": "10m", "max-file": "3"}},
        },
        "Mode": {"Replicated": {"Replicas": replicas}},
        "UpdateConfig": {"Parallelism": 2, "Delay": 10**9, "FailureAction": "rollback", "Monitor": 5 * 10**9},
        "EndpointSpec": {"Mode": "vip"},
    }


def _task(store: Store, service: ServiceRecord, slot: int, node_id: str, network: NetworkRecord) -> TaskRecord:
    meta = store.meta()
    attachment = {
        "Network": {
            "ID": network.id,
            "Version": {"Index": 10},
            "Spec": {"Name": network.name, "Labels": network.labels, "DriverConfiguration": {"Name": "overlay"}},
            "DriverState": {"Name": "overlay", "Options": network.body["Options"]},
            "IPAMOptions": {"Driver": {"Name": "default"}, "Configs": network.body["IPAM"]["Config"]},
        },
        "Addresses": [network.next_address()],
    }
    container = {"ContainerID": store.new_id(64, "0123456789abcdef"), "PID": 1000 + slot, "ExitCode": 0}
    status = {"Timestamp": meta["CreatedAt"], "State": "running", "Message": "started", "ContainerStatus": container}
    body = {
        **meta,
        "Labels": {},
        "Spec": {name: part for name, part in service.spec["TaskTemplate"].items() if name != "Runtime"},
        "ServiceID": service.id,
        "Slot": slot,
        "NodeID": node_id,
        "Status": {**status, "PortStatus": {}},
        "DesiredState": "running",
        "NetworksAttachments": [attachment],
    }
    task = TaskRecord(body, service, slot)
    service.tasks[task.id] = task
    store.tasks.put(task)
    return task
