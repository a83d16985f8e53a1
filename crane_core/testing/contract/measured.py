"""What an Engine tells of a container's use of resources: which members there are, and of which kind each is.

Of version 1 of the kernel's control groups they are those that an Engine 20.10 told on such a kernel. Of version 2 they
are those of the Engine's own documentation, which says which members of version 1 are not set there, and that the
details of memory have other names: https://docs.docker.com/reference/api/engine/version/v1.41/#operation/ContainerStats
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# A kind of value: members by name, or "number", "text", "list", "nothing".
Shape = Mapping[str, Any] | str

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
_SPENT = dict.fromkeys(("total_usage", "usage_in_kernelmode", "usage_in_usermode"), "number")
_THROTTLING = dict.fromkeys(("periods", "throttled_periods", "throttled_time"), "number")
_UNMEASURED = {"cpu_usage": _SPENT, "throttling_data": _THROTTLING}
_INTERFACE = dict.fromkeys(
    (f"{way}_{what}" for way in ("rx", "tx") for what in ("bytes", "packets", "errors", "dropped")), "number"
)
_ALWAYS: Mapping[str, Shape] = {
    "id": "text",
    "name": "text",
    "read": "text",
    "preread": "text",
    "num_procs": "number",
    "storage_stats": {},
    "precpu_stats": _UNMEASURED,
}

# What is told of a container that does not run.
STOPPED: Shape = {
    **_ALWAYS,
    "pids_stats": {},
    "blkio_stats": dict.fromkeys(_BLOCK_LISTS, "nothing"),
    "cpu_stats": _UNMEASURED,
    "memory_stats": {},
}
# What is told of one that runs, by the version of the control groups; the details of memory stand below.
RUNNING: Mapping[str, Shape] = {
    "1": {
        **_ALWAYS,
        "pids_stats": {"current": "number"},
        "blkio_stats": dict.fromkeys(_BLOCK_LISTS, "list"),
        "cpu_stats": {
            "cpu_usage": {**_SPENT, "percpu_usage": "list"},
            "system_cpu_usage": "number",
            "online_cpus": "number",
            "throttling_data": _THROTTLING,
        },
        "memory_stats": dict.fromkeys(("usage", "max_usage", "limit"), "number"),
        "networks": {"eth0": _INTERFACE},
    },
    "2": {
        **_ALWAYS,
        "pids_stats": {"current": "number", "limit": "number"},
        "blkio_stats": {**dict.fromkeys(_BLOCK_LISTS, "nothing"), "io_service_bytes_recursive": "list"},
        "cpu_stats": {
            "cpu_usage": _SPENT,
            "system_cpu_usage": "number",
            "online_cpus": "number",
            "throttling_data": _THROTTLING,
        },
        "memory_stats": dict.fromkeys(("usage", "limit"), "number"),
        "networks": {"eth0": _INTERFACE},
    },
}
# Details of memory that there are at least, and those that are of the other version alone; kernels add to them.
MEMORY_DETAILS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "1": (
        frozenset({"cache", "rss", "inactive_file", "total_cache", "total_rss", "total_inactive_file", "pgfault"}),
        frozenset({"anon", "file"}),
    ),
    "2": (
        frozenset({"anon", "file", "inactive_file", "active_file", "pgfault"}),
        frozenset({"cache", "rss", "total_inactive_file"}),
    ),
}
# What is done to disks, by its words.
TRANSFERS: Mapping[str, frozenset[str]] = {
    "1": frozenset({"Read", "Write", "Sync", "Async", "Discard", "Total"}),
    "2": frozenset({"read", "write"}),
}


def find_shape(value: Any) -> Shape:
    """Return the shape of a value that was decoded from JSON.

    >>> find_shape({"a": 1, "b": [1], "c": {"d": None}})
    {'a': 'number', 'b': 'list', 'c': {'d': 'nothing'}}
    """
    if isinstance(value, dict):
        return {name: find_shape(member) for name, member in value.items()}
    kinds = ((type(None), "nothing"), (list, "list"), (str, "text"), (bool, "truth"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "number")
