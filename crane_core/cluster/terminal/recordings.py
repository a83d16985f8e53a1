"""Recordings of terminals: what their programs printed, as asciicast v2 files that any player of it shows.

What somebody types is never written; what a program shows of it is. Files are for their owner only, bounded in size,
and removed when they are old or together too large. Whoever writes one holds a lock on it, so that no server removes it
that shares the directory.
"""

from __future__ import annotations

import codecs
import fcntl
import logging
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from crane_core.cluster.terminal.errors import NotRecorded, StillRecorded
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
    :param open: Whether it is still written.
    """

    id: str
    path: Path
    head: Mapping[str, Any]
    size: int
    changed_at: float
    open: bool

    def to_json(self) -> dict[str, Any]:
        """Return what the list of recordings tells of it."""
        about = self.about
        started_at = int(self.head.get("timestamp") or self.changed_at)
        return {
            "id": self.id,
            "name": self.id,
            "started_at": started_at,
            "seconds": max(0.0, self.changed_at - started_at),
            "bytes": self.size,
            "open": self.open,
            "command": self.head.get("command") or "",
            **{member: about.get(member) or "" for member in ("by", "container", "container_id", "node", "user")},
            **{member: about.get(member) for member in ("task", "service", "stack")},
        }

    @property
    def about(self) -> Mapping[str, Any]:
        """Who sat there, and where; nothing in a file that another program wrote."""
        return self.head.get("crane") or {}


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
        # Those that were complete when they were read last, by their ids; they are not opened again.
        self._complete: Mapping[str, Recording] = {}

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
        found = sorted(self._read(), key=lambda each: (-float(each.head.get("timestamp") or 0), each.id))
        self._complete = {each.id: each for each in found if not each.open}
        return found

    def get(self, id_: str) -> Recording:
        """Return a recording. Raises ``NotFound``."""
        path = self._folder / f"{id_}{_ENDING}"
        found = _read_file(path) if _NAME.fullmatch(id_) else None
        if found is None:
            raise NotFound(f"There is no recording {id_[:64]}.")
        return found

    def remove(self, id_: str) -> Recording:
        """Remove a recording, and return what it was.

        :raises NotFound: when there is no such recording.
        :raises StillRecorded: while it is written.
        """
        recording = self.get(id_)
        if recording.open:
            raise StillRecorded(f"The terminal {id_} is still open, and recorded; close it first.")
        recording.path.unlink(missing_ok=True)
        return recording

    def clear(self, now: float) -> None:
        """Remove what is too old, and the oldest of what is together too large; never what is still written.

        :param now: Seconds since the epoch.
        """
        total = 0
        for each in sorted(self._read(), key=lambda each: -each.changed_at):
            total += each.size
            old = self._keep_seconds > 0 and now - each.changed_at > self._keep_seconds
            if (old or total > self._most_together) and not each.open:
                each.path.unlink(missing_ok=True)

    def _read(self) -> Iterator[Recording]:
        try:
            paths = [path for path in self._folder.iterdir() if path.suffix == _ENDING]
        except FileNotFoundError:
            return
        for path in paths:
            known = self._complete.get(path.stem)
            if known is not None and _size_of(path) == known.size:
                yield known
            elif (found := _read_file(path)) is not None:
                yield found


def _create(path: Path, line: bytes) -> int:
    """Make a file that begins with a line, open to be written on. Raises ``OSError``."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    # Disks that know no locks record all the same.
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        os.write(file, line)
    except OSError:
        os.close(file)
        raise
    return file


def _read_file(path: Path) -> Recording | None:
    """Read the first line of a recording, and whether it goes on; None where there is none."""
    try:
        with path.open("rb") as file:
            open_ = _is_locked(file.fileno())
            head = msgspec.json.decode(file.readline(_LONGEST_HEAD), type=dict[str, Any])
            told = os.fstat(file.fileno())
    except (OSError, msgspec.MsgspecError):
        return None
    return Recording(path.stem, path, head, told.st_size, told.st_mtime, open_)


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
