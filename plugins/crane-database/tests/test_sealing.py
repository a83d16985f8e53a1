"""Facts about the file of a backup: it tells nothing without the passphrase, and whatever is done to it is noticed."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

import pytest
from crane_database import sealing
from crane_database.sealing import CHUNK, HEAD, MAGIC, TAG, DamagedBackup, Opener, Sealer
from hypothesis import given
from hypothesis import strategies as st

PASSPHRASE = "correct horse battery"
_random = random.Random(7)
# Random, because what can be compressed would all fit into one chunk.
LINES = [f"line {number} {_random.randbytes(40).hex()}\n".encode() for number in range(4000)]


@pytest.fixture(autouse=True, scope="module")
def _cheap() -> Iterator[None]:
    """Guessing may be cheap here."""
    kept, sealing.COST = sealing.COST, (4, 8, 1)
    yield
    sealing.COST = kept


def seal(lines: list[bytes]) -> bytes:
    """Write a backup."""
    file = io.BytesIO()
    sealer = Sealer(file, PASSPHRASE)
    for line in lines:
        sealer.write(line)
    sealer.close()
    return file.getvalue()


def read(data: bytes, passphrase: str = PASSPHRASE) -> list[bytes]:
    """Read a backup to its end."""
    opener = Opener(io.BytesIO(data), passphrase)
    return list(iter(opener.readline, b""))


@given(st.lists(st.binary(max_size=2000).map(lambda data: data.replace(b"\n", b"") + b"\n"), max_size=20))
def test_what_is_read_is_what_was_written(lines: list[bytes]) -> None:
    assert read(seal(lines)) == lines


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_sizes_around_a_chunk_are_read(size: int) -> None:
    line = _random.randbytes(size).replace(b"\n", b"x") + b"\n"

    assert read(seal([line])) == [line]


def test_long_backup_has_several_chunks_and_is_read() -> None:
    sealed = seal(LINES)

    assert len(sealed) > HEAD + 2 * (CHUNK + TAG)
    assert read(sealed) == LINES


def test_file_tells_nothing_of_what_is_in_it() -> None:
    sealed = seal([b"password: canary-7f3a\n"])

    assert sealed.startswith(MAGIC)
    assert b"canary" not in sealed
    assert seal([b"same\n"]) != seal([b"same\n"])


def test_wrong_passphrase_is_told() -> None:
    with pytest.raises(DamagedBackup, match="The passphrase is wrong"):
        read(seal(LINES[:3]), "incorrect horse")


@pytest.mark.parametrize("place", ["check", "first chunk", "second chunk", "last byte"])
def test_altered_byte_is_noticed(place: str) -> None:
    sealed = bytearray(seal(LINES))
    at = {"check": HEAD - 1, "first chunk": HEAD + 5, "second chunk": HEAD + CHUNK + TAG + 5, "last byte": -1}[place]
    sealed[at] ^= 1

    with pytest.raises(DamagedBackup, match="altered"):
        read(bytes(sealed))


@pytest.mark.parametrize(
    "kept", [0, 5, len(MAGIC), HEAD - 1, HEAD, HEAD + 5, HEAD + CHUNK + TAG, HEAD + CHUNK + TAG + 9]
)
def test_truncated_file_is_noticed(kept: int) -> None:
    with pytest.raises(DamagedBackup, match=r"cut off|no backup"):
        read(seal(LINES)[:kept])


def test_chunks_in_another_order_are_noticed() -> None:
    sealed = seal(LINES)
    first, second = (sealed[HEAD + n * (CHUNK + TAG) : HEAD + (n + 1) * (CHUNK + TAG)] for n in range(2))

    with pytest.raises(DamagedBackup, match="altered"):
        read(sealed[:HEAD] + second + first + sealed[HEAD + 2 * (CHUNK + TAG) :])


def test_something_after_the_end_is_noticed() -> None:
    with pytest.raises(DamagedBackup, match="altered"):
        read(seal(LINES[:3]) + b"more")


def test_chunk_of_another_backup_is_noticed() -> None:
    one, other = seal(LINES[:3]), seal(LINES[:3])

    with pytest.raises(DamagedBackup, match="altered"):
        read(one[:HEAD] + other[HEAD:])


def test_newer_format_is_told() -> None:
    sealed = bytearray(seal(LINES[:3]))
    sealed[len(MAGIC)] = 2

    with pytest.raises(DamagedBackup, match="has the format 2; this Crane reads 1"):
        read(bytes(sealed))


def test_head_that_asks_for_all_memory_is_refused() -> None:
    sealed = bytearray(seal(LINES[:3]))
    sealed[len(MAGIC) + 1] = 40

    with pytest.raises(DamagedBackup, match="asks for what no backup needs"):
        read(bytes(sealed))


@given(st.binary(max_size=300))
def test_any_other_file_is_no_backup(data: bytes) -> None:
    with pytest.raises(DamagedBackup):
        read(data)


@given(st.binary(max_size=300))
def test_anything_after_the_head_is_no_backup(data: bytes) -> None:
    with pytest.raises(DamagedBackup):
        read(seal([b"x\n"])[:HEAD] + data)
