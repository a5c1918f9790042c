"""Active lists by profile: made where the mapping asks for them, kept, taken away."""

from dataclasses import replace
from typing import Any

import pytest

from crm_kare.errors import ConfigError
from crm_kare.testing import steps

pytestmark = pytest.mark.parametrize("rig", ["hubspot"], indirect=True)

NAMES = ["KARE Keep", "KARE Attain", "KARE Recapture", "KARE Expand", "KARE At risk"]


def lists(rig: Any) -> dict[str, Any]:
    """The portal's live lists by name."""
    return {one.name: one for one in rig.portal.lists.values() if one.deleted is None}


def provisioned(rig: Any, **options: Any) -> dict[str, str]:
    """What `provision` did about lists, by name."""
    told = rig.connector(**options).provision("companies", rig.setting.fields, dry_run=False)
    return {one.what.removeprefix("list "): one.action for one in told if one.what.startswith("list ")}


def test_no_list_is_made_unasked(rig: Any) -> None:
    assert provisioned(rig) == {}
    assert lists(rig) == {}


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_lists_are_made_once(rig: Any, version: str) -> None:
    assert provisioned(rig, lists=True, api_version=version) == dict.fromkeys(NAMES, "create")
    assert list(lists(rig)) == NAMES
    assert {(one.kind.id, one.processing) for one in lists(rig).values()} == {("0-2", "DYNAMIC")}
    only = lists(rig)["KARE Expand"].branch["filterBranches"][0]["filters"][0]
    assert (only["property"], only["operation"]["values"]) == ("kare_profile", ["Expand"])
    assert provisioned(rig, lists=True, api_version=version) == dict.fromkeys(NAMES, "none")


def test_the_word_before_their_names_can_be_chosen(rig: Any) -> None:
    assert "Sales Keep" in provisioned(rig, lists="Sales")


def test_another_kind_of_option_is_refused(rig: Any) -> None:
    connector = rig.connector(lists=3)
    with pytest.raises(ConfigError, match="lists"):
        connector.provision("companies", rig.setting.fields, dry_run=True)
    told = connector.check([steps.accounts(rig)], rig.setting.fields)
    assert "lists" in [one.where for one in told]


def test_further_filters_of_people_stay_and_lost_ones_come_back(rig: Any) -> None:
    provisioned(rig, lists=True)
    held = lists(rig)["KARE Keep"]
    ours = held.branch["filterBranches"][0]
    more = {
        "filterType": "PROPERTY",
        "property": "country",
        "operation": {"operationType": "ALL_PROPERTY", "operator": "IS_KNOWN"},
    }
    theirs = {**held.branch, "filterBranches": [{**ours, "filters": [more, *ours["filters"]]}]}
    rig.portal.lists[held.id] = replace(held, branch=theirs)
    assert provisioned(rig, lists=True)["KARE Keep"] == "none"
    assert rig.portal.lists[held.id].branch == theirs
    rig.portal.lists[held.id] = replace(held, branch={**held.branch, "filterBranches": [{**ours, "filters": [more]}]})
    assert provisioned(rig, lists=True)["KARE Keep"] == "change"
    now = rig.portal.lists[held.id].branch["filterBranches"][0]["filters"]
    assert [one["property"] for one in now] == ["kare_profile"]


def test_a_list_of_that_name_which_is_not_active_is_left(rig: Any) -> None:
    provisioned(rig, lists=True)
    held = lists(rig)["KARE Keep"]
    rig.portal.lists[held.id] = replace(held, processing="MANUAL", branch=None)
    assert provisioned(rig, lists=True)["KARE Keep"] == "by hand"
    assert rig.portal.lists[held.id].processing == "MANUAL"


def test_without_the_scope_it_is_named_and_the_properties_are_made(rig: Any) -> None:
    rig.portal.settings = replace(rig.portal.settings, scopes=rig.portal.settings.scopes - {"crm.lists.write"})
    told = rig.connector(lists=True).provision("companies", rig.setting.fields, dry_run=False)
    left = [one for one in told if one.action == "by hand" and one.what.startswith("list ")]
    assert [one.what for one in left] == [f"list {name}" for name in NAMES]
    assert all("crm.lists.write" in one.detail for one in left)
    assert "kare_profile" in rig.portal.org.fields("companies")


def test_doctor_names_the_scope_only_where_lists_are_asked_for(rig: Any) -> None:
    steps.ready(rig)
    gone = {"crm.lists.read", "crm.lists.write"}
    rig.portal.settings = replace(rig.portal.settings, scopes=rig.portal.settings.scopes - gone)
    asked = rig.connector(lists=True).check([steps.accounts(rig)], rig.setting.fields)
    assert "crm.lists.read" in asked[0].fix
    assert "crm.lists" not in str(rig.connector().check([steps.accounts(rig)], rig.setting.fields))


def test_taking_out_deletes_them_before_their_properties(rig: Any) -> None:
    provisioned(rig, lists=True)
    dry = rig.connector().deprovision("companies", rig.setting.fields, dry_run=True)
    assert [one.what for one in dry if one.what.startswith("list ")] == [f"list {name}" for name in NAMES]
    assert len(lists(rig)) == len(NAMES)
    told = rig.connector().deprovision("companies", rig.setting.fields, dry_run=False)
    assert {one.action for one in told if one.what.startswith(("list ", "property "))} == {"delete"}
    assert lists(rig) == {}


def test_a_list_of_that_name_which_people_made_stays(rig: Any) -> None:
    provisioned(rig, lists=True)
    held = lists(rig)["KARE Keep"]
    rig.portal.lists[held.id] = replace(held, processing="MANUAL", branch=None)
    rig.connector().deprovision("companies", rig.setting.fields, dry_run=False)
    assert list(lists(rig)) == ["KARE Keep"]


def test_taking_out_without_the_scope_tells_what_keeps_the_property(rig: Any) -> None:
    provisioned(rig, lists=True)
    gone = {"crm.lists.read", "crm.lists.write"}
    rig.portal.settings = replace(rig.portal.settings, scopes=rig.portal.settings.scopes - gone)
    told = {one.what: one for one in rig.connector().deprovision("companies", rig.setting.fields, dry_run=False)}
    assert told["property kare_profile"].action == "by hand"
    assert "lists" in told["property kare_profile"].detail
    assert told["property kare_reason"].action == "delete"
