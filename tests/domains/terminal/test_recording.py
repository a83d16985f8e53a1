"""Recordings of terminals."""

from __future__ import annotations

import fcntl
import json
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from crane_core.cluster.terminal.recordings import DAY, Recorder, Recordings
from crane_core.context import Crane
from crane_core.events import Event
from crane_core.live.board import Board
from crane_core.live.hub import Hub
from tests.domains.terminal.conftest import Rights
from tests.terminals import Sitter

Sit = Callable[..., Sitter]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "recordings"


@pytest.fixture
def crane_settings(folder: Path) -> dict[str, Any]:
    return {"terminal.record": True, "terminal.recordings_directory": str(folder)}


class Followed:
    """A topic as a subscriber sees it."""

    def __init__(self, crane: Crane, text: str) -> None:
        topic, parameters = crane.room(Hub).find_topic(text)
        listing = topic.listing
        assert listing is not None
        self._board = Board(text, topic.action, lambda: listing(crane, parameters), topic.key)

    def look(self) -> dict[str, Any]:
        """Return its items."""
        self._board.refresh()
        return {key: json.loads(bytes(item.text)) for key, item in self._board.items.items()}


def read(text: str) -> tuple[dict[str, Any], list[tuple[float, str, str]]]:
    """Take a recording apart: its head, and what happened."""
    head, *lines = map(json.loads, text.splitlines())
    return head, [tuple(line) for line in lines]  # type: ignore[misc]


def test_terminal_is_recorded_as_an_asciicast(web: str, sit: Sit, client: FlaskClient, folder: Path) -> None:
    sitter = sit("services/shop_web", columns=100, rows=30).until_printed("/ # ")
    assert sitter.message("opened")["recorded"] is True
    sitter.say(type="resize", columns=120, rows=40)
    sitter.type("echo grüße\r")
    sitter.until_printed("\r\ngrüße\r\n")
    sitter.type("exit 2\r")
    sitter.until_closed()

    [listed] = client.get("/api/v1/terminal-recordings").json["items"]
    assert (listed["by"], listed["service"], listed["node"], listed["command"]) == (
        "ann",
        "shop_web",
        "node1",
        "(a shell)",
    )
    answer = client.get(f"/api/v1/terminal-recordings/{listed['id']}")
    assert answer.mimetype == "application/x-asciicast"
    head, events = read(answer.text)
    assert (head["version"], head["width"], head["height"]) == (2, 100, 30)
    assert "".join(text for _, kind, text in events if kind == "o") == sitter.screen
    assert [text for _, kind, text in events if kind == "r"] == ["120x40"]
    assert events[-1][1:] == ("m", "exited 2")
    assert [at for at, _, _ in events] == sorted(at for at, _, _ in events)
    [file] = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_recordings_are_for_who_may_see_them(web: str, sit: Sit, client: FlaskClient, rights: Rights) -> None:
    sit("services/shop_web", command=["true"]).until_closed()
    [listed] = client.get("/api/v1/terminal-recordings?by=ann&service=shop_web").json["items"]
    assert client.get("/api/v1/terminal-recordings?by=bob").json["items"] == []
    rights.denied["bob"] = {"terminal-recording:read"}

    for path in ("", f"/{listed['id']}"):
        answer = client.get(f"/api/v1/terminal-recordings{path}", headers={"X-Caller": "bob"})
        assert answer.status_code == 403
    rights.denied["bob"] = {"terminal-recording:remove"}
    answer = client.delete(f"/api/v1/terminal-recordings/{listed['id']}", headers={"X-Caller": "bob"})
    assert answer.status_code == 403


@pytest.mark.parametrize("name", ["gone", "..%2F..%2Fcrane", "x.cast", "A", "x" * 300])
def test_recording_that_is_not_there_is_told(client: FlaskClient, name: str) -> None:
    assert client.get(f"/api/v1/terminal-recordings/{name}").status_code == 404
    assert client.delete(f"/api/v1/terminal-recordings/{name}").status_code == 404


def test_terminal_that_cannot_be_recorded_is_not_opened(web: str, sit: Sit, folder: Path) -> None:
    folder.write_text("in the way")

    sitter = sit("services/shop_web")

    assert sitter.until_closed() == (4010, {"code": "not-recorded"})


def test_large_recording_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.cast"
    recorder = Recorder(_open(path), 300, 0.0)

    for second in range(20):
        recorder.write(float(second), 1, b"0123456789" * 3)
    recorder.close(20.0, "exited 0")

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert recorder.cut
    assert lines[-2][1:] == ["m", "The rest is not recorded."]
    assert lines[-1] == [20.0, "m", "exited 0"]
    assert path.stat().st_size < 500


def test_letter_in_two_pieces_is_whole_in_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.cast"
    recorder = Recorder(_open(path), 10_000, 0.0)

    recorder.write(1.0, 1, "é".encode()[:1])
    recorder.write(2.0, 1, "é".encode()[1:])
    recorder.close(3.0, "exited 0")

    assert json.loads(path.read_text().splitlines()[0]) == [2.0, "o", "é"]


def test_old_recordings_are_removed(crane: Crane, folder: Path) -> None:
    recordings = crane.room(Recordings)
    for name in ("old", "new"):
        recordings.begin(name, (80, 24), "sh", {}, 0.0).close(1.0, "exited 0")

    recordings.clear(time.time() + 89 * DAY)
    assert len(recordings.all()) == 2
    open_ = recordings.begin("open", (80, 24), "sh", {}, 0.0)
    recordings.clear(time.time() + 91 * DAY)

    assert [each.id for each in recordings.all()] == ["open"]
    open_.close(1.0, "exited 0")


def test_recording_is_removed_and_that_is_told(
    web: str, sit: Sit, client: FlaskClient, crane: Crane, folder: Path, events: list[Event]
) -> None:
    sit("services/shop_web", command=["true"]).until_closed()
    [listed] = client.get("/api/v1/terminal-recordings?open=false").json["items"]

    assert client.delete(f"/api/v1/terminal-recordings/{listed['id']}", headers={"X-Caller": "bob"}).status_code == 204

    assert list(folder.iterdir()) == []
    assert client.get("/api/v1/terminal-recordings").json["items"] == []
    assert client.delete(f"/api/v1/terminal-recordings/{listed['id']}").status_code == 404
    crane.events.drain()
    [told] = [event for event in events if event.kind == "recording.removed"]
    assert (told.by, told.id) == ("bob", listed["id"])
    assert told.detail == {
        "of": "ann",
        "container": listed["container"],
        "node": "node1",
        "started_at": listed["started_at"],
    }


def test_recording_of_an_open_terminal_is_not_removed(web: str, sit: Sit, client: FlaskClient, folder: Path) -> None:
    sitter = sit("services/shop_web").until_printed("/ # ")
    [listed] = client.get("/api/v1/terminal-recordings?open=true").json["items"]

    answer = client.delete(f"/api/v1/terminal-recordings/{listed['id']}")

    assert (answer.status_code, answer.json["code"]) == (409, "still-recorded")
    assert len(list(folder.iterdir())) == 1
    sitter.type("exit\r")
    sitter.until_closed()
    assert client.delete(f"/api/v1/terminal-recordings/{listed['id']}").status_code == 204


def test_recording_that_another_server_writes_is_not_removed(client: FlaskClient, crane: Crane, folder: Path) -> None:
    # It shares the directory, and is known by its lock only.
    crane.room(Recordings).begin("theirs", (80, 24), "sh", {}, 0.0).close(1.0, "exited 0")
    with (folder / "theirs.cast").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert client.delete("/api/v1/terminal-recordings/theirs").status_code == 409
    assert client.delete("/api/v1/terminal-recordings/theirs").status_code == 204


def test_followers_are_told_of_recordings_as_they_come_grow_and_go(crane: Crane) -> None:
    recordings, topic = crane.room(Recordings), Followed(crane, "terminal-recordings")
    assert topic.look() == {}

    recorder = recordings.begin("a", (80, 24), "sh", {"by": "ann"}, 0.0)
    begun = topic.look()["a"]
    recorder.write(1.0, 1, b"hello")
    grown = topic.look()["a"]
    recorder.close(2.0, "exited 0")
    ended = topic.look()["a"]
    assert (begun["open"], begun["bytes"] < grown["bytes"] < ended["bytes"], ended["open"]) == (True, True, False)
    assert Followed(crane, "terminal-recordings/a").look() == {"a": ended}

    recordings.remove("a")
    assert topic.look() == {}


def test_file_of_another_program_is_listed_as_far_as_it_tells(client: FlaskClient, folder: Path) -> None:
    folder.mkdir()
    (folder / "other.cast").write_text('{"version": 2, "width": 80, "height": 24}\n')
    (folder / "broken.cast").write_text("no head")

    [listed] = client.get("/api/v1/terminal-recordings").json["items"]

    assert (listed["id"], listed["by"], listed["service"], listed["open"]) == ("other", "", None, False)
    assert listed["started_at"] > 0


def _open(path: Path) -> int:
    import os

    return os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
