"""Runs in the environment of the deploy tools: Helm over the chart, one JSON document of cases in, one of answers out."""

import json
import sys
from typing import Any

import helm_python
from helm_python import Chart, HelmError


def main(folder: str) -> None:
    """Render each case's values, or tell Helm's error; under `lint`, what Helm's linter says of the first."""
    cases: dict[str, dict[str, Any]] = json.load(sys.stdin)
    with Chart.load(folder) as chart:
        answers = {name: _answer(chart, values) for name, values in cases.items()}
    first = next(iter(cases.values()))
    lint = helm_python.lint(folder, values=first, strict=True)
    json.dump({"answers": answers, "lint": lint}, sys.stdout)


def _answer(chart: Chart, values: dict[str, Any]) -> dict[str, Any]:
    try:
        chart.validate_schema(values)
        return {"files": chart.render(values, name="acme", namespace="crm")}
    except HelmError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    main(sys.argv[1])
