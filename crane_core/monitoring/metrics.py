"""Figures for Prometheus: the server, the Engines that it speaks with, nodes, and what services use."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from crane_core.context import get_crane
from crane_core.contributions import Metric
from crane_core.engine.node_events import NodeEvents
from crane_core.engine.pool import Pool
from crane_core.monitoring.feed.feed import Feed
from crane_core.monitoring.stats.operations import Kind, find_rows
from crane_core.monitoring.stats.sampler import Sampler
from crane_core.standing import Standing

Samples = Iterable[tuple[Sequence[str], float]]


def _reachable() -> Samples:
    yield (), float(get_crane().cache.snapshot().source.state == "fresh")


def _age() -> Samples:
    crane = get_crane()
    age = crane.cache.snapshot().source.age(crane.cache.clock())
    if age is not None:
        yield (), age


def _full_readings() -> Samples:
    yield (), get_crane().watcher.full_readings


def _dropped() -> Samples:
    yield (), get_crane().events.dropped


def _plugin_failures() -> Samples:
    return [((plugin.name,), plugin.failures) for plugin in get_crane().plugins]


def _nodes() -> Samples:
    nodes = get_crane().cache.snapshot().nodes.values()
    return [(key, count) for key, count in sorted(Counter((node.state, node.availability) for node in nodes).items())]


def _engines() -> Samples:
    snapshot = get_crane().cache.snapshot()
    for link in get_crane().room(Pool).links():
        yield (snapshot.called(link.node),), float(link.answers)


def _node_up() -> Samples:
    snapshot = get_crane().cache.snapshot()
    for node in snapshot.nodes.values():
        yield (snapshot.called(node), node.role), float(node.state == "ready")


def _capacity(read: Callable[[int, int], float]) -> Callable[[], Samples]:
    def samples() -> Samples:
        snapshot = get_crane().cache.snapshot()
        for node in snapshot.nodes.values():
            resources = node.Description.Resources
            yield (snapshot.called(node),), read(resources.NanoCPUs, resources.MemoryBytes)

    return samples


def _usage(kind: Kind, figure: str) -> Callable[[], Samples]:
    def samples() -> Samples:
        crane = get_crane()
        snapshot = crane.cache.snapshot()
        for row in find_rows(crane, kind).values():
            # What is old is left out: Prometheus would take it for new.
            if row.fresh and (value := row.get(figure)) is not None:
                node = snapshot.nodes.get(row.id)
                yield ((snapshot.called(node),) if node else (row.name, row.stack or "")), value

    return samples


def _streams() -> Samples:
    crane = get_crane()
    events = crane.room(NodeEvents)
    followed = sum(events.follows(link.node.id) for link in crane.room(Pool).links())
    yield ("engine",), followed + float(crane.watcher.listening)
    yield ("client",), len(crane.room(Standing))


def _loops() -> Samples:
    return sorted(
        ((state,), float(count))
        for state, count in Counter(state.state for state in get_crane().loops.states.values()).items()
    )


def _usage_metrics() -> Iterable[Metric]:
    for kind, labels in (("service", ("service", "stack")), ("node", ("node",))):
        whose = "the tasks of a service" if kind == "service" else "the containers of a node"
        for figure, name, what in (
            ("cpu", "cpu_cores", "How many processors {} keep busy."),
            ("memory", "memory_bytes", "How much memory {} use, without the cache of files."),
            ("network_received", "network_received_bytes_per_second", "What {} receive."),
            ("network_sent", "network_sent_bytes_per_second", "What {} send."),
            ("disk_read", "disk_read_bytes_per_second", "What {} read from disks."),
            ("disk_written", "disk_written_bytes_per_second", "What {} write to disks."),
        ):
            yield Metric(
                f"crane_monitoring_{kind}_{name}",
                what.format(whose),
                "gauge",
                _usage(kind, figure),  # type: ignore[arg-type]
                labels,
            )


METRICS = (
    Metric(
        "crane_monitoring_engine_reachable", "Whether the Engine answered when it was last asked.", "gauge", _reachable
    ),
    Metric("crane_monitoring_copy_age_seconds", "How old the copy of the Swarm is.", "gauge", _age),
    Metric("crane_monitoring_full_reads_total", "How often the whole Swarm was read.", "counter", _full_readings),
    Metric("crane_monitoring_events_dropped_total", "Events that no plugin was told of.", "counter", _dropped),
    Metric(
        "crane_monitoring_plugin_failures_total",
        "How often a plugin failed when it was told something.",
        "counter",
        _plugin_failures,
        ("plugin",),
    ),
    Metric("crane_monitoring_nodes", "Nodes by state and availability.", "gauge", _nodes, ("state", "availability")),
    Metric(
        "crane_monitoring_node_ready", "Whether the manager calls a node ready.", "gauge", _node_up, ("node", "role")
    ),
    Metric(
        "crane_monitoring_node_engine_reachable",
        "Whether a node's own Engine answers this server.",
        "gauge",
        _engines,
        ("node",),
    ),
    Metric(
        "crane_monitoring_node_capacity_cpu_cores",
        "How many processors a node has.",
        "gauge",
        _capacity(lambda cpus, memory: cpus / 1e9),
        ("node",),
    ),
    Metric(
        "crane_monitoring_node_capacity_memory_bytes",
        "How much memory a node has.",
        "gauge",
        _capacity(lambda cpus, memory: memory),
        ("node",),
    ),
    *_usage_metrics(),
    Metric(
        "crane_monitoring_streams_open",
        "Streams that are open: to Engines, for their events, and to clients.",
        "gauge",
        _streams,
        ("to",),
    ),
    Metric(
        "crane_monitoring_threads",
        "Threads of the server.",
        "gauge",
        lambda: [((), threading.active_count())],
    ),
    Metric("crane_monitoring_loops", "What runs in the background, by state.", "gauge", _loops, ("state",)),
    Metric(
        "crane_monitoring_sampled_containers",
        "Containers of which it is measured what they use.",
        "gauge",
        lambda: [((), len(get_crane().room(Sampler).book.live()))],
    ),
    Metric(
        "crane_monitoring_stats_size_bytes",
        "What the last 24 hours of stats take of the server's memory.",
        "gauge",
        lambda: [((), get_crane().room(Sampler).book.bytes)],
    ),
    Metric(
        "crane_monitoring_feed_size_bytes",
        "What the texts of the last events take of the server's memory.",
        "gauge",
        lambda: [((), get_crane().room(Feed).bytes)],
    ),
    Metric(
        "crane_monitoring_feed_events_total",
        "Events of nodes, the Swarm, tasks and Crane that were heard.",
        "counter",
        lambda: [((), get_crane().room(Feed).last)],
    ),
)
