"""Programs in containers: nobody waits for what was hung up on. What Engines do is in the contract."""

from __future__ import annotations

from typing import Any

from crane_core.engine.execs import Execution, Program


class Endless:
    """An Engine on which a program never ends; hung up on by somebody else while it is looked at."""

    def __init__(self, hang_up_at: int) -> None:
        self.looks = 0
        self._hang_up_at = hang_up_at
        self.execution = Execution(self, "1", self, Program(("sleep", "inf")))  # type: ignore[arg-type]

    def read_json(self, path: str) -> dict[str, Any]:
        self.looks += 1
        if self.looks == self._hang_up_at:
            self.execution.close()
        return {"Running": True, "Pid": 7}

    def close(self) -> None:
        """Be hung up on."""


def test_nobody_waits_for_the_end_of_what_was_hung_up_on() -> None:
    engine = Endless(hang_up_at=0)
    engine.execution.close()

    assert engine.execution.exit_code() is None
    assert engine.looks == 1


def test_hanging_up_ends_the_wait_for_the_end() -> None:
    engine = Endless(hang_up_at=2)

    assert engine.execution.exit_code() is None
    assert engine.looks == 2
