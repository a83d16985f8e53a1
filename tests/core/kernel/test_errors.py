"""Facts about errors and their JSON shape."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crane_core.errors import (
    Conflict,
    CraneError,
    EngineError,
    EngineUnavailable,
    Forbidden,
    Invalid,
    NotFound,
    SetupError,
    Unauthenticated,
    Violation,
)


class AlreadyFrozen(Conflict):
    """The service is frozen already."""

    code = "already-frozen"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (CraneError, 500, "internal-error"),
        (Invalid, 422, "invalid"),
        (Unauthenticated, 401, "unauthenticated"),
        (Forbidden, 403, "forbidden"),
        (NotFound, 404, "not-found"),
        (Conflict, 409, "conflict"),
        (EngineError, 502, "engine-error"),
        (EngineUnavailable, 503, "engine-unavailable"),
        (AlreadyFrozen, 409, "already-frozen"),
    ],
)
def test_error_has_status_and_code(error: type[CraneError], status: int, code: str) -> None:
    problem = error("Do something else.").to_problem()

    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["type"] == f"urn:crane:error:{code}"
    assert problem["detail"] == "Do something else."
    assert problem["title"] == error.title


def test_error_without_detail_says_its_title() -> None:
    assert NotFound().to_problem()["detail"] == NotFound.title
    assert str(NotFound()) == NotFound.title


def test_error_without_violations_has_no_errors_member() -> None:
    assert "errors" not in Invalid("No.").to_problem()


def test_violations_are_told_with_pointer_line_and_file() -> None:
    error = Invalid(
        "Two things are wrong.",
        violations=[Violation("/services/web", "It has no image.", 3, "stack.yml"), Violation("name", "It is taken.")],
    )

    assert error.to_problem()["errors"] == [
        {"pointer": "/services/web", "detail": "It has no image.", "line": 3, "file": "stack.yml"},
        {"pointer": "/name", "detail": "It is taken."},
    ]


def test_violation_of_the_whole_has_the_empty_pointer() -> None:
    assert Violation("", "It is no object.").pointer == ""


def test_violation_that_has_a_name_gives_it_to_programs() -> None:
    assert Violation("name", "It is taken.", code="name-taken").to_json()["code"] == "name-taken"
    assert "code" not in Violation("name", "It is taken.").to_json()


def test_violations_may_come_from_a_generator() -> None:
    def found() -> Iterator[Violation]:
        yield Violation("name", "It is taken.")

    error = Invalid("No.", violations=found())

    assert error.to_problem() == error.to_problem()
    assert len(error.to_problem()["errors"]) == 1


def test_further_members_stand_in_the_problem() -> None:
    assert Conflict("Outdated.", plan={"id": "2"}).to_problem()["plan"] == {"id": "2"}


def test_engine_error_keeps_the_status_of_the_engine() -> None:
    error = EngineError("No such network.", engine_status=404)

    assert error.engine_status == 404
    assert "engine_status" not in error.to_problem()


def test_setup_error_has_its_sentence() -> None:
    assert SetupError("Set server.port.").detail == "Set server.port."
