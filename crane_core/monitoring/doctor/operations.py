"""Run what the doctor looks at, at the same time and within limits, and keep what was found for a minute."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from crane_core.context import Crane
from crane_core.contributions import DoctorCheck, Finding
from crane_core.errors import CraneError

log = logging.getLogger(__name__)

# How long what was found is kept, in seconds.
KEPT_SECONDS = 60.0
# How long all checks together may take, in seconds.
PATIENCE_SECONDS = 15.0
MOST_AT_ONCE = 8
ASK_AGAIN = (
    "Look whether the Engine that this server speaks with runs, and whether engine.url leads to it; then look again."
)

CheckState = Literal["ok", "info", "unknown", "warning", "error"]
# From the least to the worst.
_ORDER: Sequence[CheckState] = ("ok", "unknown", "info", "warning", "error")


@dataclass(frozen=True)
class Examined:
    """What one check found."""

    check: DoctorCheck
    findings: tuple[Finding, ...]

    @property
    def state(self) -> CheckState:
        """The worst of what was found."""
        return max((finding.severity for finding in self.findings), key=_ORDER.index, default="ok")

    def to_json(self) -> dict[str, Any]:
        """Return it as it is answered."""
        findings = sorted(self.findings, key=lambda finding: -_ORDER.index(finding.severity))
        return {
            "name": self.check.name,
            "title": self.check.title,
            "state": self.state,
            "findings": [asdict(finding) for finding in findings],
        }


@dataclass(frozen=True)
class Report:
    """What all checks found."""

    checked_at: datetime
    examined: tuple[Examined, ...]

    @property
    def state(self) -> Literal["ok", "warning", "error"]:
        """Whether something hurts, or will."""
        worst = max((each.state for each in self.examined), key=_ORDER.index, default="ok")
        return worst if worst in ("warning", "error") else "ok"  # type: ignore[return-value]

    def to_json(self) -> dict[str, Any]:
        """Return it as it is answered."""
        return {
            "state": self.state,
            "checked_at": self.checked_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "checks": [each.to_json() for each in self.examined],
        }


class Doctor:
    """The room of one server that looks at it."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._clock = crane.cache.clock
        self._looking = threading.Lock()
        self._report: Report | None = None
        self._looked_at = float("-inf")

    def examine(
        self,
        within: Callable[[], AbstractContextManager[Any]],
        *,
        fresh: bool = False,
        patience: float = PATIENCE_SECONDS,
    ) -> Report:
        """Return what is found; what was found less than a minute ago unless it is to be fresh.

        :param within: Opens a context of the application, in which checks run.
        :param patience: Seconds that all checks together may take.
        """
        asked_at = self._clock()
        # Whoever comes while somebody looks gets what that one finds.
        with self._looking:
            kept = asked_at - KEPT_SECONDS if not fresh else asked_at
            if self._report is None or self._looked_at < kept:
                self._report = self._look(within, patience)
                self._looked_at = self._clock()
            return self._report

    def _look(self, within: Callable[[], AbstractContextManager[Any]], patience: float) -> Report:
        def run(check: DoctorCheck) -> tuple[Finding, ...]:
            with within():
                return tuple(_run(check))

        workers = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="crane-doctor")
        try:
            begun = [(check, workers.submit(run, check)) for check in self._crane.doctor_checks]
            wait([future for _, future in begun], patience)
            return Report(
                datetime.now(UTC), tuple(Examined(check, _take(check, future, patience)) for check, future in begun)
            )
        finally:
            # A check that takes too long is not waited for.
            workers.shutdown(wait=False, cancel_futures=True)


def _run(check: DoctorCheck) -> Iterator[Finding]:
    """Yield what a check finds; where something does not answer, what it found until then and that."""
    try:
        yield from check.run()
    except CraneError as error:
        yield Finding("not-answered", "unknown", f"It could not be found out: {error.detail}", advice=ASK_AGAIN)


def _take(check: DoctorCheck, future: Future[tuple[Finding, ...]], patience: float) -> tuple[Finding, ...]:
    if not future.done():
        what = f"It could not be found out within {patience:g} s."
        return (Finding("took-too-long", "unknown", what, advice="Look whether nodes answer, and try again."),)
    try:
        return future.result()
    except Exception:
        # A plugin's mistake must not hide what the other checks found.
        log.exception("The check %s of the doctor failed.", check.name)
        what = "The check itself failed; the log of the server tells where."
        return (Finding("check-failed", "unknown", what),)
