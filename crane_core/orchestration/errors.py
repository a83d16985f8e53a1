"""The errors of orchestration."""

from __future__ import annotations

from crane_core.errors import Conflict, Invalid, NotFound


class PlanRefused(Invalid):
    """The plan breaks a rule; nothing was changed."""

    code, title = "plan-refused", "The plan breaks a rule; nothing was changed."


class PlanOutdated(Conflict):
    """What the plan was made from has changed meanwhile; the new plan is in ``plan``."""

    code, title = (
        "plan-outdated",
        "What the plan was made from has changed meanwhile. Look at the new plan, and apply it.",
    )


class PlanApplied(Conflict):
    """The plan was applied before."""

    code, title = "plan-applied", "This plan was applied already. Make a new one."


class PlanNotFound(NotFound):
    """There is no such plan, or it has expired."""

    code, title = "plan-not-found", "There is no such plan; plans are forgotten after an hour. Make a new one."


class OperationNotFound(NotFound):
    """There is no such operation."""

    code, title = "operation-not-found", "There is no such operation; ended ones are forgotten after a while."


class DeploymentInProgress(Conflict):
    """Another operation is sending its changes of the same stack or service at this moment."""

    code, title = (
        "deployment-in-progress",
        "Another operation is changing the same at this moment. Try again when it has.",
    )


class NothingToRollBack(Conflict):
    """The service has no earlier spec to return to."""

    code, title = "nothing-to-roll-back", "There is no earlier spec to return to."


class NotScalable(Invalid):
    """A service whose number of tasks is not a number of replicas cannot be scaled."""

    code, title = "not-scalable", "Only replicated services and jobs can be scaled."


class SameContent(Conflict):
    """A config or secret holds the content already that it was to be rotated to."""

    code, title = "same-content", "It holds this content already; nothing was changed."


class ContentElsewhere(Conflict):
    """The content of a secret is kept by a driver, so that it is changed there."""

    code, title = "content-elsewhere", "A driver keeps the content of this secret. Change it there."


class StackNotFound(NotFound):
    """There is no such stack."""

    code, title = "stack-not-found", "There is no such stack."


class ServiceExists(Conflict):
    """A service of that name exists."""

    code, title = "service-exists", "A service of that name exists already."
