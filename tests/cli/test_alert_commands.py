"""Alerts and the digest at the command line."""

import stat
from collections.abc import Iterator

import pytest
from cli.doors import Door
from daemon.message_services import Hook, hook


@pytest.fixture
def service() -> Iterator[Hook]:
    with hook() as found:
        yield found


def test_alerts_test_tells_which_address_took_it(shop: Door, service: Hook) -> None:
    with hook() as dead:
        dead.status = 500
        shop.put(".env", f'CRM_KARE_ALERT_URLS="{service.url("s3cr3t")}, {dead.url("s3cr3t")}"\n')
        ended = shop("alerts", "test", "--json")
        assert (ended.code, ended.document) == (7, {"took": ["1 (json://…)"], "failed": ["2 (json://…)"]})
        shown = shop("alerts", "test")
        assert "address 2 (json://…) did not take it" in shown.out
        assert "s3cr3t" not in shown.out + shown.err + ended.err
    shop.put(".env", f"CRM_KARE_ALERT_URLS={service.url()}\n")
    assert shop("alerts", "test").code == 0
    assert service.titles == ["crm-kare: a test"] * 3


def test_without_or_with_a_wrong_address_alerts_end_with_3(shop: Door) -> None:
    for arguments in (("alerts", "test"), ("sync", "--alert")):
        assert shop(*arguments).code == 3
    shop.put(".env", "CRM_KARE_ALERT_URLS=dbus://\n")
    ended = shop("sync", "--alert")
    assert ended.code == 3
    assert "address 1 (dbus://…)" in ended.err


@pytest.mark.slow
@pytest.mark.usefixtures("profiles")
def test_sync_alert_tells_once_and_tells_the_end(shop: Door, service: Hook) -> None:
    shop.put(".env", f"CRM_KARE_ALERT_URLS={service.url()}\n")
    for _ in range(2):
        assert shop("sync", "--alert").code == 6
    assert service.titles == ["crm-kare: shop: a run waits for approval"]
    (row,) = shop("alerts", "list", "--json").document["alerts"]
    assert (row["crm"], row["kind"], row["told"], row["next"].partition(" -o")[0]) == (
        "shop", "approval-waits", True, "crm-kare plan shop",
    )  # fmt: skip
    assert "approval-waits" in shop("alerts", "list").out
    assert shop("sync", "--alert", "--force").code == 0
    assert service.titles == ["crm-kare: shop: runs need no approval any more"]
    assert "Nothing is wrong" in shop("alerts", "list").out


@pytest.mark.usefixtures("profiles")
def test_a_dead_service_changes_neither_the_exit_code_nor_the_one_document(shop: Door, service: Hook) -> None:
    shop.put(".env", f"CRM_KARE_ALERT_URLS={service.url()}\n")
    service.status = 500
    ended = shop("sync", "--alert", "--json")
    assert (ended.code, ended.document["runs"][0]["status"]) == (6, "refused")
    assert "alert not taken" in ended.err
    assert shop("sync", "--alert", "--dry-run").code == 2


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_digest_in_every_form_and_in_a_file_of_ones_own(shop: Door, service: Hook) -> None:
    assert shop("digest", "shop").code == 3
    assert shop("sync", "--force").code == 0
    told = shop("digest", "shop", "--since", "2020-01-01")
    assert told.code == 0
    assert "First labelled: 4" in told.out
    (found,) = shop("digest", "--format", "json").document["digests"]
    assert (found["crm"], [part["owner"] for part in found["parts"]]) == ("shop", ["Ann"])
    assert shop("digest", "--owner", "Nobody", "--format", "html").out.count("Nothing to tell.") == 1
    file = shop.file("digest.html")
    assert shop("digest", "--format", "html", "-o", str(file)).code == 0
    assert "<h2>Ann</h2>" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert shop("digest", "--since", "yesterday").code == 2
    assert shop("digest", "--send").code == 3
    shop.put(".env", f"CRM_KARE_DIGEST_URLS={service.url()}\n")
    assert shop("digest", "--send").code == 0
    assert service.titles == ["crm-kare: what changed in shop"]
    service.status = 500
    assert shop("digest", "--send").code == 7
