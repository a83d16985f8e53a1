"""Gather what a deployment needs from this machine: stack files, the variables they name, the files they refer to.

The server reads the stack files and tells what they need. It is asked again until it needs nothing more, because a
file that is sent along may itself name variables and files. The server is not believed blindly: a variable is sent only
if its name stands in a file that was sent, a file only if its path does and it lies in the stack file's own folder.
"""

from __future__ import annotations

import base64
import codecs
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crane_cli.errors import CliError, WrongUse
from crane_cli.interpolation import interpolate, names

if TYPE_CHECKING:
    from crane_cli.api import Api

LARGEST_FILE = 1024 * 1024
# Each round answers what the round before asked for; more are needed only by files that refer to files.
MOST_ROUNDS = 25


@dataclass(frozen=True)
class Sources:
    """Where a deployment comes from, as the user named it.

    :param files: The stack files in the order of merging; ``-`` is standard input.
    :param env_files: Files of variables; the environment wins over them, the later over the earlier.
    :param allowed: Folders besides the stack file's own that files may be sent from.
    """

    files: Sequence[str]
    env_files: Sequence[str] = ()
    profiles: Sequence[str] = ()
    allowed: Sequence[str] = ()
    format: str = "auto"


@dataclass
class Gathered:
    """What has been found to be needed so far, and what may be given.

    :param folder: The absolute folder of the first stack file.
    :param environment: Every variable that could be sent; only those asked for and named are.
    """

    files: list[dict[str, str]]
    folder: Path
    environment: Mapping[str, str] = field(repr=False)
    allowed: tuple[Path, ...] = ()
    profiles: Sequence[str] = ()
    format: str = "auto"
    variables: dict[str, str] = field(default_factory=dict, repr=False)
    attachments: dict[str, bytes] = field(default_factory=dict, repr=False)
    images: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the members of a request that describe the stack."""
        return {
            "files": self.files,
            "variables": self.variables,
            "attachments": {path: _encode(content) for path, content in self.attachments.items()},
            "working_dir": str(self.folder),
            "home": str(Path.home()),
            "profiles": list(self.profiles),
            "format": self.format,
        }

    def texts(self) -> Iterator[str]:
        """Yield every text that was sent: what stands in none of them is not given away."""
        for file in self.files:
            yield file["content"]
        for content in self.attachments.values():
            yield content.decode("utf-8", "replace")


def gather(api: Api, sources: Sources) -> Gathered:
    """Read the stack files and all that they need.

    :raises WrongUse: A file is missing, too large, no text or outside of the folders that may be sent from.
    :raises CliError: The server asks for what no file names.
    """
    gathered = begin(sources)
    refused: set[str] = set()
    for _ in range(MOST_ROUNDS):
        needs = api.post("stack-files", "inspect", body=gathered.to_json())
        gathered.images = tuple(str(image) for image in needs.get("images") or ())
        # Paths are looked at only once all variables are known: until then they are not yet what they will be.
        if not add_variables(gathered, needs.get("variables") or (), refused) and not add_files(
            gathered, needs.get("paths") or (), refused
        ):
            return gathered
    raise CliError(f"After {MOST_ROUNDS} rounds the server still asks for more files; nothing was deployed.")


def begin(sources: Sources) -> Gathered:
    """Read the stack files themselves."""
    if not sources.files:
        raise WrongUse("Name a stack file with -c FILE; - reads standard input.")
    first = sources.files[0]
    return Gathered(
        files=[{"name": "stdin" if name == "-" else name, "content": read_text(name)} for name in sources.files],
        folder=Path.cwd() if first == "-" else Path(first).absolute().parent,
        environment={**read_env_files(sources.env_files), **os.environ},
        allowed=tuple(Path(folder).resolve() for folder in sources.allowed),
        profiles=sources.profiles,
        format=sources.format,
    )


def add_variables(gathered: Gathered, asked: Iterable[Mapping[str, Any]], refused: set[str]) -> bool:
    """Add the variables that are asked for, defined here and named in a file; return whether there were new ones.

    :param refused: Names that were dealt with already and are undefined.
    :raises CliError: None of the files that were sent names the variable.
    """
    found = False
    for name in (str(variable.get("name")) for variable in asked):
        if name in gathered.variables or name in refused:
            continue
        if not any(names(text, name) for text in gathered.texts()):
            raise CliError(
                f"The server asks for the variable {name}, which none of the files names. "
                "It was not sent, and nothing was deployed."
            )
        if name in gathered.environment:
            gathered.variables[name] = gathered.environment[name]
            found = True
        else:
            refused.add(name)
    return found


def add_files(gathered: Gathered, asked: Iterable[Mapping[str, Any]], refused: set[str]) -> bool:
    """Add the files that are asked for and may be sent; return whether there were new ones.

    :raises WrongUse: The stack file names a file that is missing or may not be sent.
    :raises CliError: None of the files that were sent names the path.
    """
    found = False
    for reference in asked:
        path, written = str(reference.get("path")), str(reference.get("written"))
        if path in gathered.attachments or f"path {path}" in refused:
            continue
        check_named(gathered, path, written)
        content = read_attachment(gathered, path, optional=bool(reference.get("optional")))
        if content is None:
            refused.add(f"path {path}")
        else:
            gathered.attachments[path] = content
            found = True
    return found


def check_named(gathered: Gathered, path: str, written: str) -> None:
    """Check that a path stands in a file that was sent, and is what the variables make of it."""
    stands = any(_stands(written, text) for text in gathered.texts())
    made = interpolate(written, gathered.variables)
    # What a file that was sent along refers to is relative to that file.
    bases = {"", *(os.path.dirname(sent) for sent in gathered.attachments)}
    if not stands or os.path.normpath(path) not in {os.path.normpath(os.path.join(base, made)) for base in bases}:
        raise CliError(
            f"The server asks for the file {path}, which none of the files names. "
            "It was not sent, and nothing was deployed."
        )


def read_attachment(gathered: Gathered, path: str, *, optional: bool = False) -> bytes | None:
    """Read a file that the stack file names; None where it does not exist and need not.

    :raises WrongUse: It is missing, too large, no regular file, or outside of the folders that may be sent from.
    """
    place = (gathered.folder / os.path.expanduser(path)).resolve()
    folders = (gathered.folder.resolve(), *gathered.allowed)
    if not any(place.is_relative_to(folder) for folder in folders):
        raise WrongUse(
            f"{path} leads to {place}, outside of the stack file's folder {gathered.folder}. "
            f"If it shall be sent to the server, allow it with: --allow-path {place.parent}"
        )
    try:
        return read_limited(place, told=path)
    except FileNotFoundError as error:
        if optional:
            return None
        raise WrongUse(f"The stack file names {path}, but {place} does not exist.") from error


def read_text(name: str) -> str:
    """Read a stack file; ``-`` is standard input.

    :raises WrongUse: It cannot be read, is too large or is no text.
    """
    try:
        if name == "-":
            raw = sys.stdin.buffer.read(LARGEST_FILE + 1)
        else:
            # What the user names may be a pipe, as in <(program); what a stack file names may not.
            with open(name, "rb") as file:
                raw = file.read(LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise WrongUse(f"{name} does not exist.") from error
    except OSError as error:
        raise WrongUse(f"{name} cannot be read: {error.strerror}.") from error
    _check_size(len(raw), "What standard input holds" if name == "-" else name)
    try:
        # PowerShell writes UTF-16, with a mark in front, when output is sent to a file.
        return raw.decode("utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrongUse(f"{name} is no text in UTF-8 (byte {error.start}).") from error


def read_limited(place: Path, *, told: str) -> bytes:
    """Read a regular file of at most 1 MiB.

    :raises FileNotFoundError: There is none.
    :raises WrongUse: It is no regular file, too large or not readable.
    """
    try:
        # Without O_NONBLOCK, opening a pipe would wait for its other end.
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise WrongUse(f"{told} is no regular file.")
            _check_size(status.st_size, told)
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise
    except IsADirectoryError as error:
        raise WrongUse(f"{told} is no regular file.") from error
    except OSError as error:
        raise WrongUse(f"{told} cannot be read: {error.strerror}.") from error
    _check_size(len(content), told)
    return content


def read_env_files(paths: Iterable[str]) -> dict[str, str]:
    """Read files of variables, ``NAME=value`` on each line; ``#`` begins a comment, quotes around a value are dropped.

    :raises WrongUse: A file cannot be read, or a line is no variable.
    """
    variables: dict[str, str] = {}
    for path in paths:
        for number, line in enumerate(read_text(path).splitlines(), 1):
            stripped = line.strip().removeprefix("export ").strip()
            if not stripped or stripped.startswith("#"):
                continue
            name, equals, value = stripped.partition("=")
            if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name.strip()):
                raise WrongUse(f"{path}:{number}: this line is no variable; write NAME=value.")
            variables[name.strip()] = _unquote(value.strip())
    return variables


def _unquote(value: str) -> str:
    quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def _check_size(size: int, told: str) -> None:
    if size > LARGEST_FILE:
        raise WrongUse(f"{told} is too large to be sent: it has more than 1 MiB.")


def _stands(written: str, text: str) -> bool:
    """Return whether a path stands in a text as a whole: not as a part of a longer one."""
    edge = r"""[\s"'\[\]{},:=]"""
    return bool(written) and re.search(rf"(?:^|{edge}){re.escape(written)}(?:$|{edge})", text, re.MULTILINE) is not None


def _encode(content: bytes) -> dict[str, str]:
    try:
        return {"content": content.decode("utf-8"), "encoding": "text"}
    except UnicodeDecodeError:
        return {"content": base64.b64encode(content).decode("ascii"), "encoding": "base64"}
