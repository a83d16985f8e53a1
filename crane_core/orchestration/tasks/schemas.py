"""What tasks look like in answers."""

from __future__ import annotations

from crane_core.answers import (
    AnswerSchema,
    EngineSchema,
    SourceSchema,
    VersionSchema,
    docker,
    many,
    moment,
    one_of,
    part,
    text,
    whole,
)
from crane_core.engine.records import TASK_STATES


class TaskSchema(EngineSchema):
    """One attempt to run one slot of a service, or its place on one node."""

    ID = text("Its id.")
    Version = part(VersionSchema, "Its version.")
    CreatedAt = moment("When it was made.", optional=True)
    UpdatedAt = moment("When it last changed.", optional=True)
    Spec = docker("What it was made from.", optional=True)
    ServiceID = text("The id of its service.", optional=True)
    Slot = whole("Its slot; absent for a service that runs once on each node.", optional=True)
    NodeID = text("The id of its node; absent while it has none.", optional=True)
    Status = docker("How it is, in the Engine's words.", optional=True)
    DesiredState = text("The state that the Swarm wants it to be in.", optional=True)
    name = text("Its service and slot or node, as in shop_web.1.")
    service = text("The name of its service; null when that is gone.", null=True)
    stack = text("The stack of its service.", null=True)
    node = text("The host name of its node; null while it has none.", null=True)
    image = text("The image that it runs.")
    state = one_of(TASK_STATES, "Its state.")
    desired_state = one_of(TASK_STATES, "The state that the Swarm wants it to be in.")
    error = text("Why it does not run; credentials in it are hidden.", null=True)
    exit_code = whole("What its container ended with; null while there is none.", null=True)


class TaskDetailSchema(TaskSchema):
    """A task, and how fresh that is."""

    sources = many(SourceSchema, "Where this comes from.")


class PlaceSchema(AnswerSchema):
    """One slot of a service, or its place on one node, with the attempts to run it."""

    slot = whole("The slot; null for a service that runs once on each node.", null=True)
    node = text("The host name of the node that the present attempt is on.", null=True)
    current = part(TaskSchema, "The present attempt.")
    earlier = many(TaskSchema, "The earlier attempts, the newest first.")
