"""The HubSpot project under deploy/hubspot, as far as it is made from the labels: `python -m crm_kare_hubspot.source`.

What the app may read, the names of our properties for the card, and the webhooks where they are wanted. The card, its
texts and its tests are written by hand and left alone.
"""

from crm_kare_hubspot.source.app import WATCHED
from crm_kare_hubspot.source.files import MARK, source_files, write

__all__ = ["MARK", "WATCHED", "source_files", "write"]
