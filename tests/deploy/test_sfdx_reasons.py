"""The account page's component takes apart what the rules core writes: real judgements go through its JavaScript."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from clients.node_tools import environment, node
from deploy.judged import assert_read

pytestmark = pytest.mark.slow

MODULE = Path(__file__).parents[2] / "deploy/salesforce/force-app/main/default/lwc/kareJudgement/kareJudgement.js"
SCRIPT = """
import { readFileSync } from 'node:fs';
import { computedReason, readReasons } from './kareJudgement.mjs';
const told = JSON.parse(readFileSync(0, 'utf8'));
console.log(JSON.stringify(told.map((one) => ({ ...readReasons(one), reason: computedReason(one) }))));
"""


def test_the_component_reads_every_answer_and_loses_no_reason(tmp_path: Path) -> None:
    def read(fields: list[dict[str, str]]) -> list[dict[str, Any]]:
        """What the component makes of each account's fields."""
        (tmp_path / "kareJudgement.mjs").write_text(MODULE.read_text(encoding="utf-8"), encoding="utf-8")
        (tmp_path / "read.mjs").write_text(SCRIPT, encoding="utf-8")
        done = subprocess.run(
            [node(), "read.mjs"],
            cwd=tmp_path,
            env=environment(tmp_path),
            input=json.dumps(fields),
            capture_output=True,
            text=True,
            check=True,
        )
        told: list[dict[str, Any]] = json.loads(done.stdout)
        return told

    assert_read(read)
