"""A small Salesforce sandbox on the real clock (these clients have no other), and one of its accounts' external ids."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from crm_kare.clock import SystemClock
from crm_kare.sandbox import serve
from crm_kare.sandbox.salesforce import SalesforceOrg, org_of
from crm_kare.sandbox.server import RunningSandbox

PAGE = 50
"""Rows in a page at most, so that every client has to turn pages."""

KEY = "Foreign_Key__c"
"""An external id on Account."""


@dataclass(frozen=True)
class Target:
    """The sandbox that clients are pointed at."""

    running: RunningSandbox
    token: str

    @property
    def org(self) -> SalesforceOrg:
        return org_of(self.running.sandbox)

    @property
    def url(self) -> str:
        return self.running.url

    def accounts(self, number: int = 1) -> list[str]:
        """Ids of the first accounts."""
        return [str(one["_id"]) for one in self.org.records.select("Account", limit=number)]

    def account(self, record_id: str) -> dict[str, Any]:
        """An account as the store holds it."""
        found = self.org.records.get("Account", record_id)
        assert found is not None
        return found

    def age(self, *accounts: str) -> None:
        """Stamp accounts five minutes back: lists of deletions and changes end with the last full minute."""
        for one in accounts:
            self.org.records.backdate("Account", one, self.org.records.now_ms() - 300_000)

    def count(self, name: str) -> int:
        return self.org.records.count(name)


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """An org of sixty accounts whose admin added an external id."""
    with serve(SystemClock(), accounts=60, seed=3, vendors=("salesforce",)) as running:
        org = org_of(running.sandbox)
        org.settings.page_limit = PAGE
        made = Target(running, org.log_in(org.integration_user))
        _add_external_id(made)
        yield made


def _add_external_id(target: Target) -> None:
    """As an admin does it: the field by the Tooling API, then the right to it by a permission set."""
    metadata = {"label": "Foreign key", "type": "Text", "length": 40, "externalId": True}
    _made(target, "tooling/sobjects/CustomField", {"FullName": f"Account.{KEY}", "Metadata": metadata})
    granted = _made(target, "sobjects/PermissionSet", {"Name": "Keys", "Label": "Keys"})
    _made(
        target,
        "sobjects/PermissionSetAssignment",
        {"PermissionSetId": granted, "AssigneeId": target.org.integration_user},
    )
    right = {"SobjectType": "Account", "Field": f"Account.{KEY}", "PermissionsRead": True, "PermissionsEdit": True}
    _made(target, "sobjects/FieldPermissions", {"ParentId": granted, **right})


def _made(target: Target, path: str, body: dict[str, Any]) -> str:
    answer = requests.post(
        f"{target.url}/services/data/v62.0/{path}",
        json=body,
        headers={"Authorization": f"Bearer {target.token}"},
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])
