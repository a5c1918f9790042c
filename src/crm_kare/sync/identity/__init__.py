"""One label for a company that stands in several CRMs: who is who, and the judgement of what all of them know."""

from crm_kare.sync.identity.judging import Together, judge_together
from crm_kare.sync.identity.listing import Listing, listing

__all__ = ["Listing", "Together", "judge_together", "listing"]
