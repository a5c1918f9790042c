"""Our properties in a portal: made, compared, mended, restored, taken away; what is people's stays."""

from dataclasses import replace
from typing import Any

import pytest

from crm_kare.errors import AccessError, ConfigError
from crm_kare.ports import LabelField, ProvisionStep
from crm_kare.sandbox.faults import DROP, Fault
from crm_kare.testing import steps

pytestmark = pytest.mark.parametrize("rig", ["hubspot"], indirect=True)

BATCH = "/crm/v3/properties/companies/batch/create"
COMPANIES = "/crm/v3/properties/companies"


def definition(rig: Any, name: str) -> Any:
    """The property as the portal has it."""
    return rig.portal.org.fields("companies")[name].extra["property"]


def change(rig: Any, name: str, **parts: Any) -> None:
    """The admin edits a property."""
    rig.portal.org.change_field("companies", replace(definition(rig, name), **parts).as_field())


def provision(rig: Any, *, dry_run: bool = False) -> dict[str, ProvisionStep]:
    """One more run of it, its steps by what they are about."""
    told = rig.connector().provision("companies", rig.setting.fields, dry_run=dry_run)
    return {one.what: one for one in told}


def test_provisioned_properties_are_what_the_labels_say(rig: Any) -> None:
    steps.ready(rig)
    made = {name: one.extra["property"] for name, one in rig.portal.org.fields("companies").items()}
    profile, reasons, target = made["kare_profile"], made["kare_reasons"], made["kare_target"]
    assert (profile.type, profile.field_type, profile.group) == ("enumeration", "select", "kare")
    assert [(one.value, one.label) for one in profile.options][:2] == [("Keep", "Keep"), ("Attain", "Attain")]
    assert (reasons.type, reasons.field_type) == ("string", "textarea")
    assert [one.value for one in target.options] == ["true", "false"]
    assert made["kare_changed_on"].type == "date"
    assert made["icp_score"].type == "number"
    assert all(made[one.field].description == one.label.help for one in rig.setting.fields)
    assert not any(made[one.field].unique for one in rig.setting.fields)


def test_all_properties_are_made_by_one_call(rig: Any) -> None:
    steps.ready(rig)
    wrote = [
        one.path for one in rig.running.faults.calls() if one.method in {"POST", "PATCH"} and "/properties/" in one.path
    ]
    assert wrote == [f"{COMPANIES}/groups", BATCH]


def test_a_definition_that_moved_is_mended_and_peoples_options_stay(rig: Any) -> None:
    steps.ready(rig)
    known = definition(rig, "kare_lapse_reason")
    added = replace(known.options[0], value="Moved abroad", label="Moved abroad")
    change(rig, "kare_lapse_reason", label="Other title", options=(*known.options[1:], added))
    told = provision(rig)
    assert told["property kare_lapse_reason"].action == "change"
    assert told["property kare_lapse_reason"].detail == "label, options"
    now = definition(rig, "kare_lapse_reason")
    assert now.label == "KARE Lapse Reason"
    assert [one.value for one in now.options] == [*(one.value for one in known.options), "Moved abroad"]
    assert {one.action for one in provision(rig).values()} == {"none"}


def test_wordings_of_options_and_field_types_are_peoples(rig: Any) -> None:
    steps.ready(rig)
    options = definition(rig, "kare_profile").options
    change(rig, "kare_profile", field_type="radio", options=(replace(options[0], label="Halten"), *options[1:]))
    assert {one.action for one in provision(rig).values()} == {"none"}


def test_an_option_that_was_hidden_is_shown_again(rig: Any) -> None:
    steps.ready(rig)
    options = definition(rig, "kare_profile").options
    change(rig, "kare_profile", options=(replace(options[0], hidden=True, label="Halten"), *options[1:]))
    assert provision(rig)["property kare_profile"].detail == "options"
    first = definition(rig, "kare_profile").options[0]
    assert (first.value, first.label, first.hidden) == ("Keep", "Halten", False)


def test_a_property_of_another_type_stops_everything_with_words(rig: Any) -> None:
    fields = rig.setting.fields
    wrong = replace(definition(rig, "annual_wallet"), name="kare_profile", label="Profile of theirs")
    rig.portal.org.add_field("companies", wrong.as_field())
    with pytest.raises(ConfigError, match=r"kare_profile is of type number, not enumeration") as caught:
        rig.connector().provision("companies", fields, dry_run=False)
    assert "labels.fields" in caught.value.fix
    assert "kare_reason" not in rig.portal.org.fields("companies")
    assert "kare" not in rig.portal.groups["companies"]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"field_type": "checkbox"}, "several values"),
        ({"read_only": True}, "read-only"),
        ({"unique": True}, "unique"),
    ],
)
def test_a_property_that_cannot_hold_a_label_is_told(rig: Any, parts: dict[str, Any], words: str) -> None:
    steps.ready(rig)
    change(rig, "kare_profile", **parts)
    with pytest.raises(ConfigError, match=words):
        provision(rig)
    told = rig.connector().check([steps.accounts(rig)], rig.setting.fields)
    assert [one.where for one in told if words in one.message] == ["companies"]


@pytest.mark.parametrize(("name", "words"), [("kare-profile", "small letters"), ("hs_profile", "HubSpot's own")])
def test_a_name_that_no_property_can_have_is_told_before_anything_is_made(rig: Any, name: str, words: str) -> None:
    fields = [replace(rig.setting.fields[0], field=name), *rig.setting.fields[1:]]
    with pytest.raises(ConfigError, match=words):
        rig.connector().provision("companies", fields, dry_run=False)
    assert "kare" not in rig.portal.groups["companies"]
    told = rig.connector().check([steps.accounts(rig)], fields)
    assert [one.fix for one in told if name in one.message] == ["Set another prefix or `labels.fields` in the mapping."]


def test_archived_properties_come_back(rig: Any) -> None:
    connector = steps.ready(rig)
    connector.deprovision("companies", rig.setting.fields, dry_run=False)
    rig.portal.archived["companies"]["kare_reason"] = replace(
        rig.portal.archived["companies"]["kare_reason"], label="Old title"
    )
    dry = provision(rig, dry_run=True)["property kare_reason"]
    assert (dry.action, dry.detail) == ("create", "restored from the archive")
    assert provision(rig)["property kare_reason"] == dry
    assert definition(rig, "kare_reason").label == "KARE Reason"
    assert {one.action for one in provision(rig).values()} == {"none"}


def test_an_archived_name_that_hubspot_does_not_give_back_is_left_to_do_by_hand(rig: Any) -> None:
    connector = steps.ready(rig)
    connector.deprovision("companies", rig.setting.fields, dry_run=False)
    conflict = '{"status":"error","message":"A property named x already exists.","category":"OBJECT_ALREADY_EXISTS"}'
    rig.running.faults.order(Fault(COMPANIES, "POST", status=409, body=conflict))
    rig.running.faults.order(Fault(f"{COMPANIES}/*", "PATCH", status=404, body="{}"))
    told = provision(rig)
    left = [one.what for one in told.values() if one.action == "by hand" and one.what.startswith("property ")]
    refused = rig.setting.fields[0].field
    assert left == [f"property {refused}"]
    assert "Settings > Properties > Archived" in told[left[0]].detail
    made = rig.portal.org.fields("companies")
    assert [one.field for one in rig.setting.fields if one.field not in made] == [refused]


def test_a_batch_that_is_refused_as_a_whole_is_made_one_by_one(rig: Any) -> None:
    rig.running.faults.order(Fault(BATCH, "POST", status=400, body='{"status":"error","message":"no"}'))
    told = provision(rig)
    assert {told[f"property {one.field}"].action for one in rig.setting.fields} == {"create"}
    assert {one.action for one in provision(rig).values()} == {"none"}


def test_a_property_that_hubspot_refuses_is_left_to_do_by_hand_in_its_words(rig: Any) -> None:
    rig.portal.settings = replace(rig.portal.settings, most_properties=_added(rig) + len(rig.setting.fields) - 1)
    told = provision(rig)
    left = [one for one in told.values() if one.action == "by hand" and one.what.startswith("property ")]
    assert len(left) == 1
    assert "limit" in left[0].detail


def _added(rig: Any) -> int:
    known = rig.portal.org.fields("companies").values()
    return sum(not one.extra["property"].defined_by_hubspot for one in known)


def test_what_another_run_created_meanwhile_is_no_error(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.ready(rig)
    late = rig.connector()
    monkeypatch.setattr("crm_kare_hubspot.definitions.Definitions.fetched", _blind_once())
    told = late.provision("companies", rig.setting.fields, dry_run=False)
    assert {one.action for one in told} == {"none"}


def _blind_once() -> Any:
    """`Definitions.fetched` that saw nothing yet, the first time for each list."""
    from crm_kare_hubspot.definitions import Definitions  # noqa: PLC0415  the name is about to be replaced

    usual, seen = Definitions.fetched, set[bool]()

    def fetched(self: Definitions, source: str, *, archived: bool = False) -> Any:
        if archived not in seen:
            seen.add(archived)
            return {}
        return usual(self, source, archived=archived)

    return fetched


def test_who_may_edit_is_told_once(rig: Any) -> None:
    told = provision(rig, dry_run=True)["who may edit the properties"]
    assert told.action == "by hand"
    assert "KARE Override" in told.detail
    assert "who may edit the properties" in provision(rig)
    assert "who may edit the properties" not in provision(rig)


def test_a_dry_run_makes_no_write_call(rig: Any) -> None:
    connector = rig.connector(lists=True)
    told = connector.provision("companies", rig.setting.fields, dry_run=True)
    assert {one.action for one in told} == {"create", "by hand"}
    assert connector.calls().write == 0


def test_a_property_of_the_portals_own_stays_as_it_is(rig: Any) -> None:
    steps.ready(rig)
    tier = next(one.label for one in rig.setting.fields if one.label.name == "Class")
    theirs = replace(
        definition(rig, "kare_class"),
        name="segment_of_ours",
        label="Segment",
        description="",
        group="companyinformation",
    )
    rig.portal.org.add_field("companies", replace(theirs, options=theirs.options[:1]).as_field())
    mapped = [LabelField(tier, "segment_of_ours")]
    connector = rig.connector()
    assert [one.detail for one in connector.provision("companies", mapped, dry_run=False) if "segment" in one.what] == [
        "options"
    ]
    now = definition(rig, "segment_of_ours")
    assert (now.label, now.group, len(now.options)) == ("Segment", "companyinformation", len(tier.values))
    told = connector.deprovision("companies", mapped, dry_run=False)
    assert [(one.action, one.detail) for one in told if "segment" in one.what] == [
        ("none", "the portal's own: stays as it is")
    ]


def test_the_target_mark_may_be_hubspots_own(rig: Any) -> None:
    target = next(one.label for one in rig.setting.fields if one.label.name == "Target")
    mapped = [LabelField(target, "hs_is_target_account")]
    told = rig.connector().provision("companies", mapped, dry_run=False)
    assert [one.action for one in told if one.what.startswith("property hs_")] == ["none"]


def test_provisioning_without_the_scope_names_it(rig: Any) -> None:
    settings = rig.portal.settings
    rig.portal.settings = replace(settings, scopes=settings.scopes - {"crm.schemas.companies.write"})
    with pytest.raises(AccessError, match=r"crm\.schemas\.companies\.write"):
        rig.connector().provision("companies", rig.setting.fields, dry_run=False)


def test_taking_out_counts_what_is_lost_and_tells_where_it_is_kept(rig: Any) -> None:
    connector = steps.ready(rig)
    first, second, _ = steps.seeded(rig, 3)
    rig.edit_labels(first, {"Profile": "Keep", "Override": "Expand"})
    rig.edit_labels(second, {"Profile": "Attain"})
    told = {one.what: one for one in connector.deprovision("companies", rig.setting.fields, dry_run=True)}
    assert told["property kare_profile"].detail == "archived, with its 2 values"
    assert told["property kare_override"].detail == "archived, with its 1 value"
    assert told["property kare_badge"].detail == "archived, with its 0 values"
    assert "90 days" in told["archived properties of companies"].detail
    assert "kare_profile" in rig.portal.org.fields("companies")
    connector.deprovision("companies", rig.setting.fields, dry_run=False)
    assert not [one for one in rig.setting.fields if one.field in rig.portal.org.fields("companies")]
    assert "kare" not in rig.portal.groups["companies"]


def test_the_group_stays_where_others_put_a_property_into_it(rig: Any) -> None:
    connector = steps.ready(rig)
    some = rig.setting.fields[:-1]
    told = connector.deprovision("companies", some, dry_run=False)
    assert [one.action for one in told] == ["delete"] * len(some) + ["none", "by hand"]
    assert rig.setting.fields[-1].field in told[-2].detail


def test_lost_answers_are_no_matter(rig: Any) -> None:
    for path, method in ((f"{COMPANIES}/groups", "POST"), (BATCH, "POST"), ("/crm/v3/lists/", "POST")):
        rig.running.faults.order(Fault(path, method, DROP, after=True))
    told = rig.connector(lists=True).provision("companies", rig.setting.fields, dry_run=False)
    assert [one for one in told if one.action == "by hand" and one.what.startswith(("property ", "list "))] == []
    again = rig.connector(lists=True).provision("companies", rig.setting.fields, dry_run=False)
    assert {one.action for one in again} == {"none"}
    for path in (f"{COMPANIES}/kare_profile", f"{COMPANIES}/groups/kare", "/crm/v3/lists/*"):
        rig.running.faults.order(Fault(path, "DELETE", DROP, after=True))
    taken = rig.connector(lists=True).deprovision("companies", rig.setting.fields, dry_run=False)
    assert {one.action for one in taken if one.what.startswith(("property ", "list "))} == {"delete"}
    assert rig.connector().deprovision("companies", rig.setting.fields, dry_run=True)[-1].action == "none"


def test_a_property_in_use_is_left_to_do_by_hand(rig: Any) -> None:
    connector = steps.ready(rig)
    body = (
        '{"status":"error","message":"Property: kare_badge of object type 0-2 is currently used in 1 places and cannot'
        ' be deleted","category":"VALIDATION_ERROR"}'
    )
    rig.running.faults.order(Fault(f"{COMPANIES}/kare_badge", "DELETE", status=400, body=body))
    told = {one.what: one for one in connector.deprovision("companies", rig.setting.fields, dry_run=False)}
    assert told["property kare_badge"].action == "by hand"
    assert "used in 1 places" in told["property kare_badge"].detail
    assert "Used in" in told["property kare_badge"].detail
    assert told["property group kare"].action == "none"
    assert "kare_badge" in rig.portal.org.fields("companies")
