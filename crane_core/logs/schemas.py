"""What logs look like in answers."""

from __future__ import annotations

from typing import get_args

from crane_core.answers import AnswerSchema, one_of, part, text, whole
from crane_core.logs.entries import State


class LogSourceSchema(AnswerSchema):
    """One container that a log comes from, or a task that has none yet."""

    key = text("What it is known by in this log.")
    name = text("Its name, as in shop_web.1.")
    state = one_of(get_args(State), "How it stands with it.")
    reason = text("Why nothing comes from it.", null=True)
    exit_code = whole("What it ended with; null while that is not known.", null=True)
    via = one_of(("node", "swarm"), "Whether its own node is asked, or the managers pass on what it prints.")
    service = text("Its service.", null=True)
    stack = text("Its stack.", null=True)
    task = text("The id of its task.", null=True)
    node = text("The node that it is on.", null=True)
    container = text("The id of its container.", null=True)


class LogEntrySchema(AnswerSchema):
    """One line; or, with the member source or lost alone, what became of a container, or how much was left out."""

    time = text("When it was printed, on the clock of its node.", optional=True)
    line = text("What it says.", optional=True)
    stream = one_of(("stdout", "stderr"), "Where it was printed to.", optional=True)
    # A name in the line's own objects, an object of its own where the state of a container is told.
    source = part(LogSourceSchema, "What became of a container.", optional=True)
    name = text("What printed it, as in shop_web.1.", optional=True)
    task = text("The id of its task.", null=True, optional=True)
    service = text("Its service.", null=True, optional=True)
    node = text("The node that it is on.", null=True, optional=True)
    container = text("The id of its container.", null=True, optional=True)
    lost = whole("So many lines were left out, because they came faster than they were read.", optional=True)
