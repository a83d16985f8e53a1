"""What is sent and answered about quotas."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from crane_accounts.quotas.amounts import NANO
from crane_core.answers import AnswerSchema, many, moment, number, part, text, whole
from crane_core.http import ListQuery

LARGEST = 2**53
_COUNT = ma.validate.Range(0, 1_000_000_000)
_BYTES = ma.validate.Range(0, LARGEST)
_CPUS = ma.validate.Range(0, 1_000_000)
_TEXT = ma.validate.Length(max=1000)


class QuotaQuery(ListQuery):
    """What quotas can be filtered by."""

    stack = ma.fields.String(metadata={"description": "The stack or pattern that they name."})


class UsedSchema(AnswerSchema):
    """How much services ask for together."""

    replicas = whole("Tasks; of a global service, one for each node.")
    cpus = number("The limits of all tasks in processors; those without one count for nothing.")
    memory_bytes = whole("The limits of all tasks in bytes; those without one count for nothing.")
    largest_service = whole("The tasks of the service that has most.")


class UnlimitedSchema(AnswerSchema):
    """Services that set no limit."""

    cpus = many(ma.fields.String(), "Names of services whose tasks may take any number of processors.")
    memory_bytes = many(ma.fields.String(), "Names of services whose tasks may take any amount of memory.")


class QuotaSchema(AnswerSchema):
    """How much the services of some stacks may ask for together."""

    name = text("Its name.")
    stack = text("The stack, in whose name * stands for anything; null for every service.", null=True)
    description = text("What it is for.")
    replicas = whole("Tasks of all services; null for any number.", null=True)
    cpus = number("The limits of all tasks in processors; null for any.", null=True)
    memory_bytes = whole("The limits of all tasks in bytes; null for any.", null=True)
    replicas_per_service = whole("Tasks of each service; null for any number.", null=True)
    created_at = moment("When it was made.")
    services = whole("How many services count now.")
    used = part(UsedSchema, "How much they ask for now.")
    unlimited = part(UnlimitedSchema, "Those of them that set no limit.")


class _LimitsSchema(ma.Schema):
    class Meta:
        unknown = ma.RAISE

    stack = ma.fields.String(
        allow_none=True,
        metadata={"description": "The stack, in whose name * stands for anything; null for every service."},
    )
    description = ma.fields.String(validate=_TEXT, metadata={"description": "What it is for."})
    replicas = ma.fields.Integer(
        allow_none=True, strict=True, validate=_COUNT, metadata={"description": "Tasks of all services; null for any."}
    )
    cpus = ma.fields.Float(
        allow_none=True,
        validate=_CPUS,
        metadata={"description": "The limits of all tasks in processors; null for any."},
    )
    memory_bytes = ma.fields.Integer(
        allow_none=True,
        strict=True,
        validate=_BYTES,
        metadata={"description": "The limits of all tasks in bytes; null for any."},
    )
    replicas_per_service = ma.fields.Integer(
        allow_none=True, strict=True, validate=_COUNT, metadata={"description": "Tasks of each service; null for any."}
    )

    @ma.post_load
    def _count_billionths(self, sent: dict[str, Any], **_: Any) -> dict[str, Any]:
        if "cpus" in sent:
            cpus = sent.pop("cpus")
            sent["nano_cpus"] = None if cpus is None else round(cpus * NANO)
        return sent


class NewQuotaSchema(_LimitsSchema):
    """A quota to make; it limits one thing at least."""

    name = ma.fields.String(required=True, metadata={"description": "Letters, digits, and . _ - between them."})


class ChangedQuotaSchema(_LimitsSchema):
    """What to change of a quota; what is not named stays as it is."""
