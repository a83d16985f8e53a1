"""crane exec: what is ordered, what goes through the connection, and the exit status."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from crane_cli.errors import CliError
from crane_cli.sockets import Closed
from crane_cli.terminal import CannotStart, ContainerGone, Sitting, _judge
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)

TICKET = (201, {"ticket": "t1", "address": "/api/v1/services/web/terminal", "seconds": 10})


class PlayedTerminal:
    """A server that gives out tickets over HTTP, and plays one terminal."""

    def __init__(self, play: Callable[[PlayedTerminal], None]) -> None:
        self.play = play
        self.ordered: list[tuple[str, dict]] = []
        self.protocols: list[list[str]] = []
        self.targets: list[str] = []
        self.heard: list[object] = []
        self.there: dict[str, dict[str, str]] = {"services/web": {"name": "web"}}
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.connection: socket.socket
        self.protocol: WSConnection
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                self.connection, _ = self.listening.accept()
            except OSError:
                return
            with self.connection:
                self._answer()

    def _answer(self) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += self.connection.recv(65536)
        if received.startswith(b"POST"):
            head, _, body = received.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            while len(body) < length:
                body += self.connection.recv(65536)
            path = head.split()[1].decode().removeprefix("/api/v1/")
            self.ordered.append((path, json.loads(body)))
            return self._tell(*TICKET)
        if b"upgrade: websocket" not in received.lower():
            found = self.there.get(received.split()[1].decode().removeprefix("/api/v1/"))
            return self._tell(200 if found else 404, found or {"code": "not-found"})
        self.protocol = WSConnection(ConnectionType.SERVER)
        self.protocol.receive_data(received)
        [opening] = [event for event in self.protocol.events() if isinstance(event, Request)]
        self.protocols.append(list(opening.subprotocols))
        self.targets.append(opening.target)
        self.play(self)

    def _tell(self, status: int, told: dict[str, str]) -> None:
        sent = json.dumps(told).encode()
        self.connection.sendall(b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%s" % (status, len(sent), sent))

    def accept(self) -> None:
        self.send(AcceptConnection(subprotocol="crane.terminal"))

    def send(self, event: object) -> None:
        self.connection.sendall(self.protocol.send(event))

    def say(self, **message: object) -> None:
        self.send(TextMessage(json.dumps(message)))

    def print(self, data: bytes, stream: int = 1) -> None:
        self.send(BytesMessage(bytes((stream,)) + data))

    def open(self) -> None:
        self.accept()
        self.say(type="opened", session="s1", secret="k1", seen=0)

    def end(self, code: str = "exited", number: int = 4000, **more: object) -> None:
        self.say(type="ended", code=code, **more)
        self.send(CloseConnection(number, json.dumps({"code": code})))
        self.hear(lambda: False)

    def hear(self, fact: Callable[[], bool]) -> None:
        """Take what comes until something is so, or the connection ends."""
        while not fact():
            received = self.connection.recv(65536)
            if not received:
                return
            self.protocol.receive_data(received)
            for event in self.protocol.events():
                if isinstance(event, TextMessage):
                    self.heard.append(json.loads(event.data))
                elif isinstance(event, BytesMessage):
                    self.heard.append(bytes(event.data))

    def typed(self) -> bytes:
        return b"".join(each for each in self.heard if isinstance(each, bytes))


@pytest.fixture
def played() -> Iterator[Callable[..., PlayedTerminal]]:
    made: list[PlayedTerminal] = []

    def make(play: Callable[[PlayedTerminal], None]) -> PlayedTerminal:
        made.append(PlayedTerminal(play))
        return made[-1]

    yield make
    for each in made:
        each.listening.close()


@pytest.fixture
def run(capfd, monkeypatch):
    """Run the program in this process, with a pipe as standard input."""

    def act(played: PlayedTerminal, *arguments: str, sent: bytes = b"") -> tuple[int, bytes, str]:
        from crane_cli.main import cli

        reading, writing = os.pipe()
        os.write(writing, sent)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            monkeypatch.setattr("sys.stdin", pipe)
            with pytest.raises(SystemExit) as ended:
                cli(["--server", played.url, "exec", *arguments], prog_name="crane")
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out.encode(), err

    return act


def test_output_and_errors_stay_apart_and_the_exit_status_is_passed_on(played, run) -> None:
    def play(terminal: PlayedTerminal) -> None:
        terminal.open()
        terminal.print(b"one\n")
        terminal.print(b"two\n", 2)
        terminal.end(exit_code=7)

    terminal = played(play)

    assert run(terminal, "web", "ls", "-l", "--tty=true") == (7, b"one\n", "two\n")
    [(path, body)] = terminal.ordered
    assert path == "services/web/terminal-tickets"
    assert (body["command"], body["tty"]) == (["ls", "-l", "--tty=true"], False)
    assert terminal.protocols == [["crane.terminal", "t1"]]


def test_standard_input_goes_there_until_its_end(played, run) -> None:
    def play(terminal: PlayedTerminal) -> None:
        terminal.open()
        terminal.hear(lambda: {"type": "end"} in terminal.heard)
        terminal.print(terminal.typed()[::-1])
        terminal.end(exit_code=0)

    assert run(played(play), "-i", "web", "rev", sent=b"abc")[:2] == (0, b"cba")


def test_input_stays_away_unless_it_is_asked_for(played, run) -> None:
    def play(terminal: PlayedTerminal) -> None:
        terminal.open()
        terminal.hear(lambda: {"type": "end"} in terminal.heard)
        terminal.end(exit_code=0)

    terminal = played(play)

    assert run(terminal, "web", "true", sent=b"abc")[0] == 0
    assert terminal.typed() == b""


def test_name_is_looked_for_among_services_tasks_and_containers(played, run) -> None:
    terminal = played(lambda terminal: (terminal.open(), terminal.end(exit_code=0)))
    terminal.there = {"containers/x": {"name": "x"}}

    assert run(terminal, "x", "true")[0] == 0
    assert [path for path, _ in terminal.ordered] == ["containers/x/terminal-tickets"]
    assert terminal.targets == ["/api/v1/containers/x/terminal"]
    terminal.ordered.clear()

    assert run(terminal, "container/node2/box", "true")[0] == 0
    assert [path for path, _ in terminal.ordered] == ["containers/node2%2Fbox/terminal-tickets"]


@pytest.mark.parametrize(
    ("container", "kind"), [("q5x", "containers"), ("q5xy", "tasks")], ids=["of that name", "of another name"]
)
def test_exact_name_comes_before_the_beginning_of_an_id_of_another_kind(played, run, container, kind) -> None:
    terminal = played(lambda terminal: (terminal.open(), terminal.end(exit_code=0)))
    terminal.there = {"tasks/q5x": {"id": "q5xw8", "name": "web.1"}, "containers/q5x": {"id": "9", "name": container}}

    assert run(terminal, "q5x", "true")[0] == 0
    assert [path for path, _ in terminal.ordered] == [f"{kind}/q5x/terminal-tickets"]


def test_options_are_told_on(played, run, monkeypatch) -> None:
    monkeypatch.setenv("OURS", "here")
    terminal = played(lambda terminal: (terminal.open(), terminal.end(exit_code=0)))

    run(terminal, "-u", "nobody", "-w", "/srv", "-e", "A=1=2", "-e", "OURS", "--task", "3", "web", "env")

    [(_, body)] = terminal.ordered
    assert (body["user"], body["working_directory"], body["task"]) == ("nobody", "/srv", "3")
    assert body["environment"] == {"A": "1=2", "OURS": "here"}


def test_lost_connection_is_taken_up_where_it_was(played, run) -> None:
    def play(terminal: PlayedTerminal) -> None:
        if len(terminal.targets) == 1:
            terminal.open()
            terminal.print(b"first ")
            return
        terminal.accept()
        terminal.say(type="opened", session="s1", secret="k1", seen=6)
        terminal.print(b"second")
        terminal.end(exit_code=0)

    terminal = played(play)

    assert run(terminal, "web", "true")[:2] == (0, b"first second")
    assert terminal.targets[1] == "/api/v1/services/web/terminal?session=s1&seen=6"
    assert terminal.protocols[1] == ["crane.terminal", "k1"]


def test_refused_handshake_is_told(played, run) -> None:
    problem = json.dumps({"code": "unknown-ticket", "detail": "The ticket opens nothing."}).encode()

    def play(terminal: PlayedTerminal) -> None:
        headers = [(b"content-length", str(len(problem)).encode())]
        terminal.send(RejectConnection(status_code=403, headers=headers, has_body=True))
        terminal.send(RejectData(problem))

    status, _, error = run(played(play), "web", "true")

    assert status == 1
    assert "The ticket opens nothing." in error


def test_terminal_without_a_terminal_is_refused(played, run) -> None:
    terminal = played(lambda terminal: terminal.open())

    status, _, error = run(terminal, "-it", "web")

    assert status == 2
    assert "Standard input is no terminal" in error
    assert terminal.ordered == []


def test_ends_have_exit_statuses() -> None:
    assert _judge({"code": "exited", "exit_code": 3}) == 3
    for code, kind, status in (
        ("no-shell", CannotStart, 127),
        ("cannot-start", CannotStart, 127),
        ("container-gone", ContainerGone, 137),
        ("idle", CliError, 1),
        ("not-allowed", CliError, 1),
    ):
        with pytest.raises(kind, match="why") as error:
            _judge({"code": code, "detail": "why"})
        assert error.value.exit_code == status


def test_end_without_a_word_is_no_success() -> None:
    class Silent:
        def receive(self) -> Closed:
            return Closed(1001, "stops")

        def send(self, **message: object) -> None:
            pass

        def close(self) -> None:
            pass

    with pytest.raises(CliError, match="The server closed the terminal: stops"):
        Sitting(lambda *_: Silent(), interactive=False, tty=False).run()
