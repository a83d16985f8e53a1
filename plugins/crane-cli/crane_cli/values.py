"""Read durations, sizes, processors and ports as docker's command line takes them."""

from __future__ import annotations

import re
from typing import Any

import click

_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}
_BYTES = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}


def parse_duration(text: str) -> int:
    """Return a duration in nanoseconds: ``90``, ``90s``, ``1m30s``, ``1.5h``, ``90d``; a bare number is seconds."""
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        text += "s"
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h|d)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise click.BadParameter(f"{text} is no duration; write it as in 90s, 5m, 1h30m or 90d.")
    return sum(round(float(number) * _NANOSECONDS[unit]) for number, unit in parts)


def parse_size(text: str) -> int:
    """Return a size in bytes: ``512m``, ``1.5GiB``, ``1073741824``; a unit counts in steps of 1024."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([kmgtp]?)(?:i?b)?", text.strip().lower())
    if not found:
        raise click.BadParameter(f"{text} is no size; write it as in 512m or 1.5g.")
    return int(float(found[1]) * _BYTES[found[2]])


def describe_size(size: object) -> str:
    """Say a size in the unit that fits, in steps of 1024."""
    if not isinstance(size, (int, float)):
        return "-"
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(amount) < 1024:
            return f"{amount:.4g} {unit}"
        amount /= 1024
    return f"{amount:.4g} TiB"


def parse_cpus(text: str) -> int:
    """Return a number of processors in billionths."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]{1,9})?|\.[0-9]{1,9}", text):
        raise click.BadParameter(f"{text} is no number of processors; write it as in 0.5 or 2.")
    return round(float(text) * 10**9)


def parse_port(text: str) -> list[dict[str, Any]]:
    """Return published ports as the Engine has them.

    Takes ``8080:80``, ``8080:80/udp``, ``80``, ``8000-8002:80-82`` and ``published=8080,target=80,mode=host``.
    """
    if "=" in text:
        return [_parse_long_port(text)]
    found = re.fullmatch(r"(?:([0-9]+)(?:-([0-9]+))?:)?([0-9]+)(?:-([0-9]+))?(?:/(tcp|udp|sctp))?", text)
    if not found:
        raise click.BadParameter(f"{text} is no port; write it as in 8080:80, 8080:80/udp or target=80,published=8080.")
    protocol = found[5] or "tcp"
    targets = _range(text, found[3], found[4])
    published = _range(text, found[1], found[2]) if found[1] else [0] * len(targets)
    if len(targets) != len(published):
        raise click.BadParameter(f"{text} publishes {len(published)} ports as {len(targets)}.")
    return [_make_port(target, public, protocol, "ingress") for target, public in zip(targets, published, strict=True)]


def _parse_long_port(text: str) -> dict[str, Any]:
    told = {"protocol": "tcp", "mode": "ingress", "published": "0"}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals or key not in ("target", "published", "protocol", "mode"):
            raise click.BadParameter(f"{part} is no part of a port; there are target, published, protocol and mode.")
        told[key] = value
    if told["protocol"] not in ("tcp", "udp", "sctp") or told["mode"] not in ("ingress", "host"):
        raise click.BadParameter(f"{text}: a protocol is tcp, udp or sctp, a mode ingress or host.")
    if not (told.get("target", "").isdigit() and told["published"].isdigit()):
        raise click.BadParameter(f"{text}: target and published are numbers, and target is needed.")
    target, published = _check_port(text, int(told["target"])), int(told["published"])
    return _make_port(target, published and _check_port(text, published), told["protocol"], told["mode"])


def _make_port(target: int, published: int, protocol: str, mode: str) -> dict[str, Any]:
    port: dict[str, Any] = {"Protocol": protocol, "TargetPort": target, "PublishMode": mode}
    return {**port, "PublishedPort": published} if published else port


def _range(text: str, first: str, last: str | None) -> list[int]:
    low = _check_port(text, int(first))
    high = _check_port(text, int(last or first))
    if high < low:
        raise click.BadParameter(f"{text}: the range ends before it begins.")
    return list(range(low, high + 1))


def _check_port(text: str, port: int) -> int:
    if not 0 < port < 65536:
        raise click.BadParameter(f"{text}: a port is a number from 1 to 65535.")
    return port
