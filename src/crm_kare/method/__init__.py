"""The rules core: pure functions from a CRM's streams and a rulebook to labels with reasons. No network, database, clock."""

from crm_kare.method.icp import never_asked
from crm_kare.method.portfolio import Portfolio, portfolio_from_json, portfolio_to_json
from crm_kare.method.score import Scored, score
from crm_kare.method.streams import Streams

__all__ = ["Portfolio", "Scored", "Streams", "never_asked", "portfolio_from_json", "portfolio_to_json", "score"]
