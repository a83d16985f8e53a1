"""What a plan or an operation changes, as far as permission is decided on it."""

from __future__ import annotations

from collections.abc import Mapping

from crane_core.engine.cache import Snapshot


def labels_of(snapshot: Snapshot, kind: str, name: str) -> Mapping[str, str]:
    """Return the labels of the service that is changed, as it is now; those of a stack are its services' own.

    :param kind: The kind of the operation, as in ``service.scale``.
    """
    service = snapshot.service_named(name) if kind.startswith("service.") else None
    return service.labels if service else {}
