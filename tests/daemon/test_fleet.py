"""Many projects in one process: found, run, left; each alone with its secrets and its troubles. Nothing waits for time."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from daemon.fleet_rig import PATIENCE, Drive, Many, said
from daemon.test_webhooks import ask
from flow.sandbox_project import Verdict
from prometheus_client.parser import text_string_to_metric_families

from crm_kare.config.settings import load_settings
from crm_kare.daemon.fleet import create_app
from crm_kare.errors import ConfigError
from crm_kare.journal import engines
from crm_kare.ports import Connector
from crm_kare.sync.flow import Options, sync
from crm_kare.testing.memory.notices import notice


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Many:
    monkeypatch.setattr("crm_kare.sync.steps.judge", Verdict(tmp_path).judge)
    (tmp_path / "projects").mkdir()
    return Many(tmp_path / "projects")


@pytest.fixture
def drive(many: Many) -> Iterator[Drive]:
    made = Drive(many)
    yield made
    made.close()


def _approve(drive: Drive, *names: str) -> None:
    """A person approves each first run."""
    for name in names:
        (result,) = sync(drive.project(name).service.runtime, (), Options(force=True))
        assert result.exit_code == 0


def _statuses(told: dict[str, Any]) -> dict[str, Any]:
    """Each project's last run of its CRM `one`; `broken` where it is out of order."""
    return {
        name: "broken" if "problem" in one else (one["crms"]["one"]["last"] or {}).get("status")
        for name, one in told.items()
    }


def _break(many: Many, name: str) -> str:
    file = many.folder / name / "crm-kare.yaml"
    text = file.read_text()
    file.write_text("version: 7\n")
    return text


def test_a_broken_project_is_told_alone_and_the_others_run(many: Many, drive: Drive) -> None:
    for name in ("acme", "broken", "other"):
        many.add(name)
    good = _break(many, "broken")
    assert "version" in drive.look()["broken"]["problem"]["message"]
    _approve(drive, "acme", "other")
    drive.turn()
    drive.clock.advance(920)
    drive.turn()
    assert _statuses(drive.look()) == {"acme": "done", "broken": "broken", "other": "done"}
    (event,) = drive.events("project out of order")
    assert (event["project"], event["level"]) == ("broken", "error")
    (many.folder / "broken" / "crm-kare.yaml").write_text(good)
    assert "problem" not in drive.look()["broken"]


def test_a_crm_that_crashes_and_one_that_refuses_the_login_harm_nobody_else(many: Many, drive: Drive) -> None:
    def crash(_connector: Connector) -> Connector:
        raise RuntimeError("Ann Secret")

    for name in ("acme", "crashing", "locked-out"):
        many.add(name)
    many.wrap["crashing"] = crash
    many.crm("locked-out").token = "another one"
    drive.look()
    _approve(drive, "acme")
    drive.turn()
    drive.clock.advance(920)
    drive.turn()
    assert _statuses(drive.look()) == {"acme": "done", "crashing": "failed", "locked-out": "failed"}
    assert "Ann Secret" not in said(drive)
    assert {one["project"] for one in drive.events("run ended") if one["status"] == "done"} == {"acme"}


def test_new_folders_are_noticed_and_gone_ones_left(many: Many, drive: Drive) -> None:
    many.add("acme")
    assert set(drive.look()) == {"acme"}
    many.add("late")
    (many.folder / "no-project").mkdir()
    assert set(drive.look()) == {"acme", "late"}
    (many.folder / "acme").rename(many.folder.parent / "elsewhere")
    drive.look()
    assert set(drive.look()) == {"late"}
    assert [one["project"] for one in drive.events("project gone")] == ["acme"]
    assert 'project="acme"' not in drive.fleet.page()[0].decode()


def test_a_folder_of_projects_that_is_away_for_a_moment_ends_nobody(many: Many, drive: Drive) -> None:
    many.add("acme")
    drive.look()
    many.folder.rename(many.folder.parent / "away")
    assert set(drive.look()) == {"acme"}
    assert len(drive.events("projects lost")) == 1
    (many.folder.parent / "away").rename(many.folder)
    assert "problem" not in drive.look()["acme"]


def test_a_folder_that_cannot_be_looked_into_is_told_alone(many: Many, drive: Drive) -> None:
    many.add("acme")
    for name in ("shut", "lost+found"):
        (many.folder / name).mkdir()
        (many.folder / name / "crm-kare.yaml").symlink_to("x" * 300)  # no such name can be: as where one may not enter
    found = drive.look()
    assert set(found) == {"acme", "shut"}
    assert "problem" in found["shut"]
    assert "problem" not in found["acme"]


def test_a_folder_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    drive = Drive(Many(tmp_path / "none"))
    with pytest.raises(ConfigError, match="cannot be read"):
        drive.fleet.start()
    drive.close()


def test_trouble_that_no_file_can_mend_is_tried_again_with_growing_waits(many: Many, drive: Drive) -> None:
    many.add("acme")
    env = many.folder / "acme" / ".env"
    away = "CRM_KARE_DATABASE_URL=postgresql+psycopg://kare:topsecret@127.0.0.1:1/none?connect_timeout=2\n"
    env.write_text(env.read_text() + away)
    first = drive.look()["acme"]["problem"]
    drive.clock.advance(59)
    assert drive.look()["acme"]["problem"] == first
    drive.clock.advance(1)
    second = drive.look()["acme"]["problem"]
    assert (second["since"], second["next_try"] > first["next_try"]) == (first["since"], True)
    drive.clock.advance(60)
    assert drive.look()["acme"]["problem"] == second
    assert len(drive.events("project out of order")) == 1
    assert "topsecret" not in said(drive)
    assert not drive.fleet.ready()


def test_a_locked_database_holds_up_its_own_project_alone(
    many: Many, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_PATIENCE_MS", 1)
    for name in ("acme", "locked"):
        many.add(name)
    drive.look()
    _approve(drive, "acme")
    drive.turn()
    drive.clock.advance(920)
    with drive.project("locked").service.runtime.journal.store.writing():
        drive.turn()
    assert _statuses(drive.look()) == {"acme": "done", "locked": None}
    assert {one["project"] for one in drive.events("database lost")} == {"locked"}
    drive.turn()
    assert _statuses(drive.look())["locked"] == "refused"


def test_no_two_projects_keep_anything_in_one_place(many: Many, drive: Drive) -> None:
    for name in ("acme", "copied"):
        many.add(name)
    env = many.folder / "copied" / ".env"
    env.write_text(f"{env.read_text()}CRM_KARE_MIRROR=../acme/.crm-kare/mirror\n")
    told = drive.look()
    assert {name for name, one in told.items() if "problem" in one} in ({"acme"}, {"copied"})


def test_a_name_that_can_be_no_label_is_refused(many: Many, drive: Drive) -> None:
    many.add("Acme & Sons")
    assert "no name for a project" in drive.look()["Acme & Sons"]["problem"]["message"]


def test_no_login_reaches_another_project(many: Many) -> None:
    for name in ("acme", "other"):
        many.add(name)
    (many.folder / "other" / ".env").unlink()
    environment = {"ONE_MEMORY_TOKEN": many.crm("other").token, "MEMORY_TOKEN": many.crm("other").token}
    drive = Drive(many, environment)
    drive.look()
    _approve(drive, "acme")
    drive.turn()
    drive.clock.advance(920)
    drive.turn()
    assert _statuses(drive.look()) == {"acme": "done", "other": "failed"}
    told = {"CRM_KARE_PROJECTS": str(many.folder), **environment}
    own = {name: load_settings(many.folder / name, told).credentials("memory", "ONE_") for name in ("acme", "other")}
    assert [sorted(one) for one in own.values()] == [["MEMORY_TOKEN"], []]
    assert own["acme"]["MEMORY_TOKEN"].get_secret_value() == "token of acme's one"
    drive.close()


def test_every_metric_tells_its_project(many: Many, drive: Drive) -> None:
    for name in ("acme", "broken", "other"):
        many.add(name)
    _break(many, "broken")
    drive.look()
    families = {one.name: one for one in text_string_to_metric_families(drive.fleet.page()[0].decode())}
    up = {one.labels["project"]: one.value for one in families["crm_kare_project_up"].samples}
    assert up == {"acme": 1, "broken": 0, "other": 1}
    own = [one for one in families if not one.startswith(("process_", "crm_kare_build", "crm_kare_workers"))]
    assert len(own) > 12
    assert all(
        {"acme", "other"} <= {it.labels["project"] for it in families[one].samples}
        for one in own
        if families[one].samples
    )
    assert [len(families[one].samples) for one in ("crm_kare_build_info", "process_cpu_seconds")] == [1, 1]


def test_webhooks_find_their_project_and_no_other_takes_them(many: Many, drive: Drive) -> None:
    for name in ("acme", "other"):
        many.add(name, more="serve: {public_url: https://kare.example.com}\n")
        file = many.folder / name / "crm-kare.yaml"
        file.write_text(file.read_text().replace("{schedule", "{webhooks: true, schedule"))
    drive.look()
    app, sent = create_app(drive.fleet), notice({"accounts": ["acme-one"]}, many.crm("acme").token, drive.clock.now())
    paths = ("/webhooks/other/one", "/webhooks/acme/one", "/webhooks/nobody/one", "/webhooks/acme/two", "/webhooks/one")
    assert [ask(app, path, sent)[0] for path in paths] == [401, 204, 404, 404, 404]
    runtime = drive.project("acme").service.runtime
    assert runtime.project.webhooks("one") == "https://kare.example.com/webhooks/acme/one"


def test_a_stop_ends_every_run_at_a_border(many: Many) -> None:
    reached, go_on = Event(), Event()

    class Slow:
        def __init__(self, inner: Connector) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            if name == "pull":
                reached.set()
                assert go_on.wait(PATIENCE)
            return getattr(self._inner, name)

    for name in ("acme", "slow"):
        many.add(name)
    many.wrap["slow"] = Slow
    drive = Drive(many)
    drive.look()
    drive.turn()
    drive.clock.advance(920)
    drive.begin()
    assert reached.wait(PATIENCE)
    drive.asked.set()
    go_on.set()
    drive.close()
    (ended,) = drive.events("run ended", "slow")
    assert ended["status"] == "interrupted"
    assert {one["project"] for one in drive.events("stopped")} == {"acme", "slow"}
