"""Make the table of quotas."""

from crane_database import UtcDateTime, op, sa

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "accounts_quota",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("stack", sa.String(255), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("replicas", sa.BigInteger(), nullable=True),
        sa.Column("nano_cpus", sa.BigInteger(), nullable=True),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("replicas_per_service", sa.BigInteger(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_accounts_quota")),
    )
