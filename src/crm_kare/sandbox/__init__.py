"""A local CRM that speaks both vendors' HTTP on loopback, for the demo and for tests.

Written from the vendors' documented behaviour, and strict in what it takes: a client that works here by luck alone is
what it must find out.
"""

from crm_kare.sandbox.faults import Call, Fault, Faults
from crm_kare.sandbox.server import VENDORS, RunningSandbox, build, create_app, serve
from crm_kare.sandbox.state import Sandbox

__all__ = ["VENDORS", "Call", "Fault", "Faults", "RunningSandbox", "Sandbox", "build", "create_app", "serve"]
