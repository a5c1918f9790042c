"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables."""
    _make_runs()
    _make_changes()
    _make_labels()
    _make_mirror()
    _make_notes()


def _make_runs() -> None:
    op.create_table(
        "leases",
        sa.Column("crm", sa.String(length=200), nullable=False),
        sa.Column("holder", sa.String(length=200), nullable=False),
        sa.Column("until", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("crm"),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(length=100), nullable=False),
        sa.Column("crm", sa.String(length=200), nullable=False),
        sa.Column("verb", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("as_of", sa.String(length=10), nullable=True),
        sa.Column("started_at", sa.String(length=32), nullable=False),
        sa.Column("ended_at", sa.String(length=32), nullable=True),
        sa.Column("labels_at", sa.String(length=32), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_index("ix_runs_crm_started", "runs", ["crm", "started_at"], unique=False)


def _make_changes() -> None:
    op.create_table(
        "changes",
        sa.Column("run_id", sa.String(length=100), nullable=False),
        sa.Column("account_id", sa.String(length=200), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.Column("field", sa.String(length=200), nullable=False),
        sa.Column("old", sa.Text(), nullable=True),
        sa.Column("new", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "account_id", "label"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outcomes",
        sa.Column("run_id", sa.String(length=100), nullable=False),
        sa.Column("account_id", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=200), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("field", sa.String(length=200), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "account_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "written",
        sa.Column("crm", sa.String(length=200), nullable=False),
        sa.Column("account_id", sa.String(length=200), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("run_id", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("crm", "account_id", "label"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rejected",
        sa.Column("crm", sa.String(length=200), nullable=False),
        sa.Column("account_id", sa.String(length=200), nullable=False),
        sa.Column("run_id", sa.String(length=100), nullable=False),
        sa.Column("code", sa.String(length=200), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("field", sa.String(length=200), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("crm", "account_id"),
    )


def _make_labels() -> None:
    op.create_table(
        "label_history",
        sa.Column("entry", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("crm", sa.String(length=200), nullable=False),
        sa.Column("account_id", sa.String(length=200), nullable=False),
        sa.Column("computed_profile", sa.String(length=20), nullable=True),
        sa.Column("shown_profile", sa.String(length=20), nullable=True),
        sa.Column("badge", sa.String(length=20), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("since", sa.String(length=10), nullable=False),
        sa.Column("as_of", sa.String(length=10), nullable=False),
        sa.Column("rules_version", sa.String(length=100), nullable=False),
        sa.Column("run_id", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("entry"),
    )
    op.create_index("ix_label_history_account", "label_history", ["crm", "account_id", "entry"], unique=False)
    op.create_index("ix_label_history_run", "label_history", ["run_id"], unique=False)


def _make_mirror() -> None:
    op.create_table(
        "mirror_pointers",
        sa.Column("crm", sa.String(length=200), nullable=False),
        sa.Column("stream", sa.String(length=100), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("shape", sa.String(length=100), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("pulled_at", sa.String(length=32), nullable=True),
        sa.Column("files", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("crm", "stream"),
    )


def _make_notes() -> None:
    op.create_table(
        "portfolio",
        sa.Column("crm", sa.String(length=200), nullable=False),
        sa.Column("measured_on", sa.String(length=10), nullable=False),
        sa.Column("rules_version", sa.String(length=100), nullable=False),
        sa.Column("kept_at", sa.String(length=32), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("crm", "measured_on"),
    )
    op.create_table(
        "applied_plans",
        sa.Column("crm", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=128), nullable=False),
        sa.Column("run_id", sa.String(length=100), nullable=False),
        sa.Column("applied_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("crm", "digest"),
    )
    op.create_table(
        "notes",
        sa.Column("crm", sa.String(length=200), nullable=False),
        sa.Column("topic", sa.String(length=50), nullable=False),
        sa.Column("kept_at", sa.String(length=32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("crm", "topic"),
    )
