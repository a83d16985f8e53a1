"""Make the table of revisions."""

from crane_database import UtcDateTime, op, sa

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "history_revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("stack", sa.String(length=100), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("operation", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("same_as", sa.Integer(), nullable=True),
        sa.Column("shown", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("verdict", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_revision")),
        sa.UniqueConstraint("operation", name=op.f("uq_history_revision_operation")),
        sa.UniqueConstraint("stack", "number", name=op.f("uq_history_revision_stack_number")),
    )
    with op.batch_alter_table("history_revision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_history_revision_at"), ["at"], unique=False)
