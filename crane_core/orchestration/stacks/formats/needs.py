"""What a sender must send along with its files."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class NeededVariable:
    """A variable that a file names.

    :param default: What stands in for it, None when nothing does.
    :param required: Whether the file cannot be loaded without it.
    :param message: What the file says when it is missing.
    """

    name: str
    default: str | None = None
    required: bool = False
    message: str | None = None


@dataclass(frozen=True)
class NeededPath:
    """A file that a file refers to.

    :param path: What it is called among the attachments.
    :param written: The text that stands in the file, with its variables.
    :param kind: ``config``, ``secret``, ``env_file`` or ``extends``.
    :param optional: Whether the file can be loaded without it.
    """

    path: str
    written: str
    kind: str
    optional: bool = False


@dataclass(frozen=True)
class FileNeeds:
    """Everything that the files of a request name.

    :param format: ``compose``, ``dab`` or ``bundle``.
    :param images: The images that the services run, with variables filled in as far as they are known.
    """

    format: str
    variables: tuple[NeededVariable, ...] = ()
    paths: tuple[NeededPath, ...] = ()
    images: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the needs as the HTTP API tells them."""
        told = asdict(self)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in told.items()}
