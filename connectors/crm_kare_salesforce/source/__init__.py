"""The Salesforce source under deploy/salesforce, made from the labels: `python -m crm_kare_salesforce.source`.

Fields and permission sets come from the same values that `provision` sends; list views, reports and the dashboard are
what only metadata can give. Texts, component and tests of the project are written by hand and left alone.
"""

from crm_kare_salesforce.source.document import MARK
from crm_kare_salesforce.source.files import source_files, write

__all__ = ["MARK", "source_files", "write"]
