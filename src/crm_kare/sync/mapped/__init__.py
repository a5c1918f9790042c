"""From the mirror's raw columns to the canonical tables that the rules core is given, as the mapping says."""

from crm_kare.sync.mapped.reading import mapped_names, streams

__all__ = ["mapped_names", "streams"]
