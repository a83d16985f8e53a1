"""${message}"""

from crane_database import UtcDateTime, op, sa  # noqa: F401

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Change the tables."""
    ${upgrades if upgrades else "pass"}
