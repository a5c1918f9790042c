"""A CRM in memory and the connector to it: first-class, under the same checks as the others, and for everyone's tests."""

from crm_kare.testing.memory.connector import CAPABILITIES, MemoryConnector
from crm_kare.testing.memory.crm import Fault, MemoryCrm

__all__ = ["CAPABILITIES", "Fault", "MemoryConnector", "MemoryCrm"]
