"""Nobody's service may pass for the agent, or read its keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crane_core.contributions import Deployment
from crane_core.engine.agent import LABEL, SERVICE
from crane_core.engine.policy import find_members
from crane_core.engine.snapshot import Snapshot
from crane_core.errors import Violation

_CONTAINER = ("TaskTemplate", "ContainerSpec")


def find_imitations(deployment: Deployment, snapshot: Snapshot) -> Iterator[Violation]:
    """Object to what only the agent may have: its name, its labels, its secrets and configs."""
    spec = deployment.spec
    if deployment.name == SERVICE or LABEL in ((deployment.previous or {}).get("Labels") or {}):
        yield Violation("/Name", f"{SERVICE} is kept as it is by Crane: use `crane agent`.", code="agent-reserved")
        return
    for path in (("Labels",), (*_CONTAINER, "Labels")):
        for pointer, labels in find_members(spec, *path):
            for name in labels if isinstance(labels, dict) else ():
                if name == LABEL or str(name).startswith(f"{LABEL}."):
                    yield Violation(
                        f"{pointer}/{name}", f"Only Crane's own agent may be labelled {name}.", code="agent-reserved"
                    )
    for kind, objects in (("Secret", snapshot.secrets), ("Config", snapshot.configs)):
        reserved = {
            name for each in objects.values() if LABEL in (each.Spec.Labels or {}) for name in (each.ID, each.name)
        }
        for pointer, references in find_members(spec, *_CONTAINER, f"{kind}s"):
            for number, reference in enumerate(references if isinstance(references, list) else ()):
                if reserved.intersection(_names(reference, kind)):
                    detail = f"The {kind.lower()} is read by Crane's own agent only."
                    yield Violation(f"{pointer}/{number}", detail, code="agent-reserved")


def _names(reference: Any, kind: str) -> Iterator[str]:
    for member in (f"{kind}ID", f"{kind}Name"):
        for _, name in find_members(reference, member):
            yield str(name)
