"""All generated files of the project, and the place they are written to."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from crm_kare.labels import LABELS
from crm_kare_hubspot.names import field_name
from crm_kare_hubspot.source.app import app, subscribed, watched

MARK: Final = "Generated from crm_kare.labels by `make hubspot-source`: edits are lost."
_APP: Final = "src/app/app-hsmeta.json"
_LABELS: Final = "src/app/cards/labels.ts"
_WEBHOOKS: Final = "src/app/webhooks/webhooks-hsmeta.json"


def source_files(prefix: str = "KARE_", *, webhooks: str = "", also: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
    """Every generated file's text by its path in the project.

    Args:
        prefix: the mapping's.
        webhooks: the address that HubSpot tells of changes; none for an app without webhooks.
        also: further properties to be told of, as object and name.
    """
    told_of = watched(prefix, also) if webhooks else {}
    files = {_APP: _json(app(told_of)), _LABELS: _labels_module(prefix)}
    return {**files, _WEBHOOKS: _json(subscribed(webhooks, told_of))} if webhooks else files


def write(to: Path, files: Mapping[str, str]) -> list[str]:
    """Write the files below `to`, and remove webhooks that are no longer wanted. Returns the paths that changed."""
    gone = [path for path in (_WEBHOOKS,) if path not in files and (to / path).is_file()]
    for path in gone:
        (to / path).unlink()
        (to / path).parent.rmdir()
    changed = [path for path, text in files.items() if _read(to / path) != text]
    for path in changed:
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        (to / path).write_text(files[path], encoding="utf-8", newline="\n")
    return sorted([*gone, *changed])


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _json(told: Mapping[str, Any]) -> str:
    """JSON holds no comment, so these files carry no mark."""
    return json.dumps(told, indent=2) + "\n"


def _labels_module(prefix: str) -> str:
    """What the card knows of our properties: their names, titles and options."""
    titles = {one.name: one.title for one in LABELS}
    names = {one.name: field_name(one, prefix) for one in LABELS}
    options = {one.name: [*one.values] for one in LABELS if one.values}
    made = [one.name for one in LABELS if one.default]
    parts = [
        f"// {MARK}\n\nexport type LabelName = keyof typeof PROPERTIES;\n",
        _constant("PROPERTIES", "Names of our properties by label.", names),
        _constant("TITLES", "What people call them.", titles),
        _constant("OPTIONS", "Values of those that have options.", options),
        _list("PROVISIONED", "Those that `provision` makes unless the mapping says otherwise.", made),
    ]
    return "\n".join(parts)


def _constant(name: str, comment: str, held: Mapping[str, Any]) -> str:
    rows = [f"    {label}: {json.dumps(value, ensure_ascii=False)}" for label, value in held.items()]
    return "\n".join([f"/** {comment} */", f"export const {name} = {{", ",\n".join(rows), "} as const;", ""])


def _list(name: str, comment: str, held: list[str]) -> str:
    rows = [f"    {json.dumps(value, ensure_ascii=False)}" for value in held]
    return "\n".join(
        [f"/** {comment} */", f"export const {name}: readonly LabelName[] = [", ",\n".join(rows), "];", ""]
    )
