"""A made-up business that sells to other companies: the same one for the same seed and day."""

from crm_kare.sandbox.generate.business import Business, Company, Deal, Line, Person, Rep, Stage
from crm_kare.sandbox.generate.generate import generate

__all__ = ["Business", "Company", "Deal", "Line", "Person", "Rep", "Stage", "generate"]
