"""Won business as steps: one row per account and day (METHOD.md section 1 rule 1), product lines, open deals."""

from crm_kare.method.streams import Streams
from crm_kare.method.words import day_number
from crm_kare.method.workbench import Workbench


def lay_out(bench: Workbench, streams: Streams, as_of: int, confirm_days: int) -> None:
    """Make the steps below; nothing dated after `as_of` is in `days`, `events`, `lines`.

    accounts; keys: account_id, key (a number: it costs a fraction of the id to sort and join by). days: key, n (day
    number), event (whether it counts as one), revenue, largest. events: key, n, largest, gap (days since the event
    before), place (1 = the first). lines: key, n, line. oddities: key, undated (won lines without a day that would make
    events), ahead (day of the first won line dated after `as_of`), credits, zeros, pipeline. deals: everything that was
    open on `as_of` or at most `confirm_days` earlier.
    """
    bench.keep("kare_accounts", streams.accounts)
    bench.look("kare_opportunities", streams.opportunities)
    bench.step("kare_keys", "SELECT account_id, row_number() OVER () AS key FROM kare_accounts")
    bench.step("kare_won", _won(bench, streams))
    bench.step("kare_days", _DAYS.format(as_of=as_of))
    bench.step("kare_events", _EVENTS)
    bench.step("kare_lines", _lines(bench, streams, as_of))
    bench.step("kare_oddities", _ODDITIES.format(as_of=as_of))
    bench.drop("kare_won")
    bench.step("kare_deals", _DEALS.format(earliest=as_of - confirm_days))


def _won(bench: Workbench, streams: Streams) -> str:
    """Won lines: orders or invoices where they are mapped, else won opportunities. A line counts if it isn't zero or negative.

    Lines of accounts that are not there count for the usual gap: their key is a hash of the id, below zero.
    """
    if streams.purchases is not None:
        bench.look("kare_purchases", streams.purchases)
        source, given, day, where = "kare_purchases", "", "bought_on", "TRUE"
    else:
        source, day, where = "kare_opportunities", "closed_on", "outcome = 'won'"
        given = "w.opportunity_id AS id, " if streams.line_items is not None else ""
    return f"""
        SELECT {given}coalesce(k.key, -1 - CAST(hash(w.account_id) // 2 AS BIGINT)) AS key, {day_number(f"w.{day}")} AS n,
               w.amount, w.product_line, w.pipeline, coalesce(w.amount > 0, TRUE) AS counts
        FROM {source} AS w LEFT JOIN kare_keys AS k ON w.account_id = k.account_id
        WHERE {where} AND w.account_id IS NOT NULL"""


_DAYS = """
    SELECT key, n, bool_or(counts) AS event, max(amount) AS largest, CAST(sum(amount) AS DECIMAL(38, 4)) AS revenue
    FROM kare_won WHERE n <= {as_of} GROUP BY key, n"""

_EVENTS = """
    SELECT key, n, largest, n - lag(n) OVER ordered AS gap, row_number() OVER ordered AS place
    FROM kare_days WHERE event WINDOW ordered AS (PARTITION BY key ORDER BY n)"""

_ODDITIES = """
    SELECT key,
           count(*) FILTER (WHERE counts AND n IS NULL) AS undated,
           min(n) FILTER (WHERE counts AND n > {as_of}) AS ahead,
           count(*) FILTER (WHERE amount < 0) AS credits,
           count(*) FILTER (WHERE amount = 0) AS zeros,
           max_by(pipeline, coalesce(n, 0)) AS pipeline
    FROM kare_won GROUP BY key"""

_DEALS = f"""
    SELECT k.key, o.name, o.amount, o.deal_kind AS kind, o.outcome = 'open' AS is_open,
           {day_number("o.created_on")} AS opened, {day_number("o.closed_on")} AS closes
    FROM kare_opportunities AS o JOIN kare_keys AS k ON o.account_id = k.account_id
    WHERE o.outcome = 'open' OR {day_number("o.closed_on")} > {{earliest}}"""


def _lines(bench: Workbench, streams: Streams, as_of: int) -> str:
    own = (
        f"SELECT key, n, product_line AS line FROM kare_won WHERE counts AND n <= {as_of} AND product_line IS NOT NULL"
    )
    if streams.line_items is None or streams.purchases is not None:
        return f"SELECT DISTINCT * FROM ({own}) AS own"
    bench.look("kare_line_items", streams.line_items)
    items = f"""
        SELECT w.key, w.n, i.product_line AS line
        FROM kare_won AS w JOIN kare_line_items AS i ON w.id = i.opportunity_id
        WHERE w.counts AND w.n <= {as_of} AND i.product_line IS NOT NULL"""
    return f"SELECT DISTINCT * FROM ({own} UNION ALL {items}) AS every"


def open_on(day: int, as_of: int, overdue: int) -> str:
    """Whether a deal was open on `day` and not overdue by more than `overdue` days, as known on `as_of`.

    On an earlier day than `as_of`, deals that have closed since count as open.
    """
    return f"""coalesce(opened, 0) <= {day} AND (
        (is_open AND (closes IS NULL OR closes >= {day - overdue}))
        OR (NOT is_open AND closes > {day} AND closes <= {as_of}))"""
