"""Why an account has its profile, in words that a person can check by hand (METHOD.md section 1).

Texts cite days and figures that stay as they are until the next event or the next change of the label, never ages: what
is written to the CRM must not move with the calendar (DESIGN.md section 4, *Quiet by design*).
"""

from typing import Final

from crm_kare.config.rulebook import Rulebook
from crm_kare.method.icp import Asked
from crm_kare.method.portfolio import Portfolio
from crm_kare.method.profile import WIN_QUESTIONS
from crm_kare.method.room import ROOM_KNOWN
from crm_kare.method.streams import JUDGED_WITH
from crm_kare.method.words import count_text, day_number, day_text, joined, money_text, packed, plain, text, when, whole
from crm_kare.method.workbench import Workbench, cases, quoted

_USUALLY: Final = f"'usually every ' || {text(whole('expected_gap'))} || ' days'"
_ONCE: Final = "'bought once, on ' || last_day"
_DEAL: Final = "'open deal' || coalesce(': ' || open_name, '')"


def lay_out_reasons(
    bench: Workbench,
    source: str,
    rulebook: Rulebook,
    portfolio: Portfolio,
    on: tuple[Asked, ...],
    currency: str,
    *,
    together: bool = False,
) -> str:
    """Make the step `kare_reasoned`: `source` with reason (one line), reasons, runner_up, unknown.

    Where accounts are judged `together` with those of other CRMs, the reasons end with what `JUDGED_WITH` says.
    """
    said = {
        "said_history": _history(),
        "said_silence": when("lapsed", _silence(rulebook)),
        "said_room": _room(rulebook, currency),
        "said_worth": _worth(portfolio, currency),
    }
    days = ", ".join(f"{day_text(number)} AS {name}" for name, number in _days(rulebook).items())
    words = ", ".join(f"{told} AS {name}" for name, told in said.items())
    bench.view("kare_said", f"SELECT *, {words} FROM (SELECT *, {days} FROM {source}) AS dayed")
    line = f"SELECT *, {_decision(rulebook)} AS line FROM kare_said"
    bench.view("kare_decided", f"SELECT * EXCLUDE (line), {_sentence('line')} AS decision FROM ({line}) AS lined")
    return bench.view("kare_reasoned", f"""
        SELECT * EXCLUDE ({", ".join([*_days(rulebook), *said])}, decision), {_shown()} AS reason, {packed([*_all(rulebook, on), *([JUDGED_WITH] if together else [])])} AS reasons,
               {_runner_up(rulebook)} AS runner_up, {packed([*_unknown_fields(), *_unknown_criteria(on)])} AS unknown
        FROM kare_decided""")  # fmt: skip


def _days(rulebook: Rulebook) -> dict[str, str]:
    """Days that the texts name, by the column that holds their text: written out once, for each is a long expression."""
    confirmed = f"lapsed_on + {rulebook.confirm_days}"
    return {
        "first_day": "first_n",
        "last_day": "last_n",
        "lapsed_day": "lapsed_on",
        "confirmed_day": confirmed,
    }


def _sentence(words: str) -> str:
    return f"(upper(substring({words}, 1, 1)) || substring({words}, 2))"


def _rhythm() -> str:
    """`usually every 52 days`, or what an own rhythm is judged by: `every 156 to 206 days`."""
    span = f"CASE WHEN shortest = longest THEN {text('longest')} ELSE {text('shortest')} || ' to ' || {text('longest')} END"
    return f"CASE WHEN rule = 'rhythm' THEN 'every ' || {span} || ' days' ELSE {_USUALLY} END"


def _history() -> str:
    """`12 orders since 3 Mar 2021, last 18 Jun 2026, usually every 52 days`."""
    many = f"{count_text('events', 'order', 'orders')} || ' since ' || first_day || ', last ' || last_day || ', ' || {_rhythm()}"
    once = f"{_ONCE} || '; expected again within ' || {text(whole('expected_gap'))} || ' days'"
    return cases(("events > 1", many), ("events = 1", once))


def _silence(rulebook: Rulebook) -> str:
    """How and since when a lapsed account is silent."""
    lapse = rulebook.lapse
    since = "' since ' || lapsed_day"
    renewal = f"'renewal date ' || {day_text(day_number('renewal_on'))} || ' is over by more than {lapse.renewal_grace} days' || {since}"
    rhythm = f"'silent beyond {lapse.rhythm_slack:g} × its longest gap of ' || {text('longest')} || ' days' || {since}"
    allowed = _patience_at_lapse(rulebook)
    steps = [(f"{allowed} = {step.gaps}", f"'silent beyond {_intervals(step.gaps)}'") for step in lapse.patience]
    always = f"'silent beyond {lapse.always_after} days and {_intervals(lapse.always_gaps)}'"
    beyond = (
        f"CASE WHEN (lapsed_on - last_n) / expected_gap > {allowed} THEN {cases(*steps)} ELSE {always} END || {since}"
    )
    return cases(("rule = 'renewal'", renewal), ("rule = 'rhythm'", rhythm), otherwise=beyond)


def _intervals(gaps: float) -> str:
    return f"{gaps:g} interval" if gaps == 1 else f"{gaps:g} intervals"


def _patience_at_lapse(rulebook: Rulebook) -> str:
    """Expected gaps that were allowed on the day the account lapsed."""
    first, *further = rulebook.lapse.patience
    branches = [(f"latest_{step.events_from} + window_days > lapsed_on", str(step.gaps)) for step in reversed(further)]
    return f"({cases(*branches, otherwise=str(first.gaps))})"


def _room(rulebook: Rulebook, currency: str) -> str:
    """The evidence of room, named."""
    rules = rulebook.expand
    bought = f"{money_text('revenue_at_last', currency)} || ' in the year to its last order, of ' || {money_text('wallet', currency)}"
    wallet = f"'we have less than {rules.wallet_share_below:g} % of what it buys (' || {bought} || ')'"
    lines = f"'it buys fewer than {rules.lines_enter:g} % of the product lines that like accounts buy (' || {plain('peer_lines')} || ')'"
    family = "'its related company ' || coalesce(room_name, 'without a name') || ' buys nothing yet'"
    deal = "'open expansion deal' || coalesce(': ' || expansion_name, '')"
    return joined(
        [when("expansion", deal), when("room_wallet", wallet), when("room_lines", lines), when("room_family", family)]
    )


def _worth(portfolio: Portfolio, currency: str) -> str:
    """Why a lapsed account is worth winning back (rule 4's answers that are yes)."""
    median = money_text(str(portfolio.median_best_year or 0.0), currency)
    words = {
        "deal": _DEAL,
        "contact": "'a decision-maker is in favour'",
        "using": "'it still uses what it bought'",
        "strategic": "'strategic value'",
        "potential": f"'potential ' || {money_text('potential', currency)}",
        "icp": "'ICP ' || icp_tier",
        "revenue": f"'its best 12 months brought ' || {money_text('best_year', currency)} || ', the median customer''s ' || {median}",
    }
    return joined([when(f"win_{name} = 'yes'", said) for name, said in words.items()])


def _decision(rulebook: Rulebook) -> str:
    """One line for the computed profile, beginning in lower case."""
    last = f"CASE WHEN events = 1 THEN {_ONCE} ELSE 'last order ' || last_day || '; ' || {_rhythm()} END"
    ranked_last = when(
        "lapsed_to = 'Recapture last'", "'no sign yet that it is worth it, and answers are unknown: ranked last'"
    )
    old = f"last bought more than {rulebook.recapture.unknown_within} days ago, and answers are unknown"
    given_up = f"CASE WHEN lapsed_to = 'Retire' THEN 'no sign that it is worth winning back' ELSE '{old}' END"
    return cases(
        ("situation = 'ahead'", f"'won deal dated ahead: counts from ' || {day_text('ahead')}"),
        ("situation = 'undated'", "'it has bought, but the won deal has no close date: silence can''t be judged'"),
        ("situation = 'credits'", "'only credits on record: no profile'"),
        ("situation = 'no orders'", "'customer without orders in the CRM'"),
        ("situation = 'prospect'", _prospect()),
        ("computed_profile = 'Recapture'", joined([last, "said_silence", "said_worth", ranked_last])),
        ("computed_profile IS NULL", joined([last, "said_silence", given_up])),
        ("computed_profile = 'Expand'", joined(["said_room", "said_history", _badge(), _waiting(rulebook)])),
        otherwise=joined([_badge(), "said_history", _waiting(rulebook), _keep_room()]),
    )  # fmt: skip


def _prospect() -> str:
    rated = "'ICP ' || icp_tier || coalesce(' (' || CAST(icp_score AS VARCHAR) || ')', '')"
    weak = "computed_profile = 'Attain' AND icp_tier IN ('Low', 'Unrated') AND NOT is_target"
    return joined([
        "'never bought'",
        when("is_target", "'set as target'"),
        when("open_opportunities > 0", _DEAL),
        rated,
        when(weak, "'ranked last'"),
        when("prospect_to = 'none'", "'not enough known to rate it'"),
    ])  # fmt: skip


def _badge() -> str:
    """The badge in words. At risk names the day on which the account lapses: fixed until the next order, whatever put it at risk."""
    new = "CASE WHEN won_back THEN 'new: won back with the order of ' || last_day ELSE 'new: too early to call it regular' END"
    at_risk = "'at risk: lapses on ' || lapsed_day || ' if nothing is ordered'"
    return cases(("badge = 'New'", new), ("badge = 'At risk' AND NOT lapsed", at_risk))


def _waiting(rulebook: Rulebook) -> str:
    """What a lapse waits for (rule 8). Room that comes or goes with the calendar is said once it changes the label."""
    day = day_text(f"lapsed_on + {rulebook.confirm_days}")
    return when("held_back AND lapsed", f"said_silence || ' (confirmed from ' || {day} || ')'")


def _keep_room() -> str:
    """Keep says whether room was looked for. Whether some is seen moves as orders leave the window, so it isn't said."""
    return cases(
        ("held_back AND lapsed", "NULL"),
        (ROOM_KNOWN, "CASE WHEN badge IS NULL THEN 'no confirmed room' END"),
        otherwise="'Keep (room unknown)'",
    )


def _shown() -> str:
    by_person = "'Set by a person' || coalesce(': ' || override_reason, '') || '. Computed: ' || coalesce(computed_profile, 'no profile')"
    return f"CASE WHEN overridden THEN {by_person} || '. ' || decision ELSE decision END"


def _runner_up(rulebook: Rulebook) -> str:
    """The profile that comes next, and what would change it."""
    rules = rulebook.expand
    room = (
        f"'Expand, once it has {rules.events} orders in {rules.quarters} quarters of its window and named room: share of wallet below "
        f"{rules.wallet_share_below:g} %, an open expansion deal, fewer product lines than like accounts, or a related company "
        "that buys nothing'"
    )
    lapse = "'Recapture or Retire, from ' || confirmed_day || ' on if nothing is ordered'"
    moderate = f"'Attain, from an ICP score of {rulebook.icp.moderate_from:g}, as target, or with an open deal'"
    return cases(
        ("situation = 'ahead'", "'Attain or none, if the deal is not won after all'"),
        ("situation = 'undated'", "'Recapture or Retire, if its close date lies too far back'"),
        ("situation IN ('credits', 'no orders') OR computed_profile = 'Attain'", "'Keep, with the first order'"),
        ("situation = 'prospect'", moderate),
        ("computed_profile = 'Recapture'", "'Keep, with the next order'"),
        ("computed_profile IS NULL", "'Recapture, if one answer turned yes: potential, strategic value, ICP, contact, use, open deal'"),
        ("badge IS NOT NULL", lapse),
        ("computed_profile = 'Expand'", f"'Keep, once the room named is used up; ' || {lapse}"),
        otherwise=room,
    )  # fmt: skip


def _unknown_fields() -> list[str]:
    """Columns whose filling would tell more."""
    customer = "computed_profile IN ('Keep', 'Expand')"
    answers = {
        "potential": "potential",
        "strategic": "strategic_value",
        "contact": "favourable_contact",
        "using": "still_using",
    }
    return [
        when(f"{customer} AND wallet IS NULL", "'wallet'"),
        when(f"{customer} AND room_lines IS NULL", "'product_line'"),
        when(f"{customer} AND room_family IS NULL", "'parent_id'"),
        *(when(f"situation = 'lapsed' AND win_{name} = 'unknown'", f"'{column}'") for name, column in answers.items()),
    ]


def _unknown_criteria(on: tuple[Asked, ...]) -> list[str]:
    return [when(f"icp_{one.name} = 'unknown'", quoted(", ".join(sorted(one.columns)))) for one in on]


def _all(rulebook: Rulebook, on: tuple[Asked, ...]) -> list[str]:
    """Everything behind the label, one entry each."""
    answers = [f"{quoted(words + ': ')} || win_{name}" for name, words in WIN_QUESTIONS.items()]
    return [
        _shown(),
        when("strpos(decision, said_history) = 0", _sentence("said_history")),
        _fall(rulebook),
        when(
            f"{day_number('renewal_on')} < last_n",
            "'The renewal date lies before the last order: judged by its orders.'",
        ),
        when(
            "situation = 'prospect' AND zeros > 0",
            "'Won deals of amount zero are on record; they don''t count as orders.'",
        ),
        when("situation = 'lapsed'", f"'Worth winning back? ' || {joined(answers, ', ')}"),
        *_icp(on),
    ]


def _fall(rulebook: Rulebook) -> str:
    """Rule 5: a fall of revenue is said; as of the last order, so that the text stays."""
    before, now = "CAST(revenue_prior_at_last AS DOUBLE)", "CAST(revenue_at_last AS DOUBLE)"
    percent = f"(({before} - {now}) * 100 / nullif({before}, 0))"
    told = f"'At its last order, the revenue of 12 months was ' || {text(whole(percent))} || ' % below the 12 months before.'"
    return when(f"{before} > 0 AND {percent} > {rulebook.expand.falling_above}", told)


def _icp(on: tuple[Asked, ...]) -> list[str]:
    if not on:
        return ["'ICP: no criterion is on.'"]
    score = "'ICP ' || coalesce(CAST(icp_score AS VARCHAR), '–') || ' of 100 (' || icp_tier || '), ' || CAST(icp_completeness AS VARCHAR)"
    span = "' % known, between ' || CAST(icp_worst AS VARCHAR) || ' and ' || CAST(icp_best AS VARCHAR) || ' whatever is unknown.'"
    lines = [f"{quoted(_asked_words(one))} || icp_{one.name}" for one in on]
    return [f"{score} || {span}", *lines]


def _asked_words(one: Asked) -> str:
    return f"{one.criterion.title} ({one.words}{', proposed' if one.proposal else ''}): "
