"""Timeline"""

from crane_database import UtcDateTime, op, sa

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "history_chain",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("removed_number", sa.BigInteger(), nullable=False),
        sa.Column("removed_hash", sa.String(length=64), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_chain")),
    )
    op.create_table(
        "history_line",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.Column("what", sa.String(length=200), nullable=False),
        sa.Column("target", sa.String(length=50), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("object_id", sa.String(length=100), nullable=False),
        sa.Column("stack", sa.String(length=100), nullable=True),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("by_kind", sa.String(length=20), nullable=False),
        sa.Column("address", sa.String(length=100), nullable=False),
        sa.Column("outcome", sa.String(length=100), nullable=False),
        sa.Column("operation", sa.String(length=50), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_history_line")),
    )
    with op.batch_alter_table("history_line", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_history_line_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_history_line_operation"), ["operation"], unique=False)
