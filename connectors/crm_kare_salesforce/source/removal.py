"""What takes everything of ours out of an org again: a manifest of deletions beside an empty package.

Written out by name: the manifest that the Salesforce CLI would make also names `CustomLabels`, all labels of the org.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final

from crm_kare_salesforce.client import API_VERSION
from crm_kare_salesforce.source.document import NAMESPACE, document

_KINDS: Final = {
    "compactLayout": "CompactLayout",
    "dashboard": "Dashboard",
    "dashboardFolder": "Dashboard",
    "field": "CustomField",
    "listView": "ListView",
    "permissionset": "PermissionSet",
    "report": "Report",
    "reportFolder": "Report",
    "reportType": "ReportType",
}
"""Metadata types by the ending of their files."""


def removal_files(files: Iterable[str], source: Path) -> dict[str, str]:
    """Both files by their path in the project.

    Args:
        files: paths of the generated files.
        source: the folder with the component and its labels, which are written by hand.
    """
    found: dict[str, set[str]] = {}
    for path in map(PurePosixPath, files):
        member = _member(path)
        if member is not None:
            found.setdefault(member[0], set()).add(member[1])
    found["LightningComponentBundle"] = {path.parent.name for path in source.glob("lwc/*/*.js-meta.xml")}
    found["CustomLabel"] = _labels(source)
    types = [{"members": sorted(found[kind]), "name": kind} for kind in sorted(found) if found[kind]]
    return {
        "uninstall/destructiveChangesPost.xml": document("Package", {"types": types, "version": API_VERSION}),
        "uninstall/package.xml": document("Package", {"version": API_VERSION}),
    }


def _member(path: PurePosixPath) -> tuple[str, str] | None:
    """Type and full name of a metadata file; the names of folders end in a slash, as the CLI writes them."""
    name, _, ending = path.name.removesuffix("-meta.xml").rpartition(".")
    if ending not in _KINDS:
        return None
    if ending.endswith("Folder"):
        return _KINDS[ending], f"{name}/"
    if "objects" in path.parts:
        return _KINDS[ending], f"{path.parts[path.parts.index('objects') + 1]}.{name}"
    return _KINDS[ending], f"{path.parent.name}/{name}" if ending in {"report", "dashboard"} else name


def _labels(source: Path) -> set[str]:
    path = source / "labels" / "CustomLabels.labels-meta.xml"
    if not path.is_file():
        return set()
    names = ET.parse(path).iterfind(f"{{{NAMESPACE}}}labels/{{{NAMESPACE}}}fullName")  # noqa: S314  our own file
    return {one.text or "" for one in names}
