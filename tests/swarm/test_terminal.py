"""Terminals on a real Swarm: on another node, with real programs, and what becomes of what was started."""

from __future__ import annotations

import hashlib
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest

from tests.lab.lab import Lab
from tests.swarm.server import Server
from tests.terminals import Sitter, sit_down

MUCH = 10 * 1024 * 1024
STACK = """
services:
  box:
    image: lab/busybox:1
    command: [sleep, "1000000"]
    deploy: {placement: {constraints: ["node.hostname == HOST"]}}
"""


@pytest.fixture
def server(swarm3: Lab, tmp_path: Path) -> Iterator[Server]:
    """A server that reaches the Engine of each node by its socket."""
    endpoints = ",".join(f"{swarm3.node(number).name}={url}" for number, url in enumerate(swarm3.urls, 1))
    settings = {"CRANE_ENGINE_NODE_ENDPOINTS": endpoints, "CRANE_TERMINAL_REATTACH_SECONDS": "3"}
    running = Server(swarm3.url, tmp_path, **settings).start()
    yield running
    running.stop()


@pytest.fixture
def box(server: Server, swarm3: Lab) -> str:
    """A service whose task runs on the second node; its name."""
    operation = server.deploy("shop", STACK.replace("HOST", swarm3.node(2).name))
    assert operation["verdict"]["outcome"] == "converged", operation
    return "shop_box"


def sit(server: Server, where: str, **body: Any) -> Sitter:
    """Open a terminal."""
    status, ticket = server.ask("POST", f"/{where}/terminal-tickets", body)
    assert status == 201, ticket
    return sit_down(server._port, ticket["address"], ticket["ticket"], **server.headers)


def processes(lab: Lab, container: str) -> list[str]:
    """Return what runs in a container of the second node."""
    told = subprocess.run(
        ["docker", "-H", lab.urls[1], "top", container, "-eo", "pid,args"], capture_output=True, text=True, check=True
    )
    return [line.split(None, 1)[1] for line in told.stdout.splitlines()[1:]]


def test_shell_on_another_node_with_real_programs(server: Server, swarm3: Lab, box: str) -> None:
    sitter = sit(server, f"services/{box}", columns=91, rows=27)
    opened = sitter.until(lambda sitter: sitter.messages).message("opened")
    assert (opened["node"], opened["command"]) == (swarm3.node(2).name, ["ash"])

    # The size is that of the window, and follows it.
    sitter.type("stty size\n")
    sitter.until_printed("27 91")
    sitter.say(type="resize", columns=120, rows=40)
    sitter.type("stty size\n")
    sitter.until_printed("40 120")

    # Letters of several bytes, typed one byte at a time.
    sitter.type("cat > /tmp/words\n")
    # What is typed before a program runs is read by the shell.
    server.until(lambda: "cat" in processes(swarm3, opened["container_id"]), "the program runs")
    for byte in "grüße, 世界\n".encode():
        sitter.type(bytes((byte,)))
    sitter.type(b"\x04")
    sitter.type("md5sum /tmp/words\n")
    sitter.until_printed(hashlib.md5("grüße, 世界\n".encode(), usedforsecurity=False).hexdigest())

    # An editor that takes the whole screen.
    sitter.type("vi /tmp/new\n")
    # The other screen of the terminal.
    sitter.until_printed("\x1b[?1049h")
    sitter.type("i")
    sitter.until_printed("I /tmp/new")
    sitter.type("written by vi")
    sitter.until_printed("written by vi")
    # Escape is told from the beginning of another key by the pause after it.
    before = sitter.seen
    sitter.type("\x1b")
    sitter.until(lambda sitter: sitter.seen > before)
    sitter.type(":wq\r")
    sitter.until_printed("\x1b[?1049l")
    sitter.type("cat /tmp/new; echo end of file\n")
    sitter.until_printed("\r\nwritten by vi\r\nend of file\r\n")

    # A program that goes on by itself.
    sitter.type("top -d 1\n")
    sitter.until_printed("Load average")
    sitter.type("q")
    server.until(lambda: "top -d 1" not in processes(swarm3, opened["container_id"]), "it has ended")
    sitter.type("exit 9\n")
    assert sitter.until_closed() == (4000, {"code": "exited", "exit_code": 9})


def test_ten_mebibytes_come_unharmed(server: Server, box: str) -> None:
    make = f"head -c {MUCH} /dev/urandom > /tmp/much; md5sum /tmp/much >&2; cat /tmp/much"

    sitter = sit(server, f"services/{box}", command=["sh", "-c", make], tty=False)
    sitter.until(lambda sitter: sitter.seen >= MUCH)

    assert sitter.until_closed() == (4000, {"code": "exited", "exit_code": 0})
    digest = hashlib.md5(sitter.printed[1], usedforsecurity=False).hexdigest()
    assert sitter.printed[2].split()[0].decode() == digest


def test_what_was_typed_goes_on_after_the_connection_was_lost(server: Server, box: str) -> None:
    first = sit(server, f"services/{box}")
    first.type("for i in 1 2 3 4 5 6 7 8; do echo count $i; sleep 0.2; done; echo al''l\n")
    opened = first.until_printed("count 3").message("opened")
    first.drop()

    path = f"/api/v1/services/{box}/terminal?session={opened['session']}&seen={first.seen}"
    second = sit_down(server._port, path, opened["secret"], **server.headers)
    second.until_printed("all")

    whole = first.screen + second.screen
    assert re.findall(r"count (\d)\r", whole) == list("12345678")
    second.say(type="close")
    assert second.until_closed() == (4008, {"code": "closed"})


def test_nothing_lives_on_when_nobody_comes_back(server: Server, swarm3: Lab, box: str) -> None:
    sitter = sit(server, f"services/{box}")
    sitter.type("sleep 4321 & vi /tmp/x\n")
    container = sitter.until_printed("/tmp/x").message("opened")["container_id"]
    # The terminal shows what is typed before it is carried out.
    begun = {"sleep 4321", "vi /tmp/x"}
    server.until(lambda: begun <= set(processes(swarm3, container)), "what was typed runs")

    sitter.drop()

    server.until(
        lambda: processes(swarm3, container) == ["sleep 1000000"], "what was started in the terminal has ended"
    )


def test_image_without_a_shell_is_told(server: Server, swarm3: Lab, box: str) -> None:
    sitter = sit(server, f"services/{box}", command=["mv", "/bin/sh", "/bin/ash", "/tmp"])
    sitter.until_closed()

    sitter = sit(server, f"services/{box}")

    assert sitter.until_closed() == (4001, {"code": "no-shell"})


def test_container_that_is_killed_is_told(server: Server, swarm3: Lab, box: str) -> None:
    sitter = sit(server, f"services/{box}")
    sitter.type("echo rea''dy\n")
    container = sitter.until_printed("ready").message("opened")["container_id"]

    subprocess.run(["docker", "-H", swarm3.urls[1], "kill", container], check=True, capture_output=True)

    assert sitter.until_closed() == (4004, {"code": "container-gone", "exit_code": 137})


def test_node_that_loses_its_power_is_told(server: Server, swarm3: Lab, box: str) -> None:
    sitter = sit(server, f"services/{box}")
    sitter.type("echo rea''dy\n")
    sitter.until_printed("ready")

    swarm3.kill_node(2)

    assert sitter.until_closed()[1]["code"] in ("node-unreachable", "container-gone")


def test_command_line_sits_in_front_of_a_terminal(server: Server, box: str) -> None:
    crane = [str(Path(sys.executable).with_name("crane")), "--server", server.url, "exec"]
    environment = {**os.environ, "CRANE_CLI_TOKEN": server.token}

    piped = subprocess.run(
        [*crane, "-i", box, "sh", "-c", "cat; echo err >&2; exit 7"],
        input=b"through\0the pipe\xff\n" * 50_000,
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert piped.returncode == 7
    assert piped.stdout == b"through\0the pipe\xff\n" * 50_000
    assert piped.stderr == b"err\n"

    # A program that ends before it has taken all of its input.
    early = subprocess.run(
        [*crane, "-i", box, "head", "-c", "5"], input=b"x" * MUCH, env=environment, capture_output=True, timeout=60
    )
    assert (early.returncode, early.stdout) == (0, b"xxxxx")

    missing = subprocess.run(
        [*crane, box, "zsh"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert missing.returncode == 127
    assert "zsh cannot be run in this container" in missing.stderr

    pid, file = pty.fork()
    if pid == 0:
        os.execve(crane[0], [*crane, "-it", box], environment)
    ioctl(file, termios.TIOCSWINSZ, struct.pack("HHHH", 31, 101, 0, 0))
    said = _until(file, b"/ # ")
    os.write(file, b"stty size\r")
    said = _until(file, b"31 101\r\n")
    ioctl(file, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 60, 0, 0))
    time.sleep(0.5)
    os.write(file, b"stty size\r")
    said = _until(file, b"20 60\r\n")
    os.write(file, b"exit 6\r")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 6, said
    os.close(file)


def _until(file: int, words: bytes) -> bytes:
    """Read a terminal until something was printed."""
    said, deadline = b"", time.monotonic() + 30
    while words not in said:
        assert time.monotonic() < deadline, said
        if select.select([file], [], [], 1)[0]:
            said += os.read(file, 4096)
    return said
