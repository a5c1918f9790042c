"""The rulebooks that were used, as they stood in their files."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "rulebooks",
        sa.Column("version", sa.String(length=100), nullable=False),
        sa.Column("first_used", sa.String(length=32)),
        sa.Column("last_used", sa.String(length=32)),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("playbooks", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
