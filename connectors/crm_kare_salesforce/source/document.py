"""Metadata as XML: a mapping in the order in which it is written."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Final

MARK: Final = "Generated from crm_kare.labels by `make salesforce-source`: edits are lost."
NAMESPACE: Final = "http://soap.sforce.com/2006/04/metadata"


def document(kind: str, body: Mapping[str, object]) -> str:
    """The file's text: a mapping becomes an element, a list is repeated, a boolean is written as Salesforce does."""
    root = ET.Element(kind, xmlns=NAMESPACE)
    root.append(ET.Comment(f" {MARK} "))
    _fill(root, body)
    ET.indent(root, "    ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _fill(parent: ET.Element, body: Mapping[str, object]) -> None:
    for name, value in body.items():
        for one in value if isinstance(value, list | tuple) else (value,):
            child = ET.SubElement(parent, name)
            if isinstance(one, Mapping):
                _fill(child, one)
            else:
                child.text = str(one).lower() if isinstance(one, bool) else str(one)
