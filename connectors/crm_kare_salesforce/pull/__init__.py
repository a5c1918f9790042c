"""Reading streams: over REST where little came, by query jobs where much did, and what was deleted either way."""

from crm_kare_salesforce.pull.options import pull_options
from crm_kare_salesforce.pull.puller import Puller
from crm_kare_salesforce.pull.single import single

__all__ = ["Puller", "pull_options", "single"]
