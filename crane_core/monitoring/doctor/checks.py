"""The checks of the core's doctor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from crane_core.context import Crane, get_crane
from crane_core.contributions import DoctorCheck, Finding
from crane_core.monitoring.doctor import agent, disks, engines, links, ports, swarm, updates


def find_checks() -> Iterator[DoctorCheck]:
    """Yield what the core looks at."""
    for name, title, look in (
        ("nodes", "Nodes and their Engines", swarm.check_nodes),
        ("managers", "Managers and quorum", swarm.check_managers),
        ("certificates", "Certificates of the Swarm", swarm.check_certificates),
        ("agent", "The agent on the nodes", agent.check_agent),
        ("tokens", "Join tokens", swarm.check_tokens),
        ("clocks", "Clocks of the nodes", engines.check_clocks),
        ("versions", "Versions of the Engine", engines.check_versions),
        ("mtu", "Size of packets in overlay networks", links.check_mtu),
        ("ports", "Ports between nodes", ports.check_ports),
        ("disks", "Disk space", disks.check_disks),
        ("updates", "Updates of services", updates.check_updates),
        ("server", "The server itself", _check_server),
    ):
        yield DoctorCheck(name, title, _within_server(look))


def _within_server(look: Callable[[Crane], Iterable[Finding]]) -> Callable[[], Iterable[Finding]]:
    return lambda: look(get_crane())


def _check_server(crane: Crane) -> Iterator[Finding]:
    """Look at what the health checks say that does not say it elsewhere."""
    for check in crane.health_checks:
        report = check.check()
        if report.state != "ok":
            severity = "error" if report.state == "failed" else "warning"
            yield Finding("unhealthy", severity, f"{check.name}: {report.detail}", "this server")  # type: ignore[arg-type]
