"""What a dashboard is told."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, SourceSchema, many, number, part, text, whole
from crane_core.monitoring.feed.schemas import EventSchema
from crane_core.monitoring.stats.schemas import UsageSchema


def _counts(says: str) -> ma.fields.Dict:
    return ma.fields.Dict(ma.fields.String(), ma.fields.Integer(), required=True, metadata={"description": says})


class ShareSchema(AnswerSchema):
    """An amount of processors and memory."""

    cpus = number("Processors.")
    memory_bytes = number("Memory, in bytes.")


class UsedSchema(AnswerSchema):
    """What containers use."""

    cpus = number("Processors; null while nothing is known.", null=True)
    memory_bytes = number("Memory, in bytes; null while nothing is known.", null=True)
    nodes = whole("Of how many of the nodes that are ready it is known.")
    capacity = part(ShareSchema, "What those nodes have: what this is a share of.")


class NodesFigureSchema(AnswerSchema):
    """How the nodes fare."""

    total = whole("How many there are.")
    ready = whole("How many are ready.")
    by_state = _counts("How many are in each state.")
    managers = whole("How many are managers.")
    managers_reachable = whole("How many managers reach the others.")
    not_ready = many(ma.fields.String(), "The host names of those that are not ready.")
    capacity = part(ShareSchema, "What those have that are ready.")
    reserved = part(ShareSchema, "What of that is set aside for tasks.")
    used = part(UsedSchema, "What of that is used.")


class TroubledSchema(AnswerSchema):
    """A service that is not as it should be."""

    id = text("Its id.")
    name = text("Its name.")
    stack = text("Its stack; null outside one.", null=True)
    state = text("How it is.")
    why = text("Why, in a sentence; null when nothing is known.", null=True)
    why_code = text("Names why, in kebab case.", null=True)
    tasks_running = whole("How many of its tasks run.")
    tasks_desired = whole("How many should.")


class ServicesFigureSchema(AnswerSchema):
    """How the services fare."""

    total = whole("How many there are.")
    converged = whole("How many are as they should be.")
    troubled = many(TroubledSchema, "Those that are not, the worst first; twenty at the most.")


class TasksFigureSchema(AnswerSchema):
    """How the tasks fare."""

    running = whole("How many run.")
    desired = whole("How many should.")
    by_state = _counts("How many are in each state, those that have ended included.")


class BusiestSchema(AnswerSchema):
    """Who uses most."""

    nodes = many(UsageSchema, "The nodes whose processors are busiest.")
    services = many(UsageSchema, "The services that keep most processors busy.")


class DashboardSchema(AnswerSchema):
    """How the Swarm fares, as far as the caller may see it."""

    nodes = part(NodesFigureSchema, "The nodes.")
    services = part(ServicesFigureSchema, "The services.")
    tasks = part(TasksFigureSchema, "The tasks.")
    busiest = part(BusiestSchema, "Who uses most.")
    events = many(EventSchema, "What happened last, the oldest first.")
    sources = many(SourceSchema, "Where all this comes from.")
