"""Make the tables of accounts, groups, roles and grants."""

from crane_database import UtcDateTime, op, sa

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    state = op.create_table(
        "accounts_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts_state")),
    )
    op.bulk_insert(state, [{"id": 1, "version": 1}])
    op.create_table(
        "accounts_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("display_name", sa.String(200), nullable=False),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts_account")),
        sa.UniqueConstraint("name", name=op.f("uq_accounts_account_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "accounts_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts_group")),
        sa.UniqueConstraint("name", name=op.f("uq_accounts_group_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "accounts_role",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_accounts_role")),
    )
    op.create_table(
        "accounts_subject",
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("subject", sa.String(400), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts_account.id"],
            name=op.f("fk_accounts_subject_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("source", "subject", name=op.f("pk_accounts_subject")),
    )
    op.create_index(op.f("ix_accounts_subject_account_id"), "accounts_subject", ["account_id"])
    op.create_table(
        "accounts_member",
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts_account.id"],
            name=op.f("fk_accounts_member_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["accounts_group.id"], name=op.f("fk_accounts_member_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "account_id", "source", name=op.f("pk_accounts_member")),
    )
    op.create_index(op.f("ix_accounts_member_account_id"), "accounts_member", ["account_id"])
    op.create_table(
        "accounts_grant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("effect", sa.String(10), nullable=False),
        sa.Column("role", sa.String(100), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("scope", sa.String(20), nullable=False),
        sa.Column("pattern", sa.String(255), nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("(account_id IS NULL) <> (group_id IS NULL)", name=op.f("ck_accounts_grant_one_holder")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts_account.id"],
            name=op.f("fk_accounts_grant_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["accounts_group.id"], name=op.f("fk_accounts_grant_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts_grant")),
        sa.UniqueConstraint(
            "account_id",
            "effect",
            "role",
            "scope",
            "pattern",
            name=op.f("uq_accounts_grant_account_id_effect_role_scope_pattern"),
        ),
        sa.UniqueConstraint(
            "group_id",
            "effect",
            "role",
            "scope",
            "pattern",
            name=op.f("uq_accounts_grant_group_id_effect_role_scope_pattern"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_accounts_grant_role"), "accounts_grant", ["role"])
