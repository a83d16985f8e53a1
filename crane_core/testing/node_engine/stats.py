"""What the containers of one node use, as its Engine measures it by either version of the kernel's control groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crane_core.testing.answers import Response, answer
from crane_core.testing.node_engine.containers import Containers

if TYPE_CHECKING:
    from crane_core.testing.swarm import MemorySwarm

_NEVER = "0001-01-01T00:00:00Z"
_BLOCK_LISTS = (
    "io_service_bytes_recursive",
    "io_serviced_recursive",
    "io_queue_recursive",
    "io_service_time_recursive",
    "io_wait_time_recursive",
    "io_merged_recursive",
    "io_time_recursive",
    "sectors_recursive",
)
_UNTHROTTLED = {"periods": 0, "throttled_periods": 0, "throttled_time": 0}
_UNMEASURED = {
    "cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
    "throttling_data": _UNTHROTTLED,
}
_COUNTED = tuple(f"{way}_{what}" for way in ("rx", "tx") for what in ("bytes", "packets", "errors", "dropped"))


@dataclass(frozen=True)
class Load:
    """What a container uses all the time.

    :param cpu: Processors.
    :param memory: Bytes, without the cache of files.
    :param received: Bytes per second, as are ``sent``, ``read`` and ``written``.
    """

    cpu: float = 0.25
    memory: int = 32 * 2**20
    cache: int = 8 * 2**20
    received: int = 2000
    sent: int = 1000
    read: int = 4096
    written: int = 8192
    pids: int = 3


class Stats:
    """Measure containers."""

    def __init__(self, swarm: MemorySwarm, containers: Containers) -> None:
        self._swarm = swarm
        self._containers = containers
        # What single containers use, by id or by the name of their service or themselves.
        self.loads: dict[str, Load] = {}
        self.routes = {"GET /containers/*/stats": self._measure}

    def _measure(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        container = self._containers.get(names[0])
        told = {"id": container["Id"], "name": container["Name"], "num_procs": 0, "storage_stats": {}}
        before = {"preread": _NEVER, "precpu_stats": _UNMEASURED}
        if not container["State"]["Running"]:
            blocks = dict.fromkeys(_BLOCK_LISTS)
            nothing = {"pids_stats": {}, "blkio_stats": blocks, "cpu_stats": _UNMEASURED, "memory_stats": {}}
            return answer({**told, **before, "read": _NEVER, **nothing})
        load = self._find_load(container)
        limit = container["HostConfig"].get("Memory") or 8 * 2**30
        kernel = _tell_version_1 if self._swarm.cgroup_version == "1" else _tell_version_2
        measured = kernel(load, self._swarm.now, limit)
        read = self._swarm.store.agenda.stamp()
        return answer({**told, **before, "read": read, **measured, "networks": _tell_networks(load, self._swarm.now)})

    def _find_load(self, container: dict[str, Any]) -> Load:
        service = container["Config"]["Labels"].get("com.docker.swarm.service.name", "")
        for key in (container["Id"], container["Name"].removeprefix("/"), service):
            if key in self.loads:
                return self.loads[key]
        return Load()


def _tell_networks(load: Load, seconds: float) -> dict[str, Any]:
    bytes_ = {"rx_bytes": round(load.received * seconds), "tx_bytes": round(load.sent * seconds)}
    return {"eth0": {**dict.fromkeys(_COUNTED, 0), **bytes_}}


def _tell_cpu(load: Load, seconds: float) -> dict[str, Any]:
    total = round(load.cpu * seconds * 1e9)
    usage = {"total_usage": total, "usage_in_kernelmode": total // 4, "usage_in_usermode": total - total // 4}
    return {
        "cpu_usage": usage,
        "system_cpu_usage": round(4 * seconds * 1e9),
        "online_cpus": 4,
        "throttling_data": dict(_UNTHROTTLED),
    }


def _tell_transfers(load: Load, seconds: float, reading: str, writing: str) -> list[dict[str, Any]]:
    done = ((reading, load.read), (writing, load.written))
    return [{"major": 254, "minor": 0, "op": op, "value": round(value * seconds)} for op, value in done]


def _tell_version_1(load: Load, seconds: float, limit: int) -> dict[str, Any]:
    cpu = _tell_cpu(load, seconds)
    cpu["cpu_usage"]["percpu_usage"] = [cpu["cpu_usage"]["total_usage"] // 4] * 4
    used = {"cache": load.cache, "rss": load.memory, "inactive_file": load.cache, "pgfault": 1508}
    return {
        "pids_stats": {"current": load.pids},
        "blkio_stats": {
            **{name: [] for name in _BLOCK_LISTS},
            "io_service_bytes_recursive": _tell_transfers(load, seconds, "Read", "Write"),
        },
        "cpu_stats": cpu,
        "memory_stats": {
            "usage": load.memory + load.cache,
            "max_usage": load.memory + load.cache,
            "stats": {**used, **{f"total_{name}": value for name, value in used.items()}},
            "limit": limit,
        },
    }


def _tell_version_2(load: Load, seconds: float, limit: int) -> dict[str, Any]:
    used = {"anon": load.memory, "file": load.cache, "inactive_file": load.cache, "active_file": 0, "pgfault": 1508}
    return {
        "pids_stats": {"current": load.pids, "limit": 18446744073709551615},
        "blkio_stats": {
            **dict.fromkeys(_BLOCK_LISTS),
            "io_service_bytes_recursive": _tell_transfers(load, seconds, "read", "write"),
        },
        "cpu_stats": _tell_cpu(load, seconds),
        "memory_stats": {"usage": load.memory + load.cache, "stats": used, "limit": limit},
    }
