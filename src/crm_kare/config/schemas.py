"""JSON Schemas of our YAML files, for editors: completion, help while typing, red lines under what is wrong."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Literal

from crm_kare.config.mapping import Mapping as MappingFile
from crm_kare.config.project import Project
from crm_kare.config.rulebook import Rulebook
from crm_kare.labels import LABELS, Editor
from crm_kare.model import STREAMS, Stream

SchemaKind = Literal["mapping", "project", "rulebook"]
"""The files that have a schema."""

_MODELS: Final[Mapping[SchemaKind, Any]] = {"mapping": MappingFile, "project": Project, "rulebook": Rulebook}
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema(kind: SchemaKind) -> dict[str, Any]:
    """The schema of one kind of file."""
    schema: dict[str, Any] = _MODELS[kind].model_json_schema()
    if kind == "mapping":
        _name_columns(schema)
        _name_labels(schema["$defs"]["Labels"]["properties"])
    return {"$schema": _DIALECT, **schema, "title": f"crm-kare {kind}"}


def schema_files() -> dict[str, str]:
    """What `init` writes beside the YAML files, by path in the project; the starters' first lines name them."""
    return {f"schemas/{kind}.schema.json": _text(kind) for kind in _MODELS}


@cache
def _text(kind: SchemaKind) -> str:
    return json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n"


def _name_columns(schema: dict[str, Any]) -> None:
    """Each stream's own columns instead of "any key", so that an editor proposes them and knows the wrong ones."""
    streams = schema["$defs"]["StreamMaps"]["properties"]
    for name, stream in STREAMS.items():
        model = "AccountsMap" if name == "accounts" else "StreamMap"
        own = json.loads(json.dumps(schema["$defs"][model]))
        own["properties"]["fields"] = _columns(stream)
        schema["$defs"][f"stream_{name}"] = own
        streams[name] = {"$ref": f"#/$defs/stream_{name}"}


def _columns(stream: Stream) -> dict[str, Any]:
    field = [{"type": "string"}, {"$ref": "#/$defs/FieldMap"}]
    return {
        "type": "object",
        "description": "Our column: their field.",
        "properties": {column.name: {"description": column.help, "anyOf": field} for column in stream.columns},
        "required": [column.name for column in stream.columns if column.required],
        "additionalProperties": False,
    }


def _name_labels(properties: dict[str, Any]) -> None:
    for key, editor in (("write", Editor.OURS), ("people", Editor.PEOPLE)):
        properties[key]["items"] = {"enum": [label.name for label in LABELS if label.editor is editor]}
    properties["fields"]["propertyNames"] = {"enum": [label.name for label in LABELS]}
