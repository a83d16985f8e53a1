"""The tree of errors, and their one JSON shape.

::

    CraneError                      500
    ├── Invalid                     422   what was sent cannot be done; carries violations
    ├── Unauthenticated             401
    ├── Forbidden                   403
    ├── NotFound                    404
    ├── Conflict                    409   the state does not allow it (now)
    ├── EngineError                 502   the Engine refused or failed
    │   └── EngineUnavailable       503   the Engine did not answer
    └── SetupError                  never reaches HTTP: one line, exit status 2

Plugins subclass the nearest one and give it a ``code`` of their own. An error is a sentence that says what to do; its
JSON shape is that of problem details (RFC 9457).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

# So many objects are named where several could be meant.
_SHOWN = 5


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong with what was sent.

    :param path: Where: a JSON pointer (``/services/web/image``) or the name of a top-level member (``name``).
    :param detail: What is wrong and what to do about it, in a sentence.
    :param line: The line in the file that was sent, counted from 1, where there is a file.
    :param file: The name of that file.
    :param code: Names what is wrong, stable and in kebab case; empty where only the sentence tells.
    """

    path: str
    detail: str
    line: int | None = None
    file: str | None = None
    code: str = ""

    @property
    def pointer(self) -> str:
        """The path as a JSON pointer."""
        return self.path if self.path.startswith("/") or not self.path else f"/{self.path}"

    def to_json(self) -> dict[str, Any]:
        """Return the member of a problem's ``errors`` that tells of this violation."""
        told: dict[str, Any] = {"pointer": self.pointer, "detail": self.detail}
        if self.line is not None:
            told["line"] = self.line
        if self.file is not None:
            told["file"] = self.file
        if self.code:
            told["code"] = self.code
        return told


class CraneError(Exception):
    """Something went wrong that Crane can name."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Something went wrong inside the server."

    def __init__(self, detail: str = "", *, violations: Iterable[Violation] = (), **members: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.violations = tuple(violations)
        self.members: Mapping[str, Any] = members
        # Headers of the answer, as Retry-After.
        self.headers: Mapping[str, str] = {}

    def to_problem(self) -> dict[str, Any]:
        """Return the problem details: ``code``, ``status``, ``title``, ``detail``, ``errors`` and other members."""
        problem: dict[str, Any] = {
            "type": f"urn:crane:error:{self.code}",
            "code": self.code,
            "status": self.status,
            "title": self.title,
            "detail": self.detail,
            **self.members,
        }
        if self.violations:
            problem["errors"] = [violation.to_json() for violation in self.violations]
        return problem


class Invalid(CraneError):
    """What was sent cannot be done as it stands."""

    status, code, title = 422, "invalid", "What was sent is not valid."


class Ambiguous(Invalid):
    """Several objects answer to what was given.

    :param what: What they have in common, as in ``nodes have a volume data``.
    :param keys: For each of them, what it alone answers to.
    :param advice: What to write in its place, in a sentence.
    """

    code, title = "ambiguous", "Several objects answer to this."

    def __init__(self, what: str, keys: Iterable[str], advice: str) -> None:
        self.what, self.keys, self.advice = what, sorted(keys), advice
        super().__init__(f"Several {what}: {', '.join(self.keys[:_SHOWN])}. {advice}")

    def only(self, keys: Iterable[str]) -> Ambiguous:
        """Return the error for who may know of some of them only."""
        return Ambiguous(self.what, keys, self.advice)


class Unauthenticated(CraneError):
    """The caller must say who they are."""

    status, code, title = 401, "unauthenticated", "Log in first."


class Forbidden(CraneError):
    """The caller may not do this."""

    status, code, title = 403, "forbidden", "You may not do this."


class NotFound(CraneError):
    """There is no such object."""

    status, code, title = 404, "not-found", "There is no such object."


class Conflict(CraneError):
    """The state of things does not allow it, or no longer."""

    status, code, title = 409, "conflict", "The state does not allow this."


class EngineError(CraneError):
    """The Docker Engine refused or failed.

    ``engine_status`` is the HTTP status that the Engine answered, None where it answered with none.
    """

    status, code, title = 502, "engine-error", "The Docker Engine refused."

    def __init__(self, detail: str = "", *, engine_status: int | None = None, **members: Any) -> None:
        super().__init__(detail, **members)
        self.engine_status = engine_status


class EngineUnavailable(EngineError):
    """The Docker Engine does not answer."""

    status, code, title = 503, "engine-unavailable", "The Docker Engine does not answer."


class SetupError(CraneError):
    """The server cannot start like this. Never reaches HTTP: one line on standard error, exit status 2."""

    code, title = "setup-error", "The server cannot start like this."
