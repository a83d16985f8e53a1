"""What a container uses, as the Engine of its node measures it at one moment.

Read from ``GET /containers/{id}/stats``, whose members differ between the two versions of the kernel's control groups:
https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Container/operation/ContainerStats
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from crane_core.engine.parts import Part
from crane_core.engine.records import parse_time


class _CpuUsage(Part, frozen=True):
    total_usage: int = 0


class _Cpu(Part, frozen=True):
    cpu_usage: _CpuUsage = _CpuUsage()


class _MemoryDetails(Part, frozen=True):
    # Of version 2 of the control groups, and of version 1.
    inactive_file: int | None = None
    total_inactive_file: int | None = None


class _Memory(Part, frozen=True):
    usage: int = 0
    limit: int = 0
    stats: _MemoryDetails | None = None


class _Interface(Part, frozen=True):
    rx_bytes: int = 0
    tx_bytes: int = 0


class _Transfer(Part, frozen=True):
    op: str = ""
    value: int = 0


class _Disk(Part, frozen=True):
    io_service_bytes_recursive: tuple[_Transfer, ...] | None = None


class _Pids(Part, frozen=True):
    current: int | None = None


class _Stats(Part, frozen=True):
    read: str = ""
    cpu_stats: _Cpu = _Cpu()
    memory_stats: _Memory = _Memory()
    networks: dict[str, _Interface] | None = None
    blkio_stats: _Disk = _Disk()
    pids_stats: _Pids = _Pids()


_decoder = msgspec.json.Decoder(_Stats)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container has used until a moment, and uses at it.

    :param at: The moment in seconds since 1970, on the clock of its node.
    :param cpu: Seconds of processors since it began.
    :param memory: Bytes, without the cache of files that the kernel can take back at once.
    :param memory_limit: Bytes; the memory of its node where nobody set a limit.
    :param received: Bytes that came over its networks; None where it has none of its own, as ``sent``.
    :param read: Bytes that it read from disks; None where the kernel does not count them, as ``written``.
    :param pids: How many processes and threads it has; None where the kernel does not count them.
    """

    at: float
    cpu: float
    memory: int
    memory_limit: int
    received: int | None
    sent: int | None
    read: int | None
    written: int | None
    pids: int | None


def decode_usage(raw: bytes) -> Usage | None:
    """Read what the Engine tells of a container; None when it does not run, so that nothing was measured.

    :raises msgspec.DecodeError: when it is something else.
    """
    told = _decoder.decode(raw)
    moment = parse_time(told.read)
    if moment is None:
        return None
    networks = told.networks.values() if told.networks is not None else None
    transfers = told.blkio_stats.io_service_bytes_recursive
    return Usage(
        at=moment.timestamp(),
        cpu=told.cpu_stats.cpu_usage.total_usage / 1e9,
        memory=_without_cache(told.memory_stats),
        memory_limit=told.memory_stats.limit,
        received=None if networks is None else sum(each.rx_bytes for each in networks),
        sent=None if networks is None else sum(each.tx_bytes for each in networks),
        read=_sum_transfers(transfers, "read"),
        written=_sum_transfers(transfers, "write"),
        pids=told.pids_stats.current,
    )


def _without_cache(memory: _Memory) -> int:
    """Leave out what the kernel keeps of files and can give up, as ``docker stats`` does."""
    details = memory.stats or _MemoryDetails()
    cache = details.inactive_file if details.total_inactive_file is None else details.total_inactive_file
    # A cache that is larger than the whole was counted at another moment.
    return memory.usage - cache if cache is not None and cache < memory.usage else memory.usage


def _sum_transfers(transfers: tuple[_Transfer, ...] | None, operation: str) -> int | None:
    if transfers is None:
        return None
    # The first version of the control groups begins the words with a capital.
    return sum(each.value for each in transfers if each.op.lower() == operation)
