"""Facts about how word of changed rights goes round."""

from __future__ import annotations

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
