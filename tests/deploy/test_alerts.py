"""Rules and dashboard: each metric they name is exported with the labels they use; promtool runs the rules' own tests."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from daemon.service_rig import HandMotor
from deploy.deploy_tools import DEPLOY, ROOT, run, said
from flow.worlds import RULES, World
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from crm_kare.daemon.metrics import Metrics
from crm_kare.daemon.project_metrics import ProjectMetrics
from crm_kare.daemon.service import Service
from crm_kare.daemon.workers import Workers
from crm_kare.model import RunStatus
from crm_kare.ports import Quota
from crm_kare.sync.flow import Options, sync
from crm_kare.sync.result import RunResult

ALERTS = DEPLOY / "alerts"
RULES_FILE = ALERTS / "rules.yaml"
NAME = re.compile(r"\b(?:crm_kare|process)_[a-z_]+\b")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Names of all samples with their labels, of a service that has run everything once."""
    folder = tmp_path_factory.mktemp("metrics")
    (folder / "rulebook.yaml").write_text(RULES)
    world = World(folder)
    world.add("one")
    world.account("one", "a1")
    file = folder / "crm-kare.yaml"
    file.write_text(file.read_text().replace("one: {", 'one: {schedule: "*/15 * * * *", ', 1))
    runtime = world.open()
    try:
        with pytest.MonkeyPatch.context() as patch:
            world.judge_by_hand(patch)
            (result,) = sync(runtime, ["one"], Options(force=True))
        motor = HandMotor(world.clock)
        motor.start()
        metrics = Service(runtime, lambda: False, structlog.get_logger(), motor=motor).metrics
        metrics.count(RunResult("", "one", result.status, quota=Quota(1, 2)))
        metrics.answered("one", 204)
        found = _samples(metrics.page()[0])
        assert found["crm_kare_last_success_timestamp_seconds"] == {"crm"}
        return _samples(_of_many(metrics)) | found
    finally:
        runtime.close()


def _of_many(metrics: Metrics) -> bytes:
    workers = Workers(1, structlog.get_logger())
    page, _ = ProjectMetrics(lambda: {"acme": metrics.collect}, workers).page()
    workers.close(60)
    return page


def _samples(page: bytes) -> dict[str, set[str]]:
    """Names of samples with their labels."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(page.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def rules() -> list[dict[str, Any]]:
    told = YAML(typ="safe").load(RULES_FILE)
    return [rule for group in told["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((ALERTS / "dashboard.json").read_text())
    return told


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in dashboard()["panels"] for target in panel["targets"])
    yield from (one["definition"] for one in dashboard()["templating"]["list"] if "definition" in one)


def labels_used(expression: str) -> set[str]:
    """Labels in matchers and in `by` and `on` lists."""
    lists = re.findall(r"\b(?:by|on) \(([^)]*)\)", expression)
    matched = re.findall(r"([a-z_]+)(?:=~|!~|!=|=)\"", expression)
    return {name.strip() for one in lists for name in one.split(",")} | set(matched)


def test_rules_and_dashboard_name_only_metrics_that_are_exported(exported: dict[str, set[str]]) -> None:
    named = {name for one in expressions() for name in NAME.findall(one)}
    assert len(named) > 15
    assert named <= set(exported)


def test_every_metric_of_ours_is_on_the_dashboard(exported: dict[str, set[str]]) -> None:
    shown = {name for panel in dashboard()["panels"] for one in panel["targets"] for name in NAME.findall(one["expr"])}
    ours = {
        name for name in exported if name.startswith("crm_kare_") and not name.endswith(("_created", "_count", "_sum"))
    }
    assert ours == {name for name in shown if name.startswith("crm_kare_")}


def test_rules_and_dashboard_use_only_labels_that_their_metrics_have(exported: dict[str, set[str]]) -> None:
    for one in expressions():
        known = {label for name in NAME.findall(one) for label in exported[name]} | {"instance", "project"}
        assert labels_used(one) <= known, one


def test_statuses_in_rules_are_those_of_runs() -> None:
    named = {name for rule in rules() for name in re.findall(r'status="([a-z]+)"', rule["expr"])}
    assert named
    assert named <= {status.value for status in RunStatus}


def test_every_alert_tells_what_is_wrong_and_what_to_do_and_has_a_unit_test() -> None:
    tested = YAML(typ="safe").load(ALERTS / "rules_test.yaml")["tests"]
    names = {one["alertname"] for test in tested for one in test.get("alert_rule_test", ()) if one["exp_alerts"]}
    assert names == {rule["alert"] for rule in rules()}
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "action"}
        assert rule["labels"]["severity"] in {"critical", "warning"}


def test_panels_do_not_lie_on_each_other_and_have_their_own_ids() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in panels):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_the_chart_carries_the_same_rules() -> None:
    assert (DEPLOY / "helm/crm-kare/files/rules.yaml").read_text() == RULES_FILE.read_text()


def test_the_docs_list_every_metric(exported: dict[str, set[str]]) -> None:
    text = (ROOT / "docs/operations.md").read_text()
    rows = dict(re.findall(r"^\| `(crm_kare_[a-z_]+)` \|([^|]*)\|", text, re.MULTILINE))
    told = {name: set(re.findall(r"`([a-z]+)`", labels)) for name, labels in rows.items()}
    families = {}
    for name, labels in exported.items():
        if name.startswith("crm_kare_") and not name.endswith(("_created", "_count", "_sum")):
            families[name.removesuffix("_bucket")] = labels - {"le"}
    assert told == families


def test_promtool_takes_the_rules() -> None:
    done = run("promtool", "check", "rules", RULES_FILE)
    assert done.returncode == 0, said(done)


@pytest.mark.slow
def test_the_rules_pass_their_unit_tests_and_those_can_fail(tmp_path: Path) -> None:
    for name in ("rules.yaml", "rules_test.yaml"):
        (tmp_path / name).write_text((ALERTS / name).read_text())
    done = run("promtool", "test", "rules", tmp_path / "rules_test.yaml")
    assert done.returncode == 0, said(done)
    (tmp_path / "rules.yaml").write_text(RULES_FILE.read_text().replace("_since_success >= 4", "_since_success >= 5"))
    done = run("promtool", "test", "rules", tmp_path / "rules_test.yaml")
    assert done.returncode == 1
    assert "CrmKareNoSuccess" in said(done)
