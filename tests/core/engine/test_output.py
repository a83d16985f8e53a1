"""What a task printed, out of the frames in which the Engine sends it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crane_core.engine.output import Output, OutputReader


def frame(stream: int, content: bytes) -> bytes:
    """Return a piece of output as it goes over the wire."""
    return bytes((stream, 0, 0, 0)) + len(content).to_bytes(4, "big") + content


def read(*pieces: bytes, most: int = 1000) -> Output:
    """Read pieces as they come."""
    reader = OutputReader(most)
    for piece in pieces:
        reader.feed(piece)
    return reader.end()


@given(st.lists(st.tuples(st.sampled_from((1, 2)), st.binary(min_size=1, max_size=20)), min_size=1), st.integers(1, 9))
def test_output_is_the_same_in_pieces_of_any_size(frames, size):
    sent = b"".join(frame(stream, content) for stream, content in frames)

    output = read(*(sent[at : at + size] for at in range(0, len(sent), size)), most=50)

    whole = b"".join(content for _, content in frames)
    assert output == Output(whole[-50:], len(whole) > 50)


def test_output_of_a_terminal_has_no_frames():
    assert read(b"hello", b" world\r\n") == Output(b"hello world\r\n")
    assert read(b"short") == Output(b"short")


def test_what_the_engine_says_itself_is_an_error_and_no_output():
    sent = frame(1, b"a\n") + frame(3, b"Error grabbing logs: node x is not available\n")

    assert read(sent) == Output(b"a\n", error="node x is not available")


def test_nothing_printed_is_no_output():
    assert read() == Output(b"")


def test_frame_that_was_cut_off_is_left_out():
    assert read(frame(1, b"whole\n") + frame(1, b"cut off")[:-3]) == Output(b"whole\n")
