"""Real judgements of the rules core, for what takes their texts apart: Salesforce's component and HubSpot's card."""

from collections.abc import Callable
from typing import Any

from method.kit import Org, by_account, figures, fit, money

from crm_kare.config.rulebook import Criterion, Grade, Icp, OneOf
from crm_kare.labels import BY_NAME
from crm_kare.sync.wanted import wanted

Reader = Callable[[list[dict[str, str]]], list[dict[str, Any]]]
"""From `Reason` and `Reasons` of each account to their parts and the `reason` without the words on an override."""

_CRITERIA = {
    "market_experience": Criterion(title="Market: ours", weight=2, one_of=OneOf(column="industry", values=("Tools",))),
    "challenges": Criterion(title="Challenge", weight=1, one_of=OneOf(column="challenge", values=("Wear", "Rust"))),
    "fit": Criterion(title="Cultural fit (ours)", weight=3, test="cultural_fit"),
    "size": Criterion(
        title="Size",
        weight=4,
        grades=(Grade(test="employees >= 500", share=1), Grade(test="employees >= 50", share=0.5)),
    ),
}
_MAPPED = frozenset({"industry", "challenge", "cultural_fit", "employees", "potential", "market", "has_problem"})


def _org() -> Org:
    made = Org(_MAPPED)
    known: dict[str, Any] = {"industry": "Tools", "challenge": "Dust", "cultural_fit": True, "employees": money(100)}
    made.account("prospect", potential=money(9000), market="Wind", has_problem=True, **known)
    made.account("nothing known")
    made.customer("keep", 40, 130, 220, 310, **known)
    made.customer("overridden", 40, 130, 220, 310, override="Attain", override_reason="Big. Computed: no", **known)
    made.customer("set without a reason", 40, 130, override="None", **known)
    made.customer("lapsed", 900, 990, 1080, **known)
    return made


def assert_read(read: Reader) -> None:
    """Every answer is found, no reason is lost, and an override's words are taken off."""
    scored = _org().scored(fit(icp=Icp(criteria=_CRITERIA), strategic_markets=("Wind",)), portfolio=figures())
    labels = by_account(scored)
    names = [BY_NAME[name] for name in ("Computed_Profile", "Reason", "Reasons", "Plan_Test")]
    rows = wanted(scored.labels, names).to_pylist()
    answers: set[str] = set()
    told = read([{name: row[name] for name in ("Reason", "Reasons")} for row in rows])
    shown = dict(zip((row["account_id"] for row in rows), told, strict=True))
    for row in rows:
        one, label = shown[row["account_id"]], labels[row["account_id"]]
        _assert_whole(one, row, label)
        answers |= {answered["answer"] for answered in (*one["criteria"], *one["questions"])}
    assert answers == {"met", "partly", "unmet", "unknown", "yes", "no", "not asked"}
    assert shown["overridden"]["reason"] == shown["keep"]["reason"] != ""


def _assert_whole(told: dict[str, Any], row: dict[str, Any], label: dict[str, Any]) -> None:
    assert [one["answer"] for one in told["criteria"]] == list(label["icp"].values())
    titles = zip(told["criteria"], _CRITERIA.values(), strict=True)
    assert all(one["text"].startswith(f"{criterion.title} (") for one, criterion in titles)
    questions = [answer.split(". ", 1)[1].rsplit(": ", 1) for answer in label["plan_answers"]]
    assert [one["answer"] for one in told["questions"]] == [answer for _, answer in questions]
    assert told["range"] is not None
    read_lines = 2 + len(told["plain"]) + len(told["criteria"]) + len(told["questions"])
    assert read_lines == len(row["Reasons"].splitlines()), "the reason and the score are shown elsewhere"
    assert not told["reason"].startswith("Set by a person")
