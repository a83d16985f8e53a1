"""What can be wrong with a stack file."""

from __future__ import annotations

from collections.abc import Sequence

from crane_core.errors import Invalid, Violation


class InvalidStackFile(Invalid):
    """The stack file cannot be deployed as it stands; all that is wrong with it is told at once."""

    code = "invalid-stack-file"
    title = "The stack file cannot be deployed as it stands."

    def __init__(self, violations: Sequence[Violation]) -> None:
        if len(violations) == 1:
            detail = violations[0].detail
        else:
            detail = f"The stack file has {len(violations)} problems; the first: {violations[0].detail}"
        super().__init__(detail, violations=violations)
