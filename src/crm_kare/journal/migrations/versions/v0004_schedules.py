"""Where each CRM's schedule stands, and the daemons' heartbeats."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MOMENT = sa.String(length=32)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "schedules",
        sa.Column("crm", sa.String(length=200), nullable=False),
        sa.Column("slot", _MOMENT),
        sa.Column("holder", sa.String(length=200), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("tried_at", _MOMENT),
        sa.Column("not_before", _MOMENT),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(length=50), nullable=False),
        sa.Column("asked_at", _MOMENT),
        sa.Column("asked_by", sa.String(length=200), nullable=False),
        sa.Column("paused_at", _MOMENT),
        sa.Column("paused_until", _MOMENT),
        sa.Column("paused_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("crm"),
    )
    op.create_table(
        "daemons",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("beat_at", _MOMENT, nullable=False),
        sa.Column("loaded_at", _MOMENT, nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
