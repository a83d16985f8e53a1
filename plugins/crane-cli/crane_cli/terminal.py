"""Sit in front of a program that runs in a container: what is typed goes there, what it prints comes here.

Three threads, because neither a slow reader of our output nor a program that takes no input may hold up the other, nor
the answers that the server waits for.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from crane_cli.errors import CliError, Dropped, Interrupted, Refused
from crane_cli.sockets import Closed, Socket

SUBPROTOCOL = "crane.terminal"
# How much input may be on its way to a program.
WINDOW = 256 * 1024
PIECE = 32 * 1024
# How long a lost connection is sought anew, in seconds.
RETURN_SECONDS = 60.0


class CannotStart(CliError):
    """There is no such program in the container; shells say it with the same status."""

    exit_code = 127


class ContainerGone(CliError):
    """The container ended, and the program with it, as if by signal 9."""

    exit_code = 137


@dataclass
class Sitting:
    """One program, and the connection to it, which may be another after it was lost.

    :param reach: Opens a connection; with a session and its secret one to come back to it, and how much was seen of it.
    :param interactive: Whether standard input goes there.
    """

    reach: Callable[[str, str, int], Socket]
    interactive: bool
    tty: bool
    pause: Callable[[float], None] = time.sleep
    _socket: Socket | None = None
    _opened: dict[str, Any] = field(default_factory=dict)
    _seen: int = 0
    _printed: int = 0
    _typed: int = 0
    _taken: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _output: queue.SimpleQueue[bytes | None] = field(default_factory=queue.SimpleQueue)

    def run(self) -> int:
        """Sit there until the program ends; return what it ended with.

        :raises CliError: It ended in another way.
        """
        self._socket = self.reach("", "", 0)
        printer = threading.Thread(target=self._print, daemon=True)
        printer.start()
        typist = threading.Thread(target=self._type, daemon=True)
        typist.start()
        try:
            with self._resizing():
                ended = self._listen()
        except KeyboardInterrupt as error:
            self._tell(type="close")
            raise Interrupted("Interrupted; the program was hung up on.") from error
        finally:
            self._output.put(None)
            printer.join()
            if self._socket is not None:
                self._socket.close()
        return _judge(ended)

    # What the server says

    def _listen(self) -> dict[str, Any]:
        ended: dict[str, Any] = {}
        while True:
            try:
                message = self._connected().receive()
            except Dropped:
                if ended:
                    return ended
                self._come_back()
                continue
            match message:
                case bytes():
                    self._seen += len(message) - 1
                    self._output.put(message)
                case Closed():
                    return ended or {"code": "closed", "detail": f"The server closed the terminal: {message.reason}"}
                case {"type": "opened"}:
                    self._opened = message
                    self._seen = max(self._seen, int(message.get("seen", 0)))
                    self._tell(type="taken", bytes=self._printed)
                    with self._changed:
                        # What a lost connection swallowed is waited for no longer.
                        self._typed, self._taken = int(message.get("received", 0)), int(message.get("took", 0))
                        self._changed.notify_all()
                case {"type": "took"}:
                    with self._changed:
                        self._taken = int(message["bytes"])
                        self._changed.notify_all()
                case {"type": "ended"}:
                    ended = message

    def _connected(self) -> Socket:
        if self._socket is None:
            raise Dropped("There is no connection to the server.")
        return self._socket

    def _come_back(self) -> None:
        """Find the terminal again after the connection was lost. Raises ``CliError`` where that is in vain."""
        lost = Dropped("The connection to the server ended, and the terminal with it.")
        if not self._opened:
            raise lost
        self._connected().close()
        deadline = time.monotonic() + RETURN_SECONDS
        while time.monotonic() < deadline:
            try:
                self._socket = self.reach(self._opened["session"], self._opened["secret"], self._seen)
            except Refused:
                raise
            except CliError:
                self.pause(0.5)
            else:
                return
        raise lost

    def _tell(self, **message: Any) -> None:
        """Say something; whoever listens notices when nobody hears it."""
        with contextlib.suppress(Dropped):
            self._connected().send(**message)

    # What is printed, and typed

    def _print(self) -> None:
        told = 0
        while (message := self._output.get()) is not None:
            _write(2 if message[0] == 2 else 1, message[1:])
            self._printed += len(message) - 1
            if self._output.empty() or self._printed - told >= PIECE:
                told = self._printed
                self._tell(type="taken", bytes=told)

    def _type(self) -> None:
        if self.interactive:
            while data := os.read(sys.stdin.fileno(), PIECE):
                with self._changed:
                    while self._typed - self._taken > WINDOW:
                        self._changed.wait()
                    self._typed += len(data)
                with contextlib.suppress(Dropped):
                    self._connected().send_bytes(data)
        if not self.tty:
            self._tell(type="end")

    @contextlib.contextmanager
    def _resizing(self) -> Iterator[None]:
        """Tell the program of each new size of the window."""
        if not self.tty or not hasattr(signal, "SIGWINCH"):
            yield
            return
        # A handler may run while the connection is being written to, so that another thread does it.
        bell: queue.SimpleQueue[bool] = queue.SimpleQueue()

        def resize() -> None:
            while bell.get():
                columns, rows = find_size()
                self._tell(type="resize", columns=columns, rows=rows)

        threading.Thread(target=resize, daemon=True).start()
        before = signal.signal(signal.SIGWINCH, lambda *_: bell.put(True))
        try:
            yield
        finally:
            signal.signal(signal.SIGWINCH, before)
            bell.put(False)


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _judge(ended: dict[str, Any]) -> int:
    """Return the exit status that the end of a program stands for."""
    code, exit_code = ended.get("code"), ended.get("exit_code")
    if code == "exited":
        return int(exit_code or 0)
    detail = str(ended.get("detail") or f"The terminal ended: {code}.")
    if code in ("no-shell", "cannot-start"):
        raise CannotStart(detail)
    raise ContainerGone(detail) if code == "container-gone" else CliError(detail)


def find_size() -> tuple[int, int]:
    """Return the columns and rows of our own terminal."""
    try:
        size = os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        return 80, 24
    return size.columns or 80, size.lines or 24


@contextlib.contextmanager
def raw_terminal() -> Iterator[None]:
    """Hand over every key as it is pressed, and put our terminal back afterwards."""
    import termios
    import tty

    file = sys.stdin.fileno()
    before = termios.tcgetattr(file)
    try:
        tty.setraw(file)
        yield
    finally:
        termios.tcsetattr(file, termios.TCSADRAIN, before)
