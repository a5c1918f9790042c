"""All generated files of the project, and the place they are written to."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from crm_kare.labels import LABELS, Editor
from crm_kare_salesforce.client import API_VERSION
from crm_kare_salesforce.names import field_name
from crm_kare_salesforce.source.account import account_files
from crm_kare_salesforce.source.document import MARK
from crm_kare_salesforce.source.removal import removal_files
from crm_kare_salesforce.source.reports import report_files
from crm_kare_salesforce.source.rights import permission_files

_SOURCE: Final = "force-app/main/default"


def source_files(project: Path, prefix: str = "KARE_") -> dict[str, str]:
    """Every generated file's text by its path in the project, which holds the component and its labels already."""
    made = [*account_files(prefix), *permission_files(prefix), *report_files(prefix), _fields_module(prefix)]
    files = {f"{_SOURCE}/{path}": text for path, text in made}
    return {"sfdx-project.json": _project()} | files | removal_files(files, project / _SOURCE)


def write(to: Path, files: dict[str, str]) -> list[str]:
    """Write the files below `to` and remove generated ones that are none of them. Returns the paths that changed."""
    gone = [path for path in _generated(to) if path not in files]
    for path in gone:
        (to / path).unlink()
    changed = [path for path, text in files.items() if _read(to / path) != text]
    for path in changed:
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        (to / path).write_text(files[path], encoding="utf-8", newline="\n")
    return sorted([*gone, *changed])


def _generated(to: Path) -> Iterator[str]:
    """What carries our mark, by its path in the project."""
    for path in sorted((to / _SOURCE).rglob("*.*")):
        if path.is_file() and path.suffix in {".xml", ".js"} and MARK in path.read_text(encoding="utf-8"):
            yield path.relative_to(to).as_posix()


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _project() -> str:
    """JSON holds no comment, so this file carries no mark."""
    folders = [{"path": "force-app", "default": True}]
    told = {
        "name": "crm-kare",
        "packageDirectories": folders,
        "namespace": "",
        "sfdcLoginUrl": "https://login.salesforce.com",
        "sourceApiVersion": API_VERSION,
    }
    return json.dumps(told, indent=2) + "\n"


def _fields_module(prefix: str) -> tuple[str, str]:
    """The component's references to our fields: Salesforce then knows that it needs them."""
    names = {label.name.replace("_", ""): label for label in LABELS}
    imports = [
        f"import {name} from '@salesforce/schema/Account.{field_name(one, prefix)}';" for name, one in names.items()
    ]
    people = [name for name, one in names.items() if one.name.startswith("Override") and one.editor is Editor.PEOPLE]
    lines = [
        f"// {MARK}",
        *imports,
        "",
        "export const FIELDS = {",
        ",\n".join(f"    {name}" for name in names),
        "};",
        "",
        "// The only fields that the component writes.",
        f"export const OVERRIDE_FIELDS = {{ {', '.join(people)} }};",
    ]
    return "lwc/kareFields/kareFields.js", "\n".join(lines) + "\n"
