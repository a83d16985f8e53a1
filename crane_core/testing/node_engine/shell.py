"""A pretended shell, and the few programs that it knows: what runs in a container of a Swarm in memory."""

from __future__ import annotations

import select
import shlex
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

SHELLS = ("ash", "sh", "bash")
# How often a program looks whether it is to end, in seconds.
_LOOK_SECONDS = 0.05
_INTERRUPT, _END, _BACKSPACE = b"\x03", b"\x04", (b"\x7f", b"\x08")
_NOT_FOUND = 127


class Killed(Exception):
    """The program ends by a signal, with this exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


@dataclass
class Channel:
    """What a program reads and writes: a terminal that shows what is typed, or three streams.

    :param signal: Returns the exit code with which the program is to end, None while it may live.
    """

    connection: socket.socket
    tty: bool
    signal: Callable[[], int | None]
    _rest: bytes = b""
    _ended: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, data: bytes, stream: int = 1) -> None:
        """Print something."""
        if self.tty:
            sent = data.replace(b"\n", b"\r\n")
        else:
            sent = bytes((stream, 0, 0, 0)) + len(data).to_bytes(4, "big") + data
        try:
            self.connection.sendall(sent)
        except OSError:
            # Nobody reads any more; a program that prints to nobody lives on.
            return

    def lines(self) -> Iterator[bytes]:
        """Yield the lines that are typed or sent, each with its end."""
        line = b""
        while byte := self._next():
            if not self.tty:
                line += byte
                if byte == b"\n":
                    yield line
                    line = b""
                continue
            if byte == _INTERRUPT:
                self.write(b"^C\n")
                raise Interrupted
            if byte == _END:
                if not line:
                    return
                continue
            if byte in _BACKSPACE:
                if line:
                    line = line.decode(errors="ignore")[:-1].encode()
                    self.write(b"\b \b")
                continue
            if byte in (b"\r", b"\n"):
                self.write(b"\n")
                yield line + b"\n"
                line = b""
                continue
            self.write(byte)
            line += byte
        if line:
            yield line

    def pause(self) -> None:
        """Wait until something ends the program."""
        while self._next():
            continue

    def _next(self) -> bytes:
        while not self._rest:
            if (code := self.signal()) is not None:
                raise Killed(code)
            if self._ended:
                if not self.tty:
                    return b""
                # A program with a terminal does not notice that nobody looks at it any more.
                threading.Event().wait(_LOOK_SECONDS)
                continue
            poller = select.poll()
            poller.register(self.connection, select.POLLIN)
            if not poller.poll(_LOOK_SECONDS * 1000):
                continue
            try:
                self._rest = self.connection.recv(65536)
            except OSError:
                self._rest = b""
            self._ended = not self._rest
        byte, self._rest = self._rest[:1], self._rest[1:]
        return byte


@dataclass
class Shell:
    """Runs commands.

    :param size: Returns the columns and rows of the terminal.
    """

    channel: Channel
    environment: Mapping[str, str]
    user: str
    directory: str
    size: Callable[[], tuple[int, int]]

    def run(self, command: Sequence[str]) -> int:
        """Run a program as it would be started in a container; return its exit code."""
        name, arguments = command[0].rpartition("/")[2], list(command[1:])
        if name in SHELLS:
            return self._script(arguments[1]) if arguments[:1] == ["-c"] else self._converse()
        try:
            return self._program(name, arguments)
        except Interrupted:
            return 130

    def _converse(self) -> int:
        """Read commands and run them, until told to exit."""
        code = 0
        while True:
            if self.channel.tty:
                self.channel.write(b"/ # ")
            try:
                line = next(self.channel.lines(), b"")
                if not line:
                    return code
                code = self._script(line.decode(errors="replace").strip())
            except Interrupted:
                code = 130
            except _Exit as end:
                return end.code if end.code is not None else code

    def _script(self, script: str) -> int:
        code = 0
        for part in script.split(";"):
            words = shlex.split(part)
            stream = 2 if ">&2" in words else 1
            words = [word for word in words if word != ">&2"]
            if not words:
                continue
            if words[0] == "exit":
                raise _Exit(int(words[1]) if len(words) > 1 else None)
            code = self._program(words[0], words[1:], stream)
        return code

    def _program(self, name: str, arguments: list[str], stream: int = 1) -> int:
        program = _PROGRAMS.get(name)
        if program is None:
            self.channel.write(f"sh: {name}: not found\n".encode(), 2)
            return _NOT_FOUND
        printed, code = program(self, arguments)
        if printed:
            self.channel.write(printed, stream)
        return code


class _Exit(Exception):
    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


Program = Callable[[Shell, list[str]], tuple[bytes, int]]


def _echo(shell: Shell, words: list[str]) -> tuple[bytes, int]:
    return (" ".join(words) + "\n").encode(), 0


def _cat(shell: Shell, words: list[str]) -> tuple[bytes, int]:
    for line in shell.channel.lines():
        shell.channel.write(line)
    return b"", 0


def _stty(shell: Shell, words: list[str]) -> tuple[bytes, int]:
    columns, rows = shell.size()
    return f"{rows} {columns}\n".encode(), 0


def _head(shell: Shell, words: list[str]) -> tuple[bytes, int]:
    left = int(words[words.index("-c") + 1])
    while left:
        shell.channel.write(bytes(part := min(left, 65536)))
        left -= part
    return b"", 0


def _env(shell: Shell, words: list[str]) -> tuple[bytes, int]:
    return "".join(f"{name}={value}\n" for name, value in shell.environment.items()).encode(), 0


def _sleep(shell: Shell, words: list[str]) -> tuple[bytes, int]:
    shell.channel.pause()
    return b"", 0


_PROGRAMS: Mapping[str, Program] = {
    "echo": _echo,
    "cat": _cat,
    "stty": _stty,
    "head": _head,
    "env": _env,
    "sleep": _sleep,
    "whoami": lambda shell, _: (f"{shell.user or 'root'}\n".encode(), 0),
    "pwd": lambda shell, _: (f"{shell.directory or '/'}\n".encode(), 0),
    "true": lambda shell, _: (b"", 0),
    "false": lambda shell, _: (b"", 1),
}
PROGRAMS = frozenset(_PROGRAMS)


def run(shell: Shell, command: Sequence[str]) -> int:
    """Run a command to its end, however it comes; return its exit code."""
    try:
        return shell.run(command)
    except Killed as end:
        return end.code
    except _Exit as end:
        return end.code or 0
