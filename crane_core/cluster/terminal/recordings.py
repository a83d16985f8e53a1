"""Recordings of terminals: what their programs printed, as asciicast v2 files that any player of it shows.

What somebody types is never written; what a program shows of it is. Files are for their owner only, bounded in size,
and removed when they are old or together too large.
"""

from __future__ import annotations

import codecs
import logging
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from crane_core.cluster.terminal.errors import NotRecorded
from crane_core.context import Crane
from crane_core.errors import NotFound

log = logging.getLogger(__name__)

MIB = 1024 * 1024
DAY = 24 * 3600
_ENDING = ".cast"
_NAME = re.compile(r"[a-z0-9-]{1,64}")
# The first line of a recording is no longer than this; it holds a command.
_LONGEST_HEAD = 64 * 1024


@dataclass(frozen=True)
class Recording:
    """A recording that is kept.

    :param head: The first line of its file.
    :param size: In bytes.
    """

    id: str
    path: Path
    head: Mapping[str, Any]
    size: int
    changed_at: float

    def to_json(self) -> dict[str, Any]:
        """Return what the list of recordings tells of it."""
        about = self.head.get("crane") or {}
        return {
            "id": self.id,
            "name": self.id,
            "started_at": self.head.get("timestamp"),
            "seconds": max(0.0, self.changed_at - float(self.head.get("timestamp") or self.changed_at)),
            "bytes": self.size,
            "command": self.head.get("command") or "",
            **{
                member: about.get(member)
                for member in ("by", "container", "container_id", "node", "task", "service", "stack", "user")
            },
        }


class Recorder:
    """Writes one recording.

    :param most: How many bytes it may have; what is printed after that is not in it.
    :param clock: Returns seconds of a clock that never goes back.
    """

    def __init__(self, file: int, most: int, begun_at: float) -> None:
        self._file = file
        self._left = most
        self._begun_at = begun_at
        # A letter of several bytes may come in two pieces.
        self._decoders = {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in (1, 2)}
        self.cut = False

    def write(self, now: float, stream: int, content: bytes) -> None:
        """Write what was printed. Raises ``OSError``."""
        decoder = self._decoders.get(stream) or self._decoders[1]
        if text := decoder.decode(content):
            self._put(now, "o", text)

    def resize(self, now: float, columns: int, rows: int) -> None:
        """Write that the terminal has another size. Raises ``OSError``."""
        self._put(now, "r", f"{columns}x{rows}")

    def close(self, now: float, words: str) -> None:
        """Write how it ended, as a mark, and close the file."""
        try:
            self._left = max(self._left, len(words) + 64)
            self._put(now, "m", words)
        except OSError as error:
            log.warning("The end of a terminal is not in its recording: %s", error.strerror)
        finally:
            os.close(self._file)

    def _put(self, now: float, kind: str, text: str) -> None:
        if self.cut and kind != "m":
            return
        line = msgspec.json.encode([round(now - self._begun_at, 6), kind, text]) + b"\n"
        if len(line) > self._left:
            self.cut = True
            line = msgspec.json.encode([round(now - self._begun_at, 6), "m", "The rest is not recorded."]) + b"\n"
        self._left -= len(line)
        view = memoryview(line)
        while view:
            view = view[os.write(self._file, view) :]


class Recordings:
    """The room of one server that keeps recordings, on its own disk or on one that it shares with others."""

    def __init__(self, crane: Crane) -> None:
        settings = crane.settings
        self.wanted = bool(settings["terminal.record"])
        folder = str(settings["terminal.recordings_directory"])
        self._folder = Path(folder) if folder else crane.data_directory / "terminal-recordings"
        self._most = int(settings["terminal.recording_mib"]) * MIB
        self._most_together = int(settings["terminal.recordings_mib"]) * MIB
        self._keep_seconds = float(settings["terminal.recordings_days"]) * DAY

    def begin(self, id_: str, size: tuple[int, int], command: str, about: Mapping[str, Any], now: float) -> Recorder:
        """Begin a recording.

        :param now: On the clock that what is written is timed by.
        :raises NotRecorded: when it cannot be written.
        """
        head = {
            "version": 2,
            "width": size[0],
            "height": size[1],
            "timestamp": int(time.time()),
            "command": command,
            "title": f"{about.get('container')} on {about.get('node')}, {about.get('by')}",
            "env": {"TERM": "xterm-256color"},
            "crane": dict(about),
        }
        line = msgspec.json.encode(head) + b"\n"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = _create(self._folder / f"{id_}{_ENDING}", line)
        except OSError as error:
            log.error("A terminal is refused, because it cannot be recorded in %s: %s", self._folder, error.strerror)
            raise NotRecorded(
                "Terminals are recorded on this server, and this one cannot be: whoever runs the server finds in its "
                "log why."
            ) from error
        return Recorder(file, self._most, now)

    def all(self) -> list[Recording]:
        """Return what is kept, the newest first."""
        return sorted(self._read(), key=lambda each: (-float(each.head.get("timestamp") or 0), each.id))

    def get(self, id_: str) -> Recording:
        """Return a recording. Raises ``NotFound``."""
        path = self._folder / f"{id_}{_ENDING}"
        found = _read_head(path) if _NAME.fullmatch(id_) else None
        if found is None:
            raise NotFound(f"There is no recording {id_[:64]}.")
        return found

    def clear(self, now: float, open_: frozenset[str] = frozenset()) -> None:
        """Remove what is too old, and the oldest of what is together too large.

        :param now: Seconds since the epoch.
        :param open_: The ids of those that are still written.
        """
        total = 0
        for each in sorted(self._read(), key=lambda each: -each.changed_at):
            total += each.size
            old = self._keep_seconds > 0 and now - each.changed_at > self._keep_seconds
            if (old or total > self._most_together) and each.id not in open_:
                each.path.unlink(missing_ok=True)

    def _read(self) -> Iterator[Recording]:
        try:
            paths = [path for path in self._folder.iterdir() if path.suffix == _ENDING]
        except FileNotFoundError:
            return
        for path in paths:
            if (found := _read_head(path)) is not None:
                yield found


def _create(path: Path, line: bytes) -> int:
    """Make a file that begins with a line, open to be written on. Raises ``OSError``."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, line)
    except OSError:
        os.close(file)
        raise
    return file


def _read_head(path: Path) -> Recording | None:
    """Read the first line of a recording; None where there is none."""
    try:
        with path.open("rb") as file:
            head = msgspec.json.decode(file.readline(_LONGEST_HEAD), type=dict[str, Any])
        told = path.stat()
    except (OSError, msgspec.MsgspecError):
        return None
    return Recording(path.stem, path, head, told.st_size, told.st_mtime)
