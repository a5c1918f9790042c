"""The rules core: pure functions from a CRM's streams and a rulebook to labels with reasons. No network, database, clock."""

from crm_kare.method.icp import never_asked
from crm_kare.method.portfolio import Portfolio, portfolio_from_json, portfolio_to_json
from crm_kare.method.ranking import placed
from crm_kare.method.score import SHARED, Scored, score
from crm_kare.method.streams import JUDGED_WITH, Streams
from crm_kare.method.workbench import Workbench, quoted

__all__ = [
    "JUDGED_WITH",
    "SHARED",
    "Portfolio",
    "Scored",
    "Streams",
    "Workbench",
    "never_asked",
    "placed",
    "portfolio_from_json",
    "portfolio_to_json",
    "quoted",
    "score",
]
