"""What nodes look like in answers."""

from __future__ import annotations

from crane_core.answers import EngineSchema, SourceSchema, VersionSchema, docker, many, moment, part, text, truth, whole


class NodeSchema(EngineSchema):
    """A machine of the Swarm."""

    ID = text("Its id.")
    Version = part(VersionSchema, "Its version.")
    CreatedAt = moment("When it joined.", optional=True)
    UpdatedAt = moment("When it last changed.", optional=True)
    Spec = docker("What an operator set: role, availability, labels.", optional=True)
    Description = docker("What it told of itself: host name, platform, resources, Engine.", optional=True)
    Status = docker("How it is, and its address.", optional=True)
    ManagerStatus = docker("How it fares as a manager; absent for a worker.", optional=True)
    name = text("Its host name; its id until it has told one.")
    role = text("manager or worker.")
    availability = text("active, pause or drain.")
    state = text("ready, down, disconnected or unknown.")
    leader = truth("Whether it leads the managers.")
    address = text("The address that the managers know it by.")
    engine_version = text("The version of its Engine.")
    tasks_running = whole("How many tasks run on it.")


class NodeDetailSchema(NodeSchema):
    """A machine of the Swarm, and how fresh that is."""

    sources = many(SourceSchema, "Where this comes from.")
