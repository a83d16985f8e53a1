"""The contract: programs that are run in a container beside its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from crane_core.engine.execs import (
    CannotStart,
    ContainerNotRunning,
    Execution,
    Piece,
    Program,
    ProgramNotFound,
    execute,
)
from crane_core.errors import NotFound
from crane_core.testing.contract.asking import Contract, service

# Far more than what connections and pipes hold by themselves.
_MUCH = 4 * 1024 * 1024


class ExecsContract(Contract):
    """Programs: how they start, speak and end."""

    def test_program_prints_to_two_streams_and_ends(self) -> None:
        run = self.execute("sh", "-c", "echo one; echo two >&2; exit 3", tty=False)

        assert sorted(read_all(run)) == [(1, b"one\n"), (2, b"two\n")]
        assert run.exit_code() == 3

    def test_shell_with_a_terminal_shows_what_is_typed(self) -> None:
        run = self.execute("sh")

        run.send("echo gr\u00fc\u00df\r".encode())
        said = read_until(run, lambda said: said.count("gr\u00fc\u00df") == 2)
        run.send(b"exit 4\r")

        assert "gr\u00fc\u00df\r\n" in said
        read_all(run)
        assert run.exit_code() == 4

    def test_terminal_has_the_size_that_it_is_given(self) -> None:
        run = self.execute("sh", columns=111, rows=33)
        run.send(b"stty size\r")
        read_until(run, lambda said: "33 111\r\n" in said)

        run.resize(70, 20)
        run.send(b"stty size\r")

        read_until(run, lambda said: "20 70\r\n" in said)
        run.send(b"exit\r")
        read_all(run)

    def test_program_has_the_environment_and_the_user_that_it_is_given(self) -> None:
        run = self.execute("env", environment={"GREETING": "two words"}, tty=False)
        assert b"GREETING=two words\n" in printed(run)

        run = self.execute("whoami", user="nobody", tty=False)
        assert printed(run) == b"nobody\n"

    def test_arguments_are_read_by_no_shell(self) -> None:
        run = self.execute("echo", "$HOME; exit 1", tty=False)

        assert printed(run) == b"$HOME; exit 1\n"

    def test_program_that_is_not_there_is_told_by_name(self) -> None:
        with pytest.raises(ProgramNotFound, match=r"^zsh cannot be run in this container: .*not found"):
            self.execute("zsh")
        with pytest.raises(ProgramNotFound):
            self.execute("zsh", tty=False)

    def test_directory_that_is_not_there_is_told(self) -> None:
        with pytest.raises(CannotStart, match=r"^There is no directory /nosuch in the container\.$"):
            self.execute("pwd", working_directory="/nosuch")

    def test_container_that_is_not_there_is_told(self) -> None:
        with pytest.raises(NotFound):
            execute(self.engine, "0" * 64, Program(("sh",)))

    def test_input_ends(self) -> None:
        run = self.execute("cat", tty=False)

        run.send(b"one\ntwo\n")
        run.end_input()

        assert printed(run) == b"one\ntwo\n"
        assert run.exit_code() == 0

    def test_much_goes_both_ways_at_the_same_time(self) -> None:
        run = self.execute("cat", tty=False)
        line = bytes(range(128)).replace(b"\n", b" ") + b"\n"
        sent = line * (_MUCH // len(line) // 16)

        def send() -> None:
            run.send(sent)
            run.end_input()

        sender = threading.Thread(target=send)
        sender.start()
        came = printed(run)
        sender.join(60)

        assert came == sent

    def test_much_output_is_whole(self) -> None:
        run = self.execute("head", "-c", str(_MUCH), "/dev/zero", tty=False)

        assert len(printed(run)) == _MUCH

    def test_program_in_a_container_that_has_ended_is_refused(self) -> None:
        container = self.container()
        self.engine.remove("service", "web")
        self.swarm.until(lambda: not runs(self, container), "the container has ended")

        with pytest.raises((ContainerNotRunning, NotFound)):
            execute(self.engine, container, Program(("sh",)))

    # What these tests ask with

    def container(self) -> str:
        """Start a service on the Engine's own node; return the id of its container."""
        node = next(node for node in self.engine.nodes() if node.role == "manager")
        placement = {"Constraints": [f"node.id=={node.id}"]}
        self.engine.create("service", service("web", replicas=1, task={"Placement": placement}))
        self.swarm.until(lambda: self.counts("web")[0] == 1, "the service runs")
        [container] = [task.container_id for task in self.tasks("web") if task.container_id]
        return container

    def execute(self, *command: str, tty: bool = True, **more: object) -> Execution:
        """Start a program in the container of a service."""
        services = [each.name for each in self.engine.services()]
        container = (
            next(
                (task.container_id for task in self.tasks("web") if task.state == "running" and task.container_id), None
            )
            if "web" in services
            else None
        )
        return execute(self.engine, container or self.container(), Program(command, tty, **more))  # type: ignore[arg-type]


def runs(test: Contract, container: str) -> bool:
    """Tell whether a container runs."""
    try:
        return bool(test.engine.container(container)["State"]["Running"])
    except NotFound:
        return False


def read_all(run: Execution) -> list[Piece]:
    """Return all that a program prints, each stream joined."""
    came: dict[int, bytes] = {}
    while pieces := run.read(30):
        for stream, content in pieces:
            came[stream] = came.get(stream, b"") + content
    return list(came.items())


def printed(run: Execution) -> bytes:
    """Return what a program prints to its first stream."""
    return dict(read_all(run)).get(1, b"")


def read_until(run: Execution, fact: Callable[[str], bool]) -> str:
    """Read until something stands in what was printed; return that."""
    came = b""
    while pieces := run.read(10):
        came += b"".join(content for _, content in pieces)
        if fact(said := came.decode(errors="replace")):
            return said
    raise AssertionError(f"In vain: {came!r}")
