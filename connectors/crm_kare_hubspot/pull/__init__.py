"""Reading streams: all records by list pages, then what changed by search, and what was archived or merged."""

from crm_kare_hubspot.pull.changes import SEARCH_PAGE
from crm_kare_hubspot.pull.puller import Puller
from crm_kare_hubspot.pull.records import Pull, assembled, away_ids, links_fetched, merged_away, read_rows

__all__ = [
    "SEARCH_PAGE",
    "Pull",
    "Puller",
    "assembled",
    "away_ids",
    "links_fetched",
    "merged_away",
    "read_rows",
]
