"""What a container printed, as the Engine sends it: frames of both streams, or plain bytes where it has a terminal."""

from __future__ import annotations

from dataclasses import dataclass

_HEAD = 8
# The Engine's own words, among those of the container.
_SYSTEM = 3
_SYSTEM_PREFIX = "Error grabbing logs: "


@dataclass(frozen=True)
class Output:
    """The end of what a task printed, to both streams.

    :param content: The bytes, as they were printed.
    :param cut: Whether there was more before them.
    :param error: What the Engine says is missing, and why; empty when nothing is.
    """

    content: bytes
    cut: bool = False
    error: str = ""


class OutputReader:
    """Takes what the Engine sends, piece by piece, and keeps the end of what was printed.

    :param most: How many bytes are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._rest = bytearray()
        self._kept = bytearray()
        self._said = bytearray()
        self._cut = False
        # Whether there are frames; not known before the first bytes have come.
        self._framed: bool | None = None

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""
        self._rest += piece
        if self._framed is None:
            if len(self._rest) < _HEAD:
                return
            # The container of a service with a terminal sends what it prints as it is.
            self._framed = self._rest[0] <= _SYSTEM and self._rest[1:4] == bytes(3)
        if not self._framed:
            self._keep(bytes(self._rest))
            self._rest.clear()
            return
        while len(self._rest) >= _HEAD:
            end = _HEAD + int.from_bytes(self._rest[4:_HEAD], "big")
            if len(self._rest) < end:
                return
            stream, content = self._rest[0], bytes(self._rest[_HEAD:end])
            del self._rest[:end]
            if stream == _SYSTEM:
                self._said += content[: self._most - len(self._said)]
            else:
                self._keep(content)

    def end(self) -> Output:
        """Return what was kept, after the last piece."""
        if not self._framed:
            self._keep(bytes(self._rest))
        said = self._said.decode(errors="replace").strip()
        return Output(bytes(self._kept), self._cut, said.removeprefix(_SYSTEM_PREFIX))

    def _keep(self, content: bytes) -> None:
        self._kept += content
        if len(self._kept) > self._most:
            self._cut = True
            del self._kept[: len(self._kept) - self._most]
