"""Make the tables of tasks."""

from crane_database import UtcDateTime, op, sa

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "history_service",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("stack", sa.String(length=255), nullable=True),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_service")),
    )
    with op.batch_alter_table("history_service", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_history_service_name"), ["name"], unique=False)
        batch_op.create_index(batch_op.f("ix_history_service_stack"), ["stack"], unique=False)

    op.create_table(
        "history_task",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.String(length=64), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=True),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("node_id", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=255), nullable=True),
        sa.Column("node_state", sa.String(length=50), nullable=True),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("desired_state", sa.String(length=20), nullable=False),
        sa.Column("exit_code", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("memory_limit", sa.BigInteger(), nullable=True),
        sa.Column("died", sa.Boolean(), nullable=False),
        sa.Column("cause_code", sa.String(length=50), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("advice", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("gone_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_task")),
    )
    with op.batch_alter_table("history_task", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_history_task_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_history_task_node"), ["node"], unique=False)
        batch_op.create_index("ix_history_task_service_id_place_at", ["service_id", "place", "at"], unique=False)

    op.create_table(
        "history_task_output",
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("service_id", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("cut", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("out_of_memory", sa.Boolean(), nullable=True),
        sa.Column("health", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["task_id"], ["history_task.id"], name=op.f("fk_history_task_output_task_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_history_task_output")),
    )
    with op.batch_alter_table("history_task_output", schema=None) as batch_op:
        batch_op.create_index("ix_history_task_output_service_id_at", ["service_id", "at"], unique=False)

    op.create_table(
        "history_task_state",
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["task_id"], ["history_task.id"], name=op.f("fk_history_task_state_task_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", "state", name=op.f("pk_history_task_state")),
    )
