"""Sitting in front of a terminal: what is typed, printed, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from crane_core.cluster.terminal import operations
from crane_core.cluster.terminal.operations import Sessions
from crane_core.context import Crane
from crane_core.testing import MemorySwarm
from crane_core.testing.waiting import until
from tests.terminals import Sitter, sit_down_inside

Sit = Callable[..., Sitter]


def test_shell_of_a_service_answers(sit: Sit, web: str) -> None:
    sitter = sit("services/shop_web", columns=100, rows=30)

    sitter.type("echo häuser; stty size\r")
    sitter.until_printed("häuser\r\n30 100\r\n")
    sitter.type("exit 3\r")

    assert sitter.until_closed() == (4000, {"code": "exited", "exit_code": 3})
    opened, ended = sitter.message("opened"), sitter.message("ended")
    assert (opened["command"], opened["service"], opened["stack"]) == (["ash"], "shop_web", "shop")
    assert ended["detail"] == "The program has ended."


def test_task_and_container_are_opened_as_well(sit: Sit, web: str, swarm: MemorySwarm) -> None:
    [task] = swarm.tasks(web)
    container = task["Status"]["ContainerStatus"]["ContainerID"]

    named = ("tasks/shop_web.1", "containers/shop_web.1")
    for where in (f"tasks/{task['ID']}", f"containers/{container}", f"containers/{container[:12]}", *named):
        sitter = sit(where)
        sitter.until_printed("/ # ")
        assert sitter.message("opened")["container_id"] == container
        sitter.say(type="close")
        assert sitter.until_closed() == (4008, {"code": "closed"})


def test_errors_are_apart_from_output_without_a_terminal(sit: Sit, web: str) -> None:
    sitter = sit("services/shop_web", command=["sh", "-c", "echo one; echo two >&2; exit 7"], tty=False)

    assert sitter.until_closed() == (4000, {"code": "exited", "exit_code": 7})
    assert sitter.printed == {1: b"one\n", 2: b"two\n"}


def test_input_ends(sit: Sit, web: str) -> None:
    sitter = sit("services/shop_web", command=["cat"], tty=False)
    content = bytes(range(256)) * 100

    sitter.type(content)
    sitter.say(type="end")

    assert sitter.until_closed() == (4000, {"code": "exited", "exit_code": 0})
    assert sitter.printed[1] == content


def test_size_is_told_on(sit: Sit, web: str) -> None:
    sitter = sit("services/shop_web")

    sitter.say(type="resize", columns=132, rows=50)
    sitter.type("stty size\r")

    sitter.until_printed("50 132\r\n").drop()


def test_user_directory_and_variables_are_told_on(sit: Sit, web: str) -> None:
    sitter = sit("services/shop_web", command=["whoami"], user="nobody")
    sitter.until_closed()
    assert sitter.screen == "nobody\r\n"

    sitter = sit("services/shop_web", command=["pwd"], working_directory="/srv")
    sitter.until_closed()
    assert sitter.screen == "/srv\r\n"

    sitter = sit("services/shop_web", command=["env"], environment={"GREETING": "two words"})
    sitter.until_closed()
    assert "GREETING=two words\r\n" in sitter.screen
    assert "TERM=xterm-256color\r\n" in sitter.screen


def test_image_without_a_shell_is_told_so(sit: Sit, web: str, swarm: MemorySwarm) -> None:
    swarm.shells["nginx:1"] = ()
    sitter = sit("services/shop_web")

    assert sitter.until_closed() == (4001, {"code": "no-shell"})
    assert sitter.message("ended")["detail"] == "The container has none of bash, ash, sh. Name a program that it has."


def test_first_shell_of_an_image_is_remembered(sit: Sit, web: str, swarm: MemorySwarm) -> None:
    for _ in range(2):
        sitter = sit("services/shop_web").until_printed("/ # ")
        sitter.type("exit\r")
        sitter.until_closed()

    started = [path for method, path in swarm.requests if method == "POST" and path.endswith("/start")]
    # Bash, which is not there, then ash; the second time ash at once.
    assert len(started) == 3


def test_program_that_is_not_there_is_told_so(sit: Sit, web: str) -> None:
    sitter = sit("services/shop_web", command=["zsh"])

    assert sitter.until_closed() == (4002, {"code": "cannot-start"})
    assert sitter.message("ended")["detail"].startswith("zsh cannot be run in this container: ")


def test_container_that_ends_is_told_so(sit: Sit, web: str, client: FlaskClient, swarm: MemorySwarm) -> None:
    sitter = sit("services/shop_web").until_printed("/ # ")

    client.delete("/api/v1/services/shop_web")
    swarm.settle()

    code, reason = sitter.until_closed()
    assert (code, reason["code"]) == (4004, "container-gone")


def test_who_comes_back_misses_nothing(sit: Sit, web: str, client: FlaskClient) -> None:
    first = sit("services/shop_web").until_printed("/ # ")
    opened = first.message("opened")
    first.drop()

    again = f"/api/v1/services/shop_web/terminal?session={opened['session']}"
    second = sit_down_inside(client, f"{again}&seen={first.seen}", opened["secret"])
    second.type("echo back\r")
    second.until_printed("\r\nback\r\n/ # ")
    third = sit_down_inside(client, f"{again}&seen=0", opened["secret"])

    assert second.until_closed() == (4007, {"code": "taken-over"})
    assert third.until_printed("\r\nback\r\n/ # ").screen == first.screen + second.screen
    third.say(type="close")
    third.until_closed()


def test_end_is_told_to_who_comes_back(sit: Sit, web: str, client: FlaskClient, sessions: Sessions) -> None:
    sitter = sit("services/shop_web", command=["cat"], tty=False)
    opened = sitter.until(lambda sitter: sitter.messages).message("opened")
    sitter.type("late\n")
    sitter.say(type="end")
    sitter.drop()

    again = f"/api/v1/services/shop_web/terminal?session={opened['session']}"
    back = sit_down_inside(client, again, opened["secret"])

    assert back.until_closed() == (4000, {"code": "exited", "exit_code": 0})
    assert back.printed[1] == b"late\n"


def test_nobody_comes_back(
    sit: Sit, web: str, sessions: Sessions, now: list[float], swarm: MemorySwarm, crane: Crane
) -> None:
    sit("services/shop_web").until_printed("/ # ").drop()
    [session] = sessions._sessions.values()
    until(lambda: session.left_at is not None)
    now[0] += 59
    sessions.look()
    assert session.ended is None

    now[0] += 2
    sessions.look()

    until(lambda: not len(sessions))
    [shell] = [run for run in all_execs(swarm) if run.pid]
    assert shell.ended.wait(60)
    assert shell.exit_code == 129, "it was hung up on"


def test_idle_terminal_is_closed(sit: Sit, web: str, sessions: Sessions, now: list[float]) -> None:
    sitter = sit("services/shop_web").until_printed("/ # ")

    now[0] += 1799
    sessions.look()
    sitter.type("echo here\r")
    sitter.until_printed("\r\nhere\r\n")
    now[0] += 1799
    sessions.look()
    sitter.type("echo still\r")
    sitter.until_printed("\r\nstill\r\n")
    now[0] += 1801
    sessions.look()

    assert sitter.until_closed() == (4005, {"code": "idle"})


def test_much_output_waits_for_who_says_what_they_took(sit: Sit, web: str) -> None:
    sitter = sit("services/shop_web", command=["head", "-c", "3000000", "/dev/zero"], tty=False)
    sitter.say(type="taken", bytes=0)
    told = [0]
    while sitter.until(lambda sitter: sitter.seen > told[-1] or is_over(sitter)) and not is_over(sitter):
        told.append(sitter.seen)
        sitter.say(type="taken", bytes=sitter.seen)

    assert sitter.until_closed() == (4000, {"code": "exited", "exit_code": 0})
    assert sitter.seen == 3_000_000


def test_message_that_is_not_understood_ends_nothing(sit: Sit, web: str) -> None:
    sitter = sit("services/shop_web").until_printed("/ # ")

    for message in ({"type": "dance"}, {"type": "resize", "columns": "wide", "rows": 1}, {}):
        sitter.say(**message)
        sitter.until(lambda sitter: sitter.messages and sitter.messages[-1]["type"] == "error")
        assert sitter.messages.pop()["code"] == "malformed-message"
    sitter.say(type="resize", columns=0, rows=-5)
    sitter.type("stty size\r")

    sitter.until_printed("24 80\r\n").drop()


def test_message_that_is_too_long_ends_the_connection(sit: Sit, web: str) -> None:
    sitter = sit("services/shop_web").until_printed("/ # ")

    sitter.type(b"x" * (64 * 1024 + 1))

    assert sitter.until_closed()[0] == 1009


def test_more_input_than_a_program_takes_ends_it(sit: Sit, web: str) -> None:
    sitter = sit("services/shop_web", command=["sleep", "100"], tty=False)
    try:
        for _ in range(100):
            sitter.type(b"x" * 60_000)
    except OSError:
        pass

    until(lambda: sitter.until_closed() is not None)


def is_over(sitter: Sitter) -> bool:
    """Tell whether it was said that it ended."""
    return any(message["type"] == "ended" for message in sitter.messages)


def all_execs(swarm: MemorySwarm) -> list[Any]:
    """Return what was started in all containers."""
    return [each for node in swarm.store.nodes for each in swarm.engine(node.name).execs.all.values()]


def test_server_that_stops_hangs_up_on_what_was_started_first(
    sit: Sit, web: str, sessions: Sessions, swarm: MemorySwarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "LEAVE_SECONDS", 60.0)
    sitter = sit("services/shop_web").until_printed("/ # ")
    stop = threading.Event()
    stop.set()

    sessions.run(stop)

    begun = [call.body for call in swarm.calls if call.path.endswith("/exec")]
    assert any(b"CRANE_TERMINAL=$1" in body for body in begun)
    assert len(sessions) == 0
    assert sitter.until_closed()[1] == {"code": "server-stops"}
