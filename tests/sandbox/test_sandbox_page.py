"""The record page over HTTP: both orgs, with and without our fields, the override form, and what keeps it safe."""

import re
from dataclasses import replace
from typing import Any

import pytest
import requests

from crm_kare.labels import LABELS, FieldType
from crm_kare.sandbox.hubspot.definitions import Option, Property
from crm_kare.sandbox.page.gaps import newest_first
from crm_kare.sandbox.page.views import Deal
from crm_kare.sandbox.server import RunningSandbox
from crm_kare.sandbox.store import FieldDef, Org

HELD = {
    "Profile": "Recapture",
    "Computed_Profile": "Recapture",
    "Previous_Profile": "Keep",
    "Changed_On": "2026-11-03",
    "Badge": "At risk",
    "Motion": "Reactivate",
    "Reason": "Last order 18 Jun 2026 & <silent> since.",
    "Reasons": "Silent.\nRunner-up: Keep.",
    "Next_Step": "Call the plant manager.",
    "ICP_Score": "72",
    "ICP_Tier": "High",
}


def _add_fields(running: RunningSandbox) -> None:
    for label in LABELS:
        name = f"{'KARE_' if label.prefixed else ''}{label.name}"
        options = tuple(Option(value, value) for value in label.values)
        kind = ("date", "date") if label.type is FieldType.DATE else ("string", "text")
        kind = ("enumeration", "select") if options else kind
        made = Property(name.lower(), label.title, *kind, options=options, defined_by_hubspot=False)
        running.store.orgs["hubspot"].add_field("companies", made.as_field())
        running.store.orgs["salesforce"].add_field(
            "Account", FieldDef(f"{name}__c", label.title, "string", custom=True)
        )


def _label(running: RunningSandbox) -> tuple[str, str]:
    """Our labels on one account of each org, which has deals; their addresses."""
    hubspot, salesforce = running.store.orgs["hubspot"], running.store.orgs["salesforce"]
    company = hubspot.select("companies", "num_associated_deals IS NOT NULL")[0]["_id"]
    account = salesforce.select("Opportunity", "AccountId IS NOT NULL")[0]["AccountId"]
    names = {label.name: f"{'KARE_' if label.prefixed else ''}{label.name}" for label in LABELS}
    hubspot.update("companies", company, {names[name].lower(): value for name, value in HELD.items()}, "app:4711001")
    integration = str(getattr(running.sandbox.sides["salesforce"], "integration_user"))  # noqa: B009  typed as object
    salesforce.update("Account", account, {f"{names[name]}__c": value for name, value in HELD.items()}, integration)
    return f"/salesforce/accounts/{account}", f"/hubspot/companies/{company}"


@pytest.fixture
def addresses(both_orgs: RunningSandbox) -> list[str]:
    _add_fields(both_orgs)
    return [both_orgs.url + one for one in _label(both_orgs)]


def _get(address: str, **more: Any) -> requests.Response:
    return requests.get(address, timeout=60, **more)


def test_a_fresh_org_has_pages_too(both_orgs: RunningSandbox) -> None:
    for crm, noun in (("salesforce", "accounts"), ("hubspot", "companies")):
        listing = _get(f"{both_orgs.url}/?crm={crm}")
        assert "crm-kare provision" in listing.text
        address = re.search(rf'href="(/{crm}/{noun}/\w+)"', listing.text)
        assert address
        account = _get(both_orgs.url + address[1])
        assert account.status_code == 200
        assert "crm-kare provision" in account.text
        assert "<form" not in account.text


def test_an_account_shows_our_fields_escaped(addresses: list[str]) -> None:
    for address in addresses:
        page = _get(address).text
        for text in (
            '<span class="pill recapture">Recapture</span>',
            "At risk",
            "Reactivate",
            "Call the plant manager.",
        ):
            assert text in page
        assert "Last order 18 Jun 2026 &amp; &lt;silent&gt; since." in page
        assert re.search(r"Changed from <b>Keep</b> on 2026-11-03", page)
        assert re.search(r"\d+ in all, \d+ won for EUR [\d,]+\.\d\d", page)


def test_the_list_is_searched_and_filtered(both_orgs: RunningSandbox, addresses: list[str]) -> None:
    for crm, address in zip(("salesforce", "hubspot"), addresses, strict=True):
        listed = _get(f"{both_orgs.url}/?crm={crm}&profile=Recapture").text
        assert address.removeprefix(both_orgs.url) in listed
        assert len(re.findall(r'<th scope="row">', listed)) == 1
        assert "Nothing found." in _get(f"{both_orgs.url}/?crm={crm}&q=no%25such").text
        assert len(re.findall(r'<th scope="row">', _get(f"{both_orgs.url}/?crm={crm}&page=2").text)) == 10


def test_pages_keep_everything_out(both_orgs: RunningSandbox, addresses: list[str]) -> None:
    for address in [f"{both_orgs.url}/", *addresses, f"{both_orgs.url}/hubspot/companies/nobody"]:
        reply = _get(address)
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r'(src|href)="(https?:)?//|<script|style="|\son\w+=', reply.text)


def test_links_in_the_vendors_style_lead_to_the_page(both_orgs: RunningSandbox, addresses: list[str]) -> None:
    account, company = (one.rsplit("/", 1)[1] for one in addresses)
    assert _get(f"{both_orgs.url}/lightning/r/Account/{account}/view").url == addresses[0]
    assert _get(f"{both_orgs.url}/contacts/48151623/record/0-2/{company}").url == addresses[1]
    assert _get(f"{both_orgs.url}/salesforce/accounts/{account[:15]}").status_code == 200
    assert _get(f"{both_orgs.url}/salesforce/accounts/001000000000000AAA").status_code == 404


def _form(address: str, **values: str) -> dict[str, str]:
    token = re.search(r'name="token" value="(\w+)"', _get(address).text)
    assert token
    return {"token": token[1], **values}


def _override(org: Org, address: str) -> tuple[Any, Any, Any]:
    name, affix, lower = ("companies", "", True) if "hubspot" in address else ("Account", "__c", False)
    record = org.get(name, address.rsplit("/", 1)[1])
    assert record
    names = (f"KARE_{one}{affix}" for one in ("Override", "Override_Reason", "Override_Until"))
    first, second, third = (record[one.lower() if lower else one] for one in names)
    return first, second, third


def test_an_override_is_a_persons_edit_in_the_history(both_orgs: RunningSandbox, addresses: list[str]) -> None:
    for address in addresses:
        org = both_orgs.store.orgs["hubspot" if "hubspot" in address else "salesforce"]
        form = _form(
            address, Override="Attain", Override_Reason="Spoke to them", Override_Until="2026-12-31", Profile="Keep"
        )
        saved = requests.post(address, data=form, timeout=60)
        assert "Saved." in saved.text
        assert _override(org, address) == ("Attain", "Spoke to them", "2026-12-31")
        assert 'class="pill recapture"' in saved.text  # the form sets people's fields only
        assert len(re.findall(r'<li class="person">', saved.text)) == 1
        requests.post(address, data=_form(address), timeout=60)
        assert _override(org, address) == (None, None, None)


def test_the_apis_tell_who_edited(both_orgs: RunningSandbox, addresses: list[str]) -> None:
    for address in addresses:
        requests.post(address, data=_form(address, Override="Keep"), timeout=60)
    company = addresses[1].rsplit("/", 1)[1]
    headers = {"Authorization": f"Bearer {both_orgs.hubspot_environment()['HUBSPOT_ACCESS_TOKEN']}"}
    names = "kare_override,kare_profile"
    shown = _get(
        f"{both_orgs.url}/crm/v3/objects/companies/{company}?propertiesWithHistory={names}", headers=headers
    ).json()["propertiesWithHistory"]
    assert shown["kare_override"][0]["sourceType"] == "CRM_UI"
    assert shown["kare_profile"][0]["sourceType"] == "INTEGRATION"
    account = addresses[0].rsplit("/", 1)[1]
    (row,) = both_orgs.store.orgs["salesforce"].select("AccountHistory", "AccountId = ?", (account,))
    assert (row["Field"], row["NewValue"]) == ("KARE_Override__c", "Keep")


def test_forms_without_their_token_or_with_wrong_values_change_nothing(
    both_orgs: RunningSandbox, addresses: list[str]
) -> None:
    for address in addresses:
        org = both_orgs.store.orgs["hubspot" if "hubspot" in address else "salesforce"]
        other = addresses[0] if address == addresses[1] else addresses[1]
        for data, status in (
            ({"Override": "Keep"}, 403),
            (_form(other, Override="Keep"), 403),
            (_form(address, Override="Key account"), 422),
            (_form(address, Override="Keep", Override_Until="tomorrow"), 422),
        ):
            reply = requests.post(address, data=data, timeout=60)
            assert reply.status_code == status
            assert 'role="alert"' in reply.text
            assert _override(org, address) == (None, None, None)


def test_gaps_are_days_between_purchases_only() -> None:
    deal = Deal("a", "Closed Won", "won", "2026-01-01", None, "")
    deals = [
        replace(deal, closed_on="2026-03-02"),
        deal,
        replace(deal, closed_on="2026-02-01", outcome="lost"),
        replace(deal, closed_on="2026-02-10", counted=False),
    ]
    assert [(one.closed_on, one.gap) for one in newest_first(deals)] == [
        ("2026-03-02", 60),
        ("2026-02-10", None),
        ("2026-02-01", None),
        ("2026-01-01", None),
    ]
