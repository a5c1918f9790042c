"""The journal's tables. Columns are text, whole numbers and JSON text only, so that SQLite and PostgreSQL hold the same.

Moments are fixed-width ISO text in UTC (`text_of`), which sorts as time does; days are `YYYY-MM-DD`.
"""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

METADATA = MetaData()

_SERIAL = BigInteger().with_variant(Integer, "sqlite")

LEASES = Table(
    "leases",
    METADATA,
    Column("crm", String(200), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("until", String(32), nullable=False),
)

RUNS = Table(
    "runs",
    METADATA,
    Column("run_id", String(100), primary_key=True),
    Column("crm", String(200), nullable=False),
    Column("verb", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("as_of", String(10)),
    Column("started_at", String(32), nullable=False),
    Column("ended_at", String(32)),
    Column("labels_at", String(32)),
    Column("summary", Text),
    Index("ix_runs_crm_started", "crm", "started_at"),
)

CHANGES = Table(
    "changes",
    METADATA,
    Column("run_id", String(100), primary_key=True),
    Column("account_id", String(200), primary_key=True),
    Column("label", String(100), primary_key=True),
    Column("field", String(200), nullable=False),
    Column("old", Text),
    Column("new", Text),
    Column("why", Text, nullable=False),
    sqlite_with_rowid=False,
)

OUTCOMES = Table(
    "outcomes",
    METADATA,
    Column("run_id", String(100), primary_key=True),
    Column("account_id", String(200), primary_key=True),
    Column("status", String(20), nullable=False),
    Column("code", String(200), nullable=False),
    Column("message", Text, nullable=False),
    Column("fix", Text, nullable=False),
    Column("field", String(200), nullable=False),
    Column("at", String(32), nullable=False),
    sqlite_with_rowid=False,
)

WRITTEN = Table(
    "written",
    METADATA,
    Column("crm", String(200), primary_key=True),
    Column("account_id", String(200), primary_key=True),
    Column("label", String(100), primary_key=True),
    Column("value", Text),
    Column("run_id", String(100), nullable=False),
    sqlite_with_rowid=False,
)

LABEL_HISTORY = Table(
    "label_history",
    METADATA,
    Column("entry", _SERIAL, primary_key=True, autoincrement=True),
    Column("crm", String(200), nullable=False),
    Column("account_id", String(200), nullable=False),
    Column("computed_profile", String(20)),
    Column("shown_profile", String(20)),
    Column("badge", String(20)),
    Column("reason", Text),
    Column("since", String(10), nullable=False),
    Column("as_of", String(10), nullable=False),
    Column("rules_version", String(100), nullable=False),
    Column("run_id", String(100), nullable=False),
    Index("ix_label_history_account", "crm", "account_id", "entry"),
    Index("ix_label_history_run", "run_id"),
)

POINTERS = Table(
    "mirror_pointers",
    METADATA,
    Column("crm", String(200), primary_key=True),
    Column("stream", String(100), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("shape", String(100), nullable=False),
    Column("cursor", Text),
    Column("generation", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("pulled_at", String(32)),
    Column("files", Text, nullable=False),
)

PORTFOLIO = Table(
    "portfolio",
    METADATA,
    Column("crm", String(200), primary_key=True),
    Column("measured_on", String(10), primary_key=True),
    Column("rules_version", String(100), nullable=False),
    Column("kept_at", String(32), nullable=False),
    Column("figures", Text, nullable=False),
)

PLANS = Table(
    "applied_plans",
    METADATA,
    Column("crm", String(200), primary_key=True),
    Column("digest", String(128), primary_key=True),
    Column("run_id", String(100), nullable=False),
    Column("applied_at", String(32), nullable=False),
)

REJECTED = Table(
    "rejected",
    METADATA,
    Column("crm", String(200), primary_key=True),
    Column("account_id", String(200), primary_key=True),
    Column("run_id", String(100), nullable=False),
    Column("code", String(200), nullable=False),
    Column("message", Text, nullable=False),
    Column("fix", Text, nullable=False),
    Column("field", String(200), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try", String(32), nullable=False),
)

NOTES = Table(
    "notes",
    METADATA,
    Column("crm", String(200), primary_key=True),
    Column("topic", String(50), primary_key=True),
    Column("kept_at", String(32), nullable=False),
    Column("body", Text, nullable=False),
)

RATES = Table(
    "rates",
    METADATA,
    Column("crm", String(200), primary_key=True),
    Column("home", String(10), primary_key=True),
    Column("currency", String(10), primary_key=True),
    Column("since", String(10), primary_key=True),
    Column("rate", String(50), nullable=False),
    Column("seen_at", String(32), nullable=False),
)

AUTHORS = Table(
    "authors",
    METADATA,
    Column("crm", String(200), primary_key=True),
    Column("account_id", String(200), primary_key=True),
    Column("label", String(100), primary_key=True),
    Column("value", Text, nullable=False),
    Column("author", Text),
    Column("names", Text, nullable=False),
    Column("at", String(32)),
    Column("asked_at", String(32), nullable=False),
)

RULEBOOKS = Table(
    "rulebooks",
    METADATA,
    Column("version", String(100), primary_key=True),
    Column("first_used", String(32)),
    Column("last_used", String(32)),
    Column("text", Text, nullable=False),
    Column("playbooks", Text, nullable=False),
)

SCHEDULES = Table(
    "schedules",
    METADATA,
    Column("crm", String(200), primary_key=True),
    Column("slot", String(32)),
    Column("holder", String(200), nullable=False),
    Column("pending", Integer, nullable=False),
    Column("tried_at", String(32)),
    Column("not_before", String(32)),
    Column("tries", Integer, nullable=False),
    Column("why", String(50), nullable=False),
    Column("asked_at", String(32)),
    Column("asked_by", String(200), nullable=False),
    Column("paused_at", String(32)),
    Column("paused_until", String(32)),
    Column("paused_by", String(200), nullable=False),
)

DAEMONS = Table(
    "daemons",
    METADATA,
    Column("name", String(200), primary_key=True),
    Column("started_at", String(32), nullable=False),
    Column("beat_at", String(32), nullable=False),
    Column("loaded_at", String(32), nullable=False),
    Column("problem", Text, nullable=False),
)

ALERTS = Table(
    "alerts",
    METADATA,
    Column("crm", String(200), primary_key=True),
    Column("kind", String(50), primary_key=True),
    Column("state", String(50), nullable=False),
    Column("told", String(50), nullable=False),
    Column("since", String(32), nullable=False),
    Column("until", String(32), nullable=False),
    Column("body", Text, nullable=False),
)


def text_of(moment: datetime) -> str:
    """A moment with zone as the journal keeps it; `ValueError` where it has no zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment without time zone cannot be kept")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment_of(text: str) -> datetime:
    """The moment that `text_of` kept, in UTC."""
    return datetime.fromisoformat(text)
