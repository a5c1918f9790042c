"""The conformance suite that every connector passes, the in-memory connector, and a clock for tests.

`memory` and `clock` need nothing but the package; the checks (`contract`) need pytest, which shows their assertions in
full only where rewriting is asked for before they are imported: here.
"""

from contextlib import suppress

with suppress(ImportError):
    import pytest

    pytest.register_assert_rewrite(
        "crm_kare.testing.contract",
        "crm_kare.testing.steps",
        "crm_kare.testing.being",
        "crm_kare.testing.reading",
        "crm_kare.testing.changes",
        "crm_kare.testing.writing",
        "crm_kare.testing.conflicts",
        "crm_kare.testing.trouble",
    )
