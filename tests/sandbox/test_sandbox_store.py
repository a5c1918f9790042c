"""The store under both vendors' sides."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crm_kare.sandbox.store import Access, FieldDef, Org, Store

FIELDS = (
    FieldDef("Name", "Name", "string"),
    FieldDef("Size", "Size", "int"),
    FieldDef("Secret", "S", "string", tracked=False),
)


@pytest.fixture
def org(still_clock: Any) -> Iterator[Org]:
    store = Store(still_clock)
    made = store.add_org("acme", lambda name, serial: f"{name[0]}{serial:03d}", resolution=1000)
    made.define("Thing", FIELDS, indexed=("Size",))
    yield made
    store.close()


def test_a_write_moves_the_stamp_and_keeps_who_changed_what(org: Org, still_clock: Any) -> None:
    one = org.insert("Thing", {"Name": "a", "Size": 1}, "ann")
    made = org.get("Thing", one)
    still_clock.sleep(60)
    org.update("Thing", one, {"Name": "b", "Size": 1, "Secret": "x"}, "bob")
    now = org.get("Thing", one)
    assert made
    assert now
    assert (now["_modified"] - made["_modified"], now["_modified_by"], now["_created_by"]) == (60_000, "bob", "ann")
    assert [(entry.field, entry.old, entry.new, entry.who) for entry in org.history("Thing", [one])] == [
        ("Name", "a", "b", "bob")
    ]


def test_a_write_that_changes_nothing_moves_the_stamp_too(org: Org, still_clock: Any) -> None:
    one = org.insert("Thing", {"Name": "a"}, "ann")
    still_clock.sleep(5)
    org.update("Thing", one, {"Name": "a"}, "ann")
    record = org.get("Thing", one)
    assert record
    assert record["_modified"] - record["_created"] == 5000
    assert org.history("Thing", [one]) == []


def test_stamps_have_the_vendors_resolution(org: Org) -> None:
    assert org.now_ms() % 1000 == 0


def test_deleted_records_show_only_where_asked_for_and_come_back(org: Org) -> None:
    kept, gone = (org.insert("Thing", {"Name": name}, "ann") for name in "ab")
    org.delete("Thing", gone, "ann", merged_into=kept)
    assert [one["_id"] for one in org.select("Thing")] == [kept]
    assert [one["_merged_into"] for one in org.select("Thing", deleted=True)] == [kept]
    org.undelete("Thing", gone, "ann")
    assert org.count("Thing") == 2
    org.purge("Thing", gone)
    assert org.get("Thing", gone) is None


def test_fields_come_and_go_with_their_values_and_permissions(org: Org) -> None:
    one = org.insert("Thing", {"Name": "a"}, "ann")
    org.add_field("Thing", FieldDef("New", "New", "string", custom=True))
    org.set_access("ann", "Thing", "New", Access(edit=False))
    org.update("Thing", one, {"New": "v"}, "ann")
    org.drop_field("Thing", "New")
    record = org.get("Thing", one)
    assert record
    assert "New" not in record
    assert org.access("ann", "Thing", "New") is None
    assert "New" not in org.fields("Thing")


def test_a_failed_transaction_leaves_nothing(org: Org) -> None:
    def fail() -> None:
        with org.store.transaction():
            org.insert("Thing", {"Name": "a"}, "ann")
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  our own, two lines above
        fail()
    assert org.count("Thing") == 0


def test_links_are_kept_once_and_taken_away(org: Org) -> None:
    org.link("Thing", "Other", [("1", "2", "t"), ("1", "2", "t"), ("1", "3", "t")])
    org.unlink("Thing", "Other", [("1", "3", "t"), ("9", "9", "t")])
    assert org.links("Thing", "Other", ["1"]) == [("1", "2", "t")]


def test_many_threads_write_without_losing_a_record(org: Org) -> None:
    def work() -> None:
        for _ in range(50):
            org.insert("Thing", {"Name": "a"}, "ann")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert org.count("Thing") == 200


def test_writing_to_a_record_that_is_not_there_is_an_error(org: Org) -> None:
    with pytest.raises(KeyError):
        org.update("Thing", "T999", {"Name": "a"}, "ann")
    with pytest.raises(KeyError):
        org.delete("Thing", "T999", "ann")


def test_a_store_in_a_file_begins_anew(still_clock: Any, tmp_path: Path) -> None:
    for _ in range(2):
        store = Store(still_clock, tmp_path / "store.db")
        store.add_org("acme", lambda name, serial: f"{name}{serial}").define("Thing", FIELDS)
        assert store.orgs["acme"].count("Thing") == 0
        store.orgs["acme"].insert("Thing", {"Name": "a"}, "ann")
        store.close()
