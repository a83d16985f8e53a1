"""HTTP in and out of secrets."""

from __future__ import annotations

from crane_core.cluster.data.routes import make_routes
from crane_core.cluster.secrets.schemas import SecretDetailSchema, SecretSchema

blueprint = make_routes(
    "secret",
    "Content that services are given as files, and that nobody is ever shown.",
    SecretSchema,
    SecretDetailSchema,
)
