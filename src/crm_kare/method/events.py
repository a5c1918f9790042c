"""Won business as steps: one row per account and day (METHOD.md section 1 rule 1), product lines, open deals."""

from crm_kare.method.streams import Streams
from crm_kare.method.words import day_number
from crm_kare.method.workbench import Workbench


def lay_out(bench: Workbench, streams: Streams, as_of: int) -> None:
    """Make the steps `accounts`, `won`, `days`, `lines`, `oddities`, `deals`; nothing dated after `as_of` is in `days`, `lines`.

    days: account_id, n (day number), event (whether it counts as one), revenue, largest. lines: account_id, n, line.
    oddities: account_id, undated (won lines without a day that would make events), ahead (day of the first won line
    dated after `as_of`), credits, zeros, pipeline. deals: everything that is or was open.
    """
    bench.keep("kare_accounts", streams.accounts)
    bench.keep("kare_opportunities", streams.opportunities)
    bench.step("kare_won", _won(bench, streams))
    bench.step("kare_days", _DAYS.format(as_of=as_of))
    bench.step("kare_lines", _lines(bench, streams, as_of))
    bench.step("kare_oddities", _ODDITIES.format(as_of=as_of))
    bench.step("kare_deals", _DEALS)


def _won(bench: Workbench, streams: Streams) -> str:
    """Won lines: orders or invoices where they are mapped, else won opportunities. A line counts if it isn't zero or negative."""
    if streams.purchases is not None:
        bench.keep("kare_purchases", streams.purchases)
        source, key, day, where = "kare_purchases", "purchase_id", "bought_on", "TRUE"
    else:
        source, key, day, where = "kare_opportunities", "opportunity_id", "closed_on", "outcome = 'won'"
    return f"""
        SELECT {key} AS id, account_id, {day_number(day)} AS n, amount, product_line, pipeline,
               coalesce(amount > 0, TRUE) AS counts
        FROM {source} WHERE {where} AND account_id IS NOT NULL"""


_DAYS = """
    SELECT account_id, n, bool_or(counts) AS event, max(amount) AS largest, CAST(sum(amount) AS DECIMAL(38, 4)) AS revenue
    FROM kare_won WHERE n <= {as_of} GROUP BY account_id, n"""

_ODDITIES = """
    SELECT account_id,
           count(*) FILTER (WHERE counts AND n IS NULL) AS undated,
           min(n) FILTER (WHERE counts AND n > {as_of}) AS ahead,
           count(*) FILTER (WHERE amount < 0) AS credits,
           count(*) FILTER (WHERE amount = 0) AS zeros,
           max_by(pipeline, coalesce(n, 0)) AS pipeline
    FROM kare_won GROUP BY account_id"""

_DEALS = f"""
    SELECT account_id, name, amount, deal_kind AS kind, outcome = 'open' AS is_open,
           {day_number("created_on")} AS opened, {day_number("closed_on")} AS closes
    FROM kare_opportunities WHERE account_id IS NOT NULL"""


def _lines(bench: Workbench, streams: Streams, as_of: int) -> str:
    own = f"SELECT account_id, n, product_line AS line FROM kare_won WHERE counts AND n <= {as_of} AND product_line IS NOT NULL"
    if streams.line_items is None or streams.purchases is not None:
        return f"SELECT DISTINCT * FROM ({own}) AS own"
    bench.keep("kare_line_items", streams.line_items)
    items = f"""
        SELECT w.account_id, w.n, i.product_line AS line
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
