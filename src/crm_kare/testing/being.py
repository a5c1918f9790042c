"""Being a connector: shape, silence, honesty about what it can do, and `check`."""

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import pytest

from crm_kare.errors import AccessError, ConfigError
from crm_kare.model import Kind
from crm_kare.ports import Connector, SourceField, StreamSpec
from crm_kare.testing import steps
from crm_kare.testing.rig import Rig

_TOUCHING: Final = frozenset({"open", "os.listdir", "os.scandir", "socket.connect", "socket.getaddrinfo"})
_watchers: Final[list[list[str]]] = []


def constructing_touches_nothing(rig: Rig) -> None:
    """No network and no file before the first call."""
    rig.connector().close()
    before = rig.calls()
    with _watching() as touched:
        connector = rig.connector()
    connector.close()
    assert touched == []
    assert rig.calls() == before


def every_method_has_the_ports_signature(rig: Rig) -> None:
    """Same parameters by name and kind, so that the core can call it as it calls every other."""
    connector = rig.connector()
    for name, wanted in inspect.getmembers(Connector, inspect.isfunction):
        if name.startswith("_"):
            continue
        got = inspect.signature(getattr(connector, name))
        expected = list(inspect.signature(wanted).parameters.values())[1:]
        assert [(one.name, one.kind) for one in got.parameters.values()] == [(one.name, one.kind) for one in expected]


def nothing_shows_a_secret(rig: Rig) -> None:
    """Not in `repr`, the log, an error, or a problem; with good credentials and with wrong ones."""
    secrets = rig.setting.secrets
    if not secrets:
        pytest.skip("this CRM has no login, so there is no secret")
    with steps.listening() as heard:
        connector = steps.ready(rig)
        steps.seeded(rig, 1)
        steps.pull(connector, steps.accounts(rig))
        heard += [repr(connector), str(vars(connector)) if hasattr(connector, "__dict__") else ""]
        stranger = rig.stranger()
        if stranger is not None:
            heard += [str(one) for one in stranger.check(list(rig.setting.specs.values()), rig.setting.fields)]
            with pytest.raises(AccessError) as caught:
                stranger.organisation()
            heard.append(steps.shown(caught.value))
    leaks = [number for number, secret in enumerate(secrets) if any(secret in text for text in heard)]
    assert leaks == [], "a secret was shown (numbers count Setting.secrets)"


def the_organisation_has_a_name_and_a_zone(rig: Rig) -> None:
    """Dates cannot be told without a time zone."""
    organisation = rig.connector().organisation()
    assert organisation.id
    assert organisation.name
    assert "/" in organisation.timezone or organisation.timezone == "UTC"
    assert organisation.currency == "" or len(organisation.currency) == 3


def check_finds_nothing_wrong_when_all_is_well(rig: Rig) -> None:
    """A provisioned CRM with a good mapping has no error."""
    connector = steps.ready(rig)
    steps.seeded(rig, 2)
    problems = connector.check(list(rig.setting.specs.values()), rig.setting.fields)
    assert [one for one in problems if one.level == "error"] == []


def check_lists_all_problems_at_once(rig: Rig) -> None:
    """Two wrong fields in one stream and one in another are three names in the list, each with a fix."""
    connector = steps.ready(rig)
    steps.seeded(rig, 1)
    specs = [_spoiled(spec, f"no_such_{number}") for number, spec in enumerate(rig.setting.specs.values())]
    problems = connector.check(specs, rig.setting.fields)
    told = " ".join(f"{one.message} {one.where}" for one in problems)
    missed = [one.source for spec in specs for one in spec.fields if "no_such" in one.source and one.source not in told]
    assert missed == []
    assert [one.message for one in problems if one.level == "error" and not one.fix] == []


def check_finds_label_fields_that_are_not_there(rig: Rig) -> None:
    """Before `provision`, each label field is a problem; where a connector needs no `provision`, none is."""
    connector = rig.connector()
    problems = connector.check(list(rig.setting.specs.values()), rig.setting.fields)
    told = " ".join(f"{one.message} {one.where}" for one in problems)
    missing = [one.field for one in rig.setting.fields if one.field not in told]
    assert missing == ([] if connector.capabilities.provisions else [one.field for one in rig.setting.fields])


def a_wrong_login_is_a_problem_of_check_and_an_error_elsewhere(rig: Rig) -> None:
    """`check` never raises for it; every other call raises AccessError."""
    stranger = rig.stranger()
    if stranger is None:
        pytest.skip("this CRM has no login")
    problems = stranger.check(list(rig.setting.specs.values()), rig.setting.fields)
    assert any(one.level == "error" and one.fix for one in problems)
    with pytest.raises(AccessError):
        steps.pull(stranger, steps.accounts(rig))


def schema_shows_every_mapped_field(rig: Rig) -> None:
    """With kinds that fit and, where asked, fill rates between 0 and 1."""
    connector = steps.ready(rig)
    steps.seeded(rig, 3)
    spec = steps.accounts(rig)
    infos = {one.name: one for one in connector.schema(spec.source, fill_rates=True)}
    plain = [one for one in spec.fields if not one.source.startswith("@") and "." not in one.source]
    assert [one.source for one in plain if one.source not in infos] == []
    rates = [info.filled for info in infos.values() if info.filled is not None]
    assert all(0 <= rate <= 1 for rate in rates)
    assert infos[plain[0].source].filled in {1.0, None}


def an_unknown_object_is_a_config_error(rig: Rig) -> None:
    """The schema of an object that is not there."""
    with pytest.raises(ConfigError) as caught:
        rig.connector().schema("No_Such_Object_q7")
    assert "No_Such_Object_q7" in str(caught.value)


def capabilities_hold_in_both_directions(rig: Rig) -> None:
    """Declared streams are those the rig has; each gap has a reason, and is still a gap."""
    connector = steps.ready(rig)
    able = connector.capabilities
    assert able.write_batch >= 1
    assert set(rig.setting.specs) == set(able.streams), "the rig must have a spec for each declared stream"
    known = {"incremental", "provisions", "deletions", "fetches", "notifies"}
    gaps = {name for name in known if not getattr(able, name)}
    assert gaps <= {name for name, reason in able.reasons.items() if reason}, "a gap is declared with its reason"
    assert not known & set(able.reasons) - gaps
    steps.seeded(rig, 2)
    first = steps.pull(connector, steps.accounts(rig))
    rig.clock.advance(steps.HOUR)
    again = steps.pull(connector, steps.accounts(rig), first.cursor)
    assert len(again.rows) == (0 if able.incremental else 2)


def provisioning_twice_changes_nothing(rig: Rig) -> None:
    """A dry run does nothing; the first run creates, the second finds all there; files need none and say so."""
    connector, source, fields = rig.connector(), steps.accounts(rig).source, rig.setting.fields
    steps.seeded(rig, 1)
    dry = [one.action for one in connector.provision(source, fields, dry_run=True)]
    first = [one.action for one in connector.provision(source, fields, dry_run=False)]
    again = [one.action for one in connector.provision(source, fields, dry_run=False)]
    assert dry == first
    assert set(again) <= {"none"}
    assert ("create" in first) == connector.capabilities.provisions
    assert [one for one in connector.check([steps.accounts(rig)], fields) if one.level == "error"] == []


def deprovisioning_takes_away_what_provisioning_made(rig: Rig) -> None:
    """A dry run takes nothing; twice is as once; provisioning again works."""
    connector, source, fields = steps.ready(rig), steps.accounts(rig).source, rig.setting.fields
    if not connector.capabilities.provisions:
        assert {one.action for one in connector.deprovision(source, fields, dry_run=False)} <= {"none"}
        return
    connector.deprovision(source, fields, dry_run=True)
    assert [one for one in connector.check([steps.accounts(rig)], fields) if one.level == "error"] == []
    taken = [one.action for one in connector.deprovision(source, fields, dry_run=False)]
    assert "delete" in taken
    assert len([one for one in connector.check([steps.accounts(rig)], fields) if one.level == "error"]) >= len(fields)
    assert "delete" not in [one.action for one in connector.deprovision(source, fields, dry_run=False)]
    connector.provision(source, fields, dry_run=False)
    assert [one for one in connector.check([steps.accounts(rig)], fields) if one.level == "error"] == []


def calls_are_counted(rig: Rig) -> None:
    """The connector's count is what the CRM saw; `quota` asks nothing."""
    connector = steps.ready(rig)
    steps.seeded(rig, 1)
    before, seen = connector.calls(), rig.calls()
    steps.pull(connector, steps.accounts(rig))
    after = connector.calls()
    assert (after.read - before.read) + (after.write - before.write) == rig.calls() - seen
    seen = rig.calls()
    connector.quota()
    assert rig.calls() == seen


def _spoiled(spec: StreamSpec, name: str) -> StreamSpec:
    wrong = (SourceField("x_one", f"{name}_a", Kind.TEXT), SourceField("x_two", f"{name}_b", Kind.TEXT))
    return replace(spec, fields=spec.fields + wrong)


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if not _watchers or event not in _TOUCHING:
        return
    target = str(arguments[0]) if arguments else ""
    if not target.endswith((".py", ".pyc", ".so", "__pycache__")):
        for touched in _watchers:
            touched.append(f"{event} {target}")


@contextmanager
def _watching() -> Iterator[list[str]]:
    """Every file opened, folder listed, and socket connected, imports left out."""
    if not getattr(sys, "_crm_kare_watched", False):
        sys.addaudithook(_hear)  # cannot be taken away again: one for the process, silent outside a watch
        sys._crm_kare_watched = True  # type: ignore[attr-defined]  # noqa: SLF001
    touched: list[str] = []
    _watchers.append(touched)
    try:
        yield touched
    finally:
        _watchers.remove(touched)
