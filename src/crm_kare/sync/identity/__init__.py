"""One label for a company that stands in several CRMs: who is who, and the judgement of what all of them know."""

from crm_kare.sync.identity.judging import Together, judge_together

__all__ = ["Together", "judge_together"]
