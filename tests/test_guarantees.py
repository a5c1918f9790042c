"""docs/guarantees.md names tests that are there, and at least one for each promise."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/guarantees.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[^`:]+\.py)::(\w+)`")


def _promises() -> list[list[str]]:
    rows = [line.strip("|").split("|") for line in TEXT.splitlines() if line.startswith("|")]
    return [row for row in rows if row[0].strip() not in {"promise", "---"}]


def _tests(path: str) -> set[str]:
    file = ROOT / path
    tree = ast.parse(file.read_text(encoding="utf-8")) if file.is_file() else ast.Module([], [])
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_is_named_is_there() -> None:
    named = set(NAMED.findall(TEXT))
    there = {path: _tests(path) for path, _ in named}
    assert sorted(f"{path}::{name}" for path, name in named if name not in there[path]) == []


def test_every_promise_says_how_and_by_which_test_and_stands_there_once() -> None:
    rows = _promises()
    assert [row[0].strip() for row in rows if len(row) != 3 or not row[1].strip() or not NAMED.search(row[2])] == []
    assert len({row[0].strip() for row in rows}) == len(rows) > 30
