"""Bring the journal's tables up to date, by Alembic; the steps are in `migrations/versions`."""

from pathlib import Path
from threading import Lock
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from crm_kare.errors import ConfigError, StopError
from crm_kare.journal.engines import quoted, schema_of
from crm_kare.journal.store import Store

_FOLDER: Final = Path(__file__).parent / "migrations"
_POSTGRESQL_LOCK: Final = 0x6B617265  # any number that only we use
_ONE_AT_A_TIME: Final = Lock()
"""Alembic keeps what it works on in module variables."""


def migrate(store: Store) -> None:
    """Run the steps that are missing, in one transaction; programs that open the journal at once wait for each other.
    The store's schema is made where it is not there.

    Raises:
        ConfigError: the schema is not there, and may not be made.
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
            _make_schema(store, connection)
        _refuse_newer(MigrationContext.configure(connection).get_current_revision(), steps)
        config.attributes["connection"] = connection
        with _ONE_AT_A_TIME:
            command.upgrade(config, "head")


def _make_schema(store: Store, connection: Connection) -> None:
    present = sa.text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
    schema = schema_of(store.engine)
    if not schema or connection.scalar(present, {"name": schema}):
        return
    name = quoted(store.engine, schema)
    try:
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    except sa.exc.ProgrammingError as error:  # PostgreSQL's InsufficientPrivilege
        raise ConfigError(
            f"the schema {name} is not there, and may not be made by us.",
            where="CRM_KARE_DATABASE_URL",
            fix=f"Let somebody who may: CREATE SCHEMA {name} AUTHORIZATION {store.engine.url.username or 'us'}.",
        ) from error


def _refuse_newer(present: str | None, steps: ScriptDirectory) -> None:
    known = {step.revision for step in steps.walk_revisions()}
    if present is not None and present not in known:
        raise StopError(
            f"the journal was made by a newer version (step {present})", fix="Install that version, or a later one."
        )
