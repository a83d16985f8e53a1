"""The contract: what Engines send of what containers print, byte by byte, and what is read from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from crane_core.engine.client import Engine
from crane_core.engine.errors import InvalidSpec
from crane_core.errors import CraneError, NotFound
from crane_core.logs.lines import LineReader, to_engine_time
from crane_core.testing.contract.asking import Contract, ContractSwarm, service

BOTH = {"stdout": True, "stderr": True}
# What is longer comes in pieces of this size.
PIECE = 16 * 1024
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ")


class LogsContract(Contract):
    """Logs of containers on ``node2``, and of tasks by way of the managers."""

    @pytest.fixture(autouse=True)
    def _reach(self, contract_swarm: ContractSwarm) -> Iterator[None]:
        self.node: Engine = contract_swarm.engine_of("node2")
        yield
        try:
            self.node.send("DELETE", "/containers/talker", params={"force": True})
        except CraneError:
            # Some tests make none, or remove it.
            return

    # What a container prints without a terminal

    def test_each_line_is_a_frame_that_names_its_stream(self) -> None:
        id_ = self.talker()
        self.say(id_, b"out\n")
        self.say(id_, b"err\n", "stderr")

        assert self.read(id_) == b"\x01\0\0\0\0\0\0\x04out\n\x02\0\0\0\0\0\0\x04err\n"
        assert self.read(id_, stderr=None) == b"\x01\0\0\0\0\0\0\x04out\n"
        assert self.read(id_, stdout=None) == b"\x02\0\0\0\0\0\0\x04err\n"

    def test_stamps_of_nine_digits_stand_before_each_line(self) -> None:
        id_ = self.talker()
        self.say(id_, b"one\n")
        self.say(id_, b"two\n")

        frames = split(self.read(id_, timestamps=True))

        assert [_STAMP.sub(b"", content) for _, content in frames] == [b"one\n", b"two\n"]
        assert all(_STAMP.match(content) for _, content in frames)
        assert frames[0][1] < frames[1][1]

    def test_long_line_comes_in_pieces_of_one_stamp(self) -> None:
        id_ = self.talker()
        long = b"x" * (2 * PIECE + 100) + b"\n"
        self.say(id_, long, upto=3)

        frames = split(self.read(id_, timestamps=True))

        assert [len(content) - 31 for _, content in frames] == [PIECE, PIECE, 101]
        assert len({content[:31] for _, content in frames}) == 1
        assert self.lines(id_) == [("stdout", long.decode().rstrip())]

    def test_line_that_was_not_ended_is_told_at_the_end(self) -> None:
        id_ = self.talker()
        self.say(id_, b"whole\n")
        self.swarm.print(self.node, id_, b"no end")
        assert self.read(id_) == b"\x01\0\0\0\0\0\0\x06whole\n"

        self.node.send("POST", f"/containers/{id_}/kill")

        self.swarm.until(lambda: len(split(self.read(id_))) == 2, "the rest is told")
        assert split(self.read(id_))[1] == (1, b"no end")
        assert self.lines(id_) == [("stdout", "whole"), ("stdout", "no end")]

    def test_bytes_that_are_no_text_are_told_as_such(self) -> None:
        id_ = self.talker()
        self.say(id_, b"\0\x01\x1b[31m\x7f\t\r" + "\u00fc\u4e2d\U0001f600".encode() + b"\n")
        self.say(id_, b"a\xffb\xfe\n")

        first, second = (content for _, content in split(self.read(id_)))

        assert first == b"\0\x01\x1b[31m\x7f\t\r" + "\u00fc\u4e2d\U0001f600".encode() + b"\n"
        # The Engine keeps logs as JSON, in which these have no place.
        assert second == "a\ufffdb\ufffd\n".encode()

    # What it prints to a terminal

    def test_terminal_has_no_frames_and_one_stream(self) -> None:
        id_ = self.talker(Tty=True)
        self.say(id_, b"one\n")
        self.say(id_, b"two\n")

        assert self.read(id_) == b"one\r\ntwo\r\n"
        stamped = self.read(id_, timestamps=True)
        assert _STAMP.sub(b"", stamped) == b"one\r\ntwo\r\n"
        assert self.lines(id_) == [("stdout", "one"), ("stdout", "two")]

    def test_pieces_of_a_long_line_of_a_terminal_are_put_together(self) -> None:
        id_ = self.talker(Tty=True)
        long = b"y" * (PIECE + 1000) + b"\n"
        self.say(id_, long, upto=2)

        stamped = self.read(id_, timestamps=True)

        assert len(_STAMP.findall(stamped)) == 2
        assert self.lines(id_) == [("stdout", long.decode().rstrip())]

    # Which lines are wanted

    def test_newest_lines_are_counted_from_the_end(self) -> None:
        id_ = self.talker()
        for word in (b"one\n", b"two\n", b"three\n"):
            self.say(id_, word)

        assert split(self.read(id_, tail=2)) == [(1, b"two\n"), (1, b"three\n")]
        assert self.read(id_, tail=0) == b""
        assert len(split(self.read(id_, tail="all"))) == 3

    def test_moments_are_inclusive_to_the_nanosecond(self) -> None:
        id_ = self.talker()
        for word in (b"one\n", b"two\n", b"three\n"):
            self.say(id_, word)
        moments = [to_engine_time(line.stamp) for line in read_lines(self.read(id_, timestamps=True))]

        def texts(**more: Any) -> list[bytes]:
            return [content for _, content in split(self.read(id_, **more))]

        assert texts(since=moments[1]) == [b"two\n", b"three\n"]
        assert texts(until=moments[1]) == [b"one\n", b"two\n"]
        assert texts(since=moments[1], until=moments[1]) == [b"two\n"]

    # How they end

    def test_log_of_whoever_said_nothing_is_empty(self) -> None:
        never = self.talker(start=False)
        assert self.read(never) == b""

        self.node.send("POST", f"/containers/{never}/start")

        assert self.read(never) == b""

    def test_no_stream_is_refused(self) -> None:
        id_ = self.talker()

        with pytest.raises(InvalidSpec, match="must choose at least one stream"):
            self.node.read(f"/containers/{id_}/logs")

    def test_container_that_is_gone_is_not_found(self) -> None:
        id_ = self.talker()
        self.node.send("DELETE", f"/containers/{id_}", params={"force": True})

        with pytest.raises(NotFound, match="No such container"):
            self.read(id_)

    def test_what_is_followed_ends_with_the_container(self) -> None:
        id_ = self.talker()
        self.say(id_, b"before\n")
        stream = self.node.stream(f"/containers/{id_}/logs", follow=True, timeout=30, stdout=True, stderr=True)
        reader = FrameReader(stream)
        assert reader.take() == (1, b"before\n")

        self.swarm.print(self.node, id_, b"after\n")
        assert reader.take() == (1, b"after\n")
        self.node.send("POST", f"/containers/{id_}/kill")

        assert reader.rest() == b""
        assert split(self.read(id_, follow=True)) == [(1, b"before\n"), (1, b"after\n")]

    # What the managers pass on

    def test_managers_tell_the_task_of_each_line_where_details_are_wanted(self) -> None:
        placement = {"Constraints": ["node.hostname==node2"]}
        id_ = self.start(service("web", replicas=1, task={"Placement": placement}))
        [task] = self.tasks("web")
        assert task.container_id
        self.say(task.container_id, b"hello\n")
        told = (
            f"com.docker.swarm.node.id={task.NodeID},com.docker.swarm.service.id={id_},"
            f"com.docker.swarm.task.id={task.ID} hello\n"
        )

        for path in (f"/tasks/{task.ID}/logs", f"/services/{id_}/logs"):
            assert split(self.engine.read(path, **BOTH)) == [(1, b"hello\n")]
            assert split(self.engine.read(path, details=True, **BOTH)) == [(1, told.encode())]
            [(_, stamped)] = split(self.engine.read(path, details=True, timestamps=True, **BOTH))
            assert _STAMP.sub(b"", stamped) == told.encode()
        assert split(self.read(task.container_id, details=True)) == [(1, b" hello\n")]

    def test_managers_send_no_frames_of_terminals(self) -> None:
        placement = {"Constraints": ["node.hostname==node2"]}
        self.start(service("web", replicas=1, task={"Placement": placement}, container={"TTY": True}))
        [task] = self.tasks("web")
        assert task.container_id
        self.say(task.container_id, b"hello\n")

        sent = self.engine.read(f"/tasks/{task.ID}/logs", timestamps=True, **BOTH)

        assert _STAMP.sub(b"", sent) == b"hello\r\n"

    # What these tests ask with

    def talker(self, *, start: bool = True, **config: Any) -> str:
        """Make a container that says what it is told to say; return its id."""
        body = {"Image": "lab/web:v1", **config}
        id_ = str(self.node.send("POST", "/containers/create", body, params={"name": "talker"})["Id"])
        if start:
            self.node.send("POST", f"/containers/{id_}/start")
        return id_

    def say(self, container: str, content: bytes, stream: str = "stdout", *, upto: int = 1) -> None:
        """Have a container print something, and wait until its Engine has so many more stamps of it."""
        before = len(_STAMP.findall(self.read(container, timestamps=True)))
        self.swarm.print(self.node, container, content, stream)
        self.swarm.until(
            lambda: len(_STAMP.findall(self.read(container, timestamps=True))) == before + upto, "it is printed"
        )

    def read(self, container: str, **params: Any) -> bytes:
        """Return what its Engine sends of what a container printed, to both streams unless told otherwise."""
        return self.node.read(f"/containers/{container}/logs", **{**BOTH, **params})

    def lines(self, container: str) -> list[tuple[str, str]]:
        """Return what Crane reads from that: the stream and the text of each line."""
        return [(line.stream, line.text) for line in read_lines(self.read(container, timestamps=True))]


class FrameReader:
    """Takes frames from a stream, as they come."""

    def __init__(self, stream: Iterator[bytes]) -> None:
        self._stream = stream
        self._came = b""

    def take(self) -> tuple[int, bytes]:
        """Return the next frame: its stream and its content."""
        while len(self._came) < 8 or len(self._came) < 8 + int.from_bytes(self._came[4:8], "big"):
            self._came += next(self._stream)
        end = 8 + int.from_bytes(self._came[4:8], "big")
        found = self._came[0], self._came[8:end]
        self._came = self._came[end:]
        return found

    def rest(self) -> bytes:
        """Return whatever comes until the end."""
        return self._came + b"".join(self._stream)


def split(sent: bytes) -> list[tuple[int, bytes]]:
    """Return the frames in what an Engine sent: the stream and the content of each."""
    found = []
    while sent:
        assert sent[1:4] == b"\0\0\0", sent[:40]
        end = 8 + int.from_bytes(sent[4:8], "big")
        found.append((sent[0], sent[8:end]))
        sent = sent[end:]
    return found


def read_lines(sent: bytes) -> Any:
    """Return the lines that Crane reads from what an Engine sent."""
    reader = LineReader()
    return [*reader.feed(sent), *reader.end()]
