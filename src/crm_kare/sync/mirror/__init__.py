"""The mirror: what the CRM holds, typed, as Parquet files that DuckDB and Spark read, with a pointer in the journal."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from crm_kare.journal import Journal


class Mirror:
    """One CRM's mirror in `<folder>/<crm>/<stream>/`."""

    def __init__(self, folder: Path, journal: Journal, crm: str) -> None:
        self._folder, self._journal, self._crm = folder, journal, crm

    def exists(self) -> bool:
        """Whether accounts were ever pulled and accepted."""
        raise NotImplementedError

    def counts(self) -> dict[str, int]:
        """Rows by stream, as accepted."""
        raise NotImplementedError

    def pulled_at(self) -> datetime | None:
        """When the last pull was accepted."""
        raise NotImplementedError

    def tables(self, con: Backend) -> Mapping[str, ir.Table]:
        """Current rows of every stream, typed, as views in `con` (an Ibis DuckDB backend).

        Raises:
            ConfigError: nothing was pulled yet: run `pull`.
            StopError: a file is missing or damaged: `pull --full`.
        """
        raise NotImplementedError

    def accept(self, now: datetime) -> None:
        """Let what the last pull brought be the mirror: all streams in one transaction."""
        raise NotImplementedError

    def discard(self) -> None:
        """Drop what the last pull brought; the mirror stays as it was."""
        raise NotImplementedError
