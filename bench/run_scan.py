"""A bare scan: every value of the same files read once, and nothing made of it but a checksum."""

from collections.abc import Callable
from pathlib import Path

import duckdb


def job(folder: Path) -> Callable[[], None]:
    """The function to time."""

    def scan() -> None:
        with duckdb.connect() as con:
            for stream in ("accounts", "opportunities"):
                files = folder / "mirror" / "bench" / stream / "*.parquet"
                con.sql(f"SELECT bit_xor(hash(COLUMNS(*))) FROM read_parquet('{files}')").fetchall()  # noqa: S608  ours

    return scan
