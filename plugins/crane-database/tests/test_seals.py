"""Seals: what is sealed is opened with the same key, as what it is of, or not at all."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from crane_database import NoSealKey, OtherSealKey, Seal, SealAltered


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a key will be."""
    return tmp_path / "plugin" / "seal.key"


def test_sealed_is_opened_after_a_restart(path: Path) -> None:
    seal = Seal(path)
    sealed = seal.close(b"secret", "ann")

    again = Seal(path)

    assert again.open(sealed, "ann", seal.key_id) == b"secret"
    assert b"secret" not in sealed
    assert again.derive(b"mark") == seal.derive(b"mark") != seal.derive(b"id")


def test_key_is_readable_to_its_owner_alone(path: Path) -> None:
    Seal(path)

    assert (stat.S_IMODE(path.stat().st_mode), len(path.read_bytes())) == (0o600, 32)
    assert [each.name for each in path.parent.iterdir()] == ["seal.key"]


def test_of_many_who_make_a_key_at_once_all_have_the_same(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len({seal.key_id for seal in pool.map(Seal, [path] * 8)}) == 1


@pytest.mark.parametrize("about", ["bob", ""])
def test_sealed_is_opened_as_what_it_is_of_alone(path: Path, about: str) -> None:
    seal = Seal(path)

    with pytest.raises(SealAltered):
        seal.open(seal.close(b"secret", "ann"), about, seal.key_id)


@pytest.mark.parametrize("at", [0, 12, -1])
def test_altered_is_not_opened(path: Path, at: int) -> None:
    seal = Seal(path)
    sealed = bytearray(seal.close(b"secret", "ann"))
    sealed[at] ^= 1

    with pytest.raises(SealAltered):
        seal.open(bytes(sealed), "ann", seal.key_id)


def test_other_key_is_named(path: Path, tmp_path: Path) -> None:
    seal, other = Seal(path), Seal(tmp_path / "other.key")

    with pytest.raises(OtherSealKey, match=seal.key_id):
        other.open(seal.close(b"secret", "ann"), "ann", seal.key_id)


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)

    with pytest.raises(NoSealKey, match="head -c 32 /dev/urandom"):
        Seal(tmp_path / "key")


def test_key_is_not_made_where_one_was_named(path: Path) -> None:
    with pytest.raises(NoSealKey, match="There is no"):
        Seal(path, make=False)

    assert not path.exists()
