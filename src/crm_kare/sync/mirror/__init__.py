"""The mirror: what the CRM holds, typed, as Parquet files that DuckDB and Spark read, with a pointer in the journal.

A base generation and, after it, the deltas of later pulls: rows, and tombstones for ids that are gone. A small delta
costs in proportion to itself; when deltas grow, they are merged into a new base. Readers read what the pointer named
when they read it and are never blocked; files go away one generation after they were superseded. A file is named by a
pointer only when it is whole on disk, so a torn write is never seen, and a crash loses at most the pages since the
last checkpoint.
"""

from crm_kare.sync.mirror.intake import Intake, Tally
from crm_kare.sync.mirror.mirror import Mirror

__all__ = ["Intake", "Mirror", "Tally"]
