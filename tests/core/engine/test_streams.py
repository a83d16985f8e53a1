"""One stream, many readers."""

from __future__ import annotations

import threading

from crane_core.engine.streams import Fan, Shared


def put(fan: Fan[str], *texts: str) -> None:
    for text in texts:
        fan.put(text, 1, len(text))


def test_readers_are_given_what_comes_after_they_began() -> None:
    fan: Fan[str] = Fan(100)
    put(fan, "before")
    reader = fan.read()

    put(fan, "one", "two")

    assert reader.take() == (0, ["one", "two"])
    assert reader.take() == (0, [])


def test_slow_reader_is_told_how_much_it_lost() -> None:
    fan: Fan[str] = Fan(10)
    slow, quick = fan.read(), fan.read()
    for number in range(5):
        fan.put(f"{number}" * 4, 3, 4)
        assert quick.take() == (0, [f"{number}" * 4])

    assert slow.behind
    assert slow.take() == (9, ["3333", "4444"])
    assert slow.take() == (0, [])


def test_what_is_kept_is_bounded_by_its_size_but_for_the_newest_part() -> None:
    fan: Fan[str] = Fan(10)
    reader = fan.read()

    put(fan, "a", "b" * 50)

    assert reader.take() == (1, ["b" * 50])


def test_reader_waits_for_news() -> None:
    fan: Fan[str] = Fan(100)
    reader = fan.read()
    found: list[tuple[int, list[str]]] = []
    waiting = threading.Thread(target=lambda: found.append(reader.take(timeout=60)))
    waiting.start()

    put(fan, "news")
    waiting.join(60)

    assert found == [(0, ["news"])]


def test_end_wakes_readers() -> None:
    fan: Fan[str] = Fan(100)
    reader = fan.read()

    fan.end()

    assert reader.take(timeout=60) == (0, [])
    assert fan.ended


def test_bell_that_readers_share_rings_once() -> None:
    fan: Fan[str] = Fan(100)
    rung: list[bool] = []

    def ring() -> None:
        rung.append(True)

    first, second = fan.read(ring), fan.read(ring)
    put(fan, "a")
    first.close()
    put(fan, "b")
    second.close()
    put(fan, "c")

    assert len(rung) == 2


class _Open:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def test_what_is_shared_is_closed_after_the_last_gave_it_back() -> None:
    shared: Shared[str, _Open] = Shared(lambda key: _Open())
    first = shared.borrow("a")

    with shared.borrowed("a") as second:
        assert second is first
    assert (first.closed, len(shared)) == (0, 1)
    shared.give_back("a")

    assert (first.closed, len(shared)) == (1, 0)
    assert shared.borrow("a") is not first
