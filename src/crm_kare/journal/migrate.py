"""Bring the journal's tables up to date, by Alembic; the steps are in `migrations/versions`."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from crm_kare.errors import StopError
from crm_kare.journal.store import Store

_FOLDER: Final = Path(__file__).parent / "migrations"
_POSTGRESQL_LOCK: Final = 0x6B617265  # any number that only we use


def migrate(store: Store) -> None:
    """Run the steps that are missing, in one transaction; programs that open the journal at once wait for each other.

    Raises:
        StopError: the database was made by a newer version of this program.
    """
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    steps = ScriptDirectory.from_config(config)
    with store.reading() as connection:
        if MigrationContext.configure(connection).get_current_revision() == steps.get_current_head():
            return
    with store.writing() as connection:
        if store.engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_POSTGRESQL_LOCK)))
        _refuse_newer(MigrationContext.configure(connection).get_current_revision(), steps)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _refuse_newer(present: str | None, steps: ScriptDirectory) -> None:
    known = {step.revision for step in steps.walk_revisions()}
    if present is not None and present not in known:
        raise StopError(
            f"the journal was made by a newer version (step {present})", fix="Install that version, or a later one."
        )
