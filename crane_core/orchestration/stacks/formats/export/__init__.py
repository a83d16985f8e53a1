"""A live stack given back as a Compose file, with a note for everything that such a file cannot say.

Values are taken out of a service's normal form one by one; what remains at the end is what could not be said, so
nothing is ever left out in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crane_core.errors import Violation
from crane_core.orchestration.stacks.formats.export.hiding import Hiding
from crane_core.orchestration.stacks.formats.export.mounts import Mounts
from crane_core.orchestration.stacks.formats.export.naming import JSON, Keys
from crane_core.orchestration.stacks.formats.export.objects import Files, Networks
from crane_core.orchestration.stacks.formats.export.service import Services
from crane_core.orchestration.stacks.formats.export.writing import to_yaml

__all__ = ["Export", "to_compose"]


@dataclass(frozen=True)
class Export:
    """A stack as a Compose file.

    :param content: The file.
    :param notes: What it could not say, or says in another way; pointers are into the file.
    """

    content: str
    notes: tuple[Violation, ...] = ()

    def to_json(self) -> JSON:
        """Return it as it is answered."""
        return {"content": self.content, "notes": [note.to_json() for note in self.notes]}


def to_compose(
    stack_name: str,
    services: Sequence[Mapping[str, Any]],
    networks: Sequence[Mapping[str, Any]] = (),
    configs: Sequence[Mapping[str, Any]] = (),
    secrets: Sequence[Mapping[str, Any]] = (),
    *,
    reveal: bool = False,
) -> Export:
    """Write a live stack as a Compose file that would deploy it again.

    :param services: The stack's services, each as the Engine's whole JSON (``Spec`` and the rest); a bare spec will do.
    :param networks: The networks of the stack and those that its services use, as the Engine lists them.
    :param configs: The configs that its services use, with their ``Data``.
    :param secrets: The secrets that its services use.
    :param reveal: Whether values that look secret are written. Where they are not, variables stand in their places, and
        the file cannot be deployed before they are set.
    """
    notes: list[Violation] = []

    def note(pointer: str, detail: str) -> None:
        notes.append(Violation(pointer, detail))

    hiding = Hiding(reveal, note)
    volumes = Keys(stack_name)
    writer = Services(
        stack_name,
        networks=Networks.of(stack_name, networks, note),
        configs=Files.of("config", stack_name, configs, note),
        secrets=Files.of("secret", stack_name, secrets, note),
        mounts=Mounts(stack_name, volumes, hiding, note),
        hiding=hiding,
        note=note,
    )
    written = {}
    for service in services:
        spec = service.get("Spec", service)
        name = str(spec["Name"]).removeprefix(f"{stack_name}_")
        written[name] = writer.write(name, spec)
    sections: JSON = {
        "services": written,
        "networks": writer.networks.definitions(),
        "volumes": volumes.definitions,
        "configs": writer.configs.keys.definitions,
        "secrets": writer.secrets.keys.definitions,
    }
    for name in ("networks", "volumes", "configs", "secrets"):
        # The Engine lists objects in no order, and the same stack shall give the same file.
        sections[name] = dict(sorted(sections[name].items()))
    return Export(to_yaml({name: section for name, section in sections.items() if section}), tuple(notes))
