"""What the doctor can tell of the services' updates: those that stand still, and those that were given up."""

from __future__ import annotations

from collections.abc import Iterator

from crane_core.context import Crane
from crane_core.contributions import Finding
from crane_core.engine.records import Service
from crane_core.monitoring.doctor.engines import read_swarm


def check_updates(crane: Crane) -> Iterator[Finding]:
    """Look which updates of services have not reached their end."""
    services = read_swarm(crane).services.values()
    for service in sorted(services, key=lambda service: service.name):
        yield from judge_update(service)


def judge_update(service: Service) -> Iterator[Finding]:
    """Yield what is worth saying of a service's last update."""
    says = (service.UpdateStatus.Message if service.UpdateStatus is not None else "") or ""
    why = f": {says}" if says else ""
    look = f"`crane why {service.name}` tells why its tasks failed"
    if service.update_state == "paused":
        yield Finding(
            "service-update-paused",
            "warning",
            f"The update of {service.name} stands still, a part of its tasks is old{why}.",
            service.name,
            f"{look}; update it again when that is mended, or go back with `crane service rollback {service.name}`.",
        )
    elif service.update_state == "rollback_paused":
        yield Finding(
            "service-rollback-paused",
            "error",
            f"The update of {service.name} failed, and so did going back{why}.",
            service.name,
            f"{look}; update it again when that is mended.",
        )
    elif service.update_state == "rollback_completed":
        yield Finding(
            "service-rolled-back",
            "info",
            f"The last update of {service.name} failed and was taken back{why}.",
            service.name,
            f"{look}; deploy it again when that is mended.",
        )
