"""Alerts by Apprise: one message when something goes wrong, one when it is well again, each with the next command to type."""

from crm_kare.daemon.alerts import watch
from crm_kare.daemon.alerts.alerter import Alerter, Teller, alert_addresses
from crm_kare.daemon.alerts.post import Address

__all__ = ["Address", "Alerter", "Teller", "alert_addresses", "watch"]
