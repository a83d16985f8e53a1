"""What the history of tasks is asked by, and what it answers."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, many, moment, one_of, part, text, truth, whole
from crane_core.engine.records import TASK_STATES
from crane_core.http import ListQuery, some_of
from crane_core.moments import Moment, SpanQuery
from crane_history.tasks.operations import SORTS


class TaskHistoryQuery(ListQuery, SpanQuery):
    """What tasks on record can be filtered by."""

    sort = ma.fields.String(
        load_default="",
        validate=ma.validate.OneOf(["", *(f"{sign}{member}" for member in SORTS for sign in ("", "-"))]),
        metadata={"description": "The member to sort by; with a leading minus the other way round. The newest first."},
    )
    service = ma.fields.String(metadata={"description": "The name or id of their service."})
    stack = ma.fields.String(metadata={"description": "Their stack."})
    node = ma.fields.String(metadata={"description": "The host name or id of the node that they were on."})
    state = some_of(TASK_STATES, "The last state that was seen")
    exit_code = ma.fields.Integer(
        validate=ma.validate.Range(-(2**31), 2**31 - 1), metadata={"description": "What their container ended with."}
    )
    died = ma.fields.Boolean(metadata={"description": "Whether they ended badly."})
    since = Moment("Those that got into their state then or later")
    until = Moment("Those that got into their state before then")

    @ma.validates("service", "stack", "node", "q")
    def _require_text(self, value: str, data_key: str) -> None:
        if "\x00" in value:
            raise ma.ValidationError("A name has no such character.")


class TaskHistorySchema(AnswerSchema):
    """A task on record: how it was when it was last seen."""

    id = text("Its id.")
    name = text("Its service, and its slot or node, as in shop_web.1.")
    service = text("The name of its service.")
    service_id = text("The id of its service.")
    stack = text("The stack of its service.", null=True)
    slot = whole("Its slot; null for a service that runs once on each node.", null=True)
    node = text("The host name of its node; null when it had none.", null=True)
    image = text("The image that it ran.")
    state = one_of(TASK_STATES, "The last state that was seen.")
    desired_state = one_of(TASK_STATES, "The state that the Swarm wanted it to be in.")
    died = truth("Whether it ended badly, or was lost with its node.")
    exit_code = whole("What its container ended with; null when there was none.", null=True)
    error = text("The Engine's words for what was wrong; credentials in it are hidden.", null=True)
    cause = text("Why it ended, in words; null where it did not, or was told to.", null=True)
    cause_code = text("Names the cause, stable and in kebab case.", null=True)
    created_at = moment("When it was made.")
    at = moment("When it got into its state.")
    gone_at = moment("When the Swarm had forgotten it; null while it has not.", null=True)


class TaskCauseSchema(AnswerSchema):
    """Why a task ended."""

    code = text("Stable, in kebab case.")
    advice = text("What to do; null where there is nothing to say.", null=True)
    text = text("In a sentence.")


class TaskStateSchema(AnswerSchema):
    """A state that a task was in."""

    state = one_of(TASK_STATES, "The state.")
    at = moment("When it got into it.")
    message = text("The Engine's words for it.")
    error = text("What was wrong, in the Engine's words.", null=True)


class TaskNodeSchema(AnswerSchema):
    """The node that a task was on."""

    name = text("Its host name.", null=True)
    state = text("How it was when the task was last seen, as in: ready; down; ready, drain.", null=True)
    state_now = text("How it is now; null when it has left the Swarm.", null=True)


class TaskOutputSchema(AnswerSchema):
    """The last that a task printed, to both streams."""

    cut = truth("Whether there was more before it.")
    error = text("Why it cannot be had, or not all of it; null when nothing is missing.", null=True)
    at = moment("When it was taken.")
    text = text("What it printed; credentials in it are hidden.")


class TaskWhySchema(AnswerSchema):
    """Why a task died, and everything that tells."""

    task = part(TaskHistorySchema, "The task.")
    cause = part(TaskCauseSchema, "Why it ended, or that it did not.")
    states = many(TaskStateSchema, "The states that it was seen in, the first one first.")
    node = part(TaskNodeSchema, "The node that it was on; null when it had none.", null=True)
    memory_limit = whole("How many bytes of memory it might use; null without a limit.", null=True)
    out_of_memory = ma.fields.Boolean(
        required=True,
        allow_none=True,
        metadata={"description": "Whether its container was killed for want of memory; null where nobody knows."},
    )
    health = text("What its health check printed last; null where nobody knows.", null=True)
    attempts = many(TaskHistorySchema, "What was tried before in the same place, the newest first; 20 at the most.")
    output = part(TaskOutputSchema, "What it printed last; null where that was not taken.", null=True)
