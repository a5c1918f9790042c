"""Alembic runs this file: the steps go over the connection that `migrate` hands in, in its transaction."""

from alembic import context

from crm_kare.journal.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, transaction_per_migration=False
)
context.run_migrations()
