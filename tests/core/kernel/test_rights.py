"""Facts about how word of changed rights goes round."""

from __future__ import annotations

import threading

from crane_core.rights import Rights


def test_change_here_is_told_here_and_to_other_servers() -> None:
    rights, told = Rights(), list[str]()
    rights.tell(lambda: told.append("here"))
    rights.spread_by(lambda: told.append("elsewhere"))

    rights.changed()

    assert told == ["here", "elsewhere"]
    assert rights.version == 1


def test_change_elsewhere_is_told_here_only() -> None:
    rights, told = Rights(), list[str]()
    rights.tell(lambda: told.append("here"))
    rights.spread_by(lambda: told.append("elsewhere"))

    rights.noticed()

    assert told == ["here"]


def test_who_waits_is_woken_by_a_change() -> None:
    rights, seen = Rights(), list[int]()
    waiting = threading.Thread(target=lambda: seen.append(rights.wait(0, 60)))
    waiting.start()

    rights.changed()
    waiting.join(10)

    assert seen == [1]


def test_who_waits_goes_on_when_nothing_changes() -> None:
    assert Rights().wait(0, 0.001) == 0
