"""The account page's component takes apart what the rules core writes: real judgements go through its JavaScript."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from clients.node_tools import environment, node
from method.kit import Org, by_account, figures, fit, money

from crm_kare.config.rulebook import Criterion, Grade, Icp, OneOf
from crm_kare.labels import BY_NAME
from crm_kare.sync.wanted import wanted

pytestmark = pytest.mark.slow

MODULE = Path(__file__).parents[2] / "deploy/salesforce/force-app/main/default/lwc/kareJudgement/kareJudgement.js"
SCRIPT = """
import { readFileSync } from 'node:fs';
import { computedReason, readReasons } from './kareJudgement.mjs';
const told = JSON.parse(readFileSync(0, 'utf8'));
console.log(JSON.stringify(told.map((one) => ({ ...readReasons(one), reason: computedReason(one) }))));
"""
CRITERIA = {
    "market_experience": Criterion(title="Market: ours", weight=2, one_of=OneOf(column="industry", values=("Tools",))),
    "challenges": Criterion(title="Challenge", weight=1, one_of=OneOf(column="challenge", values=("Wear", "Rust"))),
    "fit": Criterion(title="Cultural fit (ours)", weight=3, test="cultural_fit"),
    "size": Criterion(
        title="Size",
        weight=4,
        grades=(Grade(test="employees >= 500", share=1), Grade(test="employees >= 50", share=0.5)),
    ),
}
MAPPED = frozenset({"industry", "challenge", "cultural_fit", "employees", "potential", "market", "has_problem"})


def org() -> Org:
    made = Org(MAPPED)
    known: dict[str, Any] = {"industry": "Tools", "challenge": "Dust", "cultural_fit": True, "employees": money(100)}
    made.account("prospect", potential=money(9000), market="Wind", has_problem=True, **known)
    made.account("nothing known")
    made.customer("keep", 40, 130, 220, 310, **known)
    made.customer("overridden", 40, 130, 220, 310, override="Attain", override_reason="Big. Computed: no", **known)
    made.customer("set without a reason", 40, 130, override="None", **known)
    made.customer("lapsed", 900, 990, 1080, **known)
    return made


def read(values: list[dict[str, str]], at: Path) -> list[dict[str, Any]]:
    """What the component makes of each account's fields."""
    (at / "kareJudgement.mjs").write_text(MODULE.read_text(encoding="utf-8"), encoding="utf-8")
    (at / "read.mjs").write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [node(), "read.mjs"],
        cwd=at,
        env=environment(at),
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=True,
    )
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told


def test_the_component_reads_every_answer_and_loses_no_reason(tmp_path: Path) -> None:
    scored = org().scored(fit(icp=Icp(criteria=CRITERIA), strategic_markets=("Wind",)), portfolio=figures())
    labels = by_account(scored)
    names = [BY_NAME[name] for name in ("Computed_Profile", "Reason", "Reasons", "Plan_Test")]
    rows = wanted(scored.labels, names).to_pylist()
    fields = [{name.replace("_", ""): row[name] for name in ("Reason", "Reasons")} for row in rows]
    answers: set[str] = set()
    shown = dict(zip((row["account_id"] for row in rows), read(fields, tmp_path), strict=True))
    for row in rows:
        told = shown[row["account_id"]]
        label = labels[row["account_id"]]
        assert [one["answer"] for one in told["criteria"]] == list(label["icp"].values())
        titles = zip(told["criteria"], CRITERIA.values(), strict=True)
        assert all(one["text"].startswith(f"{criterion.title} (") for one, criterion in titles)
        questions = [answer.split(". ", 1)[1].rsplit(": ", 1) for answer in label["plan_answers"]]
        assert [one["answer"] for one in told["questions"]] == [answer for _, answer in questions]
        assert told["range"] is not None
        read_lines = 2 + len(told["plain"]) + len(told["criteria"]) + len(told["questions"])
        assert read_lines == len(row["Reasons"].splitlines()), "the reason and the score are shown elsewhere"
        assert not told["reason"].startswith("Set by a person")
        answers |= set(label["icp"].values()) | {answer for _, answer in questions}
    assert answers == {"met", "partly", "unmet", "unknown", "yes", "no", "not asked"}
    assert shown["overridden"]["reason"] == shown["keep"]["reason"] != ""
