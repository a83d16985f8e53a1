"""What a Compose file may say that a service of a Swarm cannot be told: each key, why, and what to do instead."""

from __future__ import annotations

from crane_core.orchestration.stacks.formats.compose.tree import Map, Problems, pointer

_LIMITS = "A service of a Swarm has its limits below `deploy.resources`"
_HOST = "The Engine decides this for the whole node"
_NOT_IN_SWARM = "Swarm has no such setting for a service"
_ANY_PORT = "Services on one network reach each other on every port"
_NAMES = "Services on one network find each other by name"

SERVICE: dict[str, str] = {
    "annotations": f"{_NOT_IN_SWARM}; use `labels`.",
    "attach": "It is about `docker compose up` only.",
    "blkio_config": f"{_NOT_IN_SWARM}.",
    "cgroup": f"{_NOT_IN_SWARM}.",
    "cgroup_parent": f"{_HOST}; Swarm has no such setting for a service.",
    "cgroupns_mode": f"{_NOT_IN_SWARM}.",
    "container_name": "The Swarm names the containers of a service; others reach them by the service's name.",
    "cpu_count": f"{_LIMITS}: `limits.cpus`.",
    "cpu_percent": f"{_LIMITS}.",
    "cpu_period": f"{_LIMITS}: `limits.cpus`.",
    "cpu_quota": f"{_LIMITS}: `limits.cpus`.",
    "cpu_rt_period": f"{_NOT_IN_SWARM}.",
    "cpu_rt_runtime": f"{_NOT_IN_SWARM}.",
    "cpu_shares": f"{_LIMITS}: `limits.cpus` and `reservations.cpus`.",
    "cpus": f"{_LIMITS}: `limits.cpus`.",
    "cpuset": f"{_LIMITS}; it cannot choose processors.",
    "depends_on": "A Swarm starts all services at once and restarts them until what they need is there.",
    "develop": "It is about `docker compose watch` only.",
    "device_cgroup_rules": f"{_NOT_IN_SWARM}.",
    "devices": f"{_NOT_IN_SWARM}; a device is mounted as a volume of type `bind`, or offered as a generic resource.",
    "domainname": f"{_NOT_IN_SWARM}; put the domain into `hostname`.",
    "expose": f"{_ANY_PORT}.",
    "external_links": f"{_NAMES}; put both on an external network.",
    "gpus": "Offer them as generic resources of the nodes and ask for them below `deploy.resources.reservations`.",
    "ipc": f"{_NOT_IN_SWARM}.",
    "label_file": "Write the labels below `labels`.",
    "links": f"{_NAMES}; give other names as `aliases` of a network.",
    "mac_address": "The Swarm gives each task its address.",
    "mem_limit": f"{_LIMITS}: `limits.memory`.",
    "mem_reservation": f"{_LIMITS}: `reservations.memory`.",
    "mem_swappiness": f"{_NOT_IN_SWARM}.",
    "memswap_limit": f"{_NOT_IN_SWARM}; `deploy.resources.limits.memory` limits memory.",
    "models": f"{_NOT_IN_SWARM}.",
    "network_mode": "A service is on networks; for that of the node define an external network with the name `host`.",
    "oom_kill_disable": f"{_NOT_IN_SWARM}.",
    "pid": f"{_NOT_IN_SWARM}.",
    "pids_limit": f"{_LIMITS}: `limits.pids`.",
    "post_start": f"{_NOT_IN_SWARM}; let the entrypoint do it.",
    "pre_stop": f"{_NOT_IN_SWARM}; let the entrypoint do it when it gets `stop_signal`.",
    "privileged": f"{_NOT_IN_SWARM}; `cap_add` adds single capabilities.",
    "provider": f"{_NOT_IN_SWARM}.",
    "pull_policy": "A Swarm pulls an image when a node does not have it.",
    "runtime": f"{_HOST}: the default runtime.",
    "scale": "The number of replicas is `deploy.replicas`.",
    "security_opt": f"{_NOT_IN_SWARM}; `cap_drop`, `read_only` and `user` restrict a task.",
    "shm_size": f"{_NOT_IN_SWARM}; mount a tmpfs of that size at `/dev/shm`.",
    "storage_opt": f"{_NOT_IN_SWARM}.",
    "tmpfs": "It is ignored, as `docker stack deploy` ignores it; use a volume of type `tmpfs`.",
    "use_api_socket": f"{_NOT_IN_SWARM}; mount the socket.",
    "userns_mode": f"{_HOST}.",
    "uts": f"{_NOT_IN_SWARM}.",
    "volume_driver": "Define a volume below the top-level `volumes` and give it the driver.",
    "volumes_from": "Define a volume below the top-level `volumes` and mount it in both services.",
}
NETWORK: dict[str, str] = {
    "gw_priority": f"{_NOT_IN_SWARM}.",
    "interface_name": f"{_NOT_IN_SWARM}.",
    "ipv4_address": "The Swarm gives each task its address; others reach the service by its name.",
    "ipv6_address": "The Swarm gives each task its address; others reach the service by its name.",
    "link_local_ips": f"{_NOT_IN_SWARM}.",
    "mac_address": "The Swarm gives each task its address.",
    "priority": f"{_NOT_IN_SWARM}.",
}
TOP_LEVEL: dict[str, str] = {
    "models": "Swarm has no models.",
}
DEVICES = "Offer devices as generic resources of the nodes and ask for them with `generic_resources`."


def warn(node: Map, path: str, table: dict[str, str], problems: Problems) -> None:
    """Warn of each key of a mapping that will not be done, and take it out."""
    for key in [key for key in node if key in table]:
        problems.warn_at(node, key, path, f"`{key}` is ignored. {table[key]}", code="ignored")
        del node[key]


def warn_devices(service: Map, path: str, problems: Problems) -> None:
    """Warn of devices among a service's resources, and take them out."""
    resources = (service.get("deploy") or {}).get("resources") or {}
    for kind, part in resources.items():
        if isinstance(part, Map) and "devices" in part:
            detail = f"`devices` is ignored. {DEVICES}"
            problems.warn_at(part, "devices", path + pointer("deploy", "resources", kind), detail, code="ignored")
            del part["devices"]
