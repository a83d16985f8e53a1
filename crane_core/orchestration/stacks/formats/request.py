"""What somebody sends to have a stack deployed: files, variables and the contents that the files refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SourceFile:
    """One stack file as text.

    :param name: What the sender calls it; told back with each violation.
    """

    name: str
    content: str


@dataclass(frozen=True)
class StackRequest:
    """A stack to load, with everything that its files may look at.

    Nothing else is looked at: no file and no variable of the server.

    :param name: The stack's name, a prefix of every name in the Swarm.
    :param files: In the order of merging; the later ones win.
    :param variables: For interpolation, ``environment:`` sources and variables without a value.
    :param attachments: Contents of files by the path exactly as it stands in the stack file after interpolation.
    :param working_dir: The absolute directory that relative bind sources start from, on the sender's machine.
    :param home: What ``~`` stands for.
    :param profiles: The active profiles.
    :param format: ``auto``, ``compose``, ``dab`` or ``bundle``.
    """

    name: str
    files: tuple[SourceFile, ...]
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    attachments: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    working_dir: str = "/"
    home: str = "/root"
    profiles: tuple[str, ...] = ()
    format: str = "auto"
