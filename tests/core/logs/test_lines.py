"""What an Engine sends of a container's output, turned into lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crane_core.engine.errors import AnswerUnreadable
from crane_core.logs.lines import MOST_FRAME, MOST_LINE, Line, LineReader, normalise, to_engine_time

STAMP = b"2026-05-04T12:00:00.000000001Z"
LATER = b"2026-05-04T12:00:00.000000002Z"


def frame(stream: int, content: bytes) -> bytes:
    return bytes((stream, 0, 0, 0)) + len(content).to_bytes(4, "big") + content


def read(*pieces: bytes) -> list[Line]:
    reader = LineReader()
    return [line for piece in pieces for line in reader.feed(piece)] + reader.end()


def test_frames_name_their_stream() -> None:
    sent = frame(1, STAMP + b" to all\n") + frame(2, LATER + b" oh no\n")

    assert read(sent) == [
        Line(STAMP.decode(), "stdout", "to all"),
        Line(LATER.decode(), "stderr", "oh no"),
    ]


@given(st.integers(1, 200))
def test_pieces_may_end_anywhere(size: int) -> None:
    sent = frame(1, STAMP + b" one\n") + frame(2, LATER + b" two\n") + frame(1, LATER + b" \n")
    terminal = STAMP + b" one\r\n" + LATER + b" two\r\n"

    for whole in (sent, terminal):
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        assert read(*pieces) == read(whole)


def test_pieces_of_a_long_line_are_joined() -> None:
    first, second = b"a" * 16384, b"b" * 100
    sent = frame(1, STAMP + b" " + first) + frame(2, LATER + b" else\n") + frame(1, STAMP + b" " + second + b"\n")

    lines = read(sent)

    assert [line.text for line in lines] == ["else", (first + second).decode()]


def test_pieces_of_a_long_line_of_a_terminal_are_joined() -> None:
    pieces = [b"a" * 16384, b"b" * 16384, b"c" * 10]
    sent = b"".join(STAMP + b" " + piece for piece in pieces) + b"\r\n" + LATER + b" next\r\n"

    lines = read(sent)

    assert [line.text for line in lines] == [b"".join(pieces).decode(), "next"]
    assert {line.stream for line in lines} == {"stdout"}


def test_endless_line_is_told_in_parts() -> None:
    chunk = b"x" * 16384
    count = MOST_LINE // 16384 + 2
    framed = b"".join(frame(1, STAMP + b" " + chunk) for _ in range(count)) + frame(1, STAMP + b" end\n")
    terminal = b"".join(STAMP + b" " + chunk for _ in range(count)) + b"\n" + LATER + b" next\n"

    lines = read(framed)
    assert "".join(line.text for line in lines) == "x" * 16384 * count + "end"
    assert max(len(line.text) for line in lines) == MOST_LINE
    assert read(terminal)[-1].text == "next"


def test_line_that_never_ended_is_told_at_the_end() -> None:
    assert read(frame(1, STAMP + b" half")) == [Line(STAMP.decode(), "stdout", "half")]
    assert read(STAMP + b" half") == [Line(STAMP.decode(), "stdout", "half")]


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert read(frame(1, STAMP + b" \xff\xfe\x1b[31m\n"))[0].text == "\ufffd\ufffd\x1b[31m"


def test_words_of_the_engine_are_kept_apart() -> None:
    reader = LineReader()

    assert reader.feed(frame(3, b"Error grabbing logs: node n2 is not available\n")) == []
    assert reader.said == "node n2 is not available"


def test_frame_that_claims_to_be_endless_is_not_waited_for() -> None:
    reader = LineReader()

    with pytest.raises(AnswerUnreadable, match=f"{MOST_FRAME + 1} bytes"):
        reader.feed(bytes((1, 0, 0, 0)) + (MOST_FRAME + 1).to_bytes(4, "big"))


@pytest.mark.parametrize("forged", [b"2026-99-99T99:99:99.000000001Z ", b"0001-01-01T00:00:00+23:59 "])
def test_text_that_looks_like_a_stamp_and_is_none_belongs_to_its_line(forged: bytes) -> None:
    begun = STAMP + b" " + b"x" * (MOST_LINE + 1)

    lines = read(begun, forged + b"end\n")

    assert "".join(line.text for line in lines).endswith(f"x{forged.decode()}end")
    assert {line.stamp for line in lines} == {STAMP.decode()}


@pytest.mark.parametrize("stamp", [b"2026-02-31T00:00:00Z", b"9999-12-31T23:59:59-23:59"])
def test_moment_that_never_was_is_left_as_it_is_written(stamp: bytes) -> None:
    assert normalise(stamp) == stamp.decode()


@pytest.mark.parametrize(
    ("written", "stamp"),
    [
        (b"2026-05-04T14:00:00.000000001+02:00", "2026-05-04T12:00:00.000000001Z"),
        (b"2026-05-04T07:00:00-05:00", "2026-05-04T12:00:00.000000000Z"),
        (b"2026-05-04T12:00:00.12Z", "2026-05-04T12:00:00.120000000Z"),
    ],
)
def test_stamps_of_other_zones_sort_with_the_rest(written: bytes, stamp: str) -> None:
    assert normalise(written) == stamp


def test_stamps_are_told_to_the_engine_without_losing_a_digit() -> None:
    assert to_engine_time("2026-05-04T12:00:00.123456789Z") == "1777896000.123456789"
