"""What both vendors' sides work on.

A vendor's side is a package with `load(sandbox, business)` (defines its org in the store and fills it),
`copied(org)` (what is copied to make a large org), `router_for(sandbox)` (its addresses) and `environment(url)` (the
Contract's settings to use it).
"""

from dataclasses import dataclass, field

from crm_kare.ports import Clock
from crm_kare.sandbox.faults import Faults
from crm_kare.sandbox.generate import Business
from crm_kare.sandbox.store import Store


@dataclass
class Sandbox:
    """The sandbox in one hand.

    By vendor name: `businesses` is what was loaded into the vendor's org (a vendor without one is not served).
    `copies` is how often each record of a business is there.
    `sides` is what a vendor's side keeps beside the store (settings, tokens, counters), by vendor name.
    """

    store: Store
    clock: Clock
    faults: Faults = field(default_factory=Faults)
    businesses: dict[str, Business] = field(default_factory=dict)
    sides: dict[str, object] = field(default_factory=dict)
    copies: int = 1
