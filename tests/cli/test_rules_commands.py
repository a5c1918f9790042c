"""Rulebooks of the past, from the command line."""

import pytest
from cli.doors import Door

PRESENT = 'version: "autumn"  # ours\nrecapture: {unknown_within: 900}\n'


@pytest.fixture
def ruled(shop: Door, profiles: dict[str, str]) -> Door:
    """A shop that was judged by the rules of summer, then by those of autumn."""
    profiles.clear()
    shop.put("rulebook.yaml", '# agreed in June\nversion: "summer"\n')
    assert shop("sync", "--force").code == 0
    shop.put("rulebook.yaml", PRESENT)
    assert shop("sync", "--force").code == 0
    return shop


def _versions(door: Door) -> dict[str, dict[str, object]]:
    return {row["version"].split("-")[0]: row for row in door("rules", "list", "--json").document["rules"]}


def test_an_earlier_rulebook_comes_back_with_its_comments_and_the_present_one_is_kept(ruled: Door) -> None:
    before = _versions(ruled)
    assert [(name, row["present"]) for name, row in before.items()] == [("autumn", True), ("summer", False)]
    assert ruled("rules", "show", "summer").out == '# agreed in June\nversion: "summer"\n'
    assert "+recapture: {unknown_within: 900}" in ruled("rules", "diff", "summer").out.splitlines()
    assert ruled("rules", "diff", "summer", "autumn").out.count("\n") == ruled("rules", "diff", "summer").out.count(
        "\n"
    )
    ruled.put("rulebook.yaml", PRESENT + "# a last thought\n")
    used = ruled("rules", "use", "summer")
    assert used.code == 0
    assert "crm-kare plan shop" in used.out
    assert ruled.file("rulebook.yaml").read_text() == '# agreed in June\nversion: "summer"\n'
    assert ruled("rules", "show", "autumn").out == PRESENT + "# a last thought\n"
    assert {name: row["present"] for name, row in _versions(ruled).items()} == {"autumn": False, "summer": True}
    ruled("sync", "--force")
    assert next(iter(_versions(ruled))) == "summer"


def test_the_version_moves_with_a_setting_and_not_with_a_comment_or_a_playbook(ruled: Door) -> None:
    (present,) = [row["version"] for row in _versions(ruled).values() if row["present"]]
    ruled.put("rulebook.yaml", '# why\nrecapture:\n  unknown_within: 900\nversion: "autumn"\n')
    ruled.replace("playbooks/keep.md", "---\n", "---\n# said anew\n")
    assert _versions(ruled)["autumn"]["version"] == present
    ruled.put("rulebook.yaml", PRESENT.replace("900", "901"))
    assert present not in {row["version"] for row in _versions(ruled).values() if row["present"]}


def test_a_broken_rulebook_is_no_hindrance_and_playbooks_come_back_where_asked(ruled: Door) -> None:
    was = ruled.file("playbooks/keep.md").read_text()
    ruled.put("playbooks/keep.md", was.replace("---\n", "---\n# said anew\n", 1))
    ruled.put("rulebook.yaml", "version: [\n")
    assert ruled("sync").code == 3
    assert ruled("rules", "use", "autumn").code == 0
    assert ruled.file("playbooks/keep.md").read_text() != was
    assert ruled("sync").code == 0
    assert ruled("rules", "show", "broken").out == "version: [\n"
    assert ruled("rules", "use", "summer", "--playbooks", "--json").document["before"].startswith("autumn-")
    assert ruled.file("playbooks/keep.md").read_text() == was
    assert ruled("rules", "show", "nonesuch").code == 2


def test_a_rulebook_that_no_longer_fits_changes_nothing(ruled: Door) -> None:
    mapped = "extra: {size: Employees}"
    ruled.replace("mappings/files.yaml", "  opportunities:", f"    {mapped}\n  opportunities:")
    named = 'version: "sized"\nicp: {criteria: {big: {title: Big, weight: 1, test: "size is not null"}}}\n'
    ruled.put("rulebook.yaml", named)
    assert ruled("sync", "--force").code == 0
    ruled.put("rulebook.yaml", PRESENT)
    ruled.replace("mappings/files.yaml", f"    {mapped}\n", "")
    refused = ruled("rules", "use", "sized")
    assert (refused.code, "size" in refused.err) == (3, True)
    assert ruled.file("rulebook.yaml").read_text() == PRESENT
