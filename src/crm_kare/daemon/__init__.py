"""The daemon: each CRM on its own schedule, in one process, until it is told to stop."""

from crm_kare.daemon.service import Service

__all__ = ["Service"]
