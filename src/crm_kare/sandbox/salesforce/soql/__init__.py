"""SOQL: text → syntax tree → SQL over the store."""

from crm_kare.sandbox.salesforce.soql.compile import Compiled, compile_query
from crm_kare.sandbox.salesforce.soql.parse import parse

__all__ = ["Compiled", "compile_query", "parse"]
