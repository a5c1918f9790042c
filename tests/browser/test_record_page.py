"""The record page in a real browser: what a rep sees and does, on a desk and on a phone."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from crm_kare.labels import LABELS
from crm_kare.sandbox.hubspot.definitions import Option, Property
from crm_kare.sandbox.server import RunningSandbox, serve

_CHROMIUM: Final = "/usr/bin/chromium"
_ARGUMENTS: Final = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = pytest.mark.skipif(
    shutil.which(_CHROMIUM) is None, reason="Chromium is missing: apt-get install -y chromium"
)


class _Clock:
    def now(self) -> datetime:
        return datetime(2026, 11, 21, 9, 30, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    """A portal with our properties, and labels on its first company."""
    with serve(_Clock(), accounts=60, seed=5, vendors=("hubspot",)) as running:
        org = running.store.orgs["hubspot"]
        for label in LABELS:
            name = f"{'kare_' if label.prefixed else ''}{label.name.lower()}"
            options = tuple(Option(value, value) for value in label.values)
            kind = ("enumeration", "select") if options else ("string", "text")
            org.add_field("companies", Property(name, label.title, *kind, options=options).as_field())
        reasons = "Recapture: silent for long.\nRunner-up: Keep."
        held = {
            "kare_profile": "Recapture",
            "kare_motion": "Reactivate",
            "kare_reasons": reasons,
            "kare_reason": "Silent.",
        }
        org.update("companies", _busiest(running), held, "app:1")
        yield running


def _busiest(running: RunningSandbox) -> str:
    order = "CAST(num_associated_deals AS INTEGER) DESC, _id"
    return str(running.store.orgs["hubspot"].select("companies", order=order, limit=1)[0]["_id"])


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  slow to import, and skipped without Chromium

    profile: Path = tmp_path_factory.mktemp("chromium")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=_CHROMIUM, args=_ARGUMENTS, viewport={"width": 1280, "height": 900}
        )
        yield context
        context.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A tab; it must stay within the sandbox and log no error."""
    tab = browser.new_page()
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    tab.on("request", lambda request: complaints.append(request.url) if "127.0.0.1" not in request.url else None)
    yield tab
    tab.close()
    assert complaints == []


def test_a_rep_finds_an_account_by_profile_and_reads_why(sandbox: RunningSandbox, page: Any) -> None:
    page.goto(sandbox.url)
    page.get_by_role("navigation", name="Profiles").get_by_role("link", name="Recapture").click()
    page.locator("tbody a").click()
    assert page.locator(".title .pill").inner_text() == "Recapture"
    colour = page.locator(".title .pill").evaluate("one => getComputedStyle(one).backgroundColor")
    assert colour == "rgb(163, 68, 10)"
    reasons = page.locator(".reasons")
    assert not reasons.is_visible()
    page.get_by_text("All reasons").click()
    assert reasons.inner_text().splitlines()[-1] == "Runner-up: Keep."


def test_a_rep_overrides_by_keyboard_and_label(sandbox: RunningSandbox, page: Any) -> None:
    page.goto(f"{sandbox.url}/hubspot/companies/{_busiest(sandbox)}")
    page.get_by_label("Profile").select_option("Attain")
    page.get_by_label("Reason").fill("They bought direct")
    page.get_by_label("Until").fill("2026-12-31")
    page.get_by_label("Until").press("Enter")
    page.get_by_role("status").wait_for()
    assert page.locator(".history .person").count() == 1
    assert page.get_by_label("Reason").input_value() == "They bought direct"
    assert sandbox.store.orgs["hubspot"].select("companies", "kare_override = 'Attain'")


def test_nothing_runs_over_the_edge_of_a_phone(sandbox: RunningSandbox, page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    for address in ("/", f"/hubspot/companies/{_busiest(sandbox)}"):
        page.goto(sandbox.url + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_every_field_has_a_label_and_every_page_one_heading(sandbox: RunningSandbox, page: Any) -> None:
    for address in ("/", f"/hubspot/companies/{_busiest(sandbox)}"):
        page.goto(sandbox.url + address)
        unnamed = (
            "[...document.querySelectorAll('input:not([type=hidden]),select')].filter(f => !f.labels.length).length"
        )
        assert page.evaluate(unnamed) == 0
        assert page.locator("h1").count() == 1
