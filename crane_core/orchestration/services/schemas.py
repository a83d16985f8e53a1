"""What services look like in answers."""

from __future__ import annotations

from crane_core.answers import (
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
from crane_core.engine.records import ServiceMode
from crane_core.orchestration.services.operations import Condition


class PortSchema(EngineSchema):
    """A port of a service."""

    Name = text("What it is called.", optional=True)
    Protocol = text("tcp, udp or sctp.", optional=True)
    TargetPort = whole("The port inside the tasks.", optional=True)
    PublishedPort = whole("The port on the nodes.", optional=True)
    PublishMode = text("ingress: on all nodes; host: on those that run a task.", optional=True)


class ServiceSchema(EngineSchema):
    """A service: what runs, and how it fares."""

    ID = text("Its id.")
    Version = part(VersionSchema, "Its version.")
    CreatedAt = moment("When it was created.")
    UpdatedAt = moment("When it last changed.")
    Spec = docker("What was asked for; values that look secret are hidden.")
    PreviousSpec = docker("What a rollback returns to.", optional=True)
    Endpoint = docker("Its ports and virtual addresses.", optional=True)
    UpdateStatus = docker("How its last update went.", optional=True)
    ServiceStatus = docker("How many tasks run, should run and have completed.", optional=True)
    JobStatus = docker("How the last run of a job went.", optional=True)
    name = text("Its name.")
    stack = text("Its stack; null outside a stack.", null=True)
    mode = one_of(ServiceMode, "How many tasks it has, and whether they are meant to end.")
    image = text("The image that its tasks run.")
    ports = many(PortSchema, "Its ports, with the published ports that the Swarm chose.")
    state = one_of(Condition, "How it is.")
    why = text("Why it is not converged, in words; null when it is, or when nothing is known.", null=True)
    why_code = text("Names that cause, in kebab case; null as ``why`` is.", null=True)
    tasks_running = whole("How many tasks run.")
    tasks_desired = whole("How many tasks should run.")
    tasks_completed = whole("How many tasks of a job have completed.")


class ServiceDetailSchema(ServiceSchema):
    """A service, and how fresh that is."""

    sources = many(SourceSchema, "Where this comes from.")
