"""The doctor: what each check makes of what it is told."""

from __future__ import annotations

import contextlib
import threading
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crane_core.cluster.agent import certificates
from crane_core.context import Crane
from crane_core.contributions import DoctorCheck, Finding
from crane_core.engine.agent import AgentStatus
from crane_core.engine.records import Service
from crane_core.errors import EngineUnavailable
from crane_core.monitoring.doctor import disks, engines, links, ports, swarm
from crane_core.monitoring.doctor.agent import check_agent, judge_agent
from crane_core.monitoring.doctor.measures import Measures, Space, parse_measures
from crane_core.monitoring.doctor.operations import Doctor
from crane_core.monitoring.doctor.updates import check_updates, judge_update
from crane_core.testing.swarm import MemorySwarm

NOW = datetime(2026, 6, 1, tzinfo=UTC)
Disk = namedtuple("Disk", "total used free")


@pytest.fixture
def swarm_memory() -> MemorySwarm:
    return MemorySwarm(nodes=3)


@pytest.fixture(name="swarm")
def _swarm(swarm_memory: MemorySwarm) -> MemorySwarm:
    return swarm_memory


def codes(findings: Any) -> list[str]:
    return [finding.code for finding in findings]


def certificate(ends: datetime) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "swarm-ca")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(ends - timedelta(days=365))
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


class TestNodes:
    def test_all_is_well_where_all_answer(self, crane: Crane) -> None:
        assert codes(swarm.check_nodes(crane)) == []

    def test_a_node_that_is_down_is_an_error(self, crane: Crane, swarm_memory: MemorySwarm) -> None:
        swarm_memory.node_down("node2")
        swarm_memory.advance(30)
        crane.watcher.look(full=True)

        [finding] = swarm.check_nodes(crane)
        assert (finding.code, finding.severity, finding.where) == ("node-not-ready", "error", "node2")
        assert finding.what == "The manager calls node2 down: heartbeat failure."

    def test_an_engine_that_does_not_answer_is_a_warning(self, crane: Crane, swarm_memory: MemorySwarm) -> None:
        swarm_memory.engine("node3").node.reachable = False

        assert codes(swarm.check_nodes(crane)) == ["engine-unreachable"]


class TestManagers:
    def make(self, crane: Crane, memory: MemorySwarm, reachability: list[str]) -> list[str]:
        nodes = list(memory.store.nodes)
        for node, state in zip(nodes, reachability, strict=False):
            node.body["Spec"] = {**node.spec, "Role": "manager"}
            node.body["ManagerStatus"] = {"Reachability": state, "Addr": "x"}
            memory.store.touch(node)
        crane.watcher.look(full=True)
        return codes(swarm.check_managers(crane))

    def test_one_manager_of_three_nodes(self, crane: Crane) -> None:
        assert codes(swarm.check_managers(crane)) == ["only-manager", "not-locked"]

    def test_an_even_number(self, crane: Crane, swarm_memory: MemorySwarm) -> None:
        assert self.make(crane, swarm_memory, ["reachable"] * 2) == ["even-managers", "not-locked"]

    def test_three_that_reach_each_other_and_are_locked(self, crane: Crane, swarm_memory: MemorySwarm) -> None:
        swarm_memory.cluster.body["Spec"]["EncryptionConfig"] = {"AutoLockManagers": True}

        assert self.make(crane, swarm_memory, ["reachable"] * 3) == []

    def test_the_last_that_may_be_lost_is_lost(self, crane: Crane, swarm_memory: MemorySwarm) -> None:
        found = self.make(crane, swarm_memory, ["reachable", "reachable", "unreachable"])

        assert found == ["manager-unreachable", "no-manager-to-spare", "not-locked"]


class TestCertificates:
    @pytest.mark.parametrize(
        ("left", "code"),
        [(timedelta(days=-1), "root-ended"), (timedelta(days=10), "root-ends"), (timedelta(days=99), None)],
    )
    def test_the_root_is_looked_at(
        self, crane: Crane, swarm_memory: MemorySwarm, left: timedelta, code: str | None
    ) -> None:
        root = certificate(NOW + left)
        swarm_memory.cluster.body["TLSInfo"] = {"TrustRoot": root}
        for node in swarm_memory.store.nodes:
            node.body["Description"] = {**node.body["Description"], "TLSInfo": {"TrustRoot": root}}
            swarm_memory.store.touch(node)

        found = codes(swarm.check_certificates(crane, NOW))
        assert found == [*([code] if code else []), "node-certificates-unseen"]

    def test_nodes_that_trust_another_root_are_named(self, crane: Crane, swarm_memory: MemorySwarm) -> None:
        swarm_memory.cluster.body["TLSInfo"] = {"TrustRoot": certificate(NOW + timedelta(days=99))}
        swarm_memory.cluster.body["RootRotationInProgress"] = True

        found = list(swarm.check_certificates(crane, NOW))
        assert codes(found) == ["root-rotates", *["node-trusts-old-root"] * 3, "node-certificates-unseen"]

    def test_what_cannot_be_read_is_said(self, crane: Crane, swarm_memory: MemorySwarm) -> None:
        swarm_memory.cluster.body["TLSInfo"] = {"TrustRoot": "nonsense"}

        assert "root-unreadable" in codes(swarm.check_certificates(crane, NOW))


class TestAgent:
    def judge(self, **members: Any) -> list[str]:
        status = AgentStatus(True, "settled", "image", 2376, **members)
        return codes(judge_agent(status, NOW))

    def test_an_agent_that_is_well(self) -> None:
        assert self.judge(certificate_ends=NOW + timedelta(days=99)) == []

    def test_certificates_that_were_just_made_or_wait_for_their_renewal_are_no_news(self) -> None:
        assert (
            self.judge(
                authority_ends=NOW + certificates.AUTHORITY_LEFT,
                certificate_ends=NOW + certificates.AGENT_LEFT,
                client_ends=NOW + certificates.CLIENT_LEFT,
            )
            == []
        )

    def test_certificates_that_end_are_told(self) -> None:
        found = self.judge(certificate_ends=NOW + timedelta(days=9), client_ends=NOW - timedelta(days=1))

        assert found == ["agent-certificate-ends", "agent-certificate-ended"]

    def test_trouble_is_told(self) -> None:
        assert self.judge(error="It does not roll out.") == ["agent-troubled"]

    def test_no_agent_is_no_trouble(self, crane: Crane) -> None:
        assert codes(check_agent(crane)) == []


def test_tokens_are_as_old_as_the_last_change_at_least(crane: Crane, swarm_memory: MemorySwarm) -> None:
    swarm_memory.cluster.body["UpdatedAt"] = "2025-06-01T00:00:00Z"
    [finding] = swarm.check_tokens(crane, NOW)

    assert (finding.code, "at least 365 days" in finding.what) == ("old-tokens", True)
    swarm_memory.cluster.body["UpdatedAt"] = "2026-05-01T00:00:00Z"
    assert codes(swarm.check_tokens(crane, NOW)) == []


class TestClocks:
    def test_clocks_that_agree(self) -> None:
        offsets = {f"n{number}": engines.Offset(0.1 * number, 0.01) for number in range(3)}

        assert codes(engines.compare_clocks(offsets)) == []

    def test_one_that_is_off_is_named(self) -> None:
        offsets = {"a": engines.Offset(0, 0.01), "b": engines.Offset(0.1, 0.01), "c": engines.Offset(-90, 0.01)}
        [finding] = engines.compare_clocks(offsets)

        assert (finding.code, finding.severity, finding.where) == ("clock-skew", "error", "c")
        assert "90.1 s behind" in finding.what or "90.0 s behind" in finding.what

    def test_a_slow_answer_is_no_skew(self) -> None:
        offsets = {"a": engines.Offset(0, 0.01), "b": engines.Offset(0, 0.01), "c": engines.Offset(2.5, 2.0)}

        assert codes(engines.compare_clocks(offsets)) == []

    def test_the_server_itself_may_be_off(self) -> None:
        offsets = {"a": engines.Offset(30, 0.01), "b": engines.Offset(30.2, 0.01)}
        [finding] = engines.compare_clocks(offsets)

        assert (finding.code, finding.where) == ("server-clock-skew", "this server")
        assert "behind" in finding.what

    def test_nodes_are_asked_for_their_time(self, crane: Crane) -> None:
        # The Swarm in memory has a calendar of its own, the same on all nodes.
        assert codes(engines.check_clocks(crane)) == ["server-clock-skew"]


class TestVersions:
    def test_one_version(self, crane: Crane) -> None:
        assert codes(engines.check_versions(crane)) == ["updates-not-looked-up"]

    def test_nodes_that_are_behind_are_named(self, crane: Crane, swarm_memory: MemorySwarm) -> None:
        for node, version in zip(swarm_memory.store.nodes, ("20.10.9", "20.10.24+dfsg1", "27.1.0"), strict=True):
            node.body["Description"] = {**node.body["Description"], "Engine": {"EngineVersion": version}}
            swarm_memory.store.touch(node)
        crane.watcher.look(full=True)

        behind = [finding for finding in engines.check_versions(crane) if finding.code == "engine-behind"]
        assert [finding.where for finding in behind] == ["node1", "node2"]


class TestUpdates:
    @pytest.mark.parametrize(
        ("state", "told"),
        [
            ("paused", ("service-update-paused", "warning")),
            ("rollback_paused", ("service-rollback-paused", "error")),
            ("rollback_completed", ("service-rolled-back", "info")),
            ("updating", None),
            ("completed", None),
            (None, None),
        ],
    )
    def test_updates_that_did_not_reach_their_end_are_named(self, state: str | None, told: Any) -> None:
        status = {"State": state, "Message": "task abc failed"} if state else None
        told_of = {"ID": "s", "Version": {"Index": 1}, "CreatedAt": "", "UpdatedAt": "", "Spec": {"Name": "shop_web"}}
        service = msgspec.json.decode(msgspec.json.encode({**told_of, "UpdateStatus": status}), type=Service)
        found = list(judge_update(service))

        assert [(each.code, each.severity) for each in found] == ([told] if told else [])
        assert all("shop_web" in each.what and each.what.endswith(": task abc failed.") for each in found)

    def test_services_that_are_well_are_nothing_to_tell(self, crane: Crane) -> None:
        assert codes(check_updates(crane)) == []


ADDRESSES = {"a": "10.0.0.1", "b": "10.0.0.2", "c": "10.0.0.3"}


class TestPeers:
    def test_nodes_that_hear_each_other(self) -> None:
        everybody = {"ingress": frozenset(ADDRESSES.values())}

        assert codes(ports.compare_peers(ADDRESSES, dict.fromkeys("abc", everybody))) == []

    def test_nodes_that_do_not_are_named_from_both_sides(self) -> None:
        heard = {
            "a": {"ingress": frozenset({"10.0.0.1", "10.0.0.2"})},
            "b": {"ingress": frozenset({"10.0.0.1", "10.0.0.2"})},
            "c": {"ingress": frozenset({"10.0.0.3"}), "own": frozenset({"10.0.0.3"})},
        }
        found = list(ports.compare_peers(ADDRESSES, heard))

        assert [(each.code, each.where) for each in found] == [("gossip-missing", name) for name in "abc"]
        assert found[2].what.startswith("c does not know a, b in the network ingress")


def test_own_disk() -> None:
    assert codes(disks.check_own_disk(Disk(100, 50, 50))) == []
    assert [finding.severity for finding in disks.check_own_disk(Disk(100, 95, 5))] == ["warning"]
    assert [finding.severity for finding in disks.check_own_disk(Disk(100, 99, 1))] == ["error"]


# What the script prints where the image is Debian's, and a line of an image whose df wraps long names.
MEASURED = """\
disk overlay 50633164 38018224 10010516 80% /
link eth0 1450
link lo 65536
link odd
route Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
route eth0\t00000000\t010010AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
route eth1\t0000A8C0\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
"""


class TestMeasures:
    """What an agent measures on its node."""

    def test_they_are_read(self) -> None:
        measures = parse_measures(MEASURED)

        assert measures.disk == Space(50633164 * 1024, 10010516 * 1024)
        assert measures.links == {"eth0": 1450, "lo": 65536}
        assert [(str(network), link) for network, link in measures.routes] == [
            ("0.0.0.0/0", "eth0"),
            ("192.168.0.0/16", "eth1"),
        ]

    @pytest.mark.parametrize(
        "printed", ["", "sh: df: not found", "disk", "disk overlay - - -", "route eth0 xyz", "link eth0", "\ufffd\n\n"]
    )
    def test_nothing_is_read_from_what_is_none(self, printed: str) -> None:
        assert parse_measures(printed) == Measures(None, {}, ())

    def test_packets_leave_by_the_nearest_route(self) -> None:
        measures = parse_measures(MEASURED)

        assert measures.largest_packet("10.1.2.3") == 1450
        assert measures.largest_packet("192.168.7.1") is None
        assert Measures(None, {"eth0": 1450, "eth1": 9000}, measures.routes).largest_packet("192.168.7.1") == 9000
        assert measures.largest_packet("fd00::1") is None
        assert measures.largest_packet("") is None

    def test_no_agent_measures_nothing_and_is_told(self, crane: Crane) -> None:
        assert codes(disks.check_disks(crane)) == ["free-space-unseen"]
        [finding] = links.check_mtu(crane)

        assert (finding.code, finding.severity) == ("links-not-measured", "unknown")
        assert "node1, node2, node3" in finding.what


class TestSizes:
    def test_what_fits_is_nothing_to_tell(self) -> None:
        assert codes(links.compare_sizes({"ingress": 0, "small": 1400}, [links.Limit(1500, "the link")])) == []
        assert codes(links.compare_sizes({"ingress": 0}, [])) == []

    def test_networks_are_measured_by_the_tightest_place(self) -> None:
        limits = [links.Limit(1500, "the link of a carries 1500"), links.Limit(1450, "the link of b carries 1450")]
        [finding] = links.compare_sizes({"ingress": 0, "small": 1400}, limits)

        assert finding.where == "ingress"
        assert finding.what.endswith("and 50 more on the way; the link of b carries 1450.")
        assert finding.advice.endswith("mtu=1400.")


def test_disks_of_nodes() -> None:
    gib = 2**30
    found = disks.judge_disks(
        {"a": Space(100 * gib, 50 * gib), "b": Space(100 * gib, 5 * gib), "c": Space(100 * gib, gib), "d": None}
    )

    assert [(each.code, each.severity, each.where) for each in found] == [
        ("disk-full", "warning", "b"),
        ("disk-full", "error", "c"),
        ("free-space-unseen", "unknown", ""),
    ]
    assert next(iter(disks.judge_disks({"b": Space(100 * gib, 5 * gib)}))).what.startswith(
        "5.0 of 100 GiB are free on b"
    )


class TestDoctor:
    """What is common to all checks."""

    def doctor(self, crane: Crane, *checks: DoctorCheck) -> Doctor:
        crane.doctor_checks = checks
        return Doctor(crane)

    def test_the_worst_is_the_state(self, crane: Crane) -> None:
        bad = DoctorCheck("a", "A", lambda: [Finding("x", "unknown", "X."), Finding("y", "warning", "Y.")])
        good = DoctorCheck("b", "B", list)
        report = self.doctor(crane, bad, good).examine(contextlib.nullcontext)

        assert (report.state, [each.state for each in report.examined]) == ("warning", ["warning", "ok"])
        assert [finding["code"] for finding in report.to_json()["checks"][0]["findings"]] == ["y", "x"]

    def test_what_was_found_is_kept_for_a_minute(self, crane: Crane) -> None:
        looked: list[int] = []
        doctor = self.doctor(crane, DoctorCheck("a", "A", lambda: looked.append(1) or []))
        first = doctor.examine(contextlib.nullcontext)

        assert doctor.examine(contextlib.nullcontext) is first
        assert doctor.examine(contextlib.nullcontext, fresh=True) is not first
        assert len(looked) == 2

    def test_one_that_takes_too_long_holds_nobody_up(self, crane: Crane) -> None:
        go = threading.Event()
        slow = DoctorCheck("slow", "Slow", lambda: [Finding("x", "info", "X.")] * go.wait(120))
        quick = DoctorCheck("quick", "Quick", list)
        doctor = self.doctor(crane, slow, quick)
        # Where processors are busy, a check that is quick takes its time too.
        for patience in (0.05, 0.5, 5.0, 50.0):
            report = doctor.examine(contextlib.nullcontext, fresh=True, patience=patience)
            if report.examined[1].state == "ok":
                break
        go.set()

        assert [finding.code for finding in report.examined[0].findings] == ["took-too-long"]
        assert report.examined[1].state == "ok"

    def test_one_that_fails_hides_no_other(self, crane: Crane, caplog: pytest.LogCaptureFixture) -> None:
        def fail() -> list[Finding]:
            raise ValueError("a mistake")

        def unreachable() -> list[Finding]:
            raise EngineUnavailable("It is gone.")

        report = self.doctor(
            crane, DoctorCheck("a", "A", fail), DoctorCheck("b", "B", unreachable), DoctorCheck("c", "C", list)
        ).examine(contextlib.nullcontext)

        assert [codes(each.findings) for each in report.examined] == [["check-failed"], ["not-answered"], []]
        assert "a mistake" in caplog.text
        assert "a mistake" not in str(report.to_json())
