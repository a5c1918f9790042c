"""Several CRMs in one project: of both kinds, of one kind behind prefixes, and with time zones of their own."""

import pytest
from cli.doors import Door


def test_two_of_a_kind_have_logins_of_their_own(both: Door) -> None:
    second = "  acme: {connector: hubspot, mapping: mappings/hubspot.yaml, env_prefix: ACME_}\n"
    both.replace("crm-kare.yaml", "\nrulebook:", f"{second}\nrulebook:")
    ended = both("doctor", "acme")
    assert ended.code == 3
    assert "All names of this CRM begin with ACME_HUBSPOT_." in ended.out
    both.put(".env", both.file(".env").read_text().replace("HUBSPOT_", "ACME_HUBSPOT_"))
    reports = both("doctor", "--json").document["crms"]
    assert [bool(one["organisation"]) for one in reports] == [True, False, True]
    levels = [one["level"] for one in reports[0]["problems"]]
    assert levels == sorted(levels, key=("error", "warning", "info").index)
    assert {"error", "warning", "info"} <= set(levels)
    both.replace("crm-kare.yaml", ", env_prefix: ACME_", "")
    shared = both("doctor")
    assert (shared.code, shared.out) == (3, "")
    assert "would use the same credentials" in shared.err


@pytest.mark.slow
def test_a_brake_in_one_holds_all_back(shop: Door, profiles: dict[str, str]) -> None:
    shop.put("mappings/second.yaml", shop.file("mappings/files.yaml").read_text() + "options: {results: second.csv}\n")
    entry = "  second: {connector: files, mapping: mappings/second.yaml}\n"
    shop.put("crm-kare.yaml", shop.file("crm-kare.yaml").read_text() + entry)
    assert shop("sync", "shop", "--force").code == 0
    profiles["a1"] = "Expand"
    ended = shop("sync", "--json")
    assert ended.code == 6
    first, second = ended.document["runs"]
    assert (first["problems"][0]["code"], second["problems"][0]["code"]) == ("brake-elsewhere", "first-run")
    assert first["applied"]["changed"] == second["applied"]["changed"] == 0
    assert not shop.file("second.csv").exists()


def test_the_mappings_time_zone_says_what_a_day_is_not_the_schedules(shop: Door) -> None:
    shop.replace("crm-kare.yaml", "mapping:", "timezone: Pacific/Auckland, mapping:")
    assert "(UTC," in shop("doctor").out
    shop.replace("mappings/files.yaml", "streams:", "timezone: America/New_York\nstreams:")
    assert "(America/New_York," in shop("doctor").out
    shop.replace("opportunities.csv", "2026-10-05", "2026-10-05T02:30:00Z")
    assert shop("pull", "shop").code == 0
    assert shop("explain", "shop", "a1", "--json").document["last_event_on"] == "2026-10-04"
