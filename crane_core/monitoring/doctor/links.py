"""What the doctor can tell of the sizes of packets: those of overlay networks, and what carries them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crane_core.context import Crane
from crane_core.contributions import Finding
from crane_core.engine.client import Engine
from crane_core.monitoring.doctor.engines import Told, ask_ready
from crane_core.monitoring.doctor.measures import read_measures

# What the header of an overlay network takes of each packet, in bytes.
VXLAN_BYTES = 50
USUAL_MTU = 1500
MTU_OPTION = "com.docker.network.driver.mtu"


@dataclass(frozen=True)
class Limit:
    """How many bytes a packet of a node may have, and what says so."""

    bytes: int
    says: str


def check_mtu(crane: Crane) -> Iterator[Finding]:
    """Look whether packets of overlay networks fit into what carries them."""
    overlays = {network.name: _read_mtu(network.Options) for network in _overlays(crane)}
    measured = ask_ready(crane, read_measures)
    limits = [
        Limit(each.value, f"the Engine of {each.node.name} is set to {each.value}")
        for each in ask_ready(crane, _read_bridge_mtu)
        if each.value
    ]
    yield from compare_sizes(overlays, [*limits, *find_limits(measured)])
    chosen = {mtu for mtu in overlays.values() if mtu}
    if len(chosen) > 1:
        yield Finding(
            "overlays-differ",
            "info",
            f"Overlay networks are set to different sizes of packets: {', '.join(map(str, sorted(chosen)))} bytes.",
            advice="Containers in two such networks see packets vanish that fit into one only; use one size.",
        )
    unmeasured = sorted(each.node.name for each in measured if each.value is None or not each.value.links)
    if unmeasured and len(measured) > 1:
        yield Finding(
            "links-not-measured",
            "unknown",
            f"How large packets the links of {', '.join(unmeasured)} carry cannot be read through Engines, and no "
            f"agent measures it there; overlay networks take {VXLAN_BYTES} bytes of each, encrypted ones more.",
            advice="Install the agent with `crane agent install`, or try from node to node: "
            f"ping -M do -s {USUAL_MTU - 28} ADDRESS",
        )


def find_limits(measured: Iterable[Told]) -> Iterator[Limit]:
    """Yield what was measured on the way from each node to the others, by their names."""
    told = sorted(measured, key=lambda each: each.node.name)
    for each in told:
        if each.value is None:
            continue
        for other in told:
            if other.node.id != each.node.id and (most := each.value.largest_packet(other.node.address)):
                yield Limit(most, f"the link of {each.node.name} to {other.node.name} carries {most}")


def compare_sizes(overlays: Mapping[str, int], limits: Iterable[Limit]) -> Iterator[Finding]:
    """Yield the overlay networks whose packets do not fit.

    :param overlays: The size that each network is set to by its name; 0 where it is set to none.
    """
    tightest = min(limits, key=lambda limit: limit.bytes, default=Limit(USUAL_MTU, ""))
    for name, mtu in sorted(overlays.items()):
        largest = mtu or USUAL_MTU - VXLAN_BYTES
        if largest + VXLAN_BYTES > tightest.bytes and tightest.says:
            yield Finding(
                "overlay-too-large",
                "warning",
                f"Packets of the network {name} may have {largest} bytes, and {VXLAN_BYTES} more on the way; "
                f"{tightest.says}.",
                name,
                f"Make the network anew with the option {MTU_OPTION}={tightest.bytes - VXLAN_BYTES}.",
            )


def _overlays(crane: Crane) -> list[Any]:
    return [network for network in crane.cache.snapshot().networks.values() if network.Driver == "overlay"]


def _read_mtu(options: Mapping[str, str] | None) -> int:
    text = (options or {}).get(MTU_OPTION, "")
    return int(text) if text.isdecimal() else 0


def _read_bridge_mtu(engine: Engine) -> int:
    """Return the size that whoever set up a node's Engine gave it; that of its first network."""
    for network in engine.read_json("/networks", filters={"driver": ["bridge"]}):
        if network.get("Name") == "bridge":
            return _read_mtu(network.get("Options"))
    return 0
