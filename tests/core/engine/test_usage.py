"""What Engines tell of the use of resources, as it is on kernels with either version of the control groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from crane_core.engine.usage import decode_usage

PAYLOADS = Path(__file__).parents[1] / "monitoring/payloads"


def payload(name: str, **changes: Any) -> bytes:
    """Return what an Engine answered, some members changed."""
    told: dict[str, Any] = msgspec.json.decode((PAYLOADS / f"{name}.json").read_bytes())
    return msgspec.json.encode({**told, **changes})


def test_first_version_of_the_control_groups() -> None:
    usage = decode_usage(payload("cgroup-v1"))

    assert usage is not None
    assert usage.cpu == pytest.approx(0.640634246)
    # usage 22167552 less the 20971520 of total_inactive_file
    assert (usage.memory, usage.memory_limit) == (1196032, 64 * 2**20)
    assert (usage.received, usage.sent, usage.read, usage.written, usage.pids) == (1042, 0, 0, 0, 1)


def test_second_version_of_the_control_groups() -> None:
    usage = decode_usage(payload("cgroup-v2"))

    assert usage is not None
    assert usage.cpu == pytest.approx(0.04217)
    assert (usage.memory, usage.memory_limit) == (9834496 - 2347008, 512 * 2**20)
    assert (usage.received, usage.sent) == (2000, 50)
    assert (usage.read, usage.written, usage.pids) == (3744000, 8192, 5)


def test_operations_of_disks_are_written_with_a_capital_by_the_first_version() -> None:
    transfers = [{"op": "Read", "value": 10}, {"op": "Write", "value": 20}, {"op": "Total", "value": 30}]

    usage = decode_usage(payload("cgroup-v1", blkio_stats={"io_service_bytes_recursive": transfers}))

    assert usage is not None
    assert (usage.read, usage.written) == (10, 20)


def test_a_container_that_does_not_run_was_not_measured() -> None:
    assert decode_usage(payload("stopped")) is None


def test_what_is_not_counted_is_not_known() -> None:
    raw = payload("cgroup-v2", networks=None, blkio_stats={"io_service_bytes_recursive": None}, pids_stats={})

    usage = decode_usage(raw)

    assert usage is not None
    assert [usage.received, usage.sent, usage.read, usage.written, usage.pids] == [None] * 5


def test_a_cache_that_is_larger_than_the_whole_is_not_taken_off() -> None:
    usage = decode_usage(payload("cgroup-v2", memory_stats={"usage": 100, "stats": {"inactive_file": 200}}))

    assert usage is not None
    assert usage.memory == 100


def test_moments_are_read_to_the_fraction_of_a_second() -> None:
    first = decode_usage(payload("cgroup-v2", read="2026-11-27T02:43:11.25Z"))
    second = decode_usage(payload("cgroup-v2", read="2026-11-27T02:43:13.753722817Z"))

    assert first is not None
    assert second is not None
    assert second.at - first.at == pytest.approx(2.503722, abs=1e-5)
